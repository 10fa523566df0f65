"""The words of a Pod's status: phase and conditions, as a kubelet chooses them."""

from __future__ import annotations

import pytest
from nodebynode.cluster.embedded.agent.status import (
    ContainerView,
    State,
    conditions,
    final_phase,
    phase,
    running,
    terminated,
    waiting,
)


def ended(code: int) -> State:
    return terminated(code, 0, 0, 1, container="process://1")


def view(state: State, last: State | None = None, **more: bool) -> ContainerView:
    return ContainerView("shop", "localhost/shop:v1", state, last or {}, **more)


RUNS, WAITS = running(0), waiting("ContainerCreating")
LOOPS = waiting("CrashLoopBackOff")


@pytest.mark.parametrize(
    ("policy", "main", "expected"),
    [
        ("Always", [view(WAITS)], "Pending"),
        ("Always", [view(RUNS)], "Running"),
        ("Always", [view(RUNS), view(WAITS)], "Pending"),
        ("Always", [view(LOOPS, ended(1))], "Running"),
        ("Always", [view(RUNS), view(LOOPS, ended(1))], "Running"),
        ("Always", [view(ended(0))], "Running"),
        ("OnFailure", [view(ended(0))], "Succeeded"),
        ("OnFailure", [view(ended(1))], "Running"),
        ("OnFailure", [view(LOOPS, ended(1))], "Running"),
        ("Never", [view(ended(0))], "Succeeded"),
        ("Never", [view(ended(1))], "Failed"),
        ("Never", [view(ended(0)), view(ended(3))], "Failed"),
        ("Never", [view(ended(1)), view(RUNS)], "Running"),
    ],
)
def test_the_phase(policy: str, main: list[ContainerView], expected: str) -> None:
    assert phase(policy, [], main) == expected


@pytest.mark.parametrize(
    ("policy", "init", "expected"),
    [
        ("Always", [view(RUNS)], "Pending"),
        ("Always", [view(ended(1))], "Pending"),
        ("Never", [view(ended(1))], "Failed"),
        ("Always", [view(ended(0))], "Running"),
        ("Always", [view(RUNS, sidecar=True)], "Running"),
    ],
)
def test_init_containers_hold_the_phase_back(
    policy: str, init: list[ContainerView], expected: str
) -> None:
    assert phase(policy, init, [view(RUNS)]) == expected


def test_a_deleted_pod_ends_as_its_containers_did() -> None:
    assert final_phase("Always", [view(ended(0))]) == "Succeeded"
    assert final_phase("Always", [view(ended(137))]) == "Failed"
    assert final_phase("Always", [view(WAITS)]) == "Failed"


def test_conditions_say_what_is_missing() -> None:
    found = {one["type"]: one for one in conditions((), "Running", [], [view(RUNS)])}
    assert found["Ready"]["status"] == "False"
    assert found["Ready"]["reason"] == "ContainersNotReady"
    assert found["Ready"]["message"] == "containers with unready status: [shop]"
    assert found["Initialized"]["status"] == "True"
    ready = {one["type"]: one for one in conditions((), "Running", [], [view(RUNS, ready=True)])}
    assert (ready["Ready"]["status"], ready["Ready"]["reason"]) == ("True", None)


def test_a_time_changes_only_with_its_status() -> None:
    old = [
        {"type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"},
        {"type": "ContainersReady", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"},
    ]
    same = conditions(old, "Running", [], [view(RUNS, ready=True)])
    other = conditions(old, "Running", [], [view(RUNS)])
    times = [{one["type"]: one["lastTransitionTime"] for one in found} for found in (same, other)]
    assert times[0]["Ready"] == "2020-01-01T00:00:00Z"
    assert times[1]["Ready"] > "2020-01-01T00:00:00Z"
