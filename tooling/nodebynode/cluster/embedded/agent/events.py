"""Telling events as a kubelet does: in order, and a repeated one counted instead of written anew.

Rules: client-go `tools/record` (event.go, events_cache.go). Left out on purpose is its spam filter
(25 events an object, then one in 5 minutes): a lab repeats in minutes what a cluster sees in days.
Here an event that comes again and again is written at most once a second.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from nodebynode.errors import ApiError
from nodebynode.kube import Json, Kind

_QUEUED = 1000
_REMEMBERED = 4096
"""Events whose repetition is recognised; client-go's number."""
_PATCH_SECONDS = 1.0
_RETRIES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further try, while the API server does not answer."""
_MERGE_PATCH = "application/merge-patch+json"
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

Key = tuple[str, ...]


@dataclass(slots=True)
class _Told:
    """An event as it was told so far.

    Attributes:
        body: What the server was given, with the count and last time of now.
        written_at: When it was last written, by `time.monotonic()`.
        dirty: It has come again since.
    """

    body: Json
    written_at: float
    dirty: bool = False


class EventRecorder:
    """Tells the events of one node's kubelet.

    Args:
        request: Sends a request, with the arguments of `Api.request`.
        host: The node's name.
        note: Told of events that had to be dropped.
    """

    def __init__(
        self,
        request: Callable[..., Awaitable[Json]],
        *,
        host: str,
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._request, self._host, self._note = request, host, note
        self._queue: deque[tuple[Key, Json]] = deque(maxlen=_QUEUED)
        self._more = asyncio.Event()
        self._told: OrderedDict[Key, _Told] = OrderedDict()
        self._last_ns = 0

    def event(
        self,
        about: Json,
        reason: str,
        message: str,
        *,
        warning: bool = False,
        container: str = "",
        init: bool = False,
    ) -> None:
        """Queue an event; it is sent by `run`. Never raises, never blocks.

        When a thousand events wait, the oldest of them is forgotten.

        Args:
            about: A Pod or a Node.
            reason: One word, e.g. `Started`.
            message: For a human reader.
            warning: Its type is Warning rather than Normal.
            container: The container of the Pod that it is about.
            init: That container is an init container.
        """
        metadata = about.get("metadata") or {}
        kind = "Pod" if metadata.get("namespace") else "Node"
        body = self._body(kind, metadata, reason, message, warning)
        if container:
            field = "initContainers" if init else "containers"
            body["involvedObject"]["fieldPath"] = f"spec.{field}{{{container}}}"
        of = (kind, str(metadata.get("uid") or metadata.get("name")))
        self._queue.append(((*of, reason, message, container, body["type"]), body))
        self._more.set()

    async def run(self) -> None:
        """Send what was queued, in order, until cancelled."""
        while True:
            self._more.clear()
            while self._queue:
                await self._take(*self._queue.popleft())
            await self._patch_due()
            if not self._queue:
                await self._wait()

    async def _wait(self) -> None:
        """Wait for the next event, or until a repeated one may be written again."""
        due = [told.written_at + _PATCH_SECONDS for told in self._told.values() if told.dirty]
        try:
            async with asyncio.timeout(max(0.0, min(due) - time.monotonic()) if due else None):
                await self._more.wait()
        except TimeoutError:
            return

    async def _take(self, key: Key, body: Json) -> None:
        told = self._told.get(key)
        if told is None:
            if await self._send("POST", self._path(body), body):
                self._told[key] = _Told(body, time.monotonic())
                while len(self._told) > _REMEMBERED:
                    self._told.popitem(last=False)
            return
        self._told.move_to_end(key)
        told.body["count"] += 1
        told.body["lastTimestamp"] = body["lastTimestamp"]
        told.dirty = True

    async def _patch_due(self) -> None:
        for key, told in list(self._told.items()):
            if told.dirty and time.monotonic() >= told.written_at + _PATCH_SECONDS:
                await self._patch(key, told)

    async def _patch(self, key: Key, told: _Told) -> None:
        """Write an event's new count; one that the server has forgotten is written anew."""
        path = f"{self._path(told.body)}/{told.body['metadata']['name']}"
        change = {name: told.body[name] for name in ("count", "lastTimestamp")}
        told.dirty, told.written_at = False, time.monotonic()
        if await self._send("PATCH", path, change, _MERGE_PATCH, quiet=True):
            return
        if not await self._send("POST", self._path(told.body), told.body):
            self._told.pop(key, None)

    async def _send(
        self,
        method: str,
        path: str,
        body: Json,
        content_type: str = "application/json",
        *,
        quiet: bool = False,
    ) -> bool:
        """Send a request, again while there is no answer; whether the server took it."""
        for wait in (*_RETRIES, None):
            try:
                await self._request(method, path, body=dict(body), content_type=content_type)
                return True
            except ApiError as error:
                final = 400 <= error.status < 500 and error.status != 429
                why = error.seen
            except Exception as error:  # an event is never worth the agent's life
                final, why = True, repr(error)
            if final or wait is None:
                break
            await asyncio.sleep(wait)
        if not quiet:
            self._note(f"An event was dropped: {body.get('reason')}, {body.get('message')}: {why}")
        return False

    def _path(self, body: Json) -> str:
        return Kind.EVENT.path(body["metadata"]["namespace"])

    def _body(self, kind: str, metadata: Json, reason: str, message: str, warning: bool) -> Json:
        involved = {
            "kind": kind,
            "apiVersion": "v1",
            "namespace": metadata.get("namespace"),
            "name": str(metadata.get("name") or ""),
            "uid": metadata.get("uid"),
            "resourceVersion": metadata.get("resourceVersion") if kind == "Pod" else None,
        }
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": self._name(str(involved["name"])),
                "namespace": metadata.get("namespace") or "default",
            },
            "involvedObject": {name: value for name, value in involved.items() if value},
            "reason": reason,
            "message": message,
            "source": {"component": "kubelet", "host": self._host},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": "Warning" if warning else "Normal",
            "reportingComponent": "kubelet",
            "reportingInstance": self._host,
        }

    def _name(self, of: str) -> str:
        """Return a name that no other event has; the object's own may be too long for one."""
        self._last_ns = max(time.time_ns(), self._last_ns + 1)
        name = f"{of}.{self._last_ns:x}"
        return name if len(name) <= 253 and _SUBDOMAIN.fullmatch(name) else str(uuid.uuid4())
