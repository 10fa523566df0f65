"""How a plan fared on a day: its endpoints, its lost requests, its Pods, and what was typed for it.

Strength is counted in ready endpoints, not in ready Pods: a Pod that nobody sends anything to
serves no user.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from nodebynode.recording.rules import Story, endpoints
from nodebynode.recording.rules.story import Look
from nodebynode.view.availability import Curve
from nodebynode.witness import Report
from nodebynode.witness.traffic import NOT_MEASURED


@dataclass(frozen=True, slots=True)
class Fare:
    """How one plan fared on one day.

    Attributes:
        plan: Its name.
        curve: How many of its endpoints were ready, and when its lost requests were sent.
        unknown: How many requests could not be measured.
        most_pods: The most Pods that held a place on a node at once, leaving ones counted.
        commands: How many commands that change something named the plan.
        why: What most of its lost requests were lost to; empty where none were.
        whole: Whether the load went on until the day was ended.
    """

    plan: str
    curve: Curve
    unknown: int
    most_pods: int
    commands: int
    why: str = ""
    whole: bool = True

    @property
    def lost(self) -> Sequence[float]:
        """When the lost requests were sent, in seconds since the day began."""
        return self.curve.lost

    @property
    def sent(self) -> int:
        """How many requests were sent."""
        return self.curve.sent

    @property
    def fewest(self) -> int:
        """The fewest endpoints that were ready at once."""
        return min((n for _, n in self.curve.steps), default=0)

    def below(self, strength: int) -> float:
        """For how many seconds fewer endpoints were ready than were asked for."""
        steps = [*self.curve.steps, (self.curve.seconds, strength)]
        return sum(b - a for (a, n), (b, _) in pairwise(steps) if n < strength)


@dataclass(frozen=True, slots=True)
class Day:
    """A day that has ended: its name, and how each of its plans fared."""

    name: str
    fares: Mapping[str, Fare]


def fare(story: Story, plan: str, began: datetime, report: Report, *, whole: bool = True) -> Fare:
    """Read how a plan fared, from the day's beginning to the end of its load.

    Args:
        story: What has happened.
        plan: The name of its Service, and of the label `app` of its Pods.
        began: When the day began.
        report: What became of its load.
        whole: Whether the load went on until the day was ended.
    """
    traffic = report.traffic
    seconds = max(0.0, (traffic.ended - began).total_seconds())
    looks = [look for look in story.looks[story.at(began) :] if look.at <= traffic.ended]
    since = (max(0.0, (one.request.at - began).total_seconds()) for one in report.losses)
    causes = list(report.by_cause)
    return Fare(
        plan,
        Curve(_steps(story, plan, began, looks), seconds, tuple(since), len(traffic.requests)),
        unknown=len(traffic.of(NOT_MEASURED)),
        most_pods=max((_placed(look, plan) for look in looks), default=0),
        commands=_commands(story, plan, began, traffic.ended),
        why=str(causes[0]) if causes else "",
        whole=whole,
    )


def _steps(
    story: Story, plan: str, began: datetime, looks: Iterable[Look]
) -> tuple[tuple[float, int], ...]:
    """Seconds since the beginning, and the ready endpoints from then on, where they changed."""
    count, steps = endpoints(plan), list[tuple[float, int]]()
    for look in looks:
        number = count.at(story, look).number
        if not steps or steps[-1][1] != number:
            steps.append((round(max(0.0, (look.at - began).total_seconds()), 3), number))
    return tuple(steps)


def _placed(look: Look, plan: str) -> int:
    """How many of a plan's Pods hold a place on a node; those that leave do so until they go."""
    pods = (pod for pod in look.state.pods if pod.labels.get("app") == plan)
    return sum(1 for pod in pods if pod.node and not pod.finished)


def _commands(story: Story, plan: str, began: datetime, ended: datetime) -> int:
    """What was typed for this plan alone; a drain is the same for all of them."""
    return sum(
        one.kind == "action" and began <= one.at <= ended and plan in one.text
        for one in story.marks
    )
