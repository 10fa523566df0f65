"""Lab 06 reads its answers from a recording of its own solution, made on a real cluster."""

from __future__ import annotations

import pytest
from nodebynode.course import misconceptions
from nodebynode.course.labs import questions_of
from nodebynode.course.predictions import Question
from nodebynode.recording.rules import Story

from . import solutions

LAB = "06-rolling-update"
QUESTIONS = {one.key: one for one in questions_of(LAB)}


@pytest.fixture(scope="module")
def story() -> Story:
    return solutions.story(LAB)


def test_the_pod_that_goes_next_is_the_one_that_the_rules_name(story: Story) -> None:
    question = QUESTIONS["victim"]
    found = question.reality(story)
    assert found is not None
    assert question.model is not None
    assert found.value == question.model(story)


@pytest.mark.parametrize("key", ["path", "four", "least"])
def test_the_model_says_what_came(key: str, story: Story) -> None:
    model = QUESTIONS[key].model
    assert model is not None
    assert model(story) == solutions.CAME[LAB][key]


def test_a_wrong_path_is_left_where_it_parts(story: Story) -> None:
    left = QUESTIONS["path"].left
    assert left is not None
    came = list(solutions.CAME[LAB]["path"])
    said = (*came[:2], *came[3:], came[2])
    parted, late = left(story, said), left(story, (*came[:4], came[5], came[4]))
    assert parted is not None
    assert late is not None
    assert parted < late
    assert left(story, tuple(came)) is None


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=list(QUESTIONS))
def test_a_belief_behind_an_answer_is_in_the_catalogue_and_shows(
    question: Question, story: Story
) -> None:
    options = getattr(question.kind, "options", range(10))
    keys = {question.belief(one) for one in options} if question.belief else set()
    for key in keys - {None}:
        assert misconceptions.find(str(key)).shows(story)
