"""Mutants: named wrong answers that each lab must catch, and say why.

A check that lets everything pass would satisfy every solution. So each lab carries wrong answers
that people really give, each with the check that must catch it and the words it must use. A mutant
runs only its own round, after the cells that prepare the lab.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nodebynode.errors import BadInput

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from nodebynode.course.running import RunResult

_ROUND = re.compile(r"^## Round ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A wrong answer.

    Attributes:
        name: What an author types after `mutant:`.
        title: What its author believes, or does, in a few words.
        check: The check that must catch it.
        answer: The source of the exercise's cell, as a learner would write it.
        says: Words of the check's message without which it was caught for another reason.
    """

    name: str
    title: str
    check: str
    answer: str
    says: str


def choose(mutants: Iterable[Mutant], lab: str, name: str | None) -> list[Mutant]:
    """Return a lab's mutants, or the one of a name.

    Raises:
        BadInput: The lab has none, or none of this name.
    """
    known = {mutant.name: mutant for mutant in mutants}
    if name is None and known:
        return list(known.values())
    if name not in known:
        names = f"Its mutants are {', '.join(known)}." if known else "It has none."
        raise BadInput(f"Lab {lab} has no mutant '{name or ''}'.", names)
    return [known[name]]


def mutate(solved: NotebookNode, mutant: Mutant) -> NotebookNode:
    """Return the notebook that shows whether a mutant is caught.

    It has the opening cell, the cells tagged `setup` of earlier rounds, the mutant's round with the
    wrong answer in place of the right one, and at its end the check. Cells tagged `aside`, on which
    no check hangs, are left out.

    Args:
        solved: The lab with its solution.
        mutant: One of its mutants.

    Raises:
        ValueError: The lab has no such check, or no exercise before it.
    """
    cells = solved.cells
    end = _index_of(cells, mutant)
    start = max(n for n in range(end) if n == 0 or _begins_round(cells[n]))
    exercise = max((n for n in range(start, end) if "exercise" in _tags(cells[n])), default=None)
    if exercise is None:
        raise ValueError(f"mutant {mutant.name}: no exercise before the check {mutant.check}")
    opening = next(n for n, cell in enumerate(cells) if cell.cell_type == "code")
    kept = [n for n in range(start) if n == opening or "setup" in _tags(cells[n])]
    round_ = [n for n in range(start, end) if not _tags(cells[n]) & {"check", "aside"}]
    chosen = copy.deepcopy([cells[n] for n in (*kept, *round_, end)])
    chosen[len(kept) + round_.index(exercise)].source = mutant.answer
    notebook = copy.copy(solved)
    notebook.cells = chosen
    return notebook


def judge(lab: str, mutant: Mutant, result: RunResult) -> RunResult:
    """Return a mutant's run, passed where the check caught it in the right words.

    Args:
        lab: The lab's name.
        mutant: The mutant.
        result: The run of its notebook as `start`, in which a check must say "not yet".
    """
    name = f"{lab} as mutant:{mutant.name}"
    last = result.cells[-1]
    if result.passed and mutant.says in last.message:
        return replace(result, name=name)
    if last.kind == "check" and last.outcome == "not-yet":
        problem = f"Caught, but not because of {mutant.says!r}. It said: {last.message}"
    elif last.kind == "check" and last.outcome == "failed":
        problem = f"Not caught: the check {mutant.check} passed. {last.message}"
    else:
        failed = next((cell for cell in result.cells if cell.outcome == "failed"), last)
        problem = f"Did not come to its check: {failed.first_line}: {failed.message}"
    return replace(result, name=name, passed=False, problem=problem)


def _index_of(cells: list[NotebookNode], mutant: Mutant) -> int:
    call = f'lab.check("{mutant.check}"'
    for index, cell in enumerate(cells):
        if "check" in _tags(cell) and call in cell.source:
            return index
    raise ValueError(f"mutant {mutant.name}: the lab has no check {mutant.check}")


def _begins_round(cell: NotebookNode) -> bool:
    return cell.cell_type == "markdown" and _ROUND.search(cell.source) is not None


def _tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", ()))
