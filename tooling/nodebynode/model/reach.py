"""Whether sizes that were seen are a way that a rollout can take, in whatever order Pods got ready.

`Rollout.path` is the way where Pods become available one at a time. On a cluster a round of the
controller may find several at once; it then takes away as many old ones in one step, and passes
sizes that the path has, or goes by others. All of those ways are walked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from nodebynode.model.rollout import Plan
from nodebynode.model.sizes import Counts, Pair, next_sizes, next_sizes_recreated


def unreachable(plan: Plan, seen: Sequence[Pair]) -> int | None:
    """Find where sizes that were seen can no longer be those of a rollout.

    As with `nodebynode.recording.merging.merges`, sizes may be told twice or passed unseen, and
    whether both ends were reached is to be asked apart. The start-up times of the plan do not
    matter: any order is allowed.

    Args:
        plan: The Deployment.
        seen: Old and new sizes in the order in which they were heard.

    Returns:
        The index in `seen` of the first pair that cannot come after those before it; None when all
        can.

    Raises:
        BadInput: The plan cannot be.
    """
    plan.check()
    at = {Counts(plan.replicas, 0, plan.replicas - plan.broken, 0)}
    for index, pair in enumerate(seen):
        at = {one for one in _ahead(plan, at) if one.pair == pair}
        if not at:
            return index
    return None


def _ahead(plan: Plan, counts: Iterable[Counts]) -> set[Counts]:
    """All that some counts can lead to, and they themselves."""
    found, rest = set[Counts](), list(counts)
    while rest:
        one = rest.pop()
        if one not in found:
            found.add(one)
            rest += _next(plan, one)
    return found


def _next(plan: Plan, now: Counts) -> Iterator[Counts]:
    """What a round of the controller, or one more new Pod available, makes of the counts."""
    if now.new_available < now.new:
        yield now._replace(new_available=now.new_available + 1)
    if plan.strategy == "RollingUpdate":
        old, new = next_sizes(now, plan.bounds)
    else:
        old, new = next_sizes_recreated(now, plan.replicas, old_gone=True)
    yield now._replace(old=old, new=new, old_available=min(now.old_available, old))
