"""What a lab consists of: its title, its rounds with their checks, and its questions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nodebynode.course.checks import Check
from nodebynode.course.labs import checks_of, questions_of
from nodebynode.course.notebooks import all_solutions

_TITLE = re.compile(r"^# # (?:Lab \d\d · )?(.*\S)", re.MULTILINE)
_ROUND_OR_CHECK = re.compile(r'^# ## Round (\d+)\b|lab\.check\(\s*"([^"]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Step:
    """A check of a lab.

    Attributes:
        name: What a learner types.
        title: What it is about, in a few words.
        round: The number of its round; 0 where it is in none.
    """

    name: str
    title: str
    round: int

    @property
    def where(self) -> str:
        """The check and its round, to be found in the notebook."""
        return f"`{self.name}`, in round {self.round}" if self.round else f"`{self.name}`"


@dataclass(frozen=True, slots=True)
class Outline:
    """What a lab consists of.

    Attributes:
        lab: Its whole name.
        title: Its title.
        steps: Its checks, in the order of its rounds.
        questions: What it asks, by key.
    """

    lab: str
    title: str
    steps: tuple[Step, ...]
    questions: Mapping[str, str]

    @property
    def number(self) -> str:
        """The lab's number, as it is typed: `01`."""
        return self.lab[:2]

    @property
    def checks(self) -> list[str]:
        """The names of its checks."""
        return [step.name for step in self.steps]


def outline_of(solution: Path) -> Outline:
    """Read what a lab consists of.

    Args:
        solution: The lab's solution.

    Raises:
        BadInput: nobody has written checks for it.
    """
    text, lab = solution.read_text(encoding="utf-8"), solution.stem
    titles, rounds = _TITLE.search(text), _rounds(text)
    return Outline(
        lab,
        titles[1] if titles else lab,
        tuple(_step(check, rounds) for check in checks_of(lab)),
        {question.key: question.text for question in questions_of(lab)},
    )


def outlines(root: Path) -> list[Outline]:
    """Read what each lab of a course consists of, in order.

    Args:
        root: The folder that holds `solutions/`.
    """
    return [outline_of(solution) for solution in all_solutions(root)]


def _step(check: Check, rounds: Mapping[str, int]) -> Step:
    return Step(check.name, check.title, rounds.get(check.name, 0))


def _rounds(solution: str) -> dict[str, int]:
    """The round in which each check stands."""
    found, now = dict[str, int](), 0
    for match in _ROUND_OR_CHECK.finditer(solution):
        if match[1]:
            now = int(match[1])
        else:
            found.setdefault(match[2], now)
    return found
