"""Lab 03: what its misconceptions and questions read from a recording, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from nodebynode.course.labs.lab_03 import PREDICTIONS
from nodebynode.course.misconceptions import CATALOGUE
from nodebynode.recording import Mark
from nodebynode.recording.rules import Story
from nodebynode.state import Pod, State, Taint

from .states import NEW, OLD, a_deployment, a_pod, a_set
from .tapes import Tape, act, after, instant, three

QUESTIONS = {one.key: one for one in PREDICTIONS}
REFUSED = "0/4 nodes are available: 3 node(s) didn't match pod {}. preemption: none."


def story(told: Sequence[State], marks: Sequence[Mark] = (), lasts: float = 5) -> Story:
    return Story(Tape(told, marks, lasts=lasts), "default")


def shown(key: str, told: Story) -> str | None:
    return CATALOGUE[key].shows(told)


def waiting(why: str) -> Pod:
    return replace(a_pod(f"{NEW}-d", None, owner=NEW, ready=False), unscheduled=REFUSED.format(why))


def crowd() -> list[Pod]:
    return [replace(pod, node="worker") for pod in three()]


def fenced(state: State, node: str) -> State:
    taint = Taint("team", "data", "NoSchedule")
    nodes = [replace(one, taints=(taint,)) if one.name == node else one for one in state.nodes]
    return replace(state, nodes=tuple(nodes))


UNCORDONED = [instant(0, crowd(), cordoned="worker2"), instant(1, crowd())]


def test_an_empty_node_stays_empty_after_an_uncordon() -> None:
    told = shown("uncordon-rebalances", story(UNCORDONED))
    assert told is not None
    assert "worker2 was uncordoned" in told


def test_a_node_that_gets_a_pod_shows_nothing_of_it() -> None:
    assert shown("uncordon-rebalances", story([*UNCORDONED, instant(2)])) is None


def test_just_after_an_uncordon_nothing_is_decided() -> None:
    assert shown("uncordon-rebalances", story(UNCORDONED, lasts=0.5)) is None


@pytest.mark.parametrize(("pods", "speaks"), [(crowd(), True), (three(), False)])
def test_two_pods_on_one_node_are_told(pods: list[Pod], speaks: bool) -> None:
    assert (shown("one-pod-per-node", story([instant(0, pods)])) is not None) is speaks


def test_a_pod_on_a_cordoned_node_runs_on() -> None:
    told = story([instant(0), instant(1, cordoned="worker2")])
    assert shown("cordon-stops-pods", told) == (
        f"{OLD}-b ran on, ready, on the cordoned worker2 for 5.0 s."
    )
    gone = story([instant(0), instant(1, cordoned="worker2"), instant(2, three(gone="b"))])
    assert shown("cordon-stops-pods", gone) is None


def test_a_pod_that_tolerates_a_taint_may_land_elsewhere() -> None:
    began = fenced(instant(0, []), "worker2")
    outside = story([began, fenced(instant(1), "worker2")])
    assert "was let in on the tainted worker2" in (shown("toleration-attracts", outside) or "")
    inside = [replace(pod, node="worker2") for pod in three()]
    assert (
        shown("toleration-attracts", story([began, fenced(instant(1, inside), "worker2")])) is None
    )


def test_a_label_taken_away_moves_nobody() -> None:
    marks = [act(1, 'kubectl label node "$worker" team-')]
    stayed = story([instant(0), instant(2, three(unready="a"))], marks)
    assert "stayed on their nodes" in (shown("label-change-moves-pods", stayed) or "")
    assert shown("label-change-moves-pods", story([instant(0)], [])) is None
    left = story([instant(0), instant(2, three(gone="a"))], marks)
    assert shown("label-change-moves-pods", left) is None


@pytest.mark.parametrize(
    ("why", "speaks"), [("anti-affinity rules", True), ("topology spread constraints", False)]
)
def test_a_rollout_that_finds_no_node_is_told(why: str, speaks: bool) -> None:
    state = instant(1, [*three(), waiting(why)])
    sets = (a_set(OLD, 1, 3, 3), a_set(NEW, 2, 1, 0))
    stuck = replace(state, replicasets=sets, deployments=(a_deployment("v2", updated=1, total=4),))
    told = shown("anti-affinity-is-safer", story([instant(0), stuck]))
    assert (told is not None) is speaks


@pytest.mark.parametrize(("cordoned", "speaks"), [("worker3", True), ("", False)])
def test_a_drain_that_leaves_a_pod_no_place_is_told(cordoned: str, speaks: bool) -> None:
    pods = [*three(gone="c"), waiting("topology spread constraints")]
    told = story([instant(0), instant(2, pods, cordoned=cordoned)], [act(1, "kubectl drain x")])
    assert (shown("hard-spread-survives-a-drain", told) is not None) is speaks


def test_the_answer_after_an_uncordon_counts_pods_that_came() -> None:
    marks = [act(0.9, "kubectl uncordon x")]
    stayed = QUESTIONS["uncordon"].reality(story(UNCORDONED, marks))
    assert stayed is not None
    assert stayed.value == 0
    new = [*crowd(), a_pod(f"{OLD}-d", "worker2")]
    came = QUESTIONS["uncordon"].reality(story([*UNCORDONED, instant(2, new)], marks))
    assert came is not None
    assert (came.value, came.at) == (1, after(2))


def test_what_a_cordon_ended_is_counted_until_the_next_act() -> None:
    told = [instant(0), instant(2, three(gone="a"))]
    cordon = act(1, "kubectl cordon x")
    ended = QUESTIONS["cordon"].reality(story(told, [cordon]))
    assert ended is not None
    assert ended.value == 1
    later = QUESTIONS["cordon"].reality(story(told, [cordon, act(1.5, "kubectl delete pod a")]))
    assert later is not None
    assert later.value == 0
