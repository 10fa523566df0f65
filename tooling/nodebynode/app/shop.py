"""shop: the small web app that runs in the labs' pods.

It exists to make every failure of the labs a real one: slow starts, pods that never become ready,
crashes, errors, and four ways to meet SIGTERM. It is copied alone into an image and run as
`python3 /shop.py`, so it is one file and needs only the standard library. HTTP is written out by
hand: `http.server` doubles the time to start, and here you see where a connection is closed.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping

ON_SIGTERM = ("finish", "exit", "ignore", "drain")
NEVER = float("inf")
DAY = 86400.0
QUIET_SECONDS = 0.5  # `drain` ends when no connection has been open for so long
MAX_LINE = 8192  # bytes
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 500: "Error", 503: "Not Ready"}


def log(text: str, stream: int = 1) -> None:
    """Writes one line with the time in UTC to stdout (1) or stderr (2)."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    # One write() is never buffered or mixed with another thread's line; nobody may be reading.
    with contextlib.suppress(OSError):
        os.write(stream, f"{stamp}.{int(now * 1000) % 1000:03}Z {text}\n".encode())


class Settings:
    """What the environment variables in `env` ask for; a ValueError names the one that is bad."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.version = _name(env, "SHOP_VERSION", "dev")
        self.pod = _name(env, "POD_NAME", socket.gethostname())
        self.node = _name(env, "NODE_NAME", "unknown")
        self.bind = env.get("SHOP_BIND", "0.0.0.0")
        self.family = socket.AF_INET6 if ":" in self.bind else socket.AF_INET
        try:
            socket.inet_pton(self.family, self.bind)
        except (OSError, ValueError):
            raise _bad("SHOP_BIND", self.bind, "an IP address such as 0.0.0.0") from None
        port = env.get("SHOP_PORT", "8080")
        # A Service called `shop` makes Kubernetes set SHOP_PORT=tcp://10.96.0.1:80 in new pods
        # (enableServiceLinks). That is the Service's address, not a wish for our port.
        port = "8080" if port.startswith(("tcp://", "udp://", "sctp://")) else port
        if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
            raise _bad("SHOP_PORT", port, "a whole number from 0 to 65535")
        self.port = int(port)
        self.startup = _number(env, "SHOP_STARTUP_SECONDS", "0")
        self.ready_after = _number(env, "SHOP_READY_AFTER_SECONDS", "0", never=True)
        self.work = _number(env, "SHOP_WORK_SECONDS", "0")
        self.error_rate = _number(env, "SHOP_ERROR_RATE", "0", most=1.0)
        self.crash_after = _number(env, "SHOP_CRASH_AFTER_SECONDS", "never", never=True)
        self.on_sigterm = env.get("SHOP_ON_SIGTERM", "finish")
        if self.on_sigterm not in ON_SIGTERM:
            raise _bad("SHOP_ON_SIGTERM", self.on_sigterm, "one of " + ", ".join(ON_SIGTERM))


def _bad(name: str, seen: str, allowed: str) -> ValueError:
    return ValueError(f"{name} is {seen!r}; it must be {allowed}")


def _name(env: Mapping[str, str], name: str, default: str) -> str:
    seen = env.get(name, default)
    if not (seen.isprintable() and 1 <= len(seen) <= 253):
        raise _bad(name, seen, "1 to 253 printable characters")
    return seen


def _number(
    env: Mapping[str, str], name: str, default: str, most: float = DAY, never: bool = False
) -> float:
    seen = env.get(name, default)
    if never and seen == "never":
        return NEVER
    with contextlib.suppress(ValueError):
        if 0 <= float(seen) <= most:  # put this way round, it refuses nan too
            return float(seen)
    also = ", or the word never" if never else ""
    raise _bad(name, seen, f"a number from 0 to {most:g}{also}")


def read_request(stream: io.BufferedReader) -> tuple[str, str, bool] | None:
    """Reads one HTTP request: its method, its path, and whether the client keeps the connection.

    Returns None when the client has closed the connection; raises ValueError for what is not HTTP.
    """
    first = stream.readline(MAX_LINE)
    if not first:
        return None
    words = first.decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or not first.endswith(b"\n"):
        raise ValueError("not an HTTP/1 request")
    headers: dict[str, str] = {}
    while (line := stream.readline(MAX_LINE)) not in (b"\r\n", b"\n"):
        if not line.endswith(b"\n") or len(headers) > 100:
            raise ValueError("headers cut short or too large")
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip().lower()
    if "transfer-encoding" in headers or headers.get("content-length", "0") != "0":
        raise ValueError("shop reads no request bodies")
    keep = words[2] == "HTTP/1.1" and "close" not in headers.get("connection", "")
    return words[0], words[1].partition("?")[0], keep


class Inbox:
    """What wakes the main thread: signals, and the server's word `empty`.

    It is a pipe, and Python writes the number of each signal into it at once. A handler alone can
    come too late: a signal just before the main thread goes to sleep would not wake it up.
    """

    def __init__(self) -> None:
        self.out, self.into = os.pipe()
        os.set_blocking(self.into, False)  # set_wakeup_fd demands it
        signal.set_wakeup_fd(self.into)
        # Process 1 of a container never notices a signal that has no handler, even an empty one.
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGINT, lambda *_: None)

    def put_empty(self) -> None:
        """Says that the last connection has gone."""
        os.write(self.into, b"\0")

    def next(self, due: dict[str, float]) -> str:
        """Waits for the next word, or takes out the first of what is `due` (monotonic seconds)."""
        name, at = min(due.items(), key=lambda item: item[1])
        wait = None if at == NEVER else max(0.0, at - time.monotonic())
        if select.select([self.out], [], [], wait)[0]:
            return {0: "empty", signal.SIGTERM: "SIGTERM"}.get(os.read(self.out, 1)[0], "SIGINT")
        del due[name]
        return name


class Shop:
    """The server: it listens at once, and serves each connection in a thread of its own.

    Its `inbox` gets the word `empty` when it is closing and the last connection has gone.
    """

    def __init__(self, settings: Settings, inbox: Inbox) -> None:
        self.settings = settings
        self.inbox = inbox
        self.lock = threading.Lock()
        self.connections: set[socket.socket] = set()
        self.in_flight = self.asked = self.served = 0
        self.closing = False  # every answer says `Connection: close`
        self.accepting = True
        address = (settings.bind, settings.port)
        self.listener = socket.create_server(address, family=settings.family, backlog=128)
        self.ready_at = time.monotonic() + settings.ready_after
        threading.Thread(target=self._accept, daemon=True).start()

    def begin_closing(self) -> None:
        """Asks every client to go: from now on each answer says `Connection: close`."""
        with self.lock:
            self.closing = True
            if not self.connections:
                self.inbox.put_empty()

    def stop_accepting(self) -> None:
        """Refuses new connections, closes the idle ones, lets requests in flight finish."""
        with self.lock:
            self.accepting = False
            # close() alone leaves the port open for as long as accept() waits in its thread. An
            # idle connection's thread wakes up and closes it; a busy one answers first.
            for sock, how in [
                (self.listener, socket.SHUT_RDWR),
                *((conn, socket.SHUT_RD) for conn in self.connections),
            ]:
                with contextlib.suppress(OSError):
                    sock.shutdown(how)
        self.listener.close()
        self.begin_closing()

    def load(self) -> str:
        """What is open now, in words."""
        with self.lock:
            return f"connections open: {len(self.connections)}, in flight: {self.in_flight}"

    def _accept(self) -> None:
        while self.accepting:
            try:
                conn, _ = self.listener.accept()
            except OSError as error:
                if self.accepting:
                    log(f"failed: cannot accept a connection: {error}")
                    time.sleep(0.1)  # out of file descriptors, most likely: do not spin
                continue
            with self.lock:
                if not self.accepting:
                    conn.close()
                    return
                self.connections.add(conn)
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn: socket.socket) -> None:
        # An OSError here: the client went away between two requests, which is its right.
        with contextlib.suppress(OSError), conn, conn.makefile("rb") as stream:
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while self._answer_one(conn, stream):
                pass
        with self.lock:
            self.connections.discard(conn)
            if self.closing and not self.connections:
                self.inbox.put_empty()

    def _answer_one(self, conn: socket.socket, stream: io.BufferedReader) -> bool:
        try:
            request = read_request(stream)
        except ValueError as error:
            log(f"failed: 400, {error}")
            conn.sendall(_response(400, f"{error}\n", keep=False))
            return False
        if request is None:
            return False
        method, path, keep = request
        what = f"{method!r:.20} {path!r:.80}"
        with self.lock:
            self.in_flight += 1
        try:
            status, text = self._choose(method, path)
            keep = keep and not self.closing  # asked only now: SIGTERM may have come meanwhile
            if status not in (200, 503):  # probes ask again and again: their 503 is no news
                log(f"failed: {what} is answered {status}")
            conn.sendall(_response(status, text, keep=keep, body=method != "HEAD"))
        except OSError as error:
            log(f"failed: {what}, its client left before the answer: {error}")
            return False
        finally:
            with self.lock:
                self.in_flight -= 1
        return keep

    def _choose(self, method: str, path: str) -> tuple[int, str]:
        if method in ("GET", "HEAD") and path == "/":
            return self._home()
        if method in ("GET", "HEAD") and path == "/healthz":
            return 200, "ok\n"
        if method in ("GET", "HEAD") and path == "/ready":
            left = self.ready_at - time.monotonic()
            when = "never" if left == NEVER else f"in {left:.1f} s"
            return (200, "ready\n") if left <= 0 else (503, f"not ready; ready {when}\n")
        return 404, "not found; try GET / or /ready or /healthz\n"

    def _home(self) -> tuple[int, str]:
        me = self.settings
        time.sleep(me.work)
        with self.lock:
            self.asked += 1
            # Errors are spread evenly instead of drawn: a rate of 0.5 is every second request.
            fail = int(self.asked * me.error_rate) > int((self.asked - 1) * me.error_rate)
            self.served += 0 if fail else 1
            served = self.served
        about = {"app": "shop", "version": me.version, "pod": me.pod, "node": me.node}
        if fail:
            return 500, json.dumps(about | {"error": "failed on purpose, SHOP_ERROR_RATE"}) + "\n"
        return 200, json.dumps(about | {"served": served}) + "\n"


def _response(status: int, text: str, *, keep: bool, body: bool = True) -> bytes:
    kind = "application/json" if text.startswith("{") else "text/plain"
    head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: {kind}\r\n"
    head += f"Content-Length: {len(text.encode())}\r\n"
    head += "\r\n" if keep else "Connection: close\r\n\r\n"
    return (head + text).encode() if body else head.encode()


def run(settings: Settings, inbox: Inbox) -> int:
    """Lives the life of the app, from its start to its exit code; signals come by the inbox."""
    born = time.monotonic()
    due = {"listen": born + settings.startup, "crash": born + settings.crash_after}
    shop: Shop | None = None
    if settings.startup:
        log(f"starting: listens in {settings.startup:g} s (SHOP_STARTUP_SECONDS)")
    while True:
        event = inbox.next(due)
        if event == "crash":
            log(f"crash: SHOP_CRASH_AFTER_SECONDS is {settings.crash_after:g}", stream=2)
            return 1
        if event == "SIGINT":  # Ctrl-C
            return 130
        if event == "SIGTERM" and settings.on_sigterm == "ignore":
            log("SIGTERM: ignored, goes on as before (SHOP_ON_SIGTERM=ignore)")
        elif event == "SIGTERM" and (shop is None or settings.on_sigterm == "exit"):
            log(f"SIGTERM: exits at once; {shop.load() if shop else 'not listening yet'}")
            return 0
        elif shop is None:  # the event is "listen"
            try:
                shop = Shop(settings, inbox)
            except OSError as error:
                where = f"SHOP_BIND {settings.bind}, SHOP_PORT {settings.port}"
                log(f"shop: cannot listen on {where}: {error}", stream=2)
                return 2
            due["ready"] = shop.ready_at
            host, port = shop.listener.getsockname()[:2]
            me = f"version {settings.version}, pod {settings.pod}, node {settings.node}"
            log(f"started: {me}, listening on {host} port {port}")
        elif event == "ready":
            log("ready: GET /ready answers 200")
        elif event == "SIGTERM" and shop.closing:
            log(f"SIGTERM: again, already stopping; {shop.load()}")
        elif event == "SIGTERM" and settings.on_sigterm == "drain":
            log(f"SIGTERM: drain, serves on until its clients have gone; {shop.load()}")
            shop.begin_closing()
        elif event == "SIGTERM":
            log(f"SIGTERM: finish, closes the port, answers what is in flight; {shop.load()}")
            shop.stop_accepting()
            log("stopping: the port is closed")
        elif event == "empty" and shop.accepting:
            due["quiet"] = time.monotonic() + QUIET_SECONDS
        elif event == "quiet" and not shop.connections:
            shop.stop_accepting()
            log("stopping: all clients have gone, the port is closed")
        elif event == "empty" and not shop.connections:
            return 0


def main() -> int:
    """Runs the app until a signal or a setting ends it, and returns the exit code."""
    inbox = Inbox()  # first of all: from here on no signal is lost
    try:
        settings = Settings(os.environ)
    except ValueError as error:
        log(f"shop: {error}", stream=2)
        return 2
    code = run(settings, inbox)
    log(f"exit: code {code}")
    return code


if __name__ == "__main__":
    sys.exit(main())
