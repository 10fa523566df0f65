"""Running other programs: argument lists, a time limit, and their output kept for the error.

On Linux a child is told by the kernel to end when we end, so that a killed `nodebynode` leaves
nothing running. Elsewhere that signal does not exist, and the next run cleans up instead.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nodebynode.errors import MissingTool, NodebynodeError

_PR_SET_PDEATHSIG = 1
_AFTER_SECONDS = 5.0
"""How long the output of a program that has ended is waited for."""
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies; for `preexec_fn`."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ran to its end."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def last_words(self) -> str:
        """The last lines that it printed, errors first, for a message."""
        text = self.err.strip() or self.out.strip()
        return "\n".join(text.splitlines()[-6:])


class CommandFailed(NodebynodeError):
    """A program ended with an error; `finished` holds all that it printed."""

    def __init__(self, finished: Finished, do: str = "") -> None:
        name = Path(finished.argv[0]).name
        command = " ".join((name, *finished.argv[1:4]))
        super().__init__(f"`{command} …` ended with {finished.code}: {finished.last_words}", do)
        self.finished = finished


class TimedOut(NodebynodeError):
    """A program did not end in time, and was stopped with all its children."""

    def __init__(self, finished: Finished, seconds: float) -> None:
        words = " ".join((Path(finished.argv[0]).name, *finished.argv[1:4]))
        last = f": {finished.last_words}" if finished.last_words else "."
        super().__init__(f"`{words}` did not end within {seconds:.0f} s, and was stopped{last}")
        self.finished = finished


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    check: bool = True,
    on_line: Callable[[str], None] | None = None,
    cwd: Path | None = None,
) -> Finished:
    """Run a program to its end and return what it printed.

    Args:
        argv: The program and its arguments; never a shell's line.
        timeout: Seconds; then the program's whole process group is killed.
        env: The complete environment; ours when None.
        stdin: Text for its standard input, which is otherwise empty.
        check: Raise when the exit code is not 0.
        on_line: Called with each line of its standard error as it comes.
        cwd: The folder to run in.

    Raises:
        MissingTool: there is no such program, or it may not be executed.
        CommandFailed: it ended with an error, and `check` was asked for.
        TimedOut: it did not end in time.
    """
    words = tuple(str(word) for word in argv)
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=env,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    except OSError as error:
        raise MissingTool(f"Cannot run {words[0]}: {error.strerror}.") from error
    if on_line is None:
        out, err, ended = _collect(process, stdin, timeout)
    else:
        out, err, ended = _collect_lines(process, stdin, timeout, on_line)
    finished = Finished(words, process.returncode, out, err)
    if not ended:
        raise TimedOut(finished, timeout)
    if check and finished.code:
        raise CommandFailed(finished)
    return finished


def _collect(
    process: subprocess.Popen[str], stdin: str | None, timeout: float
) -> tuple[str, str, bool]:
    """Return what a program printed, and whether it ended in time."""
    try:
        return *process.communicate(stdin, timeout=timeout), True
    except subprocess.TimeoutExpired:
        _kill(process)
        return *_rest(process), False
    except BaseException:
        _kill(process)
        raise


def _rest(process: subprocess.Popen[str]) -> tuple[str, str]:
    try:
        return process.communicate(timeout=_AFTER_SECONDS)
    except subprocess.TimeoutExpired:  # a child that left the group keeps the pipes open
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()
        return "", ""


def _collect_lines(
    process: subprocess.Popen[str],
    stdin: str | None,
    timeout: float,
    on_line: Callable[[str], None],
) -> tuple[str, str, bool]:
    """Return what a program printed and whether it ended in time, telling its errors as they come.

    Raises:
        Exception: what `on_line` raised; the program is ended then.
    """
    assert process.stdout is not None  # noqa: S101 - for the type checker
    assert process.stderr is not None  # noqa: S101 - for the type checker
    out = _Reader(process.stdout)
    err = _Reader(process.stderr, on_line, on_error=lambda: _kill(process))
    ended = True
    try:
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), process.stdin:
                process.stdin.write(stdin or "")
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        ended = False
    finally:
        if not ended or process.poll() is None:
            _kill(process)
        for reader in (out, err):
            reader.join(_AFTER_SECONDS)
    if err.error is not None:
        raise err.error
    return out.text, err.text, ended


class _Reader(threading.Thread):
    """Reads a pipe to its end, whatever becomes of the listener: a full pipe stops a program."""

    def __init__(
        self,
        pipe: IO[str],
        on_line: Callable[[str], None] = lambda _: None,
        on_error: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(daemon=True)
        self._pipe, self._on_line, self._on_error = pipe, on_line, on_error
        self._lines: list[str] = []
        self.error: Exception | None = None
        self.start()

    @property
    def text(self) -> str:
        return "".join(self._lines)

    def run(self) -> None:
        with self._pipe:
            for line in self._pipe:
                self._lines.append(line)
                if self.error is None:
                    self._tell(line.rstrip("\n"))

    def _tell(self, line: str) -> None:
        try:
            self._on_line(line)
        except Exception as error:  # kept for the thread that waits for the program
            self.error = error
            self._on_error()


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill all that is left of a program's process group, also when it ended itself; reap it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
