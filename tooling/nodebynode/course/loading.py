"""A load on one of a lab's Services: it begins, is watched, and is explained at its end."""

from __future__ import annotations

import tempfile
from pathlib import Path

from nodebynode.course.strip import Strip
from nodebynode.recording import Recording
from nodebynode.witness import Report, Witness, explain


class Load:
    """Requests to a Service, from its making to `finish`, and their live strip.

    Args:
        url: The Service's address on this machine.
        namespace: The Service's namespace.
        service: Its name.
        rate: Requests a second.
        seconds: When it ends by itself.
        keep_alive: Connections that are kept; 0 makes a new one for each request.

    Attributes:
        strip: How the last requests fared; for a notebook to show.

    Raises:
        BadInput: One of them is out of bounds.
        ClusterError: The load did not begin.
    """

    def __init__(
        self,
        url: str,
        namespace: str,
        service: str,
        *,
        rate: float,
        seconds: float,
        keep_alive: int,
    ) -> None:
        self._namespace, self._service = namespace, service
        self._folder = tempfile.TemporaryDirectory(prefix="nodebynode-load-")
        log = Path(self._folder.name, "requests.jsonl")
        self._witness = Witness(url, log, rate, seconds, keep_alive)
        self._witness.start()
        self.strip = Strip(log)

    def finish(self) -> None:
        """End it where it goes on; twice is as good as once."""
        self._witness.stop()
        self.strip.stop()

    def report(self, recording: Recording) -> Report:
        """Say what was lost and why.

        Args:
            recording: What happened on the cluster, until the load had ended or longer.
        """
        return explain(self._witness.stop(), recording, self._namespace, self._service)

    def close(self) -> None:
        """End it, and forget its requests."""
        self.finish()
        self._folder.cleanup()
