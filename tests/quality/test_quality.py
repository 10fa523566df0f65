"""The house's own rules: style, types, layers, pins, and labs that are what their solutions say."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(sys.executable).parent

# conda-forge's names for packages that PyPI knows under another one.
CONDA_NAMES = {"kubernetes": "python-kubernetes", "graphviz": "python-graphviz"}


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["lint-imports"],
        ["nodebynode", "labs", "derive", "--check"],
    ],
    ids=" ".join,
)
def test_the_tool_is_content(command: list[str]) -> None:
    finished = subprocess.run(
        [SCRIPTS / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def _requirement(text: str) -> tuple[str, str]:
    name, pin = re.fullmatch(r"([A-Za-z0-9-]+)(.*)", text.strip()).groups()
    return name.lower(), pin


def test_conda_and_pip_have_the_same_pins() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = dict(map(_requirement, project["dependencies"]))
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    by_pip = next(entry["pip"] for entry in environment if isinstance(entry, dict))
    listed = [entry for entry in environment if isinstance(entry, str)]
    listed += [entry for entry in by_pip if not entry.startswith("-")]
    conda = dict(map(_requirement, listed))

    assert conda.pop("python") == project["requires-python"]
    assert {name: conda.get(CONDA_NAMES.get(name, name)) for name in wanted} == wanted
    extra = set(conda) - {CONDA_NAMES.get(name, name) for name in wanted}
    assert extra == {"pip", "graphviz"}, "graphviz here is the program, which pip cannot bring"


def test_no_source_file_is_too_long_to_read_in_one_sitting() -> None:
    files = [*(ROOT / "tooling").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    lengths = {file.relative_to(ROOT): len(file.read_text().splitlines()) for file in files}
    assert {file: length for file, length in lengths.items() if length > 420} == {}


@pytest.mark.parametrize(
    "script", ["learn", "test", "tooling/setup.sh", "tests/machine.sh", ".ci/run"]
)
def test_shell_scripts_parse(script: str) -> None:
    subprocess.run(["bash", "-n", ROOT / script], check=True, timeout=10)


def test_each_lab_has_its_lesson_and_its_checks() -> None:
    for solution in (ROOT / "solutions").glob("[0-9]*.py"):
        assert (ROOT / "lessons" / f"{solution.stem}.md").exists(), solution.stem
        number = solution.stem.split("-")[0]
        assert (ROOT / f"tooling/nodebynode/course/labs/lab_{number}.py").exists()
