"""A belief that many share and that is not so, what shows it, and a way to see for oneself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nodebynode.course.predictions import Comparison
from nodebynode.recording.rules import Story


@dataclass(frozen=True, slots=True)
class Misconception:
    """A common belief about Kubernetes.

    Attributes:
        key: What a learner types for its experiment.
        belief: The belief, as people say it, in a whole sentence.
        truth: What is so instead, in a sentence or two.
        shows: Tells with the learner's own objects where the recording shows it; None where
            nothing in it does.
        experiment: Commands for bash that put it to the test in the lab's namespace, in two
            minutes or less; they remove what they made. Or lines of Python that use `lab`.
        watch: What to look for in what they print.
        betrayed: Whether something that was done in the lab comes from this belief; None where
            no act does, and only an answer can.
        python: Whether the experiment is Python, because it does what no command can.
    """

    key: str
    belief: str
    truth: str
    shows: Callable[[Story], str | None]
    experiment: str
    watch: str
    betrayed: Callable[[Story], bool] | None = None
    python: bool = False

    @property
    def invitation(self) -> str:
        """What is put to the test, and what to look for."""
        return (
            f'Many believe: "{self.belief}" Run the cell below, and see.\n'
            f"Look for this: {self.watch}"
        )

    @property
    def cell(self) -> str:
        """The experiment as a cell of a notebook; its first line says what it is for."""
        magic = "" if self.python else "%%bash\n"
        return f'{magic}# Puts to the test: "{self.belief}"\n{self.experiment.strip()}\n'


@dataclass(frozen=True, slots=True)
class Detected:
    """A misconception that a lab came upon; as text, what is so and what showed it.

    Attributes:
        misconception: The belief.
        question: The question whose answer came from it; empty where an act did.
        evidence: What the recording shows, with the learner's own objects; may be empty.
    """

    misconception: Misconception
    question: str
    evidence: str

    def __str__(self) -> str:
        one = self.misconception
        head = f"{self.question}: many" if self.question else "Many"
        said = [f'{head} believe: "{one.belief}" {one.truth}']
        if self.evidence:
            said.append(f"In your cluster: {self.evidence}")
        said.append(f'Two minutes to see it: lab.experiment("{one.key}").')
        return " ".join(said)


def detected(
    catalogue: Mapping[str, Misconception], rows: Sequence[Comparison], story: Story
) -> list[Detected]:
    """Find the beliefs behind answers that missed, and behind what was done.

    Args:
        catalogue: The misconceptions by key.
        rows: What was foretold, laid beside what came.
        story: What has happened in the lab.
    """
    found: dict[str, Detected] = {}
    for row in rows:
        question = row.question
        if row.outcome != "otherwise" or row.prediction is None or question.belief is None:
            continue
        if key := question.belief(row.prediction.value):
            one = catalogue[key]
            found.setdefault(key, Detected(one, question.key, one.shows(story) or ""))
    for key, one in catalogue.items():
        if key not in found and one.betrayed and one.betrayed(story):
            found[key] = Detected(one, "", one.shows(story) or "")
    return list(found.values())
