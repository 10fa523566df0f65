"""The process that Pods' processes are forked from: it has the app in memory and waits.

Forking takes a millisecond and shares the interpreter's memory, where a start from nothing takes
50 ms and 10 MB. It is a program of its own because a process with threads, such as the agent, must
not fork. Run by `spawner.py` as `python -S -E zygote.py APP_FOLDER LABEL`, with a socket as its
standard input: one JSON object a line each way.

    to it      {"id": 1, "env": {...}, "log": "/path"}   start an app
               {"id": 1, "signal": 15}                    send it a signal
    from it    {"id": 1, "pid": 4711}                     it was started
               {"id": 1, "exit": 0, "signal": 0}          it has ended, by itself or by a signal

When the socket is closed, every app is killed and the zygote ends; when the zygote is killed, the
kernel kills the apps (Linux) or they notice their lost parent (elsewhere).
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from typing import Any, NoReturn

_PR_SET_PDEATHSIG = 1


class Zygote:
    """Starts apps, passes signals on, and tells how each ended."""

    def __init__(self, control: socket.socket, app: Any) -> None:
        self.control = control
        self.app = app
        self.ids: dict[int, int] = {}  # the app's number by its process
        self.rest = b""
        # Every SIGCHLD becomes a byte in this pair, so that one select() waits for everything.
        self.woken, self.waker = socket.socketpair()
        self.waker.setblocking(False)
        signal.set_wakeup_fd(self.waker.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Serves until the control socket is closed; then kills what runs."""
        while True:
            ready, _, _ = select.select([self.control, self.woken], [], [])
            if self.woken in ready:
                self.woken.recv(4096)
                self.reap()
            if self.control in ready and not self.obey(self.control.recv(65536)):
                break
        signal.set_wakeup_fd(-1)
        for pid in self.ids:
            os.kill(pid, signal.SIGKILL)

    def obey(self, received: bytes) -> bool:
        """Does what complete lines ask for; False when the socket was closed."""
        *lines, self.rest = (self.rest + received).split(b"\n")
        for line in lines:
            order = json.loads(line)
            if "env" in order:
                self.start(order)
            else:
                self.pass_on(order["id"], order["signal"])
        return bool(received)

    def tell(self, **word: object) -> None:
        """Sends one object to the agent."""
        self.control.sendall(json.dumps(word).encode() + b"\n")

    def start(self, order: dict[str, Any]) -> None:
        """Forks an app."""
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self.become_app(order["env"], order["log"], parent)
        self.ids[pid] = order["id"]
        self.tell(id=order["id"], pid=pid)

    def pass_on(self, number: int, which: int) -> None:
        """Sends a signal to an app that still runs; nobody else can have its process number yet."""
        for pid, known in self.ids.items():
            if known == number:
                os.kill(pid, which)

    def reap(self) -> None:
        """Tells the end of every app that has ended."""
        while self.ids:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            self.tell(id=self.ids.pop(pid), exit=max(code, 0), signal=max(-code, 0))

    def become_app(self, env: dict[str, str], log: str, parent: int) -> NoReturn:
        """Is the app from here on, in the forked process."""
        code = 1
        try:
            die_with(parent)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.woken.close()
            self.waker.close()
            nothing = os.open(os.devnull, os.O_RDONLY)
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            self.control.detach()  # it is file 0, which is replaced here
            for file, place in ((nothing, 0), (output, 1), (output, 2)):
                os.dup2(file, place)
            os.close(nothing)
            os.close(output)
            os.environ.clear()
            os.environ.update(env)
            code = self.app.main()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)


def die_with(parent: int) -> None:
    """Ends this process when its parent ends, whatever the parent dies of."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def main() -> None:
    """Loads the app and serves."""
    sys.path.insert(0, sys.argv[1])
    import shop  # type: ignore[import-not-found]

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()  # what is here already stays shared: no later collection writes to it
    Zygote(socket.socket(fileno=0), shop).serve()


if __name__ == "__main__":
    main()
