"""The instants whose pictures are kept: a rolling update, a drain, a failing node, and troubles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from nodebynode.recording import Recording
from nodebynode.state import Condition, Pod, State, in_namespace
from nodebynode.view import Scene, compose

from tests.unit.states import (
    AT,
    NEW,
    NO_ROOM,
    NODES,
    OLD,
    a_budget,
    a_deployment,
    a_node,
    a_pod,
    a_service,
    a_set,
    a_slice,
    an_endpoint,
    in_service,
    leaving,
    rollout,
    spread,
)

_RECORDINGS = Path(__file__).parent / "recordings"
_OLD_PODS = (("x2k8p", "worker"), ("c5rt9", "worker2"), ("m8v2d", "worker3"))
_NEW_PODS = (("q7wn4", "worker"), ("zz4hh", "worker2"), ("b6tkv", "worker3"))
STEPS = ((3, 0), (3, 1), (2, 1), (2, 2), (1, 2), (1, 3), (0, 3))
"""The sizes of the old and the new ReplicaSet, one replica more and none less allowed."""


def _rolling(step: int) -> State:
    """A step of the update: the newest Pod starts where one was added, one leaves where not."""
    old, new = STEPS[step]
    grows = step > 0 and new > STEPS[step - 1][1]
    shrinks = step > 0 and not grows
    olds = [a_pod(f"{OLD}-{end}", node) for end, node in _OLD_PODS[3 - old :]]
    if shrinks:
        end, node = _OLD_PODS[2 - old]
        olds.append(leaving(a_pod(f"{OLD}-{end}", node), 7 * step + 27))
    news = [
        a_pod(f"{NEW}-{end}", node, owner=NEW, ready=not grows or index < new - 1)
        for index, (end, node) in enumerate(_NEW_PODS[:new])
    ]
    news = [replace(pod, created=AT + timedelta(seconds=5)) for pod in news]
    ready = sum(pod.ready for pod in news)
    sets = [a_set(OLD, 1, old, old), *([a_set(NEW, 2, new, ready)] if new else [])]
    deployment = a_deployment("v2" if new else "v1", updated=new or 3, total=old + new)
    at = AT + timedelta(seconds=7 * step)
    return State(at, NODES, (*olds, *news), tuple(sets), (replace(deployment, ready=old + ready),))


def _pods_moved(state: State, *moves: Pod) -> State:
    names = {pod.name for pod in moves}
    return replace(state, pods=(*(p for p in state.pods if p.name not in names), *moves))


def _draining() -> State:
    """worker2 is cordoned, its Pod evicted; the budget lets nobody else leave meanwhile."""
    nodes = (*NODES[:2], a_node("worker2", "b", cordoned=True), NODES[3])
    gone = leaving(a_pod(f"{OLD}-c5rt9", "worker2"), 27)
    fresh = replace(a_pod(f"{OLD}-k9x4w", ready=False), reason="ContainerCreating")
    state = _pods_moved(replace(spread(), nodes=nodes), gone, fresh)
    state = replace(state, deployments=(replace(a_deployment(), ready=2, available=2),))
    state = replace(state, replicasets=(a_set(OLD, 1, 3, 2),))
    return replace(in_service(state), budgets=(a_budget(0, healthy=2),))


def _drained() -> State:
    state = _draining()
    pods = tuple(pod for pod in state.pods if not pod.terminating)
    up = {"ready": True, "ready_containers": 1, "reason": "Running"}
    state = replace(state, pods=tuple(replace(pod, **up) for pod in pods))
    state = replace(state, replicasets=(a_set(OLD, 1, 3, 3),), deployments=(a_deployment(),))
    return replace(in_service(state), budgets=(a_budget(1),))


def _node_silent() -> State:
    """worker3's kubelet has gone silent: its Pod is not ready, though its container may be."""
    nodes = (*NODES[:3], a_node("worker3", "c", ready="Unknown"))
    lost = replace(a_pod(f"{OLD}-m8v2d", "worker3"), ready=False)
    deployment = replace(a_deployment(), ready=2, available=2)
    state = replace(_pods_moved(spread(), lost), nodes=nodes, deployments=(deployment,))
    return in_service(replace(state, replicasets=(a_set(OLD, 1, 3, 2),)))


def _node_evicted() -> State:
    """Five minutes later: the Pod is to leave, nobody there answers, another runs elsewhere."""
    state = _node_silent()
    lost = leaving(next(pod for pod in state.pods if pod.node == "worker3"), -90)
    state = _pods_moved(state, lost, a_pod(f"{OLD}-w5k7z", "worker2"))
    sets = (a_set(OLD, 1, 3, 3),)
    return in_service(replace(state, replicasets=sets, deployments=(a_deployment(),)))


def _pending() -> State:
    waiting = replace(a_pod(f"{OLD}-m8v2d", None, ready=False), unscheduled=NO_ROOM)
    deployment = replace(a_deployment(total=3), ready=2, available=2)
    state = replace(_pods_moved(spread(), waiting), deployments=(deployment,))
    return replace(state, replicasets=(a_set(OLD, 1, 3, 2),))


def _crash_loop() -> State:
    bad = a_pod(f"{NEW}-q7wn4", "worker", owner=NEW, ready=False)
    bad = replace(bad, reason="CrashLoopBackOff", restarts=4)
    overdue = Condition("Progressing", "False", "ProgressDeadlineExceeded", "")
    deployment = replace(a_deployment("v2", updated=1, total=4), conditions=(overdue,))
    state = _pods_moved(spread(), bad)
    sets = (a_set(OLD, 1, 3, 3), a_set(NEW, 2, 1, 0))
    return in_service(replace(state, replicasets=sets, deployments=(deployment,)), address="")


def _two_services() -> State:
    state = _rolling(4)
    few = a_slice(*(an_endpoint(p) for p in state.pods if p.owner_uid == NEW), service="shop-v2")
    only = replace(a_service("shop-v2", type_="ClusterIP"), selector={"app": "shop", "v": "2"})
    both = (a_service(address="172.18.0.100"), only)
    return replace(in_service(state), services=both, slices=(*in_service(state).slices, few))


def crowd(pods: int, nodes: int, *, extra: bool = True) -> State:
    """A rolling update of many Pods: one in twenty starts, one leaves, one fails."""

    def one(index: int) -> Pod:
        new, turn = index % 2 == 1, index // 7
        letters = "".join("bcdfghjklm"[int(digit)] for digit in f"{index:05}")
        name, node = f"{NEW if new else OLD}-{letters}", f"worker{(index + turn) % nodes + 1}"
        pod = a_pod(name, node, owner=NEW if new else OLD, ready=index % 20 != 7 or not extra)
        if extra and index % 20 == 12:
            return leaving(pod, 20)
        if extra and index % 40 == 35:
            return replace(pod, ready=False, reason="CrashLoopBackOff", restarts=3)
        return pod

    made = tuple(map(one, range(pods)))
    sets = (a_set(OLD, 1, pods // 2, pods // 2), a_set(NEW, 2, pods // 2, pods // 2))
    workers = tuple(a_node(f"worker{i + 1}", "abc"[i % 3]) for i in range(nodes))
    deployment = a_deployment("v2", updated=pods // 2, total=pods, wanted=pods)
    return in_service(State(AT, (NODES[0], *workers), made, sets, (deployment,)))


def instants() -> Iterator[tuple[str, State]]:
    """Each instant's name and State; names that begin alike are of one story."""
    for step, (old, new) in enumerate(STEPS):
        yield f"rollout-{step + 1}-{old}-{new}", in_service(_rolling(step))
    yield "drain-1-before", replace(in_service(spread()), budgets=(a_budget(1),))
    yield "drain-2-evicting", _draining()
    yield "drain-3-done", _drained()
    yield "lost-1-silent", _node_silent()
    yield "lost-2-evicted", _node_evicted()
    yield "pending", _pending()
    yield "crash-loop", _crash_loop()
    yield "two-services", _two_services()
    yield "no-service", rollout()


def scenes() -> Iterator[tuple[str, Scene]]:
    """Each instant's name and its picture, drawn after the one before it in the same story."""
    before: dict[str, Scene] = {}
    for name, state in instants():
        story = name.partition("-")[0]
        before[story] = compose(state, before=before.get(story))
        yield name, before[story]
    yield "crowd", compose(crowd(40, 3), size="bars")


_SEEN = {
    "rollout": (0, 2.5, 4.45, 5.5, 6.75, 9.5, 11, 20),
    "drain": (1.65, 2.5, 7),
    "node-failure": (10, 18.3, 24, 46.3),
}
"""Instants of recordings of a kind cluster, in seconds from the beginning of each."""


def seen_on_kind() -> Iterator[tuple[str, Scene]]:
    """Yield pictures of what a real cluster did, each with a name; those of a run in order."""
    for name, instants in _SEEN.items():
        recording = Recording.read(_RECORDINGS / f"kind-{name}.jsonl.gz")
        scene = None
        for number, seconds in enumerate(instants):
            state = recording.state_at(recording.began + timedelta(seconds=seconds))
            scene = compose(in_namespace(state, "lab"), before=scene)
            yield f"kind-{name}-{number}", scene
