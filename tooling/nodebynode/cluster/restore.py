"""Putting a training cluster's nodes back as they were made: cordons, taints and labels.

All of it goes through the API, so that it serves every provider.
"""

from __future__ import annotations

from collections.abc import Mapping

from nodebynode.cluster.folder import NodeBaseline
from nodebynode.kube import Api, Json, Kind

_CONTROLLERS_TAINTS = "node.kubernetes.io/"
_BY_HAND_TAINTS = frozenset({"node.kubernetes.io/out-of-service"})


def baseline(api: Api) -> dict[str, NodeBaseline]:
    """Return every node's labels and lasting taints, to be put back later."""
    return {
        node["metadata"]["name"]: NodeBaseline(
            node["metadata"].get("labels") or {}, tuple(_lasting_taints(node))
        )
        for node in api.list(Kind.NODE)
    }


def node_differences(node: Json, was: NodeBaseline) -> list[str]:
    """Tell how a node differs from its baseline, a sentence each."""
    name = node["metadata"]["name"]
    labels = node["metadata"].get("labels") or {}
    found = []
    if node["spec"].get("unschedulable"):
        found.append(f"{name} was cordoned")
    found += [
        f"{name} had the taint {_taint(t)}" for t in _lasting_taints(node) if t not in was.taints
    ]
    found += [
        f"{name} lacked the taint {_taint(t)}" for t in was.taints if t not in _lasting_taints(node)
    ]
    found += [
        f"{name} had the label {key}={value}"
        for key, value in labels.items()
        if was.labels.get(key) != value
    ]
    found += [f"{name} lacked the label {key}" for key in was.labels if key not in labels]
    return found


def restore_nodes(api: Api, nodes: Mapping[str, NodeBaseline]) -> list[str]:
    """Undo cordons, taints and labels; returns what was undone, a sentence each."""
    undone: list[str] = []
    for node in api.list(Kind.NODE):
        name = node["metadata"]["name"]
        was = nodes.get(name)
        if was is None or not (found := node_differences(node, was)):
            continue
        labels = node["metadata"].get("labels") or {}
        gone = dict.fromkeys(key for key in labels if key not in was.labels)
        now = [taint for taint in node["spec"].get("taints") or () if _is_controllers(taint)]
        api.patch(
            Kind.NODE,
            name,
            {
                "metadata": {"labels": {**was.labels, **gone}},
                "spec": {"unschedulable": None, "taints": [*was.taints, *now]},
            },
        )
        undone += found
    return undone


def _lasting_taints(node: Json) -> list[dict[str, str]]:
    """Return the taints that somebody set, without those that the node controller sets itself."""
    taints = node["spec"].get("taints") or ()
    return [
        {key: taint[key] for key in ("key", "value", "effect") if key in taint}
        for taint in taints
        if not _is_controllers(taint)
    ]


def _is_controllers(taint: Mapping[str, str]) -> bool:
    return taint["key"].startswith(_CONTROLLERS_TAINTS) and taint["key"] not in _BY_HAND_TAINTS


def _taint(taint: Mapping[str, str]) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"
