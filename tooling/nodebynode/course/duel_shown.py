"""Days of a duel as a picture and a table, with the same in words."""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterator, Sequence

from nodebynode.columns import in_columns
from nodebynode.course.fares import Day, Fare
from nodebynode.phrases import count, listed
from nodebynode.view.availability import Column, availability
from nodebynode.view.picture import html_table
from nodebynode.view.words import Table

_shown = itertools.count(1)


class Shown:
    """What became of plans on some days.

    Args:
        plans: The names of all plans, in the order in which they are drawn.
        days: The days.
        strength: How many endpoints each plan is to have.
    """

    def __init__(self, plans: Sequence[str], days: Sequence[Day], strength: int) -> None:
        self._days, self._strength = days, strength
        self._plans = [plan for plan in plans if any(plan in day.fares for day in days)]

    def __repr__(self) -> str:
        if not self._days:
            return "No day has ended yet. Begin one: lab.duel.day(...), end it: lab.duel.end()."
        table = in_columns([[head.upper() for head in self._heads], *self._rows])
        return "\n".join([self.sentence, "", table, *self._causes])

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Jupyter's hook: the picture and the table, and the same as text."""
        text = repr(self)
        if not self._days:
            return {"text/plain": text, "text/html": f"<p>{html.escape(text)}</p>"}
        sentence = html.escape(self.sentence)
        rows = tuple(tuple(row) for row in self._rows)
        causes = "".join(f"<p>{html.escape(one)}</p>" for one in self._causes)
        figure = (
            f'<figure role="group" aria-label="{sentence}" style="margin:0">'
            f'<div style="overflow-x:auto">{self.draw(f"duel-{next(_shown)}-")}</div>'
            f"{html_table(Table(tuple(self._heads), rows))}{causes}"
            f"<figcaption>{sentence}</figcaption></figure>"
        )
        return {"text/plain": text, "text/html": figure}

    def draw(self, prefix: str = "") -> str:
        """The picture as an SVG document, with `prefix` before every id."""
        columns = [
            Column(day.name, [day.fares[p].curve if p in day.fares else None for p in self._plans])
            for day in self._days
        ]
        words = (self.sentence, repr(self))
        return availability(self._plans, columns, self._strength, words, prefix)

    @property
    def sentence(self) -> str:
        """The whole in a sentence for each plan."""
        said = []
        for plan in self._plans:
            fares = [day.fares[plan] for day in self._days if plan in day.fares]
            sent = sum(one.sent for one in fares)
            below = sum(one.below(self._strength) for one in fares)
            said.append(
                f"{plan} lost {_lost(fares)} of {count(sent, 'request')} and had fewer than "
                f"{self._strength} ready endpoints for {below:.0f} s."
            )
        days = listed([day.name for day in self._days], most=len(self._days))
        return f"{days}: {' '.join(said)}"

    @property
    def _heads(self) -> list[str]:
        return [
            "day",
            "plan",
            "lost",
            f"below {self._strength} for",
            "fewest ready",
            "Pods at the most",
            "commands",
        ]

    @property
    def _rows(self) -> list[list[str]]:
        rows = [
            self._row(day.name, plan, [day.fares[plan]])
            for day in self._days
            for plan in self._plans
            if plan in day.fares
        ]
        if len(self._days) > 1:
            rows += [self._row("all", plan, list(self._fares(plan))) for plan in self._plans]
        return rows

    def _row(self, day: str, plan: str, fares: Sequence[Fare]) -> list[str]:
        unknown = sum(one.unknown for one in fares)
        return [
            day,
            plan,
            f"{_lost(fares)}{f' ({unknown} not measured)' if unknown else ''}",
            f"{sum(one.below(self._strength) for one in fares):.1f} s",
            str(min(one.fewest for one in fares)),
            str(max(one.most_pods for one in fares)),
            str(sum(one.commands for one in fares)),
        ]

    def _fares(self, plan: str) -> Iterator[Fare]:
        return (day.fares[plan] for day in self._days if plan in day.fares)

    @property
    def _causes(self) -> list[str]:
        """What most were lost to, where only one day is shown: each day has causes of its own."""
        if len(self._days) != 1:
            return []
        [day] = self._days
        fares = list(day.fares.values())
        said = [
            f"{one.plan}: most were lost because of this: {one.why}." for one in fares if one.why
        ]
        if not all(one.whole for one in fares):
            said.append("The load ended before the day: what came after it is not counted.")
        return said


def _lost(fares: Sequence[Fare]) -> int:
    return sum(len(one.lost) for one in fares)
