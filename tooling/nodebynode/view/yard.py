"""The yard of a picture: how much room a Pod gets, which node stands where, who has which place.

All that must not change from one picture to the next is decided here, before anything is drawn.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from nodebynode.state import Node, Pod, State, natural, replicasets_of
from nodebynode.view.places import Grid, take_places
from nodebynode.view.pods import Dress, bands, needs_a_look, rank
from nodebynode.view.services import traffic_of
from nodebynode.view.shapes import Kept

Pods = tuple[Pod, ...]
TRAY, SETS = "/tray", "/sets"
"""The homes that are no node: of Pods without one, and of the lines that count ReplicaSets."""
TRAY_PLACES = 8
SINGLES = 5
"""How many Pods of a node are drawn one by one where bars count the others."""
GAP = 13
_ROOM = 644
_LINES = 4
_MOST_RESERVED = {"full": 4, "compact": 12, "bars": 1}


@dataclass(frozen=True, slots=True)
class Size:
    """How large things are: `abreast` nodes at most, each `node` points wide; a Pod's place.

    It is for up to so many `pods`. `below` is the space below a row, without rails and with them.
    """

    name: str
    pods: int
    abreast: int
    node: int
    least: int
    height: int
    gap: int
    below: tuple[int, int]


SIZES = (
    Size("full", 60, 3, 206, 80, 72, 8, (8, 20)),
    Size("compact", 300, 5, 206, 54, 30, 6, (6, 13)),
    Size("bars", 10**9, 8, 182, 76, 20, 6, (4, 4)),
)
_CROWD = 24
"""So many Pods on one node weigh as much as a whole picture full of large ones."""


def choose_size(state: State, before: str = "") -> str:
    """The size for so many Pods: `full` up to 60, `compact` up to 300, else `bars`.

    One crowded node weighs more: with 25 Pods on it a picture is not `full`.

    Args:
        state: What is shown.
        before: The size of the picture before this one. It is left only when the number is a
            tenth above its limit, or a fifth below that of the next smaller one.
    """
    fullest = max(Counter(pod.node for pod in state.pods if pod.node).values(), default=0)
    load = max(len(state.pods), fullest * SIZES[0].pods / _CROWD)
    right = next(i for i, size in enumerate(SIZES) if load <= size.pods)
    now = next((i for i, size in enumerate(SIZES) if size.name == before), right)
    if right > now and load <= SIZES[now].pods * 1.1:
        right = now
    if right < now and load >= SIZES[now - 1].pods * 0.8:
        right = now
    return SIZES[right].name


@dataclass(frozen=True, slots=True)
class Yard:
    """What every box on the right is drawn with.

    `workers` stand in rows, `strips` are control planes that take no ordinary Pods. `homes` are the
    Pods of each node and of the tray, oldest first; `places` those of the Pods that are drawn one
    by one, by home and UID; `rows` a home's rows of places. `asked` is CPU in millicores and
    `guests` the number of Pods of other namespaces, by node.
    """

    state: State
    size: Size
    dress: Dress
    rails: bool
    workers: tuple[tuple[Node, ...], ...]
    strips: tuple[Node, ...]
    homes: Mapping[str, Pods]
    places: Mapping[str, Mapping[str, int]]
    asked: Mapping[str, int]
    guests: Mapping[str, int]
    rows: Mapping[str, int]

    @property
    def bars(self) -> bool:
        """Whether Pods are only counted."""
        return self.size.name == "bars"

    @property
    def node_width(self) -> float:
        """Points that a worker's box is wide."""
        abreast = max(map(len, self.workers), default=1)
        return max(self.size.node, (_ROOM - (abreast - 1) * GAP) / abreast)

    @property
    def width(self) -> float:
        """Points that the boxes on the right take."""
        abreast = max(map(len, self.workers), default=1)
        return abreast * (self.node_width + GAP) - GAP

    def grid(self, x: float, y: float, width: float, *, rails: bool = True) -> Grid:
        """The places for Pods in a box whose inner left top is (x, y)."""
        size, below = self.size, self.size.below[self.rails and rails]
        return Grid(x, y, width, size.least, size.height, size.gap, below)

    def pods(self, home: str) -> Pods:
        """All Pods of a node or of the tray."""
        return self.homes.get(home, ())

    def others(self, home: str) -> list[Pod]:
        """The Pods that are out of the ordinary, or wait, and have no place to be drawn at."""
        drawn = self.places.get(home, {})
        found = (pod for pod in self.pods(home) if pod.uid not in drawn)
        return [pod for pod in found if home == TRAY or needs_a_look(pod)]


def lay_out(state: State, everything: State, size: str, kept: Kept) -> Yard:
    """Find a home for every node and Pod.

    Args:
        state: What is shown.
        everything: All namespaces, for what the nodes carry besides.
        size: The name of one of SIZES.
        kept: What the picture before this one handed on.
    """
    room = next(one for one in SIZES if one.name == size)
    strips = tuple(n for n in state.nodes if n.control_plane and _keeps_out(n))
    workers = _abreast([n for n in (*state.nodes, *_ghosts(state)) if n not in strips], room)
    homes = _homes(state)
    asked, guests = _loads(everything, homes)
    dress = Dress(bands(state), traffic_of(state).pods, state.at)
    rails = kept.traffic or bool(state.services)
    places = _places(state, homes, room, kept.places)
    yard = Yard(state, room, dress, rails, workers, strips, homes, places, asked, guests, {})
    return replace(yard, rows=_rows(yard, kept.rows))


def _keeps_out(node: Node) -> bool:
    return any(taint.effect in ("NoSchedule", "NoExecute") for taint in node.taints)


def _ghosts(state: State) -> list[Node]:
    """The nodes that are gone although Pods are still bound to them."""
    known = {node.name for node in state.nodes}
    gone = sorted({pod.node for pod in state.pods if pod.node} - known, key=natural)
    return [Node(name, "gone", False, False, "", (), 0, 0) for name in gone]


def _abreast(workers: list[Node], size: Size) -> tuple[tuple[Node, ...], ...]:
    """The workers in name order, in as few rows as go, and these as equal as they can be."""
    if not workers:
        return ()
    rows = -(-len(workers) // size.abreast)
    many = -(-len(workers) // rows)
    return tuple(tuple(workers[i : i + many]) for i in range(0, len(workers), many))


def _homes(state: State) -> dict[str, Pods]:
    found = defaultdict[str, list[Pod]](list)
    for pod in state.pods:
        found[pod.node or TRAY].append(pod)

    def age(pod: Pod) -> tuple[object, ...]:
        return pod.created or state.at, natural(pod.name), pod.uid

    return {home: tuple(sorted(pods, key=age)) for home, pods in found.items()}


def _places(
    state: State, homes: Mapping[str, Pods], size: Size, kept: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    """A place for each Pod that is drawn one by one, and for each ReplicaSet that has a line."""
    found = dict[str, dict[str, int]]()
    for home, pods in homes.items():
        before = kept.get(home, {})
        few = [pod.uid for pod in _singles(home, pods, size, before)]
        found[home] = take_places(few, before)
    if size.name == "bars":
        before = kept.get(SETS, {})
        found[SETS] = take_places(_sets(state, before), before)
    return found


def _singles(home: str, pods: Pods, size: Size, before: Mapping[str, int]) -> Pods:
    """Whom of a home's Pods to draw one by one; who was in the picture comes before others."""
    if home != TRAY and size.name != "bars":
        return pods
    if home == TRAY:
        wanted, most = list(pods), TRAY_PLACES
    else:
        wanted, most = [pod for pod in pods if needs_a_look(pod)], SINGLES
    return tuple(sorted(wanted, key=lambda pod: (rank(pod), pod.uid not in before))[:most])


def _sets(state: State, before: Mapping[str, int]) -> list[str]:
    """The ReplicaSets that get a line on each node, and "" where one is needed for other Pods.

    They are those that have Pods, each Deployment's together, the oldest first; who had a line
    comes before others.
    """
    used = {pod.owner_uid for pod in state.pods}
    owned = chain.from_iterable(replicasets_of(state, one) for one in state.deployments)
    order = dict.fromkeys(rs.uid for rs in (*owned, *state.replicasets) if rs.uid in used)
    lines = sorted(order, key=lambda uid: uid not in before)[:_LINES]
    return lines + [""] * bool(used - {*lines})


def _loads(everything: State, homes: Mapping[str, Pods]) -> tuple[Counter[str], Counter[str]]:
    """CPU that each node's Pods request, and how many Pods of it are not shown."""
    asked, guests = Counter[str](), Counter[str]()
    for pod in everything.pods:
        home = pod.node or TRAY
        guests[home] += 1
        asked[home] += 0 if pod.finished else pod.cpu
    guests.subtract({home: len(pods) for home, pods in homes.items()})
    return asked, guests


def _rows(yard: Yard, before: Mapping[str, int]) -> dict[str, int]:
    """How many rows of places each node has: enough, some in reserve, and never fewer again."""

    def enough(names: Iterable[str], width: float, least: int) -> int:
        grid = yard.grid(0, 0, width - 24)
        return max(least, *(max(grid.rows(_slots(yard, n)), before.get(n, 0)) for n in names))

    rows = {node.name: enough([node.name], yard.width, 0) for node in yard.strips}
    if yard.bars:
        rows[SETS] = max(_slots(yard, SETS), before.get(SETS, 2))
    blocks = [[node.name for node in abreast] for abreast in yard.workers]
    if yard.bars:  # one depth for all, so that growing moves all at once and seldom
        blocks = [[*chain.from_iterable(blocks)]] if blocks else []
    least = _reserve(yard, yard.grid(0, 0, yard.node_width - 24).columns)
    for names in blocks:
        rows |= dict.fromkeys(names, enough(names, yard.node_width, least))
    return rows


def _slots(yard: Yard, home: str) -> int:
    """How many places a home needs, from the first to the last that is taken."""
    if yard.others(home):
        return SINGLES + 1
    return max(yard.places.get(home, {}).values(), default=-1) + 1


def _reserve(yard: Yard, columns: int) -> int:
    """Rows for a rollout's surge while one node is drained; at least two where there is room."""
    least = 2 if len(yard.workers) == 1 and not yard.bars else 1
    most = sum(one.wanted + one.surge for one in yard.state.deployments)
    nodes = sum(map(len, yard.workers))
    each = -(-max(most, len(yard.state.pods)) // max(1, nodes - 1))
    return max(least, min(-(-each // columns), _MOST_RESERVED[yard.size.name]))
