"""`lab.freeze` and `lab.heal`: acts that are recorded, refused where they must be, and undone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodebynode import Lab
from nodebynode.cluster import Cluster
from nodebynode.cluster.nodes import is_ready
from nodebynode.course import kernel
from nodebynode.errors import BadInput, ClusterError
from nodebynode.kube import Kind
from nodebynode.recording import Recording


@pytest.fixture
def lab(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """An open lab; what it changes in its kernel is put back here."""
    for name in ("KUBECONFIG", "KUBECACHEDIR", "PATH", "BASH_ENV"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setenv("NODEBYNODE_PROGRESS", str(tmp_path / "progress.jsonl"))
    monkeypatch.setattr(kernel, "install", lambda: None)
    monkeypatch.setattr(kernel, "at_end", lambda _: None)
    opened = Lab("01", cluster=cluster.name)
    yield opened
    opened.close()


def acts(lab: Lab) -> list[str]:
    """What was done in a lab, as its recording has it."""
    recording = Recording.read(lab._flight.path)
    return [one.text for one in recording.marks if one.kind == "action"]


def is_frozen(cluster: Cluster, node: str) -> bool:
    """Whether putting the cluster back has to heal a node; it does."""
    return any(f"{node} was frozen" in one for one in cluster.put_back())


def test_a_frozen_worker_is_healed_when_the_lab_is_closed(
    lab: Lab, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    node = cluster.workers[1]
    lab.freeze(f"node/{node}")
    lab.close()
    said = capsys.readouterr().out
    assert f"{node} is frozen: nothing on it runs" in said
    assert f"Put back: {node} was frozen, and goes on." in said
    assert acts(lab) == [f'lab.freeze("{node}")']
    assert is_ready(cluster.api.get(Kind.NODE, node))
    assert not is_frozen(cluster, node)
    with pytest.raises(ClusterError, match="This lab is closed"):
        lab.freeze(node)  # nothing would undo it


def test_a_worker_is_frozen_once_and_healed_at_once(
    lab: Lab, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    node = cluster.workers[2]
    lab.freeze(node)
    lab.freeze(node)
    lab.heal(node)
    said = capsys.readouterr().out
    assert f"{node} is frozen already." in said
    assert f"{node} is Ready, " in said
    assert acts(lab) == [f'lab.freeze("{node}")', f'lab.heal("{node}")']
    assert not is_frozen(cluster, node)


@pytest.mark.parametrize("wrong", ["moon", "", None])
def test_what_is_no_worker_is_refused_and_not_marked(
    lab: Lab, cluster: Cluster, wrong: str
) -> None:
    for name in (wrong, f"{cluster.name}-control-plane"):
        for act in (lab.freeze, lab.heal):
            with pytest.raises(BadInput, match="is none of the workers") as refused:
                act(name)
            assert all(worker in str(refused.value) for worker in cluster.workers)
    assert acts(lab) == []
