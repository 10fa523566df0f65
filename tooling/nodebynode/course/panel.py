"""A learner's progress in the lab that is open, in a notebook: it follows each step.

The browser is sent the tables as they are made here, so that the static ones are the same. Nothing
in it is told by colour: a check that has passed is a box with a tick, and a word.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path

import anywidget

from nodebynode.course.outline import Outline
from nodebynode.course.progress import LabProgress, Record, words
from nodebynode.view.live import VIEW, is_watched
from nodebynode.view.picture import html_table

_BOX, _STEP = 16, 22
_CODE = re.compile(r"`([^`]+)`")
_TICK = '<path d="M4 8.5l3 3.5l5.5-8" fill="none" stroke="currentColor" stroke-width="2"/>'


class _Screen(anywidget.AnyWidget):
    """The widget; it has no state that changes."""

    _esm = Path(__file__).with_name("panel.js").read_text(encoding="utf-8")
    _css = """
.nbn-panel { padding: 0 8px; }
.nbn-panel p, .nbn-panel table { margin: 8px 0; }
.nbn-panel th, .nbn-panel td { padding: 2px 16px 2px 0; text-align: left; }
"""


class Panel:
    """Shows how a lab stands, and goes on doing so while somebody looks.

    Args:
        outline: The lab.
        record: What is written down of it.
    """

    def __init__(self, outline: Outline, record: Record) -> None:
        self._outline, self._record = outline, record
        self._screen: _Screen | None = None
        self._passed = self._now_passed()
        self._news = ""
        record.subscribe(self._changed)

    def __repr__(self) -> str:
        return words.whole(self._outline, self._record.progress)

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> dict[str, object]:
        """Jupyter's hook: the tables of now, and the widget where somebody looks."""
        drawn = page(self._outline, self._record.progress)
        bundle: dict[str, object] = {"text/plain": repr(self), "text/html": drawn}
        if not is_watched():
            return bundle
        if self._screen is None:
            self._screen = _Screen()
            self._screen.on_msg(lambda *_: self._send())
        model = {"version_major": 2, "version_minor": 0, "model_id": self._screen.model_id}
        return {**bundle, VIEW: model}

    def _changed(self) -> None:
        before, self._passed = self._passed, self._now_passed()
        if new := [name for name in self._passed if name not in before]:
            every = len(self._outline.steps)
            self._news = f"Passed: {', '.join(new)}. {len(self._passed)} of {every} checks."
        self._send()

    def _send(self) -> None:
        if self._screen is not None:
            drawn = page(self._outline, self._record.progress)
            self._screen.send({"html": drawn, "news": self._news})

    def _now_passed(self) -> Sequence[str]:
        return self._record.progress.passed(self._outline.checks)


def page(outline: Outline, done: LabProgress) -> str:
    """A lab's progress as HTML."""
    name = html.escape(f"Lab {outline.number} · {outline.title}")
    drawn = "".join(
        _box(place, done.tries_of(check).passed) for place, check in enumerate(outline.checks)
    )
    wide = len(outline.steps) * _STEP
    told = "".join(map(html_table, words.tables(outline, done)))
    below = "".join(f"<p>{in_html(text)}</p>" for text in words.notes(done))
    return (
        '<section class="nbn-panel" '
        f'aria-label="Your progress in lab {outline.number}">'
        f"<p><strong>{name}</strong></p>"
        f'<svg aria-hidden="true" viewBox="0 0 {wide} {_BOX + 2}" width="{wide}" '
        f'style="max-width:100%">{drawn}</svg>'
        f"<p>{in_html(words.standing(outline, done))}</p>{told}{below}</section>"
    )


def _box(place: int, passed: bool) -> str:
    frame = (
        f'<rect x="1" y="1" width="{_BOX}" height="{_BOX}" rx="2" fill="none" '
        'stroke="currentColor" stroke-width="1.5"/>'
    )
    return f'<g transform="translate({place * _STEP})">{frame}{_TICK * passed}</g>'


def in_html(text: str) -> str:
    """A text as HTML, with what stands between backticks as code."""
    return _CODE.sub(r"<code>\1</code>", html.escape(text))
