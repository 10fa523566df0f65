"""Films for the tests, and a player of them in Python: it does with a film what player.js does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from nodebynode.recording import RecordedLoad
from nodebynode.state import Pod, State
from nodebynode.view.film import Message

from tests.unit.states import (
    AT,
    NEW,
    NODES,
    OLD,
    a_deployment,
    a_node,
    a_pod,
    a_set,
    in_service,
    leaving,
)

_OLD = {"x2k8p": "worker", "c5rt9": "worker2", "m8v2d": "worker3"}
_NEW = {"q7wn4": "worker2", "zz4hh": "worker3", "b9k2t": "worker"}
NASTY = '<img src=x onerror="alert(1)">'


def after(seconds: float) -> datetime:
    """So many seconds after the beginning."""
    return AT + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Note:
    """A mark, as a recording has it."""

    at: datetime
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Tale:
    """What a film is made of, without a file."""

    told: Sequence[State]
    marks: Sequence[Note] = ()
    loads: Sequence[RecordedLoad] = ()

    def states(self) -> Iterator[tuple[datetime, State]]:
        return ((state.at, state) for state in self.told)


def story() -> Tale:
    """A rolling update of three Pods, one more at a time, and what its learner did."""
    have = [a_pod(f"{OLD}-{end}", node) for end, node in _OLD.items()]
    told = [_instant(0, have)]
    at = 1.2
    for old, (end, node) in zip(list(have), _NEW.items(), strict=True):
        pod = a_pod(f"{NEW}-{end}", node, owner=NEW)
        going = replace(leaving(old, 30), gone_by=after(at + 32))
        for wait, change in (
            (
                0.02,
                {pod: replace(pod, node=None, ready=False, ready_containers=0, phase="Pending")},
            ),
            (0.3, {pod: replace(pod, ready=False, ready_containers=0, reason="ContainerCreating")}),
            (0.9, {pod: pod}),
            (0.1, {old: going}),
            (1.0, {old: going}),
            (0.8, {old: None}),
        ):
            have = _changed(have, change)
            at += wait
            told.append(_instant(at, have))
    marks = (
        Note(after(0.9), "prediction", "never fewer than 3 are ready"),
        Note(after(1.1), "action", "kubectl set image deployment/shop shop=shop:v2"),
        Note(after(5), "note", NASTY),
    )
    return Tale(told, marks)


def _changed(pods: Sequence[Pod], change: Mapping[Pod, Pod | None]) -> list[Pod]:
    by_uid = {pod.uid: pod for pod in pods}
    by_uid |= {pod.uid: new for pod, new in change.items()}
    return [pod for pod in by_uid.values() if pod]


def _instant(seconds: float, pods: Sequence[Pod]) -> State:
    staying = [pod for pod in pods if not pod.terminating]
    sets = []
    for revision, name in enumerate((OLD, NEW), start=1):
        own = [pod for pod in staying if pod.owner_uid == name]
        if own or revision == 1:
            sets.append(a_set(name, revision, len(own), sum(pod.ready for pod in own)))
    new = sum(pod.owner_uid == NEW for pod in staying)
    ready = sum(pod.ready for pod in staying)
    deployment = replace(
        a_deployment("v2" if new else "v1", updated=new or 3, total=len(staying)), available=ready
    )
    return in_service(State(after(seconds), NODES, tuple(pods), tuple(sets), (deployment,)))


def ticking(number: int) -> Iterator[State]:
    """A small cluster in which a Pod comes and goes; no State is like the one before."""
    for index in range(number):
        pods = (a_pod("stays"), a_pod(f"{NEW}-{index // 2:05}", owner=NEW))
        yield State(after(index), (a_node("worker"),), pods[: 1 + index % 2])


@dataclass
class Player:
    """A player's memory, and what it would show."""

    parts: dict[str, str] = field(default_factory=dict)
    frames: list[dict[str, Any]] = field(default_factory=list)
    first: int = 0

    def hear(self, message: Message) -> Player:
        """Take a message in, as it comes over the wire; a gap is a mistake."""
        told = json.loads(json.dumps(message))
        if "version" in told:
            self.parts, self.frames, self.first = {}, [], told["from"]
        assert told["from"] == self.first + len(self.frames)
        for number, part in told["parts"].items():
            if isinstance(part, list):
                base, head, middle, tail = part
                old = self.parts[str(base)]
                part = old[:head] + middle + old[len(old) - tail :]
            self.parts[number] = part
        for frame in told["frames"]:
            numbers = [] if frame.get("key") else list(self.frames[-1]["numbers"])
            for start, gone, *come in frame["hunks"]:
                numbers[start : start + gone] = come
            self.frames.append({**frame, "numbers": numbers})
        first = told.get("first", self.first)
        del self.frames[: first - self.first]
        self.first = first
        for number in told.get("gone", ()):
            del self.parts[str(number)]
        return self

    def shown(self) -> list[list[str]]:
        """The groups and rows of every frame."""
        return [[self.parts[str(n)] for n in frame["numbers"]] for frame in self.frames]
