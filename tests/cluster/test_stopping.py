"""How a pod ends: preStop, SIGTERM, and SIGKILL when the grace period is over.

Rule: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
"""

from __future__ import annotations

import time

import pytest

from nodebynode.kube import Kind
from nodebynode.waiting import wait_for

from .manifests import pod
from .observing import Room, is_ready

SLACK = 2.5
"""Seconds until a kubelet has begun, has reaped the process and told the API."""


def start(room: Room, **of: object) -> None:
    """Run the pod `web`."""
    room.create(pod("web", **of))
    room.wait_pods(lambda found: found and is_ready(found[0]))


def seconds_to_end(room: Room) -> float:
    """Delete the pod `web` and return the seconds until it is gone."""
    pods = room.timeline(Kind.POD)
    began = time.monotonic()
    room.api.delete(Kind.POD, "web", room.namespace)
    return pods.wait(lambda found: "web" not in found) - began


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        pytest.param({"on_sigterm": "ignore", "grace": 3}, 3, id="ignore-until-killed"),
        pytest.param({"on_sigterm": "finish", "grace": 20}, 0, id="finish-ends-early"),
        pytest.param(
            {"on_sigterm": "ignore", "grace": 4, "pre_stop": 2}, 4, id="prestop-counts-into-grace"
        ),
        pytest.param({"on_sigterm": "exit", "grace": 20, "pre_stop": 3}, 3, id="prestop-comes-first"),
    ],
)
def test_seconds_to_the_end(room: Room, of: dict[str, object], expected: float) -> None:
    """From the request to delete a pod until it is gone."""
    start(room, **of)
    assert expected - 0.1 <= seconds_to_end(room) <= expected + SLACK


def test_prestop_longer_than_grace_gets_two_seconds_more(room: Room) -> None:
    """A hook that overruns the grace period delays the end by 2 s, once."""
    start(room, grace=2, pre_stop=20)
    assert 2 <= seconds_to_end(room) <= 4 + SLACK


def test_grace_zero_does_not_wait(room: Room) -> None:
    """A deletion with grace 0 removes the object at once, hook or no hook."""
    start(room, grace=20, pre_stop=20)
    began = time.monotonic()
    room.api.delete(Kind.POD, "web", room.namespace, grace=0)
    assert room.api.find(Kind.POD, "web", room.namespace) is None
    assert time.monotonic() - began < 2


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
