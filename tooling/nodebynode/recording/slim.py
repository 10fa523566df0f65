"""What a recording keeps of an object: the fields that a State is read from, and no others.

A Pod as the API gives it has some kilobytes, most of it about who wrote which field. And a
recording is shown to others: environment variables, commands and annotations must not be in it.
Both speak for a list of what is kept, and against a list of what is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from nodebynode.state.status import Json


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Of a list, the items whose `field` has one of the values, and what is kept of each."""

    field: str
    shapes: Mapping[object, Shape]


Shape = Mapping[str, "Shape"] | _Chosen | None
"""What is kept: of a mapping the keys, of a list the same of each item; None keeps all of it."""


def _all(*names: str, **inside: Shape) -> dict[str, Shape]:
    return {**dict.fromkeys(names), **inside}


_CONDITION = _all("type", "status", "reason", "message")
_STATUS = _all("type", "status")
_OWNERS = _Chosen("controller", {True: _all("uid", "controller")})
_REVISION = _all("deployment.kubernetes.io/revision")
_COST = _all("controller.kubernetes.io/pod-deletion-cost")
_CPU = _all("cpu")
_REQUESTS = _all(requests=_CPU)
_TEMPLATE = _all(spec=_all(containers=_all("image")))
_CONTAINER = _all("image", resources=_REQUESTS)
_INIT_CONTAINER = _all("name", "restartPolicy", resources=_REQUESTS)
_WAITING, _ENDED = _all("reason"), _all("reason", "signal", "exitCode")
_RUN = _all(
    "ready",
    "restartCount",
    state=_all(running=_all(), waiting=_WAITING, terminated=_ENDED),
)
_INIT_RUN = _all(
    "name",
    "ready",
    "started",
    "restartCount",
    state=_all(waiting=_WAITING, terminated=_ENDED),
)


def _meta(*names: str, **inside: Shape) -> Shape:
    return _all("uid", "name", "namespace", *names, **inside)


_SHAPES: Mapping[str, Shape] = {
    "nodes": _all(
        metadata=_all(
            "uid",
            "name",
            labels=_all("topology.kubernetes.io/zone", "node-role.kubernetes.io/control-plane"),
        ),
        spec=_all("unschedulable", taints=_all("key", "value", "effect")),
        status=_all(
            allocatable=_all("cpu", "memory"), conditions=_Chosen("type", {"Ready": _STATUS})
        ),
    ),
    "deployments": _all(
        metadata=_meta("generation"),
        spec=_all(
            "replicas",
            "minReadySeconds",
            "paused",
            strategy=_all("type", rollingUpdate=_all("maxSurge", "maxUnavailable")),
            template=_TEMPLATE,
        ),
        status=_all(
            "replicas",
            "readyReplicas",
            "updatedReplicas",
            "availableReplicas",
            "observedGeneration",
            conditions=_CONDITION,
        ),
    ),
    "replicasets": _all(
        metadata=_meta("creationTimestamp", ownerReferences=_OWNERS, annotations=_REVISION),
        spec=_all("replicas", template=_TEMPLATE),
        status=_all("readyReplicas", "availableReplicas"),
    ),
    "pods": _all(
        metadata=_meta(
            "labels",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            ownerReferences=_OWNERS,
            annotations=_COST,
        ),
        spec=_all(
            "nodeName",
            containers=_CONTAINER,
            initContainers=_INIT_CONTAINER,
            overhead=_CPU,
            resources=_REQUESTS,
        ),
        status=_all(
            "phase",
            "reason",
            conditions=_Chosen(
                "type",
                {
                    "Ready": _all("type", "status", "lastTransitionTime"),
                    "Initialized": _STATUS,
                    "PodScheduled": _CONDITION,
                    "DisruptionTarget": _all("type", "status", "reason"),
                },
            ),
            containerStatuses=_RUN,
            initContainerStatuses=_INIT_RUN,
        ),
    ),
    "services": _all(
        metadata=_meta(),
        spec=_all("type", "selector", ports=_all("nodePort")),
        status=_all(loadBalancer=_all(ingress=_all("ip", "hostname"))),
    ),
    "endpointslices": _all(
        metadata=_meta(labels=_all("kubernetes.io/service-name")),
        endpoints=_all(
            "addresses",
            "nodeName",
            conditions=_all("ready", "serving", "terminating"),
            targetRef=_all("kind", "uid"),
        ),
    ),
    "poddisruptionbudgets": _all(
        metadata=_meta(),
        spec=_all("minAvailable", "maxUnavailable", "selector"),
        status=_all("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"),
    ),
    "events": _all(
        "type",
        "reason",
        "message",
        "count",
        "firstTimestamp",
        "lastTimestamp",
        "eventTime",
        "reportingComponent",
        metadata=_all("uid", "namespace", "creationTimestamp"),
        involvedObject=_all("kind", "name", "uid"),
        series=_all("count", "lastObservedTime"),
        source=_all("component"),
    ),
}

PLURALS = tuple(_SHAPES)
"""The kinds that a recording holds: owners before what they own, events last."""


def slim(plural: str, obj: Json) -> Json:
    """The part of an object that `parse_state` reads; nulls are left out."""
    kept = cast("Json", _kept(_SHAPES[plural], obj))
    return _said_once(kept) if plural == "events" else kept


_ONCE = ("involvedObject", "type", "reason", "message")


def _said_once(event: Json) -> Json:
    """An Event without what it says twice: the same times and counts stand in up to three places.

    They are kept in the older fields, in the precedence of `parse_state`.
    """
    series, source = event.get("series", {}), event.get("source", {})
    first = event.get("firstTimestamp") or event.get("eventTime")
    first = first or event["metadata"].get("creationTimestamp")
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    count = series.get("count") or event.get("count") or 1
    component = source.get("component") or event.get("reportingComponent")
    said = {
        "source": component and {"component": component},
        "count": count if count != 1 else None,
        "firstTimestamp": first,
        "lastTimestamp": last if last != first else None,
    }
    meta = {key: value for key, value in event["metadata"].items() if key != "creationTimestamp"}
    kept = {key: event[key] for key in _ONCE if key in event}
    return {"metadata": meta, **kept, **{key: value for key, value in said.items() if value}}


def _kept(shape: Shape, value: object) -> object:
    if isinstance(value, list):
        return [_kept(one, item) for item in value if (one := _of(shape, item)) is not _NOTHING]
    if isinstance(value, dict) and not isinstance(shape, _Chosen):
        keys = value if shape is None else shape
        return {
            key: _kept(shape and shape[key], value[key])
            for key in keys
            if value.get(key) is not None
        }
    return value


_NOTHING = _Chosen("", {})


def _of(shape: Shape, item: object) -> Shape:
    """What is kept of an item of a list; `_NOTHING` when it is left out."""
    if not isinstance(shape, _Chosen):
        return shape
    value = item.get(shape.field) if isinstance(item, dict) else None
    return shape.shapes.get(value, _NOTHING)
