"""A node in a crowd: hundreds of Pods are bars that count, and who needs a look stays single."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from nodebynode.state import Deployment, Node, ReplicaSet, State
from nodebynode.view.colours import BLUE, GREY, INK
from nodebynode.view.nodes import cpu_bar, node_box, node_name, pods_here, singles
from nodebynode.view.phrases import node_status
from nodebynode.view.pods import band_of, look_of
from nodebynode.view.shapes import Box, Frame, Row, Stroke, Text, bar, safe_id
from nodebynode.view.yard import SETS, Yard

_HEAD, _LINE, _FOOT = 42, 24, 28


@dataclass(frozen=True, slots=True)
class Tally:
    """How many Pods of a ReplicaSet are on a node, and how many of them are ready."""

    total: int
    ready: int

    def __str__(self) -> str:
        return f"{self.total}, {self.ready} ready"


def tallies(yard: Yard) -> dict[str, dict[str, Tally]]:
    """Count each node's Pods by their ReplicaSet's UID; those that have no line are under ""."""
    counted = dict[str, dict[str, Tally]]()
    for home, pods in yard.homes.items():
        total, ready = Counter[str](), Counter[str]()
        for pod in pods:
            uid = pod.owner_uid if pod.owner_uid in yard.places[SETS] else ""
            total[uid] += 1
            ready[uid] += look_of(pod).kind == "ready"
        counted[home] = {uid: Tally(number, ready[uid]) for uid, number in total.items()}
    return counted


def set_names(state: State) -> dict[str, str]:
    """What to call each ReplicaSet in few words: its version, and what else tells it apart."""
    names, owners = {"": "others"}, {one.uid: one for one in state.deployments}
    versions = Counter((rs.owner_uid, rs.version) for rs in state.replicasets)
    for rs in state.replicasets:
        same = versions[rs.owner_uid, rs.version] > 1
        parts = [_owner_name(rs, owners), rs.version, f"rev. {rs.revision}" * same]
        names[rs.uid] = " ".join(filter(None, parts))
    return names


def _owner_name(rs: ReplicaSet, owners: dict[str, Deployment]) -> str:
    """The Deployment's name where there are several, the ReplicaSet's where it has none."""
    owner = owners.get(rs.owner_uid)
    return rs.name if owner is None else owner.name if len(owners) > 1 else ""


class Crowd:
    """Draws the nodes of one picture; what is counted is counted once for all of them."""

    def __init__(self, yard: Yard) -> None:
        self._yard = yard
        self._tallies = tallies(yard)
        self._names = set_names(yard.state)
        counts = (one.total for counted in self._tallies.values() for one in counted.values())
        self._most = max(counts, default=1)

    def worker(self, node: Node, x: float, y: float) -> list[Box]:
        """A node's box, its bars, its Pods that need a look, and its foot."""
        yard, width = self._yard, self._yard.node_width
        grid = yard.grid(x + 12, y + _HEAD + yard.rows[SETS] * _LINE, width - 24)
        height = grid.y - y + grid.depth(yard.rows[node.name]) + _FOOT
        box = node_box(yard, node, x, y, width, height).saying(
            Row(18, (node_name(node, width - 24, (12, 10.5, 9)),)),
            Row(15, (_status(node),), Text(pods_here(yard, node), 10, GREY)),
        )
        bars = self._bars(node, x + 12, y + _HEAD)
        return [box, *bars, *singles(yard, node, grid), self._foot(node, box)]

    def _bars(self, node: Node, x: float, y: float) -> Iterator[Box]:
        lines = self._yard.places[SETS]
        for uid, tally in self._tallies.get(node.name, {}).items():
            name = f"set/{node.name}/{uid}"
            box = Box(
                name,
                safe_id(name),
                "set",
                x,
                y + lines[uid] * _LINE,
                self._yard.node_width - 24,
                _LINE - 2,
                Frame("none", "none"),
                band=self._yard.dress.marks.get(uid, ""),
                pad=5,
                top=0,
                tooltip=f"{self._names[uid]} on {node.name}: {tally}",
            )
            box = box.saying(Row(14, (Text(f"{self._names[uid]}: {tally}", 9.5),)))
            yield replace(box, strokes=(*band_of(box), *self._lengths(box, tally)))

    def _lengths(self, box: Box, tally: Tally) -> Iterator[Stroke]:
        """All Pods as a thin line and the ready ones as a bar on it, to one measure everywhere."""
        for number, ink, pen in ((tally.total, GREY, 1), (tally.ready, BLUE, 4)):
            if number:
                length = box.room * number / self._most
                yield bar(box.x + box.indent, box.y + 17 - pen / 2, length, pen, ink)

    def _foot(self, node: Node, box: Box) -> Box:
        """How many of a node's Pods are in service, and its CPU as a bar."""
        traffic = Counter(self._yard.dress.traffic.get(p.uid) for p in self._yard.pods(node.name))
        words = f"{traffic['serving']} in service" if self._yard.rails else ""
        words += f", {traffic['finishing']} finishing" if traffic["finishing"] else ""
        x, y, width = box.x + 12, box.bottom - 25, box.width - 24
        frame = Frame("none", "none")
        name = f"cpu-{safe_id(node.name)}"
        foot = Box(f"cpu/{node.name}", name, "cpu", x, y, width, 19, frame, pad=0, top=0)
        foot = replace(foot, strokes=cpu_bar(self._yard, node, x, y + 16, width, 3))
        return foot.saying(Row(14, (Text(words, 9.5, GREY),)))


def _status(node: Node) -> Text:
    parts = ["" if node.ready == "True" else f"▲ {node_status(node)}", "cordoned" * node.cordoned]
    words = ", ".join(filter(None, parts))
    return Text(words, 10, INK, bold=True) if words else Text("Ready", 10, GREY)
