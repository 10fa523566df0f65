"""The belief that a dead node's Pods come back at once: what a recording shows of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nodebynode.course import misconceptions
from nodebynode.course.failing import FROZEN
from nodebynode.recording import Mark
from nodebynode.recording.rules import Story
from nodebynode.state import Pod, State

from tests.unit.states import OLD, a_pod
from tests.unit.tapes import Tape, act, after, instant, three

FREEZE = act(1, 'lab.freeze("worker")')
NEW = replace(a_pod(f"{OLD}-d", "worker2"), created=after(2))


def missed(seconds: float, pods: list[Pod] | None = None) -> State:
    """The shop while nothing is heard of its first worker."""
    state = instant(seconds, pods)
    nodes = [replace(n, ready="Unknown") if n.name == "worker" else n for n in state.nodes]
    return replace(state, nodes=tuple(nodes))


def shown(told: list[State], *marks: Mark) -> str | None:
    story = Story(Tape(told, marks), "default")
    return misconceptions.find("dead-node-reschedules-at-once").shows(story)


def test_a_pod_of_a_dead_node_is_seen_to_stay() -> None:
    said = shown([instant(0), missed(16.5), missed(30, [*three(), NEW])], FREEZE)
    assert said == (
        f"worker was frozen, and called NotReady 15.5 s later. {OLD}-a was still there, and no "
        "other had been made."
    )


@pytest.mark.parametrize(
    ("told", "marks"),
    [
        ([instant(0), missed(16.5)], ()),  # it failed without the learner
        ([instant(0), instant(16.5)], (FREEZE,)),  # it is not missed yet
        ([instant(0), missed(16.5, [*three(), NEW])], (FREEZE,)),  # it was replaced
        ([instant(0), missed(16.5, three(gone="a"))], (FREEZE,)),  # it was not there
        ([instant(0), missed(16.5)], (act(1, 'lab.heal("worker")'),)),
    ],
)
def test_else_it_is_silent(told: list[State], marks: tuple[Mark, ...]) -> None:
    assert shown(told, *marks) is None


def test_the_act_is_read_as_the_lab_marks_it() -> None:
    found = FROZEN.fullmatch(FREEZE.text)
    assert found is not None
    assert found[1] == "worker"
