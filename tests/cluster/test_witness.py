"""Losses that are planted, and what the witness says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from nodebynode.cluster import NodeFailure
from nodebynode.course.flight import Flight
from nodebynode.kube import Json, Kind
from nodebynode.recording import Recording
from nodebynode.waiting import wait_for
from nodebynode.witness import Cause, Report, Traffic, Witness, explain

from .manifests import deployment, service
from .observing import Room, condition, name_of, node_of

RIGHT = 0.8
"""The share of planted losses whose cause must be found, also by a machine that is busy.

What it is on a quiet one is measured by `nodebynode bench witness`.
"""
Note = Callable[[str, object], None]
Watch = Callable[..., AbstractContextManager["Watched"]]


@dataclass
class Watched:
    """A load on `web`, while it is recorded; `report` is there when the block has ended."""

    room: Room
    witness: Witness
    reports: list[Report] = field(default_factory=list)

    @property
    def report(self) -> Report:
        return self.reports[0]

    def wait_settled(self, pods: int) -> None:
        """Wait until there are so many Pods and none that is still leaving."""
        room = self.room
        wait_for(
            lambda: len(room.api.list(Kind.POD, room.namespace)) == pods,
            timeout=40,
            what=f"{pods} Pods and no others",
        )

    def wait_sent(self, number: int) -> None:
        """Wait until so many more requests have been answered or lost."""
        before = self._logged()
        wait_for(
            lambda: self._logged() >= before + number,
            timeout=number / self.witness.plan.rate + 20,
            what=f"{number} more requests",
            seen=lambda: f"{self._logged() - before}",
        )

    def _logged(self) -> int:
        return len(Traffic.read(self.witness.path).requests)

    def share(self, cause: Cause) -> float:
        """The share of all losses that a cause is given."""
        return len(self.report.by_cause.get(cause, ())) / len(self.report.losses)


@pytest.fixture
def watch(room: Room, tmp_path: Path, record_property: Note) -> Watch:
    """Watch `web` while a block changes it."""

    @contextmanager
    def watching(**load: float) -> Iterator[Watched]:
        url = room.cluster.service_url(room.namespace, "web")
        witness = Witness(url, tmp_path / "traffic.jsonl", **{"seconds": 100, **load})
        watched = Watched(room, witness)
        with Flight(room.api, tmp_path / "run.jsonl") as flight:
            with witness:
                yield watched
            traffic = witness.stop()
        recording = Recording.read(flight.path)
        watched.reports.append(explain(traffic, recording, room.namespace, "web"))
        print(watched.report)
        for loss in watched.report.losses:
            if loss.cause is Cause.UNKNOWN:
                print(loss)
        causes = Counter(str(loss.cause) for loss in watched.report.losses)
        record_property("seen", f"{watched.report.summary}: {dict(causes)}")

    return watching


def serve(room: Room, manifest: Json) -> None:
    room.run(manifest)
    room.create(service())
    room.wait_answers(times=10)


def roll(room: Room, watched: Watched, times: int) -> None:
    """Roll out again and again; returns when the last old Pod is gone."""
    for number in range(times):
        room.set_image("v2" if number % 2 == 0 else "v1")
        room.wait_available(timeout=60)
        watched.wait_settled(3)


def untested(**of: object) -> Json:
    """A Deployment whose Pods have no readiness probe."""
    found = deployment(**of)
    [container] = found["spec"]["template"]["spec"]["containers"]
    del container["readinessProbe"]
    return found


def test_nothing_is_lost_where_nothing_changes(room: Room, watch: Watch) -> None:
    serve(room, deployment())
    with watch(seconds=10) as watched:
        watched.witness.wait()
    report = watched.report
    assert report.losses == ()
    assert len(report.traffic.requests) == 500
    assert len(report.traffic.of("not measured")) < 250
    assert report.gap.seconds < 1


@pytest.mark.timeout(240, func_only=True)
def test_an_app_that_ends_at_once_is_still_routed_to(room: Room, watch: Watch) -> None:
    serve(room, deployment(on_sigterm="exit", grace=5, ready_after=1))
    with watch() as watched:
        roll(room, watched, 3)
    assert len(watched.report.losses) >= 5
    assert watched.share(Cause.LATE) >= RIGHT


@pytest.mark.timeout(240, func_only=True)
def test_a_pre_stop_sleep_loses_none(room: Room, watch: Watch) -> None:
    serve(room, deployment(on_sigterm="exit", pre_stop=5, grace=10, ready_after=1))
    with watch() as watched:
        roll(room, watched, 1)
    assert watched.report.losses == ()


def test_without_pods_there_is_no_endpoint(room: Room, watch: Watch) -> None:
    serve(room, deployment())
    room.scale(0)
    wait_for(lambda: not room.endpoints(), timeout=30, what="no endpoint at all")
    with watch() as watched:
        watched.wait_sent(100)
        room.scale(1)
        room.wait_answers(times=10)
    assert len(watched.report.losses) >= 100
    assert watched.share(Cause.NOBODY) >= RIGHT


def test_a_pod_without_a_probe_is_routed_to_before_it_listens(room: Room, watch: Watch) -> None:
    """Nothing but its app knows that it does not listen yet."""
    serve(room, untested(replicas=1, SHOP_STARTUP_SECONDS="3"))
    with watch() as watched:
        room.scale(3)
        room.wait_available()
        watched.wait_sent(250)
    assert len(watched.report.losses) >= 20
    assert watched.share(Cause.UNREADY) >= RIGHT


def test_a_kept_connection_is_cut_at_the_end_of_grace(room: Room, watch: Watch) -> None:
    serve(room, deployment(on_sigterm="ignore", grace=3, ready_after=1))
    with watch(keep_alive=20) as watched:
        roll(room, watched, 1)
    assert len(watched.report.losses) >= 5
    assert watched.share(Cause.CUT) >= RIGHT


@pytest.mark.timeout(240, func_only=True)
def test_a_frozen_node_is_named(room: Room, watch: Watch) -> None:
    serve(room, deployment())
    node = node_of(room.pods()[0])
    there = {name_of(pod) for pod in room.pods() if node_of(pod) == node}
    with watch() as watched:
        room.cluster.fail_node(node, NodeFailure.FREEZE)
        room.wait_node(node, lambda found: condition(found, "Ready")["status"] == "Unknown")
    room.cluster.heal_node(node)
    assert len(watched.report.losses) >= 5
    assert watched.share(Cause.FROZEN) >= RIGHT
    frozen = watched.report.by_cause[Cause.FROZEN]
    assert {pod for loss in frozen for pod in loss.pods} == there
