"""Who gets traffic: a box for each Service, and a line to it from each node that serves.

Lines from a Service to each Pod would cross. So a Pod in service stands on the rail of its node,
and one line leads from the node to the Services.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from nodebynode.phrases import count
from nodebynode.state import Endpoint, Service, State, endpoints_of
from nodebynode.view.colours import BLUE, FAINT, GREY, INK
from nodebynode.view.places import Grid
from nodebynode.view.shapes import Box, Frame, Link, Row, Text, safe_id

_MOST = 6
_LEAST = 200
_HIGH = 88
_LEGEND = "A Pod on its rail by a full line is a ready endpoint; by a dotted one it only finishes."


@dataclass(frozen=True, slots=True)
class Traffic:
    """How each Pod (by UID) and each node (by name) is in service: `serving` or `finishing`."""

    pods: Mapping[str, str]
    nodes: Mapping[str, str]


def how_served(endpoint: Endpoint) -> str:
    """`serving` when it is ready, `finishing` when it serves while terminating, else nothing.

    Source: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions
    """
    if endpoint.ready:
        return "serving"
    return "finishing" if endpoint.serving and endpoint.terminating else ""


def traffic_of(state: State) -> Traffic:
    """What the Services' slices say of Pods and nodes; one that serves any Service is serving."""
    homes = {pod.uid: pod.node or "" for pod in state.pods}
    pods, nodes = dict[str, str](), dict[str, str]()
    for service in state.services:
        for endpoint in endpoints_of(state, service):
            how, uid = how_served(endpoint), endpoint.pod_uid
            for known, name in ((pods, uid), (nodes, endpoint.node or homes.get(uid, ""))):
                if how and name and known.get(name) != "serving":
                    known[name] = how
    return Traffic(pods, nodes)


def endpoint_words(endpoints: Iterable[Endpoint]) -> str:
    """`3 ready endpoints, 1 finishing`: what a Service has, in words."""
    found = [how_served(one) for one in endpoints]
    words = [count(found.count("serving"), "ready endpoint")]
    words += [f"{n} finishing"] if (n := found.count("finishing")) else []
    return ", ".join(words + ([f"{n} not ready"] if (n := found.count("")) else []))


def address_words(service: Service) -> str:
    """Where a Service is reached from outside the cluster; `<pending>` as kubectl says it."""
    if service.pending:
        return "address <pending>"
    if service.addresses:
        return f"address {', '.join(service.addresses)}"
    if service.type == "NodePort":
        return f"node port {', '.join(map(str, service.node_ports))}"
    return ""


def selector_words(service: Service) -> str:
    """Which Pods count for a Service."""
    labels = (f"{key}={value}" for key, value in sorted(service.selector.items()))
    return f"Pods with {', '.join(labels)}" if service.selector else "selects no Pods by itself"


def service_boxes(state: State, x: float, y: float, width: float, *, seen: bool) -> list[Box]:
    """A box for each Service, the first of them around all where there are several.

    Args:
        state: What is shown.
        x: The left edge, in points.
        y: The upper edge.
        width: What they take together.
        seen: Whether there have been Services; where these are gone, a box says so.
    """
    # Those that choose no Pods come last: the API server's own is in every cluster.
    services = sorted(state.services, key=lambda one: not one.selector)
    if not services:
        none = Box("services", "services", "services", x, y, width, 32, Frame(GREY, dash="dashed"))
        return [none.saying(Row(16, (Text("No Service", 11, GREY),)))] * seen
    if len(services) == 1:
        return [_box(state, services[0], (x, y, width, 68))]
    grid = Grid(x + 8, y + 8, width - 16, _LEAST, _HIGH)
    shown, more = services[:_MOST], len(services) - _MOST
    deep = 8 + grid.depth(grid.rows(len(shown)))
    note = Row(16, (Text(f"+{count(more, 'more Service')}: see the table", 11, GREY),))
    frame = Frame(FAINT, "none")
    area = Box("services", "services", "services", x, y, width, deep, frame, tooltip=_LEGEND)
    if more > 0:
        area = replace(area, height=deep + 20, top=deep).saying(note)
    return [area, *(_box(state, one, grid.place(slot)) for slot, one in enumerate(shown))]


def _box(state: State, service: Service, place: tuple[float, float, float, float]) -> Box:
    box = Box(
        f"service/{service.namespace}/{service.name}",
        f"service-{safe_id(service.uid)}",
        f"service{' pending' * service.pending}",
        *place,
        frame=Frame(GREY),
        tooltip=f"Service {service.name}: {selector_words(service)}. {_LEGEND}",
    )
    return box.saying(*_rows(service, endpoint_words(endpoints_of(state, service)), place[3]))


def _rows(service: Service, endpoints: str, height: float) -> Iterator[Row]:
    """Three rows in a wide box; a narrow one has the Pods that count in a row of their own."""
    yield Row(15, (Text("Service", ink=GREY),), Text(service.type, 10.5, GREY))
    where = Text(address_words(service), 10.5, INK, bold=service.pending)
    yield Row(20, (Text(service.name, 14, bold=True),), where)
    counts, pods = Text(endpoints, 10.5), Text(selector_words(service), 10.5, GREY)
    if height < _HIGH:
        yield Row(16, (counts,), pods)
    else:
        yield from (Row(16, (counts,)), Row(15, (pods,)))


def ways(traffic: Traffic, nodes: Iterable[Box], area: Box) -> Iterator[Link]:
    """A line from each node that serves to the Services, full while any endpoint there is ready.

    Args:
        traffic: What the Services' slices say.
        nodes: The boxes of the nodes; those above the Services that have others below them go
            round these, through the gap at their left.
        area: The box of the Services, or the one around them.
    """
    boxes = {box.key.removeprefix("node/"): box for box in nodes}
    lowest = max((box.bottom for box in boxes.values() if box.y < area.y), default=0)
    for name, box in boxes.items():
        how = traffic.nodes.get(name)
        if how is None:
            continue
        full, path = how == "serving", tuple(_way(box, area, lowest))
        yield Link(
            f"traffic-{safe_id(name)}",
            box.key,
            area.key,
            path,
            kind=how,
            ink=BLUE,
            pen=2.4 if len(path) == 2 else 1.6,
            dash="solid" if full else "dotted",
            tooltip=f"{name} {'has ready endpoints' if full else 'only finishes requests'}",
        )


def _way(box: Box, area: Box, lowest: float) -> Iterator[tuple[float, float]]:
    if box.y < area.y and box.bottom > lowest - 1:
        yield from ((box.x + box.width / 2, y) for y in (box.bottom, area.y))
        return
    x, middle = box.x - 6, min(box.bottom - 14, box.y + box.height / 2 + 40)
    end = area.y + 14 if box.y < area.y else area.bottom - 14
    yield from ((box.x, middle), (x, middle))
    yield from [(x, area.y)] if area.x < x else [(x, end), (area.x, end)]
