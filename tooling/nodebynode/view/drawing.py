"""Drawing: Graphviz where it is installed, else the built-in writer; the same picture from both."""

from __future__ import annotations

import re
from shutil import which
from xml.etree import ElementTree as ET

import graphviz

from nodebynode.errors import MissingTool
from nodebynode.view.dot import OF, PART, to_dot
from nodebynode.view.shapes import Scene
from nodebynode.view.writer import DASHED, LINE_DOTTED, root_attributes, to_svg

_SVG = "http://www.w3.org/2000/svg"
_LINK_TITLE = "{http://www.w3.org/1999/xlink}title"
_INSTALL = (
    "Install Graphviz: `conda install -c conda-forge graphviz`, `apt-get install graphviz` or "
    "`brew install graphviz`."
)

ET.register_namespace("", _SVG)


def draw(scene: Scene, prefix: str = "", desc: str = "") -> str:
    """The picture as an SVG document, by Graphviz where it can be run, else by the writer.

    Args:
        scene: The picture.
        prefix: Put before every id; two pictures in a page must not share any.
        desc: The picture in words; its sentence is the title.
    """
    try:
        drawn = run_graphviz(to_dot(scene), "svg").decode()
    except MissingTool:
        return to_svg(scene, prefix, desc)
    return adopt(drawn, prefix, scene.sentence, desc)


def run_graphviz(dot: str, form: str, *, pinned: bool = True) -> bytes:
    """What Graphviz makes of DOT text.

    Args:
        dot: The text.
        form: Graphviz's name of the format: `svg`, `png`, `pdf`.
        pinned: Whether to keep to the text's coordinates, rather than to find some.

    Raises:
        MissingTool: Graphviz is not installed, or fails.
    """
    engine, keep = ("neato", 2) if pinned else ("dot", None)
    source = graphviz.Source(dot, engine=engine)
    try:
        # Graphviz warns where its own font is wider than a cell; the cells are ours to answer for.
        return bytes(source.pipe(format=form, neato_no_op=keep, quiet=True))
    except graphviz.ExecutableNotFound as error:
        raise MissingTool("Graphviz is not installed.", _INSTALL) from error
    except graphviz.CalledProcessError as error:
        said = (error.stderr or b"").decode(errors="replace").strip() or "it did not say why"
        raise MissingTool(
            f"Graphviz failed: {said[:200]}", "Try `dot -V` in a terminal."
        ) from error


def missing_graphviz() -> MissingTool | None:
    """What to say where Graphviz is not installed; None where it is."""
    if which("dot"):
        return None
    return MissingTool("Graphviz is not installed.", _INSTALL)


def adopt(drawn: str, prefix: str, title: str, desc: str) -> str:
    """Graphviz's SVG made fit for a page: named, described, scaled, and with ids of its own."""
    root = ET.fromstring(re.sub(r' font-family="[^"]*"', "", drawn))  # noqa: S314  Graphviz's own
    graph = root[0]
    _gather(graph)
    for group in (graph, *graph):
        _lengthen_dashes(group)
        if name := group.get("id"):
            group.set("id", prefix + name)
    for place, (tag, words) in enumerate((("title", title), ("desc", desc))):
        element = ET.Element(f"{{{_SVG}}}{tag}", id=prefix + tag)
        element.text = words
        root.insert(place, element)
    width, height = map(float, root.get("viewBox", "0 0 0 0").split()[2:])
    root.attrib.pop("height")
    root.attrib |= root_attributes(width, height, prefix)
    return re.sub(r">\n+<", "><", ET.tostring(root, encoding="unicode"))


def _lengthen_dashes(group: ET.Element) -> None:
    """Graphviz's dashes are too close for a heavy line, and its dots for a line at all."""
    longer = {"5,2": DASHED}
    if "edge" in group.get("class", "").split():
        longer["1,5"] = LINE_DOTTED
    for element in group:
        dash = element.get("stroke-dasharray", "")
        if dash in longer:
            element.set("stroke-dasharray", longer[dash])


def _gather(graph: ET.Element) -> None:
    """One group for each box with all its parts in it; a script can then move it as one."""
    owner, kept, owners = graph, list[ET.Element](), dict[str, ET.Element]()
    _name_by_tooltip(graph)
    for group in graph:
        _name_by_tooltip(group)
        name = group.get("id", "")
        if PART in group.get("class", "").split():
            owners.get(name.removesuffix(OF), owner).extend(group)
            continue
        kept.append(group)
        owner = owners[name] = group
    graph[:] = kept


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
