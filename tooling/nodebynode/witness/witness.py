"""The witness as its owner uses it: start a load, stop it, read what became of its requests."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from nodebynode.errors import BadInput, ClusterError
from nodebynode.processes import die_with_parent
from nodebynode.waiting import wait_for
from nodebynode.witness.plan import TIMEOUT, Plan
from nodebynode.witness.traffic import Traffic

_START_SECONDS = 10.0
_END_SECONDS = 2 * TIMEOUT + 4


class Witness:
    """A bounded load on a Service, in a process of its own that does not outlive its owner.

    Args:
        url: The Service's address on this machine, from `Cluster.service_url`.
        log_path: Where each request is logged. Its folder is made where there is none.
        rate: Requests a second, at most 200.
        seconds: When it ends by itself, at most 3600.
        keep_alive: Connections that are kept and used in turn; 0 makes a new one for each request.

    Raises:
        BadInput: one of them is out of bounds, or the address is not on 127.0.0.1.
    """

    def __init__(
        self,
        url: str,
        log_path: str | Path,
        rate: float = 50,
        seconds: float = 600,
        keep_alive: int = 0,
    ) -> None:
        self.plan = Plan(url, rate, seconds, keep_alive)
        self.path = Path(log_path)
        self._process: subprocess.Popen[str] | None = None

    def __repr__(self) -> str:
        state = "running" if self.running else "ended" if self._process else "not started"
        return f"<Witness of {self.plan.url}, {self.plan.rate:g} a second, {state}>"

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The number of its process; 0 before the start."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Begin; returns when the first request is about to be sent.

        Raises:
            BadInput: the log cannot be made, or there is one of that name.
            ClusterError: the load did not begin, or has been started before.
        """
        if self._process is not None:
            raise ClusterError("This witness has been started before.", "Make a new one.")
        make_log(self.path)
        plan = (self.plan.url, self.path, self.plan.rate, self.plan.seconds, self.plan.keep_alive)
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", "nodebynode.witness", *map(str, plan)],
            stdin=subprocess.PIPE,  # it ends when this does
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        try:
            wait_for(
                lambda: self.path.stat().st_size or process.poll() is not None,
                timeout=_START_SECONDS,
                what="the load to begin",
                every=0.01,
            )
        except BaseException:
            self._end(kill=True)
            raise
        if not self.path.stat().st_size:
            raise ClusterError(f"The load did not begin. {self._end(kill=True)}".strip())

    def stop(self) -> Traffic:
        """End the load where it goes on, and return what became of its requests.

        Requests under way are waited for. Twice is as good as once.

        Raises:
            BadInput: the log ended before its time, because the disk was full.
            ClusterError: it was never started.
        """
        if self._process is None:
            raise ClusterError("This witness has not been started.", "Call `start()` first.")
        said = self._end()
        if self._process.returncode > 0:
            raise BadInput(
                f"The log {self.path} ended before its time: {said}",
                "What was written until then can be read. Make room, and begin again.",
            )
        return Traffic.read(self.path)

    def wait(self) -> Traffic:
        """Wait until the load ends by itself, then as `stop`."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(self.plan.seconds + _END_SECONDS)
        return self.stop()

    def __enter__(self) -> Witness:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self, *, kill: bool = False) -> str:
        """End the process and return what it said of an error."""
        process = self._process
        if process is None or process.stderr is None or process.stderr.closed:
            return ""
        if kill:
            process.kill()
        try:
            _, said = process.communicate(timeout=_END_SECONDS)  # ends its input first
        except subprocess.TimeoutExpired:
            process.kill()
            _, said = process.communicate()
        return said.strip()


def make_log(path: Path) -> None:
    """Make an empty log, and its folder.

    Raises:
        BadInput: it cannot be made, or there is one of that name.
    """
    try:
        with suppress(FileExistsError):  # a file: opening what is in it says so in clear words
            path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
    except FileExistsError as error:
        raise BadInput(
            f"There is a log {path} already.",
            "Choose another name, or move it away: no log is written over.",
        ) from error
    except OSError as error:
        raise BadInput(
            f"The log {path} cannot be written: {error.strerror}.",
            "Choose a folder that you may write to.",
        ) from error
