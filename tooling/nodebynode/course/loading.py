"""A load on one of a lab's Services: it begins, is watched, and is explained at its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from nodebynode.cluster import Cluster
from nodebynode.course.flight import Flight
from nodebynode.course.inside import PodWitness
from nodebynode.course.strip import Strip
from nodebynode.recording import RecordedLoad, Recording
from nodebynode.witness import Report, Traffic, Witness, explain


class Sender(Protocol):
    """What sends a load, here or in a Pod."""

    @property
    def running(self) -> bool:
        """Whether it still goes on."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> Traffic:
        """End it where it goes on, and return what became of its requests."""


class Load:
    """Requests to a Service, from `start` to `finish`, and their live strip.

    Args:
        cluster: Where the Service is.
        namespace: The Service's namespace.
        service: Its name.
        rate: Requests a second.
        seconds: When it ends by itself.
        keep_alive: Connections that are kept; 0 makes a new one for each request.
        inside: Whether it is sent from a Pod of the cluster.

    Attributes:
        words: What it is, in a few words.

    Raises:
        ApiError: There is no such Service.
        BadInput: One of the numbers is out of bounds, or nothing can be sent from inside.
        ClusterError: Nothing outside the cluster reaches the Service, and it is not from inside.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        service: str,
        *,
        rate: float,
        seconds: float,
        keep_alive: int,
        inside: bool = False,
    ) -> None:
        self._namespace, self._service = namespace, service
        self._strip: Strip | None = None
        self._settle: Callable[[], None] | None = None
        with ExitStack() as made:  # what is refused leaves no folder
            folder = made.enter_context(TemporaryDirectory(prefix="nodebynode-load-"))
            self._log = Path(folder, "requests.jsonl")
            numbers = (self._log, rate, seconds, keep_alive)
            self._witness: Sender = (
                PodWitness(cluster, namespace, service, *numbers)
                if inside
                else Witness(cluster.service_url(namespace, service), *numbers)
            )
            self._folder = made.pop_all()
        where = " from inside the cluster" if inside else ""
        self.words = f"a load of {rate:g} requests a second on {service}{where}"

    def start(self, flight: Flight) -> Strip:
        """Begin, and return how the last requests fare; for a notebook to show.

        It begins when every node has heard of the last Pod that left, and of a Service just made:
        what was done before is no loss of this load.

        Args:
            flight: Records meanwhile, and gets what became of the requests.

        Raises:
            ClusterError: The load did not begin.
        """
        flight.wait_heard()
        try:
            self._witness.start()
        except BaseException:
            self._folder.close()
            raise
        strip = self._strip = Strip(self._log)

        def tell() -> RecordedLoad:
            return strip.so_far(self._namespace, self._service)

        flight.follow(tell)
        self._settle = lambda: flight.settle(tell)
        return strip

    @property
    def running(self) -> bool:
        """Whether it still goes on."""
        return self._witness.running

    def finish(self) -> None:
        """End it where it goes on; twice is as good as once."""
        self._witness.stop()
        if self._strip is not None:
            self._strip.stop()
        settle, self._settle = self._settle, None
        if settle is not None:
            settle()

    def report(self, recording: Recording) -> Report:
        """Say what was lost and why.

        Args:
            recording: What happened on the cluster, until the load had ended or longer.
        """
        return explain(self._witness.stop(), recording, self._namespace, self._service)

    def close(self) -> None:
        """End it where it has begun, and forget its requests."""
        if self._strip is not None:
            self.finish()
        self._folder.close()
