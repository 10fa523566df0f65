"""A rollout goes on when new pods are available, which is more than running and more than ready.

Rule: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#min-ready-seconds
"""

from __future__ import annotations

import time

from nodebynode.kube import Kind

from .manifests import deployment
from .observing import Objects, Room, condition, is_ready, state_of


def newest(pods: Objects) -> tuple[bool, bool]:
    """Return (running, ready) of the one pod of v2."""
    for pod in pods.values():
        if pod["spec"]["containers"][0]["image"].endswith(":v2"):
            return "running" in state_of(pod), is_ready(pod)
    return False, False


def old_size(replica_sets: Objects) -> int:
    """Return the wanted size of v1's ReplicaSet."""
    templates = {name: item["spec"]["template"] for name, item in replica_sets.items()}
    return sum(
        replica_sets[name]["spec"]["replicas"]
        for name, template in templates.items()
        if template["spec"]["containers"][0]["image"].endswith(":v1")
    )


def test_running_is_not_enough(room: Room) -> None:
    """A pod that runs and is not ready lets no old pod go."""
    room.run(deployment(replicas=1, ready_after=2))
    replica_sets, pods = room.timeline(Kind.REPLICA_SET), room.timeline(Kind.POD)
    room.set_image("v2")
    running = pods.wait(lambda found: newest(found)[0])
    assert not newest(pods.objects)[1]
    shrunk = replica_sets.wait(lambda found: old_size(found) == 0)
    assert shrunk - running > 1
    pods.wait(lambda found: newest(found)[1], timeout=1)  # its readiness is already history
    assert int(pods.version) < int(replica_sets.version)


def test_ready_is_not_enough(room: Room) -> None:
    """A pod must stay ready for minReadySeconds before it counts as available."""
    room.run(deployment(replicas=1, min_ready=3))
    replica_sets, pods = room.timeline(Kind.REPLICA_SET), room.timeline(Kind.POD)
    room.set_image("v2")
    ready = pods.wait(lambda found: newest(found)[1])
    shrunk = replica_sets.wait(lambda found: old_size(found) == 0)
    assert 1.9 < shrunk - ready < 6  # conditions have whole seconds: up to one is lost


def test_available_counts_after_ready(room: Room) -> None:
    """In a Deployment's status, readyReplicas is minReadySeconds ahead of availableReplicas."""
    deployments = room.timeline(Kind.DEPLOYMENT)
    room.create(deployment(replicas=2, min_ready=2))
    began = time.monotonic()
    counts = deployments.record(
        lambda found: tuple(
            found.get("web", {}).get("status", {}).get(key, 0)
            for key in ("readyReplicas", "availableReplicas")
        ),
        lambda count: count == (2, 2),
    )
    assert (2, 0) in counts
    assert all(available <= ready for ready, available in counts)
    assert time.monotonic() - began > 0.9  # conditions have whole seconds: up to one is lost
    assert condition(room.deployment(), "Available")["reason"] == "MinimumReplicasAvailable"
