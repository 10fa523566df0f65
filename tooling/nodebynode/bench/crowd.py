"""States of any size, in the middle of a rolling update, for measuring what draws them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from nodebynode.state import Deployment, Node, Pod, ReplicaSet, State

_AT = datetime(2026, 1, 2, 14, 0, 0, tzinfo=UTC)
_OLD, _NEW = "shop-66944cdf98", "shop-9878bd7f6c"
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def crowd(pods: int, nodes: int) -> State:
    """So many Pods on so many nodes, one in three of the new version, one in ten not ready."""
    names = [f"worker{number}" for number in range(1, nodes + 1)]
    machines = tuple(Node(name, "True", False, False, "a", (), 4000, 2**33) for name in names)
    shown = tuple(_pod(number, names[number % nodes]) for number in range(pods))
    new = sum(pod.owner_uid == _NEW for pod in shown)
    sets = (_set(_OLD, 1, pods - new), _set(_NEW, 2, new))
    return State(_AT, machines, shown, sets, (_deployment(pods, new),))


def moved_on(state: State) -> State:
    """The State a moment later: one Pod has become ready, or is not any more."""
    first, *rest = state.pods
    other = replace(first, ready=not first.ready, ready_containers=int(not first.ready))
    return replace(state, at=state.at + timedelta(seconds=1), pods=(other, *rest))


def _pod(number: int, node: str) -> Pod:
    owner = _NEW if number % 3 == 0 else _OLD
    ready = number % 10 != 5
    name = f"{owner}-{_letters(number)}"
    return Pod(
        uid=f"uid-{number}",
        name=name,
        namespace="default",
        labels={"app": "shop"},
        owner_uid=owner,
        node=node,
        phase="Running",
        ready=ready,
        ready_containers=int(ready),
        containers=1,
        terminating=False,
        grace=None,
        gone_by=None,
        reason="Running",
        restarts=0,
        version="v2" if owner == _NEW else "v1",
        unscheduled="",
        created=_AT,
        cpu=50,
    )


def _letters(number: int) -> str:
    """Five letters as a controller ends a name with, of their own for each number."""
    many = len(_LETTERS)
    mixed = number * 7_368_787 % many**5  # no multiple of 3, and so no number comes twice
    return "".join(_LETTERS[mixed // many**place % many] for place in range(5))


def _set(name: str, revision: int, wanted: int) -> ReplicaSet:
    created = _AT + timedelta(minutes=revision)
    return ReplicaSet(
        name, name, "default", "shop", revision, f"v{revision}", wanted, wanted, created
    )


def _deployment(pods: int, new: int) -> Deployment:
    return Deployment(
        uid="shop",
        name="shop",
        namespace="default",
        version="v2",
        wanted=pods,
        total=pods,
        ready=pods,
        updated=new,
        available=pods,
        strategy="RollingUpdate",
        surge=pods // 4,
        unavailable=pods // 4,
        paused=False,
        observed=True,
        conditions=(),
    )
