"""How plans fared side by side: endpoints over time, and what was lost, on one time axis.

Each plan has a band of its own, each day a column that all bands share, so that what happened at
the same time stands above each other. A curve says how many endpoints were ready; the dashed line
is the strength that was asked for; bars that hang below a band are lost requests, counted beside
them in figures.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nodebynode.view.colours import BLUE, DIM, FAINT, INK, PAPER, SHADE, TINT, VERMILION
from nodebynode.view.metrics import clean
from nodebynode.view.writer import document

_WIDTH, _LEFT, _RIGHT, _TOP = 860, 92, 850, 34
_BAND, _LANE, _GAP, _AXIS = 96, 30, 16, 40
_BETWEEN = 10
_LEAST = 84
"""Points that a column takes at the least, so that its name and its figures fit."""
_LETTERS = 12
_MARKS = 4
_BUCKET = 4
"""Points of a bar of lost requests."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One plan in one column.

    Attributes:
        steps: Seconds since the column's beginning, and how many endpoints were ready from then on.
        seconds: How long it was looked at.
        lost: When a lost request was sent, in seconds since the beginning.
        sent: How many requests were sent.
    """

    steps: Sequence[tuple[float, int]]
    seconds: float
    lost: Sequence[float]
    sent: int


@dataclass(frozen=True, slots=True)
class Column:
    """A stretch of time: its name, and a curve for each plan, or None for one that took no part."""

    name: str
    curves: Sequence[Curve | None]

    @property
    def seconds(self) -> float:
        """How long it took."""
        return max((one.seconds for one in self.curves if one), default=0.0)


def availability(
    plans: Sequence[str],
    columns: Sequence[Column],
    strength: int,
    words: tuple[str, str],
    prefix: str = "",
) -> str:
    """Draw plans below each other as an SVG document.

    Args:
        plans: Their names.
        columns: The stretches of time, each with a curve for each plan.
        strength: How many endpoints are asked for.
        words: The picture in a sentence, and in words.
        prefix: Put before every id; two pictures in a page must not share any.
    """
    return _Picture(plans, columns, strength).draw(words, prefix)


class _Picture:
    """The picture, and its scales: seconds to the right within a column, endpoints upward."""

    def __init__(self, plans: Sequence[str], columns: Sequence[Column], strength: int) -> None:
        self._plans, self._columns, self._strength = plans, columns, strength
        counts = [n for one in columns for c in one.curves if c for _, n in c.steps]
        self._most = max([strength, *counts])
        self._spans = _spans([one.seconds for one in columns])
        self._peak = max(
            (n for place in range(len(columns)) for curve in columns[place].curves if curve
             for n in self._bars(curve, place).values()),
            default=1,
        )  # fmt: skip

    def draw(self, words: tuple[str, str], prefix: str) -> str:
        height = _TOP + len(self._plans) * (_BAND + _LANE + _GAP) + _AXIS
        lines = [f'<rect width="{_WIDTH}" height="{height}" fill="{PAPER}"/>', *self._heads()]
        for row, plan in enumerate(self._plans):
            top = _TOP + row * (_BAND + _LANE + _GAP)
            lines += self._frame(plan, top)
            for place, column in enumerate(self._columns):
                curve = column.curves[row]
                lines += self._curve(curve, place, top) if curve else self._absent(place, top)
        lines += self._axis(_TOP + len(self._plans) * (_BAND + _LANE + _GAP))
        title, desc = words
        return document(_WIDTH, height, prefix, (clean(title), desc), lines)

    def _x(self, place: int, seconds: float) -> float:
        left, width = self._spans[place]
        whole = self._columns[place].seconds or 1.0
        return round(left + min(seconds / whole, 1.0) * width, 1)

    def _y(self, top: float, endpoints: float) -> float:
        return round(top + _BAND - endpoints / self._most * (_BAND - 8), 1)

    def _heads(self) -> Iterator[str]:
        for (left, width), column in zip(self._spans, self._columns, strict=True):
            yield _text(left + width / 2, _TOP - 14, column.name, anchor="middle", bold=True)

    def _frame(self, plan: str, top: float) -> Iterator[str]:
        """What a band has in all its columns: its name, its grounds, the strength asked for."""
        yield _text(_LEFT - 26, top + 14, plan, anchor="end", bold=True)
        strength = self._y(top, self._strength)
        for left, width in self._spans:
            yield f'<rect x="{left:g}" y="{top}" width="{width:g}" height="{_BAND}" fill="{TINT}"/>'
        for number in (0, self._strength):
            yield _text(_LEFT - 6, self._y(top, number) + 4, str(number), anchor="end")
        yield _text(_LEFT - 26, top + _BAND - 12, "ready", anchor="end")
        yield _text(_LEFT - 26, top + _BAND + 14, "lost", anchor="end")
        for left, width in self._spans:
            yield (
                f'<path d="M{left:g},{strength:g}h{width:g}" fill="none" stroke="{DIM}" '
                'stroke-dasharray="6,4"/>'
            )

    def _curve(self, curve: Curve, place: int, top: float) -> Iterator[str]:
        base = top + _BAND
        corners = self._corners(curve, place, top)
        line = "L".join(f"{x:g},{y:g}" for x, y in corners)
        first, last = corners[0][0], corners[-1][0]
        yield f'<path class="ready" d="M{first:g},{base}L{line}L{last:g},{base}Z" fill="{SHADE}"/>'
        yield f'<path d="M{line}" fill="none" stroke="{BLUE}" stroke-width="2.5"/>'
        for bucket, lost in sorted(self._bars(curve, place).items()):
            x, deep = self._spans[place][0] + bucket * _BUCKET, 4 + 12 * lost / self._peak
            yield (
                f'<path class="lost" d="M{x:g},{base + 2}h{_BUCKET - 1}v{deep:.1f}'
                f'l-1.5,3l-1.5,-3z" fill="{VERMILION}"/>'
            )
        left, width = self._spans[place]
        said = f"{len(curve.lost)} of {curve.sent}"
        yield _text(left + width, base + _LANE + 4, said, anchor="end")

    def _absent(self, place: int, top: float) -> Iterator[str]:
        """That a plan took no part; an empty ground alone would look like nothing ready."""
        left, width = self._spans[place]
        yield _text(left + width / 2, top + _BAND - 12, "no part", anchor="middle")

    def _corners(self, curve: Curve, place: int, top: float) -> list[tuple[float, float]]:
        corners = list[tuple[float, float]]()
        for seconds, endpoints in curve.steps:
            x, y = self._x(place, seconds), self._y(top, endpoints)
            if corners:
                corners.append((x, corners[-1][1]))
            corners.append((x, y))
        corners = corners or [(self._x(place, 0), self._y(top, 0))]
        return [*corners, (self._x(place, curve.seconds), corners[-1][1])]

    def _bars(self, curve: Curve, place: int) -> Counter[int]:
        """How many requests were lost, by the place of their bar."""
        left = self._spans[place][0]
        return Counter(int((self._x(place, at) - left) // _BUCKET) for at in curve.lost)

    def _axis(self, y: float) -> Iterator[str]:
        for place, column in enumerate(self._columns):
            for seconds in _marks(column.seconds):
                x = self._x(place, seconds)
                yield f'<path d="M{x:g},{y - 4:g}v5" stroke="{INK}"/>'
                if x <= sum(self._spans[place]) - _BETWEEN:  # the next column has a 0 there
                    yield _text(x, y + 14, f"{seconds:g}", anchor="middle")
        yield f'<path d="M{_LEFT},{y - 4:g}H{_RIGHT}" stroke="{FAINT}"/>'
        yield _text(_RIGHT, y + 32, "seconds since the load of that column began", anchor="end")


def _spans(seconds: Sequence[float]) -> list[tuple[float, float]]:
    """Where each column begins, and how wide it is: by its time, and never too narrow."""
    if not seconds:
        return []
    room = _RIGHT - _LEFT - _BETWEEN * (len(seconds) - 1)
    least = min(_LEAST, room / len(seconds))
    spare, whole = room - least * len(seconds), sum(seconds) or 1.0
    spans, x = list[tuple[float, float]](), float(_LEFT)
    for one in seconds:
        width = round(least + spare * one / whole, 1)
        spans.append((round(x, 1), width))
        x += width + _BETWEEN
    return spans


def _marks(seconds: float) -> list[int]:
    """Round numbers of seconds, a few of them."""
    step = next((one for one in (1, 2, 5, 10, 20, 30, 60, 120) if seconds / one <= _MARKS), 300)
    return list(range(0, int(seconds) + 1, step))


def _text(x: float, y: float, words: str, *, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="bold"' * bold
    return (
        f'<text x="{x:g}" y="{y:g}"{weight} font-size="{_LETTERS}" fill="{INK}" '
        f'text-anchor="{anchor}">{html.escape(clean(words), quote=False)}</text>'
    )
