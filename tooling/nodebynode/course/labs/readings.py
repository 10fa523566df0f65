"""What questions of labs read from a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from nodebynode.course.predictions import Reality
from nodebynode.recording.rules import (
    Moment,
    Story,
    last,
    leaves,
    ready,
    rollout_ends,
)
from nodebynode.recording.rules.story import Look
from nodebynode.recording.steps import Step, steps_of
from nodebynode.state import Deployment, Pod, State

_SETTLED = timedelta(seconds=2)
"""What a change sets off has begun by then; controllers take milliseconds."""


def first(story: Story, moment: Moment) -> datetime | None:
    """When something happened first, if it did."""
    return next(moment.instants(story), None)


def latest(story: Story, moment: Moment) -> datetime | None:
    """When something happened last, if it did."""
    return next(last(moment).instants(story), None)


def quiet_until(story: Story, began: datetime | None, *, same: str = "") -> datetime | None:
    """Until when nothing else was done after an act.

    Args:
        story: What has happened.
        began: When the act was; None where it was not.
        same: A part of the commands that belong to the act itself.

    Returns:
        When something else was done, or the story's end; None while what the act set off may still
        be under way.
    """
    if began is None:
        return None
    acts = (one for one in story.marks if one.kind == "action" and one.at > began)
    end = next((one.at for one in acts if not same or same not in one.text), None)
    if end is None and story.ended - began < _SETTLED:
        return None
    return end or story.ended


def departures(story: Story, deployment: str, act: Moment) -> list[datetime] | None:
    """When Pods of a Deployment began to leave, between an act and what was done next.

    Returns:
        The instants; None while that is not decided: nothing was done, or it was just now.
    """
    began = first(story, act)
    if began is None:
        return None
    end = quiet_until(story, began)
    if end is None:
        return None
    return [at for at in leaves(deployment).instants(story) if began < at <= end]


@dataclass(frozen=True, slots=True)
class Replacement:
    """The first Pod of a Deployment that left, and the first that came after it.

    Attributes:
        old: The Pod that left, as it was before.
        new: The Pod that came, as it came.
        steps: When each of `made`, `bound`, `ready` (of the new Pod) and `gone` (of the old one)
            was heard, in that order of time; what has not happened yet is missing.
    """

    old: Pod
    new: Pod | None
    steps: Mapping[str, datetime]


def replacement(story: Story, deployment: str) -> Replacement | None:
    """Read the first replacement of a Pod; None where no Pod has left."""
    began = first(story, leaves(deployment))
    if began is None:
        return None
    index = story.at(began)
    before = story.pods(story.looks[index - 1], deployment)
    staying = {pod.uid for pod in story.pods(story.looks[index], deployment) if pod.active}
    old = next(pod for pod in before if pod.uid not in staying)
    known = {pod.uid for pod in before}
    new: Pod | None = None
    steps: dict[str, datetime] = {}
    for look in story.looks[index:]:
        there = {pod.uid: pod for pod in story.pods(look, deployment)}
        new = new or next((pod for pod in there.values() if pod.uid not in known), None)
        now = there.get(new.uid) if new else None
        so = {
            "made": now is not None,
            "bound": now is not None and now.node is not None,
            "ready": now is not None and now.ready,
            "gone": old.uid not in there,
        }
        for step, is_so in so.items():
            if is_so:
                steps.setdefault(step, look.at)
    return Replacement(old, new, steps)


@dataclass(frozen=True, slots=True)
class Where(Moment):
    """Those instants of a moment at which a Deployment fits something.

    Attributes:
        moment: The moment, such as `rollout_begins("shop")`.
        deployment: The Deployment's name.
        which: What stands behind the moment's words, such as "with four replicas".
        fits: Whether the Deployment is such a one, as it was at an instant.
    """

    moment: Moment
    deployment: str
    which: str
    fits: Callable[[Deployment], bool]

    def __str__(self) -> str:
        return f"{self.moment} {self.which}"

    @property
    def kind(self) -> str:
        """The kind whose watch tells it."""
        return self.moment.kind

    def instants(self, story: Story) -> Iterator[datetime]:
        """Yield when it was so."""
        for at in self.moment.instants(story):
            now = deployment_of(story.looks[story.at(at)], self.deployment)
            if now is not None and self.fits(now):
                yield at


@dataclass(frozen=True, slots=True)
class Found(Moment):
    """One instant that a function finds.

    Attributes:
        words: What it is, such as "the first Pod made by hand".
        watch: The kind of object whose watch tells it.
        find: Returns it; None while it has not come.
    """

    words: str
    watch: str
    find: Callable[[Story], datetime | None]

    def __str__(self) -> str:
        return self.words

    @property
    def kind(self) -> str:
        """The kind whose watch tells it."""
        return self.watch

    def instants(self, story: Story) -> Iterator[datetime]:
        """Yield it, once it has come."""
        if (at := self.find(story)) is not None:
            yield at


def deployment_of(look: Look, name: str) -> Deployment | None:
    """A Deployment as it was at an instant, if it was there."""
    return next((one for one in look.state.deployments if one.name == name), None)


@dataclass(frozen=True, slots=True)
class Trade:
    """One rollout from its beginning to its end, or to the end of the story.

    Attributes:
        deployment: The Deployment as it was at the beginning.
        rows: Its steps; the first is from before.
        looks: What was there, instant by instant.
        ended: When it was complete; None while it is not.
    """

    deployment: Deployment
    rows: tuple[Step, ...]
    looks: tuple[Look, ...]
    ended: datetime | None

    @property
    def pairs(self) -> tuple[str, ...]:
        """Old and new sizes after its beginning, such as `3/1`."""
        return tuple(f"{row.old}/{row.new}" for row in self.rows[1:])


def trade(story: Story, began: datetime | None, deployment: str) -> Trade | None:
    """Read the rollout that began at an instant; None for none."""
    if began is None:
        return None
    there = deployment_of(story.looks[story.at(began)], deployment)
    if there is None:
        return None
    ends = (at for at in rollout_ends(deployment).instants(story) if at > began)
    ended = next(ends, None)
    stop = len(story.looks) if ended is None else story.at(ended) + 1
    states = ((look.at, look.state) for look in story.looks[:stop])
    rows = steps_of(states, deployment, story.namespace).rows
    start = max(index for index, row in enumerate(rows) if index == 0 or row.at < began)
    return Trade(there, rows[start:], tuple(story.looks[story.at(began) : stop]), ended)


def fewest_ready(story: Story, began: datetime | None, deployment: str) -> Reality | None:
    """The fewest Pods that were ready at once in a rollout, and when first; None until it ended."""
    found = trade(story, began, deployment)
    if found is None or found.ended is None:
        return None
    count = ready(deployment)
    return Reality(*min((count.at(story, look).number, look.at) for look in found.looks))


def went_first(story: Story, deployment: str, since: datetime) -> tuple[Pod, State] | None:
    """The first Pod that began to leave after an instant, and what was there just before."""
    left = next((at for at in leaves(deployment).instants(story) if at > since), None)
    if left is None:
        return None
    index = story.at(left)
    staying = {pod.uid for pod in story.pods(story.looks[index], deployment) if pod.active}
    before = story.looks[index - 1]
    gone = (pod for pod in story.pods(before, deployment) if pod.active and pod.uid not in staying)
    return next(gone), before.state
