"""The built-in writer draws what Graphviz draws, and nothing but what has changed anew."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from nodebynode.state import State
from nodebynode.view import Scene, compose, draw, fragments, to_svg

from tests.unit.instants import crowd, scenes
from tests.unit.some_states import states
from tests.unit.states import OLD, in_service, rollout
from tests.unit.svg_shapes import Group, groups

SCENES = dict(scenes())
MORE = {
    "compact": compose(crowd(70, 10)),
    "bars": compose(crowd(320, 20)),
    "modelled": compose(rollout(), modelled=["Pods are processes"]),
}


def far(one: float, other: float) -> bool:
    return abs(one - other) > 1


def check_alike(ours: Group, theirs: Group) -> None:
    assert ours.kind == theirs.kind
    assert ours.title.replace("\\", "\N{REVERSE SOLIDUS OPERATOR}") == theirs.title
    assert [(t.words, t.look) for t in ours.texts] == [(t.words, t.look) for t in theirs.texts]
    for text, other in zip(ours.texts, theirs.texts, strict=True):
        assert not far(text.x, other.x), (text, other)
        assert not far(text.y, other.y), (text, other)
    assert [look for _, look in ours.shapes] == [look for _, look in theirs.shapes]
    for (place, _), (other_place, look) in zip(ours.shapes, theirs.shapes, strict=True):
        assert not any(map(far, place, other_place)), (place, other_place, look)


@pytest.mark.parametrize("scene", [*SCENES.values(), *MORE.values()], ids=[*SCENES, *MORE])
def test_the_writer_draws_what_graphviz_draws(scene: Scene) -> None:
    ours, theirs = groups(to_svg(scene)), groups(draw(scene))
    assert list(ours) == list(theirs)
    for name, group in ours.items():
        check_alike(group, theirs[name])


@settings(max_examples=12)
@given(states())
def test_the_writer_draws_any_cluster_as_graphviz_does(state: State) -> None:
    scene = compose(state)
    ours, theirs = groups(to_svg(scene)), groups(draw(scene))
    assert list(ours) == list(theirs)
    for name, group in ours.items():
        check_alike(group, theirs[name])


def test_a_fragment_is_a_line_with_its_id_first() -> None:
    for name, text in fragments(SCENES["crash-loop"]).items():
        assert text.startswith(f'<g id="{name}" class="')
        assert text.endswith("</g>")
        assert "\n" not in text


def test_fragments_come_in_the_order_of_painting() -> None:
    scene = SCENES["two-services"]
    assert list(fragments(scene)) == [thing.id for thing in (*scene.boxes, *scene.links)]


def test_only_what_has_changed_is_drawn_anew() -> None:
    state = in_service(rollout())
    before = compose(state)
    pods = tuple(replace(p, restarts=1) if p.name.endswith("x2k8p") else p for p in state.pods)
    after = compose(replace(state, pods=pods), before=before)
    old, new = fragments(before), fragments(after)
    assert [n for n in new if new[n] != old.get(n)] == [f"pod-uid-{OLD}-x2k8p"]


def test_a_taller_picture_changes_no_group_above() -> None:
    state = in_service(rollout())
    old, new = fragments(compose(state)), fragments(compose(replace(state, nodes=state.nodes[1:])))
    node = next(name for name in new if name.startswith("node-worker"))
    assert new[node] == old[node]


def test_the_prefix_is_before_every_id() -> None:
    svg = to_svg(SCENES["pending"], "one-", "In words & more")
    assert svg.count(' id="') == svg.count(' id="one-')
    assert 'aria-labelledby="one-title" aria-describedby="one-desc"' in svg
    assert '<desc id="one-desc">In words &amp; more</desc>' in svg
