"""No Pod is bound to a node that is to be left alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby

from nodebynode.phrases import count
from nodebynode.recording.rules.finding import Judged, placed_all, unclear
from nodebynode.recording.rules.moments import Moment, Span, Window
from nodebynode.recording.rules.rule import Rule, violation
from nodebynode.recording.rules.story import Story
from nodebynode.state import Pod


@dataclass(frozen=True, slots=True)
class _Closed:
    """When a node was to be left alone; None where that is outside of what was recorded."""

    since: datetime | None
    until: datetime | None

    def covers(self, at: datetime, apart: timedelta = timedelta()) -> bool:
        """Whether an instant lies in it, and by more than so much."""
        begun = self.since is None or self.since + apart <= at
        return begun and (self.until is None or at < self.until - apart)


@dataclass(frozen=True, slots=True)
class NoBinding(Rule):
    """No Pod gets a certain node, or any that is cordoned where none is named."""

    node: str | None

    def __str__(self) -> str:
        node = self.node or "a cordoned node"
        if self.node and not self.window.after:
            node += " while that is cordoned"
        return f"no Pod is bound to {node}{self.window}"

    def _judge(self, story: Story, span: Span, apart: timedelta) -> Judged:
        closed = self._closed(story, span)
        if not closed:
            seen = f"{self.node} was never cordoned." if self.node else "No node was cordoned."
            return Judged(unseen=seen)
        told, elsewhere = list[str](), list[Pod]()
        for index in range(max(1, span.first), span.stop):
            at = story.looks[index].at
            for pod in _bound(story, index) if at >= span.start else ():
                here = closed.get(pod.node or "", ())
                until, saw = _gone(story, index, pod), f"Pod {pod.name} was bound to {pod.node}"
                if any(one.covers(at, apart) for one in here):
                    found = violation(story, index, saw, (pod,), until=until)
                    return Judged(violation=found, unclear=tuple(told))
                if any(one.covers(at) for one in here):
                    told.append(unclear(at, until or story.ended, saw, apart))
                elif any(one.covers(at) for those in closed.values() for one in those):
                    elsewhere.append(pod)
        if not elsewhere:
            unseen = f"No Pod of {story.namespace} was bound to another node in that time."
            return Judged(unseen=unseen, unclear=tuple(told))
        pods = f"{count(len(elsewhere), 'Pod')} got another node"
        return Judged(evidence=f"{pods}: {placed_all(elsewhere)}.", unclear=tuple(told))

    def _closed(self, story: Story, span: Span) -> Mapping[str, Sequence[_Closed]]:
        """The nodes that were to be left alone, and when."""
        end = None if not self.window.before or span.open_end else span.end
        if self.node and self.window.after:
            return {self.node: [_Closed(span.start, end)]}
        found = defaultdict[str, list[_Closed]](list)
        names = {node.name for look in story.looks for node in look.state.nodes}
        for name in names if self.node is None else names & {self.node}:
            looks = range(span.first, span.stop)
            for is_closed, group in groupby(looks, partial(_cordoned, story, name)):
                places = list(group)
                first, behind = places[0], places[-1] + 1
                since = max(story.looks[first].at, span.start) if first else None
                until = story.looks[behind].at if behind < span.stop else end
                found[name] += [_Closed(since, until)] * is_closed
        return {name: those for name, those in found.items() if those}


def _cordoned(story: Story, node: str, index: int) -> bool:
    return any(one.cordoned for one in story.looks[index].state.nodes if one.name == node)


def _bound(story: Story, index: int) -> Iterator[Pod]:
    """The Pods that have a node since this look."""
    before = {pod.uid for pod in story.looks[index - 1].state.pods if pod.node}
    for pod in story.looks[index].state.pods:
        if pod.node and pod.uid not in before:
            yield pod


def _gone(story: Story, index: int, pod: Pod) -> datetime | None:
    """When a Pod was gone, if it was."""
    for look in story.looks[index:]:
        if all(one.uid != pod.uid for one in look.state.pods):
            return look.at
    return None


def no_binding_to(
    node: str | None = None, *, after: Moment | None = None, before: Moment | None = None
) -> Rule:
    """No Pod of the namespace is bound to a node: `no_binding_to("worker2")`.

    Which the scheduler promises for a cordoned node, and `spec.nodeName` goes round. Pods that were
    there before do not matter: a cordon moves nobody. It holds only where other Pods were bound in
    that time, since nothing else puts it to the test.

    Args:
        node: The node's name; every cordoned node where it is None.
        after: From when on; while the node is cordoned where it is None.
        before: Until when; to the end of the recording where it is None.
    """
    return NoBinding(Window(after, before), node)
