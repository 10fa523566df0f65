"""Checks: what a lab looks at, how long it waits, and what it says when it is not yet so.

A check is a function from what is there to a `Verdict`. It never says "wrong": it says what it saw
in the learner's own cluster, what it expects, and where to look, more directly at each try.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Literal

from nodebynode import phrases
from nodebynode.errors import BadInput, NodebynodeError, in_lines

if TYPE_CHECKING:
    from nodebynode.course.look import Look


Aspect = Literal["state", "path", "traffic"]
"""What a check looks at: what is there now, all that happened on the way, or what users felt."""


_ASPECTS: Mapping[Aspect, str] = {
    "state": "what is there now",
    "path": "all that was recorded on the way",
    "traffic": "what became of the load's requests",
}


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
        looks_at: What its verdict depends on.
    """

    name: str
    title: str
    probe: Callable[[Look], Verdict]
    hints: tuple[str, ...]
    timeout: float = 30
    looks_at: tuple[Aspect, ...] = ("state",)


class NotYet(NodebynodeError):
    """A check that does not pass yet; shown without a traceback, and a failure for nbval.

    Attributes:
        check: The check.
        saw: What was seen.
        expected: What should be seen.
        hint: Where to look.
        told: Which of the check's own hints is in it, from 1; 0 for none.
    """

    def __init__(self, check: Check, seen: str, expected: str, hint: str, *, told: int = 0) -> None:
        super().__init__(f"{check.name}: {seen} Expected: {expected} Hint: {hint}")
        self.check = check
        self.saw = seen
        self.expected = expected
        self.hint = hint
        self.told = told

    def _render_traceback_(self) -> list[str]:
        parts = {"seen": self.saw, "expected": self.expected, "hint": self.hint}
        if self.check.looks_at != ("state",):
            parts["looked at"] = phrases.listed([_ASPECTS[one] for one in self.check.looks_at])
        told = (f"  {name:10}{text}" for name, text in parts.items())
        wrapped = (in_lines(line, 12) for line in told)
        head = f"✗ Not yet · {self.check.title} ({self.check.name})"
        return [head, *chain.from_iterable(wrapped)]


def judge(
    check: Check,
    look: Look,
    attempt: int,
    *,
    catch_up: Callable[[], None] | None = None,
    say: Callable[[str], None] = print,
    every: float = 0.5,
) -> str:
    """Ask a check until it passes, until nothing more can come, or until its time is up.

    Args:
        check: The check.
        look: What it looks at.
        attempt: Which try this is, from 1; decides the hint.
        catch_up: Waits until what was done a moment ago can be seen; called before the first "not
            yet", which is then asked for once more.
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
        if catch_up is not None:
            catch_up()
            catch_up = None
            continue
        waited = time.monotonic() - began
        if verdict.settled or waited >= check.timeout:
            raise _refusal(check, verdict, attempt, waited)
        if waited > 2 and not told:
            say(f"… {verdict.seen} Waiting up to {check.timeout:.0f} s.")
            told = True
        time.sleep(every)


def _refusal(check: Check, verdict: Verdict, attempt: int, waited: float) -> NotYet:
    number = min(attempt, len(check.hints)) if attempt > 1 or not verdict.hint else 0
    own = f"{verdict.hint}." if verdict.hint.endswith("`") else verdict.hint  # another may follow
    hint = f"{own} {check.hints[number - 1] if number else ''}".strip()
    seen = verdict.seen if verdict.settled else f"{verdict.seen} (waited {waited:.0f} s)"
    return NotYet(check, seen, verdict.expected, hint, told=number)


def by_name(checks: tuple[Check, ...]) -> Mapping[str, Check]:
    """Return a lab's checks by name; two of one name are a mistake of the author's."""
    found = {check.name: check for check in checks}
    if len(found) != len(checks):
        raise ValueError("two checks have the same name")
    return found


def no_such(name: str, checks: Collection[str]) -> BadInput:
    """The error that a lab has no check of a name; it says which is meant, where one is near."""
    near = difflib.get_close_matches(name, checks, n=1)
    known = f"Its checks are {', '.join(checks)}."
    hint = f"Did you mean '{near[0]}'? {known}" if near else known
    return BadInput(f"This lab has no check '{name}'.", hint)
