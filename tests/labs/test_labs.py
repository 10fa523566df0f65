"""Every lab's solution passes on a real cluster, and leaves nothing there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from nodebynode.cluster import Cluster

ROOT = Path(__file__).parents[2]
LABS = sorted(solution.stem for solution in (ROOT / "solutions").glob("[0-9]*.py"))


def run_lab(lab: str, mode: str, cluster: Cluster) -> tuple[int, list[dict]]:
    """Run `nodebynode run`, which runs notebooks through nbval; returns code and results."""
    command = [sys.executable, "-m", "nodebynode.cli", "run", lab, "--as", mode, "--json"]
    finished = subprocess.run(
        [*command, "--cluster", cluster.name], capture_output=True, text=True, timeout=900
    )
    assert finished.returncode in (0, 1), finished.stderr
    return finished.returncode, json.loads(finished.stdout)


@pytest.mark.timeout(480)
@pytest.mark.parametrize("lab", LABS)
def test_the_solution_passes(lab: str, cluster: Cluster, turn: str) -> None:
    code, [result] = run_lab(lab, "solution", cluster)

    failed = [cell for cell in result["cells"] if cell["outcome"] != "passed"]
    assert (code, failed) == (0, []), result["problem"]
    assert any(cell["kind"] == "check" for cell in result["cells"])


def test_nothing_of_a_lab_is_left_on_the_cluster(cluster: Cluster) -> None:
    assert cluster.reset() == []
