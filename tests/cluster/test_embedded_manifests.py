"""Manifests of every wrong kind on the embedded cluster: told, and the agent lives on."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from nodebynode.cluster import Cluster
from nodebynode.cluster.embedded import process
from nodebynode.cluster.embedded.files import Files
from nodebynode.cluster.folder import Folder
from nodebynode.course.loading import Load
from nodebynode.errors import ApiError, BadInput
from nodebynode.kube import Json, Kind

from .manifests import pod, service
from .observing import Room, waiting_reason

PROVIDERS = ("embedded",)
SHELL = {"command": ["sh", "-c", "sleep 1"]}
REFUSED: dict[str, tuple[Json, Json, str]] = {
    "command": (SHELL, {}, "command"),
    "args": ({"args": ["--fast"]}, {}, "args"),
    "exec-probe": ({"readinessProbe": {"exec": {"command": ["true"]}}}, {}, "exec"),
    "exec-hook": ({"lifecycle": {"preStop": {"exec": {"command": ["true"]}}}}, {}, "exec"),
    "host-path": (
        {"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
        {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
        "volume",
    ),
    "host-network": ({}, {"hostNetwork": True}, "hostNetwork"),
}


def restarts(cluster: Cluster) -> int:
    """Return how often the agent had to be restarted."""
    files = Files(Folder(cluster.name).path)
    return process.component_states(files)["node-agent"].restarts


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_a_container_is_refused_in_a_sentence(room: Room, name: str) -> None:
    """The Pod waits, and its event says which field it is and what to do instead."""
    container, spec, field = REFUSED[name]
    body = pod("web")
    body["spec"]["containers"][0].update(container)
    body["spec"].update(spec)
    room.create(body)
    room.wait_pods(lambda found: found and waiting_reason(found[0]).startswith("CreateContainer"))
    said = room.wait_event("web", "Failed", field)
    assert said.startswith("Error: ")
    assert "process" in said or "cluster" in said


@pytest.mark.parametrize(
    "words",
    [
        ("exec", "web", "--", "true"),
        ("attach", "web"),
        ("port-forward", "web", "18080:8080"),
        ("cp", "/etc/hostname", "web:/tmp/name"),
    ],
    ids=lambda words: words[0],
)
def test_what_needs_a_container_at_the_command_line(room: Room, words: tuple[str, ...]) -> None:
    """kubectl ends with an error that says why."""
    room.create(pod("web"))
    room.wait_pods(lambda found: found and found[0]["status"]["phase"] == "Running")
    done = room.kubectl(*words, check=False, timeout=20)
    assert done.code != 0
    assert "processes, not containers" in done.err


def test_a_debug_container_is_refused_and_the_pod_goes_on(room: Room) -> None:
    room.create(pod("web"))
    room.wait_pods(lambda found: found and found[0]["status"]["phase"] == "Running")
    room.kubectl("debug", "web", "--image=busybox", "--container=look", "--", "sh")
    said = room.wait_event("web", "Failed", "ephemeralContainers")
    assert said.startswith("Error: container look: ")
    [found] = room.wait_pods(lambda found: found[0]["status"].get("ephemeralContainerStatuses"))
    [debug] = found["status"]["ephemeralContainerStatuses"]
    assert debug["state"]["waiting"]["reason"] == "CreateContainerError"
    assert found["status"]["containerStatuses"][0]["restartCount"] == 0


SCALARS = st.none() | st.booleans() | st.integers(-3, 70000) | st.sampled_from(["", "x", "8080"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "value", "port", "path"]), inner, max_size=3)
    ),
    max_leaves=5,
)
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "env": st.lists(
            st.fixed_dictionaries({"name": st.sampled_from(["A", "SHOP_PORT", "SHOP_BIND"])},
                                  optional={"value": st.sampled_from(["", "0", "x", "99999"])}),
            max_size=2,
        ),
        "resources": VALUES,
        "ports": VALUES,
        "readinessProbe": st.fixed_dictionaries(
            {}, optional={"httpGet": VALUES, "tcpSocket": VALUES, "exec": VALUES, "grpc": VALUES}
        ),
        "livenessProbe": VALUES,
        "lifecycle": VALUES,
        "volumeMounts": VALUES,
        "envFrom": VALUES,
        "command": st.lists(st.text(max_size=3), max_size=2),
        "image": st.sampled_from(
            ["", " ", "localhost/shop", "localhost/shop:v1@sha256:0", "UPPER:v1", "a" * 300]
        ),
    },
)  # fmt: skip


def test_no_manifest_ends_the_agent(cluster: Cluster, room: Room) -> None:
    """Whatever the API server lets through, other Pods go on as if nothing had happened."""
    before = restarts(cluster)

    @settings(
        max_examples=80,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(SPECS, st.sampled_from(["Always", "Never", "OnFailure", "x"]), st.booleans())
    def story(container: Json, policy: str, init: bool) -> None:
        body = pod("web")
        name = {"generateName": "web-"}
        body["metadata"] = {**name, "labels": {"app": "fuzz"}}
        body["spec"]["restartPolicy"] = policy
        body["spec"]["containers"][0].update(container)
        if init:
            body["spec"]["initContainers"] = [
                {"name": "first", "image": "localhost/shop:v4-crash", **container}
            ]
        with suppress(ApiError):  # the API server's own refusal
            room.api.create(Kind.POD, body, room.namespace)

    story()
    room.create(pod("web"))
    room.wait_pods(lambda found: found and found[0]["status"]["phase"] == "Running")
    assert restarts(cluster) == before
    assert "an error of ours" not in Files(Folder(cluster.name).path).log("node-agent").read_text()


def test_no_load_is_sent_from_inside(room: Room) -> None:
    """A Pod here is a process of the app: it runs no other command."""
    room.create(service())
    with pytest.raises(BadInput, match="No Pod runs a container here"):
        Load(room.cluster, room.namespace, "web", rate=50, seconds=10, keep_alive=0, inside=True)
    assert room.api.list(Kind.POD, "default") == []
