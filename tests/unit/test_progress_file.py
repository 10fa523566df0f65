"""The progress file: many write at once, a cut line spoils nothing, and forgetting is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from nodebynode import settings
from nodebynode.course.checks import Check, NotYet, passed
from nodebynode.course.progress import Record, file
from nodebynode.errors import BadInput, ClusterError

from .steps import LAB, step, tried

OTHER = "02-who-makes-pods"


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A progress file of the test's own, in a folder that is not there yet."""
    monkeypatch.setenv("NODEBYNODE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NODEBYNODE_PROGRESS", raising=False)
    return tmp_path / "home" / "progress.jsonl"


def test_lines_are_appended_and_for_the_learner_only(path: Path) -> None:
    assert file.read().events == ()
    assert not file.exists()
    assert file.append(step(0, "opened")) == ""
    assert file.append(tried(1, "one")) == ""
    assert path.read_bytes() == step(0, "opened") + tried(1, "one")
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_file_can_be_put_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODEBYNODE_PROGRESS", str(tmp_path / "mine.jsonl"))
    file.append(step(0, "opened"))
    assert (tmp_path / "mine.jsonl").exists()
    assert not settings.data_dir().exists()


def test_a_cut_line_does_not_spoil_the_next(path: Path) -> None:
    file.append(step(0, "opened"))
    path.write_bytes(path.read_bytes() + tried(1, "one")[:30])
    file.append(tried(2, "two"))
    read = file.read()
    assert [one.name for one in read.events] == ["", "two"]
    assert [one.number for one in read.damaged] == [2]


def test_what_cannot_be_written_is_told_once_and_stops_nothing(path: Path) -> None:
    path.parent.write_text("a file in the folder's place")
    said: list[str] = []
    record = Record(LAB, say=said.append)
    assert said[0].startswith(f"Your progress in {path} cannot be read: Not a directory.")
    record.add("opened")
    record.add("check", "one", outcome="not yet")
    assert len(said) == 1
    assert record.progress.tries_of("one").tries == 1


def test_a_full_disk_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODEBYNODE_PROGRESS", "/dev/full")
    assert "cannot be written" in file.append(step(0, "opened"))


def test_what_cannot_be_read_is_told(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(BadInput, match=rf"Your progress in {path} cannot be read: Is a directory"):
        file.read()


_WRITE = """
from nodebynode.course.progress import Record
record = Record("{lab}")
for _ in range(200):
    record.add("check", "one", outcome="not yet", saw="x" * 300)
"""
_FORGET = """
import time
from nodebynode.course.progress import file
ends = time.monotonic() + 30
file.forget("{other}")
while len(file.read().events) < 800 and time.monotonic() < ends:
    file.forget("{other}")
"""


def run_all(*scripts: str) -> None:
    """Run scripts at once, each in a process of its own."""
    code = [script.format(lab=LAB, other=OTHER) for script in scripts]
    running = [subprocess.Popen([sys.executable, "-c", script]) for script in code]
    assert [one.wait(60) for one in running] == [0] * len(running)


def test_nothing_is_lost_or_mixed_when_many_write_and_one_forgets(path: Path) -> None:
    file.append(step(0, "opened", OTHER))
    run_all(_WRITE, _WRITE, _FORGET, _WRITE, _WRITE)
    read = file.read()
    assert read.damaged == ()
    assert [one.lab for one in read.events] == [LAB] * 800


def test_forgetting_one_lab_keeps_all_others_to_the_letter(path: Path) -> None:
    file.append(step(0, "opened"))
    kept = step(1, "opened", OTHER) + b"damaged\n"
    path.write_bytes(path.read_bytes() + kept + step(2, "closed"))
    file.forget(LAB)
    assert path.read_bytes() == kept
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o600
    file.forget(None)
    assert path.read_bytes() == b""


def test_a_rewrite_that_fails_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.append(step(0, "opened"))

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(BadInput, match="No space left on device"):
        file.forget(None)
    assert path.read_bytes() == step(0, "opened")
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_there_is_nothing_to_forget_where_there_is_no_file(path: Path) -> None:
    file.forget(LAB)
    assert not path.parent.exists()


# ── the lab that is open ─────────────────────────────────────────────────────────────────────

CHECK = Check("one", "The first", lambda _: passed(""), ("gentle", "direct"))


def refuse(attempt: int) -> str:
    raise NotYet(CHECK, "Nothing.", "Something.", "Look.", told=attempt)


def test_tries_go_on_in_a_new_kernel_and_begin_anew_after_a_pass() -> None:
    first = Record(LAB)
    for _ in range(2):
        with pytest.raises(NotYet):
            first.judged("one", refuse)
    second, asked = Record(LAB), []
    with pytest.raises(NotYet):
        second.judged("one", refuse)
    assert second.judged("one", lambda attempt: asked.append(attempt) or "seen") == "seen"
    assert second.judged("one", lambda attempt: asked.append(attempt) or "seen") == "seen"
    assert asked == [4, 1]
    assert Record(LAB).progress.tries_of("one").hint == 3


def test_what_is_no_verdict_is_no_try() -> None:
    def gone(_: int) -> str:
        raise ClusterError("The namespace is gone.")

    record = Record(LAB)
    with pytest.raises(ClusterError):
        record.judged("one", gone)
    assert record.progress.checks == {}


def test_steps_of_other_labs_are_not_taken_for_this_ones() -> None:
    Record(OTHER).add("check", "one", outcome="passed")
    assert Record(LAB).progress.checks == {}


def test_damaged_lines_are_told_when_a_lab_is_opened(path: Path) -> None:
    file.append(b"{\n")
    said: list[str] = []
    Record(LAB, say=said.append)
    assert said == ["1 line of your progress skipped: line 1 (cut short, or no JSON)."]


def test_a_kernel_that_is_killed_loses_nothing(path: Path) -> None:
    script = (
        "import os, signal\nfrom nodebynode.course.progress import Record\n"
        f"Record({LAB!r}).add('check', 'one', outcome='passed')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert Record(LAB).progress.tries_of("one").passed
