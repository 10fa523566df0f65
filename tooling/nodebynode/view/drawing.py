"""Drawing: Graphviz where it is installed, else the built-in writer; the same picture from both."""

from __future__ import annotations

import re
from shutil import which

import graphviz
from graphviz.backend import dot_command, execute

from nodebynode.errors import MissingTool
from nodebynode.view.adopting import adopt
from nodebynode.view.dot import to_dot
from nodebynode.view.plugins import without_fonts
from nodebynode.view.shapes import Scene
from nodebynode.view.writer import to_svg

_UNUSUAL = re.compile(r"[^\x00-~·…≈“”▲✕✓●◔○↻]")
"""Letters that a Graphviz without fonts takes for wider than they are, and so moves their text."""
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
        dot = to_dot(scene)
        fonts = _UNUSUAL.search(dot) is not None
        drawn = _run(dot, "svg", pinned=True, fonts=fonts).decode()
        return adopt(drawn, prefix, scene.sentence, desc)
    except MissingTool:
        return to_svg(scene, prefix, desc)


def run_graphviz(dot: str, form: str, *, pinned: bool = True) -> bytes:
    """What Graphviz makes of DOT text.

    Args:
        dot: The text.
        form: Graphviz's name of the format: `svg`, `png`, `pdf`.
        pinned: Whether to keep to the text's coordinates, rather than to find some.

    Raises:
        MissingTool: Graphviz is not installed, or fails.
    """
    return _run(dot, form, pinned=pinned, fonts=True)


def _run(dot: str, form: str, *, pinned: bool, fonts: bool) -> bytes:
    """Run Graphviz, with all its plugins or without fonts where these are not needed."""
    command = dot_command.command(*(("neato", form) if pinned else ("dot", form)))
    if pinned:
        command.append("-n2")
    program = which("dot")
    environment = without_fonts(program) if program and not fonts else None
    try:
        # Graphviz warns where its own font is wider than a cell; the cells are ours to answer for.
        done = execute.run_check(
            command, input=dot.encode(), capture_output=True, quiet=True, env=environment
        )
    except graphviz.ExecutableNotFound as error:
        raise MissingTool("Graphviz is not installed.", _INSTALL) from error
    except graphviz.CalledProcessError as error:
        said = (error.stderr or b"").decode(errors="replace").strip() or "it did not say why"
        raise MissingTool(
            f"Graphviz failed: {said[:200]}", "Try `dot -V` in a terminal."
        ) from error
    return bytes(done.stdout)


def missing_graphviz() -> MissingTool | None:
    """What to say where Graphviz is not installed; None where it is."""
    if which("dot"):
        return None
    return MissingTool("Graphviz is not installed.", _INSTALL)
