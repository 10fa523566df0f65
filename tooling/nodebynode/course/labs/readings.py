"""What questions of labs read from a recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from nodebynode.recording.rules import Moment, Story, leaves
from nodebynode.state import Pod

_SETTLED = timedelta(seconds=2)
"""What a change sets off has begun by then; controllers take milliseconds."""


def first(story: Story, moment: Moment) -> datetime | None:
    """When something happened first, if it did."""
    return next(moment.instants(story), None)


def departures(story: Story, deployment: str, act: Moment) -> list[datetime] | None:
    """When Pods of a Deployment began to leave, between an act and what was done next.

    Returns:
        The instants; None while that is not decided: nothing was done, or it was just now.
    """
    began = first(story, act)
    if began is None:
        return None
    later = (one.at for one in story.marks if one.kind == "action" and one.at > began)
    end = next(later, None)
    if end is None and story.ended - began < _SETTLED:
        return None
    left = leaves(deployment).instants(story)
    return [at for at in left if began < at <= (end or story.ended)]


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
