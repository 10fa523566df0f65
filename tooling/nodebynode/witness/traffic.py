"""What became of a load's requests, read from its log."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from nodebynode.errors import BadInput
from nodebynode.witness.log import VERSION

Line = Mapping[str, object]
Verdict = Literal["ok", "lost", "not measured"]
NOT_MEASURED: Verdict = "not measured"
_COPY = "Take a copy of it that is whole."


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        number: From 1, in the order in which they were due.
        at: When it was sent; when it should have been, where it was not measured.
        ms: Milliseconds until the answer or the failure; None where that is not known.
        kept: Whether its connection had been used before.
        connection: The connection's number; 0 where none was made.
        outcome: `ok`, `refused`, `reset`, `timed out`, `unreachable`, `empty answer`, `cut short`,
            `no HTTP`, a status code such as `500`, or `not measured`.
        pod: Who answered, in the answer's own words; empty where nobody said.
        node: On which node that was.
        version: Of which version.
    """

    number: int
    at: datetime
    ms: float | None
    kept: bool
    connection: int
    outcome: str
    pod: str = ""
    node: str = ""
    version: str = ""

    @property
    def ended(self) -> datetime:
        """When it was known what became of it."""
        return self.at + timedelta(milliseconds=self.ms or 0)

    @property
    def verdict(self) -> Verdict:
        """`ok`, `lost`, or `not measured`."""
        known: dict[str, Verdict] = {"ok": "ok", NOT_MEASURED: NOT_MEASURED}
        return known.get(self.outcome, "lost")


@dataclass(frozen=True, slots=True)
class Stall:
    """A time in which the load's process did not wake up."""

    at: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class Traffic:
    """All that a load's log holds.

    Attributes:
        url: Where it went.
        rate: Requests a second, as planned.
        keep_alive: Connections that were kept; 0 when each request had its own.
        began: When the load began.
        ended: When it ended, or when the last thing was heard of it.
        requests: In the order in which they were due.
        stalls: When its process did not wake up.
        lag_ms: By how many milliseconds it woke up too late, by percentile: 50 and 99.
        cut: What is missing at the end, in words; empty for a whole log.
        inside: Whether it was sent from a Pod of the cluster.
    """

    url: str
    rate: float
    keep_alive: int
    began: datetime
    ended: datetime
    requests: Sequence[Request] = field(repr=False)
    stalls: Sequence[Stall] = ()
    lag_ms: Mapping[int, float] = field(default_factory=dict, hash=False)
    cut: str = ""
    inside: bool = False

    @classmethod
    def read(cls, path: Path) -> Traffic:
        """Read a log, whole or cut, ended or still being written.

        Raises:
            BadInput: there is no such file, it is no log of a load or damaged, or it is newer.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise BadInput(
                f"The log {path} cannot be read: {error.strerror}.", "Look at its name."
            ) from error
        *whole, rest = data.split(b"\n")
        lines = []
        for number, line in enumerate(whole, start=1):
            try:
                lines.append(json.loads(line))
            except ValueError as error:
                raise BadInput(f"{path} is damaged in line {number}.", _COPY) from error
        try:
            return _gather(lines, is_cut=bool(rest))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(
                f"{path} is no log of a load, of version {VERSION}, or is damaged.", _COPY
            ) from error

    def of(self, verdict: Verdict) -> list[Request]:
        """The requests of one verdict."""
        return [one for one in self.requests if one.verdict == verdict]

    def stalled(self, request: Request) -> bool:
        """Whether the process did not wake up for a part of a request's time."""
        return any(one.at < request.ended and request.at < one.ended for one in self.stalls)

    def latencies(self) -> list[float]:
        """Milliseconds of the good answers that were measured without a stall, the least first."""
        good = (one for one in self.of("ok") if not self.stalled(one))
        return sorted(one.ms for one in good if one.ms is not None)


def percentile(values: Sequence[float], share: float) -> float:
    """The least of some values that a share of them does not exceed: the nearest rank.

    Args:
        values: Sorted, the least first; `nan` is returned where there are none.
        share: Such as 0.99.
    """
    return values[max(0, math.ceil(share * len(values)) - 1)] if values else math.nan


def at(seconds: object) -> datetime:
    """An instant from seconds since the epoch."""
    return datetime.fromtimestamp(float(str(seconds)), UTC)


def request_of(line: Line) -> Request:
    """A request from its line.

    Raises:
        LookupError, ValueError: the line is of another kind.
    """
    ms = line.get("ms")
    return Request(
        number=int(str(line["n"])),
        at=at(line["at"]),
        ms=None if ms is None else float(str(ms)),
        kept=line.get("connection") == "kept",
        connection=int(str(line.get("id", 0))),
        outcome=str(line["outcome"]),
        pod=str(line.get("pod", "")),
        node=str(line.get("node", "")),
        version=str(line.get("version", "")),
    )


def _gather(lines: Sequence[Line], *, is_cut: bool) -> Traffic:
    header = lines[0]
    if header["traffic"] != "nodebynode" or header["version"] != VERSION:
        raise ValueError(header)
    requests = sorted(
        (request_of(line) for line in lines if "n" in line), key=lambda one: one.number
    )
    stalls = tuple(_stalls(lines))
    end: Line = next((line for line in reversed(lines) if "end" in line), {})
    began = at(header["began"])
    heard = [began, *(one.ended for one in requests), *(one.ended for one in stalls)]
    lag = end.get("lag_ms")
    cut = "" if end and not is_cut else "The log has no end: its load was killed, or goes on."
    return Traffic(
        url=str(header["url"]),
        rate=float(str(header["rate"])),
        keep_alive=int(str(header["keep_alive"])),
        began=began,
        ended=at(end["end"]) if end else max(heard),
        requests=tuple(requests),
        stalls=stalls,
        lag_ms={int(key): float(lag[key]) for key in lag} if isinstance(lag, dict) else {},
        cut=cut,
        inside=bool(header.get("inside", False)),
    )


def _stalls(lines: Sequence[Line]) -> Iterator[Stall]:
    for line in lines:
        if "stall" in line:
            began = at(line["stall"])
            yield Stall(began, began + timedelta(milliseconds=float(str(line["ms"]))))
