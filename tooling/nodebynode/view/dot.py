"""From a Scene to DOT text whose coordinates are pinned.

Every box and line of text is a DOT node with its own `pos=` and size, every stroke an edge with
its own, so that Graphviz only draws and every Graphviz draws the same. The engine that keeps to
`pos=` is `nop2`, which `neato -n2` is too; the graph asks for it by `layout=`.
HTML-like labels are not used: Graphviz lays their cells out by its own fonts, and aborts where
these are wider than ours. Stripes by `style=striped` cannot have round corners.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from nodebynode.view.metrics import clean
from nodebynode.view.shapes import Box, Link, Placed, Scene, Stroke

PART = "part"
"""The class of what belongs to a box: its lines of text and its strokes."""
OF = "_of"
"""How the id of a box's strokes ends; no id that `safe_id` has made ends so."""
_HEAD = """\
  graph [layout=nop2, bgcolor="#ffffff", pad=0, margin=0, outputorder=nodesfirst]
  node [shape=box, fixedsize=true, margin=0, fontname="Helvetica", label=""]
  edge [arrowhead=none]
"""


def to_dot(scene: Scene) -> str:
    """The picture as DOT text, for any of Graphviz's programs."""
    page = Box("page", "page", "page", 0, 0, scene.width, scene.height)
    # An invisible box as large as the picture keeps Graphviz from cropping it.
    lines = [_node(page.key, page, scene.height, {"style": "invis"})]
    for box in scene.boxes:
        lines += _box(box, scene.height)
    lines += (_edge(link, scene.height) for link in scene.links)
    return f"digraph {quoted(scene.sentence)} {{\n{_HEAD}{''.join(lines)}}}\n"


def _box(box: Box, height: float) -> Iterator[str]:
    """A box, then its parts."""
    frame, key = box.frame, escaped(box.key)
    style = [frame.dash, *["filled"] * (frame.fill != "none"), *["rounded"] * frame.rounded]
    look = {
        "style": ",".join(style),
        "color": "transparent" if frame.stroke == "none" else frame.stroke,
        "fillcolor": frame.fill if frame.fill != "none" else "",
        "penwidth": f"{frame.pen:g}",
        "id": box.id,
        "class": box.kind,
        "tooltip": _tip(box.tooltip),
    }
    yield _node(key, box, height, look)
    for number, placed in enumerate(box.texts(), start=1):
        # A text takes all its room, so that Graphviz has no cause to move it.
        room = Box("", "", PART, placed.x, placed.y, placed.end - placed.x, placed.height)
        yield _node(f"{key} #{number}", room, height, _letters(placed))
    for stroke in box.strokes:
        yield _strokes(key, box.id, stroke, height)


def _letters(placed: Placed) -> dict[str, str]:
    """A text's attributes; an escape at the end of its label says on which side it stands."""
    text = placed.text
    return {
        "class": PART,
        "shape": "plaintext",
        "label": escaped(text.words) + (r"\r" if placed.right else r"\l"),
        "fontsize": f"{text.size:g}",
        "fontcolor": text.ink,
        "fontname": "Helvetica-Bold" if text.bold else "",
    }


def _node(key: str, box: Box, height: float, look: dict[str, str]) -> str:
    x, y = box.x + box.width / 2, height - box.y - box.height / 2
    place = f'pos="{x:.7g},{y:.7g}", width={box.width / 72:.5f}, height={box.height / 72:.5f}'
    return f'  "{key}" [{place}, {attributes(look)}]\n'


def _strokes(key: str, name: str, stroke: Stroke, height: float) -> str:
    """All lines of a stroke as one edge from the box to itself: an edge may have many splines."""
    look = {
        "pos": ";".join(_spline((line[:2], line[2:]), height) for line in stroke.lines),
        "id": name + OF,
        "class": PART,
        "color": stroke.ink,
        "penwidth": f"{stroke.pen:g}",
    }
    return f'  "{key}" -> "{key}" [{attributes(look)}]\n'


def _edge(link: Link, height: float) -> str:
    look = {
        "pos": _spline(link.path, height),
        "id": link.id,
        "class": link.kind,
        "style": "dotted" if link.dash == "dotted" else "",
        "color": link.ink,
        "penwidth": f"{link.pen:g}",
        "tooltip": _tip(link.tooltip),
    }
    return f"  {quoted(link.tail)} -> {quoted(link.head)} [{attributes(look)}]\n"


def _spline(path: Sequence[tuple[float, float]], height: float) -> str:
    """A line of straight pieces as the control points that Graphviz wants, three for each."""
    points = [path[0]]
    for (x, y), (to_x, to_y) in pairwise(path):
        across, down = (to_x - x) / 3, (to_y - y) / 3
        points += ((x + across, y + down), (x + 2 * across, y + 2 * down), (to_x, to_y))
    return " ".join(f"{x:.7g},{height - y:.7g}" for x, y in points)


def attributes(look: Mapping[str, str]) -> str:
    """Attributes in DOT's words; those without a value are left out.

    Labels and tooltips must be escaped already.
    """
    return ", ".join(f'{name}="{value}"' for name, value in look.items() if value)


def _tip(text: str) -> str:
    """A tooltip; some versions read its backslash escapes twice, so it gets a stroke like it."""
    return escaped(text.replace("\\", "\N{REVERSE SOLIDUS OPERATOR}"))


def quoted(text: str) -> str:
    """Any text as a DOT string."""
    return f'"{escaped(text)}"'


def escaped(text: str) -> str:
    """Any text inside a DOT string, where Graphviz reads entities and backslash escapes."""
    return html.escape(clean(text)).replace("\\", r"\\")
