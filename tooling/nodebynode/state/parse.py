"""From the API's JSON to a State; the only place that knows where a field stands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from nodebynode.state.objects import Condition, Deployment, Node, Pod, ReplicaSet, State, Taint
from nodebynode.state.quantity import millicores, parse_time, resolve_fenceposts, whole
from nodebynode.state.status import Json, condition, pod_status

_ZONE = "topology.kubernetes.io/zone"
_ROLE = "node-role.kubernetes.io/control-plane"
_REVISION = "deployment.kubernetes.io/revision"


def parse_state(objects: Mapping[str, Sequence[Json]], *, at: datetime) -> State:
    """Read the API's lists.

    Args:
        objects: The `items` of each list under `nodes`, `pods`, `replicasets` and `deployments`;
            a kind that is left out is empty.
        at: When the lists were read, with its time zone.

    Returns:
        The state: each kind by namespace and name as kubectl lists it, nodes as people count them.

    Raises:
        BadInput: A quantity, percentage or time cannot be read.
    """

    def in_order(kind: str) -> list[Json]:
        return sorted(objects.get(kind, ()), key=_order)

    return State(
        at=at,
        nodes=tuple(sorted(map(_node, in_order("nodes")), key=lambda node: natural(node.name))),
        pods=tuple(map(_pod, in_order("pods"))),
        replicasets=tuple(map(_replicaset, in_order("replicasets"))),
        deployments=tuple(map(_deployment, in_order("deployments"))),
    )


def natural(name: str) -> tuple[tuple[str, int], ...]:
    """A sort key that puts `worker2` before `worker10`."""
    return tuple((text, int(digits or 0)) for text, digits in re.findall(r"(\D*)([0-9]*)", name))


def _order(obj: Json) -> tuple[Any, ...]:
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"], meta.get("uid", "")


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
    scheduled, shown = condition(obj, "PodScheduled"), pod_status(obj)
    return Pod(
        **_names(obj),
        labels=dict(meta.get("labels") or {}),
        owner_uid=_owner(obj),
        node=spec.get("nodeName") or None,
        phase=status.get("phase", "Pending"),
        ready=condition(obj, "Ready").get("status") == "True",
        ready_containers=shown.ready,
        containers=shown.containers,
        terminating=bool(meta.get("deletionTimestamp")),
        grace=meta.get("deletionGracePeriodSeconds"),
        gone_by=parse_time(meta.get("deletionTimestamp")),
        reason=shown.reason,
        restarts=shown.restarts,
        version=_version(spec),
        unscheduled=scheduled.get("message", "") if scheduled.get("status") == "False" else "",
        created=parse_time(meta.get("creationTimestamp")),
        cpu=_requested_cpu(spec),
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
    )


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
