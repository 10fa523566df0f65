"""How much of what a witness tells may be its own doing: the floor below which nothing is seen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nodebynode.app
from nodebynode.errors import ClusterError
from nodebynode.processes import die_with_parent
from nodebynode.witness.traffic import NOT_MEASURED, Traffic, percentile
from nodebynode.witness.witness import Witness

_SHOP = Path(nodebynode.app.__file__).with_name("shop.py")
_PORT = re.compile(r" started: .* port (\d+)$")


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a witness tells where nothing changes.

    Attributes:
        sent: Requests that were planned.
        lost: How many it called lost; all of them are its own doing, or the machine's.
        not_measured: How many it could not send in time.
        lag_ms: By how many milliseconds 99 of 100 of its wake-ups were too late, at most.
        p50_ms: The median latency, in milliseconds.
        p99_ms: The latency that 99 of 100 did not exceed.
    """

    sent: int
    lost: int
    not_measured: int
    lag_ms: float
    p50_ms: float
    p99_ms: float

    @classmethod
    def of(cls, traffic: Traffic) -> Calibration:
        """Take it from the traffic to a Service that did not change."""
        latencies = traffic.latencies()
        return cls(
            sent=len(traffic.requests),
            lost=len(traffic.of("lost")),
            not_measured=len(traffic.of(NOT_MEASURED)),
            lag_ms=traffic.lag_ms.get(99, float("nan")),
            p50_ms=percentile(latencies, 0.5),
            p99_ms=percentile(latencies, 0.99),
        )

    def __str__(self) -> str:
        return (
            f"Where nothing changes: {self.lost} of {self.sent} lost, {self.not_measured} not "
            f"measured; latency {self.p50_ms:.1f} ms, 99 % within {self.p99_ms:.1f} ms; the "
            f"witness itself starts 99 % of its requests within {self.lag_ms:.1f} ms."
        )


def calibrate(
    url: str = "", *, rate: float = 50, seconds: float = 10, keep_alive: int = 0
) -> Calibration:
    """Witness something that does not change.

    Args:
        url: A Service that is left alone meanwhile; when empty, the course's app, run for this.
        rate: Requests a second.
        seconds: How long.
        keep_alive: Connections that are kept; 0 makes a new one for each request.

    Raises:
        BadInput: one of them is out of bounds.
        ClusterError: the load or the app did not begin.
    """
    if not url:
        with _app() as own:
            return calibrate(own, rate=rate, seconds=seconds, keep_alive=keep_alive)
    with (
        tempfile.TemporaryDirectory() as folder,
        Witness(url, Path(folder, "log.jsonl"), rate, seconds, keep_alive) as witness,
    ):
        return Calibration.of(witness.wait())


@contextmanager
def _app() -> Iterator[str]:
    """Run the course's app for a block; yields its address."""
    process = subprocess.Popen(
        [sys.executable, "-S", str(_SHOP)],
        env={**os.environ, "SHOP_BIND": "127.0.0.1", "SHOP_PORT": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=die_with_parent,
    )
    with process:
        try:
            yield f"http://127.0.0.1:{_port(process)}"
        finally:
            process.kill()


def _port(process: subprocess.Popen[str]) -> int:
    said = ""
    for said in process.stdout or ():
        if found := _PORT.search(said.rstrip()):
            return int(found[1])
    raise ClusterError(f"The course's app did not begin. {said}".strip())
