"""The picture holds for any cluster: nothing overlaps, overflows or loses its words."""

from __future__ import annotations

import itertools
import re
import subprocess
from dataclasses import replace
from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st
from nodebynode.state import State
from nodebynode.view import Box, Map, compose, to_dot
from nodebynode.view.metrics import clean
from nodebynode.view.shapes import Line, safe_id

from tests.unit.some_states import states
from tests.unit.states import AT, NODES, OLD, a_pod, boxes, rollout


def apart(one: Box, other: Box) -> bool:
    beside = one.x + one.width <= other.x + 0.01 or other.x + other.width <= one.x + 0.01
    return beside or one.bottom <= other.y + 0.01 or other.bottom <= one.y + 0.01


def inside(inner: Box, outer: Box) -> bool:
    across = outer.x <= inner.x and inner.x + inner.width <= outer.x + outer.width + 0.01
    return across and outer.y <= inner.y and inner.bottom <= outer.bottom + 0.01


SIZES = st.sampled_from(["auto", "full", "compact", "bars"])
SOLID = ("deployment", "replicaset", "budget", "service", "note")
INNER = ("pod", "place", "more", "set", "cpu")


@settings(max_examples=50)
@given(states(), SIZES)
def test_the_geometry_holds(state: State, size: str) -> None:
    scene = compose(state, size=size)
    homes = {box.key: box for box in (*boxes(scene, "node"), *boxes(scene, "tray"))}
    solid = [*homes.values(), *(box for kind in SOLID for box in boxes(scene, kind))]
    assert all(apart(one, other) for one, other in itertools.combinations(solid, 2))
    inner = [box for kind in INNER for box in boxes(scene, kind)]
    assert all(apart(one, other) for one, other in itertools.combinations(inner, 2))
    where = {f"pod/{pod.namespace}/{pod.name}": pod.node for pod in state.pods}
    for box in boxes(scene, "pod"):
        node = where[box.key]
        assert inside(box, homes[f"node/{node}" if node else "tray"])
    drawn = len([pod for pod in boxes(scene, "pod") if where[pod.key]])
    assert scene.size == "bars" or drawn == len([pod for pod in state.pods if pod.node])
    page = Box("", "", "", 0, 0, scene.width, scene.height)
    assert all(inside(box, page) for box in scene.boxes)


@settings(max_examples=40)
@given(states(), SIZES)
def test_each_thing_has_a_name_and_an_id_of_its_own(state: State, size: str) -> None:
    scene = compose(state, size=size)
    assert len({box.key for box in scene.boxes}) == len(scene.boxes)
    ids = [thing.id for thing in (*scene.boxes, *scene.links)]
    assert len(set(ids)) == len(ids)


@settings(max_examples=50)
@given(states(), SIZES)
def test_no_text_is_wider_or_higher_than_its_box(state: State, size: str) -> None:
    for box in compose(state, size=size).boxes:
        assert all(row.width <= box.room + 0.01 for row in box.rows), (box.key, box.rows)
        deep = box.top + sum(row.height for row in box.rows)
        assert not box.rows or deep <= box.height + 0.01, box.key


@settings(max_examples=40)
@given(states(), SIZES)
def test_no_words_lie_over_bands_and_marks(state: State, size: str) -> None:
    for box in compose(state, size=size).boxes:
        for placed in box.texts():
            # Letters without a tail end a little below the middle; these are all that can touch.
            text, middle = placed.text, placed.y + placed.height / 2
            x = placed.end - text.width if placed.right else placed.x
            words = Box("", "", "", x, middle - text.size * 0.4, text.width, text.size * 0.8)
            for stroke in box.strokes:
                for line in stroke.lines:
                    assert apart(words, _around(line, stroke.pen)), (box.key, placed, line)


def _around(line: Line, pen: float) -> Box:
    """The box around a line: it is as broad as its pen, but no longer than it is."""
    x, y, to_x, to_y = line
    wide, high = (pen, 0) if x == to_x else (0, pen if y == to_y else 0)
    left, top = min(x, to_x) - wide / 2, min(y, to_y) - high / 2
    return Box("", "", "", left, top, abs(x - to_x) + wide, abs(y - to_y) + high)


def test_names_that_look_alike_have_ids_apart() -> None:
    names = ["a_b", "a b", "a/b", "a-b", "a.b", "é", "漢", "_2f_"]
    made = {safe_id(name) for name in names}
    assert len(made) == len(names)
    assert all(re.fullmatch("[A-Za-z0-9._-]+", one) for one in made)


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
