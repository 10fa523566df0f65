"""A film: what a view showed, frame by frame, for a player that needs no kernel.

A frame is told as its difference from the one before, and each part of it only once, so that a
whole rollout is not much larger than a few pictures of it. Every fiftieth frame stands for itself,
so that the oldest can be let go. `player.js` is the other half.
"""

from __future__ import annotations

import html
from bisect import bisect
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from itertools import chain
from typing import Protocol

from nodebynode.state import State, in_namespace
from nodebynode.view.differences import differences
from nodebynode.view.metrics import clean
from nodebynode.view.pacing import pace
from nodebynode.view.parts import Parts
from nodebynode.view.scene import compose
from nodebynode.view.shapes import Scene
from nodebynode.view.traffic import Row, Sent, row_of
from nodebynode.view.words import tables
from nodebynode.view.writer import fragments

VERSION = 1
_BLOCK = 50
"""Frames from one that stands for itself to the next."""
_MOST_FRAMES = 2000
_MOST_OF_A_RECORDING = 5000
_MOST_TEXT = 8_000_000
"""Letters of all parts that are kept: some 16 MB in the kernel, and as much in the browser."""
_MOST_MARKS = 500
_FEW = 60
"""With so many Pods each instant of a recording has its frame."""
_CLOCK = "heading"
"""The group with the clock: where only this has changed, there is no frame."""
_TOLD = {"action": "You did", "prediction": "You predicted", "note": "Note"}

Message = dict[str, object]
"""What a player is told, as JSON takes it."""
Hunks = tuple[tuple[int, ...], ...]
"""Changes to a list of numbers: each is a place, how many go there, and the numbers that come.

They go from the end to the beginning, so that one does not shift the place of the next; JavaScript
applies each by `splice`.
"""


class Marked(Protocol):
    """Something to be told of an instant; `kind` is `action`, `prediction` or `note`."""

    @property
    def at(self) -> datetime:
        """When."""

    @property
    def kind(self) -> str:
        """What sort of thing."""

    @property
    def text(self) -> str:
        """In words."""


class Told(Protocol):
    """What a film can be made of; a Recording is."""

    @property
    def marks(self) -> Sequence[Marked]:
        """What the learner did, foretold or noted."""

    @property
    def loads(self) -> Sequence[Sent]:
        """What became of requests to Services."""

    def states(self) -> Iterator[tuple[datetime, State]]:
        """The cluster at each instant at which something changed."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture, its tables, and its words.

    Attributes:
        at: When.
        wait: Milliseconds since the frame before.
        hunks: Changes to the list of parts: groups in the order of painting, then rows of tables.
        key: Whether the frame stands for itself: its changes are to an empty list.
        sentence: What the picture shows.
        size: The picture's width and height in points.
        said: How it differs from the frame before, in sentences.
        changes: How many changes of the cluster went into it.
    """

    at: datetime
    wait: int
    hunks: Hunks
    key: bool
    sentence: str
    size: tuple[float, float]
    said: tuple[str, ...]
    changes: int

    def as_json(self, high: float) -> Message:
        """The frame as the player reads it.

        Args:
            high: How high the highest picture is; all get that height, so that what stands below
                them does not jump.
        """
        many = self.changes > 1
        told: Message = {
            "at": _clock(self.at) + f", {self.changes} changes" * many,
            "wait": self.wait,
            "hunks": self.hunks,
            "sentence": self.sentence,
            "size": (self.size[0], high),
        }
        rest: Message = {"key": self.key, "said": self.said, "changes": self.changes * many}
        return told | {name: value for name, value in rest.items() if value}


class Film:
    """The frames of one view; the oldest are let go.

    Args:
        namespace: Whose objects to show; None shows all.
        modelled: What the cluster only models, in words.
        most: How many frames are kept, at least 100.
    """

    def __init__(
        self,
        *,
        namespace: str | None = None,
        modelled: Collection[str] = (),
        most: int = _MOST_FRAMES,
    ) -> None:
        self._namespace, self._modelled = namespace, modelled
        self._most = max(most, 2 * _BLOCK)
        self._blocks = deque[list[Frame]]()
        self._first, self._next = 0, 0  # the numbers of the oldest frame kept, and of the next
        self._marks = deque[Message](maxlen=_MOST_MARKS)
        self._row: Row = {}
        self._parts = Parts()
        self._list = list[int]()  # of the last frame, as are the four below
        self._seen: object = None
        self._state: State | None = None
        self._at: datetime | None = None
        self._high = 0.0
        self._scene: Scene | None = None
        self._changes = 0  # since the last frame

    @classmethod
    def of(
        cls,
        recording: Told,
        *,
        namespace: str | None = None,
        modelled: Collection[str] = (),
        most: int = _MOST_OF_A_RECORDING,
    ) -> Film:
        """The film of a recording.

        Up to 60 Pods each instant has its frame; with more, instants that follow closely share
        one, as they do in a live view.
        """
        film = cls(namespace=namespace, modelled=modelled, most=most)
        for at, state, changes in _paced(recording.states()):
            film.add(at, state, changes=changes)
        for mark in recording.marks:
            film.mark(mark.at, mark.kind, mark.text)
        film.traffic(recording.loads)
        return film

    def __len__(self) -> int:
        return self._next - self._first

    @property
    def frames(self) -> Iterator[Frame]:
        """The frames that are kept, the oldest first."""
        return chain.from_iterable(self._blocks)

    def add(self, at: datetime, state: State, *, changes: int = 1) -> Message | None:
        """Add the picture of a State.

        Args:
            at: The instant, not before that of the last frame.
            state: The cluster, with the Pods of all namespaces: they count in the nodes' CPU.
            changes: How many changes of the cluster there were since the last call.

        Returns:
            What a player with all the frames before needs to go on; None where nothing that can be
            seen has changed, and so there is no frame.
        """
        self._changes += changes
        scene = self._scene = compose(
            state, namespace=self._namespace, before=self._scene, modelled=self._modelled
        )
        shown = in_namespace(state, self._namespace)
        groups, rows = fragments(scene), list(_rows(shown, state, scene.size))
        still = {group: text for group, text in groups.items() if group != _CLOCK}
        seen = (still, rows, scene.sentence, scene.width, scene.height)
        if seen == self._seen:
            return None
        self._seen = seen
        new = self._parts.next
        numbers = [self._parts.number(part) for part in chain(groups.items(), rows)]
        frame = self._append(at, shown, scene, numbers)
        return {
            "from": self._next - 1,
            "frames": [frame.as_json(self._high)],
            "parts": self._parts.since(new),
            **(self._let_go() if frame.key else {}),
        }

    def mark(self, at: datetime, kind: str, text: str) -> Message:
        """Mark an instant, in the frame that was seen then.

        Args:
            at: The instant.
            kind: `action`, `prediction` or `note`.
            text: What was done, foretold or noted.

        Returns:
            What a player needs to know of it.
        """
        frame = self.number_at(at)
        words = f"{_clock(at)} {_TOLD.get(kind, kind)}: {clean(text)}"
        button = f'<button type="button" value="{frame}">{html.escape(words)}</button>'
        self._marks.append({"frame": frame, "html": f"<li>{button}</li>"})
        return {"marks": [self._marks[-1]]}

    def traffic(self, loads: Sequence[Sent]) -> Message:
        """Say what became of requests to Services, by the frame that was seen when they were sent.

        Args:
            loads: All loads, also those that were told before.

        Returns:
            What a player needs to know of it; empty where that is nothing new.
        """
        mine = [one for one in loads if self._namespace in (None, one.namespace)]
        row = row_of(mine, [frame.at for frame in self.frames], self._first)
        gone = dict.fromkeys(number for number in self._row if number not in row)
        news = {number: told for number, told in row.items() if self._row.get(number) != told}
        self._row = row
        return {"traffic": gone | news} if gone or news else {}

    def number_at(self, at: datetime) -> int:
        """The number of the frame that was seen at an instant, of those that are kept."""
        return self._first + max(0, bisect([frame.at for frame in self.frames], at) - 1)

    def as_json(self) -> Message:
        """All that is kept: what a player begins with."""
        return {
            "version": VERSION,
            "from": self._first,
            "frames": [frame.as_json(self._high) for frame in self.frames],
            "parts": self._parts.all(),
            "marks": list(self._marks),
            **({"traffic": self._row} if self._row else {}),
        }

    def _append(self, at: datetime, shown: State, scene: Scene, numbers: list[int]) -> Frame:
        key = self._next % _BLOCK == 0
        self._high = max(self._high, scene.height)
        wait = max(0.0, (at - (self._at or at)).total_seconds())
        frame = Frame(
            at,
            round(wait * 1000),
            hunks([] if key else self._list, numbers),
            key,
            scene.sentence,
            (scene.width, scene.height),
            tuple(differences(self._state, shown)) if self._state else (),
            self._changes,
        )
        self._list, self._state, self._at, self._changes = numbers, shown, at, 0
        if key:
            self._blocks.append([])
        self._blocks[-1].append(frame)
        self._next += 1
        return frame

    def _let_go(self) -> Message:
        """Drop the oldest frames beyond what is kept; returns what the player drops too."""
        gone = list[int]()
        while len(self._blocks) > 1 and (
            len(self) > self._most or self._parts.letters > _MOST_TEXT
        ):
            self._first += len(self._blocks.popleft())
            self._high = max(frame.size[1] for frame in self.frames)
            gone += self._parts.keep({n for f in self.frames for hunk in f.hunks for n in hunk[2:]})
        return {"first": self._first, "gone": gone} if gone else {}


def hunks(before: Sequence[int], after: Sequence[int]) -> Hunks:
    """The changes that make one list of another."""
    steps = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return tuple(
        (start, end - start, *after[first:last])
        for step, start, end, first, last in reversed(steps)
        if step != "equal"
    )


def _paced(states: Iterable[tuple[datetime, State]]) -> Iterator[tuple[datetime, State, int]]:
    """The last State of each window, and how many there were in it; small States have none."""
    held, until, count = None, None, 0
    for at, state in states:
        if held and until and at >= until:
            yield *held, count
            held = None
        if held is None:
            window = pace(len(state.pods)) if len(state.pods) > _FEW else 0
            until, count = at + timedelta(seconds=window), 0
        held, count = (at, state), count + 1
    if held:
        yield *held, count


def _rows(shown: State, everything: State, size: str) -> Iterator[tuple[str, str]]:
    """The rows of the tables as HTML, each with what it is about.

    A table is not closed: the next one's beginning does it, by HTML's rules.
    """
    for table in tables(shown, everything, size):
        kind = html.escape(table.heads[0])
        heads = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in table.heads)
        yield kind, f"<table><tr>{heads}</tr>"
        for row in table.rows:
            cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
            yield f"{kind} {row[0]}", f"<tr>{cells}</tr>"


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S}.{at.microsecond // 100_000}"
