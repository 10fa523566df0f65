"""States of a cluster for the tests of the view."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from nodebynode.state import (
    Budget,
    Deployment,
    Endpoint,
    EndpointSlice,
    Node,
    Pod,
    ReplicaSet,
    Requirement,
    Selector,
    Service,
    State,
    Taint,
)
from nodebynode.view import Box, Scene

AT = datetime(2026, 1, 2, 14, 2, 7, tzinfo=UTC)
OLD, NEW = "shop-66944cdf98", "shop-9878bd7f6"
NO_ROOM = (
    "0/4 nodes are available: 1 Insufficient cpu, 3 node(s) had untolerated taint(s). "
    "preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling."
)


def a_node(name: str, zone: str = "", *, ready: str = "True", cordoned: bool = False) -> Node:
    return Node(name, ready, cordoned, False, zone, (), 4000, 2**33)


CONTROL = Node(
    "control-plane", "True", False, True, "", (Taint("role", "", "NoSchedule"),), 4000, 2**33
)
NODES = (CONTROL, a_node("worker", "a"), a_node("worker2", "b"), a_node("worker3", "c"))


def a_pod(name: str, node: str | None = "worker", *, owner: str = OLD, ready: bool = True) -> Pod:
    return Pod(
        uid=f"uid-{name}",
        name=name,
        namespace="default",
        labels={"app": "shop"},
        owner_uid=owner,
        node=node,
        phase="Running" if node else "Pending",
        ready=ready,
        ready_containers=int(ready),
        containers=1,
        terminating=False,
        grace=None,
        gone_by=None,
        reason="Running" if node else "Pending",
        restarts=0,
        version="v2" if owner == NEW else "v1",
        unscheduled="",
        created=AT,
        cpu=200,
    )


def leaving(pod: Pod, seconds: int) -> Pod:
    gone = AT + timedelta(seconds=seconds)
    return replace(pod, terminating=True, grace=30, gone_by=gone, reason="Terminating")


def a_set(name: str, revision: int, wanted: int, ready: int) -> ReplicaSet:
    created = AT + timedelta(minutes=revision)
    return ReplicaSet(
        name, name, "default", "shop", revision, f"v{revision}", wanted, ready, created
    )


def a_deployment(
    version: str = "v1", *, updated: int = 3, total: int = 3, wanted: int = 3
) -> Deployment:
    return Deployment(
        uid="shop",
        name="shop",
        namespace="default",
        version=version,
        wanted=wanted,
        total=total,
        ready=3,
        updated=updated,
        available=3,
        strategy="RollingUpdate",
        surge=1,
        unavailable=0,
        paused=False,
        observed=True,
        conditions=(),
    )


def spread() -> State:
    nodes = ("worker", "worker2", "worker3")
    pods = tuple(
        a_pod(f"{OLD}-{end}", node)
        for end, node in zip(("x2k8p", "c5rt9", "m8v2d"), nodes, strict=True)
    )
    return State(AT, NODES, pods, (a_set(OLD, 1, 3, 3),), (a_deployment(),))


def rollout() -> State:
    pods = (
        a_pod(f"{OLD}-x2k8p"),
        leaving(a_pod(f"{OLD}-c5rt9", "worker2"), 4),
        a_pod(f"{OLD}-m8v2d", "worker3"),
        a_pod(f"{NEW}-q7wn4", owner=NEW),
        a_pod(f"{NEW}-zz4hh", "worker3", owner=NEW, ready=False),
    )
    nodes = (*NODES[:2], a_node("worker2", "b", cordoned=True), NODES[3])
    sets = (a_set(OLD, 1, 2, 2), a_set(NEW, 2, 2, 1))
    return State(AT, nodes, pods, sets, (a_deployment("v2", updated=2, total=4),))


def a_service(name: str = "shop", *, type_: str = "LoadBalancer", address: str = "") -> Service:
    ports = (30080,) if type_ != "ClusterIP" else ()
    addresses = (address,) if address else ()
    return Service(f"svc-{name}", name, "default", type_, {"app": name}, ports, addresses)


def a_slice(*endpoints: Endpoint, service: str = "shop") -> EndpointSlice:
    return EndpointSlice(f"slice-{service}", f"{service}-abcde", "default", service, endpoints)


def an_endpoint(pod: Pod, *, serving: bool | None = None) -> Endpoint:
    """A Pod's endpoint as the controller would write it; `serving` for one that terminates."""
    ready = pod.ready and not pod.terminating
    still = pod.ready if serving is None else serving
    return Endpoint(f"10.244.1.{pod.uid}", pod.uid, pod.node or "", ready, still, pod.terminating)


def in_service(state: State, *, address: str = "172.18.0.100") -> State:
    """The same State with a Service for all its Pods that have a node."""
    endpoints = (an_endpoint(pod) for pod in state.pods if pod.node)
    service = a_service(address=address)
    return replace(state, services=(service,), slices=(a_slice(*endpoints),))


def a_budget(allowed: int, *, healthy: int = 3, desired: int = 2) -> Budget:
    selector = Selector((Requirement("app", "In", ("shop",)),))
    rule = f"minAvailable {desired}"
    return Budget("pdb", "shop", "default", rule, selector, allowed, healthy, desired, 3)


def boxes(scene: Scene, kind: str) -> list[Box]:
    return [box for box in scene.boxes if kind in box.kind.split()]


def words_of(box: Box) -> str:
    texts = [t for row in box.rows for t in (*row.left, *([row.right] if row.right else []))]
    return " ".join(text.words for text in texts)


def said(scene: Scene) -> str:
    return "\n".join(words_of(box) for box in scene.boxes)
