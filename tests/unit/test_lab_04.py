"""Lab 04: what its questions read from a recording, and what it does not take for an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from nodebynode.course.labs import mutants_of
from nodebynode.course.labs.lab_04 import CHECKS, PREDICTIONS
from nodebynode.course.labs.serving import crossed_out, put_out, stopping
from nodebynode.course.misconceptions import CATALOGUE
from nodebynode.course.predictions import Question
from nodebynode.recording.rules import Story
from nodebynode.state import State

from . import solutions
from .service_stories import (
    FREE,
    GUEST,
    IN,
    NEW,
    NONE_LEFT,
    OUT,
    ROTATION,
    A,
    B,
    C,
    now,
    story,
)
from .states import an_endpoint, leaving
from .tapes import act

QUESTIONS = {one.key: one for one in PREDICTIONS}
WAITING = replace(GUEST, ready=False)
PENDING, READY = now(1, kind="LoadBalancer"), an_endpoint(A)
LEAVING = leaving(A, 5)
OUT_POD = [
    now(0, IN, selector=ROTATION),
    now(1, [OUT, *IN[1:]], on=IN[1:], selector=ROTATION),
    now(2, [leaving(OUT, 5), *IN[1:]], on=IN[1:], selector=ROTATION),
]
FRESH = replace(NEW, labels=ROTATION)


def answer(key: str, told: Sequence[State], *, lasts: float = 5) -> object:
    found = QUESTIONS[key].reality(story(*told, lasts=lasts))
    return None if found is None else found.value


@pytest.mark.parametrize(
    ("key", "told", "said"),
    [
        ("waiting", [now(0), now(1, [A, B, C, WAITING])], "in it, as not ready"),
        (
            "waiting",
            [now(0), now(1, [A, B, C, WAITING], on=[A, B, C]), now(2, [A, B, C, GUEST])],
            "not in it",
        ),
        ("guest", [now(0), now(1, [A, B, C, WAITING]), now(2, [A, B, C, GUEST])], 4),
        ("pending", [now(0), PENDING], "<pending>, until somebody gives it one"),
        (
            "pending",
            [now(0), PENDING, now(2, kind="LoadBalancer", address="127.0.0.1")],
            "one that it gets in a second or two",
        ),
        ("cordon", [now(0), now(1, cordoned="worker")], 0),
        ("cordon", [now(0), now(1, cordoned="worker"), now(2, on=[B, C], cordoned="worker")], 1),
        ("edited", [now(0), now(1, on=[B, C]), now(2)], "for about a second"),
        ("edited", [now(0), now(1, on=[B, C]), now(14)], "until somebody puts it back"),
        (
            "released",
            [now(0), now(1, [FREE, B, C], on=[B, C]), now(2, [FREE, B, C, NEW], on=[B, C, NEW])],
            3,
        ),
        (
            "leaving",
            [now(0), now(1, NONE_LEFT, wanted=0), now(3, [], wanted=0)],
            "that it is not ready",
        ),
        (
            "leaving",
            [now(0), now(1, NONE_LEFT, on=[], wanted=0), now(3, [], wanted=0)],
            "nothing, it has left the list",
        ),
        (
            "leaving",
            [now(0), now(1, NONE_LEFT, on=[], lines=[READY], wanted=0), now(3, [], wanted=0)],
            "that it is ready, until it is gone",
        ),
        ("replaced", [*OUT_POD, now(3, [*IN[1:], FRESH], selector=ROTATION)], "in it"),
        ("replaced", [*OUT_POD, now(3, [*IN[1:], NEW], on=IN[1:], selector=ROTATION)], "out of it"),
    ],
)
def test_an_answer_is_read_from_what_happened(key: str, told: list[State], said: object) -> None:
    assert answer(key, told) == said
    assert next(QUESTIONS[key].act.instants(story(*told)), None) is not None


@pytest.fixture(scope="module")
def recorded() -> Story:
    """The lab's solution on a real cluster."""
    return solutions.story("04-who-gets-traffic")


@pytest.mark.parametrize("key", QUESTIONS)
def test_before_it_has_happened_nothing_is_told(key: str) -> None:
    assert answer(key, [now(0), now(1)]) is None
    assert next(QUESTIONS[key].act.instants(story(now(0), now(1))), None) is None


@pytest.mark.parametrize(
    ("key", "told", "lasts"),
    [
        ("waiting", [now(0), now(1, [A, B, C, WAITING], on=[A, B, C])], 1),
        ("pending", [now(0), PENDING], 1),
        ("cordon", [now(0), now(1, cordoned="worker")], 1),
        ("edited", [now(0), now(1, on=[B, C])], 5),
        ("released", [now(0), now(1, [FREE, B, C], on=[B, C])], 5),
        ("leaving", [now(0), now(1, NONE_LEFT, wanted=0)], 5),
        ("replaced", OUT_POD, 5),
        ("replaced", [*OUT_POD, now(3, [*IN[1:], NEW], on=IN[1:], selector=ROTATION)], 1),
    ],
)
def test_what_is_not_decided_is_not_told(key: str, told: list[State], lasts: float) -> None:
    assert answer(key, told, lasts=lasts) is None


def test_what_was_done_after_a_cordon_does_not_count() -> None:
    told = [now(0), now(1, cordoned="worker"), now(4, on=[B, C], cordoned="worker")]
    marked = story(*told, marks=[act(2, "kubectl label pod shop-a app-")])
    found = QUESTIONS["cordon"].reality(marked)
    assert found is not None
    assert found.value == 0


def test_by_hand_is_only_what_the_service_still_asks_for() -> None:
    let_go = story(now(0), now(1, [FREE, B, C], on=[B, C]))
    assert not list(crossed_out(let_go, "shop"))
    told_to_stop = story(now(0), now(1, [LEAVING, B, C], on=[B, C]))
    assert not list(crossed_out(told_to_stop, "shop"))


def test_a_label_that_is_heard_after_the_list_is_still_the_reason() -> None:
    told = story(
        now(0, IN, selector=ROTATION),
        now(1, IN, on=IN[1:], selector=ROTATION),
        now(1.02, [OUT, *IN[1:]], on=IN[1:], selector=ROTATION),
    )
    assert not list(crossed_out(told, "shop"))
    assert [one.pod.name for one in put_out(told, "shop", "shop")] == [A.name]


def test_a_pod_that_was_let_go_is_not_out_of_rotation() -> None:
    told = story(now(0), now(1, [FREE, B, C], on=[B, C]))
    assert not list(put_out(told, "shop", "shop"))


def test_a_pod_that_was_never_listed_says_nothing_of_stopping() -> None:
    told = story(now(0, on=[B, C]), now(1, [LEAVING, B, C], on=[B, C]), now(2, [B, C]))
    assert not list(stopping(told, "shop", "shop"))


@pytest.mark.parametrize("question", PREDICTIONS, ids=list(QUESTIONS))
def test_a_belief_behind_an_answer_is_in_the_catalogue_and_shows(
    question: Question, recorded: Story
) -> None:
    options = getattr(question.kind, "options", range(6))
    keys = {question.belief(one) for one in options} if question.belief else set()
    for key in keys - {None}:
        assert CATALOGUE[str(key)].shows(recorded)


def test_each_check_has_a_wrong_answer_and_no_two_have_one_name() -> None:
    mutants = mutants_of("04-who-gets-traffic")
    assert {one.check for one in mutants} == {one.name for one in CHECKS}
    assert len({one.name for one in mutants}) == len(mutants)
