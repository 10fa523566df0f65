"""Pods that do not come up: what their status and events say.

Rules: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy and
https://kubernetes.io/docs/concepts/containers/images/#imagepullbackoff
"""

from __future__ import annotations

from nodebynode.kube import Json, Kind
from nodebynode.waiting import wait_for

from .manifests import pod
from .observing import Objects, Room, state_of, waiting_reason


def status_of(found: Json) -> Json:
    """Return the status of the pod's only container."""
    return dict((found.get("status", {}).get("containerStatuses") or [{}])[0])


def reason_of(pods: Objects, name: str = "web") -> str:
    """Return why the pod's container waits, or how it is."""
    found = pods.get(name, {})
    return waiting_reason(found) or ", ".join(state_of(found))


def test_a_crashing_app_backs_off(room: Room) -> None:
    """It is started again at once, then only after 10 s, and says CrashLoopBackOff meanwhile."""
    pods = room.timeline(Kind.POD)
    room.create(pod("web", "v4-crash"))
    pods.record(reason_of, lambda reason: reason == "CrashLoopBackOff", timeout=30)
    status = status_of(pods.objects["web"])
    assert status["restartCount"] == 1
    assert status["ready"] is False
    assert "back-off 10s restarting failed container" in status["state"]["waiting"]["message"]
    assert status["lastState"]["terminated"]["exitCode"] == 1
    assert status["lastState"]["terminated"]["reason"] == "Error"
    assert pods.objects["web"]["status"]["phase"] == "Running"
    message = room.wait_event("web", "BackOff")
    assert message.startswith("Back-off restarting failed container shop in pod web_")


def test_the_log_of_the_container_before(room: Room) -> None:
    """`kubectl logs --previous` shows what the crashed container wrote."""
    room.create(pod("web", "v4-crash"))
    room.wait_pods(lambda found: found and status_of(found[0]).get("restartCount", 0) >= 1)
    log = wait_for(
        lambda: log if "exit: code 1" in (log := room.log("web", "--previous")) else "",
        timeout=6,
        what="the end of the previous log",
    )
    assert "started: version v4-crash, pod web" in log
    assert "crash: SHOP_CRASH_AFTER_SECONDS is 1" in log  # on stderr: its place is not certain


def test_no_container_before_no_log_before(room: Room) -> None:
    """Without a restart there is no previous log, and kubectl says so."""
    room.create(pod("web"))
    room.wait_pods(lambda found: found and "running" in state_of(found[0]))
    done = room.kubectl("logs", "web", "--previous", check=False)
    assert done.code == 1
    assert 'previous terminated container "shop" in pod "web" not found' in done.err


def test_an_image_that_cannot_be_had(room: Room) -> None:
    """ErrImagePull, then ImagePullBackOff: for an unknown version as for a foreign image."""
    images = {"web": "localhost/shop:v99", "foreign": "registry.invalid/team/app:1"}
    timelines = {name: room.timeline(Kind.POD) for name in images}
    room.create(*(pod(name, image) for name, image in images.items()))
    for name, image in images.items():
        seen = timelines[name].record(
            lambda pods, name=name: reason_of(pods, name), lambda why: why == "ImagePullBackOff"
        )
        assert "ErrImagePull" in seen
        found = timelines[name].objects[name]
        assert found["status"]["phase"] == "Pending"
        assert f'Back-off pulling image "{image}"' in state_of(found)["waiting"]["message"]
        assert room.wait_event(name, "Pulling") == f'Pulling image "{image}"'
        room.wait_event(name, "Failed", f'Failed to pull image "{image}"')
        room.wait_event(name, "Failed", "Error: ErrImagePull")
        assert room.wait_event(name, "BackOff") == f'Back-off pulling image "{image}"'
