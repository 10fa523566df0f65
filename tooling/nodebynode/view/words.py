"""The picture in words: one or a few short sentences, and tables. They say all that it shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nodebynode.state import (
    Deployment,
    Node,
    State,
    pods_on,
    replicasets_of,
    requested_cpu,
    unassigned,
)
from nodebynode.view.metrics import clean
from nodebynode.view.pods import look_of


class Table(NamedTuple):
    """Rows of plain text under column heads."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def count(number: int, noun: str) -> str:
    """`1 Pod`, `2 Pods`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def cores(millicores: int) -> str:
    """CPU in cores without needless zeros: 250 is `0.25`."""
    return f"{millicores / 1000:.3f}".rstrip("0").rstrip(".")


def node_status(node: Node) -> str:
    """`Ready`, or `NotReady` and whether its kubelet says so or has gone silent."""
    said = {"True": "Ready", "False": "NotReady", "Unknown": "NotReady (silent)"}
    return said.get(node.ready, node.ready)


def sentence(state: State) -> str:
    """What the picture shows, most important first, then what is out of the ordinary."""
    return clean(" ".join([headline(state), *exceptions(state)]))


def headline(state: State) -> str:
    """How the Deployments are, in one sentence."""
    return f"{_subject(state)}."


def exceptions(state: State) -> list[str]:
    """What is out of the ordinary, in a sentence each."""
    return [f"{part}." for part in (*_nodes_out(state.nodes), *_pods_out(state))]


def _subject(state: State) -> str:
    if len(state.deployments) == 1:
        return _deployment(state, state.deployments[0])
    if not state.deployments:
        ready = sum(pod.ready for pod in state.pods)
        return f"{count(len(state.pods), 'Pod')}, {ready} ready" if state.pods else "No Pods"
    wanted = sum(d.wanted for d in state.deployments)
    available = sum(d.available for d in state.deployments)
    head = f"{len(state.deployments)} Deployments: {available} of {wanted} Pods available"
    rolling = [d.name for d in state.deployments if d.rolling]
    return f"{head}, rolling out {_listed(rolling)}" if rolling else head


def _deployment(state: State, deployment: Deployment) -> str:
    name, wanted, here = deployment.name, deployment.wanted, deployment.available
    replaces = sum(bool(rs.wanted) for rs in replicasets_of(state, deployment)) > 1
    if deployment.paused:
        return f"{name} is paused: {here} of {count(wanted, 'Pod')} available"
    if not (deployment.rolling and replaces):
        nodes = len({p.node for p in state.pods if p.node and look_of(p).kind == "ready"})
        where = f" on {count(nodes, 'node')}" if here else ""
        return f"{name}: {here} of {count(wanted, 'Pod')} available{where}"
    stuck = "Stuck rolling out" if deployment.overdue else "Rolling out"
    least = wanted - deployment.unavailable
    promise = "as promised" if here >= least else f"fewer than the {least} promised"
    new = f"{deployment.updated} of {count(wanted, 'Pod')}"
    verb = "is" if deployment.updated == 1 else "are"
    return f"{stuck} {name} {deployment.version}: {new} {verb} new, {here} available, {promise}"


def _nodes_out(nodes: Iterable[Node]) -> Iterator[str]:
    for group, what in (
        ([n.name for n in nodes if n.cordoned], "cordoned"),
        ([n.name for n in nodes if n.ready != "True"], "NotReady"),
    ):
        if group:
            yield f"{_listed(group)} {'is' if len(group) == 1 else 'are'} {what}"


def _pods_out(state: State) -> Iterator[str]:
    looks = Counter(look_of(pod).kind for pod in state.pods)
    if waiting := len(unassigned(state)):
        yield f"{count(waiting, 'Pod')} {'waits' if waiting == 1 else 'wait'} for a node"
    for kind, verb in (("leaving", "leaving"), ("unready", "not ready"), ("failed", "failing")):
        if number := looks[kind]:
            yield f"{count(number, 'Pod')} {'is' if number == 1 else 'are'} {verb}"


def _listed(names: list[str]) -> str:
    shown = names[:3] + ([f"{len(names) - 3} more"] if len(names) > 3 else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def tables(state: State, everything: State | None = None) -> tuple[Table, ...]:
    """The tables behind the picture; those without rows are left out.

    Args:
        state: What is shown.
        everything: All namespaces, of which the nodes' requests are summed.
    """
    found = (
        _deployments(state),
        _replicasets(state),
        _nodes(state, everything or state),
        _pods(state),
    )
    return tuple(table for table in found if table.rows)


def _deployments(state: State) -> Table:
    heads = ("Deployment", "wanted", "ready", "updated", "available", "may add", "may miss")
    return _table(
        heads,
        (
            (d.name, d.wanted, d.ready, d.updated, d.available, d.surge, d.unavailable)
            for d in state.deployments
        ),
    )


def _replicasets(state: State) -> Table:
    return _table(
        ("ReplicaSet", "revision", "version", "wanted", "ready"),
        ((rs.name, rs.revision, rs.version, rs.wanted, rs.ready) for rs in state.replicasets),
    )


def _nodes(state: State, everything: State) -> Table:
    return _table(
        ("Node", "zone", "status", "Pods", "CPU requested"),
        (
            (
                n.name,
                n.zone or "-",
                node_status(n) + ", cordoned" * n.cordoned,
                len(pods_on(state, n.name)),
                f"{cores(requested_cpu(everything, n.name))} of {cores(n.cpu)}",
            )
            for n in state.nodes
        ),
    )


def _pods(state: State) -> Table:
    return _table(
        ("Pod", "node", "version", "ready", "status", "restarts", "says"),
        (
            (
                p.name,
                p.node or "none",
                p.version,
                f"{p.ready_containers}/{p.containers}",
                p.reason,
                p.restarts,
                p.unscheduled or look_of(p).word,
            )
            for p in state.pods
        ),
    )


def _table(heads: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Table:
    return Table(heads, tuple(tuple(clean(str(cell)) for cell in row) for row in rows))


def plain_text(state: State, everything: State | None = None, modelled: Iterable[str] = ()) -> str:
    """The sentence and the tables, in columns, and what the cluster only models."""
    parts = [sentence(state), *map(_columns, tables(state, everything))]
    return "\n\n".join([*parts, *filter(None, [modelled_words(modelled)])])


MODELLED = "≈"
"""The sign for what a cluster models: it stands beside what was seen there."""


def modelled_words(modelled: Iterable[str]) -> str:
    """Say what a cluster only models; empty where all is real."""
    said = "; ".join(modelled)
    return f"{MODELLED} Modelled here: {said}." if said else ""


def _columns(table: Table) -> str:
    lines = (tuple(head.upper() for head in table.heads), *table.rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
