"""From a State to a picture: pure, and the same for the same input."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from nodebynode.errors import BadInput
from nodebynode.state import State, in_namespace
from nodebynode.view.colours import GREY
from nodebynode.view.column import column
from nodebynode.view.crowd import Crowd
from nodebynode.view.nodes import strip, worker
from nodebynode.view.services import service_boxes, traffic_of, ways
from nodebynode.view.shapes import Box, Frame, Kept, Link, Row, Scene, Text
from nodebynode.view.tray import tray
from nodebynode.view.words import MODELLED, exceptions, headline, modelled_words, sentence
from nodebynode.view.yard import GAP, SIZES, Yard, choose_size, lay_out

_MARGIN, _COLUMN, _GUTTER = 12, 216, 16


def compose(
    state: State,
    *,
    namespace: str | None = None,
    before: Scene | None = None,
    modelled: Collection[str] = (),
    size: str = "auto",
) -> Scene:
    """Lay a State out.

    Args:
        state: The cluster, with the Pods of all namespaces: they count in the nodes' CPU.
        namespace: Whose objects to draw; None draws all.
        before: The picture before this one. While the size and the nodes stay the same, no Pod
            leaves its place, and no node's box moves but for want of room.
        modelled: What the cluster only models; the picture then carries a small badge.
        size: How much room a Pod gets: `full`, `compact`, `bars` (only counted, but for those
            that need a look), or `auto` by their number.

    Returns:
        A picture 900 points wide, or wider where there are many nodes.

    Raises:
        BadInput: There is no such size.
    """
    shown = in_namespace(state, namespace)
    kept = before.kept if before else Kept()
    chosen = _size(shown, size, kept)
    if kept.size != chosen:
        kept = Kept()
    yard = lay_out(shown, state, chosen, kept)
    x = _MARGIN + _COLUMN + _GUTTER
    width = x + yard.width + _MARGIN
    heading = _heading(shown, modelled, width)
    top = heading.bottom + 8
    boxes, links, sets = column(shown, yard.dress.marks, (_MARGIN, top, _COLUMN), kept.sets)
    right, served = _right(yard, x, top)
    boxes = [heading, *boxes, *right]
    height = max(kept.height, *(box.bottom + _MARGIN for box in boxes))
    said = " ".join(filter(None, [sentence(shown), modelled_words(modelled)]))
    kept = Kept(chosen, yard.places, yard.rows, sets, yard.rails, height)
    return Scene(width, height, said, tuple(boxes), (*links, *served), chosen, kept)


def _size(state: State, size: str, kept: Kept) -> str:
    names = [one.name for one in SIZES]
    if size == "auto":
        return choose_size(state, kept.size)
    if size not in names:
        raise BadInput(f"A picture has no size '{size}'.", f"Sizes: auto, {', '.join(names)}.")
    return size


def _right(yard: Yard, x: float, y: float) -> tuple[list[Box], list[Link]]:
    """The right side from the top down: workers, Services, control planes, the tray.

    The tray comes last, so that what is in it pushes nobody about.
    """
    boxes, nodes = list[Box](), list[Box]()
    draw = Crowd(yard).worker if yard.bars else partial(worker, yard)
    for abreast in yard.workers:
        for index, node in enumerate(abreast):
            drawn = draw(node, x + index * (yard.node_width + GAP), y)
            nodes.append(drawn[0])
            boxes += drawn
        y = nodes[-1].bottom + GAP
    services = service_boxes(yard.state, x, y + 6, yard.width, seen=yard.rails)
    if services:
        boxes += services
        y = services[0].bottom + GAP
    for node in yard.strips:
        drawn = strip(yard, node, x, y)
        nodes.append(drawn[0])
        boxes += drawn
        y = drawn[0].bottom + GAP
    links = list(ways(traffic_of(yard.state), nodes, services[0])) if services else []
    return [*boxes, *tray(yard, x, y)], links


def _heading(state: State, modelled: Collection[str], width: float) -> Box:
    """The sentence: how the Deployments are, and below it, always there, what is unusual."""
    badge = f"{MODELLED} modelled · " if modelled else ""
    clock = Text(f"{badge}{state.at:%H:%M:%S}", 11, GREY)
    rows = (
        Row(22, (Text(headline(state), 15, bold=True),), clock),
        Row(18, (Text(" ".join(exceptions(state)), 12),)),
    )
    unframed = Frame("none", "none")
    room = width - 2 * _MARGIN
    box = Box("heading", "heading", "heading", _MARGIN, 6, room, 40, unframed, pad=0, top=0)
    return box.saying(*rows)
