"""The steps of a rolling update: ReplicaSets that trade sizes, and the sums that bound them.

Rules: kubernetes `pkg/controller/deployment/rolling.go`, and `NewRSNewReplicas` in
`pkg/controller/deployment/util/deployment_util.go`. The sizes that all ReplicaSets want never add
up to more than replicas + maxSurge, and old ones shrink only as far as replicas - maxUnavailable
Pods are available.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from nodebynode.columns import in_columns
from nodebynode.errors import BadInput
from nodebynode.recording.resolution import APART
from nodebynode.state import Deployment, ReplicaSet, State, replicasets_of


@dataclass(frozen=True, slots=True)
class Column:
    """A ReplicaSet of the table, under the last revision that it was seen with."""

    name: str
    revision: int
    version: str


@dataclass(frozen=True, slots=True)
class Size:
    """What a ReplicaSet wanted, and how many of its Pods were ready and available."""

    wanted: int
    ready: int
    available: int

    def __str__(self) -> str:
        if not (self.wanted or self.ready):
            return "0"
        ready = f"{self.ready} ready, " if self.ready != self.available else ""
        return f"{self.wanted}, {ready}{self.available} available"


@dataclass(frozen=True, slots=True)
class Step:
    """One step, as it was at the instant when its sizes came about.

    Attributes:
        at: That instant; of the step from which a rollout starts, the last before it.
        sizes: The sizes, in the order of the table's columns.
        old: What the ReplicaSets of older revisions wanted together.
        new: What that of the newest revision wanted.
        most: What all together may want: replicas + maxSurge.
        least: How many Pods must stay available: replicas - maxUnavailable; 0 with Recreate.
    """

    at: datetime
    sizes: tuple[Size, ...]
    old: int
    new: int
    most: int
    least: int

    @property
    def total(self) -> int:
        """What all ReplicaSets wanted."""
        return self.old + self.new

    @property
    def available(self) -> int:
        """How many Pods of any revision were available."""
        return sum(size.available for size in self.sizes)


@dataclass(frozen=True, slots=True, repr=False)
class Steps:
    """The steps of one Deployment; as text, a table."""

    deployment: str
    namespace: str
    columns: tuple[Column, ...]
    rows: tuple[Step, ...]

    @property
    def pairs(self) -> str:
        """Old and new sizes, such as `3/0 3/1 2/1 2/2 1/2 1/3 0/3`."""
        return " ".join(f"{row.old}/{row.new}" for row in self.rows)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        revisions = (f"REVISION {one.revision} ({one.version})" for one in self.columns)
        lines = [("AFTER", "OLD/NEW", *revisions, "REPLICASETS", "AVAILABLE")]
        for row in self.rows:
            lines.append(
                (
                    f"{(row.at - self.rows[0].at).total_seconds():.2f} s",
                    f"{row.old}/{row.new}",
                    *map(str, row.sizes),
                    f"{row.total} of at most {row.most}",
                    f"{row.available} of at least {row.least}",
                )
            )
        return f"Deployment {self.deployment} in {self.namespace}\n{in_columns(lines)}"


def steps_of(states: Iterable[tuple[datetime, State]], name: str, namespace: str) -> Steps:
    """Find the steps of a Deployment in a history.

    Args:
        states: Instants and what was there, in order.
        name: The Deployment's name. One that is made again under its name is taken for the same.
        namespace: Its namespace.

    Raises:
        BadInput: It is in none of the states.
    """
    walk, others = _Walk(), set[str]()
    for at, state in states:
        for one in state.deployments:
            if (one.name, one.namespace) == (name, namespace):
                walk.see(at, one, {rs.uid: rs for rs in replicasets_of(state, one)})
            else:
                others.add(f"{one.name} in {one.namespace}")
    if not walk.deployments:
        known = f"It holds {', '.join(sorted(others))}." if others else "It holds none at all."
        raise BadInput(f"The recording holds no Deployment {name} in {namespace}.", known)
    columns = walk.columns()
    return Steps(
        name,
        namespace,
        tuple(Column(rs.name, rs.revision, rs.version) for rs in columns),
        tuple(_step(one, [rs.uid for rs in columns]) for one in walk.rows),
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """A Deployment and its ReplicaSets at an instant."""

    at: datetime
    deployment: Deployment
    sets: Mapping[str, ReplicaSet]

    @property
    def sizes(self) -> dict[str, int]:
        return {uid: rs.wanted for uid, rs in self.sets.items() if rs.wanted}


@dataclass(slots=True)
class _Row:
    """A row in the making: its first look, its last, and which ReplicaSet is the new one."""

    first: _Look
    last: _Look
    newest: str


class _Walk:
    """Goes through a history, and begins a row where sizes or roles change."""

    def __init__(self) -> None:
        self.rows: list[_Row] = []
        self.deployments = 0
        self._sets: dict[str, ReplicaSet] = {}
        self._in_role = 0  # rows since the newest ReplicaSet became that

    def columns(self) -> list[ReplicaSet]:
        """Those that ever wanted a Pod, the oldest revision first."""
        grown = {uid for row in self.rows for uid in row.first.sizes}
        return sorted(
            (self._sets[uid] for uid in grown), key=lambda rs: (rs.revision, rs.name, rs.uid)
        )

    def see(self, at: datetime, deployment: Deployment, sets: Mapping[str, ReplicaSet]) -> None:
        self.deployments += 1
        if not sets:
            return
        self._sets |= sets
        look = _Look(at, deployment, sets)
        newest = max(sets, key=lambda uid: (sets[uid].revision, sets[uid].name))
        if self.rows and newest != self.rows[-1].newest:
            self._change_roles(newest)
        if self.rows and look.sizes == self.rows[-1].first.sizes:
            self._stay(look)
        else:
            self.rows.append(_Row(look, look, newest))
            self._in_role += 1

    def _stay(self, look: _Look) -> None:
        row = self.rows[-1]
        row.last = look
        if look.at - row.first.at <= APART:  # the ReplicaSet may be heard before its Deployment
            row.first = replace(row.first, deployment=look.deployment)

    def _change_roles(self, newest: str) -> None:
        """What the new one was made for starts from the row before, where it wanted nothing.

        That row is told in both roles only if a rollout led to it. Recreate makes the new one when
        nothing is wanted any more: the old one has shrunk for its sake, and there are two rows.
        """
        emptied = self._pop_emptied()
        start = self.rows[-1].last
        row = _Row(start, start, newest)
        if self._in_role > 1:
            self.rows.append(row)
        else:
            self.rows[-1] = row
        self._in_role = 1
        if emptied:
            emptied.newest = newest
            self.rows.append(emptied)
            self._in_role += 1

    def _pop_emptied(self) -> _Row | None:
        look = self.rows[-1].last
        if look.deployment.strategy != "Recreate" or look.sizes or self._in_role == 1:
            return None
        self._in_role -= 1
        return self.rows.pop()


def _step(row: _Row, columns: Sequence[str]) -> Step:
    deployment, sizes = row.first.deployment, row.first.sizes
    rolls = deployment.strategy == "RollingUpdate"
    new = sizes.get(row.newest, 0)
    return Step(
        at=row.first.at,
        sizes=tuple(_size(row.first.sets.get(uid)) for uid in columns),
        old=sum(sizes.values()) - new,
        new=new,
        most=deployment.wanted + deployment.surge,
        least=deployment.wanted - deployment.unavailable if rolls else 0,
    )


def _size(rs: ReplicaSet | None) -> Size:
    return Size(rs.wanted, rs.ready, rs.available) if rs else Size(0, 0, 0)
