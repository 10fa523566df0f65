"""How a pod ends: preStop, SIGTERM, and SIGKILL when the grace period is over.

Rule: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
"""

from __future__ import annotations

import time
from datetime import datetime

import pytest
from nodebynode.errors import ApiError
from nodebynode.kube import Kind
from nodebynode.waiting import wait_for

from .manifests import pod
from .observing import Objects, Room, is_ready, state_of

SLACK = 8
"""Seconds, on a busy machine, until a kubelet has reaped an ended container and told the API."""


def start(room: Room, **of: object) -> None:
    """Run the pod `web`."""
    room.create(pod("web", **of))
    room.wait_pods(lambda found: found and is_ready(found[0]))


def finished_at(pods: Objects) -> dict[str, str]:
    """Return when each app ended, by its pod's name; the API has whole seconds."""
    states = {name: state_of(one).get("terminated") for name, one in pods.items()}
    return {name: state["finishedAt"] for name, state in states.items() if state}


def test_seconds_to_the_end(room: Room) -> None:
    """How long the app lives on after the request to delete its pod."""
    lives = {
        "ignore-until-killed": (3, {"on_sigterm": "ignore", "grace": 3}),
        "finish-ends-early": (0, {"on_sigterm": "finish", "grace": 20}),
        "prestop-is-part-of-grace": (6, {"on_sigterm": "ignore", "grace": 6, "pre_stop": 4}),
        "prestop-comes-first": (3, {"on_sigterm": "exit", "grace": 20, "pre_stop": 3}),
    }
    room.create(*(pod(name, **of) for name, (_, of) in lives.items()))
    for name in lives:
        room.wait_pods(lambda found: found and is_ready(found[0]), name)
    pods = room.timeline(Kind.POD)
    ended: dict[str, str] = {}
    asked = time.time()
    room.api.request("DELETE", Kind.POD.path(room.namespace))

    def gone(found: Objects) -> bool:
        ended.update(finished_at(found))
        return not found

    pods.wait(gone)
    assert time.time() - asked < max(seconds for seconds, _ in lives.values()) + SLACK
    for name, (expected, _) in lives.items():
        lived_on = datetime.fromisoformat(ended[name]).timestamp() - asked
        assert expected - 1.1 <= lived_on <= expected + 1.9, (name, lived_on)


def test_a_prestop_longer_than_the_grace_is_refused(room: Room) -> None:
    """The API server refuses a sleep that the grace period would cut."""
    with pytest.raises(ApiError, match="less than terminationGracePeriodSeconds") as refused:
        room.create(pod("web", grace=2, pre_stop=20))
    assert refused.value.status == 422


def test_grace_zero_does_not_wait(room: Room) -> None:
    """A forced deletion removes the object at once, hook or no hook."""
    start(room, grace=20, pre_stop=15)
    done = room.kubectl("delete", "pod", "web", "--grace-period=0", "--force", "--wait=false")
    assert "force deleted" in done.out
    assert "Immediate deletion does not wait for confirmation" in done.err
    assert room.api.find(Kind.POD, "web", room.namespace) is None


def test_our_own_deletion_can_be_at_once_too(room: Room) -> None:
    """The same through `Api.delete`, on which putting the cluster back relies."""
    start(room, grace=20, pre_stop=15)
    room.api.delete(Kind.POD, "web", room.namespace, grace=0)
    assert room.api.find(Kind.POD, "web", room.namespace) is None


def test_sigterm_comes_after_prestop(room: Room) -> None:
    """The app goes on as before during the hook, and then is told by SIGTERM."""
    start(room, on_sigterm="ignore", grace=5, pre_stop=2)
    began = time.time()
    room.api.delete(Kind.POD, "web", room.namespace)
    line = wait_for(
        lambda: [line for line in room.log("web").splitlines() if "SIGTERM" in line],
        timeout=6,
        what="SIGTERM in the log",
    )[0]
    assert 1.5 < time.time() - began < 5
    assert "ignored" in line
    assert room.pod("web")["metadata"]["deletionGracePeriodSeconds"] == 5


def test_a_deletion_at_any_moment_of_a_start_is_heard(room: Room) -> None:
    """Each pod is deleted a little later in its start than the one before; none stays."""
    names = [f"web-{number:02}" for number in range(16)]
    for number, name in enumerate(names):
        room.create(pod(name, grace=2))
        time.sleep(number * 0.02)
        room.api.delete(Kind.POD, name, room.namespace)
    room.timeline(Kind.POD).wait(lambda found: not found, timeout=2 + SLACK * 2)
