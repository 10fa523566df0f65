"""The cluster at one instant: values, how to read them from the API, and joins between them."""

from nodebynode.state.objects import (
    Condition,
    Deployment,
    Node,
    Pod,
    ReplicaSet,
    State,
    Taint,
    in_namespace,
    pods_of,
    pods_on,
    replicasets_of,
    requested_cpu,
    seconds_left,
    unassigned,
)
from nodebynode.state.parse import natural, parse_state
from nodebynode.state.quantity import millicores, parse_quantity, resolve_fenceposts

__all__ = [
    "Condition",
    "Deployment",
    "Node",
    "Pod",
    "ReplicaSet",
    "State",
    "Taint",
    "in_namespace",
    "millicores",
    "natural",
    "parse_quantity",
    "parse_state",
    "pods_of",
    "pods_on",
    "replicasets_of",
    "requested_cpu",
    "resolve_fenceposts",
    "seconds_left",
    "unassigned",
]
