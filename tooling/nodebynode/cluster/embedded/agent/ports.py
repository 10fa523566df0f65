"""Ports of 127.0.0.1 for Pods' processes."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterable

LOCAL_PORTS = range(20000, 30000)
"""Below the ports that systems give to outgoing connections (32768 on Linux, 49152 on macOS): one
of those, in use at the wrong moment, would keep an app from listening."""


class LocalPorts:
    """Gives out each port once until it comes back."""

    def __init__(self) -> None:
        self._next = itertools.cycle(LOCAL_PORTS)
        self._taken: set[int] = set()

    def take(self) -> int:
        """Return a port that is neither given out nor used by anybody else.

        Raises:
            OSError: none is free.
        """
        for port in itertools.islice(self._next, len(LOCAL_PORTS)):
            if port not in self._taken and _is_free(port):
                self._taken.add(port)
                return port
        raise OSError("no port of 127.0.0.1 is free for a Pod")

    def give_back(self, ports: Iterable[int]) -> None:
        """Take ports back."""
        self._taken.difference_update(ports)


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
