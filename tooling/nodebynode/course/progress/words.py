"""Progress as it is told: in sentences and tables, the same in a terminal and on a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from nodebynode.course.outline import Outline, Step
from nodebynode.course.progress.tally import Guess, LabProgress, Progress, Tries
from nodebynode.phrases import count
from nodebynode.view.words import Table

_PASSED, _OPEN = "✓", "·"


def next_step(outline: Outline, done: LabProgress) -> Step | None:
    """Return the first check of a lab that has never passed, if there is one."""
    return next((one for one in outline.steps if not done.tries_of(one.name).passed), None)


def is_finished(outline: Outline, done: LabProgress) -> bool:
    """Whether every check of a lab has passed."""
    return bool(outline.steps) and next_step(outline, done) is None


def first_unfinished(outlines: Sequence[Outline], progress: Progress) -> Outline | None:
    """Return the first lab that is not finished; None where all are."""
    return next((one for one in outlines if not is_finished(one, progress.of(one.lab))), None)


def resumed(outline: Outline, done: LabProgress) -> list[str]:
    """Say in one or two lines what was done in a lab before; nothing where it is new."""
    if not done.checks:
        return []
    passed, every = len(done.passed(outline.checks)), len(outline.steps)
    step = next_step(outline, done)
    if step is None:
        return [
            f"You have passed {_all(every)} of this lab before, last on {day(done.last)}. "
            "What was on the cluster is gone: run the cells from the top."
        ]
    return [
        f"You have passed {passed} of {count(every, 'check')} here before; the next is "
        f"{step.where}.",
        "What was on the cluster is gone: run the cells from the top. Hints go on where they were.",
    ]


def standing(outline: Outline, done: LabProgress) -> str:
    """How a lab stands, in two sentences."""
    if not done.opened and not done.checks:
        return f"Not begun yet: {count(len(outline.steps), 'check')}."
    passed = len(done.passed(outline.checks))
    told = f"{passed} of {count(len(outline.steps), 'check')} passed, {worked(done)} of work."
    step = next_step(outline, done)
    return f"{told} Next: {step.where}." if step else f"{told} The lab is finished."


def bar(outline: Outline, done: LabProgress) -> str:
    """A sign for each check: `✓✓·`."""
    return "".join(_PASSED if done.tries_of(one).passed else _OPEN for one in outline.checks)


def overview(outlines: Sequence[Outline], progress: Progress) -> Table:
    """A line for each lab of the course."""
    heads = ("lab", "checks passed", "guesses right", "worked", "last day")
    return Table(heads, tuple(_line(one, progress.of(one.lab)) for one in outlines))


def checks(outline: Outline, done: LabProgress) -> Table:
    """A line for each check of a lab; what later ones are about would give answers away."""
    heads = ("round", "check", "about", "state", "tries", "hints seen")
    following = next_step(outline, done)
    rows = (
        _check(
            one, done.tries_of(one.name), hidden=one.name not in done.checks and one != following
        )
        for one in outline.steps
    )
    return Table(heads, tuple(rows))


def guesses(outline: Outline, done: LabProgress) -> Table:
    """A line for each question of a lab that was answered; the others come in their time."""
    rows = (
        (key, guess.said, guess.outcome or "not compared yet", outline.questions[key])
        for key, guess in _known_guesses(outline, done)
        if guess.said
    )
    return Table(("question", "you said", "so it went", "asked"), tuple(rows))


def tables(outline: Outline, done: LabProgress) -> list[Table]:
    """The tables of a lab's progress; one without rows is left out."""
    return [table for table in (checks(outline, done), guesses(outline, done)) if table.rows]


def notes(done: LabProgress) -> list[str]:
    """What else there is to say of a lab, in sentences: the beliefs that showed."""
    seen = [
        f"{key} ({'experiment looked at' if key in done.experiments else f'try {_try(key)}'})"
        for key in done.beliefs
    ]
    return [f"Beliefs that showed: {', '.join(seen)}."] if seen else []


def whole(outline: Outline, done: LabProgress) -> str:
    """A lab's progress as text."""
    head = f"Lab {outline.number} · {outline.title}  [{bar(outline, done)}]"
    told = [table.text for table in tables(outline, done)]
    return "\n\n".join([f"{head}\n{standing(outline, done)}", *told, *notes(done)])


def worked(done: LabProgress) -> str:
    """The time worked: `35 min`."""
    minutes = round(done.seconds / 60)
    if minutes < 1:
        return "under a minute"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def day(at: datetime | None) -> str:
    """The day where the learner is: `2026-11-25`; a dash for none."""
    return f"{at.astimezone():%Y-%m-%d}" if at else "-"


def as_json(outline: Outline, done: LabProgress) -> Mapping[str, object]:
    """A lab's progress as JSON has it; times are seconds, instants ISO 8601 in UTC."""
    step = next_step(outline, done)
    return {
        "lab": outline.lab,
        "title": outline.title,
        "passed": len(done.passed(outline.checks)),
        "finished": is_finished(outline, done),
        "next": step.name if step else None,
        "seconds": round(done.seconds),
        "opened": done.opened,
        "last": done.last.isoformat() if done.last else None,
        "providers": list(done.providers),
        "checks": [
            {
                "check": one.name,
                "round": one.round,
                "passed": done.tries_of(one.name).passed,
                "tries": done.tries_of(one.name).tries,
                "hints": done.tries_of(one.name).hint,
            }
            for one in outline.steps
        ],
        "predictions": [
            {"question": key, "said": said.said or None, "outcome": said.outcome or None}
            for key, said in _known_guesses(outline, done)
        ],
        "misconceptions": list(done.beliefs),
        "experiments": list(done.experiments),
    }


def _line(outline: Outline, done: LabProgress) -> tuple[str, ...]:
    name, every = f"{outline.number} {outline.title}", len(outline.steps)
    if not done.opened and not done.checks:
        return (name, f"0 of {every}", "-", "-", "-")
    passed = f"{len(done.passed(outline.checks))} of {every}"
    said = f"{done.hits} of {done.compared}" if done.compared else "-"
    return (name, passed, said, worked(done), day(done.last))


def _check(step: Step, done: Tries, *, hidden: bool) -> tuple[str, ...]:
    state = f"{_PASSED} passed" if done.passed else f"{_OPEN} {'not yet' if done.tries else 'open'}"
    name, title = ("-", "comes later") if hidden else (step.name, step.title)
    where = str(step.round) if step.round else "-"
    return (where, name, title, state, str(done.tries or "-"), str(done.hint or "-"))


def _known_guesses(outline: Outline, done: LabProgress) -> Iterator[tuple[str, Guess]]:
    for key in outline.questions:
        if (guess := done.guesses.get(key)) is not None:
            yield key, guess


def _try(key: str) -> str:
    return f'lab.experiment("{key}")'


def _all(number: int) -> str:
    return "the check" if number == 1 else f"all {number} checks"
