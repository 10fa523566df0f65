"""An embedded cluster's life: kept, killed part by part, damaged, made twice, removed.

One spare cluster goes through all of it, in the order of this file.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from nodebynode.cluster import Cluster, NodeFailure, open_cluster
from nodebynode.cluster.embedded import process, provider
from nodebynode.cluster.embedded.files import Files
from nodebynode.cluster.folder import Folder
from nodebynode.course.flight import Flight
from nodebynode.errors import ApiError, ClusterError, NodebynodeError
from nodebynode.kube import Kind
from nodebynode.waiting import wait_for

from .manifests import deployment, service

PROVIDERS = ("embedded",)
COMPONENTS = (
    "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "node-agent",
)  # fmt: skip


class Spare:
    """The spare cluster, and what of it is on this machine."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cluster = open_cluster(name, provider="embedded")
        self.folder = Folder(name)
        self.files = Files(self.folder.path)

    def processes(self) -> list[psutil.Process]:
        """Return every process that names the cluster or its folder in its command line."""
        found = []
        for one in psutil.process_iter():
            with suppress(psutil.Error):
                words = one.cmdline()
                if str(self.files.folder) in " ".join(words) or words[-1:] == [self.name]:
                    found.append(one)
        return found

    def pid(self, component: str) -> int:
        """Return a component's process number."""
        return int(json.loads(self.files.components.read_text())["components"][component]["pid"])

    def wait_nothing_left(self) -> None:
        """Wait until no process of the cluster is there."""
        wait_for(
            lambda: not self.processes(),
            timeout=10,
            what="no process",
            seen=lambda: str([" ".join(one.cmdline())[:90] for one in self.processes()]),
        )

    def wait_running(self) -> None:
        """Wait until the cluster calls itself running, the agent's Pods and all."""
        wait_for(
            lambda: self.cluster.status().state == "running",
            timeout=40,
            what="the cluster to run",
            seen=lambda: self.cluster.status().explanation,
        )


@pytest.fixture(scope="module")
def spare(cluster: Cluster) -> Iterator[Spare]:
    found = Spare(f"{cluster.name}-spare")
    found.cluster.stop(purge=True)
    found.cluster.start()
    yield found
    found.cluster.stop(purge=True)
    found.wait_nothing_left()


@pytest.fixture
def web(spare: Spare) -> Iterator[str]:
    """Two pods of `web` behind a Service in the namespace `default`; returns the address."""
    api = spare.cluster.api
    api.create(Kind.DEPLOYMENT, deployment(replicas=2), "default")
    api.create(Kind.SERVICE, service(), "default")
    wait_pods(spare, 2)
    yield spare.cluster.service_url("default", "web")
    spare.cluster.reset()


def wait_pods(spare: Spare, count: int) -> None:
    """Wait until so many replicas are available."""

    def available() -> bool:
        try:
            found = spare.cluster.api.get(Kind.DEPLOYMENT, "web", "default")
        except ApiError:
            return False
        return found.get("status", {}).get("availableReplicas") == count

    wait_for(available, timeout=40, what=f"{count} pods")


def answers(url: str) -> bool:
    """Whether the app answers at an address."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return "pod" in json.load(answer)
    except (OSError, ValueError):
        return False


def test_it_listens_on_127_0_0_1_only_and_two_stand_side_by_side(
    spare: Spare, cluster: Cluster
) -> None:
    listening = [
        found.laddr
        for one in spare.processes()
        for found in one.net_connections(kind="inet")
        if found.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 7  # API, etcd and its peer, four kubelets
    assert {address.ip for address in listening} == {"127.0.0.1"}
    ours, other = cluster.status(), spare.cluster.status()
    assert not set(ours.ports.values()) & set(other.ports.values())
    assert not set(ours.nodes) & set(other.nodes)


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_killed_component_comes_back(spare: Spare, web: str, component: str) -> None:
    before = spare.pid(component)
    os.kill(before, signal.SIGKILL)
    wait_for(
        lambda: process.component_states(spare.files)[component].restarts > 0,
        timeout=5,
        what="the restart to be told",
        every=0.02,
    )
    spare.wait_running()
    assert spare.pid(component) != before
    assert f"{component} has been restarted" in spare.cluster.status().explanation
    wait_pods(spare, 2)
    pod = spare.cluster.api.list(Kind.POD, "default")[0]["metadata"]["name"]
    spare.cluster.api.delete(Kind.POD, pod, "default")
    wait_for(
        lambda: pod not in [one["metadata"]["name"] for one in _pods(spare)],
        timeout=20,
        what="the deleted Pod to go",
    )
    wait_pods(spare, 2)
    wait_for(lambda: answers(web), timeout=10, what="the Service to answer")


def _pods(spare: Spare) -> list[dict]:
    return spare.cluster.api.list(Kind.POD, "default")


def test_a_killed_agent_restarts_its_pods_and_counts_it(spare: Spare, web: str) -> None:
    before = {one["metadata"]["uid"] for one in _pods(spare)}
    os.kill(spare.pid("node-agent"), signal.SIGKILL)

    def restarted() -> bool:
        statuses = [one["status"]["containerStatuses"][0] for one in _pods(spare)]
        return all(one["restartCount"] == 1 and one["ready"] for one in statuses)

    wait_for(restarted, timeout=20, what="both Pods to run again")
    assert {one["metadata"]["uid"] for one in _pods(spare)} == before
    last = _pods(spare)[0]["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (255, "Unknown")


def test_a_recorder_lives_through_the_loss_of_the_api_server(
    spare: Spare, web: str, tmp_path: Path
) -> None:
    with Flight(spare.cluster.api, tmp_path / "run.jsonl") as flight:
        os.kill(spare.pid("kube-apiserver"), signal.SIGKILL)
        wait_for(lambda: flight.feed.stale_since, timeout=10, what="the loss", every=0.02)
        wait_for(lambda: flight.feed.stale_since is None, timeout=40, what="contact again")
        spare.wait_running()
        spare.cluster.kubectl("scale", "deployment/web", "--replicas=3")
        wait_pods(spare, 3)

        def recorded() -> list[int]:
            seen = flight.so_far()
            return [one.available for one in seen.state_at(seen.ended).deployments]

        wait_for(lambda: recorded() == [3], timeout=10, what="it to be recorded")


def test_a_killed_supervisor_takes_everything_along(spare: Spare, web: str) -> None:
    node = spare.cluster.api.list(Kind.POD, "default")[0]["spec"]["nodeName"]
    spare.cluster.fail_node(node, NodeFailure.FREEZE)  # frozen Pods as well
    wait_for(
        lambda: any(one.status() == psutil.STATUS_STOPPED for one in spare.processes()),
        timeout=5,
        what="a frozen process",
    )
    os.kill(int(spare.files.lock.read_text()), signal.SIGKILL)
    spare.wait_nothing_left()
    assert not answers(web)
    assert spare.cluster.status().state == "stopped"
    with pytest.raises(ClusterError, match="is stopped"):
        spare.cluster.reset()
    spare.cluster.start()
    wait_pods(spare, 2)


def test_down_and_up_keep_what_is_stored(spare: Spare, web: str) -> None:
    uid = spare.cluster.api.get(Kind.DEPLOYMENT, "web", "default")["metadata"]["uid"]
    assert spare.cluster.stop()
    spare.wait_nothing_left()
    assert not answers(web)
    assert spare.cluster.status().state == "stopped"
    assert not spare.cluster.stop()  # it has ended already
    spare.cluster.start()
    found = spare.cluster.api.get(Kind.DEPLOYMENT, "web", "default")
    assert found["metadata"]["uid"] == uid
    wait_pods(spare, 2)
    wait_for(lambda: answers(web), timeout=10, what="the Service to answer at the same address")


def test_two_at_once_make_one_cluster(spare: Spare) -> None:
    spare.cluster.stop()
    others = [open_cluster(spare.name, provider="embedded") for _ in range(2)]
    threads = [threading.Thread(target=one.start) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    supervisors = [
        one
        for one in spare.processes()
        if "nodebynode.cluster.embedded.supervisor" in one.cmdline()
    ]
    assert len(supervisors) == 1
    assert spare.cluster.status().state == "running"


@pytest.mark.parametrize("damage", ["plan", "etcd", "certificate", "record"])
def test_damage_is_told_or_mended_and_nothing_runs_on(spare: Spare, damage: str) -> None:
    spare.cluster.start()
    spare.cluster.stop()
    if damage == "etcd":
        for file in (spare.files.etcd / "member").rglob("*"):
            if file.is_file():
                file.write_bytes(b"rubbish" * 100)
    elif damage == "certificate":
        spare.files.certificate("apiserver").write_text("rubbish")
    elif damage == "record":
        (spare.files.folder / "cluster.json").write_text("{rubbish")
    else:
        spare.files.plan.write_text("rubbish")
    if damage == "plan":  # what can be written anew is
        spare.cluster.start()
        assert spare.cluster.status().state == "running"
        return
    with pytest.raises(ClusterError, match="--purge") as refused:
        spare.cluster.start()
    assert str(spare.files.folder) in str(refused.value)
    spare.wait_nothing_left()
    assert spare.cluster.stop(purge=True)
    spare.cluster.start()
    assert spare.cluster.status().state == "running"


def test_a_removed_folder_ends_everything(spare: Spare) -> None:
    spare.folder.remove()
    spare.wait_nothing_left()
    assert spare.cluster.status().state == "absent"
    spare.cluster.start()


def test_purge_leaves_no_file(spare: Spare) -> None:
    assert spare.cluster.stop(purge=True)
    spare.wait_nothing_left()
    parent: Path = spare.folder.path.parent
    assert not list(parent.glob(f"{spare.name}*"))
    assert spare.cluster.status().state == "absent"
    assert not spare.cluster.stop(purge=True)


def test_a_full_disk_is_told_and_nothing_runs(
    cluster: Cluster, full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODEBYNODE_HOME", str(full / "home"))
    refused = Spare(f"{cluster.name}-full")
    with pytest.raises(NodebynodeError) as told:
        refused.cluster.start()
    assert str(full) in str(told.value)
    assert "NODEBYNODE_HOME to another folder" in str(told.value)
    refused.wait_nothing_left()


def test_a_disk_with_too_little_room_is_told_before_anything_starts(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NODEBYNODE_HOME", str(tmp_path))
    monkeypatch.setattr(provider, "free_gigabytes", lambda _: 0.4)
    refused = Spare(f"{cluster.name}-full")
    with pytest.raises(ClusterError, match=r"0\.4 GB are free .* needs 1 GB"):
        refused.cluster.start()
    assert not list(refused.folder.path.glob("*"))
