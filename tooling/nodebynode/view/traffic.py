"""What became of requests, by the instants of a film: the row above the player's line of time.

The line of time has a place for each instant, however long it lasted; so has this row. A place
tells of the requests that were sent from its instant until the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from nodebynode.phrases import count

OK, LOST, UNMEASURED = range(3)
_LOW, _MIDDLE, _TALL = 6, 11, 18
"""Heights; one with a loss has at least the second, and a point above that."""

Place = tuple[int, int, str]
"""Which of the three, how high, and in words: what the player is told."""
Row = dict[int, Place]
"""Places by the number of their frame; where nothing was sent, there is none."""
Numbers = tuple[int, int, int]
"""Of some requests: how many were sent, lost, and not measured."""


class Sent(Protocol):
    """A load, counted; a recording's is."""

    @property
    def namespace(self) -> str:
        """The namespace of its Service."""

    @property
    def total(self) -> Numbers:
        """All of it."""

    def between(self, since: datetime, until: datetime | None) -> Numbers:
        """What was sent from an instant on, until before another or the end."""


def row_of(loads: Sequence[Sent], instants: Sequence[datetime], first: int) -> Row:
    """Lay loads beside instants.

    Args:
        loads: The loads; several at once are added up.
        instants: When each frame was seen, the first one first.
        first: The number of the first.
    """
    row: Row = {}
    spans = zip(instants, [*instants[1:], None], strict=False)
    for number, (since, until) in enumerate(spans, start=first):
        sent, lost, missed = _sum(load.between(since, until) for load in loads)
        if sent:
            row[number] = _place(sent, lost, missed)
    return row


def words(sent: int, lost: int, missed: int) -> str:
    """Requests in words: `12 requests, 2 lost`."""
    unknown = f", {missed} not measured" if missed else ""
    return f"{count(sent, 'request')}, {lost or 'none'} lost{unknown}"


def total_words(loads: Iterable[Sent]) -> str:
    """All loads in a sentence; empty where there was none."""
    totals = [load.total for load in loads]
    return f"{words(*_sum(totals))}." if totals else ""


def _sum(those: Iterable[Numbers]) -> Numbers:
    sent = lost = missed = 0
    for one in those:
        sent, lost, missed = sent + one[0], lost + one[1], missed + one[2]
    return sent, lost, missed


def _place(sent: int, lost: int, missed: int) -> Place:
    said = words(sent, lost, missed)
    if lost:
        return LOST, _MIDDLE + round((_TALL - _MIDDLE) * lost / sent), said
    return (UNMEASURED, _MIDDLE, said) if missed else (OK, _LOW, said)
