"""Figures: what was measured, how often, and how it came out."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Figures:
    """Values by name, in the order in which they were first taken; seconds where no unit is named.

    Args:
        say: Told each value as it is taken.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._values: dict[str, list[float]] = defaultdict(list)
        self._units: dict[str, str] = {}
        self._say = say

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Take the time of a block; a block that fails is not counted."""
        began = time.monotonic()
        yield
        self.add(name, time.monotonic() - began)

    def add(self, name: str, value: float, unit: str = "s") -> None:
        """Take a value that was measured elsewhere."""
        self._values[name].append(value)
        self._units[name] = unit
        self._say(f"{name}: {value:.2f} {unit}")

    def medians(self) -> dict[str, float]:
        """Return the median of each figure, in its own unit."""
        return {name: statistics.median(values) for name, values in self._values.items()}

    def rows(self) -> list[tuple[str, ...]]:
        """Return name, unit, runs, minimum, median and maximum of each figure, as text."""
        summary = (min, statistics.median, max)
        return [
            (name, self._units[name], str(len(of)), *(f"{one(of):.2f}" for one in summary))
            for name, of in self._values.items()
        ]
