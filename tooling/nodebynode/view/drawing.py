"""Drawing: Graphviz where it is installed, else the built-in writer; the same picture from both."""

from __future__ import annotations

from shutil import which

import graphviz

from nodebynode.errors import MissingTool
from nodebynode.view.adopting import adopt
from nodebynode.view.dot import to_dot
from nodebynode.view.shapes import Scene
from nodebynode.view.writer import to_svg

_INSTALL = (
    "Install Graphviz: `conda install -c conda-forge graphviz`, `apt-get install graphviz` or "
    "`brew install graphviz`."
)


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
    try:
        # Graphviz warns where its own font is wider than a cell; the cells are ours to answer for.
        return bytes(graphviz.pipe(engine, form, dot.encode(), neato_no_op=keep, quiet=True))
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
