"""The right side: where things are. A box for each node, its Pods in their places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from nodebynode.phrases import count
from nodebynode.state import Node
from nodebynode.view.colours import FAINT, GREY, INK, RAIL, SHADE, TINT, TRACK, VERMILION
from nodebynode.view.metrics import clean, shorten_front
from nodebynode.view.phrases import cores, node_status
from nodebynode.view.places import Grid
from nodebynode.view.pods import STAND, STAND_LOW, look_of, pod_box
from nodebynode.view.shapes import Box, Frame, Row, Stroke, Text, bar, largest, safe_id
from nodebynode.view.yard import SINGLES, Yard

_RAIL = 2
# Taints that the node controller sets for what the box says anyway.
_ECHOES = ("node.kubernetes.io/", "node-role.kubernetes.io/")


def worker(yard: Yard, node: Node, x: float, y: float) -> list[Box]:
    """A node that takes Pods: how it is, its places, its CPU."""
    width, deep = yard.node_width, yard.rows[node.name]
    grid = yard.grid(x + 12, y + 72, width - 24)
    height = 72 + grid.depth(deep) + 34
    zone = Text(node.zone and f"· zone {node.zone}", 11, GREY)
    rows = (
        Row(22, (node_name(node, width - 24, (14, 12.5, 11)),)),
        Row(17, (_status(node), zone), Text(pods_here(yard, node), 11, GREY)),
        Row(17, (_notice(node),)),
    )
    box = node_box(yard, node, x, y, width, height).saying(*rows)
    box = replace(box, strokes=_rails(yard, grid, deep))
    return [
        box,
        *_places(yard, node, grid, deep),
        *_cpu(yard, node, x + 12, box.bottom - 30, width - 24),
    ]


def node_name(node: Node, room: float, sizes: Sequence[float]) -> Text:
    """A node's whole name, since people type it; in smaller letters where it is long."""
    text = largest(Text(clean(node.name), bold=True), room, sizes)
    return replace(text, words=shorten_front(text.words, text.size, room, bold=True))


def strip(yard: Yard, node: Node, x: float, y: float) -> list[Box]:
    """A control plane that takes no ordinary Pods: one line, and places for what runs there."""
    width, deep = yard.width, yard.rows[node.name]
    grid = yard.grid(x + 12, y + 34, width - 24)
    said = f"control plane · {node_status(node)} · takes no ordinary Pods"
    cordon = " · cordoned" * node.cordoned
    row = Row(
        18,
        (Text(node.name, 12, bold=True), Text(said + cordon, 10.5, GREY)),
        Text(pods_here(yard, node), 11, GREY),
    )
    height = 34 + (grid.depth(deep) + 4 if deep else 0)
    box = node_box(yard, node, x, y, width, height).saying(row)
    box = replace(box, strokes=_rails(yard, grid, deep))
    return [box, *_places(yard, node, grid, 0)]


def node_box(yard: Yard, node: Node, x: float, y: float, width: float, height: float) -> Box:
    """A node's box: NotReady is a heavy edge on grey, a cordon is a heavy dashed edge."""
    frame = Frame(GREY, TINT)
    if node.cordoned:
        frame = Frame(INK, TINT, 2.4, "dashed")
    if node.ready != "True":
        frame = Frame(VERMILION, SHADE, 3, frame.dash)
    kind = f"node{' cordoned' * node.cordoned}{' not-ready' * (node.ready != 'True')}"
    guests = yard.guests[node.name]
    says = [
        f"Node {node.name}: {node_status(node)}",
        "cordoned, no new Pods" * node.cordoned,
        *map(str, node.taints),
        f"memory {node.memory >> 20} MiB" if node.memory else "",
        f"and {count(guests, 'Pod')} of other namespaces" if guests else "",
    ]
    return Box(
        f"node/{node.name}",
        f"node-{safe_id(node.name)}",
        kind,
        x,
        y,
        width,
        height,
        frame,
        tooltip="; ".join(filter(None, says)),
    )


def _status(node: Node) -> Text:
    if node.ready == "True":
        return Text("Ready", 11, GREY)
    if node.ready == "gone":
        return Text("▲ no such node", 11, bold=True)
    return Text(f"▲ {node_status(node)}", 11, bold=True)


def _notice(node: Node) -> Text:
    if node.cordoned:
        return Text("cordoned: no new Pods", 11, bold=True)
    taints = [t for t in node.taints if not t.key.startswith(_ECHOES)]
    role = "control plane" if node.control_plane else ""
    return Text(f"taint {taints[0]}" if taints else role, 10.5, GREY)


def pods_here(yard: Yard, node: Node) -> str:
    """How many of the shown Pods are bound to a node."""
    return count(len(yard.pods(node.name)), "Pod")


def _rails(yard: Yard, grid: Grid, deep: int) -> tuple[Stroke, ...]:
    """A rail below each row of places, for Pods in service to stand on."""
    if not yard.rails or not deep:
        return ()
    high = yard.size.name == "full"
    first = grid.y + grid.height + (STAND if high else STAND_LOW) + _RAIL / 2
    ys = (first + grid.depth(row) for row in range(deep))
    return (Stroke(tuple((grid.x, y, grid.x + grid.width, y) for y in ys), RAIL, _RAIL),)


def _places(yard: Yard, node: Node, grid: Grid, deep: int) -> Iterator[Box]:
    """A node's Pods in their places, over the empty ones where these have a size worth drawing."""
    taken = set(yard.places.get(node.name, {}).values())
    if yard.size.name == "full":
        empty = (slot for slot in range(deep * grid.columns) if slot not in taken)
        yield from (_empty(node, slot, grid) for slot in empty)
    yield from singles(yard, node, grid)


def singles(yard: Yard, node: Node, grid: Grid) -> Iterator[Box]:
    """The Pods that are drawn one by one, and how many more there should be."""
    places = yard.places.get(node.name, {})
    for pod in yard.pods(node.name):
        if pod.uid in places:
            yield pod_box(pod, grid.place(places[pod.uid]), yard.dress)
    if more := Counter(look_of(pod).kind for pod in yard.others(node.name)):
        kinds = ", ".join(f"{number} {kind}" for kind, number in more.items())
        key, name = f"more/{node.name}", f"more-{safe_id(node.name)}"
        box = Box(key, name, "more", *grid.place(SINGLES), Frame("none", "none"), pad=3, top=3)
        what = next(iter(more)) if len(more) == 1 else "more"
        words = Text(f"+{more.total()} {what}", 9, INK)
        yield replace(box, tooltip=f"Not drawn one by one: {kinds}").saying(Row(14, (words,)))


def _empty(node: Node, slot: int, grid: Grid) -> Box:
    frame = Frame(FAINT, "none", 1, "dotted")
    name = f"place-{safe_id(node.name)}-{slot}"
    return Box(f"place/{node.name}/{slot}", name, "place", *grid.place(slot), frame=frame)


def _cpu(yard: Yard, node: Node, x: float, y: float, width: float) -> Iterator[Box]:
    """What a node's Pods request of its CPU, in words and as a bar."""
    if node.ready == "gone":
        return
    words = f"CPU {cores(yard.asked[node.name])} of {cores(node.cpu)} requested"
    key, name, frame = f"cpu/{node.name}", f"cpu-{safe_id(node.name)}", Frame("none", "none")
    line = Box(key, name, "cpu", x, y, width, 22, frame, pad=0, top=0)
    line = replace(line, strokes=cpu_bar(yard, node, x, y + 18, width, 4))
    yield line.saying(Row(16, (Text(words, 10.5, GREY),)))


def cpu_bar(
    yard: Yard, node: Node, x: float, y: float, width: float, height: float
) -> tuple[Stroke, ...]:
    """The part of a node's CPU that is requested."""
    share = min(1, yard.asked[node.name] / node.cpu) if node.cpu else 0
    whole = bar(x, y, width, height, TRACK)
    return (whole, bar(x, y, width * share, height, GREY)) if width * share >= 1 else (whole,)
