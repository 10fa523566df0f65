"""What a load is to do, checked before anything is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nodebynode.errors import BadInput

MOST_RATE = 200.0
"""Requests a second that are never exceeded, also not to make up for lost time."""
MOST_SECONDS = 3600.0
MOST_KEPT = 100
TIMEOUT = 3.0
"""Seconds that an answer is waited for, as in the measurements that the lessons speak of."""
LATE = 0.25
"""Seconds. A load that wakes up so much too late has stalled, and what it should have sent
meanwhile is not measured."""
_ADDRESS = re.compile(r"http://127\.0\.0\.1:([0-9]{1,5})/?")


@dataclass(frozen=True, slots=True)
class Plan:
    """A constant open-loop load on one Service.

    Attributes:
        url: `http://127.0.0.1:PORT`, as `Cluster.service_url` gives it.
        rate: Requests a second, at most 200.
        seconds: When it ends by itself.
        keep_alive: Connections that are kept and used in turn; 0 makes a new one for each request.

    Raises:
        BadInput: one of them is out of bounds, or the address is not on 127.0.0.1.
    """

    url: str
    rate: float = 50
    seconds: float = 600
    keep_alive: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.port <= 65535:
            raise BadInput(
                f"'{self.url}' is not the address of a Service of this machine's cluster.",
                "A load goes to http://127.0.0.1:PORT only. Ask for the address with "
                "`cluster.service_url(namespace, service)`.",
            )
        _require("rate", self.rate, 0 < self.rate <= MOST_RATE, f"above 0, at most {MOST_RATE:g}")
        good = 0 < self.seconds <= MOST_SECONDS
        _require("seconds", self.seconds, good, f"above 0, at most {MOST_SECONDS:g}")
        whole = isinstance(self.keep_alive, int) and 0 <= self.keep_alive <= MOST_KEPT
        _require("keep_alive", self.keep_alive, whole, f"a whole number from 0 to {MOST_KEPT}")

    @property
    def port(self) -> int:
        """The port of 127.0.0.1; 0 when the address names none."""
        found = _ADDRESS.fullmatch(self.url)
        return int(found[1]) if found else 0

    @property
    def total(self) -> int:
        """How many requests are planned."""
        return max(1, round(self.rate * self.seconds))


def _require(name: str, seen: float, good: bool, bounds: str) -> None:
    if not good:
        raise BadInput(f"{name} is {seen!r}.", f"Give a number that is {bounds}.")
