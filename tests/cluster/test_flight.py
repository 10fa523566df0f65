"""A run recorded on a real cluster, and read again without it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nodebynode.cluster import Cluster
from nodebynode.course.flight import Flight
from nodebynode.course.loading import Load
from nodebynode.recording import Recording
from nodebynode.state import endpoints_of
from nodebynode.view.film import Film
from nodebynode.waiting import wait_for

from .manifests import budget, deployment, service
from .observing import Room


@pytest.fixture
def recorded(room: Room, tmp_path: Path) -> Recording:
    """A rolling update of three Pods behind a Service, and a cordon before it."""
    room.run(deployment(replicas=3, on_sigterm="finish", pre_stop=1, grace=5))
    room.create(service(), budget(maxUnavailable=1))
    room.wait_answers()
    with Flight(room.api, tmp_path / "run.jsonl") as flight:
        flight.mark("action", "kubectl cordon")
        room.cordon(room.cluster.workers[0])
        flight.mark("action", "kubectl set image")
        room.set_image("v2")
        room.wait_available()
        room.wait_pods(lambda found: len(found) == 3)
        flight.mark("note", "done")
    return Recording.read(flight.path)


def test_a_rolling_update_is_recorded_step_by_step(room: Room, recorded: Recording) -> None:
    steps = recorded.steps("web", room.namespace)
    assert steps.pairs == "3/0 3/1 2/1 2/2 1/2 1/3 0/3"
    assert "of at most 4" in str(steps)
    assert "of at least 3" in str(steps)
    assert [mark.text for mark in recorded.marks] == [
        "kubectl cordon", "kubectl set image", "done",
    ]  # fmt: skip
    assert not recorded.cut


def test_the_recording_knows_what_was_there_at_each_instant(
    room: Room, recorded: Recording
) -> None:
    first, last = recorded.state_at(recorded.began), recorded.state_at(recorded.ended)
    assert not any(node.cordoned for node in first.nodes)
    assert [node.name for node in last.nodes if node.cordoned] == [room.cluster.workers[0]]
    ours = [pod for pod in last.pods if pod.namespace == room.namespace]
    assert {pod.version for pod in ours if not pod.terminating} == {"v2"}
    finishing = 0
    for _, state in recorded.states():
        found = next(one for one in state.services if one.namespace == room.namespace)
        endpoints = endpoints_of(state, found)
        assert sum(one.ready for one in endpoints) >= 3
        finishing += any(one.terminating and one.serving for one in endpoints)
    assert finishing, "Pods served while they were leaving"
    [kept] = [one for one in last.budgets if one.namespace == room.namespace]
    assert (kept.allowed, kept.desired) == (1, 2)


def test_its_film_ends_as_the_cluster_does(room: Room, recorded: Recording) -> None:
    film = Film.of(recorded, namespace=room.namespace)
    sentences = [frame.sentence for frame in film.frames]
    assert any("Rolling out web v2" in one for one in sentences)
    assert "web: 3 of 3 Pods available" in sentences[-1]
    assert len(json.dumps(film.as_json())) < 400_000


def test_a_load_is_recorded_beside_the_cluster(room: Room, tmp_path: Path) -> None:
    """A replay knows what users felt at each instant, without a cluster and without the log."""
    room.run(deployment(replicas=2))
    room.create(service())
    room.wait_answers(times=5)
    with Flight(room.api, tmp_path / "run.jsonl") as flight:
        load = Load(room.cluster, room.namespace, "web", rate=50, seconds=60, keep_alive=0)
        load.start(flight)
        wait_for(lambda: flight.loads()[0].sent > 50, timeout=20, what="fifty requests")
        room.create(budget())  # a change while nothing is lost: an instant of the replay
        wait_for(lambda: flight.loads()[0].sent > 100, timeout=20, what="a hundred requests")
        room.scale(0)
        wait_for(lambda: flight.so_far().loads[0].total.lost > 20, timeout=30, what="losses")
        load.finish()
        traffic = load.report(flight.so_far()).traffic
        load.close()
    [told] = Recording.read(flight.path).loads
    assert told.total[:2] == (len(traffic.requests), len(traffic.of("lost")))
    assert told.lost == tuple(one.number for one in traffic.of("lost"))
    row = Film.of(Recording.read(flight.path), namespace=room.namespace).as_json()["traffic"]
    words = [said for _, _, said in row.values()]  # type: ignore[attr-defined]
    assert "none lost" in words[0]
    assert _none_was_answered(words[-1]), words


def _none_was_answered(words: str) -> bool:
    """A busy machine may not have measured some: `9 requests, 8 lost, 1 not measured`."""
    sent, *rest = (int(number) for number in re.findall(r"\d+", words))
    return sent == sum(rest)


def test_a_load_begins_when_the_nodes_have_heard_who_left(room: Room, tmp_path: Path) -> None:
    """The Pod before it ended at once: for up to two seconds a node might still send to it."""
    room.run(deployment(replicas=2))
    room.create(service())
    room.wait_answers(times=5)
    with Flight(room.api, tmp_path / "run.jsonl") as flight:
        room.scale(1)
        wait_for(lambda: _pods(flight, room) == 1, timeout=20, what="the recorder to hear of it")
        began = time.monotonic()
        load = Load(room.cluster, room.namespace, "web", rate=50, seconds=60, keep_alive=0)
        with closing(load):
            load.start(flight)
            assert 1 < time.monotonic() - began < 5
            wait_for(lambda: flight.loads()[0].sent > 100, timeout=20, what="a hundred requests")
            load.finish()
            assert load.report(flight.so_far()).traffic.of("lost") == []


def test_record_and_replay_at_the_command_line(
    room: Room, cluster: Cluster, tmp_path: Path
) -> None:
    """`nodebynode record`, ended by Ctrl-C, and `replay` to a picture and a page."""
    room.run(deployment(replicas=1))
    command = [sys.executable, "-m", "nodebynode.cli"]
    file = tmp_path / "run.jsonl"
    process = subprocess.Popen(
        [*command, "record", str(file), "--cluster", cluster.name],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert "Recording to" in process.stderr.readline()
        room.scale(2)
        room.wait_available()
        wait_for(
            lambda: _available(file, room.namespace) == 2,
            timeout=20,
            what="the recorder to hear of it",
        )
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, err
    assert "changes in" in out
    assert "Traceback" not in err
    packed = file.with_name("run.jsonl.gz")
    assert packed.exists()
    assert not file.exists()
    for name, begins in (("p.svg", b"<"), ("p.png", b"\x89PNG"), ("p.html", b"<!DOCTYPE html>")):
        out = tmp_path / name
        done = subprocess.run(
            [*command, "replay", str(packed), "--export", str(out), "-n", room.namespace],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert out.read_bytes().startswith(begins)
    assert "web: 2 of 2 Pods available" in (tmp_path / "p.svg").read_text()


def _pods(flight: Flight, room: Room) -> int:
    state = flight.so_far().state_at(datetime.now(UTC))
    return sum(pod.namespace == room.namespace for pod in state.pods)


def _available(file: Path, namespace: str) -> int:
    state = Recording.read(file).state_at(datetime.now(UTC))
    return next((one.available for one in state.deployments if one.namespace == namespace), 0)


def test_while_it_goes_on_it_ends_now_though_nothing_is_heard(room: Room, tmp_path: Path) -> None:
    with Flight(room.api, tmp_path / "quiet.jsonl") as flight:
        began = flight.so_far().ended
        wait_for(
            lambda: flight.so_far().ended - began > timedelta(seconds=1),
            timeout=10,
            what="a second to pass",
        )
        assert flight.so_far().ended - began < timedelta(seconds=5)
    assert flight.so_far().ended == Recording.read(flight.path).ended
