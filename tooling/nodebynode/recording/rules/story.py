"""What a rule looks at: one namespace of a recording, instant by instant."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nodebynode.recording.reading import Mark
from nodebynode.state import Pod, ReplicaSet, State, in_namespace


class Told(Protocol):
    """What a rule can judge; a Recording is."""

    @property
    def ended(self) -> datetime:
        """When the last thing was heard."""

    @property
    def marks(self) -> Sequence[Mark]:
        """What people did, foretold and noted."""

    @property
    def cut(self) -> str:
        """What is missing at its end, in words."""

    def states(self) -> Iterator[tuple[datetime, State]]:
        """The cluster at the beginning, and at each instant at which something changed."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was there from an instant on, until the next look."""

    at: datetime
    state: State


class Story:
    """One namespace of a recording.

    A Pod knows its ReplicaSet by UID only, and kinds are heard apart. So whose Pod it is, is looked
    up in all that was ever heard, not only in what was there at that instant.

    Attributes:
        looks: The beginning, and each instant at which the namespace or a node changed.
        ended: When the recording ended.
        marks: Its marks.
        cut: What is missing at its end, in words.
        namespace: The namespace's name.
    """

    def __init__(self, told: Told, namespace: str) -> None:
        self.ended, self.marks, self.cut = told.ended, told.marks, told.cut
        self.namespace = namespace
        self.looks = list(_looks(told, namespace))
        self._instants = [look.at for look in self.looks]
        self._deployments: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        for look in self.looks:
            self._deployments |= {one.uid: one.name for one in look.state.deployments}
            self._owners |= {rs.uid: rs.owner_uid for rs in look.state.replicasets if rs.owner_uid}

    @property
    def deployments(self) -> Sequence[str]:
        """The names of all Deployments that were ever there."""
        return sorted(set(self._deployments.values()))

    def at(self, when: datetime) -> int:
        """The index of the look in which an instant lies; the first for what was before it."""
        return max(0, bisect_right(self._instants, when) - 1)

    def until(self, index: int) -> datetime:
        """When what a look shows was over."""
        return self.looks[index + 1].at if index + 1 < len(self.looks) else self.ended

    def sets(self, look: Look, deployment: str) -> list[ReplicaSet]:
        """A Deployment's ReplicaSets."""
        return [
            rs for rs in look.state.replicasets if self._deployments.get(rs.owner_uid) == deployment
        ]

    def pods(self, look: Look, deployment: str) -> list[Pod]:
        """A Deployment's Pods, terminating and finished ones too."""
        owners = {rs.uid: rs.owner_uid for rs in look.state.replicasets}
        return [
            pod
            for pod in look.state.pods
            if self._deployments.get(
                owners.get(pod.owner_uid, self._owners.get(pod.owner_uid, "")), ""
            )
            == deployment
        ]


def _looks(told: Told, namespace: str) -> Iterator[Look]:
    """The looks; instants at which only other namespaces or Events changed are none."""
    seen: object = None
    before: tuple[State, State] | None = None
    for at, state in told.states():
        here = in_namespace(state, namespace, before=before)
        before = state, here
        shown = (here.nodes, here.pods, here.replicasets, here.deployments, here.services,
                 here.slices, here.budgets)  # fmt: skip
        if shown != seen:
            seen = shown
            yield Look(at, here)
