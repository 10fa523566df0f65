"""Pods are made to leave one after the other, each only when all are ready."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from nodebynode.phrases import count
from nodebynode.recording.rules.counts import Counted, ready
from nodebynode.recording.rules.finding import Judged, placed, placed_all
from nodebynode.recording.rules.moments import Moment, Span, Window
from nodebynode.recording.rules.rule import Rule, violation
from nodebynode.recording.rules.story import Look, Story
from nodebynode.state import Pod


@dataclass(frozen=True, slots=True)
class EachWaits(Rule):
    """A ready Pod is made to leave only while its Deployment has all the ready Pods it wants."""

    deployment: str | None

    def __str__(self) -> str:
        whose = f" of {self.deployment}" if self.deployment else ""
        return f"each Pod{whose} is made to leave only when all are ready{self.window}"

    def _judge(self, story: Story, span: Span, apart: timedelta) -> Judged:
        left = list[Pod]()
        names = [self.deployment] if self.deployment else story.deployments
        for index in range(max(1, span.first), span.stop):
            for name in names if story.looks[index].at >= span.start else ():
                for pod in made_to_leave(story, index, name, apart):
                    wanted = min(_wanted(look, name) for look in _near(story, index, apart))
                    before = ready(name).at(story, story.looks[index - 1])
                    if before.number < wanted:
                        return _broken(story, index, name, pod, before, wanted)
                    left.append(pod)
        if not left:
            return Judged(unseen="No Pod that was ready and still wanted was made to leave.")
        pods = count(len(left), "Pod")
        return Judged(evidence=f"{pods} left, each when all were ready: {placed_all(left)}.")


def _broken(story: Story, index: int, name: str, pod: Pod, before: Counted, wanted: int) -> Judged:
    ready_ones = f"{before.number} of {wanted} were ready"
    saw = f"Pod {placed(pod)} was made to leave when {ready_ones}{before}"
    others = (one for one in (*before.pods, *before.others) if one.uid != pod.uid)
    until = _all_ready(story, index, name)
    return Judged(violation=violation(story, index, saw, (pod, *others), until=until))


def made_to_leave(story: Story, index: int, name: str, apart: timedelta) -> Iterator[Pod]:
    """A Deployment's Pods that were ready, and begin to leave though they are still wanted.

    A rollout or a smaller size takes the Pod from its ReplicaSet's wanted number first. Who else
    makes a Pod leave, an eviction or a deletion by hand, is told apart by nothing in the recording.
    """
    now = {pod.uid: pod for pod in story.pods(story.looks[index], name)}
    near = _near(story, index, apart)
    for pod in story.pods(story.looks[index - 1], name):
        after = now.get(pod.uid)
        if pod.ready and pod.active and (after is None or after.terminating):
            staying = sum(one.active for one in now.values() if one.owner_uid == pod.owner_uid)
            if staying < min(_size(look, pod.owner_uid) for look in near):
                yield pod


def _near(story: Story, index: int, apart: timedelta) -> list[Look]:
    """The looks that may belong to the same instant, since kinds are heard apart."""
    at = story.looks[index].at
    return story.looks[story.at(at - apart) : story.at(at + apart) + 1]


def _size(look: Look, replicaset: str) -> int:
    """How many Pods a ReplicaSet wants; none once it is gone."""
    return next((rs.wanted for rs in look.state.replicasets if rs.uid == replicaset), 0)


def _wanted(look: Look, name: str) -> int:
    """How many Pods a Deployment wants; none once it is gone."""
    return next((one.wanted for one in look.state.deployments if one.name == name), 0)


def _all_ready(story: Story, index: int, name: str) -> datetime | None:
    """When as many were ready again as are wanted, if they were."""
    for look in story.looks[index:]:
        if ready(name).at(story, look).number >= _wanted(look, name):
            return look.at
    return None


def each_eviction_waits_for_ready(
    deployment: str | None = None, *, after: Moment | None = None, before: Moment | None = None
) -> Rule:
    """Each ready Pod that is made to leave, leaves only while all that are wanted are ready.

    So the replacement of the one before is ready first, as a budget of `maxUnavailable: 1` sees to
    for evictions (https://kubernetes.io/docs/tasks/run-application/configure-pdb/). What a rollout
    or a smaller size takes away does not count. A deletion by hand does: it asks no budget, and a
    recording does not tell it from an eviction.

    Args:
        deployment: Whose Pods; those of every Deployment where it is None.
        after: From when on; from the beginning of the recording where it is None.
        before: Until when; to its end where it is None.
    """
    return EachWaits(Window(after, before), deployment)
