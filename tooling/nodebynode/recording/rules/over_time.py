"""Conditions that are always so, never so, or so at some time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from nodebynode.errors import BadInput
from nodebynode.phrases import listed
from nodebynode.recording.rules.counts import Condition, Count
from nodebynode.recording.rules.finding import Judged, clock, lasting, unclear
from nodebynode.recording.rules.moments import Moment, Span, Window
from nodebynode.recording.rules.rule import Rule, violation
from nodebynode.recording.rules.story import Story


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring looks at which a condition is the same.

    Attributes:
        first: The index of the first of them.
        at: When it began to be so, or the span did.
        until: When it ended, or the span did.
        ended: Whether it ended within the span.
    """

    first: int
    at: datetime
    until: datetime
    ended: bool


@dataclass(frozen=True, slots=True)
class Always(Rule):
    """A condition is so, or with `wanted` False not so, at each instant of the window."""

    condition: Condition
    wanted: bool

    def __str__(self) -> str:
        return f"{'always' if self.wanted else 'never'} {self.condition}{self.window}"

    def _judge(self, story: Story, span: Span, apart: timedelta) -> Judged:
        first = _appearance(story, span, self.condition)
        if isinstance(first, str):
            return Judged(unseen=first)
        told = list[str]()
        for run in _runs(story, span, first, self.condition, holds=not self.wanted):
            saw, pods = self.condition.saw(story, story.looks[run.first])
            if _is_short(run, span, self.condition, self.window, apart):
                told.append(unclear(run.at, run.until, saw, apart))
            else:
                until = run.until if run.ended else None
                found = violation(story, run.first, saw, pods, until=until, at=run.at)
                return Judged(violation=found, unclear=tuple(told))
        return Judged(evidence=self._evidence(story, span, first), unclear=tuple(told))

    def _evidence(self, story: Story, span: Span, first: int) -> str:
        """The least and the most that was counted."""
        said = []
        for one in self.condition.counts:
            numbers = [one.at(story, look).number for look in story.looks[first : span.stop]]
            low, high = min(numbers), max(numbers)
            number = f"{low}" if low == high else f"{low} to {high}"
            said.append(f"{number} {one.words(high, 'were')}")
        return f"{', and '.join(said)}."


@dataclass(frozen=True, slots=True)
class Eventually(Rule):
    """A condition is so at some instant of the window."""

    condition: Condition

    def __str__(self) -> str:
        return f"at some time {self.condition}{self.window}"

    @property
    def _needs_end(self) -> bool:
        return False

    def _judge(self, story: Story, span: Span, apart: timedelta) -> Judged:
        first = _appearance(story, span, self.condition)
        if isinstance(first, str):
            return Judged(unseen=first)
        told = list[str]()
        for run in _runs(story, span, first, self.condition, holds=True):
            saw, _ = self.condition.saw(story, story.looks[run.first])
            if _is_short(run, span, self.condition, self.window, apart):
                told.append(unclear(run.at, run.until, saw, apart))
            else:
                evidence = (
                    f"It was so at {clock(run.at)}, for {lasting(run.until - run.at)}: {saw}."
                )
                return Judged(evidence=evidence, unclear=tuple(told))
        saw, pods = self.condition.saw(story, story.looks[span.stop - 1])
        if span.open_end or (story.cut and not self.window.before):
            return Judged(unseen=f"It has not come to that: {saw} at last.", unclear=tuple(told))
        found = violation(story, span.stop - 1, saw, pods, until=None, at=span.end)
        return Judged(violation=found, unclear=tuple(told))


def _appearance(story: Story, span: Span, condition: Condition) -> int | str:
    """The index of the first look of a span from which all that is spoken of has been there.

    What is gone again later counts as none; what has not been there yet is not judged.
    """
    first = span.first
    for one in condition.counts:
        seen = (index for index, look in enumerate(story.looks) if one.appears(look))
        at = next(seen, span.stop)
        if at >= span.stop:
            return _nowhere(story, one)
        first = max(first, at)
    return first


def _nowhere(story: Story, one: Count) -> str:
    names = story.deployments if one.of == "Deployment" else ()
    there = f" There was {listed(names)}." if names and one.name not in names else ""
    return f"There was no {one.of} {one.name} in {story.namespace} to look at.{there}"


def _runs(
    story: Story, span: Span, first: int, condition: Condition, *, holds: bool
) -> Iterator[_Run]:
    """The runs of looks, from one of them on, at which a condition holds, or does not."""
    looks = range(first, span.stop)
    for so, group in groupby(looks, key=lambda at: condition.holds(story, story.looks[at])):
        if so is holds:
            places = list(group)
            last = places[-1]
            at = max(story.looks[places[0]].at, span.start)
            until = min(story.until(last), span.end)
            yield _Run(places[0], at, until, last + 1 < span.stop)


def _is_short(
    run: _Run, span: Span, condition: Condition, window: Window, apart: timedelta
) -> bool:
    """Whether a run may come from nothing but the order in which watches are heard.

    Within one kind that order is the API server's own. Between kinds it is not, nor between a kind
    and the mark or change that a window begins or ends with. What two controllers do at one time
    has none at all.
    """
    starts_apart, ends_apart = window.apart_from(condition.kinds)
    return (
        (condition.is_loose and run.until - run.at <= apart)
        or (starts_apart and run.until <= span.start + apart and run.ended)
        or (ends_apart and not span.open_end and run.at >= span.end - apart)
    )


def always(
    condition: Condition, *, after: Moment | None = None, before: Moment | None = None
) -> Rule:
    """A condition is so all the time: `always(ready("shop") >= 3, after=mark("set image"))`.

    What the condition speaks of is judged from its first appearance on.

    Args:
        condition: A count, compared.
        after: From when on; from the beginning of the recording where it is None.
        before: Until when; to its end where it is None.

    Raises:
        BadInput: The condition is none.
    """
    return Always(Window(after, before), _condition(condition, "always"), wanted=True)


def never(
    condition: Condition, *, after: Moment | None = None, before: Moment | None = None
) -> Rule:
    """A condition is so at no time: `never(more_than(pods("shop"), 4))`; otherwise as `always`."""
    return Always(Window(after, before), _condition(condition, "never"), wanted=False)


def eventually(
    condition: Condition, *, after: Moment | None = None, before: Moment | None = None
) -> Rule:
    """A condition comes true in the window; otherwise as `always`.

    Where the recording is still going on, or is cut off, it is `not seen` rather than broken.
    """
    return Eventually(Window(after, before), _condition(condition, "eventually"))


def _condition(given: object, rule: str) -> Condition:
    if isinstance(given, Condition):
        return given
    said = "a count that is compared with nothing" if isinstance(given, Count) else repr(given)
    raise BadInput(
        f"{rule}() was given {said}.",
        f'Compare a count with a number: {rule}(ready("shop") >= 3).',
    )
