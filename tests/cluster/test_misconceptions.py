"""Each experiment with a common belief runs, shows what it says, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from nodebynode.cluster import Cluster
from nodebynode.cluster.nodes import is_ready
from nodebynode.course.acts import acts_of
from nodebynode.course.failing import Freezer
from nodebynode.course.flight import Flight
from nodebynode.course.misconceptions import CATALOGUE, Misconception
from nodebynode.kube import Kind
from nodebynode.recording.rules import Story

PROVIDERS = ("embedded",)
"""What they show is the control plane's doing, which is the same in both."""
SECONDS = 120


@pytest.mark.timeout(SECONDS + 60, func_only=True)
@pytest.mark.parametrize("one", CATALOGUE.values(), ids=list(CATALOGUE))
def test_an_experiment_shows_what_it_says(
    one: Misconception, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    kubectl = cluster.kubectl
    kubectl("config", "set-context", "--current", "--namespace", namespace)
    try:
        with Flight(cluster.api, tmp_path / "recording.jsonl") as flight:
            assert one.shows(Story(flight.so_far(), namespace)) is None
            for act in acts_of(one.cell):  # all before it runs, as a lab does
                flight.mark("action", act)
            printed = (_python if one.python else _bash)(one, cluster, flight, tmp_path)
            told = one.shows(Story(flight.so_far(), namespace))
    finally:
        kubectl("config", "set-context", "--current", "--namespace", "default")
    assert told is not None, printed
    assert "belief" in told
    for kind in (Kind.POD, Kind.DEPLOYMENT, Kind.REPLICA_SET):
        assert cluster.api.list(kind, namespace) == []
    assert kubectl("get", "configmaps", "-o", "name", "-n", namespace).out.split() == [
        "configmap/kube-root-ca.crt"
    ]
    nodes = cluster.api.list(Kind.NODE)
    assert not any(node["spec"].get("unschedulable") for node in nodes)
    assert all(map(is_ready, nodes))


def _bash(one: Misconception, cluster: Cluster, _: Flight, folder: Path) -> str:
    """Run an experiment of commands; returns what they printed."""
    done = subprocess.run(
        ["bash", "-e", "-c", one.experiment],
        env={**os.environ, **cluster.kubectl.environment()},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _python(one: Misconception, cluster: Cluster, flight: Flight, _: Path) -> str:
    """Run an experiment in Python, with what it uses of a lab; returns what it printed."""
    freezer = Freezer(cluster, lambda text: flight.mark("action", text))
    lab = SimpleNamespace(
        kubectl=lambda *args: cluster.kubectl(*args).out, freeze=freezer.freeze, heal=freezer.heal
    )
    printed = StringIO()
    with redirect_stdout(printed):
        exec(compile(one.experiment, one.key, "exec"), {"lab": lab})
    return printed.getvalue()
