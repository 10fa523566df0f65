"""A rollout as a staircase: how many Pods of each kind there are over time, and what bounds them.

The bands stand on each other: what can take requests at the bottom, so that its upper edge meets
the line of the fewest that must be available; then what cannot, up to the line of the most that
may be wanted; then what is terminating, which no line bounds. Each band has a pattern of its own,
and each line a dash and a name.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from nodebynode.model.rollout import Rollout, Step
from nodebynode.view.colours import BLUE, DIM, FAINT, GREY, INK, PAPER, SHADE, VERMILION
from nodebynode.view.metrics import clean
from nodebynode.view.writer import document

_WIDTH, _HEIGHT = 760, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 616, 50, 288
_LETTERS = 12
_LEAD = 0.06
"""Part of the width that shows how it was before, and again how it ends."""
_TICKS = 8
_LEAST = 0.01
"""Seconds. What takes less has no length that could be drawn to a scale."""


class _Band(NamedTuple):
    """A kind of Pods: its name, its pattern, and how many there are in a step."""

    name: str
    pattern: str
    count: Callable[[Step], int]


_BANDS = (
    _Band("old, available", "old", lambda step: step.old_available),
    _Band("new, available", "new", lambda step: step.new_available),
    _Band("not available", "waiting", lambda step: step.total - step.available),
    _Band("terminating", "leaving", lambda step: step.terminating),
)
_PATTERNS = {
    "old": f'<rect width="8" height="8" fill="{BLUE}"/>',
    "new": (
        f'<rect width="8" height="8" fill="{PAPER}"/>'
        f'<path d="M-2,2L2,-2M0,8L8,0M6,10L10,6" stroke="{VERMILION}" stroke-width="3"/>'
    ),
    "waiting": (
        f'<rect width="8" height="8" fill="{PAPER}"/><circle cx="4" cy="4" r="1.3" fill="{DIM}"/>'
    ),
    "leaving": (
        f'<rect width="8" height="8" fill="{SHADE}"/>'
        f'<path d="M0,0L8,8M8,0L0,8" stroke="{GREY}" stroke-width="1"/>'
    ),
}


def staircase(rollout: Rollout, prefix: str = "") -> str:
    """Draw a rollout as an SVG document.

    Args:
        rollout: What to draw.
        prefix: Put before every id; two pictures in a page must not share any.
    """
    return _Picture(rollout, prefix).draw()


class _Picture:
    """The picture, and its scales: seconds to the right, Pods upward."""

    def __init__(self, rollout: Rollout, prefix: str) -> None:
        self._rollout, self._prefix = rollout, prefix
        self._steps = _shown(rollout.history)
        last = max(rollout.seconds, rollout.history[-1].at)
        self._span = last if last >= _LEAST else 1.0
        self._most = max(rollout.most_pods, rollout.limits.most, 1)

    def draw(self) -> str:
        rollout = self._rollout
        title = clean(f"A rollout, foretold. {rollout.summary}")
        lines = (
            f"<defs>{''.join(map(self._pattern, _PATTERNS))}</defs>",
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="{PAPER}"/>',
            *self._legend(),
            *self._grid(),
            *self._bands(),
            *self._bounds(),
        )
        return document(_WIDTH, _HEIGHT, self._prefix, (title, str(rollout)), lines)

    def _x(self, seconds: float) -> float:
        lead = _LEAD * (_RIGHT - _LEFT)
        return round(_LEFT + lead + seconds / self._span * (_RIGHT - _LEFT - 2 * lead), 1)

    def _y(self, pods: float) -> float:
        return round(_BOTTOM - pods / self._most * (_BOTTOM - _TOP), 1)

    def _pattern(self, name: str) -> str:
        size = 'width="8" height="8" patternUnits="userSpaceOnUse"'
        return f'<pattern id="{self._prefix}{name}" {size}>{_PATTERNS[name]}</pattern>'

    def _filled(self, band: _Band) -> str:
        return f'fill="url(#{self._prefix}{band.pattern})" stroke="{INK}" stroke-width="1"'

    def _legend(self) -> Iterator[str]:
        for place, band in enumerate(_BANDS):
            x = _LEFT + place * 150
            yield f'<rect x="{x}" y="10" width="24" height="16" {self._filled(band)}/>'
            yield _text(x + 30, 22, band.name)

    def _grid(self) -> Iterator[str]:
        for pods in _marks(self._most):
            y = self._y(pods)
            yield f'<path d="M{_LEFT},{y:g}H{_RIGHT}" stroke="{FAINT}"/>'
            yield _text(_LEFT - 6, y + 4, f"{pods:g}", anchor="end")
        yield _text(_LEFT - 6, _TOP - 12, "Pods", anchor="end")
        for seconds in _marks(self._span):
            x = self._x(seconds)
            yield f'<path d="M{x:g},{_BOTTOM}v5" stroke="{INK}"/>'
            yield _text(x, _BOTTOM + 19, f"{seconds:g}", anchor="middle")
        yield _text(_RIGHT, _BOTTOM + 36, "seconds since the template was changed", anchor="end")

    def _bands(self) -> Iterator[str]:
        """Each band as one closed line around its steps."""
        below = [0] * len(self._steps)
        for band in _BANDS:
            counts = list(map(band.count, self._steps))
            above = [one + count for one, count in zip(below, counts, strict=True)]
            if any(counts):
                there = self._line(above)
                back = self._line(below)[::-1]
                path = "L".join(f"{x:g},{y:g}" for x, y in (*there, *back))
                yield f'<path class="{band.pattern}" d="M{path}Z" {self._filled(band)}/>'
            below = above

    def _line(self, heights: Sequence[int]) -> list[tuple[float, float]]:
        """The corners of a staircase, from the left edge to the right one."""
        corners = [(float(_LEFT), self._y(heights[0]))]
        for (before, after), step in zip(pairwise(heights), self._steps[1:], strict=True):
            if before != after:
                corners += [(self._x(step.at), self._y(one)) for one in (before, after)]
        return [*corners, (float(_RIGHT), self._y(heights[-1]))]

    def _bounds(self) -> Iterator[str]:
        limits = self._rollout.limits
        for pods, said, dash, down in (
            (limits.most, f"at most {limits.most} wanted", "2,3", -4),
            (limits.least, f"at least {limits.least} available", "9,5", 14),
        ):
            y = self._y(pods)
            line = f'<path d="M{_LEFT},{y:g}H{_WIDTH - 8}" fill="none"'
            yield f'{line} stroke="{PAPER}" stroke-width="5"/>'
            yield f'{line} stroke="{INK}" stroke-width="2" stroke-dasharray="{dash}"/>'
            yield _text(_RIGHT + 6, y + down, said)


def _shown(history: Sequence[Step]) -> tuple[Step, ...]:
    """How it was before, and how each instant left it: what was there for no time has no width."""
    begin, *rest = history
    return (begin, *{step.at: step for step in rest}.values())


def _marks(most: float) -> list[float]:
    """Round numbers from 0 to `most`, a handful of them."""
    rough = most / _TICKS
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * one for one in (1, 2, 5, 10) if unit * one >= rough)
    step = max(step, 1) if most >= 1 else step
    return [number * step for number in range(int(most / step) + 1)]


def _text(x: float, y: float, words: str, *, anchor: str = "start") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{_LETTERS}" fill="{INK}" text-anchor="{anchor}">'
        f"{html.escape(words, quote=False)}</text>"
    )
