"""The cluster at one instant, as values.

The names are Kubernetes' own. Everything is frozen, so that a State can be compared, recorded and
drawn later without a lock. The joins are functions here because the API has none: an object knows
its owner's UID, never its children.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Taint:
    """A node's reason to refuse Pods that do not tolerate it."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        return (
            f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"
        )


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a Deployment: `type` is `status`, because of `reason`."""

    type: str
    status: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Node:
    """A machine; `cpu` (millicores) and `memory` (bytes) are what it has to allocate."""

    name: str
    ready: str
    """`True`, `False`, or `Unknown` when the kubelet has gone silent."""
    cordoned: bool
    control_plane: bool
    zone: str
    taints: tuple[Taint, ...]
    cpu: int
    memory: int


@dataclass(frozen=True, slots=True)
class Pod:
    """A Pod; `cpu` is what it requests, in millicores."""

    uid: str
    name: str
    namespace: str
    labels: Mapping[str, str] = field(hash=False)
    owner_uid: str
    node: str | None
    phase: str
    ready: bool
    """The Ready condition. It is not `ready_containers`: on a dead node that stays as it was."""
    ready_containers: int
    containers: int
    terminating: bool
    grace: int | None
    """Seconds that it is given to leave; None while it is not terminating."""
    gone_by: datetime | None
    reason: str
    """What `kubectl get pods` prints under STATUS."""
    restarts: int
    version: str
    """The tag of the first container's image."""
    unscheduled: str
    """The scheduler's message while it finds no node, else empty."""
    created: datetime | None
    cpu: int

    @property
    def finished(self) -> bool:
        """Whether all its containers have ended for good; its requests then count no more."""
        return self.phase in ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class ReplicaSet:
    """A ReplicaSet; `revision` is its Deployment's count of rollouts, 0 when it has none."""

    uid: str
    name: str
    namespace: str
    owner_uid: str
    revision: int
    version: str
    wanted: int
    ready: int
    created: datetime | None


@dataclass(frozen=True, slots=True)
class Deployment:
    """A Deployment; `surge` and `unavailable` are Pods, with percentages already resolved."""

    uid: str
    name: str
    namespace: str
    version: str
    wanted: int
    total: int
    """Its Pods of any version that are not terminating."""
    ready: int
    updated: int
    available: int
    strategy: str
    surge: int
    unavailable: int
    paused: bool
    observed: bool
    """Whether the status speaks of the present spec."""
    conditions: tuple[Condition, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing is left to roll out (`deployment_util.go: DeploymentComplete`)."""
        return self.observed and self.wanted == self.updated == self.total == self.available

    @property
    def rolling(self) -> bool:
        """Whether Pods of an older version still have to go or newer ones to come."""
        return not self.observed or self.updated != self.wanted or self.total != self.updated

    @property
    def overdue(self) -> bool:
        """Whether the rollout has exceeded its progress deadline."""
        return any(c.reason == "ProgressDeadlineExceeded" for c in self.conditions)


@dataclass(frozen=True, slots=True)
class State:
    """All that was seen at `at`, each kind in name order; node `worker2` before `worker10`."""

    at: datetime
    nodes: tuple[Node, ...] = ()
    pods: tuple[Pod, ...] = ()
    replicasets: tuple[ReplicaSet, ...] = ()
    deployments: tuple[Deployment, ...] = ()


def in_namespace(state: State, namespace: str | None) -> State:
    """The same instant with one namespace's objects only; nodes stay. None keeps everything."""
    if namespace is None:
        return state
    return State(
        at=state.at,
        nodes=state.nodes,
        pods=tuple(pod for pod in state.pods if pod.namespace == namespace),
        replicasets=tuple(rs for rs in state.replicasets if rs.namespace == namespace),
        deployments=tuple(d for d in state.deployments if d.namespace == namespace),
    )


def pods_on(state: State, node: str) -> tuple[Pod, ...]:
    """The Pods bound to a node, terminating and finished ones too."""
    return tuple(pod for pod in state.pods if pod.node == node)


def pods_of(state: State, owner_uid: str) -> tuple[Pod, ...]:
    """The Pods that a ReplicaSet (or another controller) owns."""
    return tuple(pod for pod in state.pods if owner_uid and pod.owner_uid == owner_uid)


def replicasets_of(state: State, deployment: Deployment) -> tuple[ReplicaSet, ...]:
    """A Deployment's ReplicaSets, oldest revision first."""
    owned = (rs for rs in state.replicasets if rs.owner_uid == deployment.uid)
    return tuple(sorted(owned, key=lambda rs: (rs.revision, rs.name)))


def unassigned(state: State) -> tuple[Pod, ...]:
    """The Pods that no node has been chosen for."""
    return tuple(pod for pod in state.pods if pod.node is None)


def requested_cpu(state: State, node: str) -> int:
    """CPU in millicores that a node's Pods request; the scheduler counts terminating ones too."""
    return sum(pod.cpu for pod in pods_on(state, node) if not pod.finished)


def seconds_left(pod: Pod, at: datetime) -> int | None:
    """Whole seconds of a terminating Pod's grace period that are left, at least 0."""
    return None if pod.gone_by is None else max(0, round((pod.gone_by - at).total_seconds()))
