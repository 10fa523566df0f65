"""The clock of a node that fails: silence, NotReady, endpoints out, eviction, replacement, return.

Rules: https://kubernetes.io/docs/concepts/architecture/nodes/#node-monitoring and
https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from nodebynode.cluster import NodeFailure
from nodebynode.cluster.nodes import is_ready as node_is_ready
from nodebynode.errors import BadInput
from nodebynode.kube import Json, Kind

from .manifests import deployment, pod, service, tolerations
from .observing import (
    Room,
    condition,
    conditions,
    identity,
    is_ready,
    is_terminating,
    name_of,
    node_of,
)

NOTICED = (8, 30)
"""Seconds until the cluster calls a silent node NotReady; a lesson cannot wait for the usual 50."""
TOLERATED = 4


def impatient(name: str, replicas: int) -> Json:
    """Return a Deployment whose pods are evicted from a failed node after `TOLERATED` seconds."""
    return deployment(name, replicas, spec={"tolerations": tolerations(TOLERATED)})


def not_ready(node: Json) -> bool:
    """Whether nothing has been heard of the node."""
    return condition(node, "Ready")["status"] == "Unknown"


def unreachable_taints(node: Json) -> set[str]:
    """Return the effects of the taint that a silent node gets."""
    taints = node["spec"].get("taints") or ()
    return {one["effect"] for one in taints if one["key"] == "node.kubernetes.io/unreachable"}


@pytest.mark.timeout(180, func_only=True)
def test_a_frozen_node_from_silence_to_return(
    room: Room, record_property: Callable[[str, object], None]
) -> None:
    """The whole clock, with an impatient Deployment and a pod of the default 300 s beside it."""
    node = room.cluster.workers[1]
    room.create(service())
    room.run(impatient("web", 3))
    room.create(pod("patient", spec={"nodeName": node}))
    room.wait_pods(lambda found: found and is_ready(found[0]), "patient")
    patient = identity(room.pod("patient"))
    lost = next(one for one in room.pods() if node_of(one) == node)  # of one or two
    pods, slices = room.timeline(Kind.POD), room.timeline(Kind.ENDPOINT_SLICE)

    began = time.monotonic()
    room.cluster.fail_node(node, NodeFailure.FREEZE)
    failed = room.wait_node(node, not_ready)
    noticed = time.monotonic()
    record_property("noticed", f"NotReady after {noticed - began:.1f} s")
    assert NOTICED[0] <= noticed - began <= NOTICED[1]
    assert condition(failed, "Ready")["message"] == "Kubelet stopped posting node status."

    slices.wait(lambda found: conditions(found)[name_of(lost)][:2] == (False, False), timeout=5)
    assert room.pod(name_of(lost))["status"]["phase"] == "Running"
    room.wait_node(node, lambda found: unreachable_taints(found) == {"NoSchedule", "NoExecute"})

    evicted = pods.wait(lambda found: is_terminating(found[name_of(lost)]), timeout=20)
    assert TOLERATED - 1 <= evicted - noticed <= TOLERATED + 6
    able = room.wait_pods(lambda found: len(found) == 3 and all(map(is_ready, found)))
    assert node not in map(node_of, able)
    assert is_terminating(room.pod(name_of(lost)))  # nobody is there to end it
    assert identity(room.pod("patient")) == patient
    assert not is_ready(room.pod("patient"))

    print(f"evicted {evicted - noticed:.1f} s after NotReady")
    began = time.monotonic()
    room.cluster.heal_node(node)
    record_property("healed", f"Ready {time.monotonic() - began:.1f} s after healing")
    assert node_is_ready(room.api.get(Kind.NODE, node))
    room.wait_node(node, lambda found: not found["spec"].get("taints"))
    pods.wait(lambda found: name_of(lost) not in found, timeout=30)
    room.wait_pods(lambda found: found and is_ready(found[0]), "patient")
    assert identity(room.pod("patient")) == patient
    assert node not in map(node_of, room.pods())  # nothing moves back
    room.scale(5)
    room.wait_available()
    assert node in map(node_of, room.pods())


@pytest.mark.timeout(180, func_only=True)
def test_power_off_and_a_dead_kubelet(room: Room) -> None:
    """Two more ways to fail, at one time on two nodes: the clock is the same, the pods' fate not.

    With the power the pod is gone. Under a dead kubelet the app goes on, but nobody hears of it.
    """
    first, off, dead = room.cluster.workers
    room.run(impatient("web", 3))
    by_node = {node_of(one): name_of(one) for one in room.pods()}
    pods, nodes = room.timeline(Kind.POD), room.node_timeline()
    began = time.monotonic()
    room.cluster.fail_node(dead, NodeFailure.KUBELET_DEAD)
    room.cluster.fail_node(off, NodeFailure.POWER_OFF)
    for node in (dead, off):
        noticed = nodes.wait(lambda found, node=node: not_ready(found[node])) - began
        print(f"{node} NotReady after {noticed:.1f} s")
        assert NOTICED[0] <= noticed <= NOTICED[1] + 4, node
    gone = {by_node[off], by_node[dead]}
    pods.wait(
        lambda found: all(is_terminating(found[name]) for name in gone), timeout=TOLERATED + 15
    )
    able = room.wait_pods(lambda found: len(found) == 3 and all(map(is_ready, found)))
    assert set(map(node_of, able)) == {first}

    room.cluster.heal_node(off)  # does not wait for the other one
    undone = room.cluster.put_back(keep_namespaces=frozenset({room.namespace}))
    assert any(sentence.startswith(f"{dead} ") for sentence in undone), undone
    assert not any(sentence.startswith(f"{off} ") for sentence in undone), undone
    nodes.wait(lambda found: all(map(node_is_ready, found.values())))
    pods.wait(lambda found: not gone & set(found), timeout=40)
    room.wait_node(off, lambda found: not found["spec"].get("taints"))
    room.wait_node(dead, lambda found: not found["spec"].get("taints"))
    room.scale(6)
    room.wait_available()
    assert set(map(node_of, room.pods())) == {first, off, dead}


def test_only_workers_fail(room: Room) -> None:
    """The control plane is not to be broken, and the message names the workers."""
    with pytest.raises(BadInput, match=r"no worker") as refused:
        room.cluster.fail_node("none-such", NodeFailure.FREEZE)
    assert all(worker in str(refused.value) for worker in room.cluster.workers)


def test_healing_a_healthy_node_changes_nothing(room: Room) -> None:
    """Heal twice, or without a need: the same."""
    room.run(deployment(replicas=1))
    before = list(map(identity, room.pods()))
    room.cluster.heal_node(node_of(room.pods()[0]))
    assert list(map(identity, room.pods())) == before
