"""What evidence for a belief is read from: a recording's Deployments, and their rollouts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from nodebynode.course.labs.readings import deployment_of
from nodebynode.course.misconceptions.belief import BELIEF
from nodebynode.recording.rules import Story
from nodebynode.recording.rules.story import Look
from nodebynode.state import Deployment, Pod, ReplicaSet

Key = TypeVar("Key", str, tuple[str, str])


def by_deployment(read: Callable[[Story, str], str | None]) -> Callable[[Story], str | None]:
    """Return what asks each Deployment in turn, the learner's own before that of experiments."""

    def shows(story: Story) -> str | None:
        names = own_first(story.deployments)
        return next(filter(None, (read(story, name) for name in names)), None)

    return shows


def services(story: Story) -> list[str]:
    """The names of all Services that were ever there, the learner's own before an experiment's."""
    return own_first({one.name for look in story.looks for one in look.state.services})


def stayed(
    story: Story, so: Callable[[Look], Iterable[Key]], least: timedelta, begin: int = 0
) -> Iterator[tuple[int, Key, datetime]]:
    """Yield what was so for a time: the index of the instant, what, and since when.

    Args:
        story: What has happened.
        so: What is so at an instant, by name.
        least: For how long it has to be.
        begin: The index of the first instant that counts.
    """
    since: dict[Key, datetime] = {}
    for index, look in enumerate(story.looks[begin:], start=begin):
        since = {name: since.get(name, look.at) for name in sorted(so(look))}
        for name, at in since.items():
            if story.until(index) - at >= least:
                yield index, name, at


def own_first(names: Iterable[str]) -> list[str]:
    """Names in order, that of experiments last."""
    return sorted(names, key=lambda name: (name == BELIEF, name))


def newest(story: Story, look: Look, name: str) -> ReplicaSet | None:
    """The ReplicaSet of a Deployment's newest revision at an instant."""
    sets = story.sets(look, name)
    return max(sets, key=lambda rs: (rs.revision, rs.name)) if sets else None


@dataclass(frozen=True, slots=True)
class Rollout:
    """A rollout, from its beginning until the next one begins or its Deployment is gone.

    Attributes:
        looks: The instants, the beginning first.
        new: The ReplicaSet that it makes the newest, as it was at the beginning.
        deployment: The Deployment's name.
        story: What has happened.
    """

    looks: Sequence[Look]
    new: ReplicaSet
    deployment: str
    story: Story

    @property
    def began(self) -> datetime:
        """When the ReplicaSet became the newest."""
        return self.looks[0].at

    @property
    def until_complete(self) -> Sequence[Look]:
        """The instants until it was complete; all of them where it never was."""
        end = next((at for at, look in enumerate(self.looks) if self.is_complete(look)), None)
        return self.looks if end is None else self.looks[: end + 1]

    def is_complete(self, look: Look) -> bool:
        """Whether nothing is left to do, by the Deployment and by its ReplicaSets."""
        now = self.now(look)
        sets = self.story.sets(look, self.deployment)
        sizes = {rs.uid: rs.wanted for rs in sets if rs.wanted}
        return now is not None and now.complete and sizes == {self.new.uid: now.wanted}

    def now(self, look: Look) -> Deployment | None:
        """The Deployment at an instant."""
        return deployment_of(look, self.deployment)

    def old(self, look: Look) -> list[Pod]:
        """The Pods of older revisions that are there."""
        pods = self.story.pods(look, self.deployment)
        return [pod for pod in pods if pod.owner_uid != self.new.uid]

    def fresh(self, look: Look) -> list[Pod]:
        """The Pods of the new revision that are there."""
        pods = self.story.pods(look, self.deployment)
        return [pod for pod in pods if pod.owner_uid == self.new.uid]


def rollouts(story: Story, name: str) -> list[Rollout]:
    """The rollouts of a Deployment, in order.

    One that is made anew under its name begins none: its first ReplicaSet replaces nothing.
    """
    begins = list(_begins(story, name))
    ends = [*(index for index, _ in begins), len(story.looks)][1:]
    found = []
    for (index, new), end in zip(begins, ends, strict=True):
        looks = []
        for look in story.looks[index:end]:
            now = deployment_of(look, name)
            if now is None or now.uid != new.owner_uid:
                break
            looks.append(look)
        if looks:
            found.append(Rollout(looks, new, name, story))
    return found


def _begins(story: Story, name: str) -> Iterator[tuple[int, ReplicaSet]]:
    before: ReplicaSet | None = None
    for index, look in enumerate(story.looks):
        now = newest(story, look, name)
        if now and before and now.owner_uid == before.owner_uid and now.uid != before.uid:
            # When a Deployment is deleted, its newest ReplicaSet may be gone before older ones.
            yield from ((index, now),) if now.revision > before.revision else ()
        before = now or before
