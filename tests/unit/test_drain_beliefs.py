"""The detectors of beliefs about drains: each speaks of what was recorded, and else is silent."""

from __future__ import annotations

import pytest
from nodebynode.course import misconceptions
from nodebynode.recording import Mark
from nodebynode.recording.rules import Story
from nodebynode.state import State

from tests.unit.states import OLD, a_pod
from tests.unit.tapes import Tape, act, instant, three

DRAIN = act(0.5, "kubectl drain worker --force")
BUDGET = act(0.4, "kubectl create pdb shop --max-unavailable=0")
DELETE = act(0.5, "kubectl delete pod -l app=shop")
NEW = a_pod(f"{OLD}-d", "worker2")
CLOSED = "worker"


def shown(key: str, told: list[State], *marks: Mark, lasts: float = 6) -> str | None:
    story = Story(Tape(told, marks, lasts=lasts), "default")
    return misconceptions.find(key).shows(story)


GONE = [instant(0), instant(1, cordoned=CLOSED), instant(2, three(without="a"), cordoned=CLOSED)]
MOVED = [*GONE, instant(3, [*three(gone="a"), NEW], cordoned=CLOSED)]
EMPTY = [*GONE, instant(3, three(gone="a"), cordoned=CLOSED)]
PAIR = [
    instant(0, [*three(), a_pod(f"{OLD}-e")], cordoned=CLOSED),
    instant(1, [*three(without="a"), a_pod(f"{OLD}-e")], cordoned=CLOSED),
    instant(1.2, three(without="a"), cordoned=CLOSED),
]
STUCK = [instant(0), instant(1, cordoned=CLOSED)]
ONE = [instant(0, three(gone="bc"), wanted=1)]
ONE.append(instant(1, three(gone="bc"), wanted=1, cordoned=CLOSED))


@pytest.mark.parametrize(
    ("key", "told", "marks", "says"),
    [
        ("evicted-moves", MOVED, (), "d came to worker2"),
        ("drain-is-one-by-one", PAIR, (), "0.20 s apart"),
        ("force-overrides-budget", STUCK, (DRAIN,), "still ready on worker"),
        ("budget-saves-one-replica", ONE, (DRAIN,), "still ready on worker"),
        ("failed-drain-leaves-no-trace", STUCK, (DRAIN,), "still ready on worker"),
        (
            "budget-protects-from-all",
            [instant(0), instant(1, three(without="a"))],
            (BUDGET, DELETE),
            "-a was deleted by hand",
        ),
        ("drain-waits-for-replacements", EMPTY, (), "2 of 3 Pods of shop were ready"),
    ],
)
def test_it_speaks(key: str, told: list[State], marks: tuple[Mark, ...], says: str) -> None:
    assert says in (shown(key, told, *marks) or "")


@pytest.mark.parametrize(
    ("key", "told", "marks"),
    [
        ("evicted-moves", GONE, ()),
        ("drain-is-one-by-one", MOVED, ()),
        ("force-overrides-budget", STUCK, (act(0.5, "kubectl drain worker"),)),
        ("budget-saves-one-replica", STUCK, (DRAIN,)),
        ("failed-drain-leaves-no-trace", MOVED, (DRAIN,)),
        ("budget-protects-from-all", [instant(0), instant(1, three(without="a"))], (DELETE,)),
        ("drain-waits-for-replacements", MOVED, ()),
    ],
)
def test_it_is_silent(key: str, told: list[State], marks: tuple[Mark, ...]) -> None:
    assert shown(key, told, *marks) is None
