"""Lab 09 reads its answers from a recording of its own solution, made on a real cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from nodebynode.course import misconceptions
from nodebynode.course.labs import checks_of, mutants_of, questions_of
from nodebynode.course.labs.lab_09_parts import (
    deployments_on,
    evicted_on,
    stopped_in_the_list,
    stopped_on,
    without_hook,
)
from nodebynode.course.labs.lab_09_questions import day_of
from nodebynode.course.predictions import Question
from nodebynode.recording import Mark
from nodebynode.recording.rules import Story
from nodebynode.state import State

from . import solutions
from .states import a_slice, an_endpoint
from .tapes import Tape, after, instant, three

LAB = "09-the-duel"
QUESTIONS = {one.key: one for one in questions_of(LAB)}


@pytest.fixture(scope="module")
def story() -> Story:
    return solutions.story(LAB)


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=list(QUESTIONS))
def test_a_belief_behind_an_answer_is_in_the_catalogue(question: Question) -> None:
    options = getattr(question.kind, "options", range(10))
    keys = {question.belief(one) for one in options} if question.belief else set()
    for key in keys - {None}:
        assert misconceptions.find(str(key))


@pytest.mark.parametrize(
    "key", ["pinned-heals", "budget-helps-pinned", "surge-needs-no-room", "pull-from-endpoints"]
)
def test_the_lab_shows_what_is_so_instead(key: str, story: Story) -> None:
    assert misconceptions.find(key).shows(story)


def test_each_check_catches_a_wrong_answer() -> None:
    assert {one.check for one in mutants_of(LAB)} == {one.name for one in checks_of(LAB)}
    assert len({one.name for one in mutants_of(LAB)}) == len(mutants_of(LAB))


def test_whatever_was_answered_on_a_day_its_end_tells(story: Story) -> None:
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "hook", "free", "one"):
        found = day_of(story, day)
        assert found is not None, day
        assert found[0][0].at < found[1]
    assert day_of(story, "Sunday") is None


def test_all_pinned_pods_were_evicted_once_on_tuesday(story: Story) -> None:
    pods = [pod for one in evicted_on(story, "Tuesday", "pinned") for pod in one.pods]
    assert len(pods) == len({pod.uid for pod in pods}) == 9


def test_on_monday_none_was_stopped_in_the_list_and_on_tuesday_some_were(story: Story) -> None:
    assert stopped_in_the_list(story, "Monday", "pinned") is None
    assert stopped_in_the_list(story, "Tuesday", "pinned") is not None


def test_a_day_tells_with_what_it_began_and_ended_and_whom_it_stopped(story: Story) -> None:
    three = ["pinned-w1", "pinned-w2", "pinned-w3"]
    assert deployments_on(story, "one", "pinned") == (three, ["pinned-w1"])
    assert deployments_on(story, "free", "pinned") == (three, three)
    assert len(stopped_on(story, "Monday", "pinned")) == 9


# ── small stories ────────────────────────────────────────────────────────────────────────────


def a_day(*told: State) -> Story:
    notes = (Mark(after(0), "note", "Monday begins"), Mark(after(9), "note", "Monday is over: x"))
    return Story(Tape(told, notes, lasts=10), "default")


def test_who_is_out_of_the_list_may_be_stopped() -> None:
    listed = a_slice(*(an_endpoint(pod) for pod in three(gone="a")))
    before, going = instant(0), instant(2, three(without="a"))
    assert stopped_in_the_list(a_day(before, going), "Monday", "shop") is not None
    out = replace(instant(1), slices=(listed,))
    assert stopped_in_the_list(a_day(before, out, going), "Monday", "shop") is None


def test_who_leaves_an_open_node_is_not_evicted() -> None:
    assert evicted_on(a_day(instant(0), instant(1, three(without="a"))), "Monday", "shop") == []
    closed = instant(1, three(without="a"), cordoned="worker")
    before = [instant(0), instant(0.98, three(without="a"))]
    for told in ([instant(0), closed], [*before, closed]):
        [found] = evicted_on(a_day(*told), "Monday", "shop")
        assert [pod.name[-1] for pod in found.pods] == ["a"]


@pytest.mark.parametrize(
    ("sleep", "grace", "bare"), [(4, 6, False), (None, 6, True), (30, 2, True), (1, 6, True)]
)
def test_a_hook_has_to_end_within_the_grace_period(
    sleep: int | None, grace: int, bare: bool
) -> None:
    hook: dict[str, Any] = {"lifecycle": {"preStop": {"sleep": {"seconds": sleep}}}}
    container = {"image": "localhost/shop:v1", **(hook if sleep else {})}
    spec = {"terminationGracePeriodSeconds": grace, "containers": [container]}
    assert without_hook({"spec": {"template": {"spec": spec}}}) is bare


def both(seconds: float, pinned: int, spread: int, *, silent: bool = False) -> State:
    """So many ready endpoints of each plan, and perhaps a node of which nothing is heard."""
    plain = instant(seconds)
    [made] = plain.slices
    slices = tuple(
        replace(made, uid=plan, service=plan, endpoints=tuple(
            replace(made.endpoints[0], address=f"{plan}-{n}", ready=n < ready) for n in range(9)
        ))
        for plan, ready in (("pinned", pinned), ("spread", spread))
    )  # fmt: skip
    last = replace(plain.nodes[-1], ready="Unknown" if silent else "True")
    return replace(plain, slices=slices, nodes=(*plain.nodes[:-1], last))


@pytest.mark.parametrize(
    ("after_that", "came"),
    [
        ([both(6, 6, 9, silent=True)], "only spread"),
        ([both(6, 9, 9, silent=True)], "both of them"),
        ([both(6, 6, 6)], "neither of them"),
        ([], None),
    ],
)
def test_who_comes_back_is_told_though_endpoints_are_heard_before_the_node(
    after_that: list[State], came: str | None
) -> None:
    notes = (
        Mark(after(1), "note", "Wednesday begins"),
        Mark(after(1.5), "action", 'lab.freeze("worker3")'),
    )
    told = [both(0, 9, 9), both(4, 6, 6), both(4.01, 6, 6, silent=True), *after_that]
    found = QUESTIONS["whole-again"].reality(Story(Tape(told, notes, lasts=1), "default"))
    assert (found and found.value) == came
