"""A run on a cluster, recorded from beginning to end, and shared with what watches it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from nodebynode import settings
from nodebynode.errors import ClusterError
from nodebynode.kube import Api, Change, Feed
from nodebynode.recording import MarkKind, Recorder, Recording

_SYNC_SECONDS = 20.0
_KEPT = 30


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
        with ExitStack() as begun:  # nothing stays half-begun where one of these fails
            self._recorder = begun.enter_context(Recorder(path))
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

    def so_far(self) -> Recording:
        """Return what has been recorded until now."""
        return Recording.read(self.path)

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
