"""What was heard between one look and the next, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from nodebynode.phrases import count
from nodebynode.recording.rules.finding import placed
from nodebynode.state import Deployment, Node, Pod, ReplicaSet, State

T = TypeVar("T")


def heard(before: State, after: State) -> str:
    """The change that lies between two States, without a full stop; empty where there is none.

    Between two neighbouring instants of a recording one object changes.
    """
    for old_pod, new_pod in _differing(before.pods, after.pods):
        return _of_pod(old_pod, new_pod)
    for old_set, new_set in _differing(before.replicasets, after.replicasets):
        return _of_set(old_set, new_set)
    for old_node, new_node in _differing(before.nodes, after.nodes):
        return _of_node(old_node, new_node)
    for old, new in _differing(before.deployments, after.deployments):
        return _of_deployment(old, new)
    for _, one in _differing(before.slices, after.slices):
        return f"the endpoints of Service {one.service} changed" if one else "endpoints were gone"
    return ""


def _differing(before: Sequence[T], after: Sequence[T]) -> list[tuple[T | None, T | None]]:
    """Objects that are in one of two rows only, with their other selves."""
    if before == after:
        return []
    olds, news = ({_key(one): one for one in row} for row in (before, after))
    return [
        (olds.get(key), news.get(key))
        for key in [*news, *(key for key in olds if key not in news)]
        if olds.get(key) != news.get(key)
    ]


def _key(one: object) -> str:
    return str(getattr(one, "uid", "") or getattr(one, "name", ""))


def _of_pod(old: Pod | None, new: Pod | None) -> str:
    if new is None:
        return f"Pod {placed(old)} was gone" if old else ""
    if old is None:
        return f"Pod {placed(new)} came"
    if new.terminating and not old.terminating:
        return f"Pod {placed(new)} began to terminate"
    if new.node and not old.node:
        return f"Pod {new.name} was bound to {new.node}"
    if new.ready != old.ready:
        return f"Pod {placed(new)} {'became' if new.ready else 'ceased to be'} ready"
    if new.owner_uid != old.owner_uid:
        return f"Pod {placed(new)} changed its owner"
    return f"Pod {placed(new)} changed"


def _of_set(old: ReplicaSet | None, new: ReplicaSet | None) -> str:
    one = new or old
    if one is None or old is None or new is None:
        return f"ReplicaSet {one.name} {'came' if new else 'was gone'}" if one else ""
    if new.wanted != old.wanted:
        return f"ReplicaSet {one.name} wanted {count(new.wanted, 'Pod')}, before {old.wanted}"
    if new.available != old.available:
        pods = count(new.available, "available Pod")
        return f"ReplicaSet {one.name} had {pods}, before {old.available}"
    return f"ReplicaSet {one.name} changed"


def _of_node(old: Node | None, new: Node | None) -> str:
    one = new or old
    if one is None or old is None or new is None:
        return f"node {one.name} {'came' if new else 'was gone'}" if one else ""
    if new.cordoned != old.cordoned:
        return f"node {one.name} was {'cordoned' if new.cordoned else 'uncordoned'}"
    if new.ready != old.ready:
        return f"node {one.name} became {'Ready' if new.ready == 'True' else 'NotReady'}"
    return f"node {one.name} changed"


def _of_deployment(old: Deployment | None, new: Deployment | None) -> str:
    one = new or old
    if one is None or old is None or new is None:
        return f"Deployment {one.name} {'came' if new else 'was gone'}" if one else ""
    if new.wanted != old.wanted:
        return f"Deployment {one.name} wanted {count(new.wanted, 'Pod')}, before {old.wanted}"
    return f"Deployment {one.name} changed"
