"""Rules over time, judged over what real clusters did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from nodebynode.course.flight import Flight
from nodebynode.kube import Kind
from nodebynode.recording.rules import (
    Finding,
    Rule,
    always,
    available,
    each_eviction_waits_for_ready,
    endpoints,
    more_than,
    never,
    no_binding_to,
    pods,
    ready,
    rollout_begins,
    rollout_ends,
    sequence,
)

from .manifests import budget, deployment, pod, service
from .observing import Room, is_ready, name_of, node_of
from .test_rollout_sizes import DEFAULT_3

PATH = sequence(DEFAULT_3, deployment="web", merging=True)


class Run:
    """What happens in a test while it is recorded."""

    def __init__(self, room: Room, path: Path) -> None:
        self.room, self._path = room, path

    @contextmanager
    def recorded(self) -> Iterator[Flight]:
        with Flight(self.room.api, self._path) as self._flight:
            yield self._flight

    def judge(self, rule: Rule) -> Finding:
        return rule.judge(self._flight.so_far(), namespace=self.room.namespace)


@pytest.fixture
def run(room: Room, tmp_path: Path) -> Run:
    return Run(room, tmp_path / "run.jsonl")


def roll(room: Room, run: Run) -> None:
    with run.recorded() as flight:
        flight.mark("action", "kubectl set image deployment/web shop=v2")
        room.set_image("v2")
        room.wait_available()
        room.wait_pods(lambda found: len(found) == 3)


def test_a_rollout_with_defaults_keeps_what_it_promises(room: Room, run: Run) -> None:
    room.run(deployment(replicas=3, pre_stop=1, grace=3))
    room.create(service())
    room.wait_answers()
    roll(room, run)
    in_rollout = {"after": rollout_begins("web"), "before": rollout_ends("web")}
    for rule in (
        always(available("web") >= 3),
        always(ready("web") >= 3),
        never(more_than(pods("web"), 4)),
        PATH,
        always(endpoints("web") >= 3, **in_rollout),
    ):
        finding = run.judge(rule)
        assert finding.verdict == "holds", str(finding)
    assert run.judge(each_eviction_waits_for_ready("web")).verdict == "not seen"
    assert run.judge(no_binding_to()).verdict == "not seen"


def test_three_unavailable_break_them_and_the_pods_are_named(room: Room, run: Run) -> None:
    room.run(deployment(replicas=3, unavailable=3))
    olds = {name_of(one) for one in room.pods()}
    roll(room, run)
    for rule in (always(available("web") >= 3), always(ready("web") >= 3), PATH):
        finding = run.judge(rule)
        assert finding.verdict == "broken", str(finding)
        assert olds & {one.name for one in finding.violation.pods}
        assert any(name in str(finding) for name in olds)
        assert "`kubectl set image deployment/web shop=v2`" in str(finding)


def test_a_cordon_keeps_the_scheduler_away_but_not_a_node_name(room: Room, run: Run) -> None:
    room.run(deployment(replicas=2))
    node = room.cluster.workers[0]
    with run.recorded() as flight:
        room.cordon(node)
        flight.mark("note", "cordoned")
        room.scale(5)
        room.wait_available()
        flight.mark("note", "scaled")
        kept = [run.judge(rule) for rule in (no_binding_to(node), no_binding_to())]
        room.create(pod("bare", spec={"nodeName": node}))
        room.wait_pods(lambda found: found and is_ready(found[0]), app="bare")
    assert [one.verdict for one in kept] == ["holds", "holds"], str(kept[0])
    for rule in (no_binding_to(node), no_binding_to()):
        finding = run.judge(rule)
        assert finding.verdict == "broken", str(finding)
        assert f"Pod bare was bound to {node}" in finding.seen


def test_evictions_that_a_budget_spaces_wait_for_each_other(room: Room, run: Run) -> None:
    room.run(deployment(replicas=3))
    room.create(budget(maxUnavailable=1))
    with run.recorded():
        for name in list(map(name_of, room.pods()))[:2]:
            room.timeline(Kind.BUDGET).wait(
                lambda found: found["web"].get("status", {}).get("disruptionsAllowed") == 1
            )
            room.api.evict(name, room.namespace)
            room.wait_pods(
                lambda found, name=name: (
                    len(found) == 3
                    and all(map(is_ready, found))
                    and name not in map(name_of, found)
                )
            )
    finding = run.judge(each_eviction_waits_for_ready())
    assert finding.verdict == "holds", str(finding)
    assert "2 Pods left" in finding.seen


def test_a_drain_past_a_budget_waits_too(room: Room, run: Run) -> None:
    """Both on one node: kubectl asks again until the budget lets the second go."""
    workers = room.cluster.workers
    room.cordon(*workers[1:])
    room.run(deployment(replicas=2))
    room.create(budget(maxUnavailable=1))
    room.cordon(*workers[1:], on=False)
    assert {node_of(one) for one in room.pods()} == {workers[0]}
    with run.recorded():
        assert room.drain(workers[0]).code == 0
        room.wait_available()
    for rule in (each_eviction_waits_for_ready(), no_binding_to(workers[0])):
        finding = run.judge(rule)
        assert finding.verdict == "holds", str(finding)


def test_pods_that_are_deleted_by_hand_wait_for_nothing(room: Room, run: Run) -> None:
    room.run(deployment(replicas=3, grace=2, on_sigterm="ignore"))
    room.create(budget(maxUnavailable=1))
    names = {name_of(one) for one in room.pods()}
    with run.recorded() as flight:
        flight.mark("action", "kubectl delete pod -l app=web")
        room.kubectl("delete", "pod", "-l", "app=web", "--wait=false")
        room.wait_pods(lambda found: len(found) == 3 and all(map(is_ready, found)))
    finding = run.judge(each_eviction_waits_for_ready())
    assert finding.verdict == "broken", str(finding)
    assert finding.violation.pods[0].name in names
    assert f"Pod {finding.violation.pods[0].name} on " in finding.seen
    assert "was made to leave when 2 of 3 were ready" in finding.seen
    assert "`kubectl delete pod -l app=web`" in finding.seen
