"""The map: the picture of the cluster at one instant, as a notebook shows it."""

from __future__ import annotations

import html
from collections.abc import Collection

from nodebynode.state import State, in_namespace
from nodebynode.view.dot import to_dot
from nodebynode.view.drawing import draw
from nodebynode.view.figure import Figure
from nodebynode.view.owners import Owners
from nodebynode.view.scene import compose
from nodebynode.view.shapes import Scene
from nodebynode.view.words import Table, modelled_words, plain_text, tables


class Map(Figure):
    """A picture of the cluster at one instant, with its text twin.

    Args:
        state: The cluster, with the Pods of all namespaces.
        namespace: Whose objects to draw; None draws all.
        before: The map before this one, or its scene, so that no Pod leaves its place.
        modelled: What the cluster only models, in words; it gets a small badge.
        size: How much room a Pod gets: `full`, `compact`, `bars`, or `auto` by their number.

    Raises:
        BadInput: There is no such size.
    """

    def __init__(
        self,
        state: State,
        *,
        namespace: str | None = None,
        before: Map | Scene | None = None,
        modelled: Collection[str] = (),
        size: str = "auto",
    ) -> None:
        last = before.scene if isinstance(before, Map) else before
        self.scene: Scene = compose(
            state, namespace=namespace, before=last, modelled=modelled, size=size
        )
        self._modelled = modelled
        self._everything = state
        self._state = in_namespace(state, namespace)

    @property
    def dot(self) -> str:
        """The picture as DOT text with pinned positions, for any of Graphviz's programs."""
        return to_dot(self.scene)

    @property
    def text(self) -> str:
        """The picture in words: a sentence and tables."""
        return plain_text(self._state, self._everything, self._modelled, self.scene.size)

    @property
    def title(self) -> str:
        """The picture in a sentence or a few."""
        return self.scene.sentence

    def draw(self, prefix: str = "") -> str:
        """The picture as an SVG document; the built-in writer stands in for Graphviz."""
        return draw(self.scene, prefix, self.text)

    def words(self) -> str:
        """The tables as HTML, and what the cluster only models."""
        told = tables(self._state, self._everything, self.scene.size)
        note = html.escape(modelled_words(self._modelled))
        return "".join(map(html_table, told)) + (f"<p>{note}</p>" if note else "")

    def owners(self) -> Owners:
        """Who owns whom, from the Deployments and the Services down to the Pods."""
        return Owners(self._state)


def html_table(table: Table) -> str:
    """A table as HTML; JupyterLab's own style would put the text at the right of its cells."""
    left = 'style="text-align:left"'
    heads = "".join(f'<th scope="col" {left}>{html.escape(head)}</th>' for head in table.heads)
    rows = "".join(
        f"<tr>{''.join(f'<td {left}>{html.escape(cell)}</td>' for cell in row)}</tr>"
        for row in table.rows
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
