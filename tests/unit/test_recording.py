"""What was recorded is read back: each change, each instant, from any version."""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nodebynode.errors import BadInput
from nodebynode.recording import Mark, Recorder, Recording
from nodebynode.state import State, parse_state

from .api_objects import BEGAN, SECRET, Json, Maker
from .rollouts import Heard, Rollout

FIXTURES = Path(__file__).parent / "recordings"
Story = list[Heard]


class Clock:
    """Seconds since the epoch, as the story has it."""

    def __init__(self) -> None:
        self.now = BEGAN.timestamp()

    def __call__(self) -> float:
        return self.now


def record(path: Path, rollout: Rollout, clock: Clock | None = None) -> Story:
    """Record a whole rollout, with a mark, and return its changes."""
    clock = clock or Clock()
    with Recorder(path, clock=clock) as recorder:
        recorder.snapshot(rollout.snapshot())
        recorder.mark("prediction", "3/1 comes after 3/0")
        story = list(rollout.changes())
        for one in story:
            clock.now = one.at
            recorder.change(*one)
    return story


def replayed(before: dict[str, list[Json]], story: Iterable[Heard]) -> dict[str, list[Json]]:
    """What is there after some changes, by nothing but the objects themselves."""
    there = {one["metadata"]["uid"]: (kind, one) for kind, all_ in before.items() for one in all_}
    for plural, type_, obj, _ in story:
        there[obj["metadata"]["uid"]] = plural, obj
        if type_ == "DELETED":
            del there[obj["metadata"]["uid"]]
    kinds: dict[str, list[Json]] = {}
    for plural, obj in there.values():
        kinds.setdefault(plural, []).append(obj)
    return kinds


@pytest.fixture(scope="module")
def nine(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[Json]], Story]:
    """A rollout of nine Pods: its recording, what was there before, and its changes."""
    folder, rollout = tmp_path_factory.mktemp("nine"), Rollout(9)
    before = rollout.snapshot()
    story = record(folder / "nine.jsonl", rollout)
    return folder / "nine.jsonl.gz", before, story


# ── what is read back ────────────────────────────────────────────────────────────────────────


def test_every_change_is_kept_in_order(nine: Any) -> None:
    path, _, story = nine
    recording = Recording.read(path)
    changes = list(recording.changes)
    assert [(one.kind_plural, one.type, one.object["metadata"]["uid"]) for one in changes] == [
        (one.plural, one.type, one.object["metadata"]["uid"]) for one in story
    ]
    assert all(a.at < b.at for a, b in pairwise(changes))
    for told, heard in zip(changes, story, strict=True):
        assert abs(told.at.timestamp() - heard.at) < 0.01
    assert len(recording.instants) == 1 + sum(one.shows for one in changes)
    assert not recording.cut


def test_each_instant_is_as_the_api_told_it(nine: Any) -> None:
    path, before, story = nine
    recording = Recording.read(path)
    changes, states = list(recording.changes), dict(recording.states())
    assert list(states) == list(recording.instants)
    assert states[recording.began] == parse_state(before, at=recording.began)
    for number, change in enumerate(changes, start=1):
        if number % 7 == 0 or number in (199, 200, 201, len(changes)):
            there = replayed(before, story[:number])
            expected = parse_state(there, at=change.at)
            assert recording.state_at(change.at) == expected
            assert change.shows is (change.at in states)
            if change.shows:
                assert states[change.at] == expected


def test_what_shows_nothing_is_no_instant(nine: Any) -> None:
    path, before, story = nine
    recording = Recording.read(path)
    silent = [at for at, one in enumerate(recording.changes) if not one.shows]
    assert silent
    for at in silent[:20]:
        instant = BEGAN
        old, new = (parse_state(replayed(before, story[:to]), at=instant) for to in (at, at + 1))
        assert old == new


def test_between_instants_time_goes_on(nine: Any) -> None:
    recording = Recording.read(nine[0])
    at = recording.instants[5] + timedelta(microseconds=1)
    state = recording.state_at(at)
    assert state.at == at
    assert state.pods == recording.state_at(recording.instants[5]).pods


def test_what_lies_outside_is_taken_for_the_nearer_end(nine: Any) -> None:
    recording = Recording.read(nine[0])
    early, late = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    assert recording.state_at(early) == recording.state_at(recording.began)
    assert recording.state_at(late) == recording.state_at(recording.ended)
    assert recording.state_at(late).at == recording.ended


def test_marks_are_kept(nine: Any) -> None:
    assert Recording.read(nine[0]).marks == [Mark(BEGAN, "prediction", "3/1 comes after 3/0")]


def test_nothing_secret_is_written(nine: Any) -> None:
    path, before, story = nine
    assert SECRET in json.dumps([before, story])
    text = gzip.decompress(path.read_bytes()).decode()
    assert SECRET not in text
    for word in ("PASSWORD", "managedFields", "last-applied"):
        assert word not in text


def test_a_recording_may_begin_with_nothing(tmp_path: Path) -> None:
    rollout = Rollout(3)
    with Recorder(tmp_path / "a.jsonl", clock=Clock()) as recorder:
        for kind, objects in rollout.snapshot().items():
            for one in objects:
                recorder.change(kind, "ADDED", one, BEGAN.timestamp() + 0.1)
    recording = Recording.read(recorder.path)
    assert recording.state_at(recording.began) == State(recording.began)
    assert len(recording.state_at(recording.ended).pods) == 3


def test_changes_of_one_millisecond_each_have_an_instant(tmp_path: Path) -> None:
    deployment = Maker().deployment(3)
    with Recorder(tmp_path / "a.jsonl", clock=Clock()) as recorder:
        for replicas in range(1, 6):
            deployment["spec"]["replicas"] = replicas
            recorder.change("deployments", "MODIFIED", deployment, BEGAN.timestamp())
    recording = Recording.read(recorder.path)
    sizes = [state.deployments[0].wanted for _, state in recording.states() if state.deployments]
    assert sizes == [1, 2, 3, 4, 5]
    assert [recording.state_at(at).deployments[0].wanted for at in recording.instants[1:]] == sizes


def test_a_clock_that_goes_back_takes_nothing_back(tmp_path: Path) -> None:
    clock, make = Clock(), Maker()
    with Recorder(tmp_path / "a.jsonl", clock=clock) as recorder:
        recorder.change("nodes", "ADDED", make.node(1), clock.now + 5)
        recorder.change("nodes", "ADDED", make.node(2), clock.now - 60)
        recorder.mark("note", "still later")
    recording = Recording.read(recorder.path)
    first, second = (one.at for one in recording.changes)
    assert BEGAN + timedelta(seconds=5) == first < second < first + timedelta(seconds=1)
    assert recording.marks[0].at == first


def test_other_kinds_and_ends_of_the_unknown_are_left_out(tmp_path: Path) -> None:
    with Recorder(tmp_path / "a.jsonl") as recorder:
        recorder.change("jobs", "ADDED", Maker().service(), time.time())
        recorder.change("services", "DELETED", Maker().service(), time.time())
    assert not list(Recording.read(recorder.path).changes)


SIGNS = st.text("#@0123456789 abshop-66944cdf98", max_size=60)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SIGNS, min_size=1, max_size=8))
def test_any_text_comes_back(tmp_path: Path, texts: list[str]) -> None:
    make, path = Maker(), tmp_path / "a.jsonl"
    path.with_suffix(".jsonl.gz").unlink(missing_ok=True)
    pods = [make.pod(make.replicaset(make.deployment(3), 1, 3)) for _ in texts]
    with Recorder(path, clock=Clock()) as recorder:
        recorder.snapshot({"pods": pods})
        for text, pod in zip(texts, pods, strict=True):
            told = text.replace("shop", pod["metadata"]["name"])
            recorder.change("events", "ADDED", make.event(pod, told, told, text), 0)
    state = Recording.read(recorder.path).state_at(datetime(2100, 1, 1, tzinfo=UTC))
    expected = {
        text.replace("shop", pod["metadata"]["name"]) for text, pod in zip(texts, pods, strict=True)
    }
    assert {event.message for event in state.events} == expected
    assert {event.source for event in state.events} == set(texts)


# ── how large and how fast ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", [1, 2])
def test_a_rollout_of_fifty_pods_takes_30_kb(tmp_path: Path, seed: int) -> None:
    story = record(tmp_path / "fifty.jsonl", Rollout(50, seed=seed))
    kinds = Counter(one.plural for one in story)
    assert kinds["pods"] == 900
    assert kinds["events"] > 300
    assert (tmp_path / "fifty.jsonl.gz").stat().st_size < 30_000
    assert not (tmp_path / "fifty.jsonl").exists()


def test_thousands_of_states_in_a_moment(tmp_path: Path) -> None:
    record(tmp_path / "large.jsonl", Rollout(160, nodes=10))  # 200 Pods with the surge
    recording = Recording.read(tmp_path / "large.jsonl.gz")
    changes = list(recording.changes)
    assert len(changes) > 5000
    began = time.process_time()
    states = sum(1 for _ in recording.states())
    assert time.process_time() - began < 2
    assert states == len(recording.instants)


# ── other versions ───────────────────────────────────────────────────────────────────────────


def test_version_1_is_read_back() -> None:
    recording = Recording.read(FIXTURES / "version-1.jsonl")
    first, last = (recording.state_at(at) for at in (recording.began, recording.ended))
    assert [(pod.name, pod.node, pod.ready) for pod in first.pods] == [
        ("shop-66944cdf98-x2k8p", "worker", True)
    ]
    assert [(pod.name, pod.version) for pod in last.pods] == [("shop-9878bd7f6-q7wn4", "v2")]
    assert recording.steps("shop").pairs == "1/0 1/1 0/1"
    assert [(mark.kind, mark.text) for mark in recording.marks] == [
        ("action", "kubectl set image deployment/shop shop=shop:v2")
    ]
    assert (recording.ended - recording.began).total_seconds() == 5.2
    assert not recording.cut
    assert "env" not in str(list(recording.changes))


def test_a_newer_version_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    path.write_text(
        '{"recording":"nodebynode","version":3,"began":"2026-01-02T14:02:07Z"}\n{"x":1}\n'
    )
    with pytest.raises(BadInput, match=r"version 3.*up to 2\.\nUpdate nodebynode"):
        Recording.read(path)
