"""Lab 05: what drains and failures did, read from made-up recordings and from a real one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from nodebynode.course import misconceptions
from nodebynode.course.clocks import Clocks, clock_rows
from nodebynode.course.labs import checks_of, mutants_of, questions_of
from nodebynode.course.labs.draining import EVICTED, Closes, Closing, Over, closings
from nodebynode.course.labs.lab_05_failure import tolerates
from nodebynode.course.look import Look
from nodebynode.course.predictions import Question
from nodebynode.kube import Api
from nodebynode.recording import Mark, Recording
from nodebynode.recording.rules import Story
from nodebynode.state import Pod, State

from . import solutions
from .states import OLD, a_pod
from .tapes import Tape, act, after, instant, three

LAB = "05-node-maintenance"
QUESTIONS = {one.key: one for one in questions_of(LAB)}
NEW = replace(a_pod(f"{OLD}-d", "worker2"), created=after(2))
FRESH = replace(NEW, ready=False)


def story(told: Sequence[State], marks: Sequence[Mark] = (), lasts: float = 5) -> Story:
    return Story(Tape(told, marks, lasts=lasts), "default")


def evicted(pods: list[Pod]) -> list[Pod]:
    """Those that leave are evicted."""
    return [replace(pod, disrupted=EVICTED) if pod.terminating else pod for pod in pods]


def closed(seconds: float, pods: list[Pod] | None = None, *, wanted: int = 3) -> State:
    return instant(seconds, pods, cordoned="worker", wanted=wanted)


OUT = evicted(three(without="a"))
DRAINED = [
    instant(0),
    closed(1),
    closed(2, OUT),
    closed(2.1, [*OUT, FRESH]),
    closed(3, [*three(gone="a"), FRESH]),
    closed(4, [*three(gone="a"), NEW]),
    instant(6, [*three(gone="a"), NEW]),
]


def one_closing(told: Sequence[State]) -> tuple[Story, Closing]:
    it = story(told)
    [found] = closings(it, "shop")
    return it, found


# ── drains ───────────────────────────────────────────────────────────────────────────────────


def test_a_drain_is_read_from_its_cordon_to_its_end() -> None:
    it, closing = one_closing(DRAINED)
    assert (closing.node, closing.at) == ("worker", after(1))
    assert [pod.name for pod in closing.pods] == [f"{OLD}-a"]
    [left] = closing.departures(it)
    assert (left.pod.name, left.at, left.evicted, left.by_hand) == (
        f"{OLD}-a", after(2), True, False,
    )  # fmt: skip
    assert closing.emptied(it) == after(3)
    assert closing.over(it) == after(4)
    assert max(look.at for look in closing.looks(it)) == after(4)


def test_a_cordon_that_is_heard_after_its_evictions_counts_from_them() -> None:
    late = [instant(0), instant(1, OUT), closed(1.2, OUT), *DRAINED[4:]]
    it, closing = one_closing(late)
    assert (closing.at, [pod.name for pod in closing.pods]) == (after(1), [f"{OLD}-a"])
    assert [left.at for left in closing.departures(it)] == [after(1)]
    assert closing.over(it) == after(4)
    assert closings(story([instant(0), instant(1, OUT), closed(3.2, OUT)]), "shop") == []


def test_a_cordon_that_is_heard_after_its_deletions_counts_from_them() -> None:
    gone = three(without="a")
    it, closing = one_closing([instant(0), instant(1, gone), closed(1.2, gone)])
    assert (closing.at, [pod.name for pod in closing.pods]) == (after(1), [f"{OLD}-a"])
    assert [left.by_hand for left in closing.departures(it)] == [True]
    smaller = [instant(0), instant(0.9, wanted=2), instant(1, gone, wanted=2)]
    assert closings(story([*smaller, closed(1.2, gone, wanted=2)]), "shop") == []


def test_a_drain_is_over_when_all_that_are_wanted_are_ready() -> None:
    assert [*Over(Closes("shop")).instants(story(DRAINED))] == [after(4)]
    assert [*Over(Closes("shop")).instants(story(DRAINED[:5]))] == []
    none = [instant(0), closed(1), closed(2, [], wanted=0)]
    assert [*Over(Closes("shop")).instants(story(none))] == []


def test_a_deletion_by_hand_is_told_from_an_eviction() -> None:
    it, closing = one_closing([instant(0), closed(1), closed(2, three(without="a"))])
    [left] = closing.departures(it)
    assert (left.evicted, left.by_hand) == (False, True)
    assert closing.emptied(it) is None


def test_what_a_smaller_size_takes_away_is_neither() -> None:
    scaled = [instant(0), closed(1), closed(1.9, wanted=2), closed(2, three(without="a"), wanted=2)]
    it, closing = one_closing(scaled)
    [left] = closing.departures(it)
    assert (left.evicted, left.by_hand) == (False, False)


def test_what_leaves_after_the_uncordon_does_not_count() -> None:
    it, closing = one_closing([instant(0), closed(1), instant(2), instant(3, three(gone="a"))])
    assert closing.departures(it) == []
    assert closing.over(it) is None


def test_a_worker_without_enough_pods_is_no_closing() -> None:
    assert closings(story(DRAINED), "shop", 2) == []
    assert Closes("shop", 2).latest(story(DRAINED)) is None
    crowd = [replace(pod, node="worker") for pod in three()]
    told = story([instant(0, crowd), closed(1, crowd), instant(2, crowd), closed(3, crowd)])
    moment = Closes("shop", 2)
    assert [*moment.instants(told)] == [after(1), after(3)]
    assert str(moment) == "the cordon of a worker with 2 Pods of shop"
    assert str(Closes("shop")) == "the cordon of a worker with a Pod of shop"


# ── the clocks ───────────────────────────────────────────────────────────────────────────────


def test_a_drain_is_timed_from_its_first_eviction() -> None:
    [row] = clock_rows(story(DRAINED))
    assert (row.act, row.node, row.deployment) == ("drain", "worker", "shop")
    assert (row.out, row.made, row.ready) == pytest.approx((0, 0.1, 2))


def failed(seconds: float, pods: list[Pod]) -> State:
    state = instant(seconds, pods)
    nodes = [replace(n, ready="Unknown") if n.name == "worker" else n for n in state.nodes]
    return replace(state, nodes=tuple(nodes))


FREEZE = act(1, 'lab.freeze("worker")')
UNHEARD = three(unready="a")
GOING = [replace(pod, disrupted="DeletionByTaintManager") if pod.name[-1] == "a" else pod
         for pod in three(without="a")]  # fmt: skip


def test_a_failure_is_timed_from_the_freeze() -> None:
    told = [instant(0), failed(17, UNHEARD), failed(19, [*GOING, FRESH]), failed(20, [*GOING, NEW])]
    [row] = clock_rows(story(told, [FREEZE]))
    assert (row.act, row.node) == ("failure", "worker")
    assert (row.out, row.made, row.ready) == (16, 18, 19)
    assert clock_rows(story(told)) == []


def test_a_pod_that_was_only_asleep_is_ready_again_and_not_replaced() -> None:
    [row] = clock_rows(story([instant(0), failed(17, UNHEARD), instant(30)], [FREEZE]))
    assert (row.out, row.made, row.ready) == (16, None, 29)


def test_what_has_not_come_is_said_to_be_missing() -> None:
    table = Clocks(clock_rows(story([instant(0), failed(17, UNHEARD)], [FREEZE])))
    assert "failure  worker  shop        16.0          not yet          not yet" in repr(table)
    assert "<td" in table._repr_html_()


# ── tolerations ──────────────────────────────────────────────────────────────────────────────

KEY = "node.kubernetes.io/unreachable"


@pytest.mark.parametrize(
    ("tolerations", "seconds"),
    [
        ([], 0),
        ([{"key": KEY, "effect": "NoExecute", "tolerationSeconds": 300}], 300),
        ([{"key": KEY, "effect": "NoExecute"}], None),
        ([{"key": KEY, "tolerationSeconds": 2}, {"operator": "Exists"}], 2),
        ([{"operator": "Exists"}], None),
        ([{"key": KEY, "effect": "NoSchedule"}], 0),
        ([{"key": "other", "effect": "NoExecute", "tolerationSeconds": 2}], 0),
    ],
)
def test_how_long_a_pod_stays(tolerations: list[dict[str, Any]], seconds: int | None) -> None:
    assert tolerates({"spec": {"tolerations": tolerations}}, KEY) == seconds


# ── the lab's own ────────────────────────────────────────────────────────────────────────────


def test_mutants_have_names_of_their_own_and_checks_that_exist() -> None:
    mutants = mutants_of(LAB)
    assert len({one.name for one in mutants}) == len(mutants) >= 8
    assert {one.check for one in mutants} <= {one.name for one in checks_of(LAB)}


def test_a_check_that_a_question_waits_for_exists() -> None:
    checks = {one.name for one in checks_of(LAB)}
    assert {one.check for one in QUESTIONS.values() if one.check} <= checks


@pytest.fixture(scope="module")
def told() -> Story:
    return solutions.story(LAB)


def test_the_model_says_what_came(told: Story) -> None:
    model = QUESTIONS["both"].model
    assert model is not None
    assert model(told) == solutions.CAME[LAB]["both"]


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=list(QUESTIONS))
def test_a_belief_behind_an_answer_is_in_the_catalogue_and_shows(
    question: Question, told: Story
) -> None:
    options = getattr(question.kind, "options", range(10))
    keys = {question.belief(one) for one in options} if question.belief else set()
    for key in keys - {None}:
        assert misconceptions.find(str(key)).shows(told), key


def test_a_drain_costs_seconds_and_a_failure_many(told: Story) -> None:
    rows = {(row.act, row.deployment): row for row in clock_rows(told)}
    assert {("drain", one) for one in ("pair", "cache", "guarded", "single", "shop")} <= set(rows)
    quick, patient = rows["failure", "quick"], rows["failure", "patient"]
    assert quick.out is not None
    assert quick.ready is not None
    assert 8 < quick.out < quick.ready  # 10 s after the last report
    assert patient.made is None
    assert (rows["drain", "pair"].ready or 99) < quick.out


def test_each_drained_pod_was_evicted(told: Story) -> None:
    for deployment in ("pair", "cache", "guarded", "single", "shop"):
        left = closings(told, deployment)[-1].departures(told)
        assert left
        assert all(one.evicted and not one.by_hand for one in left), deployment


# ── its checks, held against the recording ───────────────────────────────────────────────────

PASSES = {
    "all-but-the-agent": ("cache", None, "gone for good: note"),
    "one-at-a-time": ("guarded", None, "2 Pods left, each when all were ready"),
    "why-it-holds": (
        "single",
        {"currentHealthy": 2, "desiredHealthy": 1, "disruptionsAllowed": 1},
        "2 healthy, 1 wanted: 1 may be evicted",
    ),
    "single-drained": ("single", None, "was evicted. 1 to 2 Pods of Deployment single were ready"),
}


@pytest.mark.parametrize("name", PASSES)
def test_a_check_judges_what_was_recorded(name: str, told: Story) -> None:
    deployment, answer, says = PASSES[name]
    over = closings(told, deployment)[-1].over(told)
    assert over is not None
    whole = solutions.whole(LAB)
    until = next(one.at for one in whole.marks if one.kind == "action" and one.at > over)
    look = Look(
        cast("Api", None),
        "lab-05",
        (),
        lambda: cast("Recording", solutions.Until(whole, until)),
        answer,
    )
    [check] = [one for one in checks_of(LAB) if one.name == name]
    verdict = check.probe(look)
    assert verdict.passed, verdict
    assert says in verdict.seen


def test_an_experiment_that_freezes_another_worker_does_not_count() -> None:
    def named(state: State) -> State:
        [shop] = state.deployments
        return replace(state, deployments=(replace(shop, name="patient"),))

    states = [instant(0), failed(17, UNHEARD), failed(19, UNHEARD), instant(30)]
    only_a = [three(gone="bc"), *[three(gone="bc", unready="a")] * 2, three(gone="bc")]
    way = [named(replace(one, pods=tuple(pods))) for one, pods in zip(states, only_a, strict=True)]
    for marks in ([FREEZE], [FREEZE, act(31, 'lab.freeze("worker2")')]):
        found = QUESTIONS["dead"].reality(story(way, marks))
        assert found is not None
        assert found.value == solutions.CAME[LAB]["dead"]
    assert QUESTIONS["dead"].reality(story(way, [act(31, 'lab.freeze("worker2")')])) is None
