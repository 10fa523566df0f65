"""Pods that may run on one node only, and what becomes of them when it is closed.

Both lab 09 and the beliefs about pinning read this from a recording.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from nodebynode.recording.rules import Story
from nodebynode.recording.rules.story import Look
from nodebynode.state import Pod

_NO_SUCH_NODE = "node affinity/selector"
"""The scheduler's words where nodes are refused because the Pod asks for another one."""
_NO_ROOM = "Insufficient "
"""The scheduler's word before the resource of which a node has too little left."""
BLOCKED_FOR = timedelta(seconds=4)
"""What a drain may evict, it has evicted by then."""


def is_stranded(pod: Pod) -> bool:
    """Whether a Pod waits because no node is left of those that it asks for."""
    return pod.active and not pod.node and _NO_SUCH_NODE in pod.unscheduled


def has_no_room(pod: Pod) -> bool:
    """Whether a Pod waits because a node that it might run on has too little left."""
    return pod.active and not pod.node and _NO_ROOM in pod.unscheduled


def stranded(story: Story) -> Iterator[tuple[int, str, Pod]]:
    """Yield each Pod that waits for its own node: the instant, its Deployment, the Pod."""
    seen = set[str]()
    for index, look in enumerate(story.looks):
        for name in story.deployments:
            for pod in story.pods(look, name):
                if pod.uid not in seen and is_stranded(pod):
                    seen.add(pod.uid)
                    yield index, name, pod


@dataclass(frozen=True, slots=True)
class Blocked:
    """A ready Pod that a drain could not evict, because another one waits for the same node.

    Attributes:
        pod: The Pod that stays.
        waits: The Pod without a node.
        at: Since when.
    """

    pod: Pod
    waits: Pod
    at: datetime


def blocked(story: Story) -> Blocked | None:
    """The first Pod that stayed on a closed node for `BLOCKED_FOR`, with a budget that is used up.

    A budget refuses while too few are ready; a Pod that waits for this very node is never ready.
    """
    since: dict[tuple[str, str], tuple[datetime, Pod, Pod]] = {}
    for index, look in enumerate(story.looks):
        now = {(name, pod.uid): (pod, waits) for name, pod, waits in _held(story, look)}
        since = {key: since.get(key, (look.at, *now[key])) for key in now}
        until = story.until(index)
        for at, pod, waits in since.values():
            if until - at >= BLOCKED_FOR:
                return Blocked(pod, waits, at)
    return None


def _held(story: Story, look: Look) -> Iterator[tuple[str, Pod, Pod]]:
    """Ready Pods on cordoned nodes whose Deployment has one that waits, under an empty budget."""
    cordoned = {node.name for node in look.state.nodes if node.cordoned}
    if not cordoned or not any(budget.allowed == 0 for budget in look.state.budgets):
        return
    for name in story.deployments:
        pods = story.pods(look, name)
        waits = next(filter(is_stranded, pods), None)
        for pod in pods if waits else ():
            if waits and pod.ready and pod.active and pod.node in cordoned:
                yield name, pod, waits
