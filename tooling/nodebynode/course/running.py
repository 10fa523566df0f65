"""Runs a derived notebook as a test, in processes of its own, and tells its cells as they finish.

A notebook is never run in this process: its kernel, its time limits and its crashes belong to a
pytest that can be ended as a whole. That pytest reads nothing of the person's: no project settings,
no other plugins, no kernelspecs, no IPython profile.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nodebynode.course.notebooks import notebook_text
from nodebynode.errors import NodebynodeError

if TYPE_CHECKING:
    from nbformat import NotebookNode

Mode = Literal["solution", "start"]
_POLL_SECONDS = 0.1
_END_SECONDS = 25.0  # more than the plugin gives the kernel
_LAST_LINES = 20


@dataclass(frozen=True, slots=True)
class CellResult:
    """One code cell of a run.

    Attributes:
        index: Its place among the code cells, from 0.
        id: Its id in the notebook.
        kind: Its role by its tag.
        first_line: The first line of its code.
        seconds: How long it ran.
        outcome: `not-yet` is a check that rightly says so in the unsolved lab.
        message: What NotYet or the error said, or why the cell was not run.
    """

    index: int
    id: str
    kind: Literal["check", "exercise", "code"]
    first_line: str
    seconds: float
    outcome: Literal["passed", "not-yet", "failed", "not-run"]
    message: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """A notebook's run.

    Attributes:
        name: The lab's name.
        mode: As what it was run.
        cells: Its code cells in order.
        seconds: The whole run's time, with the start and end of the processes.
        passed: Whether everything was as it must be in this mode.
        problem: What went wrong after the last cell, e.g. in a thread; mostly empty.
    """

    name: str
    mode: Mode
    cells: tuple[CellResult, ...]
    seconds: float
    passed: bool
    problem: str = ""


def run_notebook(
    notebook: NotebookNode,
    name: str,
    *,
    mode: Mode,
    env: Mapping[str, str],
    cell_timeout: float = 120,
    on_cell: Callable[[CellResult], None] | None = None,
) -> RunResult:
    """Runs a notebook in a new kernel of this Python, in a temporary folder.

    However this ends (also by Ctrl-C or by SIGKILL of this process), pytest and the kernel end too.

    Args:
        notebook: A lab or a solved notebook, as derived.
        name: The lab's name, for messages.
        mode: `solution`: every cell must pass. `start`: every check must say NotYet.
        env: Environment variables for the kernel, over those of this process.
        cell_timeout: Seconds that a cell may take.
        on_cell: Called with each cell as it finishes.

    Returns:
        What came of each cell. A failing cell is a result and not an error.

    Raises:
        NodebynodeError: The notebook could not be run at all (e.g. it has no code cells).
    """
    started = time.monotonic()
    cells: list[CellResult] = []
    problem, passed, kernel = "", None, 0
    with tempfile.TemporaryDirectory(prefix="nodebynode-run-") as temporary:
        folder = Path(temporary)
        try:
            with _pytest(folder, notebook, name, mode, env, cell_timeout) as process:
                for record in _records(process, folder / "report.jsonl"):
                    match record.pop("event"):
                        case "kernel":
                            kernel = record["pid"]
                        case "cell":
                            cells.append(CellResult(**record))
                            if on_cell:
                                on_cell(cells[-1])
                        case "problem":
                            problem = record["message"]
                        case "end":
                            passed = record["passed"]
        finally:
            if passed is None and kernel:
                _kill_group(kernel)  # pytest did not get to end it
        if process.returncode not in (0, 1) or passed is None:
            raise _could_not_run(name, process.returncode, folder / "output.txt")
    seconds = time.monotonic() - started
    return RunResult(name, mode, tuple(cells), seconds, passed, problem)


@contextmanager
def _pytest(
    folder: Path,
    notebook: NotebookNode,
    name: str,
    mode: Mode,
    env: Mapping[str, str],
    cell_timeout: float,
) -> Iterator[subprocess.Popen[bytes]]:
    """Starts pytest, and sees to it that it has ended at the end of the block.

    It holds one end of a pipe and ends itself when the other is closed: by us, or by the system
    when this process is no more. A session of its own keeps a terminal's Ctrl-C for us alone.
    """
    work = folder / "work"
    work.mkdir()
    path = work / f"{re.sub(r'[^A-Za-z0-9._-]', '-', name)}.ipynb"
    path.write_text(notebook_text(notebook), encoding="utf-8")
    settings = folder / "pytest.ini"
    settings.write_text("[pytest]\n", encoding="utf-8")
    theirs, ours = os.pipe()
    command = [
        *[sys.executable, "-m", "pytest", str(path), "-c", str(settings), "--rootdir", str(folder)],
        *["-p", "nodebynode.course.strict_nbval", "-p", "nbval.plugin", "--nbval-lax"],
        *["-p", "no:cacheprovider", "--noconftest", "--color=no", "--disable-warnings"],
        f"--nodebynode-as={mode}",
        f"--nodebynode-cell-timeout={cell_timeout}",
        f"--nodebynode-report={folder / 'report.jsonl'}",
        f"--nodebynode-lifeline={theirs}",
    ]
    try:
        with (folder / "output.txt").open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=work,
                env=_environment(folder, env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs,),
                start_new_session=True,
            )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    try:
        yield process
    finally:
        os.close(ours)
        _await_end(process)


def _environment(folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment without what would let a person's own settings in."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTEST_", "JUPYTER_", "IPYTHON")) and key != "PYTHONSTARTUP"
    }
    return {
        **kept,
        **env,
        "NODEBYNODE_PROGRESS": str(folder / "progress.jsonl"),  # no learner's
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }


def _records(process: subprocess.Popen[bytes], report: Path) -> Iterator[dict[str, Any]]:
    """Yields the report's records as they are written, until pytest has ended and all are read."""
    report.touch()
    with report.open(encoding="utf-8") as file:
        started = ""
        ended = False
        while not ended:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_POLL_SECONDS)
                ended = True
            while line := file.readline():
                started += line
                if started.endswith("\n"):
                    yield json.loads(started)
                    started = ""


def _await_end(process: subprocess.Popen[bytes]) -> None:
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
    finally:  # also on a second Ctrl-C
        if process.poll() is None:
            _kill_group(process.pid)
            process.wait()


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _could_not_run(name: str, status: int, output: Path) -> NodebynodeError:
    lines = output.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return NodebynodeError(
        f"{name} could not be run as a test: pytest ended with status {status}.",
        "\n".join(["The last lines of its output:", *lines[-_LAST_LINES:]]),
    )
