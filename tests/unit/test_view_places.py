"""Nothing jumps: who has a place keeps it, and a crowd changes the size of things only seldom."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from nodebynode.errors import BadInput
from nodebynode.state import State
from nodebynode.view import Box, Scene, compose
from nodebynode.view.yard import SETS, TRAY, choose_size

from tests.unit.instants import crowd
from tests.unit.some_states import histories
from tests.unit.states import (
    AT,
    NEW,
    NODES,
    OLD,
    a_node,
    a_pod,
    a_set,
    boxes,
    leaving,
    rollout,
    said,
    spread,
    words_of,
)

BEFORE = AT - timedelta(minutes=1)


def played(states: list[State], size: str = "auto") -> list[Scene]:
    """The pictures of a history, each drawn after the one before it."""
    scenes = list[Scene]()
    for state in states:
        scenes.append(compose(state, before=scenes[-1] if scenes else None, size=size))
    return scenes


def moved(before: Scene, after: Scene, states: tuple[State, State], homes: set[str]) -> list[str]:
    """The Pods that are in both pictures, at home in the same of these homes, at another place."""
    at_home = [{p.uid: p.node or TRAY for p in state.pods} for state in states]
    places = [{b.id: (b.x, b.y, b.width) for b in boxes(s, "pod")} for s in (before, after)]
    return [
        uid
        for uid, home in at_home[0].items()
        if home in homes and at_home[1].get(uid) == home
        for one in [f"pod-{uid}"]
        if one in places[0] and one in places[1] and places[0][one] != places[1][one]
    ]


@settings(max_examples=80)
@given(histories())
def test_no_survivor_moves(states: list[State]) -> None:
    scenes = played(states)
    for i, (before, after) in enumerate(itertools.pairwise(scenes)):
        if before.size == after.size:
            grew = before.kept.rows != after.kept.rows
            nodes = [node.name for node in states[0].nodes if not node.control_plane]
            # What grows pushes down what is below it, so then only the first row stays.
            homes = set(nodes[:3] if len(nodes) < 4 else nodes[:2])
            homes |= set() if grew else {TRAY, *(node.name for node in states[0].nodes)}
            assert moved(before, after, (states[i], states[i + 1]), homes) == []


@settings(max_examples=40)
@given(histories())
def test_nothing_that_was_reserved_is_given_back(states: list[State]) -> None:
    scenes = played(states)
    for before, after in itertools.pairwise(scenes):
        if before.size == after.size:
            assert after.height >= before.height
            assert all(after.kept.rows[home] >= rows for home, rows in before.kept.rows.items())
            old, new = ({b.id: b for b in boxes(s, "node")} for s in (before, after))
            assert all(new[name].height >= box.height for name, box in old.items())


@settings(max_examples=40)
@given(histories())
def test_single_pods_stay_where_bars_count_the_others(states: list[State]) -> None:
    scenes = played(states, size="bars")
    for i, (before, after) in enumerate(itertools.pairwise(scenes)):
        if before.kept.rows == after.kept.rows:
            homes = {TRAY, *(node.name for node in states[0].nodes)}
            assert moved(before, after, (states[i], states[i + 1]), homes) == []


def test_a_drain_of_one_node_moves_nothing() -> None:
    """The rows for it are there from the beginning."""
    names = [f"{OLD}-{index}" for index in range(9)]
    nodes = [node.name for node in NODES[1:]]
    before = replace(spread(), pods=tuple(a_pod(n, nodes[i % 3]) for i, n in enumerate(names)))
    after = replace(spread(), pods=tuple(a_pod(n, nodes[i % 2]) for i, n in enumerate(names)))
    first = compose(before)
    then = compose(after, before=first)
    assert [(b.x, b.y, b.height) for b in boxes(then, "node")] == [
        (b.x, b.y, b.height) for b in boxes(first, "node")
    ]


def test_three_pods_on_three_nodes_get_no_more_room_than_they_need() -> None:
    places = [box for box in compose(spread()).boxes if box.kind.split()[0] in ("pod", "place")]
    assert len(places) == 3 * 4


def test_a_replicaset_that_was_seen_stays_with_nothing_left() -> None:
    first = compose(rollout())
    over = replace(
        rollout(),
        replicasets=(a_set(OLD, 1, 0, 0), a_set(NEW, 2, 3, 3)),
        pods=tuple(pod for pod in rollout().pods if pod.owner_uid == NEW),
    )
    where = {box.key: box.y for box in boxes(first, "replicaset")}
    assert {b.key: b.y for b in boxes(compose(over, before=first), "replicaset")} == where
    assert len(boxes(compose(over), "replicaset")) == 1


def test_an_undo_does_not_change_the_order_of_replicasets() -> None:
    undone = replace(a_set(OLD, 3, 2, 2), created=AT)
    state = replace(rollout(), replicasets=(undone, a_set(NEW, 2, 2, 1)))
    old, new = boxes(compose(state), "replicaset")
    assert old.y < new.y
    assert "revision 3, new" in words_of(old)


# Sizes


def many(pods: int, nodes: int = 4) -> State:
    workers = tuple(a_node(f"w{index}") for index in range(nodes))
    return State(AT, workers, tuple(a_pod(f"{OLD}-{i}", f"w{i % nodes}") for i in range(pods)))


@pytest.mark.parametrize(
    ("pods", "before", "size"),
    [
        (0, "", "full"),
        (60, "", "full"),
        (61, "", "compact"),
        (300, "", "compact"),
        (301, "", "bars"),
        (66, "full", "full"),
        (67, "full", "compact"),
        (48, "compact", "compact"),
        (47, "compact", "full"),
        (330, "compact", "compact"),
        (240, "bars", "bars"),
        (239, "bars", "compact"),
        (10, "bars", "full"),
    ],
)
def test_the_size_goes_by_the_number_of_pods(pods: int, before: str, size: str) -> None:
    assert choose_size(many(pods), before) == size
    if not before:
        assert compose(many(pods)).size == size


def test_one_crowded_node_makes_all_pods_small() -> None:
    assert compose(many(25, nodes=1)).size == "compact"
    assert compose(many(25, nodes=4)).size == "full"


def test_a_size_that_there_is_not() -> None:
    with pytest.raises(BadInput, match=r"no size 'huge'.*\n.*auto, full, compact, bars"):
        compose(spread(), size="huge")


def test_another_size_begins_anew() -> None:
    first = compose(many(120), size="full")
    assert compose(many(4), before=first, size="compact").kept.rows["w0"] < first.kept.rows["w0"]


def test_a_node_in_a_crowd() -> None:
    scene = compose(crowd(320, 4))
    box = next(b for b in scene.boxes if b.key == f"set/worker1/{NEW}")
    total = sum(p.owner_uid == NEW and p.node == "worker1" for p in crowd(320, 4).pods)
    assert words_of(box).startswith(f"v2: {total}, ")
    assert box.band == "striped"
    ordinary = {p.uid for p in crowd(320, 4).pods if p.ready and not p.terminating}
    assert not ordinary & {box.id.removeprefix("pod-") for box in boxes(scene, "pod")}
    assert set(scene.kept.places[SETS]) == {OLD, NEW}


def test_a_crowd_shows_failing_pods_before_leaving_ones() -> None:
    bad = replace(a_pod("bad", ready=False), reason="CrashLoopBackOff")
    pods = (*(leaving(a_pod(f"p{i}"), 9) for i in range(8)), bad)
    scene = compose(State(AT, NODES, pods), size="bars")
    drawn = boxes(scene, "pod")
    assert len(drawn) == 5
    assert "pod/default/bad" in {box.key for box in drawn}
    (more,) = boxes(scene, "more")
    assert (words_of(more), more.tooltip) == ("+4 leaving", "Not drawn one by one: 4 leaving")


def test_who_is_drawn_in_a_crowd_stays_drawn() -> None:
    late = tuple(a_pod(f"late-{i}", ready=False) for i in range(5))
    early = tuple(replace(a_pod(f"early-{i}", ready=False), created=BEFORE) for i in range(5))
    first = compose(State(AT, NODES, late), size="bars")
    then = compose(State(AT, NODES, (*early, *late)), size="bars", before=first)
    assert {b.id: (b.x, b.y) for b in boxes(then, "pod")} == {
        b.id: (b.x, b.y) for b in boxes(first, "pod")
    }


def test_a_replicaset_keeps_its_line_in_a_crowd() -> None:
    def crowded(*names: str) -> State:
        sets = tuple(replace(a_set(n, i, 1, 1), version=n) for i, n in enumerate(names))
        return State(AT, NODES, tuple(a_pod(f"p-{n}", owner=n) for n in names), sets)

    first = compose(crowded("c", "d", "e", "f"), size="bars")
    then = compose(crowded("a", "b", "c", "d", "e", "f"), size="bars", before=first)
    lines = {b.key: b.y for b in boxes(then, "set")}
    assert {b.key: b.y for b in boxes(first, "set")}.items() <= lines.items()
    assert lines.keys() - {b.key for b in boxes(first, "set")} == {"set/worker/"}
    assert "others: 2, 2 ready" in said(then)


def test_a_longer_reason_moves_no_pod_in_the_tray() -> None:
    def waiting(reason: str) -> State:
        return State(AT, NODES, (replace(a_pod("p", None), unscheduled=reason),))

    (short,), (long,) = (boxes(compose(waiting(r)), "pod") for r in ("none", "no room " * 20))
    assert short.y == long.y


def test_a_crowd_tells_replicasets_of_one_version_apart() -> None:
    sets = (a_set(OLD, 1, 1, 1), replace(a_set(NEW, 2, 1, 1), version="v1"))
    state = replace(rollout(), replicasets=sets)
    assert "v1 rev. 2: 1, 1 ready" in said(compose(state, size="bars"))


def test_a_thousand_pods_are_nodes_eight_abreast() -> None:
    scene = compose(crowd(1000, 100))
    nodes = [box for box in boxes(scene, "node") if "worker" in box.key]
    assert len({box.x for box in nodes}) == 8
    assert scene.width < 1850
    sizes = [text.size for box in scene.boxes for row in box.rows for text in row.left]
    assert min(sizes) >= 7.5


def test_an_empty_place_is_drawn_only_where_it_has_a_size() -> None:
    def empty(scene: Scene) -> list[Box]:
        return boxes(scene, "place")

    assert len(empty(compose(spread()))) == 9
    assert empty(compose(spread(), size="compact")) == []
