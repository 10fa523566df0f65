"""A source for live views: a rolling update that happens when a test says so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from tests.unit.api_objects import Json
from tests.unit.rollouts import Heard, Rollout

Listener = Callable[[object], None]


class FakeSource:
    """Has the objects of a Deployment, and the changes of its rolling update still to come.

    Attributes:
        stale_since: As a source tells it; a test may set it.
        problem: Likewise.
        looks: How often somebody has asked what there is.
        broken: What asking fails with, if anything.
    """

    def __init__(self, size: int = 3) -> None:
        rollout = Rollout(size, nodes=3, surge=1, unavailable=0)
        self._objects = {
            (plural, one["metadata"]["uid"]): one
            for plural, those in rollout.snapshot().items()
            for one in those
        }
        self._rest = list(rollout.changes())
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        self.stale_since: float | None = None
        self.problem = ""
        self.looks = 0
        self.broken: Exception | None = None

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def snapshot(self) -> Mapping[str, Sequence[Json]]:
        with self._lock:
            self.looks += 1
            if self.broken:
                raise self.broken
            found: dict[str, list[Json]] = {}
            for (plural, _), one in self._objects.items():
                found.setdefault(plural, []).append(one)
            return found

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @property
    def rest(self) -> int:
        """How many changes are still to come."""
        return len(self._rest)

    def happen(self, number: int = 1) -> None:
        """Let so many changes happen."""
        for _ in range(min(number, self.rest)):
            change = self._rest.pop(0)
            with self._lock:
                self._take(change)
            for listener in list(self._listeners):
                listener(change)

    def _take(self, change: Heard) -> None:
        key = change.plural, change.object["metadata"]["uid"]
        if change.type == "DELETED":
            self._objects.pop(key, None)
        else:
            self._objects[key] = change.object
