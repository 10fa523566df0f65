"""A recording as others use it: what was there at any instant, and what happened in between."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from nodebynode.recording.lines import Object
from nodebynode.recording.reading import Contents, Following, Mark, Recorded, read_contents
from nodebynode.recording.steps import Steps, steps_of
from nodebynode.recording.traffic import RecordedLoad
from nodebynode.state import State, StateBuilder, parse_state
from nodebynode.state.status import Json


class Recording:
    """All that was recorded, in memory.

    Every change has an instant of its own, so that each can be gone to: changes of one millisecond
    follow each other by a microsecond, in the order in which they were heard.

    Attributes:
        began: When it began.
        ended: When it ended; when the last thing was heard, where the end is missing.
        instants: The beginning, and each instant after which a State differs.
        marks: What people did, foretold and noted.
        loads: What became of the requests of each load that has ended.
        cut: What is missing at its end, in words; empty for a whole recording.
    """

    def __init__(self, contents: Contents, made: _Made | None = None) -> None:
        # Lists are copied: those of contents grow while the recording is written.
        self.began, self.ended = contents.began, contents.ended
        self.marks: Sequence[Mark] = list(contents.marks)
        self.loads: Sequence[RecordedLoad] = list(contents.loads)
        self.cut = contents.cut
        self._changes, self._frames = list(contents.changes), list(contents.frames)
        self._made = made
        shown = (one.at for one in self._changes if one.shows)
        self.instants: Sequence[datetime] = [self.began, *shown]

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Read a file of any version: packed or not, whole or cut, ended or still being written.

        Raises:
            BadInput: There is no such file, it is no recording or damaged, or its version is newer.
        """
        return cls(read_contents(path))

    @property
    def changes(self) -> Iterator[Recorded]:
        """Every change, in the order in which it was heard; what was there before is none."""
        return iter(self._changes)

    def state_at(self, at: datetime) -> State:
        """What was there at an instant.

        Args:
            at: With its time zone. What is before the beginning or after the end is taken for it.
        """
        at = min(max(at, self.began), self.ended)
        objects = defaultdict[str, list[Json]](list)
        for one in self._objects_at(at).values():
            objects[one.plural].append(one.json)
        return parse_state(objects, at=at)

    def states(self) -> Iterator[tuple[datetime, State]]:
        """Yield each of `instants`, and what was there."""
        if self._made is not None:
            return self._made.first(len(self.instants))
        return _states(self.began, self._frames[0].objects.values(), self._changes)

    def steps(self, deployment: str, namespace: str = "default") -> Steps:
        """The sizes that a Deployment's ReplicaSets went through.

        Raises:
            BadInput: The recording never saw such a Deployment.
        """
        return steps_of(self.states(), deployment, namespace)

    def _objects_at(self, at: datetime) -> dict[str, Object]:
        end = bisect_right(self._changes, at, key=lambda change: change.at)
        frame = self._frames[bisect_right(self._frames, end, key=lambda frame: frame.changes) - 1]
        objects = dict(frame.objects)
        for change in self._changes[frame.changes : end]:
            uid = change.object["metadata"]["uid"]
            if change.type == "DELETED":
                del objects[uid]
            else:
                objects[uid] = Object(change.kind_plural, change.object)
        return objects


class Growing:
    """A recording while it is written: to look again costs no more than what has come since.

    Args:
        path: Its file, not packed.
    """

    def __init__(self, path: Path) -> None:
        self._following = Following(path)
        self._made: _Made | None = None

    def so_far(self) -> Recording:
        """What has been recorded until now.

        Raises:
            BadInput: There is no such file, it is no recording or damaged.
        """
        contents = self._following.contents()
        self._made = self._made or _Made(contents)
        return Recording(contents, self._made)


class _Made:
    """The States of contents that grow, each made once."""

    def __init__(self, contents: Contents) -> None:
        there = contents.frames[0].objects.values()
        self._known = list[tuple[datetime, State]]()
        self._coming = _states(contents.began, there, contents.changes)

    def first(self, number: int) -> Iterator[tuple[datetime, State]]:
        """Yield so many of them; no more than there are by now."""
        for index in range(number):
            if index == len(self._known):
                self._known.append(next(self._coming))
            yield self._known[index]


def _states(
    began: datetime, there: Iterable[Object], changes: Iterable[Recorded]
) -> Iterator[tuple[datetime, State]]:
    building = StateBuilder()
    for one in there:
        building.put(one.plural, one.json)
    yield began, building.state(began)
    for change in changes:
        if not change.shows:
            continue
        if change.type == "DELETED":
            building.remove(change.kind_plural, change.object["metadata"]["uid"])
        else:
            building.put(change.kind_plural, change.object)
        yield change.at, building.state(change.at)
