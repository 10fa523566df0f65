"""Where pods land: filters first, then scores; and nothing moves back.

Rules: https://kubernetes.io/docs/concepts/scheduling-eviction/
"""

from __future__ import annotations

from collections import Counter

from nodebynode.kube import Kind

from .manifests import deployment, pod
from .observing import Room, condition, is_ready, node_of


def layout(room: Room) -> list[int]:
    """Return how many pods of `web` are on each worker, in zone order."""
    counts = Counter(map(node_of, room.pods()))
    assert set(counts) <= set(room.cluster.workers)
    return [counts[node] for node in room.cluster.workers]


def test_three_workers_in_three_zones_and_a_tainted_control_plane(room: Room) -> None:
    """The cluster that every lab counts on."""
    nodes = {node["metadata"]["name"]: node for node in room.api.list(Kind.NODE)}
    zones = [
        nodes[name]["metadata"]["labels"].get("topology.kubernetes.io/zone")
        for name in room.cluster.workers
    ]
    assert zones == ["a", "b", "c"]
    (control_plane,) = (node for name, node in nodes.items() if name not in room.cluster.workers)
    taint = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    assert control_plane["spec"]["taints"] == [taint]
    for name, node in nodes.items():
        assert node["metadata"]["labels"]["kubernetes.io/hostname"] == name


def test_three_replicas_are_spread(room: Room) -> None:
    """One on each worker, for no other node has been favoured; none on the control plane."""
    room.run(deployment())
    assert layout(room) == [1, 1, 1]


def test_a_selector_that_no_node_meets(room: Room) -> None:
    """Pending; the message counts the nodes by what each lacks."""
    room.create(pod("web", spec={"nodeSelector": {"disk": "none-such"}}))
    message = room.wait_event("web", "FailedScheduling")
    for part in (
        "0/4 nodes are available: ",
        "1 node(s) had untolerated taint(s)",
        "3 node(s) didn't match Pod's node affinity/selector",
        "preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.",
    ):
        assert part in message
    (web,) = room.wait_pods(lambda found: condition(found[0], "PodScheduled"))
    assert (web["status"]["phase"], node_of(web)) == ("Pending", "")
    scheduled = condition(web, "PodScheduled")
    assert (scheduled["status"], scheduled["reason"]) == ("False", "Unschedulable")


def test_a_selector_chooses_the_node(room: Room) -> None:
    """A pinned pod goes to its node, and waits while that node is cordoned."""
    worker = room.cluster.workers[1]
    pinned = {"nodeSelector": {"kubernetes.io/hostname": worker}}
    room.cordon(worker)
    room.create(pod("web", spec=pinned))
    message = room.wait_event("web", "FailedScheduling")
    assert "1 node(s) were unschedulable" in message
    assert "2 node(s) didn't match Pod's node affinity/selector" in message
    room.cordon(worker, on=False)
    (web,) = room.wait_pods(lambda found: found and is_ready(found[0]))
    assert node_of(web) == worker


def test_a_request_that_fits_nowhere(room: Room) -> None:
    """The scheduler counts requests, and says what is short."""
    big = pod("web")
    big["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1000"}}
    room.create(big)
    assert "3 Insufficient cpu" in room.wait_event("web", "FailedScheduling")


def test_nothing_moves_back(room: Room) -> None:
    """A cordoned node gets no pods; uncordoned, it stays empty until new pods are made."""
    worker = room.cluster.workers[2]
    room.cordon(worker)
    taints = room.wait_node(worker, lambda node: node["spec"].get("taints"))["spec"]["taints"]
    assert {(taint["key"], taint["effect"]) for taint in taints} == {
        ("node.kubernetes.io/unschedulable", "NoSchedule")
    }
    room.run(deployment(replicas=4))
    assert layout(room) == [2, 2, 0]
    room.cordon(worker, on=False)
    room.wait_node(worker, lambda node: not node["spec"].get("taints"))
    assert layout(room) == [2, 2, 0]
    room.scale(5)
    room.wait_available()
    assert layout(room) == [2, 2, 1]


def test_a_cordon_leaves_the_pods_that_are_there(room: Room) -> None:
    """Their UIDs and readiness stay."""
    room.run(deployment(replicas=1))
    (before,) = room.pods()
    room.cordon(node_of(before))
    room.wait_node(node_of(before), lambda node: node["spec"].get("taints"))
    (after,) = room.pods()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert is_ready(after)
