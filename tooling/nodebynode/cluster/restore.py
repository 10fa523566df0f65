"""Putting a training cluster back: nodes as they were made, and nothing of a learner's left.

All of it goes through the API, so that it serves every provider.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from nodebynode.cluster.folder import NodeBaseline
from nodebynode.errors import ApiError, ClusterError
from nodebynode.kube import Api, Json, Kind
from nodebynode.waiting import wait_for

SYSTEM_NAMESPACES = frozenset(
    {"default", "kube-system", "kube-public", "kube-node-lease", "local-path-storage"}
)
_OWNERS = (
    Kind.AUTOSCALER, Kind.CRON_JOB, Kind.JOB, Kind.DEPLOYMENT, Kind.REPLICA_SET,
    Kind.STATEFUL_SET, Kind.DAEMON_SET,
)  # fmt: skip
_CONTENTS = (*_OWNERS, Kind.BUDGET, Kind.POD, Kind.SERVICE, Kind.CONFIG_MAP)
_KEPT_IN_DEFAULT = {(Kind.SERVICE, "kubernetes"), (Kind.CONFIG_MAP, "kube-root-ca.crt")}
_FINALIZABLE = (*_CONTENTS, Kind.SECRET, Kind.PERSISTENT_VOLUME_CLAIM, Kind.SERVICE_ACCOUNT)
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


def remove_leftovers(api: Api, keep: frozenset[str] = frozenset()) -> list[str]:
    """Remove learners' namespaces, and what lies in `default`; returns what went, in words."""
    names = [namespace["metadata"]["name"] for namespace in api.list(Kind.NAMESPACE)]
    ours = [name for name in names if name not in SYSTEM_NAMESPACES | keep]
    undone = [f"namespace {name} was there" for name in ours]
    remove_namespaces(api, ours)
    if "default" not in keep:
        undone += _empty_default(api)
    return undone


def remove_namespaces(api: Api, names: Iterable[str], *, timeout: float = 30) -> None:
    """Remove namespaces with all that they hold, at once rather than gracefully.

    Owners go first and Pods without grace, so that the namespace controller finds nothing that it
    would have to wait for. Finalizers that nobody serves are taken off.

    Raises:
        ClusterError: a namespace is still there; the message names what holds it.
    """
    wanted = list(names)
    if not wanted:
        return
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: _empty(api, name), wanted))
        list(pool.map(lambda name: api.delete(Kind.NAMESPACE, name), wanted))
    try:
        _wait_gone(api, wanted, min(timeout, 8))
    except ClusterError:
        for name in wanted:
            _strip_finalizers(api, name)
        _wait_gone(api, wanted, timeout)


def _wait_gone(api: Api, names: list[str], timeout: float) -> None:
    left: list[Json] = []

    def gone() -> bool:
        left[:] = [n for n in api.list(Kind.NAMESPACE) if n["metadata"]["name"] in names]
        return not left

    wait_for(
        gone,
        timeout=timeout,
        what="namespaces to be gone",
        seen=lambda: "; ".join(map(_why_terminating, left)),
        do="Remove what holds it, or begin anew with `nodebynode down` and `nodebynode up`.",
        every=0.1,
    )


def _why_terminating(namespace: Json) -> str:
    """Say what keeps a namespace, in the namespace controller's own words."""
    conditions = namespace.get("status", {}).get("conditions") or ()
    reasons = [c.get("message", "") for c in conditions if c["status"] == "True"]
    return f"{namespace['metadata']['name']}: {' '.join(reasons) or 'no reason given'}"


def _empty(api: Api, namespace: str) -> None:
    """Remove owners and Pods of a namespace, so that nothing makes Pods any more."""
    for kind in (*_OWNERS, Kind.BUDGET):
        api.delete_all(kind, namespace)
    api.delete_all(Kind.POD, namespace, grace=0)


def _empty_default(api: Api) -> list[str]:
    """Remove everything of a learner's from `default`, which itself cannot be removed."""
    undone: list[str] = []
    for kind in _CONTENTS:
        for item in api.list(kind, "default"):
            name = item["metadata"]["name"]
            if (kind, name) in _KEPT_IN_DEFAULT:
                continue
            api.delete(kind, name, "default", grace=0 if kind is Kind.POD else None)
            if not item["metadata"].get("ownerReferences"):
                undone.append(f"{name} ({kind.plural}) was in the namespace default")
    return undone


def _strip_finalizers(api: Api, namespace: str) -> None:
    for kind in _FINALIZABLE:
        for item in api.list(kind, namespace):
            if item["metadata"].get("finalizers"):
                try:
                    api.patch(
                        kind,
                        item["metadata"]["name"],
                        {"metadata": {"finalizers": None}},
                        namespace,
                    )
                except ApiError as error:
                    if error.status != 404:
                        raise


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
