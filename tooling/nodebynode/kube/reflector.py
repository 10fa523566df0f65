"""Following one kind of object: LIST once, then WATCH, for as long as it takes.

A reflector tells each change once and in order, and keeps what it has told as its store. It lives
through a server that restarts, cuts connections, forgets history or repeats itself: where the
history is gone it lists again, and tells what must have happened meanwhile.

Rules: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
and client-go `tools/cache/reflector.go`.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum

from nodebynode.errors import ApiError
from nodebynode.kube.api import Api, Json
from nodebynode.kube.kinds import Kind

_PAGE = 500
_FIRST, _LONGEST = 0.1, 5.0
"""Seconds to wait after the first failure, and at most; each is up to half shorter, at random."""
_SHORT = 1.0
"""A watch that tells nothing and ends within these seconds is a failure, as in client-go."""
_WATCH_SECONDS = (300, 600)
"""How long the server is asked to keep one watch; at random, so that many do not end at once."""
_JOIN_SECONDS = 1.0
_GONE = 410

Key = tuple[str, str]


class ChangeType(StrEnum):
    """What happened to an object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one object.

    Attributes:
        kind: The object's kind.
        type: What happened to it.
        object: The object after the change; before it, when it was deleted.
        at: When this was heard, in seconds since the epoch.
        synthesised: Found by comparing two lists, because the server has forgotten the history.
    """

    kind: Kind
    type: ChangeType
    object: Json
    at: float
    synthesised: bool = False


class Reflector:
    """Follows one kind in a thread of its own.

    Args:
        api: The cluster's API.
        kind: The kind.
        listener: Called with each change, in the reflector's thread. An exception of it is kept in
            `listener_error`, and ends nothing.
        namespace: One namespace; all of them when None.
        labels: A label selector.
        fields: A field selector.

    Attributes:
        stale_since: When contact was lost, in seconds since the epoch; None while up to date.
        problem: What the last failure said; empty while up to date.
        listener_error: The last exception of the listener.
    """

    def __init__(
        self,
        api: Api,
        kind: Kind,
        listener: Callable[[Change], None] = lambda _: None,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
    ) -> None:
        self._api, self._kind, self._listener = api.apart(), kind, listener
        self._namespace = namespace
        selectors = {"labelSelector": labels, "fieldSelector": fields}
        self._selectors = {name: value for name, value in selectors.items() if value}
        self._store: dict[Key, Json] = {}
        self._lock = threading.Lock()
        self._version = ""  # the last one seen; empty when it takes a list to know where we are
        self._synced = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch {kind.plural}", daemon=True)
        self._wait = _FIRST
        self.stale_since: float | None = time.time()
        self.problem = ""
        self.listener_error: Exception | None = None

    # ── what others use ──────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Begin to list and watch."""
        self._thread.start()

    def stop(self) -> None:
        """End within a second, whatever is being waited for; nothing is told afterwards."""
        self._stopping.set()
        self._api.hang_up()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(_JOIN_SECONDS)

    def __enter__(self) -> Reflector:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_synced(self, timeout: float) -> bool:
        """Wait until the first list is known; False when that takes more than `timeout` seconds."""
        return self._synced.wait(timeout)

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    @property
    def objects(self) -> dict[Key, Json]:
        """The objects as far as told, by namespace (or "") and name; a copy."""
        with self._lock:
            return dict(self._store)

    # ── the thread ───────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if not self._version:
                    self._list()
                self._watch()
            except Exception as error:  # whatever a server sends, the thread goes on
                if not _is_passing(error):
                    self._version = ""
                self._lost(error)
        self._api.hang_up()

    def _lost(self, error: Exception) -> None:
        """Take note that contact is lost, and wait before the next try."""
        if self._stopping.is_set():
            return
        self.problem = str(error).splitlines()[0] if str(error) else repr(error)
        self.stale_since = self.stale_since or time.time()
        self._stopping.wait(self._wait * random.uniform(0.5, 1.0))  # noqa: S311 - only spreads
        self._wait = min(self._wait * 2, _LONGEST)

    def _in_contact(self) -> None:
        self.stale_since, self.problem = None, ""

    def _list(self) -> None:
        """List everything, and tell how it differs from what was told before."""
        found, version = self._pages()
        again = self._synced.is_set()
        for key, old in self.objects.items():
            new = found.get(key)
            if new is None or _uid(new) != _uid(old):
                self._tell(ChangeType.DELETED, key, old, synthesised=True)
        for key, item in found.items():
            known = self._store.get(key)
            if known is None:
                self._tell(ChangeType.ADDED, key, item, synthesised=again)
            elif _version(known) != _version(item):
                self._tell(ChangeType.MODIFIED, key, item, synthesised=True)
        self._version = version
        self._in_contact()
        self._synced.set()

    def _pages(self) -> tuple[dict[Key, Json], str]:
        """Return every object and the version of the list; all its pages are of one version."""
        found: dict[Key, Json] = {}
        query: dict[str, str | int] = {**self._selectors, "limit": _PAGE}
        while True:
            page = self._api.request("GET", self._kind.path(self._namespace), query=query)
            if "items" not in page:
                raise ApiError(f"The API server sent no list of {self._kind.plural}.")
            found |= {_key(item): item for item in page["items"] or ()}
            if not (rest := page["metadata"].get("continue")):
                return found, str(page["metadata"]["resourceVersion"])
            query["continue"] = rest

    def _watch(self) -> None:
        """Follow one connection to its end; the next goes on where it ended."""
        began, before = time.monotonic(), self._version
        events = self._api.watch(
            self._kind,
            self._namespace,
            since=self._version,
            timeout=random.randint(*_WATCH_SECONDS),  # noqa: S311 - only spreads
            bookmarks=True,
            selectors=self._selectors,
        )
        self._in_contact()
        try:
            with closing(events):
                for event in events:
                    if self._stopping.is_set():
                        return
                    self._take(event)
        finally:  # a server that answers, and ends each watch at once, must not be asked in haste
            came_on = self._version != before or time.monotonic() - began >= _SHORT
            if came_on:
                self._wait = _FIRST
        if not came_on:
            raise ApiError("The API server ended the watch at once.")

    def _take(self, event: Json) -> None:
        item = event["object"]
        if event["type"] == "ERROR":
            raise ApiError(str(item.get("message")), status=int(item.get("code") or 0))
        if event["type"] == "BOOKMARK":
            self._version = _later(self._version, _version(item))
            return
        key, kind = _key(item), ChangeType(event["type"])
        known = self._store.get(key)
        is_old = self._is_old(item, known, kind)
        self._version = _later(self._version, _version(item))
        if is_old:
            return
        if known is not None and _uid(known) != _uid(item):
            self._tell(ChangeType.DELETED, key, known, synthesised=True)
            known = None
        if kind is not ChangeType.DELETED:
            kind = ChangeType.ADDED if known is None else ChangeType.MODIFIED
        elif known is None:
            return
        self._tell(kind, key, item)

    def _is_old(self, item: Json, known: Json | None, kind: ChangeType) -> bool:
        """Whether an event repeats what was told, or tells what came before it.

        Versions of one kind rise in the order of its events, and may be compared as numbers
        (https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions). An event
        of an unknown object that is older than the last event is of one that has gone since.
        """
        new, last = _version(item), self._version if known is None else _version(known)
        if known is not None and new == last:
            return kind is not ChangeType.DELETED  # some servers end an object at its last version
        return new.isdigit() and last.isdigit() and int(new) < int(last)

    def _tell(self, kind: ChangeType, key: Key, item: Json, *, synthesised: bool = False) -> None:
        if self._stopping.is_set():
            return
        with self._lock:
            if kind is ChangeType.DELETED:
                del self._store[key]
            else:
                self._store[key] = item
        try:
            self._listener(Change(self._kind, kind, item, time.time(), synthesised))
        except Exception as error:  # a listener's mistake must not cost it the changes to come
            self.listener_error = error


def _key(item: Json) -> Key:
    metadata = item["metadata"]
    return str(metadata.get("namespace") or ""), str(metadata["name"])


def _version(item: Json) -> str:
    return str(item["metadata"].get("resourceVersion", ""))


def _uid(item: Json) -> object:
    return item["metadata"].get("uid")


def _later(old: str, new: str) -> str:
    """Return the version to go on from: never back, as far as versions can be compared."""
    if old.isdigit() and new.isdigit():
        return str(max(int(old), int(new)))
    return new or old


def _is_passing(error: Exception) -> bool:
    """Whether the watch can go on where it was, because only the server had a bad moment.

    After anything else it takes a list: history that is gone (410) or an event that makes no sense
    would fail in the same way again.
    """
    if not isinstance(error, ApiError):
        return False
    return error.status in (0, 429) or error.status >= 500
