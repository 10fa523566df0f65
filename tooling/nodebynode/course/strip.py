"""A small live picture of a load: its last 30 s, half a second a column.

A column has one of three shapes, each with its colour: a low bar, a tall one with a point, an
empty box. The browser is sent the picture as it is drawn here, so that the static one is the same.
"""

from __future__ import annotations

import atexit
import html
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import anywidget

from nodebynode.recording import RecordedLoad
from nodebynode.view.colours import BLUE, DIM, PAPER, VERMILION
from nodebynode.view.live import VIEW, is_watched
from nodebynode.witness.columns import SECONDS, WIDTH, Column, Tail, signs, words

_HIGH, _STEP = 24, 8
_SHAPES = {
    "ok": f'd="M0 18h6v6H0z" fill="{BLUE}"',
    "lost": f'd="M0 7L3 0L6 7V24H0z" fill="{VERMILION}"',
    "not measured": f'd="M.5 12.5h5v11h-5z" fill="{PAPER}" stroke="{DIM}" stroke-dasharray="2 1"',
}
_QUIET = 2.0
"""Seconds from one thing that is said aloud to the next, at least."""
_JOIN_SECONDS = 2.0


class _Screen(anywidget.AnyWidget):
    """The widget; it has no state that changes."""

    _esm = Path(__file__).with_name("strip.js").read_text(encoding="utf-8")


class Strip:
    """Follows a load's log until the load ends or it is stopped.

    Args:
        log: The log of a witness that has been started.
    """

    def __init__(self, log: Path) -> None:
        self._tail, self._lock = Tail(log), threading.Lock()
        self._screen: _Screen | None = None
        self._shown: Sequence[Column] = ()
        self._news, self._told = "", 0.0
        self._error: Exception | None = None
        self._stopping = threading.Event()
        self._look()
        self._thread = threading.Thread(target=self._run, name="load strip", daemon=True)
        self._thread.start()
        atexit.register(self._stopping.set)

    def __repr__(self) -> str:
        return f"{words(self._shown)}\n[{signs(self._shown)}]  . ok  x lost  ? not measured"

    def so_far(self, namespace: str, service: str) -> RecordedLoad:
        """All of the load until now, for a recording; of the Service that it goes to."""
        with suppress(OSError, ValueError):  # `stop` tells it; what has been read stays
            self._look()
        with self._lock:
            return self._tail.so_far(namespace, service)

    def stop(self) -> None:
        """Follow no longer; what has been seen stays.

        Raises:
            Exception: the log could not be read any more.
        """
        atexit.unregister(self._stopping.set)
        self._stopping.set()
        self._thread.join(_JOIN_SECONDS)
        if self._error is not None:
            raise self._error

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> dict[str, object]:
        """Jupyter's hook: the picture of now and its words, and the widget where somebody looks."""
        bundle: dict[str, object] = {"text/plain": repr(self), "text/html": picture(self._shown)}
        if not is_watched():
            return bundle
        if self._screen is None:
            self._screen = _Screen()
            self._screen.on_msg(lambda *_: self._send())
        model = {"version_major": 2, "version_minor": 0, "model_id": self._screen.model_id}
        return {**bundle, VIEW: model}

    def _run(self) -> None:
        while not (self._tail.ended or self._stopping.wait(WIDTH)):
            try:
                self._look()
                self._send()
            except Exception as error:  # kept for `stop`
                self._error = error
                break
        self._stopping.set()
        self._send()

    def _look(self) -> None:
        with self._lock:
            self._shown = self._tail.columns(datetime.now(UTC))

    def _send(self) -> None:
        if self._screen is None:
            return
        ended = self._stopping.is_set() or self._tail.ended
        news = "The load has ended." if ended else _news(self._shown)
        now = time.monotonic()
        if ended or now - self._told > _QUIET:
            self._told = now if news != self._news else self._told
            self._news = news
        told = {"html": picture(self._shown), "news": self._news, "ended": ended}
        self._screen.send(told)


def picture(shown: Sequence[Column]) -> str:
    """The columns as a figure in HTML, with the same in words."""
    wide = round(SECONDS / WIDTH) * _STEP
    marks = "".join(
        f'<path transform="translate({place * _STEP + 1})" {_SHAPES[one.verdict]}/>'
        for place, one in enumerate(shown)
        if one.verdict
    )
    said = html.escape(words(shown))
    keys = "".join(
        f'<svg width="8" height="{_HIGH}" aria-hidden="true" style="margin:0 4px 0 12px">'
        f"<path {shape}/></svg>{name}"
        for name, shape in _SHAPES.items()
    )
    return (
        '<figure style="margin:0;color:#1b1f24;background:#fff;padding:4px;font:13px system-ui">'
        f'<svg role="img" aria-label="{said}" viewBox="0 0 {wide} {_HIGH}" width="{wide}" '
        f'style="max-width:100%">{marks}</svg>'
        f"<figcaption>{said}{keys}</figcaption></figure>"
    )


def _news(shown: Sequence[Column]) -> str:
    """What is worth being said aloud: that requests get lost now, or no longer."""
    recent = shown[-4:]
    if any(one.lost for one in recent):
        return "Requests are being lost."
    return "Requests were lost; now they are answered." if any(one.lost for one in shown) else ""
