"""What can be foretold: a number, a choice, an ordering, a Pod."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from nodebynode.errors import BadInput
from nodebynode.phrases import listed

Answer = int | float | str | tuple[str, ...]


class Kind(Protocol):
    """A kind of answer; as text, what is accepted."""

    def read(self, value: object, pods: Sequence[str]) -> Answer:
        """Read what a learner wrote.

        Args:
            value: What they wrote.
            pods: The names of the lab's Pods as they are now.

        Raises:
            BadInput: It is no such answer; the message shows one.
        """

    def say(self, answer: Answer) -> str:
        """Tell an answer in words."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number, 0 or more, of something: `Number("Pod", "Pods")`."""

    one: str
    many: str

    def __str__(self) -> str:
        return f"a number of {self.many}, such as 2"

    def read(self, value: object, pods: Sequence[str]) -> int | float:
        """Read a number; digits in quotes are one, too."""
        try:
            number = float(value) if isinstance(value, str | int | float) else math.nan
        except (ValueError, OverflowError):
            number = math.nan
        if isinstance(value, bool) or not math.isfinite(number) or number < 0:
            raise _refused(value, self)
        return int(number) if number == int(number) else number

    def say(self, answer: Answer) -> str:
        """`2 Pods`."""
        return f"{answer} {self.one if answer == 1 else self.many}"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some texts."""

    options: tuple[str, ...]

    def __str__(self) -> str:
        return f"one of {_quoted(self.options)}"

    def read(self, value: object, pods: Sequence[str]) -> str:
        """Read an option, or a part of one only; capitals do not matter."""
        part, known = _plain(value), _of(self.options)
        found = [known[part]] if part in known else [o for p, o in known.items() if part in p]
        if not part or len(found) != 1:
            raise _refused(value, self)
        return found[0]

    def say(self, answer: Answer) -> str:
        """The option."""
        return str(answer)


@dataclass(frozen=True, slots=True)
class Ordering:
    """Some texts, each once, in the order in which they come."""

    items: tuple[str, ...]

    def __str__(self) -> str:
        return f"these in their order, with commas between: {', '.join(sorted(self.items))}"

    def read(self, value: object, pods: Sequence[str]) -> tuple[str, ...]:
        """Read a list, or a text with commas."""
        given = value.split(",") if isinstance(value, str) else value
        if not isinstance(given, list | tuple):
            raise _refused(value, self)
        known = _of(self.items)
        found = [known.get(_plain(one), "") for one in given]
        if sorted(found) != sorted(self.items):
            raise _refused(value, self)
        return tuple(found)

    def say(self, answer: Answer) -> str:
        """The items in a row."""
        return ", ".join(answer) if isinstance(answer, tuple) else str(answer)


@dataclass(frozen=True, slots=True)
class APod:
    """The name of one of the lab's Pods."""

    def __str__(self) -> str:
        return "the name of a Pod, as `kubectl get pods` prints it"

    def read(self, value: object, pods: Sequence[str]) -> str:
        """Read a name; `pod/NAME`, as `-o name` prints it, is one, too."""
        name = value.strip().removeprefix("pod/") if isinstance(value, str) else ""
        if name not in pods:
            there = f"There are {listed(pods, 12)}." if pods else "There is none now."
            raise BadInput(f"{value!r} is no Pod of this lab. {there}", f"Give {self}.")
        return name

    def say(self, answer: Answer) -> str:
        """The name."""
        return str(answer)


def _refused(value: object, kind: Kind) -> BadInput:
    return BadInput(f"{value!r} is no answer here, and does not count.", f"Give {kind}.")


def _quoted(texts: Sequence[str]) -> str:
    return ", ".join(f'"{text}"' for text in texts)


def _of(texts: Sequence[str]) -> dict[str, str]:
    return {_plain(text): text for text in texts}


def _plain(value: object) -> str:
    return " ".join(value.lower().split()) if isinstance(value, str) else ""
