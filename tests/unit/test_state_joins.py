"""Services and their endpoints, budgets and their Pods, Events; and a State built bit by bit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodebynode.errors import BadInput
from nodebynode.state import (
    Pod,
    Requirement,
    Selector,
    State,
    StateBuilder,
    budgets_of,
    endpoints_of,
    events_about,
    in_namespace,
    parse_state,
)

from .api_objects import Maker

AT = datetime(2026, 1, 2, 14, 2, 7, tzinfo=UTC)
Json = dict[str, Any]


def named(name: str, namespace: str = "default", **meta: Any) -> Json:
    return {"name": name, "namespace": namespace, "uid": f"uid-{namespace}-{name}", **meta}


def only(plural: str, field: str, obj: Json) -> Any:
    (one,) = getattr(parse_state({plural: [obj]}, at=AT), field)
    return one


# ── Services and endpoints ───────────────────────────────────────────────────────────────────


def a_service(name: str = "shop", namespace: str = "default", **parts: Json) -> Json:
    return {"metadata": named(name, namespace), **parts}


@pytest.mark.parametrize(
    ("type_", "ingress", "addresses", "pending"),
    [
        ("LoadBalancer", None, (), True),
        ("LoadBalancer", [], (), True),
        ("LoadBalancer", [{"ip": "127.0.0.1"}], ("127.0.0.1",), False),
        ("LoadBalancer", [{"hostname": "shop.example"}], ("shop.example",), False),
        ("NodePort", None, (), False),
    ],
)
def test_a_load_balancer_is_pending_until_it_has_an_address(
    type_: str, ingress: list[Json] | None, addresses: tuple[str, ...], pending: bool
) -> None:
    status = {"loadBalancer": {"ingress": ingress}}
    service = only("services", "services", a_service(spec={"type": type_}, status=status))
    assert (service.addresses, service.pending) == (addresses, pending)


def test_a_service_leaves_things_out() -> None:
    ports = [{"port": 80, "nodePort": 30080}, {"port": 81}]
    full = {"selector": {"app": "shop"}, "ports": ports}
    service = only("services", "services", a_service(spec=full))
    assert (service.type, service.node_ports) == ("ClusterIP", (30080,))
    assert service.selector == {"app": "shop"}
    assert only("services", "services", a_service()).selector == {}


def a_slice(name: str, *endpoints: Json, service: str = "shop", namespace: str = "default") -> Json:
    labels = {"kubernetes.io/service-name": service} if service else {}
    return {
        "metadata": named(name, namespace, labels=labels),
        "endpoints": list(endpoints) or None,
    }


def an_endpoint(address: str, conditions: Json | None = None, **more: Any) -> Json:
    return {"addresses": [address], "conditions": conditions or {}, **more}


@pytest.mark.parametrize(
    ("conditions", "ready", "serving", "terminating"),
    [
        ({}, True, True, False),
        ({"ready": None, "serving": None, "terminating": None}, True, True, False),
        ({"ready": True, "serving": True, "terminating": False}, True, True, False),
        ({"ready": False}, False, False, False),
        ({"ready": False, "serving": True, "terminating": True}, False, True, True),
        ({"ready": False, "serving": False, "terminating": True}, False, False, True),
    ],
)
def test_what_an_endpoint_leaves_out_is_well(
    conditions: Json, ready: bool, serving: bool, terminating: bool
) -> None:
    (one,) = only("endpointslices", "slices", a_slice("a", an_endpoint("1", conditions))).endpoints
    assert (one.ready, one.serving, one.terminating) == (ready, serving, terminating)


def test_an_endpoint_leads_to_its_pod() -> None:
    pod = {"kind": "Pod", "uid": "p-1"}
    other = {"kind": "Machine", "uid": "m-1"}
    raw = a_slice(
        "a",
        an_endpoint("10.244.1.2", targetRef=pod, nodeName="worker"),
        an_endpoint("10.244.1.3", targetRef=other),
        an_endpoint("10.244.1.4"),
    )
    found = only("endpointslices", "slices", raw).endpoints
    assert [(one.address, one.pod_uid, one.node) for one in found] == [
        ("10.244.1.2", "p-1", "worker"),
        ("10.244.1.3", "", ""),
        ("10.244.1.4", "", ""),
    ]


def test_the_endpoints_of_a_service_are_those_of_all_its_slices() -> None:
    slices = [
        a_slice("a", an_endpoint("1"), an_endpoint("2")),
        a_slice("b", an_endpoint("2"), an_endpoint("3")),  # moved from one slice to the other
        a_slice("c", an_endpoint("4"), service="cart"),
        a_slice("d", an_endpoint("5"), namespace="other"),
        a_slice("e", an_endpoint("6"), service=""),
        a_slice("f"),
    ]
    state = parse_state({"services": [a_service()], "endpointslices": slices}, at=AT)
    assert [one.address for one in endpoints_of(state, state.services[0])] == ["1", "2", "3"]


# ── selectors and budgets ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("operator", "values", "labels", "holds"),
    [
        ("In", ("a", "b"), {"app": "b"}, True),
        ("In", ("a", "b"), {"app": "c"}, False),
        ("In", ("a", "b"), {}, False),
        ("NotIn", ("a", "b"), {"app": "a"}, False),
        ("NotIn", ("a", "b"), {"app": "c"}, True),
        ("NotIn", ("a", "b"), {}, True),
        ("Exists", (), {"app": ""}, True),
        ("Exists", (), {}, False),
        ("DoesNotExist", (), {"app": ""}, False),
        ("DoesNotExist", (), {}, True),
    ],
)
def test_a_requirement(
    operator: str, values: tuple[str, ...], labels: dict[str, str], holds: bool
) -> None:
    assert Requirement("app", operator, values).holds(labels) is holds


def test_a_selector_wants_all_its_requirements() -> None:
    app, tier = Requirement("app", "In", ("shop",)), Requirement("tier", "Exists")
    both = Selector((app, tier))
    assert both.matches({"app": "shop", "tier": "web"})
    assert not both.matches({"app": "shop"})


def test_an_empty_selector_takes_all_and_a_missing_one_nothing() -> None:
    assert Selector(()).matches({})
    assert not Selector(None).matches({"app": "shop"})


def a_budget(name: str = "shop", namespace: str = "default", **spec: Any) -> Json:
    return {"metadata": named(name, namespace), "spec": spec}


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        ({"minAvailable": 2}, "minAvailable 2"),
        ({"minAvailable": "50%"}, "minAvailable 50%"),
        ({"maxUnavailable": 0}, "maxUnavailable 0"),
        ({}, "minAvailable 1"),
    ],
)
def test_the_rule_of_a_budget(spec: Json, rule: str) -> None:
    assert only("poddisruptionbudgets", "budgets", a_budget(**spec)).rule == rule


def test_a_budget_counts_as_its_status_does() -> None:
    counts = {
        "disruptionsAllowed": 1, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 4,
    }  # fmt: skip
    budget = only("poddisruptionbudgets", "budgets", {**a_budget(), "status": counts})
    assert (budget.allowed, budget.healthy, budget.desired, budget.expected) == (1, 3, 2, 4)
    assert only("poddisruptionbudgets", "budgets", a_budget()).allowed == 0


def test_the_budgets_of_a_pod() -> None:
    by_label = {"matchLabels": {"app": "shop"}}
    by_expression = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["shop"]}]}
    other = {"matchLabels": {"app": "cart"}}
    budgets = [
        a_budget("expression", selector=by_expression),
        a_budget("label", selector=by_label),
        a_budget("all", selector={}),
        a_budget("none"),
        a_budget("cart", selector=other),
        a_budget("elsewhere", "other", selector=by_label),
    ]
    pods = [{"metadata": named("shop-1", labels={"app": "shop"})}]
    state = parse_state({"poddisruptionbudgets": budgets, "pods": pods}, at=AT)
    found = [budget.name for budget in budgets_of(state, state.pods[0])]
    assert found == ["all", "expression", "label"]


# ── Events ───────────────────────────────────────────────────────────────────────────────────


def an_event(uid: str, about: str = "p-1", **parts: Any) -> Json:
    meta = {"uid": uid, "namespace": "default"}
    return {"metadata": meta, "involvedObject": {"uid": about}, **parts}


def test_events_are_told_by_their_last_time() -> None:
    events = [
        an_event(
            "late", firstTimestamp="2026-01-02T14:00:00Z", lastTimestamp="2026-01-02T14:09:00Z"
        ),
        an_event("never"),
        an_event("new", eventTime="2026-01-02T14:05:00.250000Z"),
        an_event("other", about="p-2", firstTimestamp="2026-01-02T14:01:00Z"),
        an_event("early", firstTimestamp="2026-01-02T14:02:00Z"),
    ]
    state = parse_state({"events": events}, at=AT)
    assert [one.uid for one in state.events] == ["never", "other", "early", "new", "late"]
    assert [one.uid for one in events_about(state, "p-1")] == ["never", "early", "new", "late"]
    assert events_about(state, "") == ()


@pytest.mark.parametrize(
    ("parts", "count", "source"),
    [
        ({"count": 3, "source": {"component": "kubelet"}}, 3, "kubelet"),
        ({"series": {"count": 4}, "count": 3, "reportingComponent": "new"}, 4, "new"),
        ({"count": None, "source": {}}, 1, ""),
    ],
)
def test_an_event_in_its_older_and_newer_fields(parts: Json, count: int, source: str) -> None:
    event = only("events", "events", an_event("e", **parts))
    assert (event.count, event.source) == (count, source)


def test_the_last_of_a_series_is_when_it_was_seen_last() -> None:
    series = {"count": 2, "lastObservedTime": "2026-01-02T14:09:00.500000Z"}
    event = only(
        "events", "events", an_event("e", eventTime="2026-01-02T14:05:00.000000Z", series=series)
    )
    assert event.first == datetime(2026, 1, 2, 14, 5, tzinfo=UTC)
    assert event.last == datetime(2026, 1, 2, 14, 9, 0, 500_000, tzinfo=UTC)


# ── all kinds ────────────────────────────────────────────────────────────────────────────────


def a_world(make: Maker) -> dict[str, list[Json]]:
    deployment = make.deployment(3)
    replicaset = make.replicaset(deployment, 1, 3)
    pods = [make.pod(replicaset) for _ in range(3)]
    for pod in pods:
        pod["spec"]["nodeName"] = "nodebynode-worker"
    return {
        "nodes": [make.node(number) for number in (10, 2, 1)],
        "deployments": [deployment],
        "replicasets": [replicaset],
        "pods": pods,
        "services": [make.service()],
        "endpointslices": [make.endpointslice([make.endpoint(pod, ready=True) for pod in pods])],
        "poddisruptionbudgets": [make.budget()],
        "events": [make.event(pod, "Scheduled", "…", "default-scheduler") for pod in pods],
    }


def test_one_namespace_is_a_part_of_every_kind_but_nodes() -> None:
    state = parse_state(a_world(Maker()), at=AT)
    assert in_namespace(state, "default") == in_namespace(state, None) == state
    assert in_namespace(state, "other") == State(AT, nodes=state.nodes)


def test_nodes_that_count_alike_stand_by_name() -> None:
    nodes = [{"metadata": {"name": name}} for name in ("worker1", "worker01", "worker2")]
    state = parse_state({"nodes": nodes}, at=AT)
    assert [node.name for node in state.nodes] == ["worker01", "worker1", "worker2"]


DEEDS = st.lists(st.tuples(st.booleans(), st.integers(0, 14), st.integers(0, 9)), max_size=40)


@given(DEEDS)
def test_a_state_built_bit_by_bit_is_the_same(deeds: list[tuple[bool, int, int]]) -> None:
    make, building = Maker(), StateBuilder()
    objects = [(plural, one) for plural, those in a_world(make).items() for one in those]
    known: dict[str, tuple[str, Json]] = {}
    for comes, place, minute in deeds:
        plural, obj = objects[place % len(objects)]
        uid = obj["metadata"]["uid"]
        if comes:
            obj = {**obj, "lastTimestamp": f"2026-01-02T14:0{minute}:00Z"}
            known[uid] = plural, obj
            building.put(plural, obj)
        else:
            known.pop(uid, None)
            building.remove(plural, uid)
        kinds: dict[str, list[Json]] = {}
        for kind, one in known.values():
            kinds.setdefault(kind, []).append(one)
        assert building.state(AT) == parse_state(kinds, at=AT)


def test_what_has_not_changed_is_not_read_again() -> None:
    make, building = Maker(), StateBuilder()
    for plural, those in a_world(make).items():
        for one in those:
            building.put(plural, one)
    before: tuple[Pod, ...] = building.state(AT).pods
    building.put("nodes", make.node(7))
    assert building.state(AT).pods is before


def test_what_cannot_be_read_is_refused_at_once() -> None:
    wrong = {"metadata": named("p"), "spec": {"overhead": {"cpu": "much"}}}
    with pytest.raises(BadInput, match="quantity"):
        StateBuilder().put("pods", wrong)
