"""What a recording tells of one Service: where its traffic could go, and what became of its Pods.

Instants are those at which a watch was heard, on this machine's clock, which is the clock of the
witness too. Of two things that happened to a Pod, the ends of its containers are heard latest: a
kubelet tells them with its next status, often only as the Pod goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nodebynode.errors import BadInput
from nodebynode.recording import Recorded, Recording
from nodebynode.state import Pod, Service, State, endpoints_of
from nodebynode.state.status import Json

_KILLED = 137
"""How a container runtime tells an end by SIGKILL: 128 and the signal's number."""


@dataclass(slots=True)
class Span:
    """A time from `since` on; `until` is None while it has not ended."""

    since: datetime
    until: datetime | None = None


@dataclass(slots=True)
class Life:
    """What became of one Pod behind the Service.

    Attributes:
        name: Its name.
        node: Its node; empty while it has none.
        routed: When new connections could go to it, by the EndpointSlices.
        unready: When they could although the Pod was not Ready (`publishNotReadyAddresses`).
        untested: Whether it was Ready as soon as its containers ran, as without a readiness probe.
        leaving: When its deletion was asked for.
        grace: Seconds that it was given then.
        stopped: When it was heard that its containers had ended: the first time, of several.
        killed: Whether SIGKILL ended them.
        gone: When the Pod was gone.
    """

    name: str
    node: str = ""
    routed: list[Span] = field(default_factory=list)
    unready: list[Span] = field(default_factory=list)
    untested: bool = False
    leaving: datetime | None = None
    grace: int = 0
    stopped: list[datetime] = field(default_factory=list)
    killed: bool = False
    gone: datetime | None = None
    _restarts: int = 0

    def see(self, at: datetime, pod: Pod) -> None:
        """Take in the Pod as it was from an instant on."""
        self.node = pod.node or ""
        if pod.restarts > self._restarts and self.routed:
            self.stopped.append(at)
        self._restarts = pod.restarts
        if pod.terminating and self.leaving is None:
            self.leaving, self.grace = at, pod.grace or 0

    @property
    def deadline(self) -> datetime:
        """When SIGKILL ends what is left of a Pod that leaves.

        The clock of the grace period begins with the deletion, and includes a preStop hook. The
        API's `deletionTimestamp` says the same, but in whole seconds.
        """
        assert self.leaving is not None  # noqa: S101 - for Pods that leave only
        return self.leaving + timedelta(seconds=self.grace)

    def last_routed(self, at: datetime) -> Span | None:
        """The latest span that had begun at an instant, if any had."""
        return next((span for span in reversed(self.routed) if span.since <= at), None)


@dataclass(slots=True)
class History:
    """A Service in a recording.

    Attributes:
        lives: Its Pods, by UID.
        nobody: When there was no endpoint to send traffic to.
        silent: When nodes were heard to be not Ready, by name.
        published: Whether the Service was there at all.
    """

    lives: dict[str, Life] = field(default_factory=dict)
    nobody: list[Span] = field(default_factory=list)
    silent: dict[str, list[Span]] = field(default_factory=dict)
    published: bool = False

    @classmethod
    def of(cls, recording: Recording, namespace: str, service: str) -> History:
        """Gather what is told of a Service.

        Raises:
            BadInput: the recording never saw it.
        """
        found = cls()
        walk = _Walk(found, namespace, service)
        for at, state in recording.states():
            walk.see(at, state)
        if not found.published:
            raise BadInput(
                f"The recording holds no Service {service} in {namespace}.",
                "Record from before the load until after it.",
            )
        for change in recording.changes:
            found._end_of(change)
        return found

    def named(self, pod: str) -> Life | None:
        """The latest Pod of a name."""
        return next((life for life in reversed(self.lives.values()) if life.name == pod), None)

    def routed(self, at: datetime) -> list[Life]:
        """The Pods that traffic could go to at an instant, by the EndpointSlices."""
        return [life for life in self.lives.values() if covering(life.routed, at)]

    def _end_of(self, change: Recorded) -> None:
        """Take in a container's end, or a Pod's."""
        life = self.lives.get(change.object["metadata"].get("uid", ""))
        if life is None:
            return
        ends = _ends(change.object)
        if change.type == "DELETED":
            life.gone = change.at
        if change.type == "DELETED" or ends:
            life.stopped.append(change.at)
            life.killed = life.killed or _KILLED in ends


class _Walk:
    """Goes through States; what is the same object as before is not looked at again."""

    def __init__(self, into: History, namespace: str, service: str) -> None:
        self._into, self._namespace, self._service = into, namespace, service
        self._nodes: object = None
        self._pods: object = None
        self._slices: object = None
        self._waiting: set[str] = set()
        self._untested: set[str] = set()

    def see(self, at: datetime, state: State) -> None:
        if state.nodes is not self._nodes:
            for node in state.nodes:
                _mark(self._into.silent.setdefault(node.name, []), at, node.ready != "True")
        if state.pods is not self._pods:
            self._see_start(state.pods)
        is_news = state.pods is not self._pods or state.slices is not self._slices
        self._nodes, self._pods, self._slices = state.nodes, state.pods, state.slices
        service = next((one for one in state.services if self._is_ours(one)), None)
        if service is not None and (is_news or not self._into.published):
            self._into.published = True
            self._see_endpoints(at, state, service)

    def _is_ours(self, service: Service) -> bool:
        return (service.namespace, service.name) == (self._namespace, self._service)

    def _see_start(self, pods: Iterable[Pod]) -> None:
        """Note which Pods were Ready as soon as they ran; of those seen running first, none."""
        for pod in pods:
            if pod.phase == "Pending":
                self._waiting.add(pod.uid)
            elif pod.uid in self._waiting:
                self._waiting.discard(pod.uid)
                if pod.ready:
                    self._untested.add(pod.uid)

    def _see_endpoints(self, at: datetime, state: State, service: Service) -> None:
        """Which endpoints a node's rules would lead to: the ready, else those that leave and serve.

        Rule: kubernetes `pkg/proxy/topology.go: CategorizeEndpoints`.
        """
        endpoints = [one for one in endpoints_of(state, service) if one.pod_uid]
        ready = {one.pod_uid for one in endpoints if one.ready}
        routed = ready or {one.pod_uid for one in endpoints if one.serving and one.terminating}
        pods, lives = {pod.uid: pod for pod in state.pods}, self._into.lives
        for uid in [one.pod_uid for one in endpoints if one.pod_uid in pods]:
            lives.setdefault(uid, Life(pods[uid].name)).untested = uid in self._untested
        for uid, life in lives.items():
            pod = pods.get(uid)
            if pod is not None:
                life.see(at, pod)
            is_unready = pod is not None and not pod.ready and not pod.terminating
            _mark(life.routed, at, uid in routed)
            _mark(life.unready, at, is_unready and uid in ready)
        _mark(self._into.nobody, at, not routed)


def _mark(spans: list[Span], at: datetime, holds: bool) -> None:
    """Begin a span, or end the last one, where that is news."""
    is_open = bool(spans) and spans[-1].until is None
    if holds and not is_open:
        spans.append(Span(at))
    elif is_open and not holds:
        spans[-1].until = at


def covering(spans: Iterable[Span], at: datetime) -> Span | None:
    """The span that an instant lies in, if any."""
    return next(
        (one for one in spans if one.since <= at and (one.until is None or at < one.until)), None
    )


def _ends(pod: Json) -> Sequence[int]:
    """The exit codes of a Pod's containers that have ended, where all have."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    ended = [(one.get("state") or {}).get("terminated") for one in statuses]
    return [one.get("exitCode", 0) for one in ended if one is not None] if all(ended) else ()
