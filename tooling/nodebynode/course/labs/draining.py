"""What a drain did, read from a recording: workers that were closed, and Pods that left them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from nodebynode.course.labs.readings import deployment_of
from nodebynode.recording.resolution import APART
from nodebynode.recording.rules import Moment, Story, ready
from nodebynode.recording.rules.evictions import made_to_leave
from nodebynode.recording.rules.story import Look
from nodebynode.state import Pod

_LAG = timedelta(seconds=2)
"""How much later than the first Pod that leaves the cordon before it may be heard."""
EVICTED = "EvictionByEvictionAPI"
"""The reason of DisruptionTarget on a Pod that the eviction API takes away."""


@dataclass(frozen=True, slots=True)
class Departure:
    """A Pod that left a closed worker.

    Attributes:
        pod: It, as it was before.
        at: When it began to leave.
        evicted: Whether it was evicted.
        by_hand: Whether it was deleted although its ReplicaSet still wanted it: by hand, or by
            `kubectl drain --disable-eviction`. No budget is asked then.
    """

    pod: Pod
    at: datetime
    evicted: bool
    by_hand: bool


@dataclass(frozen=True, slots=True)
class Closing:
    """A worker that was cordoned while Pods of a Deployment were on it.

    Attributes:
        node: The worker.
        deployment: The Deployment's name.
        at: When it was cordoned; where a Pod that had to leave was heard of just before that,
            when that was.
        pods: The Pods that were there, without those that were leaving already.
    """

    node: str
    deployment: str
    at: datetime
    pods: tuple[Pod, ...]

    def looks(self, story: Story) -> Iterator[Look]:
        """What was there from then on, until it was uncordoned."""
        was_closed = False
        for look in story.looks[story.at(self.at) :]:
            closed = is_closed(look, self.node)
            if was_closed and not closed:
                return
            was_closed = closed
            yield look

    def here(self, story: Story, look: Look) -> list[Pod]:
        """The Deployment's Pods on the worker at an instant, leaving ones too."""
        return [pod for pod in story.pods(look, self.deployment) if pod.node == self.node]

    def departures(self, story: Story) -> list[Departure]:
        """The Pods that left it before it was uncordoned, in order."""
        reasons = {
            pod.uid: pod.disrupted
            for look in story.looks
            for pod in look.state.pods
            if pod.disrupted
        }
        found = []
        first = story.at(self.at)
        for index in range(max(1, first), first + len([*self.looks(story)])):
            look = story.looks[index]
            staying = {pod.uid for pod in self.here(story, look) if pod.active}
            unasked = {pod.uid for pod in made_to_leave(story, index, self.deployment, APART)}
            for pod in self.here(story, story.looks[index - 1]):
                if pod.active and pod.uid not in staying:
                    evicted = reasons.get(pod.uid) == EVICTED
                    by_hand = pod.uid in unasked and not evicted
                    found.append(Departure(pod, look.at, evicted, by_hand))
        return found

    def emptied(self, story: Story) -> datetime | None:
        """When no Pod of the Deployment was there any more; None while one is."""
        return next(
            (look.at for look in self.looks(story) if not self.here(story, look)),
            None,
        )

    def over(self, story: Story) -> datetime | None:
        """When it was empty, and as many Pods as wanted were ready; None before."""
        count = ready(self.deployment)
        for look in self.looks(story):
            wanted = deployment_of(look, self.deployment)
            least = max(1, wanted.wanted) if wanted else 1  # none wanted is no end of a drain
            if count.at(story, look).number >= least and not self.here(story, look):
                return look.at
        return None


def is_closed(look: Look, node: str) -> bool:
    """Whether a node is cordoned at an instant."""
    return any(one.cordoned for one in look.state.nodes if one.name == node)


def closings(story: Story, deployment: str, least: int = 1) -> list[Closing]:
    """The times at which a worker was cordoned with Pods of a Deployment on it, in order.

    Args:
        story: What has happened.
        deployment: The Deployment's name.
        least: How many of its Pods have to be there.
    """
    found, before = [], set[str]()
    for index, look in enumerate(story.looks):
        closed = {node.name for node in look.state.nodes if node.cordoned}
        for node in sorted(closed - before):
            closing = _closing(story, index, node, deployment)
            if len(closing.pods) >= least:
                found.append(closing)
        before = closed
    return found


def _closing(story: Story, index: int, node: str, deployment: str) -> Closing:
    """The cordon that a look tells, from the first Pod that had to leave where that came sooner.

    A drain cordons, then evicts, or deletes with `--disable-eviction`. Nodes and Pods are heard
    apart, and not always in that order.
    """

    def here(look: Look) -> tuple[Pod, ...]:
        pods = story.pods(look, deployment)
        return tuple(pod for pod in pods if pod.active and pod.node == node)

    told = story.looks[index]
    evicted = {
        pod.uid
        for look in story.looks[index:]
        for pod in look.state.pods
        if pod.disrupted == EVICTED
    }
    since, pods = told.at, here(told)
    for at in range(index, 0, -1):
        look = story.looks[at]
        if told.at - look.at > _LAG:
            break
        staying = {pod.uid for pod in here(look)}
        before = here(story.looks[at - 1])
        unasked = {pod.uid for pod in made_to_leave(story, at, deployment, APART)}
        if any(pod.uid in evicted | unasked and pod.uid not in staying for pod in before):
            since, pods = look.at, before
    return Closing(node, deployment, since, pods)


@dataclass(frozen=True, slots=True)
class Closes(Moment):
    """A worker is cordoned while Pods of a Deployment are on it.

    Attributes:
        deployment: The Deployment's name.
        least: How many of its Pods have to be there.
    """

    deployment: str
    least: int = 1

    def __str__(self) -> str:
        pods = "a Pod" if self.least == 1 else f"{self.least} Pods"
        return f"the cordon of a worker with {pods} of {self.deployment}"

    @property
    def kind(self) -> str:
        """The kind whose watch tells it."""
        return "nodes"

    def instants(self, story: Story) -> Iterator[datetime]:
        """Yield when it was so."""
        yield from (one.at for one in self.all(story))

    def all(self, story: Story) -> list[Closing]:
        """Each time, with the worker and the Pods."""
        return closings(story, self.deployment, self.least)

    def latest(self, story: Story) -> Closing | None:
        """The last time, if there was one."""
        found = self.all(story)
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class Over(Moment):
    """The drain that began with a worker's last closing is over, and all Pods are ready again.

    Attributes:
        closes: The closing.
    """

    closes: Closes

    def __str__(self) -> str:
        return f"the worker being empty, and all Pods of {self.closes.deployment} ready elsewhere"

    @property
    def kind(self) -> str:
        """The kind whose watch tells it."""
        return "pods"

    def instants(self, story: Story) -> Iterator[datetime]:
        """Yield it, once it has come."""
        closing = self.closes.latest(story)
        at = closing.over(story) if closing else None
        if at is not None:
            yield at
