"""The right side: where things are. A box for each node, and a tray for Pods without one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nodebynode.state import Node, Pod, State, natural, pods_on, requested_cpu, unassigned
from nodebynode.view.metrics import clean, shorten_front, wrap
from nodebynode.view.pods import pod_box
from nodebynode.view.shapes import (
    FAINT,
    GREY,
    INK,
    TINT,
    VERMILION,
    Box,
    Frame,
    Grid,
    Row,
    Text,
    take_places,
)
from nodebynode.view.words import cores, count, node_status

_GAP = 12
_ABREAST = 3
_CROWD = 12
_TRAY = 8
# Taints that the node controller sets for what the box says anyway.
_ECHOES = ("node.kubernetes.io/", "node-role.kubernetes.io/")


@dataclass(frozen=True, slots=True)
class Yard:
    """What every box on the right is drawn with.

    `state` is what is shown and `everything` what the CPU sums count; `slots` is the place of each
    Pod, by UID; `high` is whether Pods have room for their words.
    """

    state: State
    everything: State
    marks: Mapping[str, str]
    slots: Mapping[str, int]
    high: bool

    def grid(self, x: float, y: float, width: float) -> Grid:
        """The places for Pods in a box whose inner left top is (x, y)."""
        return Grid(x, y, width, 80, 66) if self.high else Grid(x, y, width, 54, 34, 6)


def yard(
    state: State, everything: State, marks: Mapping[str, str], before: Mapping[str, int]
) -> Yard:
    """Give every Pod its place; one crowded node makes all Pods small, so that they compare."""
    slots = dict[str, int]()
    homes = [pods_on(state, node.name) for node in _all_nodes(state)]
    for pods in homes:
        slots |= take_places([pod.uid for pod in _by_age(pods, state)], before)
    return Yard(state, everything, marks, slots, max(map(len, homes), default=0) <= _CROWD)


def _by_age(pods: Sequence[Pod], state: State) -> list[Pod]:
    return sorted(pods, key=lambda pod: (pod.created or state.at, natural(pod.name), pod.uid))


def _all_nodes(state: State) -> list[Node]:
    """The nodes, and those that are gone although Pods are still bound to them."""
    known = {node.name for node in state.nodes}
    gone = sorted({pod.node for pod in state.pods if pod.node} - known, key=natural)
    ghosts = (Node(name, "gone", False, False, "", (), 0, 0) for name in gone)
    return [*state.nodes, *ghosts]


def nodes_and_tray(yard: Yard, x: float, y: float, width: float) -> list[Box]:
    """All boxes of the right side, from (x, y) down.

    Workers stand up to three abreast in name order. A control plane that takes no ordinary Pods
    is a strip below them, and the tray comes last, so that neither pushes the workers about.
    """
    boxes = list[Box]()
    strips = [n for n in yard.state.nodes if n.control_plane and _keeps_out(n)]
    workers = [n for n in _all_nodes(yard.state) if n not in strips]
    rows = -(-len(workers) // _ABREAST)
    abreast = -(-len(workers) // rows) if rows else 1
    wide = (width - (abreast - 1) * _GAP) / abreast
    for first in range(0, len(workers), abreast):
        row = workers[first : first + abreast]
        deep = max(1 if rows > 1 else 2, *(_depth(yard, node, wide) for node in row))
        for index, node in enumerate(row):
            boxes += _worker(yard, node, x + index * (wide + _GAP), y, wide, deep)
        y = max(box.bottom for box in boxes) + _GAP
    for node in strips:
        boxes += _strip(yard, node, x, y, width)
        y = max(box.bottom for box in boxes) + _GAP
    return boxes + _tray(yard, x, y, width)


def _keeps_out(node: Node) -> bool:
    return any(taint.effect in ("NoSchedule", "NoExecute") for taint in node.taints)


def _depth(yard: Yard, node: Node, width: float) -> int:
    """How many rows of places a node's Pods need."""
    taken = [yard.slots[pod.uid] for pod in pods_on(yard.state, node.name)]
    return yard.grid(0, 0, width - 24).rows(max(taken, default=-1) + 1)


def _worker(yard: Yard, node: Node, x: float, y: float, width: float, deep: int) -> list[Box]:
    grid = yard.grid(x + 12, y + 72, width - 24)
    height = 72 + grid.depth(deep) + 34
    zone = Text(node.zone and f"· zone {node.zone}", 11, GREY)
    rows = (
        Row(22, (_name(node, width - 24),)),
        Row(17, (_status(node), zone), Text(_pods_here(yard, node), 11, GREY)),
        Row(17, (_notice(node),)),
    )
    box = _frame(yard, node, x, y, width, height).saying(*rows)
    foot = y + height - 30
    return [box, *_places(yard, node, grid, deep), *_cpu(yard, node, x + 12, foot, width - 24)]


def _name(node: Node, room: float) -> Text:
    """A node's whole name, since people type it; in smaller letters where it is long."""
    name = clean(node.name)
    sizes = (14, 12.5, 11)
    fitting = (text for size in sizes if (text := Text(name, size, bold=True)).width <= room)
    cut = Text(shorten_front(name, sizes[-1], room, bold=True), sizes[-1], bold=True)
    return next(fitting, cut)


def _strip(yard: Yard, node: Node, x: float, y: float, width: float) -> list[Box]:
    deep = _depth(yard, node, width)
    grid = yard.grid(x + 12, y + 34, width - 24)
    said = f"control plane · {node_status(node)} · takes no ordinary Pods"
    cordon = " · cordoned" * node.cordoned
    row = Row(
        18,
        (Text(node.name, 12, bold=True), Text(said + cordon, 10.5, GREY)),
        Text(_pods_here(yard, node), 11, GREY),
    )
    height = 34 + (grid.depth(deep) + 4 if deep else 0)
    box = _frame(yard, node, x, y, width, height).saying(row)
    return [box, *_places(yard, node, grid, 0)]


def _frame(yard: Yard, node: Node, x: float, y: float, width: float, height: float) -> Box:
    """A node's box: NotReady is a heavy edge on grey, a cordon is a heavy dashed edge."""
    frame = Frame(GREY, TINT)
    if node.cordoned:
        frame = Frame(INK, TINT, 2.4, "dashed")
    if node.ready != "True":
        frame = Frame(VERMILION, "#e4e7eb", 3, frame.dash)
    kind = f"node{' cordoned' * node.cordoned}{' not-ready' * (node.ready != 'True')}"
    others = len(pods_on(yard.everything, node.name)) - len(pods_on(yard.state, node.name))
    says = [
        f"Node {node.name}: {node_status(node)}",
        "cordoned, no new Pods" * node.cordoned,
        *map(str, node.taints),
        f"memory {node.memory >> 20} MiB" if node.memory else "",
        f"and {count(others, 'Pod')} of other namespaces" if others else "",
    ]
    return Box(
        f"node/{node.name}",
        f"node-{node.name}",
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


def _pods_here(yard: Yard, node: Node) -> str:
    return count(len(pods_on(yard.state, node.name)), "Pod")


def _places(yard: Yard, node: Node, grid: Grid, deep: int) -> list[Box]:
    """A node's Pods in their places, over the empty ones where these have a size worth drawing."""
    pods = {yard.slots[pod.uid]: pod for pod in pods_on(yard.state, node.name)}
    empty = (slot for slot in range(deep * grid.columns) if yard.high and slot not in pods)
    boxes = [
        Box(
            f"place/{node.name}/{slot}",
            f"place-{node.name}-{slot}",
            "place",
            *grid.place(slot),
            frame=Frame(FAINT, "none", 1, "dotted"),
        )
        for slot in empty
    ]
    at = yard.state.at
    return boxes + [pod_box(pods[s], grid.place(s), yard.marks, at) for s in sorted(pods)]


def _cpu(yard: Yard, node: Node, x: float, y: float, width: float) -> list[Box]:
    """What a node's Pods request of its CPU, in words and as a bar."""
    if node.ready == "gone":
        return []
    asked = requested_cpu(yard.everything, node.name)
    words = f"CPU {cores(asked)} of {cores(node.cpu)} requested"
    key = f"cpu/{node.name}"
    line = Box(key, f"cpu-{node.name}", "cpu", x, y, width, 16, Frame("none", "none"), pad=0, top=0)
    share = min(1, asked / node.cpu) if node.cpu else 0
    bars = [("room", width, "#e1e4e8"), ("used", width * share, GREY)]
    return [line.saying(Row(16, (Text(words, 10.5, GREY),)))] + [
        Box(
            f"{key}/{name}",
            f"cpu-{node.name}-{name}",
            f"cpu-{name}",
            x,
            y + 18,
            wide,
            4,
            Frame("none", fill, rounded=False),
        )
        for name, wide, fill in bars
        if wide >= 1
    ]


def _tray(yard: Yard, x: float, y: float, width: float) -> list[Box]:
    """The Pods without a node: the first eight, and how many more there are."""
    pods = _by_age(unassigned(yard.state), yard.state)
    frame = Frame(GREY, dash="dashed")
    tray = Box("tray", "tray", "tray", x, y, width, 32, frame)
    if not pods:
        return [tray.saying(Row(16, (Text("Unassigned: none", 11, GREY),)))]
    head = Text(f"Unassigned: {count(len(pods), 'Pod')} without a node", 11, bold=True)
    lines = wrap(_reason(pods).split(), 10.5, tray.room, lines=2)
    rows = (Row(18, (head,)), *(Row(15, (Text(line, 10.5),)) for line in lines))
    grid = yard.grid(x + 12, y + 16 + sum(row.height for row in rows), width - 24)
    shown = pods[:_TRAY] if len(pods) > _TRAY + 1 else pods
    deep = grid.rows(len(shown) + (len(shown) < len(pods)))
    height = grid.y - y + grid.depth(deep) + 4
    at = yard.state.at
    boxes = [
        Box("tray", "tray", "tray", x, y, width, height, frame).saying(*rows),
        *(pod_box(p, grid.place(i), yard.marks, at) for i, p in enumerate(shown)),
    ]
    if len(shown) < len(pods):
        more = Text(f"+{len(pods) - len(shown)} more", 11, GREY)
        place = grid.place(len(shown))
        rest = Box("tray/more", "tray-more", "more", *place, Frame("none", "none"), pad=4)
        boxes.append(rest.saying(Row(18, (more,))))
    return boxes


def _reason(pods: Sequence[Pod]) -> str:
    """The scheduler's most frequent message, without what it says about preemption."""
    said = Counter(clean(pod.unscheduled).partition(" preemption: ")[0] for pod in pods)
    message, _ = max(said.items(), key=lambda item: (bool(item[0]), item[1], item[0]))
    others = len([m for m in said if m and m != message])
    return (message or "The scheduler has not said why yet.") + f" (+{others} other)" * bool(others)
