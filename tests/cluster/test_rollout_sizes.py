"""A rolling update is two ReplicaSets that trade sizes, by surge and unavailable.

Rules: kubernetes pkg/controller/deployment/rolling.go and
https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from nodebynode.kube import Json, Kind

from .manifests import deployment, image
from .observing import Objects, Room, condition, is_ready, is_terminating

Size = tuple[int, int]
STEADY = 1
"""Seconds. On a busy machine a real kubelet says of a new Pod that it is ready, and a moment later,
for a second, that it is not. With minReadySeconds 0 the next old one has been stopped by then."""

DEFAULT_3 = "3/0 3/1 2/1 2/2 1/2 1/3 0/3"
ONE_BY_ONE_3 = "3/0 2/0 2/1 1/1 1/2 0/2 0/3"
PATHS = [
    pytest.param(3, None, None, 0, DEFAULT_3, id="3-default"),
    pytest.param(3, 0, 1, 1, ONE_BY_ONE_3, id="3-surge-0-unavailable-1"),
    pytest.param(3, 1, 1, 1, DEFAULT_3, id="3-surge-1-unavailable-1"),
    pytest.param(3, "100%", 0, 0, "3/0 3/3 2/3 1/3 0/3", id="3-surge-all"),
    pytest.param(3, 0, "25%", 1, ONE_BY_ONE_3, id="3-both-round-to-0-so-unavailable-is-1"),
    pytest.param(4, None, None, 1, "4/0 4/1 3/1 3/2 2/2 2/3 1/3 1/4 0/4", id="4-default"),
    pytest.param(1, None, None, 0, "1/0 1/1 0/1", id="1-default"),
    pytest.param(2, None, None, 0, "2/0 2/1 1/1 1/2 0/2", id="2-default"),
]


def sizes(replica_sets: Objects) -> Size:
    """Return the sizes that the Deployment controller wants: of v1's ReplicaSet, of all others."""
    old = new = 0
    for item in replica_sets.values():
        if image_of(item["spec"]["template"]) == image("v1"):
            old += item["spec"]["replicas"]
        else:
            new += item["spec"]["replicas"]
    return old, new


def ready(pods: Objects) -> Size:
    """Return how many pods can take requests and are to stay: of v1, of all others."""
    able = [pod for pod in pods.values() if is_ready(pod) and not is_terminating(pod)]
    old = sum(image_of(pod) == image("v1") for pod in able)
    return old, len(able) - old


def image_of(holder: Json) -> str:
    """Return the image of a pod's, or a template's, only container."""
    return str(holder["spec"]["containers"][0]["image"])


def path_of(text: str) -> list[Size]:
    """Read `3/0 3/1 …`."""
    return [(int(old), int(new)) for old, _, new in (step.partition("/") for step in text.split())]


def allowed(path: list[Size], fewest: int) -> set[Size]:
    """Return the steps of a path, and those that two new pods ready at one instant lead to.

    Two rounds of the controller are then one: both scale-downs come before both scale-ups, as far
    as enough pods are left.
    """
    merged = {
        (later[0], earlier[1])
        for at, earlier in enumerate(path)
        for later in path[at : at + 4]
        if later[0] + earlier[1] >= fewest
    }
    return set(path) | merged


@pytest.mark.parametrize(("replicas", "surge", "unavailable", "resolved", "path"), PATHS)
def test_sizes_follow_the_path(
    room: Room,
    replicas: int,
    surge: int | str | None,
    unavailable: int | str | None,
    resolved: int,
    path: str,
) -> None:
    """Sizes never leave the path, and ready pods are never fewer than replicas - unavailable."""
    given = deployment(replicas=replicas, surge=surge, unavailable=unavailable, min_ready=STEADY)
    room.run(given)
    replica_sets, pods = room.timeline(Kind.REPLICA_SET), room.timeline(Kind.POD)
    room.set_image("v2")
    seen = replica_sets.record(sizes, lambda size: size == (0, replicas))
    expected = path_of(path)
    assert seen[0] == expected[0]
    assert set(seen) <= allowed(expected, replicas - resolved), seen
    assert_monotone(seen)
    able = pods.record(ready, lambda count: count == (0, replicas))
    assert min(map(sum, able)) >= replicas - resolved, able


def test_nine_keep_the_bounds(room: Room) -> None:
    """25 % of 9 is a surge of 3 (rounded up) and 2 unavailable (rounded down)."""
    room.run(deployment(replicas=9, min_ready=STEADY))
    replica_sets, pods = room.timeline(Kind.REPLICA_SET), room.timeline(Kind.POD)
    room.set_image("v2")
    seen = replica_sets.record(sizes, lambda size: size == (0, 9), timeout=80)
    assert (9, 3) in seen
    assert (7, 3) in seen
    assert max(map(sum, seen)) <= 12, seen
    assert_monotone(seen)
    able = pods.record(ready, lambda count: count == (0, 9))
    assert min(map(sum, able)) >= 7, able


@pytest.mark.parametrize(
    ("surge", "unavailable", "stuck", "path"),
    [
        pytest.param(None, None, (3, 1), "3/0 3/1", id="3-default"),
        pytest.param(1, 1, (2, 2), "3/0 3/1 2/1 2/2", id="3-surge-1-unavailable-1"),
    ],
)
def test_a_version_never_ready_is_stuck(
    room: Room, surge: int | None, unavailable: int | None, stuck: Size, path: str
) -> None:
    """The old pods go on serving; at the deadline a condition changes, and nothing else does."""
    room.run(deployment(surge=surge, unavailable=unavailable, deadline=4))
    replica_sets, deployments = room.timeline(Kind.REPLICA_SET), room.timeline(Kind.DEPLOYMENT)
    pods = room.timeline(Kind.POD)
    room.set_image("v4-never-ready")
    deployments.wait(lambda found: condition(found["web"], "Progressing").get("status") == "False")
    web = room.deployment()
    assert condition(web, "Progressing")["reason"] == "ProgressDeadlineExceeded"
    assert condition(web, "Available")["status"] == "True"
    seen = replica_sets.record(sizes, lambda size: size == stuck)
    assert set(seen) <= set(path_of(path)), seen
    assert sizes(room.timeline(Kind.REPLICA_SET).objects) == stuck
    assert pods.record(ready, lambda count: count == (stuck[0], 0))[-1] == (stuck[0], 0)


def assert_monotone(seen: list[Size]) -> None:
    """The old only shrinks and the new only grows."""
    for (old, new), (later_old, later_new) in pairwise(seen):
        assert later_old <= old, seen
        assert later_new >= new, seen
