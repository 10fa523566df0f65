"""`nodebynode progress`: what it shows, what it forgets, and one clear error for each slip."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path

import pytest
from nodebynode import cli_progress
from nodebynode.course.labs import checks_of

from .conftest import Call
from .steps import LAB, step, tried

ROOT = Path(__file__).parents[2]
CHECKS = [check.name for check in checks_of(LAB)]
GONE = "00-was-once"


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and a course that has lab 01 only."""
    (tmp_path / "course" / "solutions").mkdir(parents=True)
    shutil.copy(ROOT / "solutions" / f"{LAB}.py", tmp_path / "course" / "solutions")
    monkeypatch.setenv("NODEBYNODE_COURSE", str(tmp_path / "course"))
    monkeypatch.setenv("NODEBYNODE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NODEBYNODE_PROGRESS", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return tmp_path / "home" / "progress.jsonl"


def write(path: Path, *lines: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(lines))


def answering(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """Somebody sits before the terminal, and answers."""
    terminal = io.StringIO(f"{answer}\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)


def test_before_the_first_lab(call: Call, path: Path) -> None:
    said = call("progress")
    assert (said.code, said.err) == (0, "")
    assert f"0 of {len(CHECKS)}" in said.out
    assert said.out.endswith(
        f"Lab 01: Not begun yet: {len(CHECKS)} checks. `nodebynode learn 01` opens it."
    )
    assert not path.parent.exists()


def test_a_line_for_each_lab(call: Call, path: Path) -> None:
    write(path, step(0, "opened"), tried(7, CHECKS[0], passed=True), tried(8, CHECKS[1]))
    said = call("progress")
    assert (said.code, said.err) == (0, "")
    assert f"1 of {len(CHECKS)}" in said.out
    assert "8 min" in said.out
    assert "2026-03-02" in said.out
    assert f"Next: `{CHECKS[1]}`, in round 3." in said.out


def test_one_lab_with_its_checks_and_guesses(call: Call, path: Path) -> None:
    write(path, tried(0, CHECKS[0], hint=2), step(1, "prediction", question="order", said="[a/]"))
    said = call("progress", "1")
    assert (said.code, said.err) == (0, "")
    assert f"{CHECKS[0]} Which kinds have a node · not yet 1 2" in said.out
    assert "order [a/] not compared yet" in said.out


def test_as_json(call: Call, path: Path) -> None:
    write(
        path,
        step(0, "opened", provider="kind"),
        tried(1, CHECKS[0], hint=1),
        tried(2, CHECKS[0], passed=True),
        step(3, "prediction", question="order", said="made, gone"),
        step(3, "comparison", question="order", outcome="otherwise"),
        step(3, "misconception", key="deleted-comes-back"),
    )
    one = json.loads(call("progress", LAB, "--json").out)
    assert json.loads(call("progress", "--json").out) == [one]
    assert (one["lab"], one["passed"], one["finished"], one["next"]) == (LAB, 1, False, CHECKS[1])
    assert (one["seconds"], one["last"]) == (180, "2026-03-02T09:03:00+00:00")
    assert one["checks"][0] == {
        "check": CHECKS[0], "round": 2, "passed": True, "tries": 2, "hints": 1,
    }  # fmt: skip
    assert one["predictions"] == [
        {"question": "order", "said": "made, gone", "outcome": "otherwise"}
    ]
    assert (one["misconceptions"], one["providers"]) == (["deleted-comes-back"], ["kind"])


def test_damaged_lines_are_told_beside_what_was_read(call: Call, path: Path) -> None:
    write(path, tried(0, CHECKS[0], passed=True), b'{"at": "2026-03-')
    said = call("progress", "01", "--json")
    assert said.code == 0
    assert json.loads(said.out)["passed"] == 1
    assert "1 line of your progress skipped: line 2 (cut short, or no JSON)." in said.err
    assert str(path) in said.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("77",), "There is no lab '77'. The labs are: 01-what-runs-where."),
        (("what-runs-were",), "Did you mean 01-what-runs-where?"),
        (("--forget", "77"), "There is no lab '77'. The labs are: 01-what-runs-where."),
        (("--yes",), "--yes goes with --forget."),
        (("01", "--forget", "01"), "--forget LAB does nothing but forget, and 01 stands beside"),
        (("--forget", "01", "--json"), "and --json stands beside it. Leave --json away."),
    ],
)
def test_a_slip_is_told_in_one_message(
    call: Call, path: Path, words: tuple[str, ...], says: str
) -> None:
    write(path, step(0, "opened"))
    said = call("progress", *words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("nodebynode: ")
    assert says in said.err
    assert path.read_bytes() == step(0, "opened")


@pytest.mark.parametrize("words", [("--nonsense",), ("01", "02"), ("--forget",)])
def test_what_is_no_use_of_it(call: Call, words: tuple[str, ...]) -> None:
    said = call("progress", *words)
    assert said.code == 2
    assert "Traceback" not in said.err


@pytest.mark.parametrize("words", [(), ("01",), ("--forget", "01"), ("--forget", "all")])
def test_a_file_that_cannot_be_read(call: Call, path: Path, words: tuple[str, ...]) -> None:
    path.mkdir(parents=True)
    said = call("progress", *words)
    assert (said.code, said.out) == (2, "")
    assert f"Your progress in {path} cannot be read: Is a directory." in said.err


@pytest.mark.parametrize("which", ["01", "all"])
def test_nothing_is_forgotten_where_nobody_can_be_asked(call: Call, path: Path, which: str) -> None:
    write(path, step(0, "opened"))
    said = call("progress", "--forget", which)
    assert (said.code, said.out) == (2, "")
    assert "Nothing was forgotten: nobody is here to be asked about your" in said.err
    assert "Add --yes if you mean it." in said.err
    assert path.read_bytes() == step(0, "opened")


def test_one_who_says_no_loses_nothing(
    call: Call, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, step(0, "opened"))
    answering(monkeypatch, "n")
    said = call("progress", "--forget", "01")
    assert (said.code, said.out) == (0, "Nothing was forgotten.")
    assert f"Forget your progress in lab {LAB}?" in said.err
    assert path.read_bytes() == step(0, "opened")


def test_one_lab_is_forgotten(call: Call, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = step(0, "opened", GONE) + b"damaged\n"
    write(path, kept, step(0, "opened"))
    answering(monkeypatch, "y")
    said = call("progress", "--forget", "1")
    assert said.code == 0
    assert "Forgotten: your progress in lab 01-what-runs-where." in said.out
    assert path.read_bytes() == kept


def test_a_lab_that_the_course_has_no_longer_can_be_forgotten(call: Call, path: Path) -> None:
    write(path, step(0, "opened", GONE), step(1, "opened"))
    assert call("progress", "--forget", GONE, "--yes").code == 0
    assert path.read_bytes() == step(1, "opened")


def test_all_is_forgotten_damaged_lines_too(call: Call, path: Path) -> None:
    write(path, b"damaged\n")
    said = call("progress", "--forget", "all", "--yes")
    assert (said.code, said.err) == (0, "")
    assert "Forgotten: your whole progress." in said.out
    assert path.read_bytes() == b""


def test_what_is_not_there_is_not_forgotten(call: Call, path: Path) -> None:
    assert call("progress", "--forget", "01").out == f"There is nothing of lab {LAB}."
    assert call("progress", "--forget", "all").out == "There is nothing to forget."
    assert not path.parent.exists()


def test_learn_opens_the_first_lab_that_is_not_finished(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    every = path.parents[1] / "course" / "solutions"
    shutil.copy(every / f"{LAB}.py", every / "01-zz-the-same-again.py")
    assert cli_progress.lab_to_open("07") == "07"
    assert cli_progress.lab_to_open(None) == LAB
    assert capsys.readouterr().err == ""
    write(path, *(tried(0, name, passed=True) for name in CHECKS))
    assert cli_progress.lab_to_open(None) == "01-zz-the-same-again"
    assert "The first lab that is not finished: 01-zz" in capsys.readouterr().err
    (every / "01-zz-the-same-again.py").unlink()
    assert cli_progress.lab_to_open(None) == LAB
    assert "Every lab is finished. This is the last one" in capsys.readouterr().err


def test_learn_does_without_a_file_that_cannot_be_read(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.mkdir(parents=True)
    assert cli_progress.lab_to_open(None) == LAB
    assert "cannot be read" in capsys.readouterr().err


def test_learn_in_a_course_without_labs(call: Call, path: Path) -> None:
    (path.parents[1] / "course" / "solutions" / f"{LAB}.py").unlink()
    said = call("learn", "--no-browser")
    assert said.code == 2
    assert "There are no labs in" in said.err
    assert call("progress").code == 0
