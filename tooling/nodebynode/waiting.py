"""Waiting for a condition, with a limit, and with the last state seen in the error."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from nodebynode.errors import ClusterError

T = TypeVar("T")


def wait_for(
    condition: Callable[[], T | None],
    *,
    timeout: float,
    what: str,
    seen: Callable[[], str] = str,
    do: str = "",
    every: float = 0.2,
) -> T:
    """Call `condition` until it returns something true, and return that.

    Args:
        condition: Asked again and again; a false value means not yet.
        timeout: Seconds to wait at most. The condition is asked at least once.
        what: What is waited for, for the error: "four nodes Ready".
        seen: Describes the last state, for the error.
        do: What the reader of the error can do.
        every: Seconds between two questions.

    Raises:
        ClusterError: the time is up; the message tells the last state seen.
    """
    deadline = time.monotonic() + timeout
    while True:
        if result := condition():
            return result
        if time.monotonic() >= deadline:
            state = seen()
            raise ClusterError(
                f"Waited {timeout:.0f} s for {what}" + (f"; last seen: {state}." if state else "."),
                do,
            )
        time.sleep(every)
