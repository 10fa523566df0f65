"""The end of a lab on one page: what was foretold, what came, what to remember, what is next."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nodebynode.course import lessons, notebooks
from nodebynode.course.comparing import Compared
from nodebynode.course.lessons import Lesson
from nodebynode.course.outline import Outline
from nodebynode.course.panel import in_html
from nodebynode.course.progress import LabProgress, words
from nodebynode.phrases import count
from nodebynode.view.picture import html_table
from nodebynode.view.words import Table

if TYPE_CHECKING:
    from nodebynode.course.loading import Load
    from nodebynode.recording import Recording


class Summary:
    """What a lab came to.

    Args:
        outline: The lab.
        done: What was done in it.
        compared: What was foretold, laid beside what came.
        felt: What a load felt, in a sentence; empty where there was none.
        lesson: The lab's lesson.
        following: The next lab's lesson; None after the last.
    """

    def __init__(
        self,
        outline: Outline,
        done: LabProgress,
        compared: Compared,
        felt: str,
        lesson: Lesson,
        following: Lesson | None,
    ) -> None:
        self._outline, self._done, self._compared = outline, done, compared
        self._felt, self._lesson, self._following = felt, lesson, following

    def __repr__(self) -> str:
        points = "\n".join(f"- {point}" for point in self._lesson.key_points)
        parts = [self._title]
        if self._compared.rows:
            parts.append(f"What you said, and what came\n{self._compared!r}")
        parts.append(f"{self._tried}\n{self._checks.text}")
        if self._felt:
            parts.append(f"What users felt\n{self._felt}")
        return "\n\n".join([*parts, f"To remember\n{points}", f"Next\n{self._next}"])

    def _repr_html_(self) -> str:
        """Jupyter's hook: the same with headings and tables."""
        points = "".join(f"<li>{in_html(point)}</li>" for point in self._lesson.key_points)
        parts = [f"<h3>{html.escape(self._title)}</h3>"]
        if self._compared.rows:
            parts += ["<h4>What you said, and what came</h4>", self._compared._repr_html_()]
        parts += [f"<h4>{html.escape(self._tried)}</h4>", html_table(self._checks)]
        if self._felt:
            parts += ["<h4>What users felt</h4>", f"<p>{in_html(self._felt)}</p>"]
        parts += ["<h4>To remember</h4>", f"<ul>{points}</ul>", "<h4>Next</h4>", self._link]
        name = html.escape(self._title)
        return f'<section aria-label="{name}">{"".join(parts)}</section>'

    @property
    def _title(self) -> str:
        return f"Lab {self._outline.number} · {self._outline.title}: what it came to"

    @property
    def _tried(self) -> str:
        passed = len(self._done.passed(self._outline.checks))
        return f"{passed} of {count(len(self._outline.steps), 'check')} passed"

    @property
    def _checks(self) -> Table:
        heads, rows = words.checks(self._outline, self._done)
        return Table(heads[1:5], tuple(row[1:5] for row in rows))

    @property
    def _next(self) -> str:
        missing = words.next_step(self._outline, self._done)
        still = f"Still open here: {missing.where}. " if missing else ""
        if self._following is None:
            return f"{still}This is the last lab that there is."
        one = self._following
        return (
            f"{still}Lab {one.number}, {one.title}. Read lessons/{one.path.name} "
            f"({one.reading} minutes), then open the lab ({one.doing} minutes): "
            f"`nodebynode learn {one.number}`."
        )

    @property
    def _link(self) -> str:
        """What is next, with a link that JupyterLab opens beside the notebook."""
        said = in_html(self._next)
        if self._following is None:
            return f"<p>{said}</p>"
        name = html.escape(f"lessons/{self._following.path.name}")
        link = f'<a href="../{name}">{name}</a>'
        return f"<p>{said.replace(name, link, 1)}</p>"


def next_lesson(root: Path, lab: str) -> Lesson | None:
    """Return the lesson of the lab that comes after a lab; None after the last.

    Args:
        root: The course's folder.
        lab: The lab's whole name.

    Raises:
        BadInput: The lesson is not as it has to be.
    """
    later: Sequence[str] = [one.stem for one in notebooks.all_solutions(root) if one.stem > lab]
    return lessons.read_lesson(root, later[0]) if later else None


def felt(load: Load | None, recording: Recording) -> str:
    """What a load felt, in one sentence; empty where there was none.

    Args:
        load: The lab's last load, if there was one.
        recording: What happened on the cluster.
    """
    if load is None:
        return ""
    if load.running:
        return "The load still runs: `lab.losses()` ends it and says what was lost, and why."
    report = load.report(recording)
    if not report.losses:
        return f"{report.summary}."
    [cause, those], *_ = report.by_cause.items()
    most = "all of them" if len(those) == len(report.losses) else f"{len(those)} of them"
    return f"{report.summary}, {most} because of this: {cause}."
