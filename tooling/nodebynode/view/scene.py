"""From a State to a picture: pure, and the same for the same input."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from nodebynode.state import State, in_namespace
from nodebynode.view.column import column
from nodebynode.view.nodes import nodes_and_tray, yard
from nodebynode.view.pods import bands
from nodebynode.view.shapes import GREY, Box, Frame, Row, Scene, Text
from nodebynode.view.words import MODELLED, exceptions, headline, modelled_words, sentence

WIDTH = 900
_MARGIN, _COLUMN, _GAP = 12, 216, 16


def compose(
    state: State,
    *,
    namespace: str | None = None,
    slots: Mapping[str, int] | None = None,
    modelled: Collection[str] = (),
) -> Scene:
    """Lay a State out.

    Args:
        state: The cluster, with the Pods of all namespaces: they count in the nodes' CPU.
        namespace: Whose Pods and Deployments to draw; None draws all.
        slots: The places of the picture before this one, which no Pod then leaves.
        modelled: What the cluster only models; the picture then carries a small badge.

    Returns:
        A picture 900 points wide.
    """
    shown = in_namespace(state, namespace)
    marks = bands(shown)
    heading = _heading(shown, modelled)
    top = heading.bottom + 8
    x = _MARGIN + _COLUMN + _GAP
    boxes, links = column(shown, marks, _MARGIN, top, _COLUMN)
    places = yard(shown, state, marks, slots or {})
    boxes = [heading, *boxes, *nodes_and_tray(places, x, top, WIDTH - x - _MARGIN)]
    height = max(box.bottom for box in boxes) + _MARGIN
    said = " ".join(filter(None, [sentence(shown), modelled_words(modelled)]))
    return Scene(WIDTH, height, said, tuple(boxes), tuple(links), places.slots)


def _heading(state: State, modelled: Collection[str]) -> Box:
    """The sentence: how the Deployments are, and below it, always there, what is unusual."""
    badge = f"{MODELLED} modelled · " if modelled else ""
    clock = Text(f"{badge}{state.at:%H:%M:%S}", 11, GREY)
    rows = (
        Row(22, (Text(headline(state), 15, bold=True),), clock),
        Row(18, (Text(" ".join(exceptions(state)), 12),)),
    )
    unframed = Frame("none", "none")
    room = WIDTH - 2 * _MARGIN
    box = Box("heading", "heading", "heading", _MARGIN, 6, room, 40, unframed, pad=0, top=0)
    return box.saying(*rows)
