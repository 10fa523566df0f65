"""The recordings of the labs' solutions, made on a real cluster, and what came of each question."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from nodebynode.recording import Mark, Recording
from nodebynode.recording.rules import Story
from nodebynode.state import State

RECORDINGS = Path(__file__).parents[2] / "lessons" / "recordings"
CAME = {
    "02-who-makes-pods": {
        "maker": "the ReplicaSet controller",
        "scaled": 3,
        "counted": 4,
        "returned": "it belongs to shop again, and one of the four is stopped",
        "orphans": 0,
        "heir": "a new ReplicaSet of the same name",
        "replaced": "the Pod of shop only",
        "sets": 2,
    },
    "03-where-pods-land": {
        "heavy": 3,
        "cordon": 0,
        "one-node": 3,
        "uncordon": 0,
        "toleration": "some of them",
        "relabel": 0,
        "fourth": 3,
        "release": "it stops, with three old Pods and one new one that waits",
        "drained": "it waits for a node",
    },
    "04-who-gets-traffic": {
        "waiting": "in it, as not ready",
        "guest": 4,
        "pending": "<pending>, until somebody gives it one",
        "cordon": 0,
        "edited": "for about a second",
        "released": 3,
        "leaving": "that it is not ready",
        "replaced": "in it",
    },
    "05-node-maintenance": {
        "evicted": "another one comes, with another name and address",
        "both": 0,
        "returns": 0,
        "refused": 0,
        "after": "cordoned",
        "delete": 2,
        "single": "it tries again, and gives up in the end",
        "dead": "it is still there, and no other one was made",
    },
    "06-rolling-update": {
        "first": "a new Pod is made",
        "path": ("3/1", "2/1", "2/2", "1/2", "1/3", "0/3"),
        "four": 3,
        "gate": "one new Pod comes, and no old one goes",
        "victim": None,  # a name; the model's, below
        "least": 2,
        "recreate": "for longer",
        "extra": 6,
    },
    "09-the-duel": {
        "cut": "soon it is as it was",
        "by-hand": 6,
        "by-rollout": 9,
        "evicted": "their new Pods wait without a node",
        "drained": "pinned",
        "moved-back": 0,
        "still-sent": "for more than five seconds",
        "whole-again": "only spread",
        "bad": 9,
        "hooked": 6,
        "budget": "it takes two, and waits for ever with the third",
        "full": "the new Pods wait for room, and the old ones stay",
    },
}


@dataclass(frozen=True, slots=True)
class Until:
    """A recording's part before an instant."""

    whole: Recording
    ended: datetime
    cut: str = ""

    @property
    def marks(self) -> list[Mark]:
        return [one for one in self.whole.marks if one.at < self.ended]

    def states(self) -> Iterator[tuple[datetime, State]]:
        return ((at, state) for at, state in self.whole.states() if at < self.ended)


@cache
def whole(lab: str) -> Recording:
    return Recording.read(RECORDINGS / f"{lab}.jsonl.gz")


@cache
def story(lab: str) -> Story:
    return Story(whole(lab), f"lab-{lab[:2]}")
