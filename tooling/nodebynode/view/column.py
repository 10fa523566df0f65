"""The left column: who decides. Deployments, each with its ReplicaSets below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from nodebynode.phrases import count
from nodebynode.state import (
    Budget,
    Deployment,
    Pod,
    ReplicaSet,
    State,
    pods_of,
    replicasets_of,
)
from nodebynode.view.colours import BLUE, GREY, INK, VERMILION
from nodebynode.view.phrases import budget_left
from nodebynode.view.pods import band_of
from nodebynode.view.shapes import Box, Frame, Link, Row, Text, safe_id

_MOST_DEPLOYMENTS = 6
_MOST_BUDGETS = 3
_MOST_IDLE = 2
_MOST_DOTS = 5
_KINDS = {
    "deployment": "Deployment",
    "replicaset": "ReplicaSet",
    "budget": "PodDisruptionBudget",
}


@dataclass(slots=True)
class _Pile:
    """Boxes from the top down; a box that hangs on the one above it is linked to it."""

    x: float
    y: float
    width: float
    boxes: list[Box] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    def put(self, box: Box, rows: tuple[Row, ...], *, hangs: bool = False) -> None:
        if self.boxes:
            above = self.boxes[-1]
            gap = 10 if hangs else 18
            self.y = above.bottom + gap
            if hangs:
                middle = self.x + self.width / 2
                path = ((middle, above.bottom), (middle, self.y))
                self.links.append(Link(f"owns-{box.id}", above.key, box.key, path))
        height = sum(row.height for row in rows) + 2 * box.top
        placed = replace(box, x=self.x, y=self.y, width=self.width, height=height)
        self.boxes.append(replace(placed, strokes=band_of(placed)).saying(*rows))


def column(
    state: State, marks: Mapping[str, str], place: tuple[float, float, float], seen: frozenset[str]
) -> tuple[list[Box], list[Link], frozenset[str]]:
    """The column's boxes, the lines between them, and the ReplicaSets that it shows.

    With several Deployments each gets fewer lines, and beyond six they are only counted.

    Args:
        state: What is shown.
        marks: The band of each ReplicaSet, by UID.
        place: x, y and width of the column in points.
        seen: The UIDs of the ReplicaSets that were shown before; they stay while they exist.
    """
    pile = _Pile(*place)
    small = len(state.deployments) > 1
    shown = set[str]()
    for deployment in state.deployments[:_MOST_DEPLOYMENTS]:
        owned = replicasets_of(state, deployment)
        pile.put(_box("deployment", deployment), tuple(_decides(deployment, owned, small=small)))
        for rs in _in_use(state, owned, seen):
            newest = rs is owned[-1] and len(owned) > 1
            rows = tuple(_holds(rs, small=small, newest=newest))
            pile.put(_box("replicaset", rs, marks[rs.uid]), rows, hangs=True)
            shown.add(rs.uid)
    for rs in _alone(state):
        pile.put(_box("replicaset", rs, marks[rs.uid]), tuple(_holds(rs, small=small)))
    for budget in state.budgets[:_MOST_BUDGETS]:
        pile.put(_box("budget", budget), tuple(_allows(budget)))
    for words, hint in _rest(state):
        note = Box("note/rest", "note-rest", "note", 0, 0, 0, 0, Frame(dash="dashed"))
        pile.put(note, (Row(15, (Text(words, ink=GREY),)), Row(14, (Text(hint, 10, GREY),))))
    return pile.boxes, pile.links, frozenset(shown)


def _box(kind: str, thing: Deployment | ReplicaSet | Budget, band: str = "") -> Box:
    return Box(
        f"{kind}/{thing.namespace}/{thing.name}",
        f"{kind}-{safe_id(thing.uid)}",
        kind,
        0,
        0,
        0,
        0,
        Frame(GREY),
        band=band,
        tooltip=f"{_KINDS[kind]} {thing.name}",
    )


def _decides(d: Deployment, owned: tuple[ReplicaSet, ...], *, small: bool) -> Iterator[Row]:
    """A Deployment's rows: its orders, and the sum by which its controller moves."""
    word, ink = _progress(d, small=small)
    if not small:
        yield Row(15, (Text("Deployment", ink=GREY),), Text(word, 10.5, ink, bold=True))
    yield Row(22, (Text(d.name, 16, bold=True),), Text(word, 10.5, ink) if small else None)
    if d.strategy == "RollingUpdate":
        yield Row(16, (Text(f"wants {d.wanted} · may add {d.surge}, miss {d.unavailable}"),))
    else:
        yield Row(16, (Text(f"wants {d.wanted} · {d.strategy}"),))
    if not small:
        asked, least = sum(rs.wanted for rs in owned), d.wanted - d.unavailable
        size = 11 if d.wanted < 100 else 10
        most = f"ReplicaSets: {asked} of at most {d.wanted + d.surge}"
        yield Row(16, (Text(most, size, GREY),))
        yield Row(16, (Text(f"available: {d.available} of at least {least}", size, GREY),))


def _progress(d: Deployment, *, small: bool) -> tuple[str, str]:
    """A word for how far it has come, and its ink; a short one where it shares the name's line."""
    if d.paused:
        return "paused", INK
    if d.overdue:
        return "deadline passed", VERMILION
    if d.complete:
        return "complete", BLUE
    short = "incomplete" if small else "not all available"
    return ("rolling out" if d.rolling else short), INK


def _holds(rs: ReplicaSet, *, small: bool, newest: bool = False) -> Iterator[Row]:
    """A ReplicaSet's rows; a filled dot is a ready Pod, an empty one is wanted only."""
    revision = f"revision {rs.revision}" + ", new" * newest if rs.revision else ""
    if not small:
        yield Row(15, (Text("ReplicaSet", ink=GREY),), Text(revision, 10.5, GREY))
    name = rs.name if len(rs.name) < 18 else "…" + rs.name[-10:]
    title = Text(f"{name} · {rs.version}", 12, bold=True)
    yield Row(19, (title,), Text(revision, 10, GREY) if small else None)
    words = Text(f"{rs.wanted} wanted · {rs.ready} ready", 10.5, INK)
    if rs.wanted > _MOST_DOTS:
        yield Row(16, (words,))
        return
    full = min(rs.ready, rs.wanted)
    dots = (Text("●", 11, BLUE),) * full + (Text("○", 11, GREY),) * (rs.wanted - full)
    yield Row(16, dots, words)


def _allows(budget: Budget) -> Iterator[Row]:
    """A budget's rows: what it asks for, and what it leaves."""
    yield Row(15, (Text("Budget", ink=GREY),), Text(budget.rule, 10.5, GREY))
    yield Row(19, (Text(f"{budget.name}: {budget_left(budget)}", 12, bold=True),))
    yield Row(16, (Text(f"{budget.healthy} healthy, {budget.desired} needed", 10.5),))


def _in_use(state: State, owned: tuple[ReplicaSet, ...], seen: frozenset[str]) -> list[ReplicaSet]:
    """The ReplicaSets with something to show, oldest first, so that an undo moves none of them.

    Of those that have only been shown before, the latest two stay.
    """
    used = [rs for rs in owned if rs.wanted or rs is owned[-1] or pods_of(state, rs.uid)]
    idle = [rs for rs in owned if rs.uid in seen and rs not in used]
    return sorted(used + idle[-_MOST_IDLE:], key=lambda rs: (rs.created or state.at, rs.revision))


def _alone(state: State) -> list[ReplicaSet]:
    known = {d.uid for d in state.deployments}
    return [rs for rs in state.replicasets if rs.owner_uid not in known][:_MOST_DEPLOYMENTS]


def _rest(state: State) -> Iterator[tuple[str, str]]:
    """One note on what no box of the column speaks of."""
    sets = {rs.uid for rs in state.replicasets}
    others: list[Pod] = [pod for pod in state.pods if pod.owner_uid not in sets]
    deployments = len(state.deployments) - _MOST_DEPLOYMENTS
    budgets = len(state.budgets) - _MOST_BUDGETS
    if deployments > 0:
        yield f"+{count(deployments, 'more Deployment')}", "see the table"
    elif budgets > 0:
        yield f"+{count(budgets, 'more budget')}", "see the table"
    elif others:
        yield f"{count(len(others), 'Pod')} of no ReplicaSet", "bare, or of another controller"
    elif not state.deployments and not state.replicasets:
        yield "No Deployment", "nothing asks for Pods"
