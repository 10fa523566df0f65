"""The Deployment controller's arithmetic: from sizes and what is available to the next sizes.

One round of the controller does one thing: it makes the new ReplicaSet larger, or the old ones
smaller. Old ReplicaSets are counted as one; how a round shares itself out among several of them is
not told here.

Source: kubernetes, `pkg/controller/deployment/rolling.go`, and `NewRSNewReplicas` in
`pkg/controller/deployment/util/deployment_util.go`.
"""

from __future__ import annotations

from typing import NamedTuple

from nodebynode.errors import BadInput
from nodebynode.state import resolve_fenceposts

Pair = tuple[int, int]
"""What the old ReplicaSets want together, and what the new one wants."""


class Bounds(NamedTuple):
    """What a rolling update keeps to, in Pods.

    Attributes:
        replicas: How many are wanted in the end.
        most: How many all ReplicaSets together may want: replicas + maxSurge.
        least: How many must stay available: replicas - maxUnavailable.
    """

    replicas: int
    most: int
    least: int


class Counts(NamedTuple):
    """What the old ReplicaSets and the new one want, and how many Pods of each are available."""

    old: int
    new: int
    old_available: int
    new_available: int

    @property
    def pair(self) -> Pair:
        """The sizes alone."""
        return self.old, self.new


def bounds(replicas: int, surge: int | str, unavailable: int | str) -> Bounds:
    """Resolve maxSurge and maxUnavailable, each a number of Pods or a percentage such as `25%`.

    Raises:
        BadInput: `replicas` is negative; one of the others is neither a number nor a percentage;
            or both are 0 as they are written, which the API server refuses.
    """
    if replicas < 0:
        raise BadInput(f"There cannot be {replicas} replicas.", "Choose 0 or more.")
    over, under = resolve_fenceposts(surge, unavailable, replicas)
    if str(surge).strip("0%") == str(unavailable).strip("0%") == "":
        raise BadInput(
            "maxSurge and maxUnavailable are both 0: the rollout could neither add a Pod nor take "
            "one away, and the API server refuses it.",
            "Set one of them to 1 or more.",
        )
    return Bounds(replicas, replicas + over, replicas - min(under, replicas))


def next_sizes(now: Counts, limits: Bounds) -> Pair:
    """What one round of a rolling update makes of the sizes; the same where it changes nothing.

    Old Pods that are not available go first: taking them away costs nothing.
    """
    grown = min(limits.replicas - now.new, limits.most - now.old - now.new)
    if grown > 0:
        return now.old, now.new + grown
    behind = now.new - now.new_available
    may_go = now.old + now.new - limits.least - behind
    if may_go <= 0:
        return now.pair
    broken = min(now.old - now.old_available, may_go)
    spare = max(0, now.old_available + now.new_available - limits.least)
    return max(0, now.old - broken - spare), now.new


def next_sizes_recreated(now: Counts, replicas: int, *, old_gone: bool) -> Pair:
    """What one round of a Recreate makes of the sizes: all old ones go, then all new ones come.

    Source: kubernetes, `pkg/controller/deployment/recreate.go`.

    Args:
        now: What there is.
        replicas: How many Pods are wanted.
        old_gone: Whether no old Pod is there any more, not even a terminating one.
    """
    if now.old or not old_gone:
        return 0, now.new
    return 0, replicas
