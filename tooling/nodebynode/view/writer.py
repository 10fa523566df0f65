"""The writer: from a Scene to SVG without Graphviz, group by group.

It draws what `neato -n2` draws of the same Scene, each thing within a point, in groups of the same
ids and classes. It stands in where Graphviz is not installed, and where a new picture is wanted ten
times a second: only the groups that have changed need to be sent.
"""

from __future__ import annotations

import html
from collections.abc import Iterable

from nodebynode.view.colours import PAPER
from nodebynode.view.metrics import clean
from nodebynode.view.shapes import Box, Frame, Line, Link, Placed, Scene, Stroke

FONTS = "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif"
DASHED, DOTTED, LINE_DOTTED = "6,4", "1,5", "3,3"
"""The dashes of boxes, and of links, where a heavy line needs longer dots to have gaps."""
_DASH = {
    "solid": "",
    "dashed": f' stroke-dasharray="{DASHED}"',
    "dotted": f' stroke-dasharray="{DOTTED}"',
}
_SVG = "http://www.w3.org/2000/svg"
_ROUNDING = 12
"""Points of Graphviz's round corners; `shapes.c: RBCONST`."""
_COMMON_WIDTH, _LEAST_SHOWN = 900, 0.8
"""A wider picture shrinks to this part of its size at most, and scrolls where there is no room."""


def fragments(scene: Scene) -> dict[str, str]:
    """Each box and link as the text of its SVG group, by its id, in the order of painting.

    The text has no prefix before its id, one line, and the page's own coordinates: it stays the
    same while the thing looks the same, however the rest of the picture changes.
    """
    drawn = {box.id: _box(box) for box in scene.boxes}
    drawn.update((link.id, _link(link)) for link in scene.links)
    return drawn


def to_svg(scene: Scene, prefix: str = "", desc: str = "") -> str:
    """The picture as an SVG document, a group a line.

    Args:
        scene: The picture.
        prefix: Put before every id; two pictures in a page must not share any.
        desc: The picture in words, for who cannot see it; its sentence is the title.
    """
    groups = (f'<g id="{prefix}{group[7:]}' for group in fragments(scene).values())
    return document(
        scene.width,
        scene.height,
        prefix,
        (clean(scene.sentence), desc),
        (
            f'<g id="{prefix}graph0" class="graph">',
            f'<rect width="{scene.width:g}" height="{scene.height:g}" fill="{PAPER}"/>',
            *groups,
            "</g>",
        ),
    )


def document(
    width: float, height: float, prefix: str, words: tuple[str, str], lines: Iterable[str]
) -> str:
    """An SVG document around a picture, whoever draws it: its size, its names, its fonts.

    Args:
        width: Points across.
        height: Points down.
        prefix: Put before every id.
        words: The title, and the picture in words.
        lines: What is drawn, a line each.
    """
    least = "" if width <= _COMMON_WIDTH else f"min-width:{width * _LEAST_SHOWN:g}px;"
    title, desc = (html.escape(one, quote=False) for one in words)
    return "\n".join(
        (
            f'<svg xmlns="{_SVG}" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img"'
            f' aria-labelledby="{prefix}title" aria-describedby="{prefix}desc"'
            f' font-family="{FONTS}"'
            f' style="max-width:100%;{least}height:auto;background:#fff">',
            f'<title id="{prefix}title">{title}</title>',
            f'<desc id="{prefix}desc">{desc}</desc>',
            *lines,
            "</svg>\n",
        )
    )


def _box(box: Box) -> str:
    return "".join(
        (
            f'<g id="{box.id}" class="node {box.kind}">',
            _title(box.tooltip),
            _rectangle(box, box.frame),
            *map(_text, box.texts()),
            *map(_stroke, box.strokes),
            "</g>",
        )
    )


def _title(tooltip: str) -> str:
    return f"<title>{html.escape(clean(tooltip), quote=False)}</title>" if tooltip else ""


def _rectangle(box: Box, frame: Frame) -> str:
    """The box's edge and ground; nothing where it has neither."""
    if frame.stroke == frame.fill == "none":
        return ""
    radius = min(_ROUNDING, box.width / 3, box.height / 3) if frame.rounded else 0
    return (
        f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}"'
        f' rx="{radius:g}" fill="{frame.fill}" stroke="{frame.stroke}"'
        f' stroke-width="{frame.pen:g}"{_DASH[frame.dash]}/>'
    )


def _text(placed: Placed) -> str:
    """A line of text; its baseline is where Graphviz sets it, a quarter below the middle."""
    text = placed.text
    x = f'{placed.end:g}" text-anchor="end' if placed.right else f"{placed.x:g}"
    y = placed.y + placed.height / 2 + text.size / 4
    bold = ' font-weight="bold"' * text.bold
    return (
        f'<text x="{x}" y="{y:g}"{bold} font-size="{text.size:g}" fill="{text.ink}">'
        f"{html.escape(text.words, quote=False)}</text>"
    )


def _stroke(stroke: Stroke) -> str:
    path = "".join(map(_piece, stroke.lines))
    return f'<path fill="none" stroke="{stroke.ink}" stroke-width="{stroke.pen:g}" d="{path}"/>'


def _piece(line: Line) -> str:
    x, y, to_x, to_y = line
    return f"M{x:g},{y:g}V{to_y:g}" if x == to_x else f"M{x:g},{y:g}L{to_x:g},{to_y:g}"


def _link(link: Link) -> str:
    path = "L".join(f"{x:g},{y:g}" for x, y in link.path)
    dash = f' stroke-dasharray="{LINE_DOTTED}"' * (link.dash == "dotted")
    return (
        f'<g id="{link.id}" class="edge {link.kind}">{_title(link.tooltip)}'
        f'<path fill="none" stroke="{link.ink}" stroke-width="{link.pen:g}"{dash} d="M{path}"/></g>'
    )
