"""Processes of ours that outlive the command that started them: one each, known by a held lock."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from nodebynode.waiting import wait_for

_END_SECONDS = 10.0


def hold(file: Path) -> int:
    """Take the lock that only one process can hold, for as long as this process lives.

    Returns:
        The lock's descriptor; no child inherits it.

    Raises:
        ClusterError: another process holds it.
    """
    lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)

    def taken() -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    wait_for(taken, timeout=2, what=f"{file}, which another process holds", every=0.05)
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
    return lock


def is_held(file: Path) -> bool:
    """Whether a process holds the lock."""
    try:
        lock = os.open(file, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def end(file: Path, what: str) -> None:
    """End the process that holds a lock, if there is one: SIGTERM, and SIGKILL after ten seconds.

    Raises:
        ClusterError: it does not end.
    """
    if not is_held(file):
        return
    deadline = time.monotonic() + _END_SECONDS
    told: set[int] = set()

    def ended() -> bool:
        pid = int(file.read_text() or 0)  # just after it took the lock it has not said yet
        with suppress(ProcessLookupError):
            if pid and time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            elif pid and pid not in told:
                told.add(pid)
                os.kill(pid, signal.SIGTERM)
        return not is_held(file)

    wait_for(
        ended,
        timeout=_END_SECONDS + 5,
        what=f"{what} to end",
        seen=lambda: f"process {file.read_text()}",
        every=0.05,
    )
