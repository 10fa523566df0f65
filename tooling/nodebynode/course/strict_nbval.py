"""A pytest plugin that closes what nbval 0.11 lets through, without forking it.

nbval runs a notebook's code cells as tests in one kernel. It passes a cell that failed without
error output (an unknown magic), one that swallowed its time limit, the failing first line of a
%%bash cell, an exception in a thread, and whatever a tag asks it to overlook; it notices a dead
kernel only at the time limit, runs on after a failure, and kills the kernel without its exit
handlers. Here its collection and its reports are kept, and the running of a cell is ours.
Use: `pytest -p nodebynode.course.strict_nbval --nbval-lax NOTEBOOK`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path
from queue import Empty
from typing import Any

import pytest

from nodebynode.course.labserver import skip_slow_grammar

skip_slow_grammar()

from jupyter_client.manager import KernelManager  # noqa: E402
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager  # noqa: E402
from nbval.plugin import IPyNbCell, IPyNbFile  # noqa: E402

_POLL_SECONDS = 0.25  # how soon a dead kernel is noticed
_INTERRUPT_SECONDS = 5.0  # how long an interrupted cell may take to end
_SHUTDOWN_SECONDS = 15.0  # how long a kernel's exit handlers may take

_KERNEL_ARGUMENTS = [
    "--log-level=ERROR",
    "--HistoryManager.hist_file=:memory:",  # the runs of a test are not a person's history
    # A %%bash cell reports its last command only; with -e, the first that fails ends it.
    "--ScriptMagics.script_paths=bash=bash -e",
]

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_HIDING = {"skip": "nbval-skip", "check_exception": "raises-exception", "check": "nbval-check"}
_NO_PROGRAM = "Couldn't find program: "  # all that %%script says, and on standard output
_EXIT_STATUS = re.compile(r"(returned non-zero exit status \d+|died with .+?)\.?$")
_BACKGROUND_FAILURE = re.compile(
    r"^(Exception in thread .*|Exception ignored in.*|.* exception was never retrieved)", re.M
)


class _KernelGone(Exception):
    """The kernel cannot run another cell; the text says why."""


class _Run:
    """What came back from the kernel for one cell."""

    def __init__(self, message_id: str) -> None:
        self.message_id = message_id
        self.reply: dict[str, Any] = {}
        self.error: dict[str, Any] = {}
        self.stderr = ""
        self.idle = False
        self.drained = False  # whether the last look found no message
        self.interrupted = False

    def take(self, message: dict[str, Any]) -> None:
        """Keeps what a message of the iopub channel says, whichever cell or thread it is from."""
        self.drained = False
        kind, content = message["msg_type"], message["content"]
        if kind == "stream" and content["text"].startswith(_NO_PROGRAM):
            self.error = {"ename": "MissingProgram", "evalue": content["text"].strip()}
        elif kind == "stream" and content["name"] == "stderr":
            self.stderr += content["text"]
        elif kind == "error":
            self.error = self.error or content
        elif kind == "status" and message["parent_header"].get("msg_id") == self.message_id:
            self.idle = self.idle or content["execution_state"] == "idle"

    def failure(self) -> tuple[str, str]:
        """Returns the error's name and what it said; two empty texts when there was none."""
        if background := _BACKGROUND_FAILURE.search(self.stderr):
            last = self.stderr.strip().splitlines()[-1]
            return "in the background", f"{background[0].rstrip(':')}: {last}"
        error = self.error or (self.reply if self.reply.get("status") != "ok" else {})
        if not error:
            left = any(part.get("source") == "ask_exit" for part in self.reply.get("payload", []))
            return ("exit", "the cell ends the kernel") if left else ("", "")
        name, said = error.get("ename", "aborted"), error.get("evalue", "")
        status = _EXIT_STATUS.search(said)
        if name == "CalledProcessError" and status:  # its own text repeats the whole script
            tail = " / ".join(self.stderr.strip().splitlines()[-3:])
            said = f"the command {status[1]}" + (f": {tail}" if tail else "")
        return name, said

    def traceback(self) -> str:
        return "\n".join((self.error or self.reply).get("traceback", []))


def _too_long(limit: float) -> str:
    return f"it took longer than {limit:g} s, the limit of a cell, and was interrupted"


class _Kernel:
    """One kernel of this very Python, whatever kernelspecs the user has installed."""

    def __init__(self, folder: Path) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop()
        self._manager = KernelManager(
            kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=NbvalKernelspecManager()
        )
        self._client: Any = None
        self._busy = False
        self._manager.start_kernel(
            cwd=str(folder), stderr=self._stderr, extra_arguments=_KERNEL_ARGUMENTS
        )
        self.pid: int = getattr(self._manager.provisioner, "pid")  # noqa: B009 - of the group too

    def await_ready(self, seconds: float) -> None:
        self._client = self._manager.client()
        self._client.start_channels()
        try:
            self._client.wait_for_ready(timeout=seconds)
        except RuntimeError as error:
            raise _KernelGone(f"the kernel did not start: {error}{self._last_words()}") from None

    def execute(self, source: str, limit: float) -> _Run:
        """Runs a cell to its end and reads both channels meanwhile.

        nbval reads the outputs after the reply. By then a live widget can have filled ZeroMQ's
        queue, and the message that the cell is done would be among the dropped.

        Raises:
            _KernelGone: The kernel died, or did not let itself be interrupted after `limit` s.
        """
        if not self._manager.is_alive():
            raise _KernelGone(f"the kernel died between cells{self._last_words()}")
        # store_history as in JupyterLab, so that `_` and `Out` mean the same here.
        run = _Run(self._client.execute(source, allow_stdin=False, stop_on_error=False))
        self._busy, deadline = True, time.monotonic() + limit
        while not (run.idle and run.reply):
            self._read_output(run)
            if run.idle or run.drained:
                self._read_reply(run)
            if run.drained and not self._manager.is_alive():
                if run.reply:
                    break  # it quit, as the reply says
                raise _KernelGone(f"the kernel died while it ran the cell{self._last_words()}")
            if time.monotonic() > deadline:
                if run.interrupted:
                    self._manager.shutdown_kernel(now=True)
                    raise _KernelGone(
                        f"{_too_long(limit)}; that was ignored, the kernel was killed"
                    )
                self._manager.interrupt_kernel()
                run.interrupted = True
                deadline = time.monotonic() + _INTERRUPT_SECONDS
        self._busy = False
        return run

    def _read_output(self, run: _Run) -> None:
        try:
            run.take(self._client.get_iopub_msg(timeout=_POLL_SECONDS))
        except Empty:
            run.drained = True

    def _read_reply(self, run: _Run) -> None:
        with contextlib.suppress(Empty):
            message = self._client.get_shell_msg(timeout=0)
            if message["parent_header"].get("msg_id") == run.message_id:
                run.reply = message["content"]

    def _last_words(self) -> str:
        """Returns how the kernel ended, and what it wrote past IPython, e.g. a fault's trace."""
        code = getattr(getattr(self._manager.provisioner, "process", None), "returncode", None)
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        ended = "" if code is None else f" (exit status {code})"
        return ended + (f": {' / '.join(lines[-5:])}" if lines else "")

    def stop(self) -> str:
        """Ends the kernel with its exit handlers, and after 15 s without; nothing of it remains.

        Returns:
            What failed in the background until then, or that it hung; mostly empty.
        """
        manager, run = self._manager, _Run("")
        try:
            if not self._client or not manager.is_alive():
                return f"the kernel died{self._last_words()}"
            if self._busy:  # after Ctrl-C
                manager.interrupt_kernel()
            # The exit that a cell could ask for. A shutdown request races in ipykernel 7.4 with the
            # closing of its own output and hangs for ten seconds or forever, one time in twelve.
            self._client.execute("get_ipython().ask_exit()", silent=True)
            deadline = time.monotonic() + _SHUTDOWN_SECONDS
            while manager.is_alive() or not run.drained:
                self._read_output(run)
                if time.monotonic() > deadline:
                    return f"the kernel did not end within {_SHUTDOWN_SECONDS:g} s and was killed"
            return ": ".join(run.failure()).removeprefix(": ")
        finally:
            self._clear_away()

    def _clear_away(self) -> None:
        if self._client:
            self._client.stop_channels()
        if self._manager.has_kernel:
            self._manager.shutdown_kernel(now=True)  # also takes away the connection file
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)  # what its cells left in the background
        self._stderr.close()


class StrictNotebook(IPyNbFile):  # type: ignore[misc]
    """A notebook whose cells are run strictly, in a kernel that is ended gently."""

    kernel: _Kernel | None = None
    failed: StrictCell | None = None

    def collect(self) -> Iterator[StrictCell]:
        """Yields nbval's cells as strict ones; a notebook without any is an error."""
        cells = list(super().collect())
        if not cells:
            raise self.CollectError(f"{self.path.name} has no code cells: nothing would be tested")
        for cell in cells:
            taken = {key: getattr(cell, key) for key in ("name", "cell_num", "cell", "options")}
            yield StrictCell.from_parent(self, **taken)

    def setup(self) -> None:
        """Starts the kernel, twice if need be: runs side by side may choose the same free port."""
        try:
            self.kernel = self._start()
        except _KernelGone:
            self.kernel = self._start()

    def _start(self) -> _Kernel:
        kernel = _Kernel(self.path.parent)
        try:
            _report(self.config, event="kernel", pid=kernel.pid)
            kernel.await_ready(self.config.option.nbval_kernel_startup_timeout)
        except BaseException:
            kernel.stop()  # pytest tears down only what was set up
            raise
        return kernel

    def teardown(self) -> None:
        """Ends the kernel; what failed in the background by then, or hung, is a failure."""
        if self.kernel is None:
            return
        problem = self.kernel.stop()
        if problem and self.failed is None:
            pytest.fail(f"after the last cell: {problem}", pytrace=False)


class StrictCell(IPyNbCell):  # type: ignore[misc]
    """A code cell as a test."""

    message = ""
    outcome = "passed"

    @property
    def kind(self) -> str:
        """The cell's role: check, exercise or code."""
        tags = self.cell.metadata.get("tags", [])
        return next((kind for kind in ("check", "exercise") if kind in tags), "code")

    @property
    def first_line(self) -> str:
        """The first line of code, by which a person knows the cell."""
        lines = [line.strip() for line in self.cell.source.splitlines()]
        return next((line for line in lines if line and not line.startswith("%%")), "")

    def runtest(self) -> None:
        """Runs the cell and judges it; a failure is an NbCellError that says how."""
        for option in ("skip", "check_exception", "check"):
            if self.options[option]:  # `check` compares outputs, and labs store none
                self._fail(f"{_HIDING[option]} would hide a failure; use try/except or assert")
        limit = self.config.option.nodebynode_cell_timeout
        try:
            run = self.parent.kernel.execute(self.cell.source, limit)
        except _KernelGone as error:
            self._fail(str(error))
        if run.interrupted:
            self._fail(_too_long(limit), run.traceback())
        self._judge(run)

    def _judge(self, run: _Run) -> None:
        name, said = run.failure()
        said = _ANSI.sub("", said).strip()
        unsolved = self.config.option.nodebynode_as == "start" and self.kind == "check"
        if unsolved and name == "NotYet":
            self.outcome, self.message = "not-yet", said
        elif unsolved:
            what = f"failed with {name}: {said}" if name else "passed"
            self._fail(f"the check {what}; in the unsolved lab it must say NotYet", run.traceback())
        elif name:
            self._fail(f"{name}: {said}", run.traceback())

    def _fail(self, message: str, traceback: str = "") -> None:
        self.outcome, self.message = "failed", message
        self.raise_cell_error(message, traceback)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options, all with our name in front."""
    add = parser.getgroup("nodebynode", "labs as strict tests").addoption
    text = "start: every check must say NotYet"
    add("--nodebynode-as", choices=["solution", "start"], default="solution", help=text)
    add("--nodebynode-cell-timeout", type=float, default=120.0, help="seconds a cell may take")
    add("--nodebynode-report", type=Path, help="file to append a JSON line a cell to")
    add("--nodebynode-lifeline", type=int, help="file descriptor; its end of file ends the run")


def pytest_configure(config: pytest.Config) -> None:
    """Refuses nbval's other mode, and watches the lifeline."""
    if not config.option.nbval_lax or config.option.nbval:
        raise pytest.UsageError("nodebynode.course.strict_nbval needs --nbval-lax")
    if config.option.nodebynode_lifeline is not None:
        # In a shell's background job, SIGINT would be ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        watch = partial(_end_with_parent, config.option.nodebynode_lifeline)
        threading.Thread(target=watch, daemon=True).start()


def _end_with_parent(lifeline: int) -> None:
    """Waits until nobody holds the other end, and then ends this process and its kernel."""
    os.read(lifeline, 1)
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    threading.Event().wait(_SHUTDOWN_SECONDS + _INTERRUPT_SECONDS)
    os._exit(1)  # the kernel sees that its parent is gone and ends within a second


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Puts our notebook in the place of nbval's."""
    found = yield
    return [
        StrictNotebook.from_parent(parent, path=file_path) if isinstance(node, IPyNbFile) else node
        for node in found
    ]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips what follows a failure: it would only repeat it."""
    if isinstance(item, StrictCell) and item.parent.failed:
        item.message = f"{item.parent.failed.name} failed before"
        pytest.skip(f"not run: {item.message}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Writes each finished cell to the report."""
    report = yield
    if not isinstance(item, StrictCell) or (report.when != "call" and report.passed):
        return report
    said = str(call.excinfo.value) if call.excinfo else ""
    if report.when == "teardown":
        _report(item.config, event="problem", message=said)
        return report
    if report.skipped:
        item.outcome = "not-run"
    elif report.failed:
        item.outcome, item.message = "failed", item.message or said
        item.parent.failed = item
    report.user_properties.append(("outcome", item.outcome))
    cell = {"index": item.cell_num, "id": item.cell.get("id", ""), "kind": item.kind}
    came = {"seconds": round(call.duration, 3), "outcome": item.outcome, "message": item.message}
    _report(item.config, event="cell", first_line=item.first_line, **cell, **came)
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Tells a check that rightly says NotYet from one that passed."""
    not_yet = report.when == "call" and ("outcome", "not-yet") in report.user_properties
    return ("not yet", "n", "NOT YET") if not_yet else None


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Ends the report, so that a cut one can be told from a whole one."""
    _report(session.config, event="end", passed=int(exitstatus) == 0)


def _report(config: pytest.Config, **record: object) -> None:
    path: Path | None = config.option.nodebynode_report
    if path:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
