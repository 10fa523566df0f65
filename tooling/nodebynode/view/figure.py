"""What a notebook shows of a picture: the drawing, its words beside it, and a file of it."""

from __future__ import annotations

import hashlib
import html
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from nodebynode.errors import BadInput, MissingTool
from nodebynode.view.drawing import missing_graphviz, run_graphviz
from nodebynode.view.files import write
from nodebynode.view.metrics import clean

_shown = itertools.count(1)


class Figure(ABC):
    """A picture with its text twin."""

    pinned = True
    """Whether the DOT text has the coordinates of everything in it."""

    @property
    @abstractmethod
    def dot(self) -> str:
        """The picture as DOT text, for any of Graphviz's programs."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The picture in words."""

    @property
    @abstractmethod
    def title(self) -> str:
        """The picture in a sentence."""

    @abstractmethod
    def draw(self, prefix: str = "") -> str:
        """The picture as an SVG document, with `prefix` before every id.

        Raises:
            MissingTool: It needs Graphviz, which is not installed.
        """

    @abstractmethod
    def words(self) -> str:
        """The text twin as HTML."""

    @property
    def svg(self) -> str:
        """The picture as an SVG document.

        Raises:
            MissingTool: It needs Graphviz, which is not installed.
        """
        return self.draw()

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file; its suffix says how: .svg, .png, .pdf, .dot or .txt.

        Returns:
            The file.

        Raises:
            BadInput: It has another suffix, or cannot be written.
            MissingTool: It needs Graphviz, which is not installed.
        """
        ways: dict[str, Callable[[], bytes]] = {
            ".svg": lambda: self.svg.encode(),
            ".png": lambda: run_graphviz(self.dot, "png", pinned=self.pinned),
            ".pdf": lambda: run_graphviz(self.dot, "pdf", pinned=self.pinned),
            ".dot": lambda: self.dot.encode(),
            ".txt": lambda: f"{self.text}\n".encode(),
        }
        file = Path(path)
        if file.suffix not in ways:
            known = f"{', '.join([*ways][:-1])} or {[*ways][-1]}"
            raise BadInput(
                f"{file.name} does not end like a picture that can be saved.",
                f"Give the file a name that ends in {known}.",
            )
        write(file, ways[file.suffix]())
        return file

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Jupyter's hook: the words for every front end, the picture for those with HTML."""
        missing = missing_graphviz()
        try:
            drawn = self.draw(self._prefix())
        except MissingTool:
            drawn = ""
        note = clean(str(missing)) if missing else ""
        text = f"{self.text}\n\n{note}" if note else self.text
        return {"text/plain": text, "text/html": self._figure(drawn, note)}

    def _prefix(self) -> str:
        """The start of all ids of one showing: the same picture may be shown twice in a page."""
        digest = hashlib.sha256(self.dot.encode()).hexdigest()[:8]
        return f"map-{digest}-{next(_shown)}-"

    def _figure(self, drawn: str, note: str) -> str:
        title = html.escape(clean(self.title))
        said = f"<p>{html.escape(note)}</p>" if note else ""
        if not drawn:
            return f'<figure role="group"><p>{title}</p>{self.words()}{said}</figure>'
        # What does not shrink to the page scrolls, and by keyboard too.
        scrolls = ' tabindex="0"' * ("min-width" in drawn.partition(">")[0])
        return (
            f'<figure role="group" aria-label="{title}" style="margin:0">'
            f'<div style="overflow-x:auto"{scrolls}>{drawn}</div>{said}'
            f"<details><summary>The same in words</summary>{self.words()}</details></figure>"
        )
