"""Who owned a Pod, and when that changed, read from a recording.

Owners are how Kubernetes tells whom a Pod belongs to; both lab 02 and the beliefs about objects
speak of Pods that change hands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from nodebynode.recording.resolution import APART
from nodebynode.recording.rules import Story
from nodebynode.recording.rules.story import Look
from nodebynode.state import Pod, ReplicaSet


@dataclass(frozen=True, slots=True)
class PutBack:
    """A ReplicaSet that was set to another size, and back, while its Deployment stayed as it was.

    Attributes:
        name: The ReplicaSet's name.
        wanted: The size before and after, which is the Deployment's.
        by_hand: The size in between.
        at: When it was changed.
        back: When it was put back.
    """

    name: str
    wanted: int
    by_hand: int
    at: datetime
    back: datetime


def put_backs(story: Story, deployment: str) -> Iterator[PutBack]:
    """Yield each time a ReplicaSet's size was changed by somebody, and put back."""
    sizes: dict[str, list[tuple[ReplicaSet, datetime]]] = {}
    for look in story.looks:
        for one in story.sets(look, deployment):
            told = sizes.setdefault(one.uid, [])
            if not told or told[-1][0].wanted != one.wanted:
                told.append((one, look.at))
    for told in sizes.values():
        for (one, _), (changed, at), (after, back) in zip(told, told[1:], told[2:], strict=False):
            around = story.looks[story.at(at - APART) : story.at(back + APART) + 1]
            if one.wanted == after.wanted and _kept_to(story, around, deployment, one):
                yield PutBack(one.name, one.wanted, changed.wanted, at, back)


def _kept_to(story: Story, looks: list[Look], deployment: str, kept: ReplicaSet) -> bool:
    """Whether a Deployment wanted no other size than a ReplicaSet's, and Pods of no other set."""
    wanted = {d.wanted for look in looks for d in look.state.deployments if d.name == deployment}
    others = (rs for look in looks for rs in story.sets(look, deployment) if rs.uid != kept.uid)
    return wanted == {kept.wanted} and not any(rs.wanted for rs in others)


@dataclass(frozen=True, slots=True)
class Handed:
    """A Pod whose owner changed.

    Attributes:
        pod: It, as it was after that.
        at: When it was so.
        beside: The UIDs of the Pods that the Deployment had until then, this one among them.
    """

    pod: Pod
    at: datetime
    beside: frozenset[str]


def released(story: Story, deployment: str) -> list[Handed]:
    """The Pods that a Deployment's ReplicaSet let go, because their labels fitted no more."""
    found = []
    for pod, now, look, before in _handed(story, deployment):
        lost_labels = not pod.labels.items() <= now.labels.items()  # a binding may add some
        if not now.owner_uid and now.active and lost_labels:
            found.append(Handed(now, look.at, before))
    return found


def outsiders(story: Story, deployment: str) -> list[Pod]:
    """The Pods that were let go, run on, and have no owner at the end of the story."""
    uids = {one.pod.uid for one in released(story, deployment)}
    there = story.looks[-1].state.pods
    return [pod for pod in there if pod.uid in uids and pod.active and not pod.owner_uid]


def let_go_since(story: Story, deployment: str) -> datetime | None:
    """When the first Pod was let go after the last time at which none was outside."""
    gone = released(story, deployment)
    uids = {one.pod.uid for one in gone}
    began = None
    for one in gone:
        before = story.looks[story.at(one.at) - 1].state.pods
        if not any(pod.uid in uids and pod.active and not pod.owner_uid for pod in before):
            began = one.at
    return began


def taken_in(story: Story, deployment: str) -> list[Handed]:
    """The Pods that one of a Deployment's ReplicaSets has adopted."""
    found = []
    for before, look in pairwise(story.looks):
        there = {pod.uid: pod for pod in before.state.pods}
        owned = story.pods(before, deployment)
        known = frozenset(pod.uid for pod in owned)
        for pod in story.pods(look, deployment):
            was = there.get(pod.uid)
            if was is not None and not was.owner_uid and pod.active:
                found.append(Handed(pod, look.at, known | {pod.uid}))
    return found


def _handed(story: Story, deployment: str) -> Iterator[tuple[Pod, Pod, Look, frozenset[str]]]:
    """Each Pod of a Deployment that lost its owner: as it was first, now, when, beside whom."""
    first: dict[str, Pod] = {}
    for before, look in pairwise(story.looks):
        owned = story.pods(before, deployment)
        for pod in owned:
            first.setdefault(pod.uid, pod)
        now = {pod.uid: pod for pod in look.state.pods}
        for pod in owned:
            after = now.get(pod.uid)
            if after is not None and not after.owner_uid:
                uids = frozenset(one.uid for one in owned)
                yield first[pod.uid], after, look, uids


def owners(story: Story, pod_uid: str) -> list[str]:
    """The UIDs of all that ever owned a Pod, the first one first."""
    told = [
        pod.owner_uid
        for look in story.looks
        for pod in look.state.pods
        if pod.uid == pod_uid and pod.owner_uid
    ]
    return list(dict.fromkeys(told))


def bare_losses(story: Story) -> Iterator[tuple[Pod, datetime]]:
    """Yield each Pod that nobody ever owned and that is gone, with no other of its name since."""
    names = {pod.name for pod in story.looks[-1].state.pods}
    for before, look in pairwise(story.looks):
        there = {pod.uid for pod in look.state.pods}
        for pod in before.state.pods:
            if pod.uid not in there and pod.name not in names and not owners(story, pod.uid):
                yield pod, look.at
