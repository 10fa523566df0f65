"""From the API's JSON to a State; the only place that knows where a field stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from nodebynode.state.objects import (
    Budget,
    Condition,
    Deployment,
    Endpoint,
    EndpointSlice,
    Event,
    Node,
    Pod,
    ReplicaSet,
    Service,
    State,
    Taint,
)
from nodebynode.state.quantity import millicores, parse_time, resolve_fenceposts, whole
from nodebynode.state.selector import Requirement, Selector
from nodebynode.state.status import Json, condition, most_restarts, pod_status, unscheduled

T = TypeVar("T")
Order = tuple[Any, ...]
_ZONE = "topology.kubernetes.io/zone"
_ROLE = "node-role.kubernetes.io/control-plane"
_SERVICE = "kubernetes.io/service-name"
_COST = "controller.kubernetes.io/pod-deletion-cost"
_REVISION = "deployment.kubernetes.io/revision"


def parse_state(objects: Mapping[str, Sequence[Json]], *, at: datetime) -> State:
    """Read the API's lists.

    Args:
        objects: The `items` of each list under its plural: `nodes`, `pods`, `replicasets`,
            `deployments`, `services`, `endpointslices`, `poddisruptionbudgets` and `events`; a
            kind that is left out is empty.
        at: When the lists were read, with its time zone.

    Returns:
        The state: each kind by namespace and name as kubectl lists it, nodes as people count them.

    Raises:
        BadInput: A quantity, percentage or time cannot be read.
    """

    def read(plural: str, kind: Reading[T]) -> tuple[T, ...]:
        return tuple(sorted(map(kind.parse, objects.get(plural, ())), key=kind.order))

    return State(
        at=at,
        nodes=read("nodes", NODES),
        pods=read("pods", PODS),
        replicasets=read("replicasets", REPLICASETS),
        deployments=read("deployments", DEPLOYMENTS),
        services=read("services", SERVICES),
        slices=read("endpointslices", SLICES),
        budgets=read("poddisruptionbudgets", BUDGETS),
        events=read("events", EVENTS),
    )


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """How one object of a kind is read, and where it stands among its like."""

    parse: Callable[[Json], T]
    order: Callable[[T], Order]


def natural(name: str) -> tuple[tuple[str, int], ...]:
    """A sort key that puts `worker2` before `worker10`."""
    return tuple((text, int(digits or 0)) for text, digits in re.findall(r"(\D*)([0-9]*)", name))


def _names(obj: Json) -> dict[str, str]:
    """The three names that every namespaced object has."""
    meta = obj["metadata"]
    return {
        "uid": meta.get("uid", ""),
        "name": meta["name"],
        "namespace": meta.get("namespace", ""),
    }


def _node(obj: Json) -> Node:
    labels = obj["metadata"].get("labels") or {}
    spec = obj.get("spec") or {}
    room = (obj.get("status") or {}).get("allocatable") or {}
    return Node(
        name=obj["metadata"]["name"],
        ready=condition(obj, "Ready").get("status", "Unknown"),
        cordoned=bool(spec.get("unschedulable")),
        control_plane=_ROLE in labels,
        zone=labels.get(_ZONE, ""),
        taints=tuple(
            Taint(t["key"], t.get("value") or "", t["effect"]) for t in spec.get("taints") or ()
        ),
        cpu=millicores(room.get("cpu", 0)),
        memory=whole(room.get("memory", 0)),
    )


def _pod(obj: Json) -> Pod:
    meta, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    shown = pod_status(obj)
    ready, disrupted = condition(obj, "Ready"), condition(obj, "DisruptionTarget")
    is_ready = ready.get("status") == "True"
    return Pod(
        **_names(obj),
        labels=dict(meta.get("labels") or {}),
        owner_uid=_owner(obj),
        node=spec.get("nodeName") or None,
        phase=status.get("phase", "Pending"),
        ready=is_ready,
        ready_containers=shown.ready,
        containers=shown.containers,
        terminating=bool(meta.get("deletionTimestamp")),
        grace=meta.get("deletionGracePeriodSeconds"),
        gone_by=parse_time(meta.get("deletionTimestamp")),
        reason=shown.reason,
        restarts=shown.restarts,
        version=_version(spec),
        unscheduled=unscheduled(obj),
        created=parse_time(meta.get("creationTimestamp")),
        cpu=_requested_cpu(spec),
        ready_since=parse_time(ready.get("lastTransitionTime")) if is_ready else None,
        deletion_cost=int((meta.get("annotations") or {}).get(_COST, 0)),
        most_restarts=most_restarts(obj),
        disrupted=disrupted.get("reason", "") if disrupted.get("status") == "True" else "",
    )


def _replicaset(obj: Json) -> ReplicaSet:
    meta, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    revision = (meta.get("annotations") or {}).get(_REVISION, "")
    return ReplicaSet(
        **_names(obj),
        owner_uid=_owner(obj),
        revision=int(revision) if revision.isdecimal() else 0,
        version=_template_version(spec),
        wanted=_replicas(spec),
        ready=status.get("readyReplicas") or 0,
        available=status.get("availableReplicas") or 0,
        created=parse_time(meta.get("creationTimestamp")),
    )


def _deployment(obj: Json) -> Deployment:
    meta, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    strategy = spec.get("strategy") or {}
    surge, unavailable = _fenceposts(strategy, _replicas(spec))
    return Deployment(
        **_names(obj),
        version=_template_version(spec),
        wanted=_replicas(spec),
        total=status.get("replicas") or 0,
        ready=status.get("readyReplicas") or 0,
        updated=status.get("updatedReplicas") or 0,
        available=status.get("availableReplicas") or 0,
        strategy=strategy.get("type", "RollingUpdate"),
        surge=surge,
        unavailable=unavailable,
        paused=bool(spec.get("paused")),
        observed=status.get("observedGeneration", 0) >= meta.get("generation", 0),
        conditions=tuple(
            Condition(c["type"], c["status"], c.get("reason") or "", c.get("message") or "")
            for c in status.get("conditions") or ()
        ),
        min_ready=spec.get("minReadySeconds") or 0,
    )


def _service(obj: Json) -> Service:
    spec = obj.get("spec") or {}
    given = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    ports = (port.get("nodePort") for port in spec.get("ports") or ())
    return Service(
        **_names(obj),
        type=spec.get("type", "ClusterIP"),
        selector=dict(spec.get("selector") or {}),
        node_ports=tuple(port for port in ports if port),
        addresses=tuple(one.get("ip") or one.get("hostname") or "" for one in given),
    )


def _slice(obj: Json) -> EndpointSlice:
    labels = obj["metadata"].get("labels") or {}
    return EndpointSlice(
        **_names(obj),
        service=labels.get(_SERVICE, ""),
        endpoints=tuple(map(_endpoint, obj.get("endpoints") or ())),
    )


def _endpoint(obj: Json) -> Endpoint:
    conditions, target = obj.get("conditions") or {}, obj.get("targetRef") or {}
    ready = conditions.get("ready") is not False
    serving = conditions.get("serving")
    return Endpoint(
        address=next(iter(obj.get("addresses") or ()), ""),
        pod_uid=target.get("uid", "") if target.get("kind") == "Pod" else "",
        node=obj.get("nodeName") or "",
        ready=ready,
        serving=ready if serving is None else bool(serving),
        terminating=bool(conditions.get("terminating")),
    )


def _budget(obj: Json) -> Budget:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    rules = (f"{key} {spec[key]}" for key in ("minAvailable", "maxUnavailable") if key in spec)
    return Budget(
        **_names(obj),
        rule=next(rules, "minAvailable 1"),
        selector=_selector(spec.get("selector")),
        allowed=status.get("disruptionsAllowed") or 0,
        healthy=status.get("currentHealthy") or 0,
        desired=status.get("desiredHealthy") or 0,
        expected=status.get("expectedPods") or 0,
    )


def _selector(given: Json | None) -> Selector:
    if given is None:
        return Selector(None)
    labels = given.get("matchLabels") or {}
    return Selector(
        (
            *(Requirement(key, "In", (value,)) for key, value in sorted(labels.items())),
            *(
                Requirement(one["key"], one["operator"], tuple(one.get("values") or ()))
                for one in given.get("matchExpressions") or ()
            ),
        )
    )


def _event(obj: Json) -> Event:
    meta, about = obj["metadata"], obj.get("involvedObject") or {}
    series = obj.get("series") or {}
    last = series.get("lastObservedTime") or obj.get("lastTimestamp") or obj.get("eventTime")
    first = obj.get("firstTimestamp") or obj.get("eventTime") or meta.get("creationTimestamp")
    return Event(
        uid=meta.get("uid", ""),
        namespace=meta.get("namespace", ""),
        about_kind=about.get("kind", ""),
        about_name=about.get("name", ""),
        about_uid=about.get("uid", ""),
        type=obj.get("type", ""),
        reason=obj.get("reason", ""),
        message=obj.get("message", ""),
        source=(obj.get("source") or {}).get("component") or obj.get("reportingComponent") or "",
        count=series.get("count") or obj.get("count") or 1,
        first=parse_time(first),
        last=parse_time(last) or parse_time(first),
    )


def _when(event: Event) -> Order:
    return event.last or datetime.min.replace(tzinfo=UTC), event.uid


def _by_name(one: Pod | ReplicaSet | Deployment | Service | EndpointSlice | Budget) -> Order:
    return one.namespace, one.name, one.uid


def _replicas(spec: Json) -> int:
    """`spec.replicas`, where 0 is a number and leaving it out means 1."""
    return 1 if spec.get("replicas") is None else int(spec["replicas"])


def _fenceposts(strategy: Json, wanted: int) -> tuple[int, int]:
    """Surge and unavailable of a strategy; Recreate has neither, it takes all Pods away first."""
    if strategy.get("type", "RollingUpdate") != "RollingUpdate" or wanted == 0:
        return 0, 0
    rolling = strategy.get("rollingUpdate") or {}
    surge, unavailable = resolve_fenceposts(
        rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%"), wanted
    )
    return surge, min(unavailable, wanted)


def _owner(obj: Json) -> str:
    """The UID of the owner that controls the object, or nothing."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((o["uid"] for o in owners if o.get("controller")), "")


def _template_version(spec: Json) -> str:
    return _version((spec.get("template") or {}).get("spec") or {})


def _version(spec: Json) -> str:
    """The first image's tag, the start of its digest when it has no tag, else `latest`."""
    first: Json = next(iter(spec.get("containers") or ()), {})
    image, _, digest = first.get("image", "").partition("@")
    tag = image.rpartition("/")[2].partition(":")[2]
    return tag or digest.partition(":")[2][:7] or ("latest" if image else "")


def _requested_cpu(spec: Json) -> int:
    """CPU that the scheduler sets aside, in millicores.

    The containers' sum, or the largest init container where that is more; sidecars count with
    both. Source: kubernetes, `component-helpers/resource/helpers.go: PodRequests`.
    """
    overhead = millicores((spec.get("overhead") or {}).get("cpu", 0))
    whole_pod = ((spec.get("resources") or {}).get("requests") or {}).get("cpu")
    if whole_pod is not None:
        return millicores(whole_pod) + overhead
    sidecars = peak = 0
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            sidecars += _cpu(container)
            peak = max(peak, sidecars)
        else:
            peak = max(peak, sidecars + _cpu(container))
    return max(sidecars + sum(map(_cpu, spec.get("containers") or ())), peak) + overhead


def _cpu(container: Json) -> int:
    return millicores(((container.get("resources") or {}).get("requests") or {}).get("cpu", 0))


NODES = Reading(_node, lambda node: (natural(node.name), node.name))
PODS = Reading(_pod, _by_name)
REPLICASETS = Reading(_replicaset, _by_name)
DEPLOYMENTS = Reading(_deployment, _by_name)
SERVICES = Reading(_service, _by_name)
SLICES = Reading(_slice, _by_name)
BUDGETS = Reading(_budget, _by_name)
EVENTS = Reading(_event, _when)
