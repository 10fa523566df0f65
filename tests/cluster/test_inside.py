"""A load that is sent from a Pod of the cluster."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from nodebynode.course.flight import Flight
from nodebynode.course.inside import PodWitness
from nodebynode.course.inside_pod import NAMESPACE
from nodebynode.course.loading import Load
from nodebynode.errors import BadInput, ClusterError
from nodebynode.kube import Kind
from nodebynode.recording import Recording
from nodebynode.waiting import wait_for
from nodebynode.witness import Cause, Report, Traffic, explain

from .manifests import deployment, service
from .observing import Room

PROVIDERS = ("kind",)
RIGHT = 0.8


@pytest.fixture
def witness(room: Room, tmp_path: Path) -> Iterator[PodWitness]:
    """A load from inside that has not begun; nothing is left of it afterwards."""
    room.run(deployment(on_sigterm="exit", grace=5, ready_after=1))
    room.create(service(type="ClusterIP"))
    made = PodWitness(room.cluster, room.namespace, "web", tmp_path / "log.jsonl", seconds=100)
    yield made
    assert left(room) == []


def left(room: Room) -> list[str]:
    """The names of Pods and ConfigMaps of loads."""
    found = [one for kind in (Kind.POD, Kind.CONFIG_MAP) for one in room.api.list(kind, NAMESPACE)]
    names = [str(one["metadata"]["name"]) for one in found]
    return [name for name in names if name.startswith("nodebynode-load")]


def wait_sent(witness: PodWitness, number: int) -> None:
    """Wait until what became of so many more requests is known here."""

    def known() -> int:
        return len(Traffic.read(witness.path).requests)

    before = known()
    wait_for(lambda: known() >= before + number, timeout=number / 50 + 20, what=f"{number} more")


def wait_reached(room: Room, log: Path) -> None:
    """Wait until a Pod's request reaches the Service: a node hears of it in its own time."""
    with PodWitness(room.cluster, room.namespace, "web", log, seconds=60) as first:
        wait_for(
            lambda: any(one.outcome == "ok" for one in Traffic.read(first.path).requests),
            timeout=40,
            what="an answer of the Service",
        )


def told(room: Room, witness: PodWitness) -> str:
    """What the Pod has logged."""
    return room.cluster.kubectl("logs", witness.name, "--namespace", NAMESPACE).out


def explained(witness: PodWitness, flight: Flight, room: Room) -> Report:
    recording = Recording.read(flight.path)
    report = explain(witness.stop(), recording, room.namespace, "web")
    print(report)
    return report


def test_nothing_is_lost_where_nothing_changes(room: Room, tmp_path: Path) -> None:
    """A Service without a NodePort is reached, and no Pod is made beside the learner's own."""
    room.run(deployment())
    room.create(service(type="ClusterIP"))
    wait_reached(room, tmp_path / "before.jsonl")
    witness = PodWitness(room.cluster, room.namespace, "web", tmp_path / "log.jsonl", seconds=10)
    with Flight(room.api, tmp_path / "run.jsonl") as flight, witness:
        assert len(room.api.list(Kind.POD, room.namespace)) == 3
        [pod] = room.api.list(Kind.POD, NAMESPACE)
        assert pod["spec"]["nodeName"] == f"{room.cluster.name}-control-plane"
        traffic = witness.wait()
        report = explained(witness, flight, room)
    assert (traffic.inside, traffic.cut) == (True, "")
    assert len(traffic.requests) == 500
    assert report.losses == ()
    assert len(traffic.of("not measured")) < 250
    assert "50 a second from inside the cluster" in str(report)
    assert left(room) == []


def test_without_pods_there_is_no_endpoint(room: Room, witness: PodWitness, tmp_path: Path) -> None:
    room.scale(0)
    wait_for(lambda: not room.endpoints(), timeout=30, what="no endpoint at all")
    with Flight(room.api, tmp_path / "run.jsonl") as flight, witness:
        wait_sent(witness, 100)
        room.scale(1)
        room.wait_available()
        wait_sent(witness, 150)
        report = explained(witness, flight, room)
    assert len(report.losses) >= 100
    assert len(report.by_cause[Cause.NOBODY]) >= RIGHT * len(report.losses)
    assert report.traffic.requests[-1].outcome == "ok"


@pytest.mark.timeout(240, func_only=True)
def test_an_app_that_ends_at_once_is_still_routed_to(
    room: Room, witness: PodWitness, tmp_path: Path
) -> None:
    with Flight(room.api, tmp_path / "run.jsonl") as flight, witness:
        for version in ("v2", "v1", "v2"):
            room.set_image(version)
            room.wait_available(timeout=60)
            wait_for(
                lambda: len(room.api.list(Kind.POD, room.namespace)) == 3,
                timeout=40,
                what="the old Pods to be gone",
            )
        report = explained(witness, flight, room)
    assert len(report.losses) >= 5
    assert len(report.by_cause[Cause.LATE]) >= RIGHT * len(report.losses)


def test_a_log_that_is_followed_no_more_is_read_at_the_end(room: Room, witness: PodWitness) -> None:
    """As after a moment in which the API server was away."""
    with witness:
        wait_sent(witness, 20)
        [follower] = [
            one
            for one in psutil.Process().children()
            if "logs" in one.cmdline() and witness.name in one.cmdline()
        ]
        os.kill(follower.pid, signal.SIGKILL)
        wait_for(lambda: not witness.running, timeout=10, what="nobody to follow")
        seen = len(Traffic.read(witness.path).requests)
        wait_for(
            lambda: told(room, witness).count('"n"') > seen + 10,
            timeout=10,
            what="requests that nobody here reads of",
        )
        traffic = witness.stop()
    assert traffic.cut == ""
    assert len(traffic.requests) > seen
    assert [one.number for one in traffic.requests] == [*range(1, len(traffic.requests) + 1)]
    assert witness.stop() is traffic


def test_a_pod_that_somebody_removes_leaves_a_log_that_is_cut(
    room: Room, witness: PodWitness
) -> None:
    with witness:
        wait_sent(witness, 20)
        room.api.delete(Kind.POD, witness.name, NAMESPACE, grace=0)
        traffic = witness.stop()
    assert len(traffic.requests) >= 20


def test_what_cannot_begin_says_why_and_leaves_nothing(
    room: Room, witness: PodWitness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nodebynode.course.inside._START_SECONDS", 3)
    monkeypatch.setattr("nodebynode.course.inside_pod._CONTROL_PLANE", "no-such-label")
    with pytest.raises(ClusterError, match="didn't match Pod's node affinity/selector"):
        witness.start()


def test_another_clock_is_refused(
    room: Room, witness: PodWitness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PodWitness, "_skew", lambda _: (0.4, 0.01))
    with pytest.raises(ClusterError, match="400 ms ahead of this machine's"):
        witness.start()


def test_a_service_without_an_address_is_refused(room: Room, tmp_path: Path) -> None:
    room.create(service(type="ClusterIP", clusterIP="None"))
    with pytest.raises(BadInput, match="no address in the cluster"):
        PodWitness(room.cluster, room.namespace, "web", tmp_path / "log.jsonl")


def test_a_labs_load_from_inside_is_explained_as_any(room: Room, tmp_path: Path) -> None:
    room.run(deployment())
    room.create(service())
    load = Load(room.cluster, room.namespace, "web", rate=20, seconds=60, keep_alive=0, inside=True)
    with Flight(room.api, tmp_path / "run.jsonl") as flight:
        strip = load.start(flight)
        wait_for(lambda: " 0 lost" in repr(strip) and " 0 ok" not in repr(strip),
                 timeout=20, what="the strip to show answers")  # fmt: skip
        assert load.running
        load.finish()
        assert not load.running
        report = load.report(flight.so_far())
    assert (report.losses, report.traffic.inside) == ((), True)
    load.close()
    assert left(room) == []
