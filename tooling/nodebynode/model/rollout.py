"""A rollout foretold: the Deployment controller's rules on a clock of their own.

What is foretold is the order of things and the seconds between them. Rounds of the controller take
no time here, where a real one takes some hundredths of a second, and Pods become available one at
a time, where a real round may find several at once and pass a step (`reach` knows those ways too).
Placement is not modelled: a new Pod always finds a node. Nor is the progress deadline, which only
sets a condition.

Sources: kubernetes, `pkg/controller/deployment/rolling.go`, `recreate.go` and
`util/deployment_util.go: DeploymentComplete`;
https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from nodebynode.columns import in_columns
from nodebynode.errors import BadInput
from nodebynode.model.sizes import (
    Bounds,
    Counts,
    Pair,
    bounds,
    next_sizes,
    next_sizes_recreated,
)

ABSTRACTS = (
    "A model: the controller's rounds take no time, Pods become available one at a time, and each "
    "finds a node. A cluster may pass some steps unseen."
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A Deployment, and what its Pods take.

    Attributes:
        replicas: How many Pods are wanted.
        surge: maxSurge, a number of Pods or a percentage; not used with Recreate.
        unavailable: maxUnavailable, likewise.
        startup: Seconds from a new Pod's creation until it is Ready; None for never, as with a
            broken image. One for all, or one for each of the new Pods in the order of creation.
        min_ready: minReadySeconds: how long a Pod must be Ready to count as available.
        grace: Seconds that a Pod takes to be gone after it was told to stop; at most its
            terminationGracePeriodSeconds.
        strategy: The Deployment's.
        broken: How many of the old Pods are not available, and never will be.
    """

    replicas: int = 3
    surge: int | str = "25%"
    unavailable: int | str = "25%"
    startup: float | Sequence[float | None] | None = 1.0
    min_ready: float = 0.0
    grace: float = 1.0
    strategy: Literal["RollingUpdate", "Recreate"] = "RollingUpdate"
    broken: int = 0

    @property
    def bounds(self) -> Bounds:
        """What the rollout keeps to; Recreate adds no Pod, and may miss all of them.

        Raises:
            BadInput: maxSurge or maxUnavailable cannot be used.
        """
        if self.strategy == "Recreate":
            return Bounds(self.replicas, self.replicas, 0)
        return bounds(self.replicas, self.surge, self.unavailable)

    @property
    def startups(self) -> tuple[float | None, ...]:
        """The start-up of each new Pod, in the order of creation."""
        if isinstance(self.startup, Sequence):
            return tuple(self.startup)
        return (self.startup,) * self.replicas

    def check(self) -> None:
        """Raise where no rollout can be foretold.

        Raises:
            BadInput: Something is negative, or of another number than the replicas.
        """
        seconds = (self.min_ready, self.grace, *(one for one in self.startups if one is not None))
        if min(self.replicas, self.broken, *seconds) < 0:
            raise BadInput("A number of Pods or of seconds is negative.", "Choose 0 or more.")
        if self.broken > self.replicas:
            seen = f"{self.broken} of {self.replicas} old Pods cannot be broken."
            raise BadInput(seen, f"Choose {self.replicas} or fewer.")
        if len(self.startups) != self.replicas:
            raise BadInput(
                f"There are {len(self.startups)} start-up times for {self.replicas} new Pods.",
                "Give one for all, or one for each.",
            )


@dataclass(frozen=True, slots=True)
class Step:
    """An instant of a rollout, in the terms of a recording's steps.

    Attributes:
        at: Seconds since the template was changed.
        old: What the ReplicaSets of older revisions wanted together.
        new: What that of the newest revision wanted.
        old_available: How many old Pods were available.
        new_available: How many new ones.
        terminating: Pods that were told to stop and are not gone; no size counts them.
    """

    at: float
    old: int
    new: int
    old_available: int
    new_available: int
    terminating: int

    @property
    def total(self) -> int:
        """What all ReplicaSets wanted."""
        return self.old + self.new

    @property
    def available(self) -> int:
        """How many Pods of any revision were available."""
        return self.old_available + self.new_available

    @property
    def pods(self) -> int:
        """How many Pods there were, terminating ones too."""
        return self.total + self.terminating


@dataclass(frozen=True, slots=True)
class Rollout:
    """A rollout as it is foretold; as text, a table.

    Attributes:
        plan: Whose.
        limits: What it keeps to.
        history: Every instant at which a number changed, each as it was after the change. It goes
            on until the last old Pod is gone.
        stuck: Whether it never ends by itself.
        seconds: When it is complete, all new Pods available and no old one wanted; or, where it is
            stuck, when the last thing happened that moves it.
    """

    plan: Plan
    limits: Bounds
    history: tuple[Step, ...]
    stuck: bool
    seconds: float

    @property
    def steps(self) -> tuple[Step, ...]:
        """The instants at which sizes came about; the first is from before."""
        return tuple(
            step
            for index, step in enumerate(self.history)
            if index == 0 or (step.old, step.new) != _pair(self.history[index - 1])
        )

    @property
    def path(self) -> tuple[Pair, ...]:
        """Old and new sizes, for `nodebynode.recording.merging`."""
        return tuple(_pair(step) for step in self.steps)

    @property
    def pairs(self) -> str:
        """Old and new sizes, such as `3/0 3/1 2/1 2/2 1/2 1/3 0/3`."""
        return " ".join(f"{old}/{new}" for old, new in self.path)

    @property
    def least_available(self) -> int:
        """The fewest Pods that were available at once."""
        return min(step.available for step in self.history)

    @property
    def most_pods(self) -> int:
        """The most Pods that were there at once, terminating ones too."""
        return max(step.pods for step in self.history)

    @property
    def ending(self) -> str:
        """Where it ends, or where it is stuck, in a sentence."""
        last = self.steps[-1]
        if not self.stuck:
            return f"Complete after {self.seconds:g} s, at {last.old}/{last.new}."
        serving = self.history[-1].available
        return (
            f"Stuck at {last.old}/{last.new} after {self.seconds:g} s: "
            f"{serving} of {self.limits.replicas} Pods available, and nothing more will happen."
        )

    @property
    def summary(self) -> str:
        """The ending, and the least and the most that were seen."""
        return (
            f"{self.ending} Fewest available at once: {self.least_available}. "
            f"Most Pods at once, terminating ones too: {self.most_pods}."
        )

    @property
    def table(self) -> tuple[tuple[str, ...], ...]:
        """The heads of the columns, and a row for each step."""
        heads = ("AFTER", "OLD/NEW", "REPLICASETS", "OLD AVAILABLE", "NEW AVAILABLE", "AVAILABLE")
        return ((*heads, "TERMINATING"), *(self._row(step) for step in self.steps))

    def __str__(self) -> str:
        return "\n".join([in_columns(self.table), self.summary, ABSTRACTS])

    def _row(self, step: Step) -> tuple[str, ...]:
        return (
            f"{step.at:.2f} s",
            f"{step.old}/{step.new}",
            f"{step.total} of at most {self.limits.most}",
            str(step.old_available),
            str(step.new_available),
            f"{step.available} of at least {self.limits.least}",
            str(step.terminating),
        )


def roll_out(plan: Plan) -> Rollout:
    """Foretell what a change of the template does.

    Raises:
        BadInput: The plan cannot be: something is negative, no number, or both bounds are 0.
    """
    plan.check()
    run = _Run(plan)
    while run.act():
        pass
    return Rollout(plan, run.limits, tuple(run.history), not run.complete, run.seconds)


class _Change(Enum):
    """What time brings: a new Pod is available; one that was told to stop is gone."""

    AVAILABLE = "available"
    GONE = "gone"


class _Run:
    """The controller, and Pods that become available and go, on one clock."""

    def __init__(self, plan: Plan) -> None:
        self.limits = plan.bounds
        self.seconds = 0.0
        self._plan = plan
        self._now = 0.0
        self._counts = Counts(plan.replicas, 0, plan.replicas - plan.broken, 0)
        self._terminating = 0
        self._startups = list(reversed(plan.startups))
        self._due: list[tuple[float, int, _Change]] = []
        self._numbers = 0
        self.history = [self._step()]
        self._sync()

    @property
    def complete(self) -> bool:
        return self._counts == (0, self.limits.replicas, 0, self.limits.replicas)

    def act(self) -> bool:
        """Let the next thing happen; False when there is none."""
        if not self._due:
            return False
        self._now, _, change = heapq.heappop(self._due)
        if change is _Change.GONE:
            self._terminating -= 1
        else:
            counts = self._counts
            self._counts = counts._replace(new_available=counts.new_available + 1)
            self.seconds = self._now
        self.history.append(self._step())
        self._sync()
        return True

    def _sync(self) -> None:
        """Rounds of the controller, until one has nothing to do."""
        while (pair := self._wanted()) != self._counts.pair:
            self._resize(*pair)
            self.seconds = self._now
            self.history.append(self._step())

    def _wanted(self) -> Pair:
        if self._plan.strategy == "RollingUpdate":
            return next_sizes(self._counts, self.limits)
        gone = not self._terminating
        return next_sizes_recreated(self._counts, self.limits.replicas, old_gone=gone)

    def _resize(self, old: int, new: int) -> None:
        counts = self._counts
        for _ in range(counts.old - old):
            self._terminating += 1
            self._plan_for(self._plan.grace, _Change.GONE)
        for _ in range(new - counts.new):
            startup = self._startups.pop()
            if startup is not None:
                self._plan_for(startup + self._plan.min_ready, _Change.AVAILABLE)
        # A ReplicaSet gives up its Pods that are not ready before those that are.
        still = min(counts.old_available, old)
        self._counts = counts._replace(old=old, new=new, old_available=still)

    def _plan_for(self, after: float, change: _Change) -> None:
        self._numbers += 1
        heapq.heappush(self._due, (self._now + after, self._numbers, change))

    def _step(self) -> Step:
        return Step(self._now, *self._counts, self._terminating)


def _pair(step: Step) -> Pair:
    return step.old, step.new
