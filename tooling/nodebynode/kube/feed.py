"""One watch for many: views, recorders and checks all hear the same changes in the same order.

Each kind needs a connection of its own to the API server. A notebook with three views and a
recorder would have thirty; they share eight, and what one of them shows the others know too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial

from nodebynode.kube.api import Api, Json
from nodebynode.kube.kinds import Kind
from nodebynode.kube.reflector import Change, ChangeType, Key, Reflector

KINDS = (
    Kind.DEPLOYMENT,
    Kind.REPLICA_SET,
    Kind.POD,
    Kind.NODE,
    Kind.SERVICE,
    Kind.ENDPOINT_SLICE,
    Kind.BUDGET,
    Kind.EVENT,
)
"""What a State is made of."""
Listener = Callable[[Change], None]
Snapshot = dict[str, list[Json]]
"""The objects of each kind, by its plural."""


class Feed:
    """Follows several kinds while anyone listens: from the first subscriber to the last.

    As a context manager it is its own first subscriber, and on leaving ends it for all.

    Args:
        api: The cluster's API.
        kinds: What to follow.
        namespace: One namespace, of kinds that have namespaces; all of them when None.

    Attributes:
        listener_error: The last exception of a listener; it costs no one any change.
    """

    def __init__(
        self, api: Api, kinds: Iterable[Kind] = KINDS, namespace: str | None = None
    ) -> None:
        self._api, self._kinds, self._namespace = api, tuple(kinds), namespace
        self._lock = threading.RLock()  # a listener may subscribe, and ask for a snapshot
        self._listeners: dict[object, Listener] = {}
        self._reflectors: tuple[Reflector, ...] = ()
        self._store: dict[Kind, dict[Key, Json]] = {}
        self._teller: int | None = None
        self.listener_error: Exception | None = None

    def subscribe(
        self, listener: Listener, first: Callable[[Snapshot], None] | None = None
    ) -> Callable[[], None]:
        """Let a listener hear every change from now on.

        Changes come one at a time, whatever their kinds, from the threads of the watch. Others wait
        until a listener is done: it should be quick.

        Args:
            listener: Called with each change.
            first: Called with what is there, before this returns: what the listener hears next is
                what has changed since, no more and no less. A feed that has just begun knows
                little yet; `wait_synced` before.

        Returns:
            What ends it. Called in any thread; the listener hears nothing afterwards.
        """
        token = object()
        with self._lock:
            if first is not None:
                first(self.snapshot())
            self._listeners[token] = listener
            if not self._reflectors:
                self._start()
        return partial(self._unsubscribe, token)

    def snapshot(self) -> Snapshot:
        """What is there, as far as it has been told; nothing while no one listens."""
        with self._lock:
            return {kind.plural: list(self._store.get(kind, {}).values()) for kind in self._kinds}

    def wait_synced(self, timeout: float) -> bool:
        """Wait until each kind's first list is known.

        Args:
            timeout: Seconds, for all kinds together.

        Returns:
            Whether all are known; False also where no one listens.
        """
        deadline = time.monotonic() + timeout
        reflectors = self._reflectors
        return bool(reflectors) and all(
            one.wait_synced(max(0.0, deadline - time.monotonic())) for one in reflectors
        )

    @property
    def stale_since(self) -> float | None:
        """Since when a kind is out of contact, in seconds since the epoch; None when none is."""
        times = [one.stale_since for one in self._reflectors]
        return min((at for at in times if at is not None), default=None)

    @property
    def problem(self) -> str:
        """What the last failure of a kind that is out of contact said; empty when none is."""
        return next((one.problem for one in self._reflectors if one.problem), "")

    def close(self) -> None:
        """End it for all who listen."""
        with self._lock:
            self._listeners.clear()
            reflectors = self._end()
        self._stop(reflectors)

    def __enter__(self) -> Feed:
        self.subscribe(lambda _: None)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        run: dict[Kind, dict[Key, Json]] = {kind: {} for kind in self._kinds}
        self._store = run
        self._reflectors = tuple(
            Reflector(
                self._api,
                kind,
                partial(self._hear, run),
                namespace=self._namespace if kind.namespaced else None,
            )
            for kind in self._kinds
        )
        for reflector in self._reflectors:
            reflector.start()

    def _unsubscribe(self, token: object) -> None:
        with self._lock:
            self._listeners.pop(token, None)
            reflectors = () if self._listeners else self._end()
        self._stop(reflectors)

    def _end(self) -> tuple[Reflector, ...]:
        """Forget everything; return whom to stop, which the lock must not be held for."""
        reflectors, self._reflectors, self._store = self._reflectors, (), {}
        return reflectors

    def _stop(self, reflectors: tuple[Reflector, ...]) -> None:
        """Stop reflectors; they are not waited for by a listener, for whom they wait themselves."""
        stopping = [threading.Thread(target=one.stop, daemon=True) for one in reflectors]
        for thread in stopping:
            thread.start()
        for thread in stopping if self._teller != threading.get_ident() else ():
            thread.join()

    def _hear(self, run: dict[Kind, dict[Key, Json]], change: Change) -> None:
        """Take a change in, and tell it; one of a run that has ended is too late."""
        meta = change.object["metadata"]
        key = str(meta.get("namespace") or ""), str(meta["name"])
        with self._lock:
            if run is not self._store:
                return
            if change.type is ChangeType.DELETED:
                run[change.kind].pop(key, None)
            else:
                run[change.kind][key] = change.object
            self._teller = threading.get_ident()
            for token, listener in list(self._listeners.items()):
                if token in self._listeners:
                    self._call(listener, change)
            self._teller = None

    def _call(self, listener: Listener, change: Change) -> None:
        try:
            listener(change)
        except Exception as error:  # of its own making, and no reason to leave the others out
            self.listener_error = error
