"""What a load is to do, checked before anything is sent."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from nodebynode.errors import BadInput

MOST_RATE = 200.0
"""Requests a second that are never exceeded, also not to make up for lost time."""
MOST_SECONDS = 3600.0
MOST_KEPT = 100
MOST_INSIDE = 50_000
"""Requests of a load from inside: a node keeps 10 MiB of a container's log, and 200 bytes each."""
TIMEOUT = 3.0
"""Seconds that an answer is waited for, as in the measurements that the lessons speak of."""
LATE = 0.25
"""Seconds. A load that wakes up so much too late has stalled, and what it should have sent
meanwhile is not measured."""
_ADDRESS = re.compile(r"http://([0-9.]{7,15}):([0-9]{1,5})/?")
_HERE = re.compile(r"127\.0\.0\.1")
_IN_CLUSTER = re.compile(r"10(\.(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}")


@dataclass(frozen=True, slots=True)
class Plan:
    """A constant open-loop load on one Service.

    Attributes:
        url: `http://127.0.0.1:PORT`, as `Cluster.service_url` gives it; from inside the Service's
            own address, `http://10.…:PORT`.
        rate: Requests a second, at most 200.
        seconds: When it ends by itself.
        keep_alive: Connections that are kept and used in turn; 0 makes a new one for each request.
        inside: Whether it is sent from a Pod of the cluster.

    Raises:
        BadInput: one of them is out of bounds, or the address is not on 127.0.0.1, or not within
            the cluster.
    """

    url: str
    rate: float = 50
    seconds: float = 600
    keep_alive: int = 0
    inside: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.port <= 65535:
            raise BadInput(
                f"'{self.url}' is not the address of a Service of this machine's cluster.",
                "From inside, a load goes to a Service's own address only, http://10.…:PORT."
                if self.inside
                else "A load goes to http://127.0.0.1:PORT only. Ask for the address with "
                "`cluster.service_url(namespace, service)`.",
            )
        _require("rate", self.rate, 0 < self.rate <= MOST_RATE, f"above 0, at most {MOST_RATE:g}")
        good = 0 < self.seconds <= MOST_SECONDS
        _require("seconds", self.seconds, good, f"above 0, at most {MOST_SECONDS:g}")
        whole = isinstance(self.keep_alive, int) and 0 <= self.keep_alive <= MOST_KEPT
        _require("keep_alive", self.keep_alive, whole, f"a whole number from 0 to {MOST_KEPT}")
        if self.inside and self.total > MOST_INSIDE:
            raise BadInput(
                f"{self.rate:g} requests a second for {self.seconds:g} s are {self.total} requests "
                "from inside, and the node keeps the log of a part of them only.",
                f"Make it at most {MOST_INSIDE} requests: "
                f"{math.floor(MOST_INSIDE / self.rate)} s at this rate.",
            )

    @property
    def host(self) -> str:
        """The address without its port; empty where it is none that a load may go to."""
        return self._address()[0]

    @property
    def port(self) -> int:
        """The port; 0 where the address is none that a load may go to."""
        return self._address()[1]

    def _address(self) -> tuple[str, int]:
        found = _ADDRESS.fullmatch(self.url)
        known = _IN_CLUSTER if self.inside else _HERE
        return (found[1], int(found[2])) if found and known.fullmatch(found[1]) else ("", 0)

    @property
    def total(self) -> int:
        """How many requests are planned."""
        return max(1, round(self.rate * self.seconds))


def _require(name: str, seen: float, good: bool, bounds: str) -> None:
    if not good:
        raise BadInput(f"{name} is {seen!r}.", f"Give a number that is {bounds}.")
