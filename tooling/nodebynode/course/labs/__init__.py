"""Each lab's checks and wrong answers, in modules named after it: `lab_01`, `lab_01_mutants`."""

from __future__ import annotations

import importlib
import importlib.util

from nodebynode.course.checks import Check
from nodebynode.course.mutants import Mutant
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
