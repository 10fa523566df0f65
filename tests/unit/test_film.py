"""A film tells what was seen, in little room, and for as long as one likes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nodebynode.recording import Recorder, Recording
from nodebynode.state import State
from nodebynode.view.film import Film, hunks
from nodebynode.view.scene import compose
from nodebynode.view.writer import fragments

from tests.unit.api_objects import BEGAN
from tests.unit.films import NASTY, Note, Player, Tale, after, story, ticking
from tests.unit.instants import crowd, instants
from tests.unit.rollouts import Rollout
from tests.unit.states import AT, NEW, a_pod, rollout, spread

INSTANTS = [state for _, state in instants()]


def at(state: State, seconds: float) -> State:
    return replace(state, at=after(seconds))


def drawn(shown: list[str]) -> list[str]:
    return [part for part in shown if part.startswith("<g")]


# What is told


@settings(max_examples=30)
@given(st.lists(st.sampled_from(INSTANTS), min_size=1, max_size=12))
def test_a_frame_shows_what_was_drawn_then(told: list[State]) -> None:
    film, following, scene, pictures = Film(), Player(), None, []
    for second, state in enumerate(told):
        scene = compose(at(state, second), before=scene)
        message = film.add(after(second), at(state, second))
        if message:
            following.hear(message)
            pictures.append(list(fragments(scene).values()))
    assert [drawn(shown) for shown in following.shown()] == pictures
    assert Player().hear(film.as_json()).shown() == following.shown()


@given(st.lists(st.integers(0, 9), unique=True), st.lists(st.integers(0, 9), unique=True))
def test_hunks_make_one_list_of_another(before: list[int], after_: list[int]) -> None:
    made = list(before)
    for start, gone, *come in hunks(before, after_):
        made[start : start + gone] = come
    assert made == after_


def test_what_cannot_be_seen_makes_no_frame_and_is_counted() -> None:
    film = Film()
    film.add(AT, spread())
    assert film.add(after(1), at(spread(), 1), changes=2) is None
    message = film.add(after(2), at(rollout(), 2))
    assert message
    (frame,) = Player().hear(film.as_json()).frames[1:]
    assert frame["changes"] == 3
    assert frame["at"] == "14:02:09.0, 3 changes"


def test_a_frame_has_its_words() -> None:
    film = Film.of(Tale([spread(), at(rollout(), 70)]))
    frame = list(film.frames)[-1]
    assert frame.sentence.startswith("Rolling out shop v2: 2 of 3 Pods are new")
    assert "worker2 was cordoned." in frame.said
    assert frame.wait == 70_000
    rows = [part for part in Player().hear(film.as_json()).shown()[-1] if part.startswith("<t")]
    assert "<td>shop-9878bd7f6-zz4hh</td>" in "".join(rows)
    assert rows[0].startswith('<table><tr><th scope="col">Deployment</th>')


def test_another_namespace_is_not_told() -> None:
    other = replace(a_pod("elsewhere"), namespace="kube-system")
    film = Film(namespace="default")
    film.add(AT, replace(spread(), pods=(*spread().pods, other)))
    film.add(after(1), at(rollout(), 1))
    assert "elsewhere" not in json.dumps(film.as_json())


@pytest.mark.parametrize("text", ["😀 first", "café 漢字", "\\N \\u003c ' \" &amp;", NASTY])
def test_any_text_arrives_as_it_was(text: str) -> None:
    states = [State(AT, pods=(a_pod("p", None),))]
    for second, more in enumerate((text, f"{text}!", f"x{text}"), start=1):
        pod = replace(a_pod("p", None), unscheduled=more)
        states.append(State(after(second), pods=(pod,)))
    film, scene = Film(), None
    player = Player()
    for state in states:
        scene = compose(state, before=scene)
        player.hear(film.add(state.at, state) or {})
        assert drawn(player.shown()[-1]) == list(fragments(scene).values())
    assert NASTY not in json.dumps(film.as_json())


def test_marks_stand_at_the_frame_that_was_seen_then() -> None:
    film = Film.of(story())
    prediction, action, note = film.as_json()["marks"]
    frames = list(film.frames)
    assert frames[action["frame"]].at <= after(1.1) < frames[action["frame"] + 1].at
    assert prediction["frame"] == 0
    assert "14:02:08.1 You did: kubectl set image" in action["html"]
    assert "You predicted: never fewer" in prediction["html"]
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;" in note["html"]
    assert frames[note["frame"]].at <= after(5)


def test_a_mark_before_any_frame_is_kept() -> None:
    film = Film()
    assert film.mark(AT, "note", "early")["marks"][0]["frame"] == 0


# How much it takes


def test_a_crowd_shares_its_frames() -> None:
    """A few Pods have a frame for each instant, many one for each tenth of a second."""
    for pods, frames in ((40, 9), (120, 2)):
        crowds = [crowd(pods, 10), crowd(pods, 10, extra=False)]
        told = [at(crowds[index % 2], index * 0.02) for index in range(9)]
        film = Film.of(Tale(told))
        assert len(film) == frames, pods
        assert sum(frame.changes for frame in film.frames) == 9
        assert drawn(Player().hear(film.as_json()).shown()[-1])


def test_a_rollout_of_50_pods_stays_small(tmp_path: Path) -> None:
    told = Rollout(50)
    with Recorder(tmp_path / "run.jsonl", clock=BEGAN.timestamp) as recorder:
        recorder.snapshot(told.snapshot())
        for change in told.changes():
            recorder.change(change.plural, change.type, change.object, at=change.at)
    film = Film.of(Recording.read(recorder.path))
    size = len(json.dumps(film.as_json(), ensure_ascii=False, separators=(",", ":")).encode())
    assert len(film) > 80
    assert size < 500_000


def test_hours_of_watching_do_not_make_it_grow() -> None:
    film, player = Film(most=200), Player()
    sizes = []
    for state in ticking(2000):
        player.hear(film.add(state.at, state) or {})
        if len(sizes) < film._next // 500:
            sizes.append((len(player.parts), len(json.dumps(film.as_json()))))
    assert len(film) == len(player.frames) <= 200
    parts, letters = sizes[0]
    assert all(more < parts * 1.1 and size < letters * 1.1 for more, size in sizes)
    assert Player().hear(film.as_json()).shown() == player.shown()
    assert film._first == player.first > 1700


def test_a_film_of_large_pictures_is_bounded_by_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodebynode.view.film._MOST_TEXT", 100_000)
    film = Film()
    for state in ticking(300):
        film.add(state.at, state)
    assert len(film) < 300
    assert film._parts.letters < 150_000


def test_marks_of_a_frame_that_is_gone_lead_to_the_oldest() -> None:
    film = Film.of(Tale(list(ticking(400)), [Note(after(399), "note", "late")]), most=100)
    (late,) = film.as_json()["marks"]
    assert late["frame"] == 399
    early = film.mark(after(0), "note", "early")["marks"]
    assert early[0]["frame"] == film._first > 0
    assert NEW in json.dumps(film.as_json())
