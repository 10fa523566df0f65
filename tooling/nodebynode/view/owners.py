"""Who owns whom: Deployment, ReplicaSet, Pod, and Service, EndpointSlice, Pod.

Here Graphviz chooses the places, because a chain of owners has no places of its own; so this is a
picture to look at once, not one to watch.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nodebynode.phrases import count
from nodebynode.state import (
    Deployment,
    EndpointSlice,
    Pod,
    ReplicaSet,
    Service,
    State,
    pods_of,
    replicasets_of,
)
from nodebynode.view.adopting import adopt
from nodebynode.view.colours import BLUE, GREY
from nodebynode.view.dot import attributes, escaped, quoted
from nodebynode.view.drawing import run_graphviz
from nodebynode.view.figure import Figure
from nodebynode.view.pods import look_of
from nodebynode.view.services import address_words, how_served, selector_words
from nodebynode.view.shapes import Frame, safe_id
from nodebynode.view.words import headline

_PLAIN = Frame(GREY)
_MOST = 20
"""How many Pods of one owner are told one by one."""
_HEAD = """\
  graph [rankdir=LR, bgcolor="#ffffff", nodesep=0.15, ranksep=0.6]
  node [shape=box, fontname="Helvetica", fontsize=11, margin="0.2,0.09"]
  edge [fontname="Helvetica", fontsize=9, arrowsize=0.7]
"""
_SAID = {"serving": "ready endpoint", "finishing": "finishing endpoint", "": "endpoint, not ready"}
_LINES = {"serving": "solid", "finishing": "dotted", "": "dashed"}


@dataclass(frozen=True, slots=True)
class Thing:
    """An object: an id, what is said of it in lines (first its kind and name), and its frame."""

    id: str
    lines: tuple[str, ...]
    frame: Frame = _PLAIN


@dataclass(frozen=True, slots=True)
class Branch:
    """A thing and what hangs on it; `how` an endpoint is served, None where it is owned."""

    thing: Thing
    below: tuple[Branch, ...] = ()
    how: str | None = None


class Owners(Figure):
    """Who owns whom, with what each object says of itself.

    Without Graphviz there are only the words: an indented list.

    Args:
        state: What is shown.
    """

    pinned = False

    def __init__(self, state: State) -> None:
        self._branches = branches(state)
        self._title = f"Who owns whom. {headline(state)}"

    @property
    def dot(self) -> str:
        """The chains as DOT text, without coordinates."""
        nodes, edges = dict[str, str](), dict[str, None]()
        for branch in self._branches:
            _describe(branch, nodes, edges)
        return f"digraph {quoted(self.title)} {{\n{_HEAD}{''.join((*nodes.values(), *edges))}}}\n"

    @property
    def text(self) -> str:
        """The chains as a list; what is owned stands further in."""
        lines = (line for branch in self._branches for line in _listed(branch))
        return "\n".join(lines) or "Nothing here owns anything."

    @property
    def title(self) -> str:
        """What the picture shows, in a sentence."""
        return self._title

    def draw(self, prefix: str = "") -> str:
        """The picture as an SVG document.

        Raises:
            MissingTool: Graphviz is not installed.
        """
        drawn = run_graphviz(self.dot, "svg", pinned=self.pinned).decode()
        return adopt(drawn, prefix, self.title, self.text)

    def words(self) -> str:
        """The list as HTML."""
        return f"<pre>{html.escape(self.text)}</pre>"


def branches(state: State) -> tuple[Branch, ...]:
    """The chains from the top: Deployments, what has no owner among them, then Services."""
    sets = {rs.uid for rs in state.replicasets}
    deployments = {one.uid for one in state.deployments}
    alone = [rs for rs in state.replicasets if rs.owner_uid not in deployments]
    bare = [pod for pod in state.pods if pod.owner_uid not in sets]
    shown = [*(pods_of(state, uid)[:_MOST] for uid in sets), bare[:_MOST]]
    things = {pod.uid: _pod(pod) for pods in shown for pod in pods}
    return (
        *(
            Branch(_deployment(one), tuple(_set(state, rs) for rs in replicasets_of(state, one)))
            for one in state.deployments
        ),
        *(_set(state, rs) for rs in alone),
        *_few(bare, "bare"),
        *(_service(state, one, things) for one in state.services),
    )


def _deployment(one: Deployment) -> Thing:
    conditions = (
        f"{c.type}={c.status}" + f" ({c.reason})" * bool(c.reason) for c in one.conditions
    )
    size = f"{one.version}: {one.available} of {one.wanted} available"
    return Thing(f"deployment-{one.uid}", (f"Deployment {one.name}", size, *conditions))


def _set(state: State, rs: ReplicaSet) -> Branch:
    lines = (
        f"ReplicaSet {rs.name}",
        f"revision {rs.revision} · {rs.version}" if rs.revision else rs.version,
        f"{rs.wanted} wanted · {rs.ready} ready",
    )
    thing = Thing(f"replicaset-{rs.uid}", lines)
    return Branch(thing, tuple(_few(pods_of(state, rs.uid), rs.uid)))


def _few(pods: Sequence[Pod], owner: str) -> Iterator[Branch]:
    """The first Pods of an owner, and how many more there are."""
    yield from (Branch(_pod(pod)) for pod in pods[:_MOST])
    if len(pods) > _MOST:
        yield Branch(Thing(f"more-{owner}", (f"+{count(len(pods) - _MOST, 'more Pod')}",)))


def _pod(pod: Pod) -> Thing:
    look = look_of(pod)
    where = f"on {pod.node}" if pod.node else "on no node"
    lines = (f"Pod {pod.name}", f"{pod.version} · {look.word}", where)
    return Thing(f"pod-{pod.uid}", lines, look.frame)


def _service(state: State, service: Service, pods: dict[str, Thing]) -> Branch:
    lines = (f"Service {service.name}", service.type, address_words(service))
    slices = (
        _slice(one, pods)
        for one in state.slices
        if (one.namespace, one.service) == (service.namespace, service.name)
    )
    said = tuple(filter(None, (*lines, selector_words(service))))
    return Branch(Thing(f"service-{service.uid}", said), tuple(slices))


def _slice(one: EndpointSlice, pods: dict[str, Thing]) -> Branch:
    """A slice and its endpoints; an address that belongs to no Pod shown here stands for itself."""
    lines = (f"EndpointSlice {one.name}", count(len(one.endpoints), "endpoint"))
    below = [
        Branch(
            pods.get(end.pod_uid) or Thing(f"address-{end.address}", (f"address {end.address}",)),
            how=how_served(end),
        )
        for end in one.endpoints
    ]
    more = Thing(f"more-{one.uid}", (f"+{count(len(below) - _MOST, 'more endpoint')}",))
    few = (*below[:_MOST], *[Branch(more)] * (len(below) > _MOST))
    return Branch(Thing(f"slice-{one.uid}", lines), few)


def _listed(branch: Branch, depth: int = 0) -> Iterator[str]:
    name, *more = branch.thing.lines
    said = "; ".join(more) if branch.how is None else _SAID[branch.how]
    yield f"{'  ' * depth}{name}{f': {said}' if said else ''}"
    for one in branch.below:
        yield from _listed(one, depth + 1)


def _describe(branch: Branch, nodes: dict[str, str], edges: dict[str, None]) -> None:
    """Add a branch's nodes and edges to those of the graph; a Pod may hang on two."""
    thing = branch.thing
    label = "".join(escaped(line) + r"\l" for line in thing.lines)
    look = {
        "label": label,
        "id": safe_id(thing.id),
        "style": f"rounded,{thing.frame.dash}",
        "color": thing.frame.stroke,
        "penwidth": f"{thing.frame.pen:g}",
        "tooltip": escaped(thing.lines[0]),
    }
    nodes.setdefault(thing.id, f"  {quoted(thing.id)} [{attributes(look)}]\n")
    for one in branch.below:
        look = {"color": GREY} if one.how is None else {"color": BLUE, "style": _LINES[one.how]}
        edges[f"  {quoted(thing.id)} -> {quoted(one.thing.id)} [{attributes(look)}]\n"] = None
        _describe(one, nodes, edges)
