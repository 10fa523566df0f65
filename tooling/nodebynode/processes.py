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

from nodebynode.errors import MissingTool, NodebynodeError

_PR_SET_PDEATHSIG = 1
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
        NodebynodeError: it did not end in time.
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
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        raise MissingTool(f"Cannot run {words[0]}: {error.strerror}.") from error
    out, err = _collect(process, stdin, timeout, on_line)
    finished = Finished(words, process.returncode, out, err)
    if check and finished.code:
        raise CommandFailed(finished)
    return finished


def _collect(
    process: subprocess.Popen[str],
    stdin: str | None,
    timeout: float,
    on_line: Callable[[str], None] | None,
) -> tuple[str, str]:
    try:
        if on_line is None:
            return process.communicate(stdin, timeout=timeout)
        return _collect_lines(process, stdin, timeout, on_line)
    except subprocess.TimeoutExpired as error:
        raise NodebynodeError(
            f"`{_shown(process)}` did not end within {timeout:.0f} s, and was stopped."
        ) from error
    finally:
        _end(process)


def _shown(process: subprocess.Popen[str]) -> str:
    words = process.args
    return " ".join(map(str, words[:4])) if isinstance(words, list | tuple) else str(words)


def _collect_lines(
    process: subprocess.Popen[str],
    stdin: str | None,
    timeout: float,
    on_line: Callable[[str], None],
) -> tuple[str, str]:
    errors: list[str] = []

    def read() -> None:
        assert process.stderr is not None  # noqa: S101 - for the type checker
        for line in process.stderr:
            errors.append(line)
            on_line(line.rstrip("\n"))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    watchdog = threading.Timer(timeout, _end, [process])
    watchdog.start()
    try:
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), process.stdin:
                process.stdin.write(stdin or "")
        assert process.stdout is not None  # noqa: S101 - for the type checker
        out = process.stdout.read()
        process.wait()
        reader.join(timeout=5)
    finally:
        expired = not watchdog.is_alive()
        watchdog.cancel()
    if expired:
        raise subprocess.TimeoutExpired(process.args, timeout)
    return out, "".join(errors)


def _end(process: subprocess.Popen[str]) -> None:
    """Kill the process group of a program that still runs, and reap it."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
