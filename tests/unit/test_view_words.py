"""What has changed is told in few sentences, and the tables tell what a crowd's bars show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from nodebynode.state import Condition, Pod, State
from nodebynode.view import Map, differences, sentence, tables

from tests.unit.instants import crowd
from tests.unit.states import (
    NEW,
    NODES,
    OLD,
    a_budget,
    a_deployment,
    a_node,
    a_pod,
    a_service,
    a_set,
    in_service,
    leaving,
    rollout,
    spread,
)


def with_pods(state: State, *pods: Pod) -> State:
    """The State with these Pods in the place of those of the same names."""
    names = {pod.name for pod in pods}
    return replace(state, pods=(*(p for p in state.pods if p.name not in names), *pods))


def pod(end: str, node: str | None = "worker", **fields: Any) -> Pod:
    return replace(a_pod(f"{OLD}-{end}", node), **fields)


CALM = spread()
X2K8P = CALM.pods[0]
OVERDUE = (Condition("Progressing", "False", "ProgressDeadlineExceeded", ""),)


def without(state: State, *ends: str) -> State:
    return replace(state, pods=tuple(p for p in state.pods if not p.name.endswith(ends)))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (CALM, CALM, []),
        (
            with_pods(CALM, replace(X2K8P, ready=False)),
            CALM,
            ["Pod x2k8p became ready on worker."],
        ),
        (CALM, with_pods(CALM, leaving(X2K8P, 30)), ["Pod x2k8p is leaving worker."]),
        (CALM, without(CALM, "x2k8p"), ["Pod x2k8p is gone."]),
        (CALM, without(CALM, "x2k8p", "c5rt9"), ["Pods x2k8p and c5rt9 are gone."]),
        (CALM, replace(CALM, pods=()), ["3 Pods are gone."]),
        (
            CALM,
            with_pods(CALM, replace(X2K8P, ready=False, reason="CrashLoopBackOff")),
            ["Pod x2k8p is failing: CrashLoopBackOff."],
        ),
        (CALM, with_pods(CALM, pod("q7wn4", ready=False)), ["Pod q7wn4 was created on worker."]),
        (
            with_pods(CALM, pod("q7wn4", None, ready=False)),
            with_pods(CALM, pod("q7wn4", ready=False)),
            ["Pod q7wn4 was placed on worker."],
        ),
        (CALM, with_pods(CALM, replace(X2K8P, restarts=1)), ["Pod x2k8p restarted."]),
        (CALM, with_pods(CALM, replace(X2K8P, ready=False)), ["Pod x2k8p is not ready any more."]),
        (
            CALM,
            replace(CALM, nodes=(*NODES[:2], a_node("worker2", cordoned=True), NODES[3])),
            ["worker2 was cordoned."],
        ),
        (
            replace(CALM, nodes=(*NODES[:2], a_node("worker2", cordoned=True), NODES[3])),
            CALM,
            ["worker2 was uncordoned."],
        ),
        (
            CALM,
            replace(CALM, nodes=(*NODES[:3], a_node("worker3", ready="Unknown"))),
            ["worker3 became NotReady."],
        ),
        (CALM, replace(CALM, nodes=NODES[:3]), ["worker3 is gone."]),
        (replace(CALM, nodes=NODES[:3]), CALM, ["worker3 joined."]),
        (
            CALM,
            replace(
                CALM, deployments=(a_deployment(wanted=5),), replicasets=(a_set(OLD, 1, 5, 3),)
            ),
            ["shop wants 5 Pods now, not 3.", "The ReplicaSet grew from 3 to 5."],
        ),
        (
            rollout(),
            replace(rollout(), replicasets=(a_set(OLD, 1, 1, 1), a_set(NEW, 2, 3, 1))),
            ["The old ReplicaSet shrank from 2 to 1.", "The new ReplicaSet grew from 2 to 3."],
        ),
        (
            CALM,
            replace(CALM, deployments=(replace(a_deployment(), conditions=OVERDUE),)),
            ["The rollout of shop passed its deadline."],
        ),
        (
            CALM,
            replace(CALM, deployments=(replace(a_deployment(), paused=True),)),
            ["The rollout of shop was paused."],
        ),
        (
            replace(CALM, deployments=(a_deployment("v2", updated=2, total=4),)),
            replace(CALM, deployments=(a_deployment("v2"),)),
            ["The rollout of shop v2 is complete."],
        ),
        (
            replace(CALM, services=(a_service(),)),
            replace(CALM, services=(a_service(address="10.0.0.7"),)),
            ["Service shop has address 10.0.0.7."],
        ),
        (
            in_service(CALM),
            replace(in_service(CALM), slices=()),
            ["Service shop has 0 ready endpoints."],
        ),
        (
            replace(CALM, budgets=(a_budget(1),)),
            replace(CALM, budgets=(a_budget(0),)),
            ["Budget shop: none may leave."],
        ),
    ],
)
def test_a_change_is_a_sentence(before: State, after: State, said: list[str]) -> None:
    assert differences(before, after) == said


def test_the_gravest_change_comes_first_and_the_rest_is_counted() -> None:
    before, after = in_service(CALM), in_service(rollout())
    bad = replace(a_pod("bad", ready=False), reason="CrashLoopBackOff")
    after = replace(with_pods(after, bad), budgets=(a_budget(0),))
    said = differences(before, after)
    assert len(said) == 5
    assert said[0] == "Pod bad is failing: CrashLoopBackOff."
    assert said[1:3] == ["worker2 was cordoned.", "shop began to roll out v2."]
    assert said[-1].startswith("And ")
    assert said[-1].endswith(" more changes.")


# Sentences and tables


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (replace(in_service(CALM), slices=()), "Service shop has no ready endpoint."),
        (in_service(CALM, address=""), "Service shop waits for its address."),
        (replace(CALM, budgets=(a_budget(0),)), "Budget shop: none may leave."),
        (
            in_service(replace(CALM, pods=(leaving(X2K8P, 30),))),
            "Service shop has no ready endpoint, only finishing ones.",
        ),
    ],
)
def test_the_sentence_speaks_of_services_and_budgets(state: State, words: str) -> None:
    assert words in sentence(state)


def test_the_sentence_is_silent_on_what_is_in_order() -> None:
    state = replace(in_service(CALM), budgets=(a_budget(1),))
    assert sentence(state) == "shop: 3 of 3 Pods available on 3 nodes."


def test_tables_of_services_budgets_and_who_is_in_service() -> None:
    state = replace(in_service(rollout()), budgets=(a_budget(1),))
    told = {table.heads[0]: table for table in tables(state)}
    assert told["Service"].rows == (
        ("shop", "LoadBalancer", "172.18.0.100", "3", "1", "1", "Pods with app=shop"),
    )
    assert told["Budget"].rows == (("shop", "minAvailable 2", "3", "2", "1 more may leave"),)
    assert told["Pod"].heads[-1] == "traffic"
    traffic = {row[0].rpartition("-")[2]: row[-1] for row in told["Pod"].rows}
    assert traffic == {
        "x2k8p": "shop",
        "c5rt9": "shop (finishing)",
        "m8v2d": "shop",
        "q7wn4": "shop",
        "zz4hh": "shop (not ready)",
    }


def test_tables_of_a_crowd_count_and_name_who_needs_a_look() -> None:
    state = crowd(400, 4)
    told = {table.heads: table.rows for table in tables(state, size="bars")}
    counts = told["Node", "ReplicaSet", "Pods", "ready"]
    assert sum(int(row[2]) for row in counts) == 400
    assert [row[0] for row in counts] == sorted(row[0] for row in counts)
    (pods,) = (rows for heads, rows in told.items() if heads[0] == "Pod")
    assert len(pods) == 50  # 20 that start, 20 that leave, 10 that fail
    assert "Pod" not in {heads[0] for heads in told if heads[1] == "ReplicaSet"}
    assert len(Map(state).text) < 20_000


def test_a_crowds_troubles_are_counted_beyond_the_fiftieth() -> None:
    pods = tuple(a_pod(f"p{i:03}", ready=False) for i in range(60))
    (told,) = (t for t in tables(replace(CALM, pods=pods), size="bars") if t.heads[0] == "Pod")
    assert len(told.rows) == 51
    assert told.rows[-1] == ("+10 more", *[""] * 6)
