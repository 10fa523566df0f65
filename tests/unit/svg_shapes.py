"""What an SVG shows: its groups, and where each of their rectangles, lines and texts stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

Bounds = tuple[float, float, float, float]
_NAMED = {"white": "#ffffff", "black": "#000000", "transparent": "none"}


@dataclass(frozen=True)
class Text:
    words: str
    x: float
    y: float
    look: tuple[object, ...]


@dataclass
class Group:
    kind: tuple[str, ...]
    title: str
    shapes: list[tuple[Bounds, tuple[object, ...]]] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)


def groups(svg: str) -> dict[str, Group]:
    """The groups of a picture by id, in their order."""
    (graph,) = ET.fromstring(svg).findall("{*}g")
    shift = re.search(r"translate\(\S+ (\S+)\)", graph.get("transform", ""))
    found = graph.findall("{*}g")
    return {g.get("id", ""): _group(g, float(shift[1]) if shift else 0) for g in found}


def _group(element: ET.Element, down: float) -> Group:
    found = Group(tuple(element.get("class", "").split()), element.findtext("{*}title") or "")
    for part in element:
        tag = part.tag.rpartition("}")[2]
        if tag == "text":
            found.texts.append(_text(part, down))
        elif tag != "title":
            found.shapes += _shapes(part, tag, down)
    found.shapes.sort(key=lambda shape: (*(round(number) for number in shape[0]), str(shape[1])))
    return found


def _text(part: ET.Element, down: float) -> Text:
    look = (
        part.get("text-anchor", "start"),
        float(part.get("font-size", "")),
        part.get("font-weight"),
        _colour(part.get("fill", "black")),
    )
    return Text(part.text or "", float(part.get("x", "")), float(part.get("y", "")) + down, look)


def _shapes(part: ET.Element, tag: str, down: float) -> list[tuple[Bounds, tuple[object, ...]]]:
    """A rectangle by its bounds, each line of a path by its own; what has no colour is not seen."""
    fill, stroke = (_colour(part.get(name, "none")) for name in ("fill", "stroke"))
    if fill == stroke == "none":
        return []
    look = fill, stroke, float(part.get("stroke-width", "1")), part.get("stroke-dasharray")
    if tag == "rect":
        x, y, width, height = (float(part.get(n, "")) for n in ("x", "y", "width", "height"))
        return [((x, y, x + width, y + height), look)]
    paths = [part.get("points", "")] if tag == "polygon" else re.split("(?=M)", part.get("d", ""))
    return [(_bounds(path, down), look) for path in paths if path]


def _bounds(path: str, down: float) -> Bounds:
    xs, ys = list[float](), list[float]()
    for command, rest in re.findall(r"([MLCV]?)\s*([-0-9., e]+)", path):
        numbers = [float(number) for number in re.findall(r"-?[0-9.]+", rest)]
        xs += [] if command == "V" else numbers[::2]
        ys += numbers if command == "V" else numbers[1::2]
    return min(xs), min(ys) + down, max(xs), max(ys) + down


def _colour(name: str) -> str:
    return _NAMED.get(name, name)
