"""Instants that are found in a recording, between which a rule is judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from nodebynode.errors import BadInput
from nodebynode.recording.rules.story import Look, Story
from nodebynode.state import ReplicaSet, State


class Moment(ABC):
    """Something that happens at an instant, perhaps more than once; as text, what it is."""

    __slots__ = ()

    @property
    def kind(self) -> str:
        """The kind of object whose watch tells it; empty for marks."""
        return ""

    @abstractmethod
    def instants(self, story: Story) -> Iterator[datetime]:
        """Yield when it happened, in order."""


@dataclass(frozen=True, slots=True)
class _Marked(Moment):
    part: str

    def __str__(self) -> str:
        return f"`{self.part}`"

    def instants(self, story: Story) -> Iterator[datetime]:
        for one in story.marks:
            if one.kind != "prediction" and self.part in one.text:
                yield one.at


@dataclass(frozen=True, slots=True)
class _Cordon(Moment):
    node: str | None
    on: bool

    def __str__(self) -> str:
        act = "cordon" if self.on else "uncordon"
        return f"the {act} of {self.node or 'a node'}"

    @property
    def kind(self) -> str:
        return "nodes"

    def instants(self, story: Story) -> Iterator[datetime]:
        before: set[str] | None = set() if self.on else None
        for look in story.looks:
            now = {one.name for one in look.state.nodes if one.cordoned is self.on}
            if before is not None and any(self.node in (None, name) for name in now - before):
                yield look.at
            before = now


@dataclass(frozen=True, slots=True)
class _Begin(Moment):
    deployment: str

    def __str__(self) -> str:
        return f"the beginning of a rollout of {self.deployment}"

    @property
    def kind(self) -> str:
        return "replicasets"

    def instants(self, story: Story) -> Iterator[datetime]:
        newest: ReplicaSet | None = None
        for look in story.looks:
            sets = story.sets(look, self.deployment)
            now = max(sets, key=lambda rs: (rs.revision, rs.name), default=newest)
            # While a Deployment is deleted, an older ReplicaSet may be the last that is there.
            if now and newest and now.owner_uid == newest.owner_uid and now.uid != newest.uid:
                if now.revision < newest.revision:
                    continue
                yield look.at
            newest = now


@dataclass(frozen=True, slots=True)
class _End(Moment):
    deployment: str

    def __str__(self) -> str:
        return f"the end of a rollout of {self.deployment}"

    @property
    def kind(self) -> str:
        return "deployments"

    def instants(self, story: Story) -> Iterator[datetime]:
        return _becoming(story.looks, self._complete)

    def _complete(self, state: State) -> bool:
        return any(one.complete for one in state.deployments if one.name == self.deployment)


@dataclass(frozen=True, slots=True)
class _Created(Moment):
    deployment: str

    def __str__(self) -> str:
        return f"the creation of {self.deployment}"

    @property
    def kind(self) -> str:
        return "deployments"

    def instants(self, story: Story) -> Iterator[datetime]:
        return _becoming(story.looks, self._is_there)

    def _is_there(self, state: State) -> bool:
        return any(one.name == self.deployment for one in state.deployments)


@dataclass(frozen=True, slots=True)
class _Leaves(Moment):
    deployment: str

    def __str__(self) -> str:
        return f"a Pod of {self.deployment} leaving"

    @property
    def kind(self) -> str:
        return "pods"

    def instants(self, story: Story) -> Iterator[datetime]:
        before = set[str]()
        for look in story.looks:
            now = {pod.uid for pod in story.pods(look, self.deployment) if not pod.terminating}
            for _ in before - now:
                yield look.at
            before = now


@dataclass(frozen=True, slots=True)
class _Last(Moment):
    moment: Moment

    def __str__(self) -> str:
        return f"the last time of {self.moment}"

    @property
    def kind(self) -> str:
        return self.moment.kind

    def instants(self, story: Story) -> Iterator[datetime]:
        yield from [*self.moment.instants(story)][-1:]


def _becoming(looks: Sequence[Look], holds: Callable[[State], bool]) -> Iterator[datetime]:
    before = False
    for look in looks:
        now = holds(look.state)
        if now and not before:
            yield look.at
        before = now


def mark(part: str) -> Moment:
    """Each act or note whose text has this part, such as `kubectl drain`.

    Raises:
        BadInput: It is empty.
    """
    if not part.strip():
        raise BadInput("mark() was given no text.", 'Say a part of it: mark("kubectl drain").')
    return _Marked(part)


def cordoned(node: str | None = None) -> Moment:
    """A node is cordoned; any node where none is named. One that was so before counts at once."""
    return _Cordon(node, on=True)


def uncordoned(node: str | None = None) -> Moment:
    """A node is uncordoned; any node where none is named."""
    return _Cordon(node, on=False)


def created(deployment: str) -> Moment:
    """A Deployment appears. One that was there before counts at once."""
    return _Created(deployment)


def leaves(deployment: str) -> Moment:
    """A Pod of a Deployment begins to terminate, or is gone without; each Pod counts once."""
    return _Leaves(deployment)


def rollout_begins(deployment: str) -> Moment:
    """Another ReplicaSet becomes a Deployment's newest; its first one begins no rollout."""
    return _Begin(deployment)


def rollout_ends(deployment: str) -> Moment:
    """A Deployment becomes complete: all its Pods are of the newest version, and available.

    The rule is `deployment_util.go: DeploymentComplete`. One that was so before counts at once.
    """
    return _End(deployment)


def last(moment: Moment) -> Moment:
    """The last time only, where a learner has tried more than once."""
    return _Last(moment)


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a story that a rule is judged over.

    Attributes:
        first: The index of the look that the span begins in.
        stop: The index behind the last look.
        start: When it begins.
        end: When it ends.
        open_end: What it should have ended with and did not; empty otherwise.
    """

    first: int
    stop: int
    start: datetime
    end: datetime
    open_end: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """Between which instants a rule is judged; as text, what stands behind the rule.

    Attributes:
        after: From its first instant on; from the beginning where it is None.
        before: Until its first instant after that; to the end where it is None.
    """

    after: Moment | None = None
    before: Moment | None = None

    def __str__(self) -> str:
        after = f", from {self.after} on" if self.after else ""
        return f"{after}, until {self.before}" if self.before else after

    def span(self, story: Story) -> Span | None:
        """The part of a story between the two; None where it never came to `after`."""
        start: datetime | None = story.looks[0].at
        if self.after:
            start = next(self.after.instants(story), None)
        if start is None:
            return None
        end = None
        if self.before:
            end = next((at for at in self.before.instants(story) if at > start), None)
        first = story.at(start)
        stop = max(first + 1, _before(story, end) if end else len(story.looks))
        open_end = str(self.before) if self.before and not end else ""
        return Span(first, stop, start, end or story.ended, open_end)

    def apart_from(self, kinds: Collection[str]) -> tuple[bool, bool]:
        """Whether its beginning, and its end, are told by another watch than these kinds."""
        return (
            self.after is not None and {self.after.kind} != set(kinds),
            self.before is not None and {self.before.kind} != set(kinds),
        )


def _before(story: Story, end: datetime) -> int:
    """The index behind the last look that began before an instant."""
    index = story.at(end)
    return index if story.looks[index].at == end else index + 1
