"""From a Scene to DOT text whose coordinates are pinned.

Every box, bar and line of text is a DOT node with its own `pos=` and size, so that Graphviz only
draws and every Graphviz draws the same. `neato -n2` is the engine that keeps to `pos=`.
HTML-like labels are not used: Graphviz lays their cells out by its own fonts, and aborts where
these are wider than ours. Stripes by `style=striped` cannot have round corners.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping

from nodebynode.view.metrics import clean
from nodebynode.view.shapes import BLUE, GAP, Box, Link, Scene, Text

PART = "part"
"""The class of what belongs to the box before it: its band and its lines of text."""
_HEAD = """\
  graph [bgcolor="#ffffff", pad=0, margin=0, outputorder=nodesfirst]
  node [shape=box, fixedsize=true, margin=0, fontname="Helvetica", label=""]
  edge [arrowhead=none, color="#57606a", penwidth=1.4]
"""
# A band is full, or bars with gaps, in points: so it stays apart without colour.
_STRIPES = {"striped": (4, 3), "long": (11, 4), "fine": (2, 2)}


def to_dot(scene: Scene) -> str:
    """The picture as DOT text, for `neato -n2`."""
    page = Box("page", "page", "page", 0, 0, scene.width, scene.height)
    # An invisible box as large as the picture keeps Graphviz from cropping it.
    lines = [_node("page", page, scene.height, {"style": "invis"})]
    for box in scene.boxes:
        lines += _box(box, scene.height)
    lines += (_edge(link, scene.height) for link in scene.links)
    return f"digraph {_quoted(scene.sentence)} {{\n{_HEAD}{''.join(lines)}}}\n"


def _box(box: Box, height: float) -> Iterator[str]:
    """A box, then its parts."""
    frame = box.frame
    style = [frame.dash, *["filled"] * (frame.fill != "none"), *["rounded"] * frame.rounded]
    look = {
        "style": ",".join(style),
        "color": "transparent" if frame.stroke == "none" else frame.stroke,
        "fillcolor": frame.fill if frame.fill != "none" else "",
        "penwidth": f"{frame.pen:g}",
        "id": re.sub(r"[^A-Za-z0-9.-]", "-", box.id),
        "class": box.kind,
        # Some versions read a tooltip's backslash escapes twice, so it gets a stroke like it.
        "tooltip": box.tooltip.replace("\\", "\N{REVERSE SOLIDUS OPERATOR}"),
    }
    yield _node(box.key, box, height, look)
    parts = (*_bars(box), *_texts(box))
    for number, (place, look) in enumerate(parts, start=1):
        yield _node(f"{box.key} #{number}", place, height, {"class": PART, **look})


def _bars(box: Box) -> Iterator[tuple[Box, dict[str, str]]]:
    """The band on the left: one bar, or as many as there is room for."""
    if not box.band:
        return
    top, deep = box.y + 6, box.height - 12
    full, empty = _STRIPES.get(box.band, (deep, 0))
    times = int((deep + empty) // (full + empty))
    top += (deep - times * (full + empty) + empty) / 2
    for index in range(times):
        bar = Box("", "", PART, box.x + 5, top + index * (full + empty), 5, full)
        yield bar, {"style": "filled", "color": "transparent", "fillcolor": BLUE}


def _texts(box: Box) -> Iterator[tuple[Box, dict[str, str]]]:
    """Each text in all the room that is left to it, so that Graphviz has no cause to move it."""
    y = box.y + box.top
    for row in box.rows:
        x, end = box.x + box.indent, box.x + box.indent + box.room
        if row.right and row.right.words:
            yield Box("", "", PART, x, y, end - x, row.height), _letters(row.right, r"\r")
            end -= row.right.width
        for text in (text for text in row.left if text.words):
            yield Box("", "", PART, x, y, end - x, row.height), _letters(text, r"\l")
            x += text.width + GAP
        y += row.height


def _letters(text: Text, side: str) -> dict[str, str]:
    """A text's attributes; `side` is the escape that ends a line at the left or the right."""
    return {
        "shape": "plaintext",
        "label": _escaped(text.words) + side,
        "fontsize": f"{text.size:g}",
        "fontcolor": text.ink,
        "fontname": "Helvetica-Bold" if text.bold else "",
    }


def _node(key: str, box: Box, height: float, look: Mapping[str, str]) -> str:
    """A statement; attributes without a value are left out."""
    x, y = box.x + box.width / 2, height - box.y - box.height / 2
    pinned = f'pos="{_points(x)},{_points(y)}", width={_inches(box.width)}'
    pinned += f", height={_inches(box.height)}"
    given = {name: value for name, value in look.items() if value}
    given = {n: f'"{v}"' if n == "label" else _quoted(v) for n, v in given.items()}
    return f"  {_quoted(key)} [{pinned}{''.join(f', {n}={v}' for n, v in given.items())}]\n"


def _edge(link: Link, height: float) -> str:
    x, top, bottom = _points(link.x), height - link.top, height - link.bottom
    ys = (top, top + (bottom - top) / 3, bottom + (top - bottom) / 3, bottom)
    line = " ".join(f"{x},{_points(y)}" for y in ys)
    return f'  {_quoted(link.tail)} -> {_quoted(link.head)} [pos="{line}"]\n'


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """Any text inside a DOT string, where Graphviz reads entities and backslash escapes."""
    return html.escape(clean(text)).replace("\\", r"\\")


def _points(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _inches(points: float) -> str:
    return f"{points / 72:.5f}"
