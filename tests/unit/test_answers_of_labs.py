"""What each lab's questions read from the recording of its own solution, made on a real cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
from nodebynode.course.labs import questions_of
from nodebynode.course.predictions import Question
from nodebynode.recording import Recording
from nodebynode.recording.rules import Story

from .solutions import CAME, RECORDINGS, Until, story, whole

ASKED = [(lab, question) for lab in CAME for question in questions_of(lab)]
each_question = pytest.mark.parametrize(
    ("lab", "question"), ASKED, ids=[f"{lab[:2]}-{question.key}" for lab, question in ASKED]
)


@each_question
def test_an_answer_is_read_from_what_happened(lab: str, question: Question) -> None:
    found = question.reality(story(lab))
    assert found is not None
    expected = CAME[lab][question.key]
    if expected is None:
        assert question.model is not None
        expected = question.model(story(lab))
    assert found.value == expected


@each_question
def test_before_it_has_happened_nothing_is_told(lab: str, question: Question) -> None:
    act = next(question.act.instants(story(lab)))
    assert question.reality(Story(Until(whole(lab), act), f"lab-{lab[:2]}")) is None


@pytest.mark.parametrize(
    "recording", sorted(RECORDINGS.iterdir()), ids=lambda file: file.name.split(".")[0]
)
def test_a_recording_is_of_a_cluster_of_the_usual_name(recording: Path) -> None:
    _, last = list(Recording.read(recording).states())[-1]
    assert {node.name.split("-")[0] for node in last.nodes} == {"nodebynode"}
