"""Recordings told by hand, without a file: States at seconds, and marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nodebynode.recording import Mark, RecordedLoad
from nodebynode.state import Pod, State

from tests.unit.states import (
    AT,
    NODES,
    OLD,
    a_deployment,
    a_node,
    a_pod,
    a_set,
    a_slice,
    an_endpoint,
    leaving,
)


def after(seconds: float) -> datetime:
    """So many seconds after the beginning."""
    return AT + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Tape:
    """What a rule judges, as a Recording has it."""

    told: Sequence[State]
    marks: Sequence[Mark] = ()
    loads: Sequence[RecordedLoad] = ()
    cut: str = ""
    lasts: float = 1
    """Seconds from the last change to the end."""

    @property
    def ended(self) -> datetime:
        return self.told[-1].at + timedelta(seconds=self.lasts)

    def states(self) -> Iterator[tuple[datetime, State]]:
        return ((state.at, state) for state in self.told)


def act(seconds: float, text: str) -> Mark:
    return Mark(after(seconds), "action", text)


def three(*, without: str = "", unready: str = "", gone: str = "") -> list[Pod]:
    """The Pods a, b and c, one on each worker; some of them terminating, not ready or gone."""
    pods = [
        a_pod(f"{OLD}-{end}", node)
        for end, node in zip("abc", ("worker", "worker2", "worker3"), strict=True)
        if end not in gone
    ]
    pods = [replace(pod, ready=pod.name[-1] not in unready) for pod in pods]
    return [leaving(pod, 30) if pod.name[-1] in without else pod for pod in pods]


def instant(
    seconds: float, pods: Sequence[Pod] | None = None, *, wanted: int = 3, cordoned: str = ""
) -> State:
    """The shop at a second, with endpoints for all its Pods that have a node."""
    pods = three() if pods is None else pods
    ready = sum(pod.ready and pod.active for pod in pods)
    sets = (replace(a_set(OLD, 1, wanted, ready), available=ready),)
    nodes = tuple(a_node(node.name, cordoned=node.name == cordoned) for node in NODES)
    slices = (a_slice(*(an_endpoint(pod) for pod in pods if pod.node)),)
    shop = replace(a_deployment(wanted=wanted), total=len(pods))
    return State(after(seconds), nodes, tuple(pods), sets, (shop,), slices=slices)
