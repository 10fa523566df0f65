"""A fake API server for one kind, on 127.0.0.1, that can do all the harm that real ones do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from nodebynode.kube import Api

Json = dict[str, Any]


class FakeApi:
    """Pods in memory, their history, and what is to go wrong next.

    Attributes:
        objects: What is stored, by name.
        mischief: Things that go wrong with the requests to come, in order: an HTTP status for any;
            `cut`, `expire`, `repeat`, `rubbish`, `lie` for the next event of a watch.
        lists: How many lists were answered.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Json] = {}
        self.mischief: list[str | int] = []
        self.lists = 0
        self._version, self._uid, self._oldest = 10, 0, 0
        self._history: list[tuple[int, Json]] = []
        self._changed = threading.Condition()
        self._closed = False
        self._epoch = 0

    # ── what happens in it ───────────────────────────────────────────────────────────────────

    def put(self, name: str) -> None:
        """Create an object, or change it."""
        with self._changed:
            old = self.objects.get(name)
            self._uid += old is None
            uid = old["metadata"]["uid"] if old else str(self._uid)
            self._record("MODIFIED" if old else "ADDED", name, uid)

    def remove(self, name: str) -> None:
        """Delete an object, if it is there."""
        with self._changed:
            if old := self.objects.get(name):
                self._record("DELETED", name, old["metadata"]["uid"])

    def forget(self) -> None:
        """Forget the history, and cut every watch: whoever asks for more of it gets 410."""
        with self._changed:
            self._history.clear()
            self._oldest = self._version + 1
            self._version += 1
            self._epoch += 1
            self._changed.notify_all()

    def cut(self) -> None:
        """Cut every watch."""
        with self._changed:
            self._epoch += 1
            self._changed.notify_all()

    def close(self) -> None:
        """End every watch for good."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _record(self, kind: str, name: str, uid: str) -> None:
        self._version += 1
        metadata = {
            "name": name, "namespace": "n", "uid": uid, "resourceVersion": str(self._version),
        }  # fmt: skip
        item = {"metadata": metadata}
        if kind == "DELETED":
            del self.objects[name]
        else:
            self.objects[name] = item
        self._history.append((self._version, {"type": kind, "object": item}))
        self._changed.notify_all()

    # ── what it answers ──────────────────────────────────────────────────────────────────────

    def take(self, *kinds: str | int) -> str | int | None:
        """Return the next mischief, if it is of one of some kinds."""
        with self._changed:
            if self.mischief and (self.mischief[0] in kinds or not kinds):
                return self.mischief.pop(0)
        return None

    def page(self, query: dict[str, str]) -> Json:
        """Return a page of the list; pages of two, so that a list has several."""
        with self._changed:
            names = sorted(self.objects)
            begin = int(query.get("continue") or 0)
            rest = begin + 2 if begin + 2 < len(names) else 0
            self.lists += not rest
            metadata = {"resourceVersion": str(self._version)}
            if rest:
                metadata["continue"] = str(rest)
            return {
                "metadata": metadata,
                "items": [self.objects[name] for name in names[begin : begin + 2]],
            }

    def events(self, since: int) -> Iterator[Json | None]:
        """Yield what happened after a version, as it happens; None when nothing did for a while."""
        epoch = self._epoch
        while True:
            with self._changed:
                if self._closed or epoch != self._epoch:
                    return
                new = [one for one in self._history if one[0] > since]
                if not new:
                    self._changed.wait(0.02)
            for version, event in new:
                since = version
                yield event
            if not new:
                yield None

    def is_expired(self, since: int) -> bool:
        """Whether history after a version is gone."""
        return since < self._oldest


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeApi

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        status = self.fake.take(403, 410, 429, 500)
        with suppress(OSError):
            if status:
                self._answer(int(status), {"kind": "Status", "code": status, "message": "no"})
            elif "watch" in query:
                self._watch(int(query["resourceVersion"]))
            else:
                self._answer(200, self.fake.page(query))

    def _answer(self, status: int, body: Json) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _watch(self, since: int) -> None:
        if self.fake.is_expired(since):
            self._answer(410, {"kind": "Status", "code": 410, "message": "too old"})
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        for event in self.fake.events(since):
            if event is None:
                self._chunk(b"")  # notices a client that has gone
                continue
            line = json.dumps(event).encode() + b"\n"
            wrong = self.fake.take("cut", "expire", "repeat", "rubbish", "lie")
            if wrong == "cut":
                self._chunk(line[:7])
                return
            if wrong == "expire":
                gone = {"kind": "Status", "code": 410, "message": "too old"}
                self._chunk(json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n")
                return
            if wrong == "rubbish":
                self._chunk(b"<html>\n")
                return
            if wrong == "lie":  # the end of something that never was
                lie = {"metadata": {"name": "ghost", "namespace": "n", "resourceVersion": "1"}}
                version = event["object"]["metadata"]["resourceVersion"]
                lie["metadata"]["resourceVersion"] = str(int(version) - 1)
                self._chunk(json.dumps({"type": "DELETED", "object": lie}).encode() + b"\n")
            self._chunk(line * (2 if wrong == "repeat" else 1))

    def _chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()


@contextmanager
def serving(folder: Path) -> Iterator[tuple[FakeApi, Api]]:
    """Serve a fake, and give the door to it."""
    fake = FakeApi()
    handler = type("Handler", (_Handler,), {"fake": fake})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    file = folder / f"kubeconfig-{server.server_port}"
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [
                    {
                        "name": "fake",
                        "cluster": {"server": f"http://127.0.0.1:{server.server_port}"},
                    }
                ],
                "users": [{"name": "fake", "user": {}}],
                "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
                "current-context": "fake",
            }
        )
    )
    try:
        yield fake, Api(file)
    finally:
        fake.close()
        server.shutdown()
        server.server_close()
