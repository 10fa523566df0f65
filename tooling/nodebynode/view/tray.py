"""The tray: Pods that no node has been chosen for, and what the scheduler says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from nodebynode.phrases import count
from nodebynode.state import Pod
from nodebynode.view.colours import GREY
from nodebynode.view.metrics import clean, wrap
from nodebynode.view.pods import pod_box
from nodebynode.view.shapes import Box, Frame, Row, Text
from nodebynode.view.yard import TRAY, TRAY_PLACES, Yard


def tray(yard: Yard, x: float, y: float) -> list[Box]:
    """The Pods without a node: as many as have a place, and how many more there are."""
    pods, width = yard.pods(TRAY), yard.width
    box = Box("tray", "tray", "tray", x, y, width, 32, Frame(GREY, dash="dashed"))
    if not pods:
        return [box.saying(Row(16, (Text("Unassigned: none", 11, GREY),)))]
    head = Text(f"Unassigned: {count(len(pods), 'Pod')} without a node", 11, bold=True)
    # Two lines even where one would do: the Pods below must not move when the reason changes.
    said = [*wrap(_reason(pods).split(), 10.5, box.room, lines=2), ""][:2]
    rows = (Row(18, (head,)), *(Row(15, (Text(line, 10.5),)) for line in said))
    grid = yard.grid(x + 12, y + 16 + sum(row.height for row in rows), width - 24, rails=False)
    places, more = yard.places[TRAY], len(yard.others(TRAY))
    deep = grid.rows(1 + max(TRAY_PLACES if more else 0, *places.values()))
    box = replace(box, height=grid.y - y + grid.depth(deep) + 4).saying(*rows)
    few = (pod for pod in pods if pod.uid in places)
    boxes = [box, *(pod_box(pod, grid.place(places[pod.uid]), yard.dress) for pod in few)]
    if more:
        rest = Box(
            "tray/more", "tray-more", "more", *grid.place(TRAY_PLACES), Frame("none", "none")
        )
        boxes.append(
            replace(rest, pad=4, top=1).saying(Row(18, (Text(f"+{more} more", 11, GREY),)))
        )
    return boxes


def _reason(pods: Iterable[Pod]) -> str:
    """The scheduler's most frequent message, without what it says about preemption."""
    said = Counter(clean(pod.refusal) for pod in pods)
    message, _ = max(said.items(), key=lambda item: (bool(item[0]), item[1], item[0]))
    others = len([m for m in said if m and m != message])
    return (message or "The scheduler has not said why yet.") + f" (+{others} other)" * bool(others)
