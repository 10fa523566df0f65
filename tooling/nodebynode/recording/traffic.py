"""What became of a load's requests, as a recording keeps it.

A load sends at a constant rate, so that the number of a request tells when it was due. Only what
was lost, and what was not measured, is told one by one: by numbers, each less the one before.

    {"t": 9000, "traffic": "shop", "namespace": "lab-06", "from": 1000, "rate": 50, "sent": 400,
     "lost": [281, 1, 3], "missed": []}                     lost were requests 281, 282 and 285

`from` is when it began, in milliseconds since the recording did; before that where it is negative.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from typing import NamedTuple

from nodebynode.state.status import Json

_MS = timedelta(milliseconds=1)
_TINY = 1e-6
"""Of a request: less than what the sums of floating-point numbers are off by."""


class Counts(NamedTuple):
    """Of some requests.

    Attributes:
        sent: How many were due.
        lost: How many of them were lost.
        missed: How many of them were not measured.
    """

    sent: int = 0
    lost: int = 0
    missed: int = 0


@dataclass(frozen=True, slots=True)
class RecordedLoad:
    """What became of a load.

    Attributes:
        namespace: The namespace of the Service that it went to.
        service: That Service.
        began: When its first request was due.
        rate: Requests a second.
        sent: How many were due, until it ended or until now.
        lost: The numbers of those that were lost, from 1 and rising.
        missed: The numbers of those that were not measured, likewise.
    """

    namespace: str
    service: str
    began: datetime
    rate: float
    sent: int = 0
    lost: Sequence[int] = ()
    missed: Sequence[int] = ()

    @property
    def total(self) -> Counts:
        """All of it."""
        return Counts(self.sent, len(self.lost), len(self.missed))

    def between(self, since: datetime, until: datetime | None) -> Counts:
        """What became of those that were due from an instant on, until another or the end."""
        low, high = self._before(since), self.sent if until is None else self._before(until)
        lost, missed = (
            bisect_right(those, high) - bisect_right(those, low)
            for those in (self.lost, self.missed)
        )
        return Counts(high - low, lost, missed)

    def _before(self, at: datetime) -> int:
        """How many were due before an instant."""
        due = math.ceil((at - self.began).total_seconds() * self.rate - _TINY)
        return min(max(due, 0), self.sent)

    def as_line(self, began: datetime) -> dict[str, object]:
        """The line, but for its time; `began` is the recording's beginning."""
        return {
            "traffic": self.service,
            "namespace": self.namespace,
            "from": round((self.began - began) / _MS),
            "rate": self.rate,
            "sent": self.sent,
            "lost": [after - before for before, after in pairwise([0, *self.lost])],
            "missed": [after - before for before, after in pairwise([0, *self.missed])],
        }

    @classmethod
    def from_line(cls, line: Json, began: datetime) -> RecordedLoad:
        """Read the line back.

        Raises:
            LookupError, TypeError, ValueError, OverflowError: it makes no sense.
        """
        rate, sent = float(line["rate"]), int(line["sent"])
        lost, missed = (_numbers(line[name], sent) for name in ("lost", "missed"))
        if not 0 < rate < math.inf or sent < 0 or set(lost) & set(missed):
            raise ValueError(line)
        since = began + int(line["from"]) * _MS
        return cls(str(line["namespace"]), str(line["traffic"]), since, rate, sent, lost, missed)


def _numbers(steps: Iterable[int], most: int) -> tuple[int, ...]:
    told = tuple(map(int, steps))
    found = tuple(accumulate(told))
    if min(told, default=1) < 1 or max(found, default=0) > most:
        raise ValueError(found)
    return found
