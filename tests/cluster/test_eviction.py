"""Evictions and budgets: what the API answers, and what takes the evicted pod's place.

Rules: https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/ and
https://kubernetes.io/docs/tasks/run-application/configure-pdb/
"""

from __future__ import annotations

import pytest
from nodebynode.kube import Kind

from .manifests import budget, deployment
from .observing import Objects, Room, identity, is_ready, is_terminating, name_of


def wait_budget(room: Room, allowed: int, name: str = "web") -> None:
    """Wait until the budget's controller has counted."""

    def counted(budgets: Objects) -> bool:
        status = budgets[name].get("status", {})
        return "observedGeneration" in status and status["disruptionsAllowed"] == allowed

    room.timeline(Kind.BUDGET).wait(counted, timeout=20)


def test_an_eviction_within_the_budget_is_granted(room: Room) -> None:
    """201, and the pod is deleted by its own grace period."""
    room.run(deployment(replicas=2, on_sigterm="ignore", grace=2))
    room.create(budget(maxUnavailable=1))
    wait_budget(room, 1)
    pod = name_of(room.pods()[0])
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    answer = room.api.request("POST", Kind.POD.path(room.namespace, pod, "eviction"), body=body)
    assert (answer["status"], answer["code"]) == ("Success", 201)
    assert is_terminating(room.pod(pod))
    wait_budget(room, 0)


def test_an_eviction_beyond_the_budget_is_refused(room: Room) -> None:
    """429 with the budget's own count; the pod is left alone."""
    room.run(deployment(replicas=2))
    room.create(budget(minAvailable=2))
    wait_budget(room, 0)
    pod = name_of(room.pods()[0])
    refusal = room.refusal(pod)
    assert (refusal.status, refusal.reason) == (429, "TooManyRequests")
    assert "Cannot evict pod as it would violate the pod's disruption budget." in refusal.seen
    assert "The disruption budget web needs 2 healthy pods and has 2 currently" in refusal.seen
    assert not is_terminating(room.pod(pod))


def test_two_budgets_over_one_pod_are_an_error(room: Room) -> None:
    """500: the eviction subresource does not support it."""
    room.run(deployment(replicas=1))
    room.create(budget(name="one", maxUnavailable=1), budget(name="two", maxUnavailable=1))
    wait_budget(room, 1, "one")
    wait_budget(room, 1, "two")
    refusal = room.refusal(name_of(room.pods()[0]))
    assert refusal.status == 500
    assert "This pod has more than one PodDisruptionBudget" in refusal.seen


@pytest.mark.parametrize(("policy", "granted"), [("IfHealthyBudget", False), ("AlwaysAllow", True)])
def test_a_pod_never_ready_and_its_budget(room: Room, policy: str, granted: bool) -> None:
    """An unready pod may go only while enough others are healthy, unless AlwaysAllow is asked."""
    room.create(deployment(replicas=1, version="v4-never-ready"))
    room.create(budget(minAvailable=1, unhealthyPodEvictionPolicy=policy))
    wait_budget(room, 0)
    (pod,) = room.wait_pods(lambda found: found and found[0]["status"]["phase"] == "Running")
    if granted:
        room.api.evict(name_of(pod), room.namespace)
    else:
        assert room.refusal(name_of(pod)).status == 429


def test_a_budget_binds_evictions_only(room: Room) -> None:
    """`kubectl delete pod` asks no budget."""
    room.run(deployment(replicas=1))
    room.create(budget(maxUnavailable=0))
    wait_budget(room, 0)
    (pod,) = room.pods()
    assert room.refusal(name_of(pod)).status == 429
    room.kubectl("delete", "pod", name_of(pod), "--wait=false")
    room.wait_pods(lambda found: found and name_of(found[0]) != name_of(pod))


def test_an_evicted_pod_is_replaced_by_another(room: Room) -> None:
    """The replacement has a new name, a new UID and a new IP; the others stay as they are."""
    room.run(deployment(replicas=2))
    evicted, kept = map(identity, room.pods())
    room.api.evict(evicted[0], room.namespace)
    pods = room.wait_pods(lambda found: len(found) == 2 and all(map(is_ready, found)))
    assert kept in map(identity, pods)
    (replacement,) = (one for one in map(identity, pods) if one != kept)
    assert not set(replacement) & set(evicted)
