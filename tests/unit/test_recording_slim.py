"""A recording keeps what a State is read from: all of it, nothing else, and no secret."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from nodebynode.errors import BadInput
from nodebynode.recording.slim import PLURALS, slim
from nodebynode.state import State, parse_state

from .api_objects import BEGAN, SECRET, Json, Maker

Path = tuple[str, ...]
MAKE = Maker()
COST = "controller.kubernetes.io/pod-deletion-cost"
DEPLOYMENT = MAKE.deployment(3)
REPLICASET = {
    **MAKE.replicaset(DEPLOYMENT, 1, 3),
    "status": {"replicas": 3, "readyReplicas": 3, "availableReplicas": 2},
}


def changed(obj: Json, **parts: Json) -> Json:
    """A copy with some fields of its parts given anew."""
    new = copy.deepcopy(obj)
    for part, fields in parts.items():
        new.setdefault(part, {}).update(fields)
    return new


def run(state: Json, *, ready: bool = False, **more: Any) -> Json:
    return {**MAKE.container_status(state, ready=ready), **more}


def pods() -> list[Json]:
    pod = changed(MAKE.pod(REPLICASET), spec={"nodeName": "nodebynode-worker"})
    scheduled = MAKE.condition("PodScheduled", True)
    ready = [MAKE.condition(one, True) for one in ("Initialized", "Ready")]
    running = run({"running": {"startedAt": MAKE.stamp()}}, ready=True, restartCount=3)
    nowhere = MAKE.condition("PodScheduled", False, reason="Unschedulable", message="0/4 nodes")
    gated = MAKE.condition("PodScheduled", False, reason="SchedulingGated")
    evicted = MAKE.condition("DisruptionTarget", True, reason="EvictionByEvictionAPI")
    inits = [
        {"name": "log", "image": "log:1", "restartPolicy": "Always", "env": [{"value": SECRET}]},
        {"name": "setup", "image": "setup:1", "resources": {"requests": {"cpu": "2"}}},
    ]
    log = run({"running": {}}, ready=True, name="log", restartCount=1, started=True)
    failed = run({"terminated": {"exitCode": 3}}, name="setup", restartCount=2)
    leaving = {"deletionTimestamp": MAKE.stamp(30), "deletionGracePeriodSeconds": 30}
    return [
        pod,
        changed(pod, status={"conditions": [nowhere]}),
        changed(pod, status={"conditions": [gated]}),
        changed(pod, status={"conditions": [evicted]}),
        changed(
            pod,
            status={
                "phase": "Running",
                "conditions": [*ready, scheduled],
                "containerStatuses": [running],
            },
        ),
        changed(pod, status={"containerStatuses": [run({"waiting": {"reason": "ErrImagePull"}})]}),
        changed(
            pod,
            status={"containerStatuses": [run({"terminated": {"reason": "Error", "exitCode": 1}})]},
        ),
        changed(pod, status={"containerStatuses": [run({"terminated": {"signal": 9}})]}),
        changed(pod, status={"containerStatuses": [run({"terminated": {"exitCode": 7}})]}),
        changed(pod, status={"phase": "Failed", "reason": "Evicted"}),
        changed(pod, metadata=leaving, status={"phase": "Running"}),
        changed(pod, metadata={"annotations": {COST: "-100", "secret": SECRET}}),
        changed(
            pod,
            spec={"initContainers": inits, "overhead": {"cpu": "10m"}},
            status={"initContainerStatuses": [log, failed]},
        ),
        changed(
            pod,
            spec={"initContainers": inits, "resources": {"requests": {"cpu": "3"}}},
            status={
                "phase": "Running",
                "conditions": ready,
                "initContainerStatuses": [log, failed],
                "containerStatuses": [running],
            },
        ),
    ]


def nodes() -> list[Json]:
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "value": "x"}
    role = {"node-role.kubernetes.io/control-plane": "", "secret": SECRET}
    control = changed(MAKE.node(2), metadata={"labels": role})
    return [
        MAKE.node(1),
        control,
        changed(MAKE.node(3), spec={"unschedulable": True, "taints": [taint]}),
    ]


def deployments() -> list[Json]:
    fixed = {"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 1}}
    recreate = {"paused": True, "strategy": {"type": "Recreate"}, "replicas": 0}
    return [
        changed(DEPLOYMENT, spec={"strategy": fixed}),
        changed(DEPLOYMENT, spec=recreate, status={"observedGeneration": 0}),
    ]


def services() -> list[Json]:
    pending = {"loadBalancer": {}}
    cloud = {"loadBalancer": {"ingress": [{"hostname": "shop.example"}]}}
    service = MAKE.service()
    return [service, {**service, "status": pending}, {**service, "status": cloud}]


def slices() -> list[Json]:
    pod = pods()[0]
    leaving = MAKE.endpoint(pod, ready=False, terminating=True)
    unknown = {"addresses": ["10.244.1.9"], "conditions": {}}
    no_longer = {**unknown, "conditions": {"ready": False, "serving": False}}
    one = MAKE.endpointslice([MAKE.endpoint(pod, ready=True), leaving, unknown, no_longer])
    return [one, {**one, "endpoints": None}]


def budgets() -> list[Json]:
    expressions = [{"key": "app", "operator": "In", "values": ["shop", "cart"]}]
    budget = MAKE.budget()
    fewest = {"minAvailable": "50%", "selector": {"matchExpressions": expressions}}
    return [budget, {**budget, "spec": fewest}, {**budget, "spec": {}}]


def events() -> list[Json]:
    about = pods()[0]
    old = MAKE.event(about, "Scheduled", "Successfully assigned", "default-scheduler")
    new = {
        **old,
        "count": None,
        "firstTimestamp": None,
        "lastTimestamp": None,
        "eventTime": "2026-01-02T14:02:07.123456Z",
        "source": {},
    }
    return [
        old,
        new,
        {**new, "series": {"count": 4, "lastObservedTime": "2026-01-02T14:03:00.000001Z"}},
        {**old, "count": 7, "lastTimestamp": MAKE.stamp(60)},
        {**new, "eventTime": None},
    ]


VARIANTS = {
    "nodes": nodes(),
    "deployments": deployments(),
    "replicasets": [REPLICASET],
    "pods": pods(),
    "services": services(),
    "endpointslices": slices(),
    "poddisruptionbudgets": budgets(),
    "events": events(),
}
WRONG = (KeyError, TypeError, AttributeError, ValueError, BadInput)


def parsed(plural: str, obj: Json) -> State | None:
    """What is read of one object; None where the API would never send such an object."""
    try:
        return parse_state({plural: [obj]}, at=BEGAN)
    except WRONG:
        return None


def paths(value: object, above: Path = ()) -> Iterator[Path]:
    """The paths of every field; all items of a list are under `[]`."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield (*above, key)
            yield from paths(part, (*above, key))
    elif isinstance(value, list):
        for item in value:
            yield from paths(item, (*above, "[]"))


def without(value: object, path: Path, instead: object = ...) -> object:
    """A copy without the field at a path, or with something else in its place."""
    head, *rest = path
    if isinstance(value, list):
        return [without(item, tuple(rest), instead) for item in value]
    if not isinstance(value, dict) or head not in value:
        return value
    if rest:
        return {**value, head: without(value[head], tuple(rest), instead)}
    kept = {key: part for key, part in value.items() if key != head}
    return kept if instead is ... else {**kept, head: instead}


def test_every_kind_of_a_state_has_its_variants() -> None:
    assert set(VARIANTS) == set(PLURALS)
    for plural, variants in VARIANTS.items():
        assert all(parsed(plural, variant) for variant in variants), plural


@settings(max_examples=400)
@given(st.data())
def test_a_slim_object_is_read_like_a_whole_one(data: st.DataObject) -> None:
    plural = data.draw(st.sampled_from(sorted(VARIANTS)))
    obj: Any = data.draw(st.sampled_from(VARIANTS[plural]))
    for _ in range(data.draw(st.integers(0, 4))):
        path = data.draw(st.sampled_from(sorted({*paths(obj)} - {("metadata",)})))
        obj = without(obj, path)
    expected = parsed(plural, obj)
    assume(expected is not None)
    assert parsed(plural, json.loads(json.dumps(slim(plural, obj)))) == expected


@given(st.data())
def test_what_the_api_leaves_null_is_read_as_if_it_were_not_there(data: st.DataObject) -> None:
    plural = data.draw(st.sampled_from(sorted(VARIANTS)))
    obj = data.draw(st.sampled_from(VARIANTS[plural]))
    lists = {path for path in paths(obj) if isinstance(_at(obj, path), list)}
    assume(lists)
    nulled: Any = without(obj, data.draw(st.sampled_from(sorted(lists))), None)
    small = slim(plural, nulled)
    assert "null" not in json.dumps(small)
    assert parsed(plural, dict(small)) == parsed(plural, nulled)


def _at(value: Any, path: Path) -> object:
    for key in path:
        if key == "[]":
            return None
        value = value[key]
    return value


@pytest.mark.parametrize("plural", PLURALS)
def test_nothing_is_kept_that_no_state_needs(plural: str) -> None:
    small: list[Any] = [slim(plural, obj) for obj in VARIANTS[plural]]
    identity = ("metadata", "uid")  # a State has no use for a node's, but a recording has
    for path in sorted({path for one in small for path in paths(one)} - {identity}):
        assert any(parsed(plural, without(one, path)) != parsed(plural, one) for one in small), path


@pytest.mark.parametrize("plural", PLURALS)
def test_nothing_secret_is_kept(plural: str) -> None:
    whole = json.dumps(VARIANTS[plural])
    small = json.dumps([slim(plural, obj) for obj in VARIANTS[plural]])
    assert SECRET in whole
    assert SECRET not in small


def test_of_annotations_the_revision_and_the_deletion_cost_alone_are_kept() -> None:
    small = slim("replicasets", REPLICASET)
    assert small["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "1"}
    kept = [slim("pods", pod)["metadata"].get("annotations") for pod in pods()]
    assert [one for one in kept if one] == [{COST: "-100"}]
