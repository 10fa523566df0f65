"""What a picture is made of: boxes with lines of text, at fixed places.

Coordinates are points from the top left, y downward. Nothing is left to a layout engine, because
the same picture must come out of every Graphviz, and must not jump when one Pod changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from nodebynode.view.colours import BLUE, FAINT, GREY, INK, PAPER
from nodebynode.view.metrics import clean, shorten, text_width

GAP = 4
"""Points between the texts of a row."""
Line = tuple[float, float, float, float]
"""From x, y to x, y."""


def safe_id(text: str) -> str:
    """Text as a part of an id: what is no letter, digit, dot or dash becomes its code point."""
    return re.sub(r"[^A-Za-z0-9.-]", lambda found: f"_{ord(found[0]):x}_", text)


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
        words = shorten(clean(self.words), self.size, room, bold=self.bold)
        return self if words == self.words else Text(words, self.size, self.ink, self.bold)


def largest(text: Text, room: float, sizes: Sequence[float]) -> Text:
    """The text in the first of these sizes in which it fits, else in the last one."""
    for size in sizes:
        made = Text(text.words, size, text.ink, text.bold)
        if made.width <= room:
            break
    return made


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
class Stroke:
    """Straight lines of one colour, `pen` points wide."""

    lines: tuple[Line, ...]
    ink: str = BLUE
    pen: float = 5


def bar(x: float, y: float, width: float, height: float, ink: str) -> Stroke:
    """A full rectangle, which is one broad line."""
    return Stroke(((x, y + height / 2, x + width, y + height / 2),), ink, height)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with rows of text, and a band on its left that names its version.

    `key` is its name in the DOT text; `id` is what a browser can find it by from frame to frame;
    `kind` is its classes; `pad` and `top` are points from its edge to its text; `strokes` belong
    to it, in it or at its edge, in the page's coordinates.
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
    strokes: tuple[Stroke, ...] = ()

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

    @property
    def right(self) -> float:
        """The x of its right edge."""
        return self.x + self.width

    def saying(self, *rows: Row) -> Box:
        """The box with these rows, each cut to fit; the text on the right may take half of it."""
        return replace(self, rows=self.fitting(rows))

    def fitting(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        """The rows as they fit into the box."""
        return tuple(_fit(row, self.room) for row in rows)

    def texts(self) -> Iterator[Placed]:
        """Each text that has words, in all the room that is left to it."""
        y = self.y + self.top
        for row in self.rows:
            x, end = self.x + self.indent, self.x + self.indent + self.room
            if row.right and row.right.words:
                yield Placed(row.right, x, y, end, row.height, True)
                end -= row.right.width
            for text in row.left:
                if text.words:
                    yield Placed(text, x, y, end, row.height, False)
                    x += text.width + GAP
            y += row.height


class Placed(NamedTuple):
    """A text where it stands: from `x` to `end`, in the middle of a row, at one of its sides."""

    text: Text
    x: float
    y: float
    end: float
    height: float
    right: bool


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
    return Row(row.height, tuple(left), right)


@dataclass(frozen=True, slots=True)
class Link:
    """A line of right angles from one box to another, through the points of `path`."""

    id: str
    tail: str
    head: str
    path: tuple[tuple[float, float], ...]
    kind: str = "owns"
    ink: str = GREY
    pen: float = 1.4
    dash: str = "solid"
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a picture hands on, so that the next one does not jump.

    `places` has each Pod's place by home and UID, `rows` how many rows of places a home has got,
    `sets` the UIDs of the ReplicaSets in the column, `traffic` whether Services have been seen.
    A home is a node's name, or that of the tray or of the lines that count ReplicaSets.
    """

    size: str = ""
    places: Mapping[str, Mapping[str, int]] = field(default_factory=dict, hash=False)
    rows: Mapping[str, int] = field(default_factory=dict, hash=False)
    sets: frozenset[str] = frozenset()
    traffic: bool = False
    height: float = 0


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole picture; a later box lies over an earlier one, and the links over all.

    `size` is how much room a Pod has got: `full`, `compact` or `bars`.
    """

    width: float
    height: float
    sentence: str
    boxes: tuple[Box, ...]
    links: tuple[Link, ...] = ()
    size: str = "full"
    kept: Kept = Kept()
