"""Predictions: said before an act, kept as they were said, and laid beside what came.

A guess that misses shows where to look, so it costs nothing. What counts is that it was made before
the act; so the first one stays once the act is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Literal

from nodebynode.course.answers import Answer, Kind
from nodebynode.errors import BadInput
from nodebynode.recording.rules import Moment, Story


@dataclass(frozen=True, slots=True)
class Reality:
    """What came, as the recording has it.

    Attributes:
        value: What would have been the right answer.
        at: When it was decided.
    """

    value: Answer
    at: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """Something that a lab asks before an act.

    Attributes:
        key: What the learner types.
        text: The question, in a sentence.
        kind: What can be answered.
        act: What decides it; from then on a prediction is not changed.
        do: What to do for it to be decided; stands behind "not yet: ".
        reality: Reads the answer from what happened; None while it is not decided.
        check: The check of its round, which asks for it once; empty for none.
        command: A part of the command that decides it, which asks for it once; empty for none.
        model: What the rules of Kubernetes say, where a model tells it.
        left: When what happened left a prediction; when it was decided, where it is None.
        belief: The key of the misconception that an answer comes from, or None.
    """

    key: str
    text: str
    kind: Kind
    act: Moment
    do: str
    reality: Callable[[Story], Reality | None]
    check: str = ""
    command: str = ""
    model: Callable[[Story], Answer | None] | None = None
    left: Callable[[Story, Answer], datetime | None] | None = None
    belief: Callable[[Answer], str | None] | None = None

    @property
    def invitation(self) -> str:
        """The question, and what to put in the place of the dots."""
        return (
            f"{self.text}\nIn the place of ... put {self.kind}. A guess that misses costs nothing."
        )

    @property
    def reminder(self) -> str:
        """One line that asks for it."""
        return (
            f'Not guessed yet: lab.predict("{self.key}", ...) asks what you expect. '
            "A guess that misses costs nothing."
        )


def by_answer(beliefs: Mapping[Answer, str]) -> Callable[[Answer], str | None]:
    """Return what finds the key of the misconception behind an answer, if there is one."""
    return beliefs.get


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was foretold; `late` when the act had been done by then."""

    value: Answer
    late: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What is said to a prediction; `mark` is what goes into the recording, or nothing."""

    words: str
    mark: str = ""


Outcome = Literal["as you said", "otherwise", "no guess", "not yet"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A question: what was said, what the model says, and what came.

    Attributes:
        question: The question.
        prediction: What the learner said, if anything.
        model: What a model says, if there is one.
        reality: What came, once it is decided.
        left: When what came left the prediction, if it did.
    """

    question: Question
    prediction: Prediction | None
    model: Answer | None
    reality: Reality | None
    left: datetime | None

    @property
    def outcome(self) -> Outcome:
        """How prediction and recording go together."""
        if self.reality is None:
            return "not yet"
        if self.prediction is None:
            return "no guess"
        return "as you said" if self.prediction.value == self.reality.value else "otherwise"


class Predictions:
    """A lab's questions, and what was said to them.

    Args:
        questions: The questions, in the order of the lab.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        self._questions = {one.key: one for one in questions}
        if len(self._questions) != len(questions):
            raise ValueError("two questions have the same key")
        self._made: dict[str, Prediction] = {}
        self._asked = set[str]()

    def question(self, key: str) -> Question:
        """The question of that key.

        Raises:
            BadInput: The lab has none.
        """
        if (found := self._questions.get(key)) is not None:
            return found
        if not self._questions:
            raise BadInput("This lab has no questions to predict.", "Go on with the next cell.")
        near = get_close_matches(key, self._questions, n=1)
        known = f"Its questions are {', '.join(self._questions)}."
        guess = f"Did you mean '{near[0]}'? " if near else ""
        raise BadInput(f"This lab has no question '{key}'.", f"{guess}{known}")

    def make(self, question: Question, value: object, story: Story) -> Reply:
        """Take a prediction down.

        Args:
            question: What it answers.
            value: What the learner wrote.
            story: What has happened until now.

        Raises:
            BadInput: The value is no answer; it does not count.
        """
        names = sorted(pod.name for pod in story.looks[-1].state.pods)
        answer, before = question.kind.read(value, names), self._made.get(question.key)
        said = question.kind.say(answer)
        is_done = next(question.act.instants(story), None) is not None
        if is_done and before:
            first = question.kind.say(before.value)
            return Reply(f"This has happened by now, so your first guess stays: {first}.")
        self._made[question.key] = Prediction(answer, late=is_done)
        mark = f"{question.text} {said}"
        if is_done:
            return Reply(f"Noted, though it has happened by now: {said}.", f"{mark} (afterwards)")
        if before and before.value != answer:
            return Reply(f"Noted: {said}, no longer {question.kind.say(before.value)}.", mark)
        return Reply(f"Noted before it happens: {said}.", "" if before else mark)

    def remind(
        self, story: Callable[[], Story], *, check: str = "", command: str = ""
    ) -> list[str]:
        """Lines that ask for what is not answered and not decided yet; each question asks once.

        Args:
            story: What has happened until now; asked for only where there is something to ask.
            check: The check that is looked at, or empty.
            command: The command that is about to run, or empty.
        """
        open_ = [
            one
            for one in self._questions.values()
            if one.key not in self._made and one.key not in self._asked
            and ((check and one.check == check) or (one.command and one.command in command))
        ]  # fmt: skip
        self._asked |= {one.key for one in open_}
        now = story() if open_ else None
        return [one.reminder for one in open_ if now and next(one.act.instants(now), None) is None]

    def compare(self, story: Story, key: str | None = None) -> list[Comparison]:
        """Lay what was said beside what came.

        Args:
            story: What has happened until now.
            key: One question's. Where it is None, all that were answered or are decided: what comes
                later in the lab is not told before its time.

        Raises:
            BadInput: The lab has no such question.
        """
        if key is not None:
            return [self._compared(self.question(key), story)]
        rows = [self._compared(one, story) for one in self._questions.values()]
        return [row for row in rows if row.prediction or row.reality]

    def _compared(self, question: Question, story: Story) -> Comparison:
        said, came = self._made.get(question.key), question.reality(story)
        model = question.model(story) if question.model else None
        left = None
        if said and came and said.value != came.value:
            left = (question.left(story, said.value) if question.left else None) or came.at
        return Comparison(question, said, model, came, left)
