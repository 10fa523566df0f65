"""`kubectl drain`: it cordons, refuses or evicts, and waits for the old pods only.

The clauses of its messages change their order from run to run: they are compared one by one.
Rule: kubectl pkg/drain; https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/
"""

from __future__ import annotations

import pytest
from nodebynode.kube import Kind

from .manifests import budget, daemon_set, deployment, pod
from .observing import Room, is_ready, is_terminating, name_of, node_of


def cordoned(room: Room, node: str) -> bool:
    """Whether a node takes no new pods."""
    return bool(room.api.get(Kind.NODE, node)["spec"].get("unschedulable"))


@pytest.fixture
def node(room: Room) -> str:
    """The node to be drained. The two others are cordoned, so that the pods land on it."""
    room.cordon(*room.cluster.workers[1:])
    return room.cluster.workers[0]


def test_a_drain_refuses_what_it_cannot_bring_back(room: Room, node: str) -> None:
    """Three reasons in one message, nothing evicted, and the node stays cordoned."""
    volume = {"volumes": [{"name": "scratch", "emptyDir": {}}]}
    room.create(daemon_set(), pod("bare"), deployment(replicas=1, spec=volume))
    room.wait_pods(lambda found: found and is_ready(found[0]), "bare")
    room.wait_pods(lambda found: found and is_ready(found[0]))
    room.wait_pods(lambda found: node in map(node_of, found), "agent")
    done = room.drain(node, app="web,bare,agent")
    assert done.code == 1
    assert f"node/{node} cordoned" in done.out
    assert f'error: unable to drain node "{node}" due to error' in done.err
    place = f"{room.namespace}/"
    daemon = "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): "
    bare = "cannot delete Pods that declare no controller (use --force to override): "
    local = "cannot delete Pods with local storage (use --delete-emptydir-data to override): "
    assert f"{daemon}{place}agent-" in done.err
    assert f"{bare}{place}bare" in done.err
    assert f"{local}{place}web-" in done.err
    assert "There are pending nodes to be drained:" in done.err
    assert cordoned(room, node)
    assert not any(map(is_terminating, room.api.list(Kind.POD, room.namespace)))


def test_flags_let_a_drain_through(room: Room, node: str) -> None:
    """DaemonSet pods are left, a bare pod is gone for good, and a Deployment's pod comes anew."""
    volume = {"volumes": [{"name": "scratch", "emptyDir": {}}]}
    room.create(daemon_set(), pod("bare"), deployment(replicas=1, spec=volume))
    room.wait_pods(lambda found: found and is_ready(found[0]), "bare")
    (web,) = room.wait_pods(lambda found: found and is_ready(found[0]))
    room.wait_pods(lambda found: node in map(node_of, found), "agent")
    room.cordon(*room.cluster.workers[1:], on=False)
    flags = ("--ignore-daemonsets", "--delete-emptydir-data", "--force")
    done = room.drain(node, *flags, app="web,bare,agent")
    assert done.code == 0, done.err
    assert f"node/{node} drained" in done.out
    assert "pod/bare evicted" in done.out
    assert f"pod/{name_of(web)} evicted" in done.out
    assert f"deleting Pods that declare no controller: {room.namespace}/bare" in done.err
    assert f"ignoring DaemonSet-managed Pods: {room.namespace}/agent-" in done.err
    assert room.pods("bare") == []
    assert node in map(node_of, room.pods("agent"))
    (replacement,) = room.wait_pods(lambda found: found and node_of(found[0]))
    assert node_of(replacement) != node


def test_a_budget_holds_a_drain_up(room: Room, node: str) -> None:
    """Every 5 s it tries again, until --timeout; the node stays cordoned."""
    room.run(deployment(replicas=1))
    room.create(budget(minAvailable=1))
    pod_name = name_of(room.pods()[0])
    done = room.drain(node, "--timeout=3s")
    assert done.code == 1
    parts = (
        f'error when evicting pods/"{pod_name}" -n "{room.namespace}" (will retry after 5s): ',
        "Cannot evict pod as it would violate the pod's disruption budget.",
        f'There are pending pods in node "{node}" when an error occurred',
        "global timeout reached: 3s",
    )
    for part in parts:
        assert part in done.out + done.err
    assert cordoned(room, node)
    assert [name_of(one) for one in room.pods()] == [pod_name]


def test_without_a_budget_all_pods_leave_at_once(room: Room, node: str) -> None:
    """Two replicas on one node are evicted together: for a while nobody is ready."""
    room.run(deployment(replicas=2, on_sigterm="ignore", grace=2))
    room.cordon(*room.cluster.workers[1:], on=False)
    assert {node_of(one) for one in room.pods()} == {node}
    pods = room.timeline(Kind.POD)
    assert room.drain(node).code == 0
    staying = pods.record(
        lambda found: sum(is_ready(one) and not is_terminating(one) for one in found.values()),
        lambda count: count == 0,
        timeout=5,
    )
    assert staying[-1] == 0


def test_with_a_budget_they_leave_one_by_one(room: Room, node: str) -> None:
    """The second eviction waits until the replacement of the first is ready."""
    room.run(deployment(replicas=2, ready_after=1))
    room.create(budget(maxUnavailable=1))
    room.cordon(*room.cluster.workers[1:], on=False)
    pods = room.timeline(Kind.POD)
    done = room.drain(node)
    assert done.code == 0
    assert "(will retry after 5s)" in done.err
    counts = pods.record(
        lambda found: (
            sum(is_ready(one) and not is_terminating(one) for one in found.values()),
            sum(is_ready(one) and node_of(one) != node for one in found.values()),
        ),
        lambda count: count[1] == 2,
    )
    assert min(staying for staying, _ in counts) >= 1


def test_a_drain_waits_for_the_old_pods_only(room: Room, node: str) -> None:
    """It is over when the evicted pod is gone, though its replacement has no node yet."""
    room.run(deployment(replicas=1))
    (before,) = room.pods()
    assert room.drain(node).code == 0
    (replacement,) = room.wait_pods(lambda found: len(found) == 1)
    assert name_of(replacement) != name_of(before)
    assert node_of(replacement) == ""
