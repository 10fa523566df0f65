"""What an EndpointSlice says of a pod, and who gets traffic because of it.

Rules: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions and
KEP-1669 (kube-proxy falls back to terminating endpoints that still serve).
"""

from __future__ import annotations

from nodebynode.kube import Kind
from nodebynode.waiting import wait_for

from .manifests import deployment, pod, service
from .observing import Room, conditions, name_of

READY = (True, True, False)
NOT_READY = (False, False, False)
LEAVING_AND_SERVING = (False, True, True)
LEAVING = (False, False, True)


def wait_endpoint(room: Room, name: str, expected: tuple[bool, bool, bool] | None) -> None:
    """Wait until the conditions of one pod's endpoint are as expected; None: it is not listed."""
    wait_for(
        lambda: room.endpoints().get(name) == expected,
        timeout=20,
        what=f"the endpoint of {name} to be {expected}",
        seen=lambda: str(room.endpoints()),
        every=0.1,
    )


def test_a_ready_pod_is_ready_and_serving(room: Room) -> None:
    """Running, probe passes: ready, serving, not terminating; before that it is neither."""
    slices = room.timeline(Kind.ENDPOINT_SLICE)
    room.create(service(), pod("web", ready_after=2))
    seen = slices.record(
        lambda found: conditions(found).get("web"), lambda state: state == READY, timeout=20
    )
    assert seen == [None, NOT_READY, READY]
    room.wait_answers()
    assert room.ask()["pod"] == "web"


def test_a_pod_never_ready_gets_nothing(room: Room) -> None:
    """Running, probe fails: listed, and neither ready nor serving."""
    room.create(service(), pod("web", "v4-never-ready"))
    wait_endpoint(room, "web", NOT_READY)
    room.wait_event("web", "Unhealthy")
    assert room.endpoints()["web"] == NOT_READY
    assert not room.answers()


def test_a_deleted_pod_serves_until_it_ends(room: Room) -> None:
    """Deleted, probe still passes: not ready, but serving; listed until its container has ended.

    When nobody else is there, the Service falls back to it.
    """
    room.create(service(), pod("web", pre_stop=4, grace=6))
    wait_endpoint(room, "web", READY)
    room.wait_answers()
    slices = room.timeline(Kind.ENDPOINT_SLICE)
    room.api.delete(Kind.POD, "web", room.namespace)
    slices.wait(lambda found: conditions(found).get("web") == LEAVING_AND_SERVING, timeout=5)
    assert [room.ask()["pod"] for _ in range(5)] == ["web"] * 5
    assert room.endpoints()["web"] == LEAVING_AND_SERVING
    seen = slices.record(lambda found: conditions(found).get("web"), lambda state: state is None)
    assert READY not in seen


def test_a_deleted_pod_that_fails_its_probe_serves_no_more(room: Room) -> None:
    """Deleted, the app closes its port: neither ready nor serving, and listed all the same.

    A request that the app still answers keeps its process alive for a while.
    """
    settings = {"SHOP_WORK_SECONDS": "3", "probe": {"failureThreshold": 1}}
    room.create(service(), pod("web", on_sigterm="finish", grace=9, **settings))
    wait_endpoint(room, "web", READY)
    room.wait_answers()
    connection = room.connect(timeout=15)
    connection.request("GET", "/")
    slices = room.timeline(Kind.ENDPOINT_SLICE)
    room.api.delete(Kind.POD, "web", room.namespace)
    seen = slices.record(lambda found: conditions(found).get("web"), lambda state: state is None)
    assert LEAVING in seen
    assert connection.getresponse().status == 200
    connection.close()


def test_a_deleted_pod_that_was_never_ready(room: Room) -> None:
    """Deleted, probe has never passed: terminating, and nothing else."""
    room.create(service(), pod("web", "v4-never-ready", on_sigterm="ignore", grace=2))
    wait_endpoint(room, "web", NOT_READY)
    room.wait_event("web", "Started")
    slices = room.timeline(Kind.ENDPOINT_SLICE)
    room.api.delete(Kind.POD, "web", room.namespace)
    seen = slices.record(lambda found: conditions(found).get("web"), lambda state: state is None)
    assert seen == [NOT_READY, LEAVING, None]


def test_ready_pods_go_before_leaving_ones(room: Room) -> None:
    """A leaving endpoint that still serves gets no new connection while another one is ready."""
    room.run(deployment(replicas=2, pre_stop=4, grace=6))
    room.create(service())
    leaving, staying = (name_of(one) for one in room.pods())
    wait_endpoint(room, staying, READY)
    room.wait_answers(times=20)
    room.api.delete(Kind.POD, leaving, room.namespace)
    wait_endpoint(room, leaving, LEAVING_AND_SERVING)
    wait_for(
        lambda: leaving not in {room.ask()["pod"] for _ in range(10)}, timeout=3, what="the switch"
    )
    assert leaving not in {room.ask()["pod"] for _ in range(30)}
    assert room.endpoints()[leaving] == LEAVING_AND_SERVING
