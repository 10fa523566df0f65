"""Each lab's checks, questions and wrong answers: `lab_01`, `lab_01_mutants`."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType
from typing import TYPE_CHECKING

from nodebynode.errors import BadInput

if TYPE_CHECKING:  # what they bring along, a command that only names labs need not wait for
    from nodebynode.course.checks import Check
    from nodebynode.course.mutants import Mutant
    from nodebynode.course.predictions import Question


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


def mutants_of(lab: str) -> tuple[Mutant, ...]:
    """Return the wrong answers that a lab must catch; none where nobody has written any.

    Args:
        lab: The lab's whole name.
    """
    module = f"{__name__}.lab_{lab.split('-')[0]}_mutants"
    if importlib.util.find_spec(module) is None:
        return ()
    found: tuple[Mutant, ...] = importlib.import_module(module).MUTANTS
    return found
