"""Prediction, model and recording side by side: as text, and as a table for a notebook."""

from __future__ import annotations

import html
from collections.abc import Sequence

from nodebynode.columns import in_columns
from nodebynode.course.misconceptions import Detected
from nodebynode.course.predictions import Comparison
from nodebynode.recording.rules.finding import clock
from nodebynode.view.picture import html_table
from nodebynode.view.words import Table


class Compared:
    """A table of comparisons, and a sentence or two below it.

    Args:
        rows: What was compared.
        beliefs: The misconceptions that showed.
    """

    def __init__(self, rows: Sequence[Comparison], beliefs: Sequence[Detected] = ()) -> None:
        self.rows, self.beliefs = rows, beliefs

    def __repr__(self) -> str:
        table = in_columns([[head.upper() for head in self._heads], *self._cells])
        return "\n".join([table, "", *self._sentences])

    def _repr_html_(self) -> str:
        """Jupyter's hook: the same as a table."""
        told = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in self._sentences)
        rows = tuple(tuple(row) for row in self._cells)
        return html_table(Table(tuple(self._heads), rows)) + told

    @property
    def _has_model(self) -> bool:
        return any(row.model is not None for row in self.rows)

    @property
    def _heads(self) -> list[str]:
        model = ["the model says"] if self._has_model else []
        return ["question", "you said", *model, "what came", "so it went"]

    @property
    def _cells(self) -> list[list[str]]:
        return [self._row(row) for row in self.rows]

    def _row(self, row: Comparison) -> list[str]:
        kind = row.question.kind
        said = "nothing" if row.prediction is None else kind.say(row.prediction.value)
        late = " (afterwards)" if row.prediction and row.prediction.late else ""
        model = "" if row.model is None else kind.say(row.model)
        came = "" if row.reality is None else kind.say(row.reality.value)
        return [
            row.question.text,
            f"{said}{late}",
            *([model] if self._has_model else []),
            came,
            row.outcome,
        ]

    @property
    def _sentences(self) -> list[str]:
        said = [
            f"{row.question.key}: not yet: {row.question.do}."
            for row in self.rows
            if row.outcome == "not yet"
        ]
        for row in self.rows:
            if row.left:
                said.append(
                    f"{row.question.key}: until {clock(row.left)} it went as you said. "
                    f'lab.replay("{row.question.key}") opens there.'
                )
        return [*said, *self._praise, *map(str, self.beliefs)]

    @property
    def _praise(self) -> list[str]:
        """A word on the guesses, right or not, once something has come."""
        guesses = [row for row in self.rows if row.outcome in ("as you said", "otherwise")]
        if not guesses:
            return []
        hits = sum(row.outcome == "as you said" for row in guesses)
        if hits == len(guesses):
            return ["It came as you said." if hits == 1 else f"All {hits} came as you said."]
        some = f"{hits} of {len(guesses)} came as you said. " if len(guesses) > 1 else ""
        return [f"{some}A guess that misses is worth making: now you know where to look."]
