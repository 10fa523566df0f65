"""Which Pods a ReplicaSet gives up when it shrinks: a fixed order of rules, and no chance.

Of two Pods the first rule that tells them apart decides. Ages are compared by powers of two: Pods
that have been ready for 140 s and for 270 s are equally old, and the UID decides between them. So
the answer changes while time goes by: `now` should be the instant at which the size changes.

That comparison is not always an order. With the UID between some Pods and nothing between others,
A can come before B, B before C and C before A; and two Pods of the same second can be equal in
everything. What then goes depends on the order in which the controller's cache lists the Pods,
which nobody outside sees; `Victims.sure` is False then.

Where it abstracts: the Pods of an owner are found by their owner, not by the ReplicaSet's selector.

Sources: kubernetes, `pkg/controller/replicaset/replica_set.go: getPodsToDelete` and
`pkg/controller/controller_utils.go: ActivePodsWithRanks`; KEP-2185, KEP-2255.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from nodebynode.errors import BadInput
from nodebynode.state import Pod, ReplicaSet, State, pods_of

_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


class Rule(Enum):
    """Why a Pod goes rather than another; the value is what a lesson prints."""

    ALL = "all of them go, so nothing is compared"
    UNASSIGNED = "it has no node yet"
    PHASE = "its phase: Pending goes before Unknown, and Unknown before Running"
    NOT_READY = "it is not ready"
    COST = "its deletion cost is lower"
    CROWDED = "more Pods of its Deployment are on its node"
    READY_LATER = "it became ready later"
    READY_UID = "it has been ready about as long, and its UID is smaller"
    RESTARTS = "its containers restarted more often"
    CREATED_LATER = "it was created later"
    CREATED_UID = "it is about as old, and its UID is smaller"
    NOTHING = "nothing tells it from another: the order is unspecified"


@dataclass(frozen=True, slots=True)
class Victim:
    """A Pod that goes.

    Attributes:
        pod: The Pod.
        rule: What puts it before the first of those that stay.
    """

    pod: Pod
    rule: Rule


@dataclass(frozen=True, slots=True)
class Victims:
    """What a ReplicaSet gives up.

    Attributes:
        going: The Pods that go, the first first; they are deleted at the same time.
        staying: The rest, the next to go first.
        sure: Whether the rules alone say which Pods go.
    """

    going: tuple[Victim, ...]
    staying: tuple[Pod, ...]
    sure: bool

    def __str__(self) -> str:
        lines = [f"{one.pod.name} goes: {one.rule.value}." for one in self.going]
        if not self.sure:
            lines.append(
                "This is a guess: the rules put these Pods in no one order, as happens where some "
                "became ready, or were created, in the same second."
            )
        return "\n".join(lines) or "None goes."


def victims(state: State, replicaset: ReplicaSet, number: int, now: datetime) -> Victims:
    """Say which Pods go when a ReplicaSet shrinks.

    Args:
        state: What is there.
        replicaset: The one that shrinks. A rollout decides first which that is.
        number: How many of its active Pods go.
        now: When, with its time zone.

    Raises:
        BadInput: It has fewer active Pods, or the number is negative.
    """
    pods = [pod for pod in pods_of(state, replicaset.uid) if pod.active]
    if not 0 <= number <= len(pods):
        seen = f"{number} Pods of {replicaset.name} cannot go: it has {len(pods)}."
        raise BadInput(seen, f"Ask for 0 to {len(pods)}.")
    if number == len(pods):
        return Victims(tuple(Victim(pod, Rule.ALL) for pod in pods), (), sure=True)
    order = _Order(_neighbours(state, replicaset), now)
    ranked = order.ranked(pods)
    going, staying = ranked[:number], ranked[number:]
    return Victims(
        tuple(Victim(pod, order.between(pod, staying[0])[1]) for pod in going),
        tuple(staying),
        sure=all(order.first(one, other) for one in going for other in staying),
    )


class _Order:
    """The comparison of two Pods."""

    def __init__(self, neighbours: Counter[str], now: datetime) -> None:
        self._neighbours, self._now = neighbours, now

    def ranked(self, pods: Sequence[Pod]) -> list[Pod]:
        """The Pods, those first that come before most others: the order, where there is one."""
        before = {pod.uid: sum(self.first(pod, other) for other in pods) for pod in pods}
        return sorted(pods, key=lambda pod: -before[pod.uid])

    def first(self, one: Pod, other: Pod) -> bool:
        """Whether `one` goes before `other`."""
        return self.between(one, other)[0]

    def between(self, one: Pod, other: Pod) -> tuple[bool, Rule]:
        """Whether `one` goes before `other`, and what decides it."""
        for rule, key, of_other in (
            (Rule.UNASSIGNED, one.node is not None, other.node is not None),
            (Rule.PHASE, _PHASES.get(one.phase, 0), _PHASES.get(other.phase, 0)),
            (Rule.NOT_READY, one.ready, other.ready),
            (Rule.COST, one.deletion_cost, other.deletion_cost),
            (Rule.CROWDED, -self._rank(one), -self._rank(other)),
        ):
            if key != of_other:
                return key < of_other, rule
        return self._by_age(one, other)

    def _by_age(self, one: Pod, other: Pod) -> tuple[bool, Rule]:
        if one.ready and other.ready and one.ready_since != other.ready_since:
            by = self._younger(one, other, one.ready_since, other.ready_since)
            return by[0], Rule.READY_UID if by[1] else Rule.READY_LATER
        if one.most_restarts != other.most_restarts:
            return one.most_restarts > other.most_restarts, Rule.RESTARTS
        if one.created != other.created:
            by = self._younger(one, other, one.created, other.created)
            return by[0], Rule.CREATED_UID if by[1] else Rule.CREATED_LATER
        return False, Rule.NOTHING

    def _younger(
        self, one: Pod, other: Pod, since: datetime | None, since_other: datetime | None
    ) -> tuple[bool, bool]:
        """Whether `one` goes before `other` by ages that differ, and whether by UID."""
        if since is None or since_other is None:
            return since is None, False
        age, age_of_other = age_rank(self._now - since), age_rank(self._now - since_other)
        if age == age_of_other:
            return one.uid < other.uid, True
        return age < age_of_other, False

    def _rank(self, pod: Pod) -> int:
        return self._neighbours[pod.node or ""]


def age_rank(age: timedelta) -> int:
    """The power of two of an age in nanoseconds, by which ages are compared; -1 for none.

    From one rank to the next it is 34.4 s, 68.7 s, 137 s, 275 s …
    Source: kubernetes, `pkg/controller/controller_utils.go: logarithmicRankDiff`.
    """
    return max(0, age // timedelta(microseconds=1) * 1000).bit_length() - 1


def _neighbours(state: State, replicaset: ReplicaSet) -> Counter[str]:
    """How many active Pods of the same Deployment, of any revision, are on each node.

    A ReplicaSet that nobody owns is not compared by them.
    Source: kubernetes, `pkg/controller/replicaset/replica_set.go: getIndirectlyRelatedPods`.
    """
    siblings = {
        rs.uid
        for rs in state.replicasets
        if rs.owner_uid and (rs.owner_uid, rs.namespace) == _family(replicaset)
    }
    return Counter(pod.node or "" for pod in state.pods if pod.active and pod.owner_uid in siblings)


def _family(replicaset: ReplicaSet) -> tuple[str, str]:
    return replicaset.owner_uid, replicaset.namespace
