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
from dataclasses import dataclass
from enum import StrEnum

from nodebynode.errors import ApiError
from nodebynode.kube.api import Api, Json
from nodebynode.kube.kinds import Kind

_PAGE = 500
_FIRST, _LONGEST = 0.1, 5.0
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


class _Gone(Exception):
    """The server has forgotten the history after the version that was asked for."""


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
        self._api, self._kind, self._listener = api, kind, listener
        self._namespace = namespace
        selectors = {"labelSelector": labels, "fieldSelector": fields}
        self._selectors = {name: value for name, value in selectors.items() if value}
        self._store: dict[Key, Json] = {}
        self._lock = threading.Lock()
        self._version = ""
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
        """End; a connection that is being waited on is left to end by itself."""
        self._stopping.set()
        self._api.hang_up(self._thread.ident)
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
                self._list()
                while not self._stopping.is_set():
                    self._watch()
            except _Gone:
                continue
            except Exception as error:  # whatever a server sends, the thread goes on
                self._lost(error)

    def _lost(self, error: Exception) -> None:
        """Take note that contact is lost, and wait before the next try."""
        self.problem = str(error).splitlines()[0] if str(error) else repr(error)
        self.stale_since = self.stale_since or time.time()
        self._stopping.wait(self._wait * random.uniform(0.5, 1.0))  # noqa: S311 - only spreads
        self._wait = min(self._wait * 2, _LONGEST)

    def _heard(self) -> None:
        self.stale_since, self.problem, self._wait = None, "", _FIRST

    def _list(self) -> None:
        """List everything, and tell how it differs from what was told before."""
        found: dict[Key, Json] = {}
        query: dict[str, str | int] = {**self._selectors, "limit": _PAGE}
        while True:
            try:
                page = self._api.request("GET", self._kind.path(self._namespace), query=query)
            except ApiError as error:
                if error.status == _GONE and "continue" in query:
                    raise _Gone from error  # the first pages are too old by now
                raise
            found |= {_key(item): item for item in page["items"]}
            if not (rest := page["metadata"].get("continue")):
                break
            query["continue"] = rest
        again = self._synced.is_set()
        for key, old in self.objects.items():
            new = found.get(key)
            if new is None or new["metadata"].get("uid") != old["metadata"].get("uid"):
                self._tell(ChangeType.DELETED, key, old, synthesised=True)
        for key, item in found.items():
            known = self._store.get(key)
            if known is None:
                self._tell(ChangeType.ADDED, key, item, synthesised=again)
            elif _version(known) != _version(item):
                self._tell(ChangeType.MODIFIED, key, item, synthesised=True)
        self._version = page["metadata"]["resourceVersion"]
        self._synced.set()
        self._heard()

    def _watch(self) -> None:
        """Follow one connection to its end; the next goes on where it ended."""
        seconds = random.randint(*_WATCH_SECONDS)  # noqa: S311 - only spreads
        began = time.monotonic()
        try:
            events = self._api.watch(
                self._kind,
                self._namespace,
                since=self._version,
                timeout=seconds,
                bookmarks=True,
                selectors=self._selectors,
            )
            for event in events:
                if self._stopping.is_set():
                    return
                self._take(event)
                self._heard()
        except ApiError as error:
            if error.status == _GONE:
                raise _Gone from error
            raise
        if time.monotonic() - began < _FIRST:  # a server that ends each watch at once
            self._lost(ApiError("The API server ended the watch at once."))

    def _take(self, event: Json) -> None:
        item = event["object"]
        if event["type"] == "ERROR":
            if item.get("code") == _GONE:
                raise _Gone
            raise ApiError(str(item.get("message")), status=int(item.get("code") or 0))
        self._version = item["metadata"]["resourceVersion"]
        if event["type"] == "BOOKMARK":
            return
        key, kind = _key(item), ChangeType(event["type"])
        known = self._store.get(key)
        if known is not None and _is_older(item, known, or_same=kind is not ChangeType.DELETED):
            return
        if kind is ChangeType.DELETED:
            if known is not None:
                self._tell(kind, key, item)
            return
        if known is not None and known["metadata"].get("uid") != item["metadata"].get("uid"):
            self._tell(ChangeType.DELETED, key, known, synthesised=True)
            known = None
        self._tell(ChangeType.ADDED if known is None else ChangeType.MODIFIED, key, item)

    def _tell(self, kind: ChangeType, key: Key, item: Json, *, synthesised: bool = False) -> None:
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


def _is_older(item: Json, known: Json, *, or_same: bool) -> bool:
    """Whether an event repeats what is known, or what came before it."""
    new, old = _version(item), _version(known)
    if not (new.isdigit() and old.isdigit()):
        return or_same and new == old
    return int(new) < int(old) or (or_same and int(new) == int(old))
