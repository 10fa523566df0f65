"""Drains and failures of nodes beside each other, each on a clock of its own.

That a failure costs minutes and a drain seconds is hard to see in a long recording; a table with
one clock for both shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from nodebynode.course.failing import FROZEN
from nodebynode.course.labs.draining import closings
from nodebynode.course.labs.readings import deployment_of
from nodebynode.recording.rules import Story, ready
from nodebynode.view.picture import html_table
from nodebynode.view.words import Table

_HEADS = ("what", "node", "Deployment", "a Pod is out", "another is made", "all are ready again")
_NOTE = (
    "Seconds. The clock of a drain starts with its first eviction, that of a failure when the node "
    "is frozen. A Pod is out when it is not ready any more, or told to leave."
)
Act = Literal["drain", "failure"]


@dataclass(frozen=True, slots=True)
class Row:
    """What one drain or failure did to one Deployment; seconds, None for what has not come.

    Attributes:
        act: What was done.
        node: To which node.
        deployment: Whose Pods were there.
        out: When the first of them was counted no more.
        made: When the first new Pod was made.
        ready: When each of them had been out, and as many as wanted were ready again.
    """

    act: Act
    node: str
    deployment: str
    out: float | None
    made: float | None
    ready: float | None


class Clocks:
    """The table; as text, in columns.

    Attributes:
        rows: Its rows.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows

    def __repr__(self) -> str:
        return f"{self._table.text}\n\n{_NOTE}"

    def _repr_html_(self) -> str:
        """Jupyter's hook: the same as a table."""
        return f"{html_table(self._table)}<p>{_NOTE}</p>"

    @property
    def _table(self) -> Table:
        return Table(_HEADS, tuple(self._cells(row) for row in self.rows))

    def _cells(self, row: Row) -> tuple[str, ...]:
        times = (row.out, row.made, row.ready)
        told = ("not yet" if at is None else f"{at:.1f}" for at in times)
        return row.act, row.node, row.deployment, *told


def clock_rows(story: Story) -> list[Row]:
    """Read the drains that evicted Pods, and the failures, in order of time."""
    begun = sorted({*_drains(story), *_failures(story)})
    return [_row(story, *one) for one in begun]


_Begun = tuple[datetime, Act, str, str]


def _drains(story: Story) -> Iterator[_Begun]:
    for deployment in story.deployments:
        for closing in closings(story, deployment):
            evicted = [one.at for one in closing.departures(story) if one.evicted]
            if evicted:
                yield evicted[0], "drain", closing.node, deployment


def _failures(story: Story) -> Iterator[_Begun]:
    for mark in story.marks:
        if mark.kind == "action" and (found := FROZEN.fullmatch(mark.text)):
            look = story.looks[story.at(mark.at)]
            for deployment in story.deployments:
                pods = story.pods(look, deployment)
                if any(pod.active and pod.node == found[1] for pod in pods):
                    yield mark.at, "failure", found[1], deployment


def _row(story: Story, began: datetime, act: Act, node: str, deployment: str) -> Row:
    first = max(0, story.at(began) - 1)
    before = story.pods(story.looks[first], deployment)
    known = {pod.uid for pod in before}
    here = {pod.uid for pod in before if pod.node == node and pod.active}
    gone = set[str]()
    out: datetime | None = None
    made: datetime | None = None
    back: datetime | None = None
    for look in story.looks[first + 1 :]:
        pods = story.pods(look, deployment)
        serving = {pod.uid for pod in pods if pod.ready and pod.active}
        wanted = deployment_of(look, deployment)
        if wanted is None:
            break
        gone |= here - serving
        out = out or (look.at if gone else None)
        made = made or (look.at if any(pod.uid not in known for pod in pods) else None)
        full = ready(deployment).at(story, look).number >= wanted.wanted
        if full and gone == here:
            back = look.at
            break
    return Row(act, node, deployment, *(_seconds(began, at) for at in (out, made, back)))


def _seconds(began: datetime, at: datetime | None) -> float | None:
    return None if at is None else max(0.0, (at - began).total_seconds())
