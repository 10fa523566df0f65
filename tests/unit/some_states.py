"""Any state of a cluster, as odd as the API allows and odder; and histories of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st
from nodebynode.state import (
    Endpoint,
    EndpointSlice,
    Node,
    Pod,
    ReplicaSet,
    Service,
    State,
    Taint,
)

from tests.unit.states import (
    AT,
    CONTROL,
    NEW,
    OLD,
    a_budget,
    a_deployment,
    a_node,
    a_pod,
    a_set,
    in_service,
    leaving,
)

NAMES = st.text("abw-m", min_size=1, max_size=100) | st.sampled_from(
    ["漢字", 'a"<&>\n\\N\x00', "é"]
)
REASONS = ["Running", "CrashLoopBackOff", "ContainerCreating", "Init:0/1", "x" * 80, "Error"]


@st.composite
def states(draw: st.DrawFn) -> State:
    names = draw(st.lists(NAMES, max_size=7, unique=True))
    nodes = tuple(_any_node(draw, name) for name in names)
    sets = tuple(
        a_set(f"{name}{i}", i, draw(st.integers(0, 9999)), i)
        for i, name in enumerate(draw(st.lists(NAMES, max_size=3)))
    )
    pods = tuple(_any_pod(draw, index, names, sets) for index in range(draw(st.integers(0, 45))))
    deployments = tuple(
        replace(
            a_deployment(draw(NAMES)), uid=f"shop{i}" if i else "shop", name=f"{draw(NAMES)}{i}"
        )
        for i in range(draw(st.integers(0, 8)))
    )
    services = tuple(_any_service(draw, index) for index in range(draw(st.integers(0, 8))))
    slices = tuple(_any_slice(draw, service, pods) for service in services)
    budgets = tuple(
        replace(a_budget(i, healthy=3), uid=f"pdb{i}", name=f"{draw(NAMES)}{i}", rule=draw(NAMES))
        for i in range(draw(st.integers(0, 5)))
    )
    return State(AT, nodes, pods, sets, deployments, services, slices, budgets)


def _any_node(draw: st.DrawFn, name: str) -> Node:
    return replace(
        a_node(name, draw(NAMES), ready=draw(st.sampled_from(["True", "False", "Unknown"]))),
        cordoned=draw(st.booleans()),
        control_plane=draw(st.booleans()),
        taints=tuple(
            Taint(draw(NAMES), draw(NAMES), "NoSchedule") for _ in range(draw(st.integers(0, 1)))
        ),
    )


def _any_pod(draw: st.DrawFn, index: int, nodes: list[str], sets: tuple[ReplicaSet, ...]) -> Pod:
    pod = a_pod(f"{draw(NAMES)}-{index}", draw(st.sampled_from([None, "gone", *nodes])))
    pod = replace(
        pod,
        owner_uid=draw(st.sampled_from(["", *(rs.uid for rs in sets)])),
        version=draw(NAMES),
        ready=draw(st.booleans()),
        reason=draw(st.sampled_from(REASONS)),
        unscheduled=draw(NAMES) * 5,
        restarts=draw(st.integers(0, 10**6)),
        phase=draw(st.sampled_from(["Pending", "Running", "Succeeded", "Failed"])),
    )
    return leaving(pod, draw(st.integers(-9, 99))) if draw(st.booleans()) else pod


def _any_service(draw: st.DrawFn, index: int) -> Service:
    return Service(
        f"svc{index}",
        f"{draw(NAMES)}{index}",
        "default",
        draw(st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"])),
        draw(st.dictionaries(NAMES, NAMES, max_size=2)),
        tuple(draw(st.lists(st.integers(30000, 32767), max_size=2))),
        tuple(draw(st.lists(NAMES, max_size=2))),
    )


def _any_slice(draw: st.DrawFn, service: Service, pods: Sequence[Pod]) -> EndpointSlice:
    some = draw(st.lists(st.sampled_from(pods), max_size=9)) if pods else []
    endpoints = tuple(
        Endpoint(
            f"10.0.0.{index}",
            pod.uid,
            pod.node or "",
            draw(st.booleans()),
            draw(st.booleans()),
            draw(st.booleans()),
        )
        for index, pod in enumerate(some)
    )
    return EndpointSlice(f"slice-{service.uid}", "s", "default", service.name, endpoints)


NODE_NAMES = ("worker", "worker2", "worker3", "worker4")


@st.composite
def histories(draw: st.DrawFn) -> list[State]:
    """Instants one after the other: Pods come, wait, settle, change and go; nodes are cordoned.

    The nodes stay, and so do the Services once there are any.
    """
    nodes = draw(st.integers(1, len(NODE_NAMES)))
    names = [*NODE_NAMES[:nodes], CONTROL.name]
    served = draw(st.integers(0, 8))
    pods, told = dict[str, Pod](), list[State]()
    for step in range(draw(st.integers(2, 14))):
        for index in range(draw(st.integers(0, 6))):
            pod = a_pod(
                f"{OLD}-{step:02}{index}", None, owner=draw(st.sampled_from([OLD, NEW, ""]))
            )
            pods[pod.uid] = replace(pod, created=AT + timedelta(seconds=draw(st.integers(0, 9))))
        for uid in draw(st.lists(st.sampled_from([*pods]), max_size=9)) if pods else []:
            if uid in pods:
                _live_on(draw, pods, uid, names)
        workers = (a_node(n, ready=_any_ready(draw)) for n in names[:-1])
        cordoned = tuple(replace(node, cordoned=draw(st.booleans())) for node in workers)
        sets = (a_set(OLD, 1, 9 - min(step, 9), 0), a_set(NEW, 2, min(step, 9), 0))
        wanted = draw(st.integers(0, 9))
        state = State(AT + timedelta(seconds=step), (CONTROL, *cordoned), tuple(pods.values()))
        state = replace(state, replicasets=sets, deployments=(a_deployment(wanted=wanted),))
        told.append(in_service(state) if step >= served else state)
    return told[served:] if served < len(told) - 1 else told[:served]


def _any_ready(draw: st.DrawFn) -> str:
    return draw(st.sampled_from(["True", "True", "Unknown"]))


def _live_on(draw: st.DrawFn, pods: dict[str, Pod], uid: str, nodes: Sequence[str]) -> None:
    """One thing that happens to a Pod."""
    pod = pods[uid]
    match draw(st.sampled_from(["settle", "change", "leave", "go"])):
        case "settle" if pod.node is None:
            pods[uid] = replace(pod, node=draw(st.sampled_from(nodes)), phase="Running")
        case "change":
            look = {"ready": draw(st.booleans()), "reason": draw(st.sampled_from(REASONS))}
            pods[uid] = replace(pod, **look, restarts=draw(st.integers(0, 9)))
        case "leave" if pod.node:
            pods[uid] = leaving(pod, 30)
        case "go":
            del pods[uid]
