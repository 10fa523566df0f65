"""tooling/setup.sh: the environment is made once, whoever runs it, wherever, and however it ends.

It runs on a copy of what it needs of the repository, with a `uv` or a `python3` that only logs.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from nodebynode.waiting import wait_for

ROOT = Path(__file__).parents[2]
LEARN = """#!/usr/bin/env bash
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
. "$root/tooling/setup.sh"
set_up "$root" "${1:-}"
echo ready
"""
# Logs its arguments, a line each; makes what it is asked for; does what the file `then` says.
UV = """#!/bin/sh
{ echo "call uv"; for word; do echo "<$word>"; done; } >>"$LOG"
case $1 in
venv) for folder; do :; done; mkdir -p "$folder/bin" ;;
pip) [ ! -e "$LOG.then" ] || . "$LOG.then" ;;
esac
"""
PYTHON = """#!/bin/sh
[ "$1" != -c ] || exit 0
{ echo "call ${0##*/}"; for word; do echo "<$word>"; done; } >>"$LOG"
case $2 in
venv) for folder; do :; done; mkdir -p "$folder/bin"; cp "$0" "$folder/bin/python" ;;
pip) [ ! -e "$LOG.then" ] || . "$LOG.then" ;;
esac
"""


SYSTEM = ("bash", "sh", "cat", "cksum", "tr", "mkdir", "rm", "touch", "dirname", "sleep")
SYSTEM += ("mktemp", "tail", "cp")


@dataclass(frozen=True, slots=True)
class Repository:
    """A copy of the repository's minimum, and the programs that its set-up finds."""

    root: Path
    log: Path
    env: dict[str, str]

    def start(self, extra: str = "", cwd: Path | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.root / "learn"), extra],
            cwd=cwd or self.root,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def run(self, extra: str = "", cwd: Path | None = None) -> tuple[int, str, str]:
        process = self.start(extra, cwd)
        out, err = process.communicate(timeout=30)
        return process.returncode, out, err

    def calls(self) -> list[list[str]]:
        """Return what was called, as the words of each call."""
        text = self.log.read_text() if self.log.exists() else ""
        return [call.splitlines() for call in text.split("call ")[1:]]

    def then(self, script: str) -> None:
        """Say what the installation does from now on."""
        Path(f"{self.log}.then").write_text(script)

    @property
    def lock(self) -> Path:
        return self.root / ".venv.lock"


def repository(folder: Path, **programs: str) -> Repository:
    root, bin_folder = folder / "repo", folder / "bin"
    (root / "tooling").mkdir(parents=True)
    bin_folder.mkdir()
    shutil.copy(ROOT / "tooling" / "setup.sh", root / "tooling")
    shutil.copy(ROOT / "pyproject.toml", root)
    scripts = {bin_folder / name: text for name, text in programs.items()}
    for path, text in {root / "learn": LEARN, **scripts}.items():
        path.write_text(text)
        path.chmod(0o755)
    for name in SYSTEM:
        found = shutil.which(name)
        assert found
        (bin_folder / name).symlink_to(found)
    log = folder / "log"
    return Repository(root, log, {"PATH": str(bin_folder), "LOG": str(log), "HOME": str(folder)})


@pytest.fixture(params=["uv", "python3"])
def repo(request: pytest.FixtureRequest, tmp_path: Path) -> Repository:
    """A repository on a machine with uv, and one on a machine with Python alone."""
    return repository(tmp_path, **{request.param: UV if request.param == "uv" else PYTHON})


def installed(call: list[str]) -> str:
    return call[-1].strip("<>")


def test_the_first_run_makes_it_and_the_second_does_nothing(repo: Repository) -> None:
    code, out, err = repo.run()
    assert (code, out) == (0, "ready\n"), err
    make, install = repo.calls()
    assert f"<{repo.root}/.venv>" in make
    assert install[-2:] == ["<-e>", f"<{repo.root}>"]
    assert not repo.lock.exists()

    began = time.monotonic()
    assert repo.run() == (0, "ready\n", "")
    assert time.monotonic() - began < 2
    assert len(repo.calls()) == 2


def test_the_tests_extra_is_installed_on_top(repo: Repository) -> None:
    repo.run()
    code, _, err = repo.run("test")
    assert code == 0, err
    assert len(repo.calls()) == 3, "the environment is not made again"
    assert installed(repo.calls()[-1]) == f"{repo.root}[test]"
    repo.run("test")
    repo.run()
    assert len(repo.calls()) == 3


def test_with_the_extra_first_a_learner_needs_nothing_more(repo: Repository) -> None:
    repo.run("test")
    repo.run()
    assert len(repo.calls()) == 2


def test_other_requirements_make_it_anew(repo: Repository) -> None:
    repo.run()
    with (repo.root / "pyproject.toml").open("a") as file:
        file.write("# another pin\n")
    repo.run()
    assert len(repo.calls()) == 4


def test_a_repository_that_moved_makes_it_anew(repo: Repository) -> None:
    repo.run()
    moved = Repository(repo.root.with_name("moved"), repo.log, repo.env)
    repo.root.rename(moved.root)
    moved.run()
    assert len(moved.calls()) == 4
    assert installed(moved.calls()[-1]) == str(moved.root)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_ended_half_way_is_done_again(repo: Repository, number: int) -> None:
    """After SIGKILL its lock is stale, and taken over; the others take it with them."""
    repo.then('touch "$LOG.begun"; sleep 60')
    process = repo.start()
    wait_for(Path(f"{repo.log}.begun").exists, timeout=10, what="the installation to begin")
    os.killpg(process.pid, number)
    process.communicate(timeout=10)
    assert process.returncode != 0
    assert repo.lock.exists() is (number == signal.SIGKILL)

    repo.then("")
    code, out, err = repo.run()
    assert (code, out) == (0, "ready\n"), err
    assert "waiting" not in err
    assert len(repo.calls()) == 4, "made and installed again"
    assert not repo.lock.exists()


def test_two_at_once_make_it_once(repo: Repository) -> None:
    repo.then('touch "$LOG.begun"; while [ ! -e "$LOG.go" ]; do sleep 0.1; done')
    first = repo.start()
    wait_for(Path(f"{repo.log}.begun").exists, timeout=10, what="the installation to begin")
    second = repo.start()
    assert second.stderr is not None
    said = second.stderr.readline()
    assert said == (
        f"Another set-up (process {first.pid}) is at work in this folder; waiting for it.\n"
    )
    Path(f"{repo.log}.go").touch()
    for process in (first, second):
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out) == (0, "ready\n"), err
    assert len(repo.calls()) == 2
    assert not repo.lock.exists()


def test_a_failure_shows_its_last_lines_and_ends_with_2(repo: Repository) -> None:
    repo.then("for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do echo line $n; done; exit 9")
    code, out, err = repo.run()
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert lines[0].startswith("✗ Install the Python packages")
    assert lines[1:-1] == [f"line {number}" for number in range(3, 15)]
    assert lines[-1].startswith("nodebynode: this step failed; the lines above say why.")
    assert not repo.lock.exists()

    repo.then("")
    assert repo.run()[:2] == (0, "ready\n")


def test_from_another_folder(repo: Repository, tmp_path: Path) -> None:
    code, out, err = repo.run(cwd=tmp_path)
    assert (code, out) == (0, "ready\n"), err
    assert installed(repo.calls()[-1]) == str(repo.root)


def test_without_any_python(tmp_path: Path) -> None:
    code, out, err = repository(tmp_path).run()
    assert (code, out) == (2, "")
    assert err.startswith("nodebynode: there is no Python 3.11 or newer with venv on PATH.\n")
    assert "sudo apt install python3-venv" in err


@pytest.mark.parametrize("name", ["uv", "python3"])
def test_through_a_path_with_spaces(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "my own  course's"
    folder.mkdir()
    repo = repository(folder, **{name: UV if name == "uv" else PYTHON})
    for extra in ("", "test"):
        code, out, err = repo.run(extra)
        assert (code, out) == (0, "ready\n"), err
    plain, tests = repo.calls()[1:]
    assert plain[-2:] == ["<-e>", f"<{repo.root}>"]
    assert tests[-2:] == ["<-e>", f"<{repo.root}[test]>"]
