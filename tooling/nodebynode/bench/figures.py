"""Figures: what was timed, how often, and how it came out."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Figures:
    """Seconds by name, in the order in which they were first taken."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self._say = say

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Take the time of a block; a block that fails is not counted."""
        began = time.monotonic()
        yield
        self.add(name, time.monotonic() - began)

    def add(self, name: str, seconds: float) -> None:
        """Take a time that was measured elsewhere."""
        self._seconds[name].append(seconds)
        self._say(f"{name}: {seconds:.2f} s")

    def medians(self) -> dict[str, float]:
        """Return the median of each figure in seconds."""
        return {name: statistics.median(values) for name, values in self._seconds.items()}

    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """Return name, runs, minimum, median and maximum of each figure, as text."""
        return [
            (
                name,
                str(len(values)),
                f"{min(values):.2f}",
                f"{statistics.median(values):.2f}",
                f"{max(values):.2f}",
            )
            for name, values in self._seconds.items()
        ]
