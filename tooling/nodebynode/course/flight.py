"""A run on a cluster, recorded from beginning to end, and shared with what watches it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nodebynode import settings
from nodebynode.errors import ClusterError
from nodebynode.kube import Api, Change, Feed, Kind
from nodebynode.recording import Growing, MarkKind, RecordedLoad, Recorder, Recording

_SYNC_SECONDS = 20.0
_KEPT = 30
_LATE = timedelta(milliseconds=100)
"""What happened longer ago has been heard."""

_HEARD = 2.0
"""Seconds within which every node has heard that a Pod is gone, or of a new Service: a Service's
list is written within a second, and kube-proxy makes a node's rules anew at most once a second
(`minSyncPeriod`)."""
_HEARD_OF = ((Kind.POD, "DELETED"), (Kind.SERVICE, "ADDED"))

Tell = Callable[[], RecordedLoad]
"""What became of a load until it is called."""


class Flight:
    """Records a cluster until it is closed; its feed is there for views, too.

    Args:
        api: The cluster's API.
        path: The recording's file, without `.gz`.

    Attributes:
        feed: What happens on the cluster; views share it.
        changes: How many changes have been recorded.

    Raises:
        BadInput: The file cannot be made.
        ClusterError: The API server does not answer.
    """

    def __init__(self, api: Api, path: Path) -> None:
        self.changes = 0
        self._told = -math.inf
        self._loads, self._lock = list[RecordedLoad](), threading.Lock()
        self._going: list[Tell] = []
        with ExitStack() as begun:  # nothing stays half-begun where one of these fails
            self._recorder = begun.enter_context(Recorder(path))
            self._growing = Growing(self._recorder.path)
            self.feed = begun.enter_context(Feed(api))
            if not self.feed.wait_synced(_SYNC_SECONDS):
                raise ClusterError(
                    f"The API server did not tell within {_SYNC_SECONDS:.0f} s what is there. "
                    f"{self.feed.problem}".strip(),
                    "Look at the cluster with `nodebynode status`.",
                )
            self.feed.subscribe(self._hear, self._recorder.snapshot)
            self._open = begun.pop_all()

    @property
    def path(self) -> Path:
        """Where the recording is now."""
        return self._recorder.path

    def mark(self, kind: MarkKind, text: str) -> None:
        """Mark this instant with what a person did, foretold or noted."""
        self._recorder.mark(kind, text)

    def wait_heard(self) -> None:
        """Wait until every node has heard of the last Pod that left and of the last new Service.

        It takes two seconds at most.
        """
        time.sleep(max(self._told + _HEARD - time.monotonic(), 0))

    def follow(self, load: Tell) -> None:
        """Know of a load from now on: `load` tells what became of it until it is asked."""
        with self._lock:
            self._going.append(load)

    def settle(self, load: Tell) -> None:
        """Write down what became of a load that is followed: it has ended."""
        with self._lock:
            self._going.remove(load)
            self._loads.append(load())
            self._recorder.traffic(self._loads[-1])

    def loads(self) -> Sequence[RecordedLoad]:
        """Return what became of the loads until now, of those that go on as well."""
        with self._lock:
            return (*self._loads, *(load() for load in self._going))

    def so_far(self) -> Recording:
        """Return what has been recorded until now.

        While it goes on it ends now, not when something was heard last: that nothing happened for
        some seconds is what some questions ask for.
        """
        packed = self.path.suffix == ".gz"
        recording = Recording.read(self.path) if packed else self._growing.so_far()
        recording.loads = self.loads()
        if recording.cut:  # it has no end yet
            recording.ended = max(recording.ended, datetime.now(UTC) - _LATE)
        return recording

    def close(self) -> None:
        """End watch and recording; twice is as good as once.

        Raises:
            BadInput: The recording ended before its time, because the disk was full.
        """
        self._open.close()

    def __enter__(self) -> Flight:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hear(self, change: Change) -> None:
        self.changes += 1
        if (change.kind, change.type) in _HEARD_OF:
            self._told = time.monotonic()
        self._recorder.change(change.kind.plural, change.type, change.object, change.at)


def new_path(name: str) -> Path:
    """Return where a new recording of a name goes, and make room for it: the oldest are removed."""
    folder = settings.data_dir() / "recordings"
    for old in _all_but_the_newest(folder.glob("*.jsonl*")):
        old.unlink(missing_ok=True)
    now = time.time()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    return folder / f"{name}-{stamp}-{int(now * 1000) % 1000:03}.jsonl"


def _all_but_the_newest(files: Iterable[Path]) -> list[Path]:
    by_age = sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)
    return by_age[_KEPT - 1 :]
