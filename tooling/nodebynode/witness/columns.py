"""A load while it goes on: its last seconds, half a second a column, and the sum of all of it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nodebynode.recording import RecordedLoad
from nodebynode.witness.plan import TIMEOUT
from nodebynode.witness.traffic import NOT_MEASURED, Request, Verdict, at, request_of

WIDTH = 0.5
"""Seconds in a column."""
SECONDS = 30.0
_SIGNS: dict[Verdict | None, str] = {"ok": ".", "lost": "x", NOT_MEASURED: "?", None: " "}


@dataclass(frozen=True, slots=True)
class Column:
    """What became of the requests that were sent in half a second."""

    ok: int = 0
    lost: int = 0
    missed: int = 0

    @property
    def verdict(self) -> Verdict | None:
        """The worst that is known of it; None where nothing is known."""
        if self.lost:
            return "lost"
        if self.missed:
            return NOT_MEASURED
        return "ok" if self.ok else None


def columns(requests: Iterable[Request], until: datetime) -> tuple[Column, ...]:
    """Count what was sent in the last 30 s, the oldest half second first.

    Args:
        requests: In any order; those that were sent before or later are left out.
        until: The end of the last column.
    """
    number = round(SECONDS / WIDTH)
    counts = [[0, 0, 0] for _ in range(number)]
    order: Sequence[Verdict] = ("ok", "lost", NOT_MEASURED)
    for one in requests:
        place = number - 1 - (until - one.at) // timedelta(seconds=WIDTH)
        if 0 <= place < number:
            counts[place][order.index(one.verdict)] += 1
    return tuple(Column(*count) for count in counts)


def signs(shown: Sequence[Column]) -> str:
    """The columns as a line of text: `.` ok, `x` lost, `?` not measured."""
    return "".join(_SIGNS[one.verdict] for one in shown)


def words(shown: Sequence[Column]) -> str:
    """The columns in a sentence."""
    ok, lost, missed = (sum(getattr(one, name) for one in shown) for name in Column.__slots__)
    told = f"Last {len(shown) * WIDTH:.0f} s: {ok} ok, {lost} lost"
    return told + (f", {missed} not measured." if missed else ".")


class Tail:
    """Reads a log while it is written; keeps what the columns show, and what a recording tells.

    Args:
        path: The log.

    Attributes:
        ended: Whether the load has ended.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._read, self._rest = path, 0, b""
        self._requests: deque[Request] = deque()
        self._began, self._rate, self._last = datetime.now(UTC), 1.0, 0
        self._odd: dict[Verdict, list[int]] = {"lost": [], NOT_MEASURED: []}
        self.ended = False

    def so_far(self, namespace: str, service: str) -> RecordedLoad:
        """All that has been read, for a recording; of the Service that the load goes to."""
        lost, missed = (tuple(sorted(numbers)) for numbers in self._odd.values())
        return RecordedLoad(namespace, service, self._began, self._rate, self._last, lost, missed)

    def columns(self, now: datetime) -> tuple[Column, ...]:
        """Read what is new, and count the last seconds; once the load has ended, its last.

        Raises:
            OSError: the log cannot be read.
        """
        with self._path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        self._read += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line)
        old = now - timedelta(seconds=SECONDS + TIMEOUT)
        while not self.ended and self._requests and self._requests[0].at < old:
            self._requests.popleft()
        last = max((one.at for one in self._requests), default=now)
        return columns(self._requests, last if self.ended else now)

    def _take(self, line: bytes) -> None:
        told = json.loads(line)
        self.ended = self.ended or "end" in told
        if "began" in told:
            self._began, self._rate = at(told["began"]), float(told["rate"])
        with suppress(LookupError):
            request = request_of(told)
            self._requests.append(request)
            self._last = max(self._last, request.number)
            if request.verdict in self._odd:
                self._odd[request.verdict].append(request.number)
