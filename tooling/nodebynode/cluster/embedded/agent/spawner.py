"""Starting Pods' processes, as far as the agent sees it: through the zygote, which forks them."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from nodebynode.processes import die_with_parent

_APP = Path(__file__).parents[3] / "app"
_ZYGOTE = Path(__file__).with_name("zygote.py")


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended.

    Attributes:
        code: As a container runtime tells it: 128 plus the signal's number where a signal did it.
        signal: The signal's number, or 0.
        at: When, in seconds since the epoch.
    """

    code: int
    signal: int
    at: float


@dataclass(slots=True)
class Process:
    """One run of the app."""

    number: int
    send: Callable[[Mapping[str, object]], None]
    started_at: float = field(default_factory=time.time)
    ended: asyncio.Future[Exit] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def signal(self, which: signal.Signals) -> None:
        """Send a signal; to a process that has ended it does nothing."""
        if not self.ended.done():
            self.send({"id": self.number, "signal": int(which)})

    def ends(self, code: int, by: int) -> None:
        """Take note of the end."""
        if not self.ended.done():
            self.ended.set_result(Exit(128 + by if by else code, by, time.time()))


class Spawner:
    """Starts apps, and starts a new zygote when the old one was killed.

    Args:
        label: Shown in the process list, so that people and tests know whose processes these are.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._numbers = itertools.count(1)
        self._running: dict[int, Process] = {}
        self._zygote: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    @property
    def zygote_pid(self) -> int | None:
        """The zygote's process number, when there is one."""
        return self._zygote.pid if self._zygote else None

    def start(self, env: Mapping[str, str], log: Path) -> Process:
        """Start the app with an environment, its output appended to a file."""
        if self._zygote is None or self._zygote.poll() is not None:
            self._bring_up()
        process = Process(next(self._numbers), self._send)
        self._running[process.number] = process
        self._send({"id": process.number, "env": dict(env), "log": str(log)})
        return process

    def close(self) -> None:
        """End every process, and the zygote."""
        if self._zygote is None or self._socket is None:
            return
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        with suppress(subprocess.TimeoutExpired):
            self._zygote.wait(1)
        self._lost()

    def _bring_up(self) -> None:
        ours, theirs = socket.socketpair()
        self._zygote = subprocess.Popen(
            [sys.executable, "-S", "-E", str(_ZYGOTE), str(_APP), self._label],
            stdin=theirs.fileno(),
            preexec_fn=die_with_parent,
        )
        theirs.close()
        self._socket = ours
        rest = bytearray()
        asyncio.get_running_loop().add_reader(ours, self._hear, ours, rest)

    def _send(self, word: Mapping[str, object]) -> None:
        assert self._socket is not None  # noqa: S101 - `start` has brought it up
        with suppress(OSError):  # a zygote that was killed just now: its end is heard soon
            self._socket.sendall(json.dumps(word).encode() + b"\n")

    def _hear(self, ours: socket.socket, rest: bytearray) -> None:
        try:
            received = ours.recv(65536)
        except OSError:
            received = b""
        if not received:
            asyncio.get_running_loop().remove_reader(ours)
            ours.close()
            self._lost()
            return
        rest += received
        *lines, tail = bytes(rest).split(b"\n")
        rest[:] = tail
        for line in lines:
            word = json.loads(line)
            if "exit" in word:
                self._running.pop(word["id"]).ends(word["exit"], word["signal"])

    def _lost(self) -> None:
        """The zygote is gone, and with it all that it had forked."""
        if self._zygote is not None:
            self._zygote.kill()
            self._zygote.wait()
            self._zygote = None
        for process in self._running.values():
            process.ends(0, signal.SIGKILL)
        self._running.clear()
