"""A rollout's sizes come along an expected path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from nodebynode.errors import BadInput
from nodebynode.phrases import count
from nodebynode.recording.merging import Pair, merges
from nodebynode.recording.rules.finding import Judged, lasting, placed_all
from nodebynode.recording.rules.moments import Moment, Span, Window
from nodebynode.recording.rules.rule import Rule, violation
from nodebynode.recording.rules.story import Story
from nodebynode.recording.steps import Step, steps_of


@dataclass(frozen=True, slots=True)
class Path(Rule):
    """Sizes come in an order; with `merging`, some may be passed unseen."""

    deployment: str
    pairs: tuple[Pair, ...]
    merging: bool

    def __str__(self) -> str:
        passed = " (some may be passed unseen)" if self.merging else ""
        return f"sizes of {self.deployment} go {_told(self.pairs)}{passed}{self.window}"

    def _judge(self, story: Story, span: Span, apart: timedelta) -> Judged:
        if self.deployment not in story.deployments:
            return Judged(unseen=f"There was no Deployment {self.deployment} to look at.")
        rows = self._rows(story, span)
        if not rows:
            return Judged(unseen=f"The sizes were never {_told(self.pairs[:1])}.")
        seen = [(row.old, row.new) for row in rows]
        wrong = self._wrong(seen)
        if wrong is not None:
            return self._broken(story, rows, wrong)
        if seen[-1] != self.pairs[-1]:
            return Judged(unseen=f"It came no further than {_told(seen[-1:])}.")
        missed = [pair for pair in self.pairs if pair not in seen]
        passed = f" Passed unseen: {_told(missed)}." if missed else ""
        took = lasting(rows[-1].at - rows[0].at)
        return Judged(evidence=f"Seen: {_told(seen)}, in {took}.{passed}")

    def _rows(self, story: Story, span: Span) -> Sequence[Step]:
        """The steps from the path's first pair to its last, or as far as they went."""
        states = ((look.at, look.state) for look in story.looks[: span.stop])
        steps = steps_of(states, self.deployment, story.namespace).rows
        begun = [index for index, row in enumerate(steps) if row.at <= span.start]
        steps = steps[begun[-1] if begun else 0 :]
        pairs = [(row.old, row.new) for row in steps]
        if self.pairs[0] not in pairs:
            return ()
        first = pairs.index(self.pairs[0])
        ends = [at for at in range(first + 1, len(pairs)) if pairs[at] == self.pairs[-1]]
        return steps[first : ends[0] + 1 if ends else len(pairs)]

    def _wrong(self, seen: Sequence[Pair]) -> int | None:
        """The index of the first pair that leaves the path."""
        if self.merging:
            return merges(seen, self.pairs)
        pairs = zip(seen, self.pairs, strict=False)
        return next((at for at, (one, other) in enumerate(pairs) if one != other), None)

    def _broken(self, story: Story, rows: Sequence[Step], wrong: int) -> Judged:
        row, at = rows[wrong], story.at(rows[wrong].at)
        pods = tuple(story.pods(story.looks[at], self.deployment))
        way = _told([(one.old, one.new) for one in rows[:wrong]])
        saw = (
            f"the sizes came to {row.old}/{row.new} on the way {way}, with "
            f"{row.available} available Pods (there were {placed_all(pods) or 'no Pods'})"
        )
        until = rows[wrong + 1].at if wrong + 1 < len(rows) else None
        return Judged(violation=violation(story, at, saw, pods, until=until))


def _told(pairs: Sequence[Pair]) -> str:
    return " ".join(f"{old}/{new}" for old, new in pairs)


def sequence(
    sizes: str,
    *,
    deployment: str = "shop",
    merging: bool = False,
    after: Moment | None = None,
    before: Moment | None = None,
) -> Rule:
    """The sizes of a Deployment's old and new ReplicaSets go along a path, as `Steps.pairs` has it.

    It begins at the first pair, wherever in the window that is, and ends at the last; what is
    before and behind does not matter.

    Args:
        sizes: Old and new size, such as `3/0 3/1 2/1 2/2 1/2 1/3 0/3`.
        deployment: The Deployment's name.
        merging: Whether sizes may be passed unseen: two changes that follow each other closely can
            be heard as one.
        after: From when on; from the beginning of the recording where it is None.
        before: Until when; to its end where it is None.

    Raises:
        BadInput: The text is not pairs of sizes, or fewer than two.
    """
    pairs = tuple(_pair(word) for word in sizes.split())
    if len(pairs) < 2:
        raise BadInput(
            f"{sizes!r} is no path: it has {count(len(pairs), 'pair')} of sizes.",
            "Write at least where it begins and where it ends: 3/0 0/3.",
        )
    return Path(Window(after, before), deployment, pairs, merging)


def _pair(word: str) -> Pair:
    found = re.fullmatch(r"([0-9]+)/([0-9]+)", word)
    if found is None:
        raise BadInput(
            f"{word!r} is no pair of sizes.",
            "Write old and new size with a slash, and a space to the next: 3/0 3/1 2/1.",
        )
    return int(found[1]), int(found[2])
