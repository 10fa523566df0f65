"""What a Node object says of its node, in a word or two."""

from __future__ import annotations

from collections.abc import Iterable

from nodebynode.kube import Json


def ready_condition(node: Json) -> str:
    """Return the status of the Ready condition: `True`, `False` or `Unknown`."""
    for condition in node.get("status", {}).get("conditions") or ():
        if condition["type"] == "Ready":
            return str(condition["status"])
    return "Unknown"


def is_ready(node: Json) -> bool:
    """Whether the node is Ready."""
    return ready_condition(node) == "True"


def node_words(nodes: Iterable[Json]) -> dict[str, str]:
    """Return each node's state by name, as `kubectl get nodes` words it."""
    words = {"True": "Ready", "False": "NotReady", "Unknown": "NotReady (unknown)"}
    return {
        node["metadata"]["name"]: words[ready_condition(node)]
        + (", cordoned" if node["spec"].get("unschedulable") else "")
        for node in nodes
    }
