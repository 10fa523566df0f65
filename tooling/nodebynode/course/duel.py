"""Two plans under the same load at the same time: what became of each, day by day.

What happens to one plan happens to the other in the same instant, so their curves lie on one axis.
A day begins with a load on every plan's Service and ends with a note in the recording that says
what each has lost; questions read it there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from nodebynode.cluster import Cluster
from nodebynode.course.duel_shown import Shown
from nodebynode.course.fares import Day, fare
from nodebynode.course.flight import Flight
from nodebynode.course.loading import Load
from nodebynode.errors import BadInput, ClusterError
from nodebynode.phrases import listed
from nodebynode.recording import MarkKind
from nodebynode.recording.rules import Moment, Story, mark

RATE, SECONDS = 40.0, 1200.0
"""Requests a second on each plan, and when a day's load ends by itself."""
_LOST = re.compile(r"(\S+) lost (\d+) of (\d+)")


def begins(day: str) -> Moment:
    """A day's beginning, as the recording has it."""
    return mark(f"{day} begins")


def ends(day: str) -> Moment:
    """A day's end, as the recording has it."""
    return mark(f"{day} is over")


def lost_on(story: Story, day: str) -> tuple[Mapping[str, int], datetime] | None:
    """What each plan lost on a day, the last time that it was, and when that day ended."""
    for one in reversed(story.marks):
        if one.kind == "note" and one.text.startswith(f"{day} is over"):
            return {plan: int(lost) for plan, lost, _ in _LOST.findall(one.text)}, one.at
    return None


@dataclass(slots=True)
class _Open:
    """A day that has not ended: its name, when it began, and a load for each plan."""

    name: str
    began: datetime
    loads: dict[str, Load] = field(default_factory=dict)


class Duel:
    """Compares plans, each a Service of its own name whose Pods have the label `app` of that name.

    Args:
        cluster: The cluster that they run on.
        namespace: The lab's namespace.
        flight: Records what happens, and what becomes of the loads.
        mark: Marks an instant in the recording.
        plans: Their names.
        strength: How many endpoints each of them is to have.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        flight: Flight,
        mark: Callable[[MarkKind, str], None],
        *,
        plans: tuple[str, ...] = ("pinned", "spread"),
        strength: int = 9,
    ) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._flight, self._mark = flight, mark
        self.plans, self.strength = plans, strength
        self.days: dict[str, Day] = {}
        """What has ended, by its name; a day that is lived again counts as it was last."""
        self._open: _Open | None = None

    def __repr__(self) -> str:
        return repr(self._shown)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Jupyter's hook: all days as a picture and a table."""
        return self._shown._repr_mimebundle_()

    @property
    def _shown(self) -> Shown:
        return Shown(self.plans, list(self.days.values()), self.strength)

    @property
    def running(self) -> str:
        """The name of the day that has not ended; empty where there is none."""
        return self._open.name if self._open else ""

    def day(self, name: str, *plans: str) -> None:
        """Begin a day: a load on each plan's Service. A day that has not ended is given up.

        Args:
            name: What it is called, such as "Monday".
            plans: Which plans; all of them where none is named.

        Raises:
            BadInput: The name is empty, or there is no such plan.
            ApiError: A plan has no Service.
            ClusterError: Nothing outside the cluster reaches one of them.
        """
        chosen = plans or self.plans
        if not isinstance(name, str) or not name.strip():
            raise BadInput(f"{name!r} is no name of a day.", 'Give it one: lab.duel.day("Monday").')
        if unknown := [plan for plan in chosen if plan not in self.plans]:
            known = f"The plans are {listed(self.plans)}."
            raise BadInput(f"There is no plan {unknown[0]!r}.", known)
        loads = {
            plan: Load(
                self._cluster, self._namespace, plan, rate=RATE, seconds=SECONDS, keep_alive=0
            )
            for plan in chosen
        }
        self.close()
        try:
            for load in loads.values():
                load.start(self._flight)
        except BaseException:
            for load in loads.values():
                load.close()
            raise
        self._mark("note", f"{name} begins")
        self._open = _Open(name, self._flight.so_far().marks[-1].at, loads)
        print(f"{name} begins: {RATE:g} requests a second to {listed(chosen)}.")

    def end(self) -> Shown:
        """End the day, and show how each plan fared.

        Raises:
            ClusterError: No day has begun.
        """
        day = self._open
        if day is None:
            raise ClusterError("No day has begun.", 'Begin one: lab.duel.day("Monday").')
        whole = {plan: load.running for plan, load in day.loads.items()}
        for load in day.loads.values():
            load.finish()
        recording = self._flight.so_far()
        story = Story(recording, self._namespace)
        reports = {plan: load.report(recording) for plan, load in day.loads.items()}
        fares = {
            plan: fare(story, plan, day.began, one, whole=whole[plan])
            for plan, one in reports.items()
        }
        lost = (f"{plan} lost {len(one.lost)} of {one.sent}" for plan, one in fares.items())
        self._mark("note", f"{day.name} is over: {', '.join(lost)}")
        self.days[day.name] = ended = Day(day.name, fares)
        self.close()
        return Shown(self.plans, [ended], self.strength)

    def close(self) -> None:
        """Give up the day that has not ended, if one has begun."""
        day, self._open = self._open, None
        for load in day.loads.values() if day else ():
            load.close()
