"""`python -m nodebynode.cluster.embedded.supervisor FOLDER`: keeps a cluster's processes running.

One small process in a session of its own owns the control plane's components and the node agent. It
starts each, starts it again with a growing delay when it dies, and ends them in good order. Each
child holds the other end of a pipe, its lifeline, so that none outlives this process, even when
that is killed; on Linux the kernel sees to it as well, also for a child that is frozen.

It ends itself on SIGTERM, when the cluster's folder is gone, and when whoever started it ends
before writing a line to its standard input: an `up` that is killed leaves nothing running.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from nodebynode.cluster import background
from nodebynode.cluster.embedded.files import Files, last_words, rotate, write_private
from nodebynode.cluster.embedded.plan import Child, Plan
from nodebynode.processes import die_with_parent

_FIRST_DELAY = 0.2
_LONGEST_DELAY = 10.0
_STEADY_SECONDS = 30.0
"""A child that lived that long has recovered: the next delay is the first one again."""
_POLL = 0.05
"""Seconds between two questions whether the API server is ready, while somebody waits for it."""
_LOOK = 1.0
"""Seconds between two looks whether the folder is still there."""
_END_SECONDS = 5.0


class Running:
    """One child: its process, its lifeline, and what became of it so far."""

    def __init__(self, child: Child, files: Files) -> None:
        self.child = child
        self.log = files.log(child.name)
        self.state = "waiting"
        self.restarts = 0
        self.since = time.time()
        self.last_words = ""
        self.due = 0.0
        self._delay = _FIRST_DELAY
        self._began = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline = -1

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    def start(self) -> None:
        """Start the process; that it cannot be started counts as its death."""
        rotate(self.log)
        self._began = time.monotonic()
        theirs, self._lifeline = os.pipe()  # neither end is inherited by any other child
        try:
            with self.log.open("wb") as log:
                self._process = subprocess.Popen(
                    self.child.argv,
                    stdin=theirs,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self.child.env,
                    start_new_session=True,
                    preexec_fn=die_with_parent,
                )
        except OSError as error:
            self._died(f"Cannot run {self.child.argv[0]}: {error.strerror}.")
        else:
            self._enter("running")
        finally:
            os.close(theirs)

    def reap(self) -> bool:
        """Notice the end of the process; returns whether it has ended just now."""
        if self._process is None or (code := self._process.poll()) is None:
            return False
        self._kill_group(self._process.pid)
        self._process = None
        self._died(last_words(self.log) or f"It ended with {code} and said nothing.")
        return True

    def end(self) -> None:
        """Ask the process to end in good order."""
        self._enter("ending")
        if self.child.ends_with_lifeline:
            self._cut()
        elif self._process:
            self._process.terminate()

    def kill(self) -> None:
        """End the process and its group at once."""
        if self._process:
            self._kill_group(self._process.pid)
            self._process.wait()
            self._process = None
        self._cut()
        self._enter("ended")

    def _died(self, words: str) -> None:
        self._cut()
        if self.state == "ending":
            self._enter("ended")
            return
        if time.monotonic() - self._began >= _STEADY_SECONDS:
            self._delay = _FIRST_DELAY
        self.due = time.monotonic() + self._delay
        self._delay = min(2 * self._delay, _LONGEST_DELAY)
        self.restarts += 1
        self.last_words = words
        self._enter("restarting")

    def _enter(self, state: str) -> None:
        self.state, self.since = state, time.time()

    def _cut(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    @staticmethod
    def _kill_group(pid: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)

    def shown(self) -> dict[str, object]:
        """Return what `status` tells of it."""
        return {
            "pid": self._process.pid if self._process else None,
            "state": self.state,
            "restarts": self.restarts,
            "since": self.since,
            "last_words": self.last_words,
        }


class Supervisor:
    """All children of one cluster.

    Args:
        files: The cluster's files.
        plan: What is to run.
    """

    def __init__(self, files: Files, plan: Plan) -> None:
        self._files, self._plan = files, plan
        self._children = [Running(child, files) for child in plan.children]
        self._folder = files.folder.stat().st_ino
        self._since = time.time()
        self._told_to_end = False
        self._owner: int | None = sys.stdin.fileno()
        self._tls: ssl.SSLContext | None = None
        self._wake, wake = os.pipe()
        for end in (self._wake, wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake up
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told)

    def run(self) -> None:
        """Keep the children running until told to end; then end them."""
        try:
            while not self._told_to_end and self._folder_is_there():
                if self._start_due() | self._reap():
                    self._write_state()
                self._sleep(self._until_next())
        finally:
            self._end_all()

    # ── running ──────────────────────────────────────────────────────────────────────────────

    def _start_due(self) -> bool:
        """Start what is due, and put off what needs an API that is not ready."""
        now = time.monotonic()
        due = [one for one in self._children if not one.is_running and one.due <= now]
        ready = any(one.child.needs_api for one in due) and self._api_is_ready()
        for one in due:
            if one.child.needs_api and not ready:
                one.due = now + _POLL
            else:
                one.start()
        return any(one.is_running or one.restarts for one in due)

    def _reap(self) -> bool:
        return any([one.reap() for one in self._children])

    def _until_next(self) -> float:
        dues = [one.due for one in self._children if not one.is_running]
        return max(0.0, min([_LOOK, *(due - time.monotonic() for due in dues)]))

    def _api_is_ready(self) -> bool:
        try:
            if self._tls is None:
                self._tls = ssl.create_default_context(cafile=self._plan.ca)
                self._tls.load_cert_chain(self._plan.certificate, self._plan.key)
            asked = http.client.HTTPSConnection(
                "127.0.0.1", self._plan.port, context=self._tls, timeout=1
            )
            with contextlib.closing(asked):
                asked.request("GET", "/readyz")
                return asked.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def _folder_is_there(self) -> bool:
        try:
            return self._files.folder.stat().st_ino == self._folder
        except OSError:
            return False

    # ── waking and ending ────────────────────────────────────────────────────────────────────

    def _told(self, _number: int, _frame: FrameType | None) -> None:
        self._told_to_end = True

    def _sleep(self, seconds: float) -> None:
        """Wait for a signal, the owner, or the time."""
        watched = [self._wake] if self._owner is None else [self._wake, self._owner]
        ready, _, _ = select.select(watched, [], [], seconds)
        if self._wake in ready:
            os.read(self._wake, 4096)
        if self._owner in ready and self._owner is not None:
            if not os.read(self._owner, 64):
                self._told_to_end = True
            self._owner = None

    def _end_all(self) -> None:
        """End the children stage by stage; what does not end in time is killed."""
        deadline = time.monotonic() + _END_SECONDS
        if not self._folder_is_there():
            deadline = 0.0
        self._owner = None
        for stage in sorted({one.child.stage for one in self._children}):
            ending = [one for one in self._children if one.child.stage == stage]
            for one in ending:
                one.end()
            self._write_state()
            while any(one.is_running for one in ending) and time.monotonic() < deadline:
                self._sleep(min(_POLL, deadline - time.monotonic()))
                for one in ending:
                    one.reap()
            for one in ending:
                one.kill()
        self._write_state()

    def _write_state(self) -> None:
        state = {
            "supervisor": {"pid": os.getpid(), "since": self._since},
            "components": {one.child.name: one.shown() for one in self._children},
        }
        with contextlib.suppress(OSError):  # the folder is gone, or its disk is full
            write_private(self._files.components, json.dumps(state, indent=1))


def main() -> None:
    """Run the supervisor of the cluster in the folder that the first argument names."""
    files = Files(Path(sys.argv[1]))
    background.hold(files.lock)
    Supervisor(files, Plan.read(files.plan)).run()


if __name__ == "__main__":
    main()
