"""Each lab's checks, in a module named after the lab: `lab_01` for 01-what-runs-where."""

from __future__ import annotations

import importlib

from nodebynode.course.checks import Check
from nodebynode.errors import BadInput


def checks_of(lab: str) -> tuple[Check, ...]:
    """Return the checks of a lab, in the order of its rounds.

    Args:
        lab: The lab's whole name, e.g. `01-what-runs-where`.

    Raises:
        BadInput: nobody has written checks for it.
    """
    module = f"{__name__}.lab_{lab.split('-')[0]}"
    try:
        found: tuple[Check, ...] = importlib.import_module(module).CHECKS
    except ModuleNotFoundError as error:
        raise BadInput(f"Lab {lab} has no checks yet.", f"Write {module}.") from error
    return found
