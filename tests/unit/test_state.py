"""The State is what the API said: the printer's words, the controller's sums, joins by UID."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from nodebynode.errors import BadInput
from nodebynode.state import (
    State,
    in_namespace,
    millicores,
    parse_quantity,
    parse_state,
    pods_of,
    pods_on,
    replicasets_of,
    requested_cpu,
    resolve_fenceposts,
    seconds_left,
    unassigned,
)

AT = datetime(2026, 1, 2, 14, 2, 7, tzinfo=UTC)
Json = dict[str, Any]


def a_pod(name: str = "shop-66944cdf98-x2k8p", *, owner: str = "", **parts: Json) -> Json:
    meta = {"name": name, "namespace": "default", "uid": f"uid-{name}", **parts.get("meta", {})}
    if owner:
        meta["ownerReferences"] = [{"uid": "other"}, {"uid": owner, "controller": True}]
    spec = {"containers": [{"name": "shop", "image": "localhost/shop:v1"}], **parts.get("spec", {})}
    return {"metadata": meta, "spec": spec, "status": parts.get("status", {})}


def running(*, ready: bool = True, name: str = "shop", restarts: int = 0) -> Json:
    state = {"running": {"startedAt": "2026-01-02T14:00:00Z"}}
    return {"name": name, "ready": ready, "restartCount": restarts, "state": state}


def waiting(reason: str, restarts: int = 0) -> Json:
    state = {"waiting": {"reason": reason}}
    return {"name": "shop", "ready": False, "restartCount": restarts, "state": state}


def ended(**how: Any) -> Json:
    return {"name": "shop", "ready": False, "restartCount": 0, "state": {"terminated": how}}


def only_pod(pod: Json) -> Any:
    return parse_state({"pods": [pod]}, at=AT).pods[0]


def status(*containers: Json, phase: str = "Running", **more: Any) -> Json:
    return {"phase": phase, "containerStatuses": list(containers), **more}


LEAVING = {"deletionTimestamp": "2026-01-02T14:02:11Z", "deletionGracePeriodSeconds": 30}
GATED = [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]
READY = [{"type": "Ready", "status": "True"}]
SIDECAR = {"initContainers": [{"name": "log", "restartPolicy": "Always"}, {"name": "setup"}]}
INIT = {"initContainers": [{"name": "setup"}, {"name": "more"}]}


def init(container: Json, **more: Any) -> Json:
    started = {**container, "name": "setup"}
    return {"phase": "Pending", "initContainerStatuses": [started], **more}


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        (a_pod(status={"phase": "Pending"}), "Pending"),
        (a_pod(status={"phase": "Pending", "conditions": GATED}), "SchedulingGated"),
        (a_pod(status=status(waiting("ContainerCreating"), phase="Pending")), "ContainerCreating"),
        (a_pod(status=status(waiting("ErrImagePull"), phase="Pending")), "ErrImagePull"),
        (a_pod(status=status(waiting("CrashLoopBackOff"))), "CrashLoopBackOff"),
        (a_pod(status=status(running())), "Running"),
        (a_pod(status=status(ended(reason="Error", exitCode=1), phase="Failed")), "Error"),
        (a_pod(status=status(ended(exitCode=3), phase="Failed")), "ExitCode:3"),
        (a_pod(status=status(ended(signal=9, exitCode=137), phase="Failed")), "Signal:9"),
        (a_pod(status=status(ended(reason="Completed"), phase="Succeeded")), "Completed"),
        (a_pod(status=status(ended(reason="Completed"), running())), "NotReady"),
        (a_pod(status=status(ended(reason="Completed"), running(), conditions=READY)), "Running"),
        # The first container in the list wins over later ones.
        (
            a_pod(status=status(waiting("ErrImagePull"), waiting("CrashLoopBackOff"))),
            "ErrImagePull",
        ),
        (a_pod(status={"phase": "Failed", "reason": "OutOfcpu"}), "OutOfcpu"),
        (a_pod(status={"phase": "Failed", "reason": "Evicted"}), "Evicted"),
        (a_pod(meta=LEAVING, status=status(running())), "Terminating"),
        (a_pod(meta=LEAVING, status=status(waiting("CrashLoopBackOff"))), "Terminating"),
        (a_pod(meta=LEAVING, status=status(running(), reason="NodeLost")), "Unknown"),
        (a_pod(meta=LEAVING, status={"phase": "Failed", "reason": "Evicted"}), "Evicted"),
        (a_pod(spec=INIT, status=init(running())), "Init:0/2"),
        (a_pod(spec=INIT, status=init(waiting("PodInitializing"))), "Init:0/2"),
        (a_pod(spec=INIT, status=init(waiting("CrashLoopBackOff"))), "Init:CrashLoopBackOff"),
        (a_pod(spec=INIT, status=init(ended(reason="Error", exitCode=1))), "Init:Error"),
        (a_pod(spec=INIT, status=init(ended(exitCode=2))), "Init:ExitCode:2"),
        (a_pod(spec=INIT, status=init(ended(exitCode=0))), "Pending"),
        (a_pod(), "Unknown"),
    ],
)
def test_the_reason_is_what_kubectl_prints(pod: Json, reason: str) -> None:
    assert only_pod(pod).reason == reason


def test_sidecars_count_as_containers_and_ready_ones_as_ready() -> None:
    log = {**running(name="log"), "started": True}
    pod = a_pod(spec=SIDECAR, status=status(running(restarts=2), initContainerStatuses=[log]))
    parsed = only_pod(pod)
    assert (parsed.ready_containers, parsed.containers, parsed.restarts) == (2, 2, 2)
    assert not parsed.ready  # that is the condition, which a readiness gate may still hold back


def test_a_pod_knows_what_a_scale_down_asks() -> None:
    since = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-02T14:02:05Z"}
    cost = {"annotations": {"controller.kubernetes.io/pod-deletion-cost": "-5"}}
    log = {**running(name="log", restarts=4), "started": True}
    setup = {**ended(exitCode=0), "name": "setup", "restartCount": 9}
    both = status(
        running(restarts=1),
        running(restarts=3),
        initContainerStatuses=[log, setup],
        conditions=[since],
    )
    pod = only_pod(a_pod(meta=cost, spec=SIDECAR, status=both))
    assert pod.ready_since == AT - timedelta(seconds=2)
    assert (pod.deletion_cost, pod.most_restarts) == (-5, (3, 4))
    assert pod.active
    unready = {**since, "status": "False"}
    pod = only_pod(a_pod(meta=LEAVING, status=status(running(), conditions=[unready])))
    assert (pod.ready_since, pod.deletion_cost, pod.active) == (None, 0, False)


def test_a_leaving_pod_knows_its_time() -> None:
    pod = only_pod(a_pod(meta=LEAVING, status=status(running())))
    assert (pod.terminating, pod.grace, seconds_left(pod, AT)) == (True, 30, 4)
    assert seconds_left(only_pod(a_pod()), AT) is None


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("shop:v1", "v1"),
        ("localhost:5000/shop:v2", "v2"),
        ("localhost:5000/shop", "latest"),
        ("shop:v3@sha256:0123456789ab", "v3"),
        ("shop@sha256:0123456789ab", "0123456"),
    ],
)
def test_the_version_is_the_image_tag(image: str, version: str) -> None:
    assert only_pod(a_pod(spec={"containers": [{"image": image}]})).version == version


@pytest.mark.parametrize(
    ("surge", "unavailable", "wanted", "resolved"),
    [  # facts.md a.2
        ("25%", "25%", 3, (1, 0)),
        (1, 0, 3, (1, 0)),
        (0, 1, 3, (0, 1)),
        (1, 1, 3, (1, 1)),
        (0, "25%", 3, (0, 1)),
        ("100%", 0, 3, (3, 0)),
        ("25%", "25%", 4, (1, 1)),
        ("25%", "25%", 9, (3, 2)),
        ("25%", "25%", 1, (1, 0)),
        ("25%", "25%", 2, (1, 0)),
        ("25%", "25%", 10, (3, 2)),
        (0, 0, 5, (0, 1)),
    ],
)
def test_surge_rounds_up_and_unavailable_down(
    surge: str | int, unavailable: str | int, wanted: int, resolved: tuple[int, int]
) -> None:
    assert resolve_fenceposts(surge, unavailable, wanted) == resolved


@pytest.mark.parametrize("value", ["x%", "", "-1", "25 %"])
def test_a_percentage_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(BadInput, match="25%"):
        resolve_fenceposts(value, 0, 3)


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("100m", 100),
        ("2", 2000),
        ("0.5", 500),
        ("1e1", 10000),
        ("100u", 1),
        (4, 4000),
        ("1k", 10**6),
    ],
)
def test_cpu_in_millicores(text: str | int, cores: int) -> None:
    assert millicores(text) == cores


@pytest.mark.parametrize(
    ("text", "amount"), [("1Ki", 1024), ("1.5Gi", 3 * 2**29), ("2E", 2 * 10**18)]
)
def test_quantities(text: str, amount: int) -> None:
    assert parse_quantity(text) == amount


@pytest.mark.parametrize("text", ["", "1 Gi", "1KB", "Gi", "\u0661"])
def test_a_quantity_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="quantity"):
        parse_quantity(text)


def cpu(amount: str, **more: Any) -> Json:
    return {"name": "c", "resources": {"requests": {"cpu": amount}}, **more}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"containers": [cpu("100m"), cpu("50m")]}, 150),
        ({"containers": [cpu("100m")], "initContainers": [cpu("1")]}, 1000),
        ({"containers": [cpu("1")], "initContainers": [cpu("100m", restartPolicy="Always")]}, 1100),
        ({"containers": [cpu("100m")], "overhead": {"cpu": "20m"}}, 120),
        ({"containers": [cpu("100m")], "resources": {"requests": {"cpu": "3"}}}, 3000),
        ({"containers": [{"name": "c"}]}, 0),
    ],
)
def test_requested_cpu_is_what_the_scheduler_sets_aside(spec: Json, expected: int) -> None:
    assert only_pod(a_pod(spec=spec)).cpu == expected


def a_node(name: str, *, ready: str = "True", **parts: Json) -> Json:
    allocatable = {"cpu": "3900m", "memory": "8Gi"}
    conditions = [{"type": "Ready", "status": ready}] if ready else []
    return {
        "metadata": {"name": name, "labels": parts.get("labels", {})},
        "spec": parts.get("spec", {}),
        "status": {"allocatable": allocatable, "conditions": conditions},
    }


def test_nodes_as_people_count_them() -> None:
    names = ["worker10", "worker", "worker2", "control-plane"]
    state = parse_state({"nodes": [a_node(name) for name in names]}, at=AT)
    assert [n.name for n in state.nodes] == ["control-plane", "worker", "worker2", "worker10"]


def test_a_node() -> None:
    labels = {"topology.kubernetes.io/zone": "a", "node-role.kubernetes.io/control-plane": ""}
    taint = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    raw = a_node("n", ready="", labels=labels, spec={"unschedulable": True, "taints": [taint]})
    (node,) = parse_state({"nodes": [raw]}, at=AT).nodes
    assert (node.ready, node.cordoned, node.control_plane, node.zone) == (
        "Unknown",
        True,
        True,
        "a",
    )
    assert (node.cpu, node.memory) == (3900, 8 * 2**30)
    assert [str(taint) for taint in node.taints] == [
        "node-role.kubernetes.io/control-plane:NoSchedule"
    ]


def a_cluster() -> State:
    deployment = {
        "metadata": {"name": "shop", "namespace": "default", "uid": "d", "generation": 2},
        "spec": {"replicas": 3, "template": {"spec": {"containers": [{"image": "shop:v2"}]}}},
        "status": {"observedGeneration": 2, "replicas": 4, "updatedReplicas": 1}
        | {"readyReplicas": 3, "availableReplicas": 3},
    }
    sets = [
        {
            "metadata": {
                "name": name,
                "namespace": "default",
                "uid": name,
                "annotations": {"deployment.kubernetes.io/revision": revision},
                "ownerReferences": [{"uid": "d", "controller": True}],
            },
            "spec": {"replicas": wanted},
        }
        for name, revision, wanted in (("a-new", "10", 1), ("b-old", "9", 3))
    ]
    pods = [
        a_pod("p1", owner="b-old", spec={"nodeName": "n", "containers": [cpu("200m")]}),
        a_pod("p2", owner="a-new", status={"phase": "Pending", "conditions": UNSCHEDULED}),
        a_pod("p3", meta={"namespace": "kube-system"}, spec={"nodeName": "n"}),
    ]
    lists = {"nodes": [a_node("n")], "pods": pods, "replicasets": sets, "deployments": [deployment]}
    return parse_state(lists, at=AT)


UNSCHEDULED = [{"type": "PodScheduled", "status": "False", "message": "0/4 nodes are available."}]


def test_joins_go_by_uid() -> None:
    state = a_cluster()
    old, new = replicasets_of(state, state.deployments[0])
    assert (old.revision, new.revision) == (9, 10)
    assert [pod.name for pod in pods_of(state, old.uid)] == ["p1"]
    assert pods_of(state, "") == ()
    assert [pod.name for pod in pods_on(state, "n")] == ["p1", "p3"]
    assert [pod.unscheduled for pod in unassigned(state)] == ["0/4 nodes are available."]
    assert requested_cpu(state, "n") == 200
    assert [pod.name for pod in in_namespace(state, "kube-system").pods] == ["p3"]


def test_finished_pods_request_nothing() -> None:
    spec = {"nodeName": "n", "containers": [cpu("1")]}
    state = parse_state({"pods": [a_pod(spec=spec, status={"phase": "Succeeded"})]}, at=AT)
    assert requested_cpu(state, "n") == 0


def test_a_deployment_resolves_its_defaults() -> None:
    (deployment,) = a_cluster().deployments
    assert (deployment.surge, deployment.unavailable, deployment.version) == (1, 0, "v2")
    assert deployment.rolling
    assert not deployment.complete


@pytest.mark.parametrize(
    ("spec", "fenceposts"),
    [
        ({"replicas": 3, "strategy": {"type": "Recreate"}}, (0, 0)),
        ({"replicas": 0}, (0, 0)),
        ({}, (1, 0)),
        ({"replicas": 2, "strategy": {"rollingUpdate": {"maxUnavailable": 5}}}, (1, 2)),
    ],
)
def test_fenceposts_of_a_strategy(spec: Json, fenceposts: tuple[int, int]) -> None:
    raw = {"metadata": {"name": "d"}, "spec": spec}
    (deployment,) = parse_state({"deployments": [raw]}, at=AT).deployments
    assert (deployment.surge, deployment.unavailable) == fenceposts


def test_states_are_values() -> None:
    assert a_cluster() == a_cluster()
    assert hash(a_cluster()) == hash(a_cluster())
    assert parse_state({}, at=AT) == State(at=AT)


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="RFC 3339"):
        only_pod(a_pod(meta={"creationTimestamp": "yesterday"}))
