"""A drain foretold: who is evicted when, what a budget holds up, and whether it ever ends.

`kubectl drain` cordons the node, refuses at once or evicts all Pods in parallel, tries a refused
eviction again every 5 s, and waits until the evicted Pods are gone. A budget lets the next Pod go
when a replacement has become ready elsewhere.

Where it abstracts: evictions of one instant are made in the order of the Pods' names, where kubectl
has none. A replacement is made at the instant of the eviction, as by a ReplicaSet; the scheduler
is a number of free places. Requests take no time, and nothing else happens to the cluster.

Sources: kubectl `pkg/drain/drain.go` (`evictPods`, `deletePods`) and `filters.go`;
https://kubernetes.io/docs/tasks/administer-cluster/safely-drain-node/
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from nodebynode.columns import in_columns
from nodebynode.errors import BadInput
from nodebynode.model.evictions import Side
from nodebynode.model.guests import App, Flags, refusals, stays, warnings

RETRY = 5.0
"""Seconds after which kubectl tries a refused eviction again."""
ABSTRACTS = (
    "A model: requests take no time, evictions of one instant go in the order of names, and a "
    "replacement needs nothing but a free place."
)
_BUDGET = "Cannot evict pod as it would violate the pod's disruption budget."
_TWO = (
    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not "
    "support."
)


class Outcome(Enum):
    """How a drain ends; the value is the first word of its ending."""

    DRAINED = "Drained"
    STUCK = "Stuck"
    TIMED_OUT = "Given up"
    FAILED = "Failed"
    REFUSED = "Refused"


class Moment(NamedTuple):
    """What happened, and how many seconds after the command was given."""

    at: float
    what: str


@dataclass(frozen=True, slots=True)
class Drain:
    """A drain as it is foretold; as text, a time line.

    Attributes:
        node: The node; it stays cordoned however the drain ends.
        outcome: How it ends.
        seconds: When it ends; where it is stuck for ever, when it last got on.
        why: What holds it up, in a sentence; empty when it is drained.
        timeline: What happens, in order.
        messages: What kubectl prints of what goes wrong, in its words.
        fewest_ready: The fewest ready Pods of each app at once, on all nodes together.
    """

    node: str
    outcome: Outcome
    seconds: float
    why: str
    timeline: tuple[Moment, ...]
    messages: tuple[str, ...]
    fewest_ready: Mapping[str, int]

    @property
    def ending(self) -> str:
        """How it ends, in a sentence or more."""
        when = {
            Outcome.DRAINED: f" in {self.seconds:g} s",
            Outcome.STUCK: " for ever",
            Outcome.REFUSED: ": nothing is evicted",
        }.get(self.outcome, f" after {self.seconds:g} s")
        left = "" if self.outcome is Outcome.DRAINED else f"{self.node} stays cordoned."
        return " ".join(filter(None, [f"{self.outcome.value}{when}.", self.why, left]))

    def __str__(self) -> str:
        rows = [("AFTER", "WHAT"), *((f"{one.at:g} s", one.what) for one in self.timeline)]
        return "\n".join([in_columns(rows), self.ending, *self.messages, ABSTRACTS])


def drain(apps: Sequence[App], flags: Flags | None = None, node: str = "node") -> Drain:
    """Foretell a drain.

    Args:
        apps: What has Pods on the node.
        flags: Those of the command; by default none is set.
        node: The node's name.

    Raises:
        BadInput: An app or a budget cannot be as it is given, or two apps have one name.
    """
    flags = flags or Flags()
    for app in apps:
        app.check()
    if len({app.name for app in apps}) < len(apps):
        raise BadInput("Two apps have the same name.", "Give each a name of its own.")
    run = _Run([Side(app) for app in apps if not stays(app)], flags)
    run.say(f"node/{node} cordoned")
    if refused := refusals(apps, flags):
        return run.ended(node, Outcome.REFUSED, "kubectl asks for a flag first.", refused)
    for warning in warnings(apps, flags):
        run.say(f"Warning: {warning}")
    return run.carried_out(node)


class _Change(Enum):
    TRY = "an eviction is tried"
    GONE = "kubectl sees that a Pod is gone"
    READY = "a replacement is ready"


class _Run:
    """kubectl, the eviction API, and Pods that go and come, on one clock."""

    def __init__(self, sides: Sequence[Side], flags: Flags) -> None:
        self._sides, self._flags = sides, flags
        self._now, self._numbers = 0.0, 0
        self._due: list[tuple[float, int, _Change, Side, str]] = []
        self._timeline: list[Moment] = []
        self._failed: dict[str, str] = {}
        self._leaving: dict[str, Side] = {}
        self._ended = 0.0

    def say(self, what: str) -> None:
        """Put something on the time line, now."""
        self._timeline.append(Moment(self._now, what))

    def carried_out(self, node: str) -> Drain:
        """Evict, and go on until all is over, or for ever the same."""
        for side in self._sides:
            for pod in side.app.pods:
                self._plan(0, _Change.TRY, side, pod)
        while self._due:
            at, _, change, side, pod = heapq.heappop(self._due)
            if self._open and 0 < self._flags.timeout <= at:
                break
            self._now = at
            {_Change.TRY: self._try, _Change.GONE: self._gone, _Change.READY: self._ready}[change](
                side, pod
            )
        return self._result(node)

    def ended(self, node: str, outcome: Outcome, why: str, messages: Sequence[str]) -> Drain:
        """What is foretold."""
        fewest = {side.app.name: side.fewest for side in self._sides}
        timeline = tuple(self._timeline)
        return Drain(node, outcome, self._ended, why, timeline, tuple(messages), fewest)

    @property
    def _open(self) -> bool:
        """Whether kubectl still waits for something."""
        return bool(self._leaving) or any(self._waiting(side) for side in self._sides)

    def _waiting(self, side: Side) -> list[str]:
        return [pod for pod in side.left if pod not in self._failed]

    def _try(self, side: Side, pod: str) -> None:
        if self._flags.disable_eviction or (not side.rejects and side.may_go(pod)):
            self._evict(side, pod)
        elif side.rejects:
            self._failed[pod] = f"{_evicting(side, pod)}: {_TWO}"
            self.say(f"{pod} cannot be evicted: two budgets speak for it")
            self._ended = self._now
        elif side.hopeless:
            self.say(f"{pod} is refused, now and every {RETRY:g} s: {side.reason}")
            self._ended = self._now
        else:
            self.say(f"{pod} is refused, and tried again in {RETRY:g} s: {side.reason}")
            self._plan(RETRY, _Change.TRY, side, pod)

    def _evict(self, side: Side, pod: str) -> None:
        startup = side.evict(pod)
        deed = "deleted" if self._flags.disable_eviction else "evicted"
        self.say(f"{pod} is {deed}; ready: {side.ready} of {side.app.replicas} {side.app.name}")
        self._leaving[pod] = side
        # kubectl looks once a second whether it is gone.
        self._plan(math.ceil(side.app.grace), _Change.GONE, side, pod)
        if startup is not None:
            self._plan(startup, _Change.READY, side, pod)

    def _gone(self, side: Side, pod: str) -> None:
        del self._leaving[pod]
        self.say(f"{pod} is gone")
        self._ended = self._now

    def _ready(self, side: Side, pod: str) -> None:
        side.replaced()
        ready = f"ready: {side.ready} of {side.app.replicas} {side.app.name}"
        self.say(f"the replacement of {pod} is ready; {ready}")

    def _plan(self, after: float, change: _Change, side: Side, pod: str) -> None:
        self._numbers += 1
        heapq.heappush(self._due, (self._now + after, self._numbers, change, side, pod))

    def _result(self, node: str) -> Drain:
        failures = list(self._failed.values())
        held = [side for side in self._sides if self._waiting(side)]
        why = " ".join(side.reason for side in held)
        refused = [_evicting(s, pod) for s in held for pod in self._waiting(s)]
        if self._flags.timeout and self._open:
            return self._given_up(node, why, [*failures, *self._at_timeout(refused)])
        if held:
            said = [f"{one} (will retry after 5s): {_BUDGET}" for one in refused]
            return self.ended(node, Outcome.STUCK, why, [*failures, *said])
        if failures:
            return self.ended(node, Outcome.FAILED, "Two budgets speak for one Pod.", failures)
        self._timeline.append(Moment(self._ended, f"node/{node} drained"))
        self._timeline.sort(key=lambda one: one.at)
        return self.ended(node, Outcome.DRAINED, "", ())

    def _given_up(self, node: str, why: str, messages: Sequence[str]) -> Drain:
        self._now = self._ended = float(self._flags.timeout)
        self.say(f"kubectl gives up: --timeout={self._flags.timeout}s")
        why = why or "Pods that were evicted take longer to be gone."
        return self.ended(node, Outcome.TIMED_OUT, why, messages)

    def _at_timeout(self, refused: Sequence[str]) -> list[str]:
        waits = (
            f'error when waiting for pod "{pod}" in namespace "{side.app.namespace}" to terminate'
            for pod, side in self._leaving.items()
        )
        timeout = f"global timeout reached: {self._flags.timeout}s"
        return [f"{one}: {timeout}" for one in (*refused, *waits)]


def _evicting(side: Side, pod: str) -> str:
    return f'error when evicting pods/"{pod}" -n "{side.app.namespace}"'
