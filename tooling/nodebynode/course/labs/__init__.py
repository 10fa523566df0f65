"""Each lab's checks and questions, in a module named after the lab: `lab_01`."""

from __future__ import annotations

import importlib
from types import ModuleType

from nodebynode.course.checks import Check
from nodebynode.course.predictions import Question
from nodebynode.errors import BadInput


def checks_of(lab: str) -> tuple[Check, ...]:
    """Return the checks of a lab, in the order of its rounds.

    Args:
        lab: The lab's whole name, e.g. `01-what-runs-where`.

    Raises:
        BadInput: nobody has written checks for it.
    """
    found: tuple[Check, ...] = _module_of(lab).CHECKS
    return found


def questions_of(lab: str) -> tuple[Question, ...]:
    """Return what a lab asks before its acts, in the order of its rounds; a lab may ask nothing.

    Args:
        lab: The lab's whole name.

    Raises:
        BadInput: nobody has written checks for it.
    """
    found: tuple[Question, ...] = getattr(_module_of(lab), "PREDICTIONS", ())
    return found


def _module_of(lab: str) -> ModuleType:
    module = f"{__name__}.lab_{lab.split('-')[0]}"
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise BadInput(f"Lab {lab} has no checks yet.", f"Write {module}.") from error
