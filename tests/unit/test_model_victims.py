"""The victim of a scale-down by the real order: held against a reading of the rules by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodebynode.errors import BadInput
from nodebynode.model.victims import Rule, Victims, age_rank, victims
from nodebynode.state import Pod, State

from .states import AT, NEW, OLD, a_pod, a_set, leaving

SET, SIBLING = a_set(OLD, 1, 3, 3), a_set(NEW, 2, 1, 1)


def a_running(
    name: str, node: str | None = "worker", *, ready_for: int = 600, **more: object
) -> Pod:
    since = AT - timedelta(seconds=ready_for)
    pod = replace(a_pod(name, node), ready_since=since, created=since)
    return replace(pod, **more)


def fall(number: int, *pods: Pod) -> Victims:
    return victims(State(AT, pods=pods, replicasets=(SET, SIBLING)), SET, number, AT)


def one_of(*pods: Pod) -> tuple[str, Rule, bool]:
    """Who goes first, why, and whether that is sure."""
    found = fall(1, *pods)
    [victim] = found.going
    return victim.pod.name, victim.rule, found.sure


@pytest.mark.parametrize(
    ("victim", "rule"),
    [
        (a_running("a", None, phase="Pending", deletion_cost=9), Rule.UNASSIGNED),
        (a_running("a", phase="Pending", deletion_cost=9), Rule.PHASE),
        (a_running("a", phase="Unknown", deletion_cost=9), Rule.PHASE),
        (a_running("a", ready=False, ready_since=None, deletion_cost=9), Rule.NOT_READY),
        (a_running("a", deletion_cost=-100, ready_for=9999), Rule.COST),
        (a_running("a", ready_for=300), Rule.READY_LATER),
        (a_running("a", uid="uid-0", ready_for=601), Rule.READY_UID),
        (a_running("a", most_restarts=(1, 0)), Rule.RESTARTS),
        (a_running("a", most_restarts=(0, 1)), Rule.RESTARTS),
        (a_running("a", created=AT - timedelta(seconds=9)), Rule.CREATED_LATER),
        (a_running("a", uid="uid-0", created=AT - timedelta(seconds=601)), Rule.CREATED_UID),
    ],
    ids=lambda value: value.name,
)
def test_the_first_rule_that_tells_them_apart_decides(victim: Pod, rule: Rule) -> None:
    other = a_running("b")
    assert one_of(other, victim) == ("a", rule, True)
    assert one_of(victim, other) == ("a", rule, True)


def test_the_fuller_node_is_emptied_first() -> None:
    """Seen on a cluster: 3 + 2 on two nodes, from 5 to 2, leaves 0 + 2."""
    pods = [a_running(f"{index}", node, ready_for=600 + index) for index, node in
            enumerate(["worker", "worker2", "worker", "worker2", "worker"])]  # fmt: skip
    found = fall(3, *pods)
    assert {one.pod.node for one in found.going} == {"worker"}
    assert {one.rule for one in found.going} == {Rule.CROWDED}
    assert found.sure


def test_a_pod_of_the_next_revision_makes_a_node_crowded() -> None:
    """At 3/1 the old Pod that shares its node with the surge Pod is the next to go."""
    old = [a_running(name, node, ready_for=600 + ord(name)) for name, node in
           (("a", "worker"), ("b", "worker2"), ("c", "worker3"))]  # fmt: skip
    surge = replace(a_running("new", "worker3", ready_for=1), owner_uid=NEW)
    assert one_of(*old, surge) == ("c", Rule.CROWDED, True)
    gone = leaving(surge, 3)
    assert one_of(*old, gone) == ("a", Rule.READY_UID, True), "who leaves is no neighbour"


def test_a_replicaset_that_nobody_owns_is_not_compared_by_neighbours() -> None:
    alone = replace(SET, owner_uid="")
    pods = (a_running("a", "worker2", ready_for=10), a_running("b"), a_running("c"))
    [victim] = victims(State(AT, pods=pods, replicasets=(alone,)), alone, 1, AT).going
    assert (victim.pod.name, victim.rule) == ("a", Rule.READY_LATER)


def test_ages_are_compared_by_powers_of_two() -> None:
    ranks = [age_rank(timedelta(seconds=age)) for age in (130, 140, 270)]
    assert ranks == [36, 37, 37]
    assert age_rank(timedelta()) == age_rank(timedelta(seconds=-1)) == -1
    young, old = a_running("a", uid="uid-z", ready_for=140), a_running("b", ready_for=270)
    assert one_of(young, old)[:2] == ("b", Rule.READY_UID)
    later = AT + timedelta(seconds=10)
    found = victims(State(AT, pods=(young, old), replicasets=(SET,)), SET, 1, later)
    assert found.going[0].rule is Rule.READY_LATER, "280 s is in the next power"


def test_a_tie_is_told_as_one() -> None:
    found = fall(1, a_running("a"), a_running("b"))
    assert not found.sure
    assert found.going[0].rule is Rule.NOTHING
    assert "This is a guess" in str(found)


def test_a_circle_is_told_as_one() -> None:
    """Seen on a cluster: A before B, C before A, and nothing between B and C."""
    a = a_running("a", uid="uid-5", ready_for=560)
    b, c = a_running("b", uid="uid-9"), a_running("c", uid="uid-1")
    assert not fall(2, a, b, c).sure
    assert not fall(1, a, b, c).sure


def test_a_tie_among_those_that_go_leaves_no_doubt_who_they_are() -> None:
    twins = a_running("a", deletion_cost=-1), a_running("b", deletion_cost=-1)
    found = fall(2, a_running("c"), *twins)
    assert {one.pod.name for one in found.going} == {"a", "b"}
    assert found.sure


def test_all_or_none_need_no_order() -> None:
    pods = a_running("a"), a_running("b")
    found = fall(2, *pods)
    assert ([one.rule for one in found.going], found.staying) == ([Rule.ALL] * 2, ())
    assert str(fall(0, *pods)) == "None goes."


def test_only_active_pods_of_the_replicaset_count() -> None:
    pods = (
        a_running("a"),
        leaving(a_running("b"), 3),
        a_running("c", phase="Failed"),
        replace(a_running("d"), owner_uid=NEW),
    )
    assert [one.pod.name for one in fall(1, *pods).going] == ["a"]
    with pytest.raises(BadInput, match="it has 1"):
        fall(2, *pods)
    with pytest.raises(BadInput):
        fall(-1, *pods)


# ── by hand ──────────────────────────────────────────────────────────────────────────────────────


def less(one: Pod, other: Pod, ranks: dict[str | None, int]) -> bool:
    """The rules, read one after the other."""
    if (one.node is None) != (other.node is None):
        return one.node is None
    phases = ["Pending", "Unknown", "Running"]
    if one.phase != other.phase:
        return phases.index(one.phase) < phases.index(other.phase)
    if one.ready != other.ready:
        return not one.ready
    if one.deletion_cost != other.deletion_cost:
        return one.deletion_cost < other.deletion_cost
    if ranks[one.node] != ranks[other.node]:
        return ranks[one.node] > ranks[other.node]
    if one.ready and one.ready_since != other.ready_since:
        return newer(one, other, one.ready_since, other.ready_since)
    for mine, others in zip(one.most_restarts, other.most_restarts, strict=True):
        if mine != others:
            return mine > others
    if one.created != other.created:
        return newer(one, other, one.created, other.created)
    return False


def newer(one: Pod, other: Pod, first: datetime, second: datetime) -> bool:
    edges = [2**power / 1e9 for power in range(64)]
    buckets = [sum((AT - at).total_seconds() >= edge for edge in edges) for at in (first, second)]
    return buckets[0] < buckets[1] if buckets[0] != buckets[1] else one.uid < other.uid


def inserted(pods: Sequence[Pod], ranks: dict[str | None, int]) -> list[Pod]:
    """Sorted as a program would, from the order in which they come."""
    done: list[Pod] = []
    for pod in pods:
        place = len(done)
        while place and less(pod, done[place - 1], ranks):
            place -= 1
        done.insert(place, pod)
    return done


@st.composite
def some_pods(draw: st.DrawFn) -> list[Pod]:
    ages = st.sampled_from([1, 30, 40, 60, 70, 130, 140])
    found = []
    for index in range(draw(st.integers(2, 5))):
        ready = draw(st.sampled_from([True, True, True, False]))
        since = AT - timedelta(seconds=draw(ages))
        found.append(
            replace(
                a_pod(f"{index}", draw(st.sampled_from(["worker", "worker2", None]))),
                uid=draw(st.uuids()).hex,
                phase=draw(st.sampled_from(["Running", "Running", "Pending", "Unknown"])),
                ready=ready,
                ready_since=since if ready else None,
                created=AT - timedelta(seconds=draw(ages)),
                deletion_cost=draw(st.sampled_from([0, 0, 0, -1])),
                most_restarts=(draw(st.integers(0, 1)), draw(st.integers(0, 1))),
            )
        )
    return found


@given(some_pods(), st.data())
def test_what_is_sure_is_so_from_every_order(pods: list[Pod], data: st.DataObject) -> None:
    number = data.draw(st.integers(1, len(pods) - 1))
    ranks = {pod.node: sum(one.node == pod.node for one in pods) for pod in pods}
    sets = {
        frozenset(pod.uid for pod in inserted(order, ranks)[:number])
        for order in permutations(pods)
    }
    found = fall(number, *pods)
    going = frozenset(one.pod.uid for one in found.going)
    assert found.sure is (sets == {going})


@given(some_pods())
def test_each_victim_has_a_rule_and_no_pod_is_lost(pods: list[Pod]) -> None:
    for number in range(len(pods) + 1):
        found = fall(number, *pods)
        names = [one.pod.name for one in found.going] + [pod.name for pod in found.staying]
        assert sorted(names) == sorted(pod.name for pod in pods)
        assert len(found.going) == number
        assert all(one.rule.value in str(found) for one in found.going)
