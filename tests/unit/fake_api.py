"""A fake API server for Pods, on 127.0.0.1, that can do all the harm that real ones do."""

from __future__ import annotations

import json
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from nodebynode.kube import Api

from .tls_files import TlsFiles

Json = dict[str, Any]
Event = tuple[int, Json]
_PAGE = 2
_TICK = 0.02
"""Seconds after which an idle watch looks whether its client is still there."""
_STREAMED = (
    "cut", "delay", "drop", "expire", "error", "hang", "lie", "malformed", "older", "repeat",
    "rubbish",
)  # fmt: skip


class FakeApi:
    """Pods in memory, their history, and what is to go wrong next.

    Attributes:
        objects: What is stored, by name.
        mischief: What goes wrong next, in order. For any request: an HTTP status, `no-json`,
            `stall` (no answer). For the second page of a list: `continue-410`. For the next event
            of a watch: `cut`, `delay`, `drop` (never told), `expire` (410 as an event), `error`
            (500 as an event), `hang` (silence), `lie` (the end of what never was), `malformed`,
            `older` (an old event again, then the end), `repeat`, `rubbish` (no JSON).
        asked: The query of each request.
        connections: Those that are open.
        watches: How many watches are open.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Json] = {}
        self.mischief: list[str | int] = []
        self.asked: list[dict[str, str]] = []
        self.connections: set[socket.socket] = set()
        self.watches = 0
        self._version, self._uid, self._oldest = 10, 0, 0
        self._history: list[Event] = []
        self._lists: dict[str, list[Json]] = {}
        self._changed = threading.Condition()
        self._epoch = 0

    @property
    def lists(self) -> int:
        """How many lists were begun."""
        return sum("watch" not in query and "continue" not in query for query in self.asked)

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

    def bookmark(self) -> str:
        """Let the version rise without a change, tell it to who watches, and return it."""
        with self._changed:
            self._version += 1
            item = {"metadata": {"resourceVersion": str(self._version)}}
            self._history.append((self._version, {"type": "BOOKMARK", "object": item}))
            self._changed.notify_all()
            return str(self._version)

    def forget(self) -> None:
        """Forget the history, and cut every watch: whoever asks for more of it gets 410."""
        with self._changed:
            self._history.clear()
            self._lists.clear()
            self._version += 1
            self._oldest = self._version
            self._epoch += 1
            self._changed.notify_all()

    def cut(self) -> None:
        """Cut every watch, and whatever stalls or hangs."""
        with self._changed:
            self._epoch += 1
            self._changed.notify_all()

    def _record(self, kind: str, name: str, uid: str) -> None:
        self._version += 1
        item = _pod(name, uid, self._version)
        if kind == "DELETED":
            del self.objects[name]
        else:
            self.objects[name] = item
        self._history.append((self._version, {"type": kind, "object": item}))
        self._changed.notify_all()

    # ── what it answers ──────────────────────────────────────────────────────────────────────

    def ask(self, query: dict[str, str]) -> tuple[str | int | None, int]:
        """Note a request; return what goes wrong with it, and the epoch that a cut ends."""
        with self._changed:
            self.asked.append(query)
            kinds: list[str | int] = [403, 410, 429, 500, "stall", "no-json"]
            return self._take(*kinds, *["continue-410"] * ("continue" in query)), self._epoch

    def trip(self) -> str | int | None:
        """Return what goes wrong with the next event of a watch."""
        with self._changed:
            return self._take(*_STREAMED)

    def _take(self, *kinds: str | int) -> str | int | None:
        return self.mischief.pop(0) if self.mischief and self.mischief[0] in kinds else None

    def page(self, query: dict[str, str]) -> Json | None:
        """Return a page of a list, or None when the list it goes on with is forgotten."""
        with self._changed:
            version, _, begin = query.get("continue", f"{self._version}:0").partition(":")
            if "continue" not in query:
                self._lists[version] = [self.objects[name] for name in sorted(self.objects)]
            if (listed := self._lists.get(version)) is None:
                return None
            end = int(begin) + min(_PAGE, int(query["limit"]))
            metadata = {"resourceVersion": version}
            if end < len(listed):
                metadata["continue"] = f"{version}:{end}"
            return {"metadata": metadata, "items": listed[int(begin) : end]}

    def events(self, since: int, epoch: int) -> Iterator[Json | None]:
        """Yield what happened after a version, as it happens; None now and then when idle."""
        while True:
            with self._changed:
                if epoch != self._epoch:
                    return
                new = [one for one in self._history if one[0] > since]
                if not new:
                    self._changed.wait(_TICK)
            for version, event in new:
                since = version
                yield event
            if not new:
                yield None

    def first(self) -> Json | None:
        """Return the oldest event that is not forgotten."""
        with self._changed:
            told = [event for _, event in self._history if event["type"] != "BOOKMARK"]
            return told[0] if told else None

    def is_expired(self, since: int) -> bool:
        """Whether history after a version is gone."""
        return since < self._oldest

    def wait_cut(self, epoch: int) -> None:
        """Wait for a cut."""
        with self._changed:
            self._changed.wait_for(lambda: epoch != self._epoch, timeout=30)

    def count_watch(self, by: int) -> None:
        """Keep the number of open watches."""
        with self._changed:
            self.watches += by


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    fake: FakeApi

    def setup(self) -> None:
        self.fake.connections.add(self.request)
        super().setup()

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        self.fake.connections.discard(self.request)

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        wrong, epoch = self.fake.ask(query)
        if wrong == "stall":
            self.close_connection = True
            self.fake.wait_cut(epoch)
        elif wrong == "no-json":
            self._answer(200, b"<html>")
        elif wrong:
            self._refuse(410 if wrong == "continue-410" else int(wrong))
        elif "watch" in query:
            self._watch(int(query["resourceVersion"]), epoch)
        elif (page := self.fake.page(query)) is None:
            self._refuse(410)
        else:
            self._answer(200, json.dumps(page).encode())

    def _refuse(self, status: int) -> None:
        self._answer(status, json.dumps(_status(status)).encode())

    def _answer(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _watch(self, since: int, epoch: int) -> None:
        if self.fake.is_expired(since):
            self._refuse(410)
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        self.fake.count_watch(1)
        try:
            for event in self.fake.events(since, epoch):
                if event is None:
                    if _is_gone(self.connection):
                        return
                elif not self._tell(event, epoch):
                    return
            if epoch % 2:  # every other one ends as a server's time limit ends it
                self.wfile.write(b"0\r\n\r\n")
        finally:
            self.fake.count_watch(-1)

    def _tell(self, event: Json, epoch: int) -> bool:
        """Tell an event, or do what is next to go wrong; False ends the watch."""
        line = json.dumps(event).encode() + b"\n"
        match self.fake.trip() if event["type"] != "BOOKMARK" else None:
            case "cut":
                self._chunk(line[:7])
                return False
            case "expire":
                self._event("ERROR", _status(410))
                return False
            case "error":
                self._event("ERROR", _status(500))
                return False
            case "rubbish":
                self._chunk(b"<html>\n")
                return False
            case "malformed":
                self._event("MODIFIED", {"kind": "Pod"})
                return False
            case "hang":
                self.fake.wait_cut(epoch)
                return False
            case "drop":
                return True
            case "delay":
                threading.Event().wait(0.03)
            case "lie":
                version = int(event["object"]["metadata"]["resourceVersion"])
                self._event("DELETED", _pod("ghost", "0", version))
            case "older" if first := self.fake.first():
                self._event("MODIFIED", first["object"])
                return False
            case "repeat":
                self._chunk(line)
        self._chunk(line)
        return True

    def _event(self, kind: str, item: Json) -> None:
        self._chunk(json.dumps({"type": kind, "object": item}).encode() + b"\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


class FakeServer:
    """The fake's door, that can be shut and opened again at the same port."""

    def __init__(self, fake: FakeApi, tls: TlsFiles | None = None) -> None:
        self._handler = type("Handler", (_Handler,), {"fake": fake})
        self._fake, self._tls, self.port = fake, tls, 0
        self.up()

    def up(self) -> None:
        """Serve."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        if self._tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._tls.server, self._tls.server_key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def down(self) -> None:
        """Serve no more; whoever is connected is cut off."""
        self._server.shutdown()
        self._server.server_close()
        self._fake.cut()
        for connection in list(self._fake.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def api(self, folder: Path) -> Api:
        """Return the client's side, through a kubeconfig of its own."""
        cluster = {"server": f"http://127.0.0.1:{self.port}"}
        if self._tls:
            cluster = {
                "server": f"https://127.0.0.1:{self.port}",
                "certificate-authority": str(self._tls.ca),
            }
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "fake", "cluster": cluster}],
            "users": [{"name": "fake", "user": {}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
            "current-context": "fake",
        }
        file = folder / f"kubeconfig-{self.port}"
        file.write_text(json.dumps(content))
        return Api(file)


@contextmanager
def serving(folder: Path, tls: TlsFiles | None = None) -> Iterator[tuple[FakeApi, Api, FakeServer]]:
    """Serve a fake; give it, a client's door to it, and its server."""
    fake = FakeApi()
    server = FakeServer(fake, tls)
    try:
        yield fake, server.api(folder), server
    finally:
        server.down()


def _pod(name: str, uid: str, version: int) -> Json:
    metadata = {"name": name, "namespace": "n", "uid": uid, "resourceVersion": str(version)}
    return {"metadata": metadata}


def _status(code: int) -> Json:
    return {"kind": "Status", "code": code, "message": f"refused with {code}"}


def _is_gone(connection: socket.socket) -> bool:
    """Whether the other side has closed a connection on which it has nothing more to say."""
    if not select.select([connection], [], [], 0)[0]:
        return False
    with suppress(OSError):
        return not connection.recv(1)
    return True
