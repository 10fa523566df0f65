"""The cluster at one instant, as values.

The names are Kubernetes' own. Everything is frozen, so that a State can be compared, recorded and
drawn later without a lock. The joins are functions here because the API has none: an object knows
its owner's UID, never its children.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from nodebynode.state.selector import Selector
from nodebynode.state.status import refusal

_NAMESPACED = ("pods", "replicasets", "deployments", "services", "slices", "budgets", "events")


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
    ready_since: datetime | None = None
    """When it last became ready, to the second; None while it is not ready."""
    deletion_cost: int = 0
    """Its annotation `controller.kubernetes.io/pod-deletion-cost`."""
    most_restarts: tuple[int, int] = (0, 0)
    """The restarts of the container with the most of them, and of the sidecar with the most."""
    disrupted: str = ""
    """Who makes it leave before its time: `EvictionByEvictionAPI`, `DeletionByTaintManager`, …

    It is the reason of its condition DisruptionTarget; empty for a Pod that was simply deleted."""

    @property
    def finished(self) -> bool:
        """Whether all its containers have ended for good; its requests then count no more."""
        return self.phase in ("Succeeded", "Failed")

    @property
    def active(self) -> bool:
        """Whether it counts as a replica (`controller_utils.go: IsPodActive`)."""
        return not (self.finished or self.terminating)

    @property
    def refusal(self) -> str:
        """Why the scheduler found no node, in a sentence; empty while it has not said so."""
        return refusal(self.unscheduled)


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
    available: int = 0
    """Pods that are ready for `minReadySeconds`; the Deployment controller counts these."""


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
    min_ready: int = 0
    """Seconds for which a Pod must be ready to count as available."""

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
class Endpoint:
    """One address of an EndpointSlice, and what its conditions say of it.

    Conditions that a slice leaves out mean ready and serving, and not terminating.
    Source: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions
    """

    address: str
    pod_uid: str
    """The Pod that it leads to (`targetRef`), else empty."""
    node: str
    ready: bool
    serving: bool
    terminating: bool


@dataclass(frozen=True, slots=True)
class EndpointSlice:
    """Some of a Service's endpoints; `service` is its label `kubernetes.io/service-name`."""

    uid: str
    name: str
    namespace: str
    service: str
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """A Service; `addresses` are what a load balancer gave it, none while that is pending."""

    uid: str
    name: str
    namespace: str
    type: str
    selector: Mapping[str, str] = field(hash=False)
    node_ports: tuple[int, ...] = ()
    addresses: tuple[str, ...] = ()

    @property
    def pending(self) -> bool:
        """Whether it waits for a load balancer's address."""
        return self.type == "LoadBalancer" and not self.addresses


@dataclass(frozen=True, slots=True)
class Budget:
    """A PodDisruptionBudget as its status counts it, in Pods."""

    uid: str
    name: str
    namespace: str
    rule: str
    """What it asks for: `minAvailable 2` or `maxUnavailable 1`."""
    selector: Selector
    allowed: int
    """How many Pods may be evicted now."""
    healthy: int
    desired: int
    expected: int


@dataclass(frozen=True, slots=True)
class Event:
    """What a component said of an object; `first` and `last` are when."""

    uid: str
    namespace: str
    about_kind: str
    about_name: str
    about_uid: str
    type: str
    reason: str
    message: str
    source: str
    count: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class State:
    """All that was seen at `at`, each kind in name order; node `worker2` before `worker10`."""

    at: datetime
    nodes: tuple[Node, ...] = ()
    pods: tuple[Pod, ...] = ()
    replicasets: tuple[ReplicaSet, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    services: tuple[Service, ...] = ()
    slices: tuple[EndpointSlice, ...] = ()
    budgets: tuple[Budget, ...] = ()
    events: tuple[Event, ...] = ()


def in_namespace(
    state: State, namespace: str | None, *, before: tuple[State, State] | None = None
) -> State:
    """The same instant with one namespace's objects only; nodes stay. None keeps everything.

    Args:
        state: What was there.
        namespace: The namespace.
        before: An earlier state, and what this made of it: what is the same in both is not looked
            through again.
    """
    if namespace is None:
        return state
    whole, part = before or (State(state.at), State(state.at))
    kept = dict[str, Any]()
    for kind in _NAMESPACED:
        items = getattr(state, kind)
        if items is getattr(whole, kind):
            kept[kind] = getattr(part, kind)
        else:
            kept[kind] = tuple(one for one in items if one.namespace == namespace)
    return replace(state, **kept)


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


def endpoints_of(state: State, service: Service) -> tuple[Endpoint, ...]:
    """A Service's endpoints, of all its slices, each address once."""
    found = {
        endpoint.address: endpoint
        for one in state.slices
        if (one.namespace, one.service) == (service.namespace, service.name)
        for endpoint in one.endpoints
    }
    return tuple(found.values())


def budgets_of(state: State, pod: Pod) -> tuple[Budget, ...]:
    """The budgets that speak for a Pod; with more than one of them it cannot be evicted at all."""
    return tuple(
        budget
        for budget in state.budgets
        if budget.namespace == pod.namespace and budget.selector.matches(pod.labels)
    )


def events_about(state: State, uid: str) -> tuple[Event, ...]:
    """What was said of an object, the latest last."""
    return tuple(event for event in state.events if uid and event.about_uid == uid)
