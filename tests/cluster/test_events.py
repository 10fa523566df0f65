"""The events of a normal life, by their reasons; labs and the view tell their story by them."""

from __future__ import annotations

from nodebynode.kube import Kind

from .manifests import deployment, pod
from .observing import Room, is_ready, name_of, node_of


def test_a_pod_tells_its_life(room: Room) -> None:
    """Scheduled, Pulled, Created, Started; Killing at its end."""
    room.create(pod("web"))
    (web,) = room.wait_pods(lambda found: found and is_ready(found[0]))
    scheduled = room.wait_event("web", "Scheduled")
    assert scheduled == f"Successfully assigned {room.namespace}/web to {node_of(web)}"
    assert room.wait_event("web", "Pulled").startswith(
        'Container image "localhost/shop:v1" already present on machine'
    )
    assert "Container created" in room.wait_event("web", "Created")
    assert "Container started" in room.wait_event("web", "Started")
    room.api.delete(Kind.POD, "web", room.namespace)
    assert room.wait_event("web", "Killing") == "Stopping container shop"


def test_a_failing_probe_is_told(room: Room) -> None:
    """Unhealthy, with the status code of the answer; the container is not restarted for it."""
    room.create(pod("web", "v4-never-ready"))
    message = room.wait_event("web", "Unhealthy", "statuscode")
    assert message == "Readiness probe failed: HTTP probe failed with statuscode: 503"
    assert room.pod("web")["status"]["containerStatuses"][0]["restartCount"] == 0


def test_the_controllers_tell_what_they_do(room: Room) -> None:
    """The Deployment scales ReplicaSets, and the ReplicaSet makes and deletes pods."""
    room.run(deployment(replicas=2))
    room.scale(1)
    (owner,) = room.api.list(Kind.REPLICA_SET, room.namespace)
    replica_set = name_of(owner)
    room.wait_event("web", "ScalingReplicaSet", f"Scaled up replica set {replica_set} from 0 to 2")
    room.wait_event(
        "web", "ScalingReplicaSet", f"Scaled down replica set {replica_set} from 2 to 1"
    )
    room.wait_event(replica_set, "SuccessfulDelete", f"Deleted pod: {replica_set}-")
    created = room.events(replica_set, "SuccessfulCreate")
    assert len(created) == 2
    assert all(message.startswith(f"Created pod: {replica_set}-") for message in created)
