"""Which pod dies when a ReplicaSet shrinks: a fixed order of rules, and no chance.

Rule: kubernetes pkg/controller/controller_utils.go, ActivePodsWithRanks; KEP-2255.
"""

from __future__ import annotations

import pytest
from nodebynode.errors import ApiError
from nodebynode.kube import Kind

from .manifests import deployment
from .observing import Room, identity, is_ready, name_of, state_of

COST = "controller.kubernetes.io/pod-deletion-cost"


def set_cost(room: Room, pod: str, cost: str) -> None:
    """Say how dear a pod is."""
    room.patch(Kind.POD, pod, {"metadata": {"annotations": {COST: cost}}})


@pytest.mark.parametrize("which", [0, 2], ids=["first", "last"])
def test_the_cheapest_dies_first(room: Room, which: int) -> None:
    """Among ready pods the one of the lowest deletion cost goes, wherever and whatever it is."""
    room.run(deployment())
    pods = room.pods()
    victim = name_of(pods[which])
    set_cost(room, victim, "-100")
    room.scale(2)
    left = room.wait_pods(lambda found: len(found) == 2)
    assert {name_of(one) for one in left} == {name_of(one) for one in pods} - {victim}


def test_the_unready_dies_before_the_cheapest(room: Room) -> None:
    """Readiness comes before the deletion cost."""
    room.run(deployment(replicas=1, ready_after=5))
    (able,) = room.pods()
    set_cost(room, name_of(able), "-100")
    room.scale(2)
    started = room.wait_pods(
        lambda found: len(found) == 2 and all("running" in state_of(one) for one in found)
    )
    assert sum(map(is_ready, started)) == 1
    room.scale(1)
    left = room.wait_pods(lambda found: len(found) == 1)
    assert identity(left[0]) == identity(able)


def test_a_cost_is_a_number(room: Room) -> None:
    """The API server refuses anything else."""
    room.run(deployment(replicas=1))
    with pytest.raises(ApiError, match="must be a 32bit integer") as refused:
        set_cost(room, name_of(room.pods()[0]), "high")
    assert refused.value.status == 422
