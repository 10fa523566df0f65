"""The part of a kubelet's own API that the API server asks for: the logs of its containers.

One small HTTPS server a node, on 127.0.0.1, for clients with a certificate only. What would need
a container (exec, attach, port-forward) is refused in a sentence that kubectl shows.

Rules: kubernetes `pkg/kubelet/server/server.go`.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from nodebynode.cluster.embedded.agent.log_lines import LogOptions, LogReader

_HANDSHAKE_SECONDS = 10.0
_IDLE_SECONDS = 120.0
_POLL_SECONDS = 0.05
_JOIN_SECONDS = 2.0
_BACKLOG = 128
_REFUSED = {
    "exec": "kubectl exec",
    "attach": "kubectl attach",
    "portForward": "kubectl port-forward",
    "run": "running a command",
    "checkpoint": "a checkpoint",
}
_INSTEAD = {"portForward": "reach the app by a Service of type NodePort"}


@dataclass(frozen=True, slots=True)
class LogFile:
    """What one run of a container has written, and whether it may still write.

    Attributes:
        path: The file; none yet means that nothing was written.
        ended: Asked in a thread of the server, again and again.
    """

    path: Path
    ended: Callable[[], bool]


class LogMissing(Exception):
    """There is no such log; the message goes to whoever asked, with the status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message, self.status = message, status


class Gone(Exception):
    """The client has left, or the server is being switched off."""


class KubeletApi:
    """The server of one node; it may be switched off and on again, and keeps its port.

    Args:
        certificate: The server's certificate, a file.
        key: Its key, a file.
        client_ca: What the certificates of clients must be signed by, a file.
        logs: Finds the log of (namespace, pod, container, whether the run before is meant); called
            in a thread of the server; raises `LogMissing`.
        note: Told of what goes wrong in serving.
    """

    def __init__(
        self,
        *,
        certificate: Path,
        key: Path,
        client_ca: Path,
        logs: Callable[[str, str, str, bool], LogFile],
        note: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.logs, self.note = logs, note
        self.port = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.load_cert_chain(certificate, key)
        self._context.load_verify_locations(client_ca)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._state = threading.Condition()
        self._frozen = False
        self._listener: socket.socket | None = None
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._acceptor: threading.Thread | None = None

    @property
    def frozen(self) -> bool:
        """Whether it accepts connections and answers nothing, as a node that is frozen does."""
        return self._frozen

    @frozen.setter
    def frozen(self, value: bool) -> None:
        with self._state:
            self._frozen = value
            self._state.notify_all()

    def start(self) -> None:
        """Listen: at first on a port that the system chooses, later on the same again.

        Where another program has taken the port meanwhile, the system chooses anew.
        """
        if self._listener is not None:
            return
        try:
            listener = socket.create_server(("127.0.0.1", self.port), backlog=_BACKLOG)
        except OSError:
            listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._acceptor = threading.Thread(
            target=self._accept, args=(listener,), name=f"kubelet-api-{self.port}", daemon=True
        )
        self._acceptor.start()

    def stop(self) -> None:
        """Refuse new connections and cut those that are open; its threads have ended then."""
        with self._state:
            listener, self._listener = self._listener, None
            if listener is None:
                return
            self._state.notify_all()
            open_now = dict(self._connections)
        # close() alone leaves the port open for as long as accept() waits in its thread.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in open_now:
            _cut(connection)
        for thread in (self._acceptor, *open_now.values()):
            if thread is not None and thread is not threading.current_thread():
                thread.join(_JOIN_SECONDS)

    def pass_gate(self, listener: socket.socket) -> None:
        """Wait while the node is frozen.

        Raises:
            Gone: the server was switched off.
        """
        with self._state:
            self._state.wait_for(lambda: not self._frozen or self._listener is not listener)
            if self._listener is not listener:
                raise Gone

    def _accept(self, listener: socket.socket) -> None:
        while self._listener is listener:
            try:
                connection, _ = listener.accept()
            except OSError as error:
                if self._listener is not listener:
                    return
                self.note(f"The kubelet API on port {self.port} cannot accept: {error}")
                threading.Event().wait(_POLL_SECONDS)  # out of files, most likely: do not spin
                continue
            thread = threading.Thread(target=self._serve, args=(listener, connection), daemon=True)
            with self._state:
                if self._listener is not listener:
                    connection.close()
                    return
                self._connections[connection] = thread
            thread.start()

    def _serve(self, listener: socket.socket, plain: socket.socket) -> None:
        """Shake hands and answer one client, in a thread of its own."""
        secured: ssl.SSLSocket | None = None
        try:
            self.pass_gate(listener)
            plain.settimeout(_HANDSHAKE_SECONDS)
            # The plain socket stays ours, so that stop() can cut it during the handshake too.
            secured = self._context.wrap_socket(plain.dup(), server_side=True)
            secured.settimeout(_IDLE_SECONDS)
            _Handler(self, listener, secured)
        except (OSError, ValueError, Gone):
            pass  # the client left, had no certificate, or spoke no TLS: its right
        except Exception as error:
            self.note(f"The kubelet API on port {self.port} failed: {error!r}")
        finally:
            with self._state:
                self._connections.pop(plain, None)
            if secured is not None:
                secured.close()
            _cut(plain)
            plain.close()


class _Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    protocol_version = "HTTP/1.1"
    server_version = "kubelet"
    sys_version = ""
    connection: ssl.SSLSocket

    def __init__(self, api: KubeletApi, listener: socket.socket, connection: ssl.SSLSocket) -> None:
        self._api, self._listener = api, listener
        super().__init__(connection, ("127.0.0.1", 0), None)  # type: ignore[arg-type]

    def log_message(self, *_: object) -> None:
        """Keep silent: requests are no news."""

    def do_GET(self) -> None:
        """Answer any request."""
        self._api.pass_gate(self._listener)
        address = urlsplit(self.path)
        first, *rest = [unquote(part) for part in address.path.strip("/").split("/")]
        if first in _REFUSED:
            instead = _INSTEAD.get(first, "read the app with `kubectl logs`")
            self._say(
                501,
                f"this cluster runs processes, not containers, and cannot do {_REFUSED[first]}; "
                f"{instead}, or use a kind cluster",
            )
        elif first == "containerLogs" and len(rest) == 3 and self.command == "GET":
            query = parse_qs(address.query, keep_blank_values=True)
            self._logs(rest[0], rest[1], rest[2], query)
        elif address.path == "/healthz" and self.command == "GET":
            self._say(200, "ok")
        else:
            self._say(404, "404 page not found")

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815 - http.server's names

    def _say(self, status: int, text: str) -> None:
        body = text.encode()
        self.close_connection = True  # a refused upgrade may be followed by anything
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _logs(self, namespace: str, pod: str, container: str, query: dict[str, list[str]]) -> None:
        try:
            options = LogOptions.of({name: values[-1] for name, values in query.items()})
            log = self._api.logs(namespace, pod, container, options.previous)
        except ValueError as error:
            return self._say(400, str(error))
        except LogMissing as missing:
            return self._say(missing.status, missing.message)
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with LogReader(log.path, options) as reader:
            while True:
                over = log.ended() or not options.follow  # asked before the last look at the file
                for block in reader.blocks(last=over):
                    self._api.pass_gate(self._listener)
                    self._chunk(block)
                if over or reader.full:
                    break
                self._wait()
        self._chunk(b"")
        return None

    def _chunk(self, block: bytes) -> None:
        self.connection.settimeout(None)  # a reader may take its time; stop() cuts it
        self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block))
        self.connection.settimeout(_IDLE_SECONDS)

    def _wait(self) -> None:
        """Wait for the file to grow.

        Raises:
            Gone: the client has left, which shows only by reading from it.
        """
        self._api.pass_gate(self._listener)
        self.connection.settimeout(_POLL_SECONDS)
        with suppress(TimeoutError):
            self.connection.recv(1)
            raise Gone  # it closed, or sent something in the middle of an answer
        self.connection.settimeout(_IDLE_SECONDS)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
