"""Places for Pods: a grid of them, and who gets which and keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True, slots=True)
class Grid:
    """Equal places in rows, inside a box that is `width` wide, from (`x`, `y`)."""

    x: float
    y: float
    width: float
    least: int
    """Points that a place is wide, at least."""
    height: int
    gap: int = 8
    below: int = 8
    """Points below each row."""

    @property
    def columns(self) -> int:
        """How many places stand side by side."""
        return max(1, int((self.width + self.gap) // (self.least + self.gap)))

    def rows(self, places: int) -> int:
        """How many rows so many places need."""
        return -(-places // self.columns)

    def depth(self, rows: int) -> int:
        """Points that so many rows take, with what is below each."""
        return rows * (self.height + self.below)

    def place(self, slot: int) -> tuple[float, float, float, float]:
        """x, y, width and height of one place."""
        row, column = divmod(slot, self.columns)
        wide = (self.width - (self.columns - 1) * self.gap) / self.columns
        x = self.x + column * (wide + self.gap)
        return x, self.y + row * (self.height + self.below), wide, self.height


def take_places(uids: Sequence[str], before: Mapping[str, int]) -> dict[str, int]:
    """Give each UID a place: the one it had, else the lowest that is free."""
    kept = {uid: before[uid] for uid in uids if uid in before}
    taken = set(kept.values())
    free = (slot for slot in count() if slot not in taken)
    return {uid: kept[uid] if uid in kept else next(free) for uid in uids}
