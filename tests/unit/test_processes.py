"""Running programs: in time or not at all, output kept, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from nodebynode.errors import MissingTool
from nodebynode.processes import CommandFailed, TimedOut, run
from nodebynode.waiting import wait_for

# A shell that ignores SIGTERM, with a child that outlives a kill of the shell alone.
STUBBORN = 'trap "" TERM; echo begun; sleep 300 & echo $! >"$0"; wait; wait'


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return bool(shown.stdout.strip()) and not shown.stdout.startswith("Z")


def gone(pid: int) -> None:
    """Wait until a process is gone."""
    wait_for(lambda: not is_running(pid), timeout=10, what=f"process {pid} to end", every=0.02)


def pid_in(file: Path) -> int:
    """Return the process id that a file holds, as soon as it does."""
    return wait_for(
        lambda: file.exists() and int(file.read_text() or 0), timeout=10, what=f"{file} to be there"
    )


def test_what_a_program_prints_is_kept() -> None:
    finished = run(["sh", "-c", "cat; echo no >&2; exit 3"], timeout=10, stdin="yes", check=False)
    assert (finished.code, finished.out, finished.err) == (3, "yes", "no\n")
    assert finished.last_words == "no"


def test_a_failure_says_command_code_and_last_words() -> None:
    with pytest.raises(CommandFailed, match=r"`sh -c .*` ended with 7: 46\n") as caught:
        run(["sh", "-c", "seq 1 50 >&2; echo sorry >&2; exit 7"], timeout=10)
    assert caught.value.finished.err.startswith("1\n2\n")
    assert caught.value.seen.count("\n") == 5


def test_standard_input_is_empty_unless_given() -> None:
    assert run(["cat"], timeout=10).out == ""


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert run(["printf", r"a\377b"], timeout=10).out == "a�b"


@pytest.mark.parametrize("name", ["no-such-program", "/nowhere/kind", "/etc"])
def test_a_missing_program_is_named(name: str) -> None:
    with pytest.raises(MissingTool, match=f"Cannot run {name}: "):
        run([name], timeout=10)


def test_a_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    text = tmp_path / "kind"
    text.write_text("\0 not a program")
    text.chmod(0o755)
    with pytest.raises(MissingTool, match=r"Cannot run .*kind: Exec format error"):
        run([text], timeout=10)


@pytest.mark.parametrize("streaming", [False, True], ids=["at once", "line by line"])
def test_a_time_limit_ends_the_whole_group(tmp_path: Path, streaming: bool) -> None:
    on_line = [].append if streaming else None
    began = time.monotonic()
    with pytest.raises(TimedOut, match=r"did not end within 1 s, and was stopped: begun"):
        run(["sh", "-c", STUBBORN, tmp_path / "pid"], timeout=0.8, on_line=on_line)
    assert time.monotonic() - began < 5
    gone(pid_in(tmp_path / "pid"))


def test_a_child_that_holds_the_output_open_does_not_hold_us(tmp_path: Path) -> None:
    leaving = 'sleep 300 & echo $! >"$0"; echo said'
    with pytest.raises(TimedOut, match=": said"):
        run(["sh", "-c", leaving, tmp_path / "pid"], timeout=0.5)
    gone(pid_in(tmp_path / "pid"))


def test_lines_come_as_they_are_printed_with_input_too() -> None:
    heard: list[tuple[str, float]] = []
    script = "read word; echo $word one >&2; sleep 0.4; echo two >&2; echo out"
    finished = run(
        ["sh", "-c", script],
        timeout=10,
        stdin="line\n",
        on_line=lambda line: heard.append((line, time.monotonic())),
    )
    (first, at), (second, later) = heard
    assert (first, second) == ("line one", "two")
    assert later - at > 0.2
    assert (finished.out, finished.err) == ("out\n", "line one\ntwo\n")


def test_much_output_on_both_sides_does_not_block() -> None:
    script = "yes out | head -c 300000; yes err | head -c 300000 >&2"
    heard: list[str] = []
    finished = run(["sh", "-c", script], timeout=20, on_line=heard.append)
    assert (len(finished.out), len(finished.err), len(heard)) == (300000, 300000, 75000)


def test_a_program_that_reads_no_input_is_no_trouble() -> None:
    finished = run(["true"], timeout=10, stdin="x" * 300_000, on_line=print)
    assert finished.code == 0


def test_a_listener_that_fails_ends_the_program(tmp_path: Path) -> None:
    def full(line: str) -> None:
        raise OSError(28, "No space left on device")

    script = 'echo $$ >"$0"; echo line >&2; exec sleep 300'
    began = time.monotonic()
    with pytest.raises(OSError, match="No space left"):
        run(["sh", "-c", script, tmp_path / "pid"], timeout=60, on_line=full)
    assert time.monotonic() - began < 10
    gone(pid_in(tmp_path / "pid"))


def interrupted(script: str, pid_file: Path, number: int) -> subprocess.CompletedProcess[str]:
    """Run Python code that starts a program, and send it a signal when the program is there."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, pid_file],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        pid = pid_in(pid_file)
        assert is_running(pid)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    gone(pid)
    return subprocess.CompletedProcess([], process.returncode, out, err)


RUN = """
import sys
from nodebynode.processes import run
heard = open(sys.argv[1] + ".heard", "w")
def on_line(line): heard.write(line)
try:
    run(["sh", "-c", 'echo $$ >"$0"; %s', sys.argv[1]], timeout=300 %s)
finally:
    heard.close()
"""


if sys.platform == "linux":  # only there does the kernel tell a child of its parent's end

    def test_a_program_dies_with_us_even_by_sigkill(tmp_path: Path) -> None:
        ended = interrupted(RUN % ("exec sleep 300", ""), tmp_path / "pid", signal.SIGKILL)
        assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize("more", ["", ", on_line=on_line"], ids=["at once", "line by line"])
def test_an_interrupt_ends_the_program_and_prints_no_second_traceback(
    tmp_path: Path, more: str
) -> None:
    chatty = "while :; do echo line >&2; done"
    ended = interrupted(RUN % (chatty, more), tmp_path / "pid", signal.SIGINT)
    assert ended.stderr.count("Traceback") == 1, ended.stderr
    assert ended.stderr.strip().endswith("KeyboardInterrupt")


def test_environment_and_folder_are_the_given_ones(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "ONLY": "this"}
    finished = run(["sh", "-c", "pwd; echo $ONLY$HOME"], timeout=10, env=env, cwd=tmp_path)
    assert finished.out == f"{tmp_path}\nthis\n"
