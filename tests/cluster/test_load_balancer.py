"""A Service of type LoadBalancer: `<pending>` until a cloud answers, and the course's small one.

Rule: https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer
"""

from __future__ import annotations

from nodebynode.kube import Json, Kind
from nodebynode.waiting import wait_for

from .manifests import deployment, service
from .observing import Room


def ingress(room: Room) -> list[Json]:
    """Return what the Service's status says of its address."""
    found = room.api.get(Kind.SERVICE, "web", room.namespace)
    return found["status"].get("loadBalancer", {}).get("ingress") or []


def wait_address(room: Room, there: bool = True) -> None:
    """Wait until the Service has an address, or has none."""
    wait_for(lambda: bool(ingress(room)) is there, timeout=20, what=f"an address: {there}")


def test_from_pending_to_an_address_that_answers(room: Room) -> None:
    """Pending at first, then 127.0.0.1 and the port that leads to the pods."""
    room.run(deployment(replicas=1))
    room.create(service(type="LoadBalancer"))
    assert "<pending>" in room.kubectl("get", "service", "web").out
    wait_address(room)
    (given,) = ingress(room)
    url = room.cluster.service_url(room.namespace, "web")
    assert f"http://{given['ip']}:{given['ports'][0]['port']}" == url
    assert room.kubectl("get", "service", "web").out.split()[-3:-2] != ["<pending>"]
    room.wait_answers()
    assert "127.0.0.1" in room.wait_event("web", "EnsuredLoadBalancer")


def test_without_a_cloud_it_stays_pending(room: Room) -> None:
    """Switched off, the address is taken back; putting the cluster back switches it on."""
    room.create(service(type="LoadBalancer"))
    wait_address(room)
    room.cluster.switch_balancer(False)
    wait_address(room, there=False)
    assert "<pending>" in room.kubectl("get", "service", "web").out
    undone = room.cluster.put_back(keep_namespaces=frozenset({room.namespace}))
    assert "the cloud's load balancer was off, and is on again" in undone
    wait_address(room)


def test_anothers_address_is_left_alone(room: Room) -> None:
    """What another controller has given stays, and a class of another's is not served."""
    room.create(service("classed", type="LoadBalancer", loadBalancerClass="example.com/other"))
    room.create(service(type="LoadBalancer"))
    given = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}}
    room.api.patch(Kind.SERVICE, "web", given, room.namespace, sub="status")
    wait_address(room)
    room.create(service("other", type="LoadBalancer"))
    path = "jsonpath={.status.loadBalancer.ingress[0].ip}"
    wait_for(
        lambda: room.kubectl("get", "service", "other", "-o", path).out == "127.0.0.1",
        timeout=20,
        what="the third Service's address",
    )
    assert [one["ip"] for one in ingress(room)] == ["192.0.2.7"]
    assert room.kubectl("get", "service", "classed", "-o", path).out == ""


def test_a_service_that_becomes_ordinary_loses_its_address(room: Room) -> None:
    """The controller follows the Service's type."""
    room.create(service(type="LoadBalancer"))
    wait_address(room)
    room.patch(Kind.SERVICE, "web", {"spec": {"type": "NodePort"}})
    wait_address(room, there=False)
