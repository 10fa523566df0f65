"""Pods that do not come up: what their status and events say.

Rules: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy and
https://kubernetes.io/docs/concepts/containers/images/#imagepullbackoff
"""

from __future__ import annotations

import pytest

from nodebynode.kube import Json, Kind

from .manifests import pod
from .observing import Objects, Room, state_of, waiting_reason


def status_of(found: Json) -> Json:
    """Return the status of the pod's only container."""
    return dict((found.get("status", {}).get("containerStatuses") or [{}])[0])


def reason_of_web(pods: Objects) -> str:
    """Return why the container of `web` waits, or how it is."""
    found = pods.get("web", {})
    return waiting_reason(found) or ", ".join(state_of(found))


def test_a_crashing_app_backs_off(room: Room) -> None:
    """It is started again at once, then only after 10 s, and says CrashLoopBackOff meanwhile."""
    pods = room.timeline(Kind.POD)
    room.create(pod("web", "v4-crash"))
    pods.record(reason_of_web, lambda reason: reason == "CrashLoopBackOff", timeout=30)
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
    log = room.log("web", "--previous")
    assert "started: version v4-crash, pod web" in log
    assert log.splitlines()[-1].endswith("exit: code 1")


def test_no_container_before_no_log_before(room: Room) -> None:
    """Without a restart there is no previous log, and kubectl says so."""
    room.create(pod("web"))
    room.wait_pods(lambda found: found and "running" in state_of(found[0]))
    done = room.kubectl("logs", "web", "--previous", check=False)
    assert done.code == 1
    assert 'previous terminated container "shop" in pod "web" not found' in done.err


@pytest.mark.parametrize(
    "image",
    [
        pytest.param("localhost/shop:v99", id="no-such-version"),
        pytest.param("registry.invalid/team/app:1", id="foreign"),
    ],
)
def test_an_image_that_cannot_be_had(room: Room, image: str) -> None:
    """ErrImagePull, then ImagePullBackOff; the message names the image."""
    pods = room.timeline(Kind.POD)
    room.create(pod("web", image))
    seen = pods.record(reason_of_web, lambda reason: reason == "ImagePullBackOff", timeout=40)
    assert "ErrImagePull" in seen
    waiting = state_of(pods.objects["web"])["waiting"]
    assert f'Back-off pulling image "{image}"' in waiting["message"]
    assert pods.objects["web"]["status"]["phase"] == "Pending"
    assert room.wait_event("web", "Pulling") == f'Pulling image "{image}"'
    assert f'Failed to pull image "{image}"' in room.wait_event("web", "Failed")
    assert "Error: ErrImagePull" in room.events("web", "Failed")
    assert room.wait_event("web", "BackOff") == f'Back-off pulling image "{image}"'
