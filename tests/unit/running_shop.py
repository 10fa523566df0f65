"""`shop` as a real process on 127.0.0.1, for the tests of the app."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import nodebynode.app

APP = Path(nodebynode.app.__file__).parent
SHOP = APP / "shop.py"
PATIENCE = 5.0  # seconds; a bound for a wait that normally ends in milliseconds
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S.*")


class Client:
    """One keep-alive connection, spoken to by hand so that nothing is retried or reopened."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.file = self.sock.makefile("rb")

    def send(self, path: str = "/", method: str = "GET", headers: str = "") -> None:
        self.sock.sendall(f"{method} {path} HTTP/1.1\r\nHost: shop\r\n{headers}\r\n".encode())

    def receive(self, body: bool = True) -> tuple[int, dict[str, str], str]:
        """Status, headers and body; status 0 when the connection was closed instead."""
        first = self.file.readline()
        if not first:
            return 0, {}, ""
        headers = {}
        while (line := self.file.readline()) != b"\r\n":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        text = self.file.read(int(headers["content-length"])).decode() if body else ""
        return int(first.split()[1]), headers, text

    def get(self, path: str = "/") -> tuple[int, dict[str, str], str]:
        self.send(path)
        return self.receive()

    def is_closed(self) -> bool:
        """Waits for the other side; True when it has closed, False when it sent something."""
        return self.file.read(1) == b""

    def close(self) -> None:
        self.file.close()
        self.sock.close()


class Shop:
    """A running shop, its output so far, and the clients that a test has opened."""

    def __init__(self, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-S", str(SHOP)],
            env={"SHOP_BIND": "127.0.0.1", "SHOP_PORT": "0", **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self.more = threading.Condition()
        self.clients: list[Client] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self.more:
                self.lines.append(line.rstrip("\n"))
                self.more.notify_all()

    def wait_line(self, text: str, count: int = 1) -> str:
        """Waits until `count` lines have `text`, and returns the last of them."""

        def found() -> list[str]:
            return [line for line in self.lines if text in line]

        with self.more:
            seen = self.more.wait_for(lambda: len(found()) >= count, PATIENCE)
            assert seen, f"no {text!r} in {self.lines}"
            return found()[count - 1]

    @property
    def port(self) -> int:
        return int(self.wait_line(" started: ").rsplit(" ", 1)[1])

    def connect(self) -> Client:
        client = Client(self.port)
        self.clients.append(client)
        return client

    def sigterm(self, then: str = " SIGTERM: ") -> str:
        """Sends SIGTERM and waits for the next line that has `then`."""
        before = sum(then in line for line in self.lines)
        self.process.send_signal(signal.SIGTERM)
        return self.wait_line(then, before + 1)

    def exit_code(self) -> int:
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return code

    def stderr(self) -> str:
        assert self.process.stderr
        return self.process.stderr.read()

    def end(self) -> None:
        for client in self.clients:
            client.close()
        self.process.kill()
        self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()


Start = Callable[..., Shop]


def wait_for(condition: Callable[[], bool], timeout: float = PATIENCE) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"not within {timeout} s"
        time.sleep(0.01)
