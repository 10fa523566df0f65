"""The picture in words: one or a few short sentences, and tables. They say all that it shows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from nodebynode.columns import in_columns
from nodebynode.phrases import count, listed
from nodebynode.state import (
    Budget,
    Deployment,
    Node,
    Pod,
    Service,
    State,
    endpoints_of,
    natural,
    pods_of,
    pods_on,
    replicasets_of,
    requested_cpu,
    unassigned,
)
from nodebynode.view.metrics import clean
from nodebynode.view.phrases import budget_left, cores, node_status
from nodebynode.view.pods import look_of, needs_a_look
from nodebynode.view.services import address_words, how_served, selector_words

_MOST_SINGLE = 50


class Table(NamedTuple):
    """Rows of plain text under column heads."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def text(self) -> str:
        """The same in columns."""
        return in_columns((tuple(head.upper() for head in self.heads), *self.rows))


def sentence(state: State) -> str:
    """What the picture shows, most important first, then what is out of the ordinary."""
    return clean(" ".join([headline(state), *exceptions(state)]))


def headline(state: State) -> str:
    """How the Deployments are, in one sentence."""
    return f"{_subject(state)}."


def exceptions(state: State) -> list[str]:
    """What is out of the ordinary, in a sentence each."""
    parts = (
        *_nodes_out(state.nodes),
        *_pods_out(state),
        *_services_out(state),
        *_budgets_out(state.budgets),
    )
    return [f"{part}." for part in parts]


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
    return f"{head}, rolling out {listed(rolling)}" if rolling else head


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
    new = _updated(state, deployment)
    are = f"{new} of {count(wanted, 'Pod')} {'is' if new == 1 else 'are'}"
    return f"{stuck} {name} {deployment.version}: {are} new, {here} available, {promise}"


def _updated(state: State, deployment: Deployment) -> int:
    """Its new Pods; counted here while the status still speaks of the spec before."""
    if deployment.observed:
        return deployment.updated
    newest = replicasets_of(state, deployment)[-1]
    return sum(not pod.terminating for pod in pods_of(state, newest.uid))


def _nodes_out(nodes: Iterable[Node]) -> Iterator[str]:
    for group, what in (
        ([n.name for n in nodes if n.cordoned], "cordoned"),
        ([n.name for n in nodes if n.ready != "True"], "NotReady"),
    ):
        if group:
            yield f"{listed(group)} {'is' if len(group) == 1 else 'are'} {what}"


def _pods_out(state: State) -> Iterator[str]:
    if waiting := len(unassigned(state)):
        yield f"{count(waiting, 'Pod')} {'waits' if waiting == 1 else 'wait'} for a node"
    looks = Counter(look_of(pod).kind for pod in state.pods)
    verbs = {"failed": "failing", "leaving": "leaving", "unready": "not ready"}
    for kind, verb in verbs.items():
        if number := looks[kind]:
            yield f"{count(number, 'Pod')} {'is' if number == 1 else 'are'} {verb}"


def _services_out(state: State) -> Iterator[str]:
    """The Services that send to nobody, and those without the address that they wait for."""
    for service in state.services:
        if not service.selector:
            continue
        found = [how_served(one) for one in endpoints_of(state, service)]
        if "serving" not in found:
            rest = ", only finishing ones" * ("finishing" in found)
            yield f"Service {service.name} has no ready endpoint{rest}"
        if service.pending:
            yield f"Service {service.name} waits for its address"


def _budgets_out(budgets: Iterable[Budget]) -> Iterator[str]:
    """The budgets that let nobody leave, which is what a drain then waits for."""
    none = [budget.name for budget in budgets if not budget.allowed and budget.expected]
    if none:
        yield f"Budget{'s' * (len(none) > 1)} {listed(none)}: none may leave"


def tables(state: State, everything: State | None = None, size: str = "full") -> tuple[Table, ...]:
    """The tables behind the picture; those without rows are left out.

    Args:
        state: What is shown.
        everything: All namespaces, of which the nodes' requests are summed.
        size: The picture's. Where its bars count Pods the tables do too, and tell only of those
            Pods that need a look.
    """
    pods = (_crowds(state), _pods(state, most=_MOST_SINGLE)) if size == "bars" else (_pods(state),)
    found = (
        _deployments(state),
        _replicasets(state),
        _services(state),
        _budgets(state),
        _nodes(state, everything or state),
        *pods,
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


def _services(state: State) -> Table:
    heads = ("Service", "type", "address", "ready", "finishing", "not ready", "counts")
    return _table(heads, (_service(state, service) for service in state.services))


def _service(state: State, service: Service) -> tuple[object, ...]:
    found = Counter(how_served(one) for one in endpoints_of(state, service))
    return (
        service.name,
        service.type,
        address_words(service).removeprefix("address ") or "-",
        found["serving"],
        found["finishing"],
        found[""],
        selector_words(service),
    )


def _budgets(state: State) -> Table:
    return _table(
        ("Budget", "asks for", "healthy", "needed", "left"),
        ((b.name, b.rule, b.healthy, b.desired, budget_left(b)) for b in state.budgets),
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


def _crowds(state: State) -> Table:
    """How many Pods of each ReplicaSet are on each node."""
    names = {rs.uid: rs.name for rs in state.replicasets}
    total, ready = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for pod in state.pods:
        place = pod.node or "none", names.get(pod.owner_uid, "no ReplicaSet")
        total[place] += 1
        ready[place] += look_of(pod).kind == "ready"
    order = sorted(total, key=lambda place: (natural(place[0]), place[1]))
    return _table(
        ("Node", "ReplicaSet", "Pods", "ready"),
        ((*place, total[place], ready[place]) for place in order),
    )


def _pods(state: State, most: int | None = None) -> Table:
    """The Pods, one a row; `most` of them where only those count that need a look."""
    pods = [pod for pod in state.pods if most is None or needs_a_look(pod)]
    traffic = _traffic(state)
    heads = ("Pod", "node", "version", "ready", "status", "restarts", "says")
    rows = [(*_pod(pod), *([traffic.get(pod.uid, "-")] if state.services else [])) for pod in pods]
    more = [(f"+{len(rows) - most} more",)] if most is not None and len(rows) > most else []
    return _table((*heads, "traffic") if state.services else heads, [*rows[:most], *more])


def _pod(pod: Pod) -> tuple[object, ...]:
    return (
        pod.name,
        pod.node or "none",
        pod.version,
        f"{pod.ready_containers}/{pod.containers}",
        pod.reason,
        pod.restarts,
        pod.unscheduled or look_of(pod).word,
    )


def _traffic(state: State) -> dict[str, str]:
    """The Services that a Pod is an endpoint of, by its UID; `()` where it gets no new requests."""
    found = defaultdict[str, list[str]](list)
    for service in state.services:
        for endpoint in endpoints_of(state, service):
            how = {"serving": "", "finishing": " (finishing)"}.get(
                how_served(endpoint), " (not ready)"
            )
            found[endpoint.pod_uid].append(service.name + how)
    return {uid: ", ".join(services) for uid, services in found.items()}


def _table(heads: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Table:
    """A table of clean cells; a row that is too short is filled up."""
    filled = ((*row, *[""] * (len(heads) - len(row))) for row in rows)
    return Table(heads, tuple(tuple(clean(str(cell)) for cell in row) for row in filled))


def plain_text(
    state: State,
    everything: State | None = None,
    modelled: Iterable[str] = (),
    size: str = "full",
) -> str:
    """The sentence and the tables, in columns, and what the cluster only models."""
    parts = [sentence(state), *(table.text for table in tables(state, everything, size))]
    return "\n\n".join([*parts, *filter(None, [modelled_words(modelled)])])


MODELLED = "≈"
"""The sign for what a cluster models: it stands beside what was seen there."""


def modelled_words(modelled: Iterable[str]) -> str:
    """Say what a cluster only models; empty where all is real."""
    said = "; ".join(modelled)
    return f"{MODELLED} Modelled here: {said}." if said else ""
