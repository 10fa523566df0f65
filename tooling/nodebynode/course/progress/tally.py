"""What the lines of the progress file add up to; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from nodebynode.course.progress.lines import Event, seconds_between

PASSED = "passed"
_PAUSE_SECONDS = 600.0
"""A longer time between two steps is no work: somebody was away."""


@dataclass(frozen=True, slots=True)
class Tries:
    """How it went with one check.

    Attributes:
        passed: Whether it has ever passed.
        tries: How many it took to pass, that one counted; how many there were, where it has not.
        open_tries: How many there were since it passed last; the next hint goes by them.
        hint: The most direct of its hints that was shown, from 1; 0 for none.
    """

    passed: bool = False
    tries: int = 0
    open_tries: int = 0
    hint: int = 0


@dataclass(frozen=True, slots=True)
class Guess:
    """How it went with one question.

    Attributes:
        said: What was foretold last, in words; empty where nothing was.
        outcome: `as you said` or `otherwise`, once that is known; else empty.
    """

    said: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class LabProgress:
    """What a learner has done in one lab.

    Attributes:
        lab: The lab's whole name.
        checks: The checks that were tried, by name, in the order in which they were tried first.
        guesses: The questions that were answered or compared, likewise.
        beliefs: The keys of the misconceptions that showed.
        experiments: The keys of the experiments that were looked at.
        seconds: The time worked; pauses of more than ten minutes are left out.
        opened: How often the lab was opened.
        last: When something was done last; None where nothing was.
        providers: What its clusters ran on.
    """

    lab: str
    checks: Mapping[str, Tries] = field(default_factory=lambda: MappingProxyType({}))
    guesses: Mapping[str, Guess] = field(default_factory=lambda: MappingProxyType({}))
    beliefs: tuple[str, ...] = ()
    experiments: tuple[str, ...] = ()
    seconds: float = 0.0
    opened: int = 0
    last: datetime | None = None
    providers: tuple[str, ...] = ()

    def passed(self, checks: Iterable[str]) -> list[str]:
        """Of some checks, those that have passed."""
        return [name for name in checks if self.tries_of(name).passed]

    def tries_of(self, check: str) -> Tries:
        """How it went with a check; of one that was never tried, too."""
        return self.checks.get(check, Tries())

    @property
    def hits(self) -> int:
        """How many guesses came as they were said."""
        return sum(one.outcome == "as you said" for one in self.guesses.values())

    @property
    def compared(self) -> int:
        """How many guesses were laid beside what came."""
        return sum(bool(one.said and one.outcome) for one in self.guesses.values())


@dataclass(frozen=True, slots=True)
class Progress:
    """What a learner has done.

    Attributes:
        labs: What was done in each lab, by its whole name.
    """

    labs: Mapping[str, LabProgress]

    def of(self, lab: str) -> LabProgress:
        """What was done in a lab; nothing where it was never opened."""
        return self.labs.get(lab, LabProgress(lab))


def tally(events: Iterable[Event]) -> Progress:
    """Add steps up.

    Args:
        events: The steps of any labs, in the order in which they were written.
    """
    by_lab = defaultdict[str, list[Event]](list)
    for event in events:
        by_lab[event.lab].append(event)
    return Progress({lab: tally_lab(lab, those) for lab, those in by_lab.items()})


def tally_lab(lab: str, events: Sequence[Event]) -> LabProgress:
    """Add the steps of one lab up.

    Args:
        lab: Its whole name.
        events: Its steps, in the order in which they were written.
    """
    acts = [one for one in events if one.by != "kernel"]
    return LabProgress(
        lab,
        checks=_checks(events),
        guesses=_guesses(events),
        beliefs=_keys(events, "misconception"),
        experiments=_keys(events, "experiment"),
        seconds=_worked(acts),
        opened=sum(one.event == "opened" for one in events),
        last=acts[-1].at if acts else None,
        providers=tuple(dict.fromkeys(one.provider for one in events if one.provider)),
    )


def _checks(events: Iterable[Event]) -> Mapping[str, Tries]:
    found: dict[str, Tries] = {}
    for one in events:
        if one.event != "check":
            continue
        was, passes = found.get(one.name, Tries()), one.outcome == PASSED
        found[one.name] = Tries(
            passed=was.passed or passes,
            tries=was.tries if was.passed else was.tries + 1,
            open_tries=0 if passes else was.open_tries + 1,
            hint=max(was.hint, one.hint),
        )
    return found


def _guesses(events: Iterable[Event]) -> Mapping[str, Guess]:
    found: dict[str, Guess] = {}
    for one in events:
        if one.event == "prediction":
            found[one.name] = Guess(one.said)
        elif one.event == "comparison":
            found[one.name] = Guess(found.get(one.name, Guess()).said, one.outcome)
    return found


def _keys(events: Iterable[Event], event: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.name for one in events if one.event == event))


def _worked(acts: Sequence[Event]) -> float:
    """The time between steps; what came before a lab was opened again was no work in it."""
    gaps = seconds_between([one.at for one in acts])
    return sum(
        gap
        for gap, one in zip(gaps, acts[1:], strict=True)
        if gap <= _PAUSE_SECONDS and one.event != "opened"
    )
