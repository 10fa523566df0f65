"""What a picture is made of: boxes with lines of text, at fixed places.

Coordinates are points from the top left, y downward. Nothing is left to a layout engine, because
the same picture must come out of every Graphviz, and must not jump when one Pod changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from nodebynode.view.metrics import clean, shorten, text_width

INK, GREY, FAINT, PAPER, TINT = "#1b1f24", "#57606a", "#c4cad1", "#ffffff", "#f6f8fa"
# Okabe and Ito's colours, which stay apart in every kind of colour vision (views.md 3.8).
BLUE, VERMILION, OLIVE = "#0072b2", "#d55e00", "#8a6d00"
GAP = 4
"""Points between the texts of a row."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words in one size, weight and colour."""

    words: str
    size: float = 11
    ink: str = INK
    bold: bool = False

    @property
    def width(self) -> float:
        """Points, by the conservative table."""
        return text_width(self.words, self.size, bold=self.bold)

    def within(self, room: float) -> Text:
        """The same text on one clean line, cut where it needs more than `room` points."""
        return replace(self, words=shorten(clean(self.words), self.size, room, bold=self.bold))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a box: texts from the left, and at most one that ends at the right."""

    height: int
    left: tuple[Text, ...] = ()
    right: Text | None = None

    @property
    def width(self) -> float:
        """Points that its texts need."""
        texts = [*self.left, *([self.right] if self.right else [])]
        return sum(text.width for text in texts) + GAP * (len(texts) - 1)


@dataclass(frozen=True, slots=True)
class Frame:
    """The edge and ground of a box; `dash` is `solid`, `dashed` or `dotted`, `pen` in points."""

    stroke: str = FAINT
    fill: str = PAPER
    pen: float = 1.2
    dash: str = "solid"
    rounded: bool = True


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with rows of text, and a band on its left that names its version.

    `key` is its name in the DOT text; `id` is what a browser can find it by from frame to frame;
    `kind` is its classes; `pad` and `top` are points from its edge to its text.
    """

    key: str
    id: str
    kind: str
    x: float
    y: float
    width: float
    height: float
    frame: Frame = Frame()
    rows: tuple[Row, ...] = ()
    band: str = ""
    pad: int = 12
    top: int = 8
    tooltip: str = ""

    @property
    def indent(self) -> int:
        """Points from the left edge to the text."""
        return self.pad + (8 if self.band else 0)

    @property
    def room(self) -> float:
        """Points that a row of text may take."""
        return self.width - self.indent - self.pad

    @property
    def bottom(self) -> float:
        """The y of its lower edge."""
        return self.y + self.height

    def saying(self, *rows: Row) -> Box:
        """The box with these rows, each cut to fit; the text on the right may take half of it."""
        return replace(self, rows=tuple(_fit(row, self.room) for row in rows))


def _fit(row: Row, room: float) -> Row:
    right = row.right
    if right is not None:
        taken = sum(text.width + GAP for text in row.left)
        right = right.within(max(room / 2, room - taken))
        room -= right.width + GAP
    left = list[Text]()
    for text in row.left:
        left.append(text.within(room))
        room -= left[-1].width + GAP
    return replace(row, left=tuple(left), right=right)


@dataclass(frozen=True, slots=True)
class Link:
    """A vertical line from a box to the next one below it."""

    tail: str
    head: str
    x: float
    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole picture; a later box lies over an earlier one.

    `slots` says which place each Pod (by UID) has on its node, to be kept in the next picture.
    """

    width: float
    height: float
    sentence: str
    boxes: tuple[Box, ...]
    links: tuple[Link, ...] = ()
    slots: Mapping[str, int] = field(default_factory=dict, hash=False)


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

    @property
    def columns(self) -> int:
        """How many places stand side by side."""
        return max(1, int((self.width + self.gap) // (self.least + self.gap)))

    def rows(self, places: int) -> int:
        """How many rows so many places need."""
        return -(-places // self.columns)

    def depth(self, rows: int) -> int:
        """Points that so many rows take, with a gap after each."""
        return rows * (self.height + self.gap)

    def place(self, slot: int) -> tuple[float, float, float, float]:
        """x, y, width and height of one place."""
        row, column = divmod(slot, self.columns)
        wide = (self.width - (self.columns - 1) * self.gap) / self.columns
        x = self.x + column * (wide + self.gap)
        return x, self.y + row * (self.height + self.gap), wide, self.height


def take_places(uids: Sequence[str], before: Mapping[str, int]) -> dict[str, int]:
    """Give each UID a place: the one it had, else the lowest that is free."""
    kept = {uid: before[uid] for uid in uids if uid in before}
    taken = set(kept.values())
    free = (slot for slot in count() if slot not in taken)
    return {uid: kept[uid] if uid in kept else next(free) for uid in uids}
