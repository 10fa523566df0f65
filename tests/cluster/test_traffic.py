"""Traffic from this machine through a NodePort Service to the pods.

Only ever to 127.0.0.1, one request after another. Rule: kube-proxy chooses among the ready
endpoints with equal chances, once per connection.
"""

from __future__ import annotations

import http.client
from collections import Counter

import pytest
from nodebynode.errors import ApiError, ClusterError
from nodebynode.kube import Kind
from nodebynode.waiting import wait_for

from .manifests import deployment, service
from .observing import Room, answer, conditions, name_of, node_of

CONNECTIONS = 300
FAIR = range(55, 146)
"""Of 300 connections over three pods, 100 each are expected, with a deviation of 8.2. To be outside
of this has a chance of 4e-8 for a pod."""


def serve(room: Room, replicas: int = 3, **of: object) -> set[str]:
    """Run `web` behind a Service, and return the pods' names once each has answered."""
    room.run(deployment(replicas=replicas, **of))
    room.create(service())
    names = {name_of(one) for one in room.pods()}
    seen: set[str] = set()

    def all_answered() -> bool:
        if room.answers():
            seen.add(room.ask()["pod"])
        return seen == names

    wait_for(all_answered, timeout=20, what="every pod to answer", seen=lambda: str(seen), every=0)
    return names


def test_new_connections_are_shared_equally(room: Room) -> None:
    """Each ready pod has the same chance, wherever it runs; nothing is lost."""
    names = serve(room)
    counts = Counter(room.ask()["pod"] for _ in range(CONNECTIONS))
    assert set(counts) == names
    assert all(count in FAIR for count in counts.values()), counts


def test_a_connection_stays_on_its_pod(room: Room) -> None:
    """The choice is made once per connection, not once per request."""
    serve(room)
    connection = room.connect()
    answers = [answer(connection) for _ in range(30)]
    connection.close()
    assert len({one["pod"] for one in answers}) == 1
    assert [one["served"] for one in answers[1:]] == [one["served"] + 1 for one in answers[:-1]]


def test_an_answer_tells_pod_and_node(room: Room) -> None:
    """The downward API put the pod's and the node's name into the app's environment."""
    serve(room, replicas=1)
    (pod,) = room.pods()
    said = room.ask()
    assert (said["app"], said["version"]) == ("shop", "v1")
    assert (said["pod"], said["node"]) == (name_of(pod), node_of(pod))


def test_a_cordon_takes_nobody_out(room: Room) -> None:
    """A cordoned node's pod stays a ready endpoint and goes on answering."""
    serve(room)
    pod = room.pods()[0]
    room.cordon(node_of(pod))
    room.wait_node(node_of(pod), lambda node: node["spec"].get("taints"))
    assert room.endpoints()[name_of(pod)] == (True, True, False)
    assert name_of(pod) in {room.ask()["pod"] for _ in range(60)}


def test_no_endpoint_no_answer(room: Room) -> None:
    """A Service without endpoints refuses: no connection, or one that ends without an answer."""
    serve(room, replicas=1)
    room.scale(0)
    slices = room.timeline(Kind.ENDPOINT_SLICE)
    slices.wait(lambda found: not conditions(found))
    room.wait_answers(False)
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        room.ask()


def test_a_moved_selector_moves_the_traffic(room: Room) -> None:
    """Blue and green: a Service's selector is switched, and new connections follow."""
    serve(room, replicas=1)
    room.run(deployment("green", replicas=1, version="v2"))
    assert room.ask()["version"] == "v1"
    room.patch(Kind.SERVICE, "web", {"spec": {"selector": {"app": "green"}}})
    wait_for(
        lambda: room.answers() and room.ask()["version"] == "v2", timeout=20, what="v2 to answer"
    )
    assert {room.ask()["version"] for _ in range(10)} == {"v2"}


def test_the_address_of_a_service(room: Room) -> None:
    """`service_url` leads to 127.0.0.1, and says why where a Service cannot be reached."""
    room.create(service("inside", type="ClusterIP"), service("outside", type="LoadBalancer"))
    url = room.cluster.service_url(room.namespace, "outside")
    assert url.startswith("http://127.0.0.1:")
    with pytest.raises(ClusterError, match="NodePort"):
        room.cluster.service_url(room.namespace, "inside")
    with pytest.raises(ApiError, match="not found"):
        room.cluster.service_url(room.namespace, "none")
