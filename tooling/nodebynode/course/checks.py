"""Checks: what a lab looks at, how long it waits, and what it says when it is not yet so.

A check is a function from what is there to a `Verdict`. It never says "wrong": it says what it saw
in the learner's own cluster, what it expects, and where to look, more directly at each try.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from nodebynode.errors import NodebynodeError

if TYPE_CHECKING:
    from nodebynode.course.look import Look


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found.

    Attributes:
        passed: Whether it is as it should be.
        seen: What was seen, in a sentence that names the learner's own objects.
        expected: What should be seen; needed only when it did not pass.
        hint: A hint that follows from what was seen; it goes before the check's own hints.
        settled: Whether waiting is useless, because nothing is on its way.
    """

    passed: bool
    seen: str
    expected: str = ""
    hint: str = ""
    settled: bool = False


def passed(seen: str) -> Verdict:
    """Return the verdict that all is as it should be."""
    return Verdict(True, seen, settled=True)


def not_yet(seen: str, expected: str, hint: str = "", *, wait: bool = False) -> Verdict:
    """Return the verdict that something is missing.

    Args:
        seen: What was seen instead.
        expected: What should be seen.
        hint: What follows from it, if anything does.
        wait: Whether it may still come by itself, so that waiting makes sense.
    """
    return Verdict(False, seen, expected, hint, settled=not wait)


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a lab.

    Attributes:
        name: What the learner types.
        title: What it is about, in a few words.
        probe: Looks, and returns a verdict; may be called many times.
        hints: From gentle to direct; the n-th try shows the n-th, and the last one stays.
        timeout: Seconds to wait at most while things are on their way.
    """

    name: str
    title: str
    probe: Callable[[Look], Verdict]
    hints: tuple[str, ...]
    timeout: float = 30


class NotYet(NodebynodeError):
    """A check that does not pass yet; shown without a traceback, and a failure for nbval.

    Attributes:
        check: The check's name.
        expected: What should be seen.
        hint: Where to look.
    """

    def __init__(self, check: str, title: str, seen: str, expected: str, hint: str) -> None:
        super().__init__(f"{check}: {seen} Expected: {expected} Hint: {hint}")
        self.check = check
        self.title = title
        self.saw = seen
        self.expected = expected
        self.hint = hint

    def _render_traceback_(self) -> list[str]:
        parts = {"seen": self.saw, "expected": self.expected, "hint": self.hint}
        told = (f"  {name:10}{text}" for name, text in parts.items())
        wrapped = (textwrap.wrap(line, 92, subsequent_indent=" " * 12) for line in told)
        return [f"✗ Not yet · {self.title} ({self.check})", *chain.from_iterable(wrapped)]


def judge(
    check: Check,
    look: Look,
    attempt: int,
    *,
    say: Callable[[str], None] = print,
    every: float = 0.5,
) -> str:
    """Ask a check until it passes, until nothing more can come, or until its time is up.

    Args:
        check: The check.
        look: What it looks at.
        attempt: Which try this is, from 1; decides the hint.
        say: Told once when waiting begins to take long.
        every: Seconds between two looks.

    Returns:
        What was seen.

    Raises:
        NotYet: it does not pass.
    """
    began = time.monotonic()
    told = False
    while True:
        verdict = check.probe(look)
        if verdict.passed:
            return verdict.seen
        waited = time.monotonic() - began
        if verdict.settled or waited >= check.timeout:
            raise _refusal(check, verdict, attempt, waited)
        if waited > 2 and not told:
            say(f"… {verdict.seen} Waiting up to {check.timeout:.0f} s.")
            told = True
        time.sleep(every)


def _refusal(check: Check, verdict: Verdict, attempt: int, waited: float) -> NotYet:
    hints = check.hints[min(attempt, len(check.hints)) - 1]
    hint = f"{verdict.hint} {hints}".strip() if attempt > 1 or not verdict.hint else verdict.hint
    seen = verdict.seen if verdict.settled else f"{verdict.seen} (waited {waited:.0f} s)"
    return NotYet(check.name, check.title, seen, verdict.expected, hint)


def by_name(checks: tuple[Check, ...]) -> Mapping[str, Check]:
    """Return a lab's checks by name; two of one name are a mistake of the author's."""
    found = {check.name: check for check in checks}
    if len(found) != len(checks):
        raise ValueError("two checks have the same name")
    return found
