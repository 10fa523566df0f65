"""Who gets traffic: what stands on its rail, which nodes serve, and what a Service has."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from nodebynode.state import Pod, State
from nodebynode.view import Box, Scene, compose
from nodebynode.view.services import traffic_of

from tests.unit.instants import crowd
from tests.unit.states import (
    AT,
    CONTROL,
    NODES,
    OLD,
    a_budget,
    a_node,
    a_pod,
    a_service,
    a_slice,
    an_endpoint,
    boxes,
    in_service,
    leaving,
    rollout,
    said,
    spread,
    words_of,
)


def feet(box: Box) -> list[tuple[float, float, float, float]]:
    """The lines of a Pod that lie below its box."""
    return [line for stroke in box.strokes for line in stroke.lines if line[1] >= box.bottom]


def pods_by_name(scene: Scene) -> dict[str, Box]:
    return {box.key.rpartition("-")[2]: box for box in boxes(scene, "pod")}


@pytest.mark.parametrize("size", ["full", "compact"])
def test_a_pod_in_service_stands_on_its_rail(size: str) -> None:
    scene = compose(in_service(rollout()), size=size)
    pods = pods_by_name(scene)
    ((_, top, _, bottom),) = feet(pods["x2k8p"])
    rails = {
        y for node in boxes(scene, "node") for stroke in node.strokes for _, y, _, _ in stroke.lines
    }
    assert top == pods["x2k8p"].bottom
    assert min(abs(bottom - rail) for rail in rails) <= 1
    assert pods["x2k8p"].kind == "pod ready serving"
    assert len(feet(pods["c5rt9"])) > 1, "dotted: it only finishes"
    assert pods["c5rt9"].kind == "pod leaving finishing"
    assert feet(pods["zz4hh"]) == []
    assert pods["zz4hh"].kind == "pod unready"


def test_a_line_leads_from_each_node_that_serves() -> None:
    state = in_service(rollout())
    links = {link.tail: link for link in compose(state).links if link.kind != "owns"}
    assert {tail: (link.kind, link.dash) for tail, link in links.items()} == {
        "node/worker": ("serving", "solid"),
        "node/worker2": ("finishing", "dotted"),
        "node/worker3": ("serving", "solid"),
    }
    assert {link.head for link in links.values()} == {"service/default/shop"}
    assert links["node/worker2"].tooltip == "worker2 only finishes requests"


def test_without_services_nothing_speaks_of_them() -> None:
    scene = compose(rollout())
    assert "Service" not in said(scene)
    assert not any(box.strokes for box in boxes(scene, "node"))
    assert [link.kind for link in scene.links] == ["owns", "owns"]
    assert not any(map(feet, boxes(scene, "pod")))


def test_where_the_last_service_has_gone_its_room_stays() -> None:
    before = compose(in_service(rollout()))
    after = compose(rollout(), before=before)
    assert words_of(boxes(after, "services")[0]) == "No Service"
    assert pods_by_name(after)["x2k8p"].y == pods_by_name(before)["x2k8p"].y


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (in_service(spread()), "3 ready endpoints Pods with app=shop"),
        (in_service(rollout()), "3 ready endpoints, 1 finishing, 1 not ready"),
        (in_service(spread(), address=""), "shop address <pending>"),
        (in_service(spread(), address="10.0.0.7"), "Service LoadBalancer shop address 10.0.0.7"),
        (
            replace(spread(), services=(a_service(type_="NodePort"),)),
            "shop node port 30080 0 ready endpoints",
        ),
        (
            replace(spread(), services=(replace(a_service(type_="ClusterIP"), selector={}),)),
            "selects no Pods by itself",
        ),
    ],
)
def test_a_service_says_what_it_has(state: State, words: str) -> None:
    (box,) = boxes(compose(state), "service")
    texts = [[*row.left, *([row.right] if row.right else [])] for row in box.rows]
    assert words in " ".join(text.words for row in texts for text in row if text.words)


def test_of_several_services_each_says_which_pods_count() -> None:
    names = ["shop", "cart", "mail", "auth", "blog", "wiki", "chat"]
    services = tuple(a_service(name, type_="ClusterIP") for name in names)
    slices = (a_slice(an_endpoint(a_pod(f"{OLD}-x2k8p"))),)
    scene = compose(replace(spread(), services=services, slices=slices))
    drawn = boxes(scene, "service")
    assert len(drawn) == 6
    assert all(f"Pods with app={box.key.rpartition('/')[2]}" in words_of(box) for box in drawn)
    (area,) = boxes(scene, "services")
    assert words_of(area) == "+1 more Service: see the table"
    assert all(area.x < box.x and box.right < area.right for box in drawn)
    assert {link.head for link in scene.links if link.kind == "serving"} == {"services"}


def test_an_endpoint_that_is_ready_anywhere_is_serving() -> None:
    pod = leaving(a_pod("p"), 9)
    both = (a_service("a"), a_service("b"))
    slices = (
        a_slice(an_endpoint(pod), service="a"),
        a_slice(replace(an_endpoint(pod), ready=True), service="b"),
    )
    for services in (both, both[::-1]):
        traffic = traffic_of(State(AT, NODES, (pod,), services=services, slices=slices))
        assert (traffic.pods, traffic.nodes) == ({pod.uid: "serving"}, {"worker": "serving"})


def test_an_endpoint_without_its_nodes_name_is_found_by_its_pod() -> None:
    end = replace(an_endpoint(a_pod("p")), node="")
    state = State(AT, NODES, (a_pod("p"),), services=(a_service(),), slices=(a_slice(end),))
    assert traffic_of(state).nodes == {"worker": "serving"}


def on_control_plane() -> State:
    pods: list[Pod] = [a_pod("p", CONTROL.name), a_pod("q")]
    second = replace(CONTROL, name="second-control-plane")
    nodes = (CONTROL, second, *(a_node(f"worker{i}") for i in range(7)))
    return in_service(State(AT, nodes, (*pods, a_pod("r", second.name), a_pod("s", "worker3"))))


@pytest.mark.parametrize(
    "state", [crowd(200, 10), crowd(400, 30), on_control_plane()], ids=["ten", "thirty", "control"]
)
def test_no_line_crosses_a_node(state: State) -> None:
    scene = compose(state)
    nodes = boxes(scene, "node")
    links = [link for link in scene.links if link.kind != "owns"]
    assert len(links) == len({link.tail for link in links}) > 2
    for link in links:
        assert link.path[0][0] >= 0
        for (x, y), (to_x, to_y) in itertools.pairwise(link.path):
            for node in nodes:
                beside = max(x, to_x) <= node.x or min(x, to_x) >= node.right
                assert beside or max(y, to_y) <= node.y or min(y, to_y) >= node.bottom, link


def test_a_leaving_pod_has_marks_that_no_other_has() -> None:
    def slanted(box: Box) -> int:
        return sum(x != to_x and y != to_y for s in box.strokes for x, y, to_x, to_y in s.lines)

    for size in ("full", "compact", "bars"):
        marked = {
            box.kind.split()[1]
            for box in boxes(compose(rollout(), size=size), "pod")
            if slanted(box)
        }
        assert marked == {"leaving"}


def test_services_that_choose_no_pods_come_last() -> None:
    """The API server's own is one of them, and it is in every cluster."""
    own = replace(a_service("kubernetes", type_="ClusterIP"), selector={})
    scene = compose(replace(spread(), services=(own, a_service())))
    assert [box.key for box in boxes(scene, "service")] == [
        "service/default/shop",
        "service/default/kubernetes",
    ]


# Budgets


def test_a_budget_says_what_it_leaves() -> None:
    state = replace(spread(), budgets=(a_budget(1), replace(a_budget(0, healthy=2), uid="b")))
    left, none = boxes(compose(state), "budget")
    assert words_of(left) == "Budget minAvailable 2 shop: 1 more may leave 3 healthy, 2 needed"
    assert "shop: none may leave 2 healthy, 2 needed" in words_of(none)


def test_many_budgets_are_counted() -> None:
    budgets = tuple(replace(a_budget(1), uid=f"b{i}", name=f"b{i}") for i in range(5))
    scene = compose(replace(spread(), budgets=budgets))
    assert len(boxes(scene, "budget")) == 3
    assert "+2 more budgets see the table" in said(scene)


def test_restarts_are_told_where_the_reason_takes_two_lines_too() -> None:
    loops = replace(a_pod("p", ready=False), reason="CrashLoopBackOff", restarts=4)
    pods = (loops, replace(a_pod("q"), restarts=1))
    one, two = boxes(compose(State(AT, NODES, pods)), "pod")
    assert words_of(one) == "▲ p v1 · 0/1 ↻ 4 CrashLoop BackOff"
    assert words_of(two) == "● q v1 · 1/1 ready 1 restart"
