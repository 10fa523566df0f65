"""A small constant load on a Service, and how much of it was lost."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from .observing import Room

RATE = 44
"""Requests a second, each over a new connection."""
TIMEOUT = 3.0


class Load:
    """Sends requests at a constant rate until stopped, each once, whatever becomes of the others.

    Args:
        room: Where the Service is.
        service: Its name.
    """

    def __init__(self, room: Room, service: str = "web") -> None:
        self._room, self._service = room, service
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(RATE * int(TIMEOUT + 1))
        self._sent: list[Future[str]] = []
        self._thread = threading.Thread(target=self._run)
        self._began = 0.0

    def __enter__(self) -> Load:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._pool.shutdown()

    def go_on_until(self, seconds: float) -> None:
        """Return when the load has been on for so many seconds."""
        self._stopping.wait(max(0.0, self._began + seconds - time.monotonic()))

    @property
    def sent(self) -> int:
        """How many requests were sent."""
        return len(self._sent)

    @property
    def losses(self) -> list[str]:
        """What became of the requests that were not answered; to be asked after the end."""
        return [said for one in self._sent if (said := one.result())]

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._sent.append(self._pool.submit(self._ask))
            due = self._began + len(self._sent) / RATE
            self._stopping.wait(max(0.0, due - time.monotonic()))

    def _ask(self) -> str:
        connection = self._room.connect(self._service, timeout=TIMEOUT)
        try:
            connection.request("GET", "/")
            return "" if connection.getresponse().status == 200 else "no 200"
        except Exception as error:
            return type(error).__name__
        finally:
            with suppress(OSError):
                connection.close()
