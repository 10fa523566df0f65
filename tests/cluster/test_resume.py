"""A lab whose kernel is killed: opened again it says what was done, and hints go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from nodebynode.cluster import Cluster
from nodebynode.course.labs import checks_of
from nodebynode.course.progress import tally
from nodebynode.course.progress.lines import read_lines
from nodebynode.kube import Kind

PROVIDERS = ("embedded",)
"""What is kept is a file, and does not hang on the cluster."""
LAB = "01-what-runs-where"
ROOT = Path(__file__).parents[2]
_OPEN = "from nodebynode import Lab\nlab = Lab('01')\n"
_ASK = """
try:
    lab.check("path-of-a-pod", "/nowhere")
except Exception as refusal:
    print(refusal.hint)
"""
_SHOP = f"""
import subprocess
text = open({str(ROOT / "solutions" / f"{LAB}.py")!r}).read()
manifest = text.partition("<<'YAML'\\n")[2].partition("# YAML")[0].replace("# ", "")
subprocess.run(["kubectl", "apply", "-f", "-"], input=manifest, text=True, check=True)
lab.kubectl("rollout", "status", "deployment/shop", "--timeout=60s")
lab.check("who-has-a-node", {{"Deployment": False, "ReplicaSet": False, "Pod": True}})
"""
_DIE = "\nimport os, signal\nprint(end='', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n"


def kernel(cluster: Cluster, progress: Path, code: str) -> tuple[int, str]:
    """Run code in a process of its own; returns how that ended and what it printed."""
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "NODEBYNODE_CLUSTER": cluster.name,
            "NODEBYNODE_PROGRESS": str(progress),
        },
        capture_output=True,
        text=True,
        timeout=90,
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_a_killed_kernel_costs_the_work_but_not_the_progress(
    cluster: Cluster, tmp_path: Path
) -> None:
    progress, checks = tmp_path / "progress.jsonl", checks_of(LAB)
    hints = next(check.hints for check in checks if check.name == "path-of-a-pod")

    code, said = kernel(cluster, progress, _OPEN + _SHOP + _ASK + _DIE)
    assert code == -signal.SIGKILL, said
    assert "before" not in said
    assert hints[0] in said

    code, said = kernel(cluster, progress, _OPEN + _ASK + "print(lab.progress())\nlab.close()")
    assert code == 0, said
    assert (
        f"You have passed 1 of {len(checks)} checks here before; the next is `attic-has-a-home`, "
        "in round 3."
    ) in said
    assert hints[1] in said, "the second hint, though this kernel asked for the first time"
    assert "Undone first: namespace lab-01 was there." in said, "the work is to be done again"
    assert f"1 of {len(checks)} checks passed" in said
    assert cluster.api.find(Kind.NAMESPACE, "lab-01") is None

    done = tally(read_lines(progress.read_bytes()).events).of(LAB)
    assert (done.opened, done.providers) == (2, ("embedded",))
    assert done.tries_of("path-of-a-pod").tries == 2
    assert done.tries_of("who-has-a-node").passed


def test_a_lab_that_nobody_closed_ends_with_its_kernel(cluster: Cluster, tmp_path: Path) -> None:
    progress = tmp_path / "progress.jsonl"
    code, said = kernel(cluster, progress, _OPEN)
    assert (code, cluster.api.find(Kind.NAMESPACE, "lab-01")) == (0, None), said
    [*_, last] = read_lines(progress.read_bytes()).events
    assert (last.event, last.by) == ("closed", "kernel")


def test_an_automatic_run_is_no_progress(cluster: Cluster, tmp_path: Path) -> None:
    progress = tmp_path / "progress.jsonl"
    command = [sys.executable, "-m", "nodebynode.cli", "run", "01", "--as", "solution"]
    ended = subprocess.run(
        [*command, "--cluster", cluster.name],
        env={**os.environ, "NODEBYNODE_PROGRESS": str(progress)},
        capture_output=True,
        timeout=110,
    )
    assert ended.returncode == 0
    assert not progress.exists()
