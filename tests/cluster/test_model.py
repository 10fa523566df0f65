"""The model held against recordings: rollouts, the victim of a scale-down, and a drain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nodebynode.course.flight import Flight
from nodebynode.kube import Json, Kind
from nodebynode.model.drain import Outcome, drain
from nodebynode.model.guests import App, DisruptionBudget, Flags
from nodebynode.model.reach import unreachable
from nodebynode.model.rollout import Plan, Rollout, roll_out
from nodebynode.model.victims import Rule, Victims, victims
from nodebynode.recording import Recording, Steps
from nodebynode.recording.merging import merges
from nodebynode.state import State
from nodebynode.waiting import wait_for

from .manifests import budget, deployment
from .observing import Room, condition, is_ready, name_of, node_of

COST = "controller.kubernetes.io/pod-deletion-cost"


@dataclass(frozen=True)
class Case:
    """A Deployment of the grid; `one_way` where never more than one Pod starts at a time."""

    plan: Plan
    one_way: bool = False


GRID = {
    "three": Case(Plan(3), one_way=True),
    "three-0-1": Case(Plan(3, 0, 1), one_way=True),
    "three-1-1": Case(Plan(3, 1, 1)),
    "four": Case(Plan(4)),
    "three-all-0": Case(Plan(3, "100%", 0)),
    "two": Case(Plan(2), one_way=True),
    "anew": Case(Plan(3, strategy="Recreate"), one_way=True),
    "three-never": Case(Plan(3, startup=None), one_way=True),
    "three-1-1-never": Case(Plan(3, 1, 1, startup=None), one_way=True),
}


def manifest(name: str, plan: Plan) -> Json:
    """The Deployment of a plan."""
    made = deployment(
        name, plan.replicas, surge=plan.surge, unavailable=plan.unavailable, deadline=8
    )
    if plan.strategy == "Recreate":
        made["spec"]["strategy"] = {"type": "Recreate"}
    return made


@pytest.mark.parametrize("names", [[*GRID][::2], [*GRID][1::2]], ids=",".join)
def test_rollouts_take_a_way_that_the_model_knows(
    room: Room, tmp_path: Path, names: list[str]
) -> None:
    """Several at once: that takes less time, and is slow enough for Pods to be ready in any order.

    All at once would leave a small machine more Events to remove than it can in its time.
    """
    cases = {name: GRID[name] for name in names}
    room.create(*(manifest(name, case.plan) for name, case in cases.items()))
    for name in cases:
        room.wait_available(name)
    with Flight(room.api, tmp_path / "run.jsonl") as flight:
        for name, case in cases.items():
            room.set_image("v4-never-ready" if case.plan.startup is None else "v2", name)
        for name, case in cases.items():
            if case.plan.startup is None:
                room.timeline(Kind.DEPLOYMENT).wait(is_overdue(name))
            else:
                room.wait_available(name)
    recording = Recording.read(flight.path)
    found = {name: differences(recording, room.namespace, name) for name in cases}
    assert {name: said for name, said in found.items() if said} == {}


def is_overdue(name: str) -> Callable[[dict[str, Json]], bool]:
    """Whether a Deployment has exceeded its progress deadline."""
    return lambda found: condition(found[name], "Progressing").get("status") == "False"


def differences(recording: Recording, namespace: str, name: str) -> list[str]:
    """What a recording has that the model does not allow, in words."""
    case, rollout = GRID[name], roll_out(GRID[name].plan)
    steps = recording.steps(name, namespace)
    seen = [(row.old, row.new) for row in steps.rows]
    fewest = min(able(state, namespace, name) for _, state in recording.states())
    checks = {
        "begins elsewhere": seen[0] == rollout.path[0],
        "ends elsewhere": seen[-1] == rollout.path[-1],
        "takes another way": unreachable(case.plan, seen) is None,
        "leaves the path": not case.one_way or merges(seen, rollout.path) is None,
        "has other bounds": bounds_of(steps) == {(rollout.limits.most, rollout.limits.least)},
        "is larger": max(row.total for row in steps.rows) <= rollout.limits.most,
        f"has {fewest} ready": fewest >= rollout.limits.least,
        "serves with another number": not rollout.stuck or serves(recording, rollout, steps),
    }
    told = f"{steps.pairs}, model {rollout.pairs}"
    return [f"{what}: {told}" for what, holds in checks.items() if not holds]


def bounds_of(steps: Steps) -> set[tuple[int, int]]:
    """The bounds that the rows tell."""
    return {(row.most, row.least) for row in steps.rows}


def able(state: State, namespace: str, name: str) -> int:
    """How many Pods of a Deployment can take requests and are to stay."""
    ours = (pod for pod in state.pods if pod.namespace == namespace)
    return sum(pod.ready and pod.active for pod in ours if pod.labels.get("app") == name)


def serves(recording: Recording, rollout: Rollout, steps: Steps) -> bool:
    """Whether as many Pods are left serving as the model says."""
    last = recording.state_at(recording.ended)
    return able(last, steps.namespace, steps.deployment) == rollout.least_available


# ── who goes ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cost", [0, -100], ids=["by age or node", "by cost"])
def test_the_victims_of_a_scale_down_are_foretold(room: Room, tmp_path: Path, cost: int) -> None:
    """Four Pods that became ready in different seconds; two of them go."""
    room.run(deployment(replicas=1))
    for size in (2, 3, 4):
        wait_for(lambda: seconds_ready(room) >= 1, timeout=5, what="a second of its own")
        room.scale(size)
        room.wait_available()
    if cost:
        annotation = {"metadata": {"annotations": {COST: str(cost)}}}
        room.patch(Kind.POD, name_of(room.pods()[0]), annotation)
    with Flight(room.api, tmp_path / "run.jsonl") as flight:
        wait_for(lambda: lasts(flight, room), timeout=20, what="ages far from a power of two")
        foretold = fall(flight, room, datetime.now(UTC))
        before = {name_of(one) for one in room.pods()}
        room.scale(2)
        left = room.wait_pods(lambda found: len(found) == 2)
    assert foretold.sure, str(foretold)
    assert before - {name_of(one) for one in left} == {one.pod.name for one in foretold.going}
    assert (foretold.going[0].rule is Rule.COST) is bool(cost), str(foretold)


def seconds_ready(room: Room) -> float:
    """For how long the youngest Pod has been ready."""
    times = (condition(pod, "Ready")["lastTransitionTime"] for pod in room.pods())
    return (datetime.now(UTC) - max(map(datetime.fromisoformat, times))).total_seconds()


def fall(flight: Flight, room: Room, now: datetime) -> Victims:
    """Whom the model has go from what is there."""
    state = flight.so_far().state_at(now)
    [ours] = [one for one in state.replicasets if one.namespace == room.namespace]
    return victims(state, ours, 2, now)


def lasts(flight: Flight, room: Room) -> bool:
    """Whether the answer is the same for some seconds to come."""
    now = datetime.now(UTC)
    return fall(flight, room, now) == fall(flight, room, now + timedelta(seconds=3))


# ── a drain ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def node(room: Room) -> str:
    """The node to be drained, on which the Pods land."""
    room.cordon(*room.cluster.workers[1:])
    return room.cluster.workers[0]


def test_a_drain_that_is_stuck_prints_what_is_foretold(room: Room, node: str) -> None:
    """One replica that must stay: kubectl gives up at its timeout."""
    room.run(deployment(replicas=1))
    room.create(budget(minAvailable=1))
    [pod] = map(name_of, room.pods())
    only = App(budgets=(DisruptionBudget(min_available=1),), namespace=room.namespace)
    foretold = drain([only], Flags(timeout=2), node)
    done = room.drain(node, "--timeout=2s")
    assert (foretold.outcome, done.code) == (Outcome.TIMED_OUT, 1)
    for message in foretold.messages:
        assert message.replace("web-1", pod) in done.err


def test_a_drain_with_a_budget_goes_as_foretold(room: Room, node: str) -> None:
    """Two replicas leave one after the other, the second at the next try."""
    room.run(deployment(replicas=2, ready_after=1))
    room.create(budget(maxUnavailable=1))
    room.cordon(*room.cluster.workers[1:], on=False)
    two = App(here=2, startup=2, budgets=(DisruptionBudget(max_unavailable=1),))
    foretold = drain([two], node=node)
    pods = room.timeline(Kind.POD)
    done = room.drain(node)
    assert (foretold.outcome, done.code) == (Outcome.DRAINED, 0)
    retries = sum("tried again" in one.what for one in foretold.timeline)
    assert done.err.count("(will retry after 5s)") == retries
    ready = pods.record(
        lambda found: sum(is_ready(one) and "deletionTimestamp" not in one["metadata"]
                          for one in found.values()),
        lambda _: not any(node_of(one) == node for one in pods.objects.values()),
    )  # fmt: skip
    assert min(ready) == foretold.fewest_ready["web"]
