"""The map as a notebook shows it: the picture and its words, or the words without Graphviz."""

from __future__ import annotations

import hashlib
import html
import itertools
import re
from collections.abc import Collection, Mapping
from xml.etree import ElementTree as ET

import graphviz

from nodebynode.errors import MissingTool
from nodebynode.state import State, in_namespace
from nodebynode.view.dot import PART, to_dot
from nodebynode.view.metrics import clean
from nodebynode.view.scene import WIDTH, compose
from nodebynode.view.words import Table, modelled_words, plain_text, tables

_SVG = "http://www.w3.org/2000/svg"
_LINK_TITLE = "{http://www.w3.org/1999/xlink}title"
_FONTS = "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif"
_INSTALL = (
    "To see the picture, install Graphviz: `conda install -c conda-forge graphviz`, "
    "`apt-get install graphviz` or `brew install graphviz`."
)
_shown = itertools.count(1)

ET.register_namespace("", _SVG)


class Map:
    """A picture of the cluster at one instant, with its text twin.

    Args:
        state: The cluster, with the Pods of all namespaces.
        namespace: Whose Pods and Deployments to draw; None draws all.
        slots: `Map.slots` of the picture before, so that no Pod leaves its place.
        modelled: What the cluster only models, in words; it gets a small badge.
    """

    def __init__(
        self,
        state: State,
        *,
        namespace: str | None = None,
        slots: Mapping[str, int] | None = None,
        modelled: Collection[str] = (),
    ) -> None:
        self.scene = compose(state, namespace=namespace, slots=slots, modelled=modelled)
        self._modelled = modelled
        self._everything = state
        self._state = in_namespace(state, namespace)

    @property
    def slots(self) -> Mapping[str, int]:
        """The place that each Pod has on its node, by UID."""
        return self.scene.slots

    @property
    def dot(self) -> str:
        """The picture as DOT text with pinned positions; draw it with `neato -n2`."""
        return to_dot(self.scene)

    @property
    def text(self) -> str:
        """The picture in words: a sentence and tables."""
        return plain_text(self._state, self._everything, self._modelled)

    @property
    def svg(self) -> str:
        """The picture as an SVG document.

        Raises:
            MissingTool: Graphviz is not installed.
        """
        return self._draw("")

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Jupyter's hook: the words for every front end, the picture for those with HTML."""
        try:
            svg = self._draw(self._prefix())
        except MissingTool as error:
            words = f"{self.text}\n\n{error}"
            return {"text/plain": words, "text/html": self._without_picture(error)}
        return {"text/plain": self.text, "text/html": self._figure(svg)}

    def _prefix(self) -> str:
        """The start of all ids of one showing: the same picture may be shown twice in a page."""
        digest = hashlib.sha256(self.dot.encode()).hexdigest()[:8]
        return f"map-{digest}-{next(_shown)}-"

    def _draw(self, prefix: str) -> str:
        try:
            # Graphviz warns where its own font is wider than a cell; the cells are ours to answer
            # for.
            drawn = graphviz.Source(self.dot, engine="neato").pipe(
                format="svg", encoding="utf-8", neato_no_op=2, quiet=True
            )
        except graphviz.ExecutableNotFound as error:
            raise MissingTool(
                "Graphviz is not installed, so there is no picture.", _INSTALL
            ) from error
        return _adopt(drawn, prefix, self.scene.sentence, self.text)

    def _figure(self, svg: str) -> str:
        label = html.escape(clean(self.scene.sentence))
        return (
            f'<figure role="group" aria-label="{label}" style="margin:0">{svg}'
            f"<details><summary>The same in tables</summary>{self._tables()}"
            f"<p>{html.escape(modelled_words(self._modelled))}</p></details></figure>"
        )

    def _without_picture(self, error: MissingTool) -> str:
        said = html.escape(clean(self.scene.sentence))
        note = html.escape(clean(str(error)))
        return f'<figure role="group"><p>{said}</p>{self._tables()}<p>{note}</p></figure>'

    def _tables(self) -> str:
        return "".join(map(_html_table, tables(self._state, self._everything)))


def _html_table(table: Table) -> str:
    heads = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in table.heads)
    rows = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _adopt(drawn: str, prefix: str, title: str, desc: str) -> str:
    """Graphviz's SVG made fit for a page: named, described, scaled, and with ids of its own."""
    root = ET.fromstring(drawn)  # noqa: S314  Graphviz wrote it just now
    _gather(root[0])
    for element in root.iter():
        if "id" in element.attrib:
            element.set("id", prefix + element.get("id", ""))
        element.attrib.pop("font-family", None)
        if element.get("stroke-dasharray") == "5,2":  # too close for a heavy line
            element.set("stroke-dasharray", "6,4")
    for place, (tag, words) in enumerate((("title", title), ("desc", desc))):
        element = ET.Element(f"{{{_SVG}}}{tag}", id=prefix + tag)
        element.text = words
        root.insert(place, element)
    root.attrib.pop("height")
    root.attrib |= {
        "role": "img",
        "aria-labelledby": f"{prefix}title",
        "aria-describedby": f"{prefix}desc",
        "width": str(WIDTH),
        "font-family": _FONTS,
        "style": "max-width:100%;height:auto;background:#fff",
    }
    return re.sub(r">\n+<", "><", ET.tostring(root, encoding="unicode"))


def _gather(graph: ET.Element) -> None:
    """One group for each box with all its parts in it; a script can then move it as one."""
    owner = graph
    _name_by_tooltip(graph)
    for group in graph.findall(f"{{{_SVG}}}g"):
        _name_by_tooltip(group)
        if PART in group.get("class", "").split():
            owner.extend(group)
            graph.remove(group)
        else:
            owner = group


def _name_by_tooltip(group: ET.Element) -> None:
    """Put a group's tooltip where browsers look for it: in its title, not in a link around it.

    Without a tooltip the title would be Graphviz's own name for the thing, of no use to a reader.
    """
    title, link = group.find(f"{{{_SVG}}}title"), group.find(f"{{{_SVG}}}g/{{{_SVG}}}a")
    if title is not None and link is not None:
        title.text = link.get(_LINK_TITLE)
        group[:] = [title, *link]
    elif title is not None:
        group.remove(title)
