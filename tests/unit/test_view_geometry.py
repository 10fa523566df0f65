"""The picture holds for any cluster: nothing overlaps, overflows or loses its words."""

from __future__ import annotations

import itertools
import subprocess
from dataclasses import replace
from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st
from nodebynode.state import Pod, ReplicaSet, State, Taint
from nodebynode.view import Box, Map, compose, to_dot
from nodebynode.view.metrics import clean

from tests.unit.states import (
    AT,
    NODES,
    OLD,
    a_deployment,
    a_node,
    a_pod,
    a_set,
    boxes,
    leaving,
    rollout,
)

# Geometry, for any cluster

NAMES = st.text("abw-m", min_size=1, max_size=100) | st.sampled_from(
    ["漢字", 'a"<&>\n\\N\x00', "é"]
)


@st.composite
def states(draw: st.DrawFn) -> State:
    names = draw(st.lists(NAMES, max_size=7, unique=True))
    nodes = tuple(
        replace(
            a_node(name, draw(NAMES), ready=draw(st.sampled_from(["True", "False", "Unknown"]))),
            cordoned=draw(st.booleans()),
            control_plane=draw(st.booleans()),
            taints=tuple(
                Taint(draw(NAMES), draw(NAMES), "NoSchedule")
                for _ in range(draw(st.integers(0, 1)))
            ),
        )
        for name in names
    )
    sets = tuple(
        a_set(f"{name}{i}", i, draw(st.integers(0, 9999)), i)
        for i, name in enumerate(draw(st.lists(NAMES, max_size=3)))
    )
    pods = tuple(_any_pod(draw, index, names, sets) for index in range(draw(st.integers(0, 45))))
    deployments = tuple(
        replace(
            a_deployment(draw(NAMES)), uid=f"shop{i}" if i else "shop", name=f"{draw(NAMES)}{i}"
        )
        for i in range(draw(st.integers(0, 8)))
    )
    return State(AT, nodes, pods, sets, deployments)


def _any_pod(draw: st.DrawFn, index: int, nodes: list[str], sets: tuple[ReplicaSet, ...]) -> Pod:
    pod = a_pod(f"{draw(NAMES)}-{index}", draw(st.sampled_from([None, "gone", *nodes])))
    reasons = ["Running", "CrashLoopBackOff", "ContainerCreating", "Init:0/1", "x" * 80, "Error"]
    pod = replace(
        pod,
        owner_uid=draw(st.sampled_from(["", *(rs.uid for rs in sets)])),
        version=draw(NAMES),
        ready=draw(st.booleans()),
        reason=draw(st.sampled_from(reasons)),
        unscheduled=draw(NAMES) * 5,
        restarts=draw(st.integers(0, 10**6)),
        phase=draw(st.sampled_from(["Pending", "Running", "Succeeded", "Failed"])),
    )
    return leaving(pod, draw(st.integers(-9, 99))) if draw(st.booleans()) else pod


def apart(one: Box, other: Box) -> bool:
    beside = one.x + one.width <= other.x + 0.01 or other.x + other.width <= one.x + 0.01
    return beside or one.bottom <= other.y + 0.01 or other.bottom <= one.y + 0.01


def inside(inner: Box, outer: Box) -> bool:
    across = outer.x <= inner.x and inner.x + inner.width <= outer.x + outer.width + 0.01
    return across and outer.y <= inner.y and inner.bottom <= outer.bottom + 0.01


@settings(max_examples=60, deadline=None)
@given(states())
def test_the_geometry_holds(state: State) -> None:
    scene = compose(state)
    homes = {box.key: box for box in (*boxes(scene, "node"), *boxes(scene, "tray"))}
    solid = [*homes.values(), *(b for b in scene.boxes if b.kind in ("deployment", "replicaset"))]
    assert all(apart(one, other) for one, other in itertools.combinations(solid, 2))
    pods = boxes(scene, "pod")
    assert all(apart(one, other) for one, other in itertools.combinations(pods, 2))
    where = {f"pod/{pod.namespace}/{pod.name}": pod.node for pod in state.pods}
    for box in pods:
        node = where[box.key]
        assert inside(box, homes[f"node/{node}" if node else "tray"])
    placed = [pod for pod in state.pods if pod.node]
    assert len(pods) >= len(placed)
    assert len({box.key for box in scene.boxes}) == len(scene.boxes)
    page = Box("", "", "", 0, 0, scene.width, scene.height)
    assert all(inside(box, page) for box in scene.boxes)


@settings(max_examples=60, deadline=None)
@given(states())
def test_no_text_is_wider_or_higher_than_its_box(state: State) -> None:
    for box in compose(state).boxes:
        assert all(row.width <= box.room + 0.01 for row in box.rows), (box.key, box.rows)
        deep = box.top + sum(row.height for row in box.rows)
        assert not box.rows or deep <= box.height + 0.01, box.key


@settings(max_examples=12, deadline=None)
@given(states())
def test_graphviz_draws_what_was_laid_out(state: State) -> None:
    picture = Map(state)
    root = ET.fromstring(picture.svg)
    assert root.get("viewBox") == f"0.00 0.00 900.00 {picture.scene.height:.2f}"
    groups = root.findall("{*}g/{*}g")
    drawn = [g for g in groups if "edge" not in g.get("class", "").split()]
    assert len(drawn) == len(picture.scene.boxes)


def test_the_same_state_gives_the_same_dot() -> None:
    assert to_dot(compose(rollout())) == to_dot(compose(rollout()))


def test_graphviz_has_nothing_to_warn_of() -> None:
    done = subprocess.run(
        ["dot", "-Kneato", "-n2", "-Tsvg"],
        input=Map(rollout()).dot,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stderr == ""


def test_every_pod_is_one_group_with_its_words() -> None:
    root = ET.fromstring(Map(rollout()).svg)
    (pod,) = (g for g in root.findall(".//{*}g") if g.get("id") == f"pod-uid-{OLD}-c5rt9")
    assert [t.text for t in pod.findall("{*}text")] == [
        "✕",
        "c5rt9",
        "v1 · 1/1",
        "leaving",
        "within 4 s",
    ]
    assert pod.get("class") == "node pod leaving"
    assert "gone within 4 s of 30 s; on worker2" in (pod.findtext("{*}title") or "")


NASTY = """say "no" <b>&amp; \\N \\l \\\\ 'x' é 漢字\nnext {a|b} %d"""


def test_any_text_comes_out_as_it_was() -> None:
    pod = replace(a_pod("p", None), unscheduled=NASTY, version=r"\N&lt;")
    root = ET.fromstring(Map(State(AT, NODES, (pod,))).svg)
    texts = [t.text or "" for t in root.findall(".//{*}text")]
    assert clean(NASTY) in texts
    assert any(text.startswith(r"\N&lt;") for text in texts)
    titles = [t.text or "" for t in root.findall(".//{*}title")]
    stroke = "\N{REVERSE SOLIDUS OPERATOR}"
    assert any(clean(NASTY).replace("\\", stroke) in title for title in titles)
