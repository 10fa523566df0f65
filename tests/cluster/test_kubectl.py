"""What learners type: kubectl's logs, and where a Deployment is (nowhere)."""

from __future__ import annotations

from .manifests import deployment, pod
from .observing import Room, is_ready, name_of, node_of


def test_logs_and_their_tail(room: Room) -> None:
    """`kubectl logs` shows what the app wrote, `--tail` the end of it."""
    room.create(pod("web"))
    (web,) = room.wait_pods(lambda found: found and is_ready(found[0]))
    lines = room.log("web").splitlines()
    assert f"started: version v1, pod web, node {node_of(web)}" in lines[0]
    assert lines[-1].endswith("ready: GET /ready answers 200")
    assert room.log("web", "--tail=1").splitlines() == lines[-1:]


def test_logs_of_a_deployment(room: Room) -> None:
    """`kubectl logs deployment/web` is the log of one of its pods."""
    room.run(deployment(replicas=1))
    (web,) = room.pods()
    assert f"pod {name_of(web)}" in room.log("deployment/web")


def test_logs_follow(room: Room) -> None:
    """`kubectl logs --follow` goes on until the container ends."""
    room.create(pod("web", "v4-crash"))
    room.wait_pods(lambda found: found and found[0]["status"].get("containerStatuses"))
    room.wait_event("web", "Started")
    assert "exit: code 1" in room.kubectl("logs", "web", "--follow", timeout=20).out


def test_a_deployment_is_on_no_node(room: Room) -> None:
    """Only pods have nodes: the template of a Deployment names none, scheduled or not."""
    room.run(deployment(replicas=1))
    path = "jsonpath={.spec.template.spec.nodeName}"
    assert room.kubectl("get", "deployment", "web", "-o", path).out == ""
    assert room.kubectl("get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}").out != ""


def test_the_table_of_pods(room: Room) -> None:
    """`kubectl get pods -o wide` shows readiness, status, restarts, the IP and the node."""
    room.run(deployment(replicas=1))
    (web,) = room.pods()
    head, row = room.kubectl("get", "pods", "-o", "wide").out.splitlines()
    assert head.split()[:4] == ["NAME", "READY", "STATUS", "RESTARTS"]
    assert row.split()[:4] == [name_of(web), "1/1", "Running", "0"]
    assert web["status"]["podIP"] in row.split()
    assert node_of(web) in row.split()


def test_rollout_status_waits_for_the_end(room: Room) -> None:
    """It says what it waits for, and then that it is over."""
    room.run(deployment(replicas=2))
    room.set_image("v2")
    done = room.kubectl("rollout", "status", "deployment/web")
    assert "Waiting for deployment " in done.out
    assert done.out.splitlines()[-1] == 'deployment "web" successfully rolled out'
    history = room.kubectl("rollout", "history", "deployment/web").out
    assert [line.split()[0] for line in history.splitlines() if line[:1].isdigit()] == ["1", "2"]


def test_undo_takes_the_old_replica_set_again(room: Room) -> None:
    """The template of before makes no third ReplicaSet; its revision gets a new number."""
    room.run(deployment(replicas=1))
    room.set_image("v2")
    room.wait_available()
    room.kubectl("rollout", "undo", "deployment/web")
    room.wait_available()
    rows = room.kubectl("get", "rs", "--no-headers").out.splitlines()
    assert sorted(row.split()[1] for row in rows) == ["0", "1"]
    assert room.pods()[0]["spec"]["containers"][0]["image"].endswith(":v1")
    notes = room.deployment()["metadata"]["annotations"]
    assert notes["deployment.kubernetes.io/revision"] == "3"
