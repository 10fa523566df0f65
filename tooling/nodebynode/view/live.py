"""The picture while it happens: a view that follows a cluster in a notebook.

Frames go to the browser as messages, never as the widget's synced state: what is synced is saved
in the notebook file. The browser keeps the film, so that going back works while the kernel is busy
or gone; one that has missed something asks for all of it.

Where nobody looks on, because a program runs the notebook, there is no widget but a picture: a
widget that was stored with its state would be all that an export shows, and it shows nothing.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import anywidget
import traitlets

from nodebynode.state import State, in_namespace, parse_state, seconds_left
from nodebynode.state.status import Json
from nodebynode.view.files import write
from nodebynode.view.film import Film, Message
from nodebynode.view.pacing import Pacer, pace
from nodebynode.view.page import MARKUP, PLAYER, STYLE, page
from nodebynode.view.picture import Map
from nodebynode.view.traffic import Sent
from nodebynode.view.writer import to_svg

_BEAT = 2.0
"""Seconds from one sign of life to the next; the player waits for three of them."""
_COUNTDOWN = 1.0
"""Seconds from one frame to the next while a Pod's grace period runs."""
_SENDING = 0.5
"""Seconds from one look at a load to the next."""
_FORGOTTEN = 600.0
"""Seconds after which frames are no longer sent to a browser that has not been heard of.

The Jupyter server keeps every message for a page that was closed, in memory.
"""
_LARGE = 28_000
"""Letters of a static picture beyond which it is left out beside a widget: they are all saved.

With the player, which some front ends save as well, a view then takes less than 50 KB of the file.
"""
_FIRST = 3.0
"""Seconds that the first picture waits at most until the source knows what there is."""
_SHARE, _SHARE_UNSEEN = 2, 20
"""After a frame, so many times what it took to make it is left to the cells: more where no browser
has asked for the widget, since a program runs the notebook then."""
_JOIN_SECONDS = 2.0
VIEW = "application/vnd.jupyter.widget-view+json"


class Source(Protocol):
    """Where a cluster's objects come from; several views may share one."""

    @property
    def stale_since(self) -> float | None:
        """When contact was lost, in seconds since the epoch; None while it is up to date."""

    @property
    def problem(self) -> str:
        """Why contact was lost."""

    def subscribe(self, listener: Callable[[object], None]) -> Callable[[], None]:
        """Have each change told, in any thread; returns what ends it."""

    def snapshot(self) -> Mapping[str, Sequence[Json]]:
        """The objects as they are now, by plural."""


class _Screen(anywidget.AnyWidget):
    """The widget: nothing but the player. It has no state that changes."""

    _esm = PLAYER
    _css = STYLE
    page = traitlets.Unicode(MARKUP).tag(sync=True)


class _Plain(Map):
    """A map that the built-in writer draws: it needs fewer letters than Graphviz."""

    def draw(self, prefix: str = "") -> str:
        return to_svg(self.scene, prefix, self.text)


class Live:
    """A view that follows a source until it is stopped, or its process ends.

    Args:
        source: Where the objects come from.
        namespace: Whose objects to show; None shows all.
        modelled: What the cluster only models, in words.
        loads: What became of requests to Services until it is asked, to be shown beside.
    """

    def __init__(
        self,
        source: Source,
        *,
        namespace: str | None = None,
        modelled: Collection[str] = (),
        loads: Callable[[], Sequence[Sent]] = tuple,
    ) -> None:
        self._source, self._namespace, self._modelled = source, namespace, modelled
        self._loads = loads
        self._film = Film(namespace=namespace, modelled=modelled)
        self._lock = threading.RLock()  # the film, and the order of messages
        self._screen: _Screen | None = None
        self._heard = 0.0  # of a browser, by the monotonic clock
        self._told = 0.0  # to the browser, likewise
        self._life = ""
        self._wanted = False  # all frames, by a browser
        self._changes, self._changing = 0, threading.Lock()
        self._error: Exception | None = None
        self._wake, self._stopping = threading.Event(), threading.Event()
        self._drawn = threading.Event()
        self._wake.set()
        self._thread = threading.Thread(target=self._run, name="live view", daemon=True)
        self._unsubscribe = source.subscribe(self._hear)
        self._thread.start()
        atexit.register(self._end)

    def __repr__(self) -> str:
        return f"<Live view, {'stopped' if self._stopping.is_set() else 'following'}>"

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ── what a notebook uses ─────────────────────────────────────────────────────────────────

    def mark(self, kind: str, text: str) -> None:
        """Mark this instant.

        Args:
            kind: `action`, `prediction` or `note`.
            text: What was done, foretold or noted.
        """
        with self._lock:
            self._send(self._film.mark(datetime.now(UTC), kind, text))

    def check(self) -> None:
        """Raise what went wrong while a picture was made, if anything did."""
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Follow no longer. What has been seen stays in the browser.

        Raises:
            Exception: Something went wrong while a picture was made; see `check`.
        """
        atexit.unregister(self._end)
        self._end()
        self._thread.join(_JOIN_SECONDS)
        self.check()

    def export(self, path: str | Path) -> Path:
        """Write what has been seen as one HTML page that works offline.

        Returns:
            The file.

        Raises:
            BadInput: The file cannot be written, or nothing has been seen yet.
        """
        file = Path(path)
        with self._lock:
            text = page(self._film, f"The cluster, until {datetime.now(UTC):%Y-%m-%d %H:%M:%S}")
        write(file, text.encode())
        return file

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Message:
        """Jupyter's hook: the picture of now and its words, and the widget where somebody looks."""
        self._drawn.wait(_FIRST + 1)
        watched = is_watched()
        draws = _Plain if watched else Map
        picture = draws(self._look(), namespace=self._namespace, modelled=self._modelled)
        bundle = picture._repr_mimebundle_()
        if not watched:
            return {**bundle}
        model = {"version_major": 2, "version_minor": 0, "model_id": self._open().model_id}
        short = {kind: text for kind, text in bundle.items() if len(text) <= _LARGE}
        return {"text/plain": picture.title, **short, VIEW: model}

    # ── the thread ───────────────────────────────────────────────────────────────────────────

    def _hear(self, _: object) -> None:
        with self._changing:
            self._changes += 1
        self._wake.set()

    def _run(self) -> None:
        """Draw at once when something changes, then not again for as long as the pace asks."""
        counting, sending, pacer = False, False, Pacer()
        self._await_source()
        while not self._stopping.is_set():
            beat = _COUNTDOWN if counting else _BEAT
            woken = self._wake.wait(_SENDING if sending else beat)
            self._wake.clear()
            if self._stopping.is_set():
                break
            began, rest = time.monotonic(), 0.0
            try:
                if woken or counting:
                    state = self._draw()
                    shown = in_namespace(state, self._namespace).pods
                    counting = any(seconds_left(pod, state.at) for pod in shown)
                    rest = pacer.rest(pace(len(shown)), time.monotonic())
                sending = self._tell_traffic()
                self._answer()
                self._say(_trouble(self._source))
            except Exception as error:  # kept for `check`; the next picture may be fine
                self._error = self._error or error
                self._say(f"No picture could be drawn: {error}")
            share = _SHARE_UNSEEN if self._screen is None else _SHARE
            self._stopping.wait(max(rest, share * (time.monotonic() - began)))
        self._tell_traffic()
        self._say("This view has been stopped.")

    def _await_source(self) -> None:
        """Let the first picture be one of the cluster, not of what is known so far."""
        deadline = time.monotonic() + _FIRST
        while self._source.stale_since is not None and time.monotonic() < deadline:
            if self._stopping.wait(0.02):
                return

    def _draw(self) -> State:
        with self._changing:
            changes, self._changes = self._changes, 0
        state = self._look()
        with self._lock:
            told = self._film.add(state.at, state, changes=changes)
            if told:
                self._send(told)
        self._drawn.set()
        return state

    def _tell_traffic(self) -> bool:
        """Tell what has become of requests; whether there was anything new."""
        loads = self._loads()
        with self._lock:
            told = self._film.traffic(loads) if loads else {}
            if told:
                self._send(told)
        return bool(told)

    def _look(self) -> State:
        """The cluster now; Events are many, and no picture shows them."""
        found = self._source.snapshot()
        objects = {plural: those for plural, those in found.items() if plural != "events"}
        return parse_state(objects, at=datetime.now(UTC))

    def _say(self, life: str) -> None:
        """Say how things are, where that is news or it is time for a sign of life."""
        if life != self._life or time.monotonic() - self._told > _BEAT * 0.9:
            self._life = life
            self._send({})

    def _end(self) -> None:
        if not self._stopping.is_set():
            self._stopping.set()
            self._unsubscribe()
        self._wake.set()

    # ── the browser ──────────────────────────────────────────────────────────────────────────

    def _open(self) -> _Screen:
        """The one widget of this view; a notebook may show it in several places."""
        with self._lock:
            if self._screen is None:
                self._screen = _Screen()
                self._screen.on_msg(self._asked)
                self._heard = time.monotonic()
            return self._screen

    def _asked(self, _: object, content: Mapping[str, object], __: object) -> None:
        self._heard = time.monotonic()
        if content.get("want") == "all":
            self._wanted = True
            self._wake.set()
            if not self._thread.is_alive():
                self._answer()

    def _answer(self) -> None:
        """Send all where somebody has asked: a browser asks for as long as it misses something."""
        if self._wanted:
            self._wanted = False
            with self._lock:
                self._send(self._film.as_json())

    def _send(self, told: Message) -> None:
        """Send a message, with word of the source; frames only where a browser may be there."""
        now = time.monotonic()
        if self._screen is None:
            return
        if told.keys() & {"frames", "traffic"} and now - self._heard > _FORGOTTEN:
            told = {}
        with self._lock:
            self._told = now
            self._screen.send(told | {"life": self._life})


def _trouble(source: Source) -> str:
    """What is wrong with a source, in words; empty while it is up to date."""
    since = source.stale_since
    if since is None:
        return ""
    when = f"{datetime.fromtimestamp(since, UTC):%H:%M:%S}"
    return f"Stale since {when}: {source.problem or 'no contact'}"


def is_watched() -> bool:
    """Whether the cell that runs was sent by a front end with somebody before it.

    Programs that run notebooks (nbclient, and so nbconvert and papermill, and nbval) send cells
    that may not ask for input. Every front end sends cells that may.
    """
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return False
    request = kernel.get_parent("shell") or {}
    return bool(request.get("content", {}).get("allow_stdin", True))
