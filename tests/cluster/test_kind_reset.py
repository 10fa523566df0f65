"""Putting a real cluster back: each kind of mess is named in a sentence, and undone."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from nodebynode import Lab
from nodebynode.cluster import Cluster, NodeFailure, open_cluster
from nodebynode.cluster.docker import docker
from nodebynode.cluster.folder import Folder, Record
from nodebynode.cluster.nodes import is_ready, node_words
from nodebynode.cluster.restore import baseline
from nodebynode.course import kernel
from nodebynode.errors import ApiError, BadInput, ClusterError
from nodebynode.kube import Json, Kind
from nodebynode.waiting import wait_for

from .manifests import deployment
from .test_kind_command import Command

PROVIDERS = ("kind",)

ZONE = "topology.kubernetes.io/zone"


@pytest.fixture
def record(cluster: Cluster) -> Iterator[Record]:
    """What the cluster must be again after each test."""
    cluster.put_back()
    found = Folder(cluster.name).read()
    assert found is not None
    yield found
    assert baseline(cluster.api) == found.nodes
    namespaces = {each["metadata"]["name"] for each in cluster.api.list(Kind.NAMESPACE)}
    assert namespaces <= {
        *("default", "kube-system", "kube-public", "kube-node-lease", "local-path-storage")
    }
    assert all(map(is_ready, cluster.api.list(Kind.NODE))), node_words(cluster.api.list(Kind.NODE))


def budget(name: str = "web") -> Json:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": name}}},
    }


def make_stuck_namespace(cluster: Cluster, name: str) -> None:
    """Make a namespace that ends by itself never: it holds what waits for a finalizer."""
    cluster.api.create(Kind.NAMESPACE, {"metadata": {"name": name}})
    held = {"metadata": {"name": "held", "finalizers": ["example.org/nobody-serves-this"]}}
    cluster.api.create(Kind.CONFIG_MAP, held, name)
    cluster.api.delete(Kind.NAMESPACE, name)
    found = cluster.api.get(Kind.NAMESPACE, name)
    assert found["status"]["phase"] == "Terminating"


def make_mess(cluster: Cluster) -> set[str]:
    """Do what learners do; returns the sentences that must tell of it."""
    first, second, third = cluster.workers
    kubectl, api = cluster.kubectl, cluster.api
    kubectl("cordon", first)
    kubectl("taint", "node", first, "broken=yes:NoSchedule", "lazy:PreferNoSchedule")
    control_plane = f"{cluster.name}-control-plane"
    kubectl("taint", "node", control_plane, "node-role.kubernetes.io/control-plane-")
    kubectl("label", "node", second, "disk=fast", f"{ZONE}-")
    kubectl("label", "--overwrite", "node", third, f"{ZONE}=moon")
    api.create(Kind.NAMESPACE, {"metadata": {"name": "mine"}})
    api.create(Kind.DEPLOYMENT, deployment(replicas=2), "mine")
    api.create(Kind.BUDGET, budget(), "mine")
    make_stuck_namespace(cluster, "stuck")
    api.create(Kind.DEPLOYMENT, deployment("kubernetes", replicas=2), "default")
    api.create(Kind.BUDGET, budget(), "default")
    api.create(
        Kind.CONFIG_MAP, {"metadata": {"name": "notes", "finalizers": ["x.org/y"]}}, "default"
    )
    return {
        f"{first} was cordoned",
        f"{first} had the taint broken=yes:NoSchedule",
        f"{first} had the taint lazy:PreferNoSchedule",
        f"{control_plane} lacked the taint node-role.kubernetes.io/control-plane:NoSchedule",
        f"{second} had the label disk=fast",
        f"{second} lacked the label {ZONE}",
        f"{third} had the label {ZONE}=moon",
        "namespace mine was there",
        "namespace stuck was there",
        "kubernetes (deployments) was in the namespace default",
        "web (poddisruptionbudgets) was in the namespace default",
        "notes (configmaps) was in the namespace default",
    }


def test_reset_undoes_a_mess_and_says_each_thing(
    cluster: Cluster, record: Record, tmp_path: Path
) -> None:
    expected = make_mess(cluster)
    said = Command(tmp_path / "home", cluster.name)("reset")
    assert said.code == 0
    told = set(re.findall(r"undone: (.*?)(?= undone: |$)", said.err))
    assert told == expected
    seconds = float(re.search(rf"Put '{cluster.name}' back ([\d.]+) s", said.err)[1])
    print(f"\nreset: {seconds} s; the whole command: {said.seconds:.1f} s")
    assert seconds < 15
    assert cluster.api.find(Kind.DEPLOYMENT, "kubernetes", "default") is None
    assert cluster.api.find(Kind.SERVICE, "kubernetes", "default") is not None


def test_reset_of_a_clean_cluster_says_so(cluster: Cluster, record: Record, tmp_path: Path) -> None:
    said = Command(tmp_path / "home", cluster.name)("reset")
    assert said.code == 0
    assert said.err.endswith("There was nothing to undo.")


def test_what_is_deleted_page_by_page_is_gone_when_the_name_is_used_again(
    cluster: Cluster, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nodebynode.cluster.clearing._PAGE", 2)
    api, much = cluster.api, "/api/v1/namespaces/much/configmaps"
    api.create(Kind.NAMESPACE, {"metadata": {"name": "much"}})
    for number in range(7):
        api.request("POST", much, body={"metadata": {"name": f"one-of-many-{number}"}})
    assert "namespace much was there" in cluster.reset()
    api.create(Kind.NAMESPACE, {"metadata": {"name": "much"}})
    left = {one["metadata"]["name"] for one in api.request("GET", much)["items"]}
    cluster.put_back()
    assert left <= {"kube-root-ca.crt"}


def test_reset_brings_failed_nodes_back(cluster: Cluster, record: Record) -> None:
    """A frozen, a stopped and a kubelet-dead node at once, with a Pod stuck on one of them."""
    first, second, third = cluster.workers
    cluster.api.create(Kind.NAMESPACE, {"metadata": {"name": "mine"}})
    cluster.api.create(Kind.DEPLOYMENT, deployment(replicas=3), "mine")
    cluster.kubectl("rollout", "status", "deployment/web", "--namespace=mine", "--timeout=60s")
    cluster.fail_node(first, NodeFailure.FREEZE)
    cluster.fail_node(second, NodeFailure.POWER_OFF)
    cluster.fail_node(third, NodeFailure.KUBELET_DEAD)
    status = cluster.status()
    assert status.state == "degraded"
    assert status.nodes[first] == "container paused"
    assert status.nodes[second] == "container exited"

    began = time.monotonic()
    undone = cluster.reset()
    print(f"\nreset of three failed nodes: {time.monotonic() - began:.1f} s")
    assert set(undone) == {
        f"{first} was frozen, and goes on",
        f"{second} was switched off, and is on again",
        f"{third} had no kubelet running, and has one again",
        "namespace mine was there",
    }
    assert cluster.status().state == "running"


def test_a_frozen_node_without_a_kubelet_gets_both_back(cluster: Cluster, record: Record) -> None:
    worker = cluster.workers[0]
    cluster.fail_node(worker, NodeFailure.KUBELET_DEAD)
    cluster.fail_node(worker, NodeFailure.FREEZE)
    assert cluster.reset() == [
        f"{worker} was frozen, and goes on; had no kubelet running, and has one again"
    ]
    shown = docker("exec", worker, "systemctl", "is-active", "kubelet", check=False)
    assert shown.out.strip() in ("active", "activating")


def test_a_deleted_node_joins_again(cluster: Cluster, record: Record) -> None:
    node = cluster.workers[2]
    cluster.api.delete(Kind.NODE, node)
    undone = cluster.reset()
    assert any(node in each and "joined it again" in each for each in undone), undone
    assert cluster.api.get(Kind.NODE, node)["metadata"]["labels"][ZONE] == "c"


def test_a_node_that_is_no_worker_is_refused(cluster: Cluster) -> None:
    with pytest.raises(BadInput, match=r"'moon' is no worker\.\nThe workers are "):
        cluster.fail_node("moon", NodeFailure.FREEZE)


# ── labs ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def kernel_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab changes the kernel's environment and asks for its end; here both are put back."""
    for name in ("KUBECONFIG", "KUBECACHEDIR", "PATH", "BASH_ENV"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setattr(kernel, "install", lambda: None)
    monkeypatch.setattr("nodebynode.course.kernel.at_end", lambda _: None)


def opened(cluster: str) -> tuple[Lab, str]:
    said = StringIO()
    with redirect_stdout(said):
        lab = Lab("01", cluster=cluster)
    return lab, said.getvalue()


@pytest.mark.usefixtures("kernel_of_its_own", "record")
def test_a_lab_on_a_dirty_cluster_names_and_undoes_each_thing(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = make_mess(cluster)
    lab, said = opened(cluster.name)
    told = set(re.findall(r"^Undone first: (.*)\.$", said, flags=re.MULTILINE))
    assert told == expected
    assert cluster.api.find(Kind.NAMESPACE, "lab-01") is not None
    with pytest.raises(BadInput, match=r"This lab has no check '.*'\.\n(Did you|Its checks are)"):
        lab.check("no-such-check")
    lab.close()
    assert "Put back: namespace lab-01 was there." in capsys.readouterr().out


@pytest.mark.usefixtures("kernel_of_its_own", "record")
def test_a_check_tells_that_the_labs_namespace_is_gone(cluster: Cluster) -> None:
    lab, _ = opened(cluster.name)
    check = next(iter(lab._checks))
    cluster.reset()
    with pytest.raises(ClusterError, match="The namespace lab-01 is gone: the cluster was reset"):
        lab.check(check)
    lab.close()
    with pytest.raises(ClusterError, match=r"This lab is closed\.\nOpen it again"):
        lab.check(check)


@pytest.mark.usefixtures("kernel_of_its_own")
def test_a_lab_without_a_cluster_says_so(cluster: Cluster) -> None:
    with pytest.raises(ClusterError) as caught:
        opened(f"{cluster.name}-no")
    up = f"`nodebynode up -c {cluster.name}-no`"
    assert str(caught.value) == (
        f"Cluster '{cluster.name}-no' is absent. It is not there. {up} makes it.\n"
        f"Start it in a terminal with {up}, then run this cell again."
    )


def test_an_address_where_nobody_answers_is_named(cluster: Cluster, tmp_path: Path) -> None:
    """What a learner sees whose cluster is removed under an open lab."""
    lost = Folder(cluster.name).kubeconfig.read_text()
    copy = tmp_path / "kubeconfig"
    copy.write_text(re.sub(r"server: \S+", "server: https://127.0.0.1:1", lost))
    api = type(cluster.api)(copy)
    with pytest.raises(ApiError, match=r"The API server at https://127\.0\.0\.1:1 did not answer"):
        api.list(Kind.NODE)
    assert wait_for(lambda: not api.ready(), timeout=5, what="no answer")
    assert open_cluster(cluster.name).status().state == "running"
