"""The node agent's images: which there are, and what is said of the others."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodebynode.cluster import app_images
from nodebynode.cluster.embedded.agent import images
from nodebynode.kube import Json

from tests.unit.running_shop import APP

TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"
DOCKERFILE = (APP / "Dockerfile").read_text()


def refusal(container: Json | None = None, **spec: object) -> str | None:
    return images.refusal({"spec": spec}, {"name": "shop", **(container or {})})


@pytest.mark.parametrize("tag", app_images.TAGS)
def test_an_image_sets_what_its_dockerfile_sets(tag: str) -> None:
    given = {**dict(re.findall(r"ARG (\w+)=(\S+)", DOCKERFILE)), "VERSION": tag}
    given |= app_images.TAGS[tag]
    variables = re.findall(r"(SHOP_\w+)=\$\{(\w+)\}", DOCKERFILE)
    assert len(variables) == 4
    expected = {name: given[argument] for name, argument in variables}
    assert images.find(f"localhost/shop:{tag}") == expected


def test_the_entrypoint_is_the_dockerfiles() -> None:
    (line,) = re.findall(r"^ENTRYPOINT \[(.*)\]$", DOCKERFILE, re.MULTILINE)
    assert tuple(word.strip(' "') for word in line.split(",")) == images.ENTRYPOINT


@pytest.mark.parametrize(
    "image",
    [
        "localhost/shop",
        "localhost/shop:latest",
        "localhost/shop:v99",
        "localhost/shop:v1@sha256:" + "a" * 64,
        "localhost/shop@sha256:" + "a" * 64,
        "shop:v1",
        "docker.io/localhost/shop:v1",
        "nginx",
        "",
        ":v1",
    ],
)
def test_other_images_are_not_here(image: str) -> None:
    assert images.find(image) is None


@pytest.mark.parametrize(
    ("image", "full"),
    [
        ("registry.invalid/team/app:1", "registry.invalid/team/app:1"),
        ("nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
        ("team/app:1", "docker.io/team/app:1"),
        ("localhost/shop", "localhost/shop:latest"),
        ("localhost:5000/shop", "localhost:5000/shop:latest"),
        ("r.io/a@sha256:" + "0" * 64, "r.io/a@sha256:" + "0" * 64),
        ("Upper/app", "Upper/app:latest"),
    ],
)
def test_a_pull_fails_in_containerds_words(image: str, full: str) -> None:
    reason, message = images.pull_error(image)
    assert reason == "ErrImagePull"
    assert message.startswith(f'failed to pull and unpack image "{full}": failed to resolve ')
    assert "runs processes, not containers" in message
    assert "localhost/shop:v1" in message
    assert "localhost/shop:v4-crash" in message


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("Nginx", "repository name (library/Nginx) must be lowercase"),
        ("localhost/shop:v1 ", "invalid reference format"),
        ("a b", "invalid reference format"),
        ("", "invalid reference format"),
        ("a:b:c", "invalid reference format"),
        ("f" * 64, "cannot specify 64-byte hexadecimal strings"),
    ],
)
def test_what_is_no_name_of_an_image(image: str, why: str) -> None:
    reason, message = images.pull_error(image)
    assert reason == "InvalidImageName"
    assert message.startswith(
        f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": '
    )
    assert why in message


@pytest.mark.parametrize(
    ("container", "field"),
    [
        ({"command": ["sh", "-c", "sleep 1"]}, "command"),
        ({"args": ["--fast"]}, "args"),
        ({"command": list(images.ENTRYPOINT), "args": ["x"]}, "command"),
        ({"readinessProbe": {"exec": {"command": ["true"]}}}, "readinessProbe.exec"),
        ({"livenessProbe": {"grpc": {"port": 1}}}, "livenessProbe.grpc"),
        ({"startupProbe": {"httpGet": {"host": "1.2.3.4"}}}, "startupProbe.httpGet.host"),
        ({"lifecycle": {"preStop": {"exec": {}}}}, "lifecycle.preStop.exec"),
        ({"lifecycle": {"postStart": {"exec": {"command": ["a"]}}}}, "lifecycle.postStart.exec"),
        ({"ports": [{"containerPort": 80, "hostPort": 80}]}, "ports.hostPort"),
        ({"volumeDevices": [{"name": "disk"}]}, "volumeDevices"),
        ({"resources": {"claims": [{"name": "gpu"}]}}, "resources.claims"),
        ({"env": [{"name": "A", "valueFrom": {"fileKeyRef": {"key": "k"}}}]}, "fileKeyRef"),
        ({"targetContainerName": "shop"}, "ephemeralContainers"),
    ],
)
def test_a_refusal_names_the_field(container: Json, field: str) -> None:
    sentence = refusal(container)
    assert sentence is not None
    assert sentence.startswith("container shop: ")
    assert field in sentence.partition(" cannot be ")[0]
    assert "this cluster runs processes, not containers; " in sentence
    assert "\n" not in sentence


def test_the_hosts_network_is_refused() -> None:
    assert "spec.hostNetwork" in (refusal(hostNetwork=True) or "")


@pytest.mark.parametrize(
    ("source", "path", "taken"),
    [
        ({"emptyDir": {}}, "/data", True),
        ({"projected": {"sources": []}}, TOKEN, True),
        ({"projected": {"sources": []}}, "/data", False),
        ({"configMap": {"name": "a"}}, "/data", False),
        ({"secret": {"secretName": "a"}}, "/data", False),
        ({"hostPath": {"path": "/"}}, "/data", False),
        ({"persistentVolumeClaim": {"claimName": "a"}}, "/data", False),
        ({"csi": {"driver": "a"}}, "/data", False),
    ],
)
def test_only_volumes_that_are_mounted_count(source: Json, path: str, taken: bool) -> None:
    volumes = [{"name": "v", **source}]
    mounts = {"volumeMounts": [{"name": "v", "mountPath": path}]}
    assert (refusal(mounts, volumes=volumes) is None) is taken
    assert refusal(volumes=volumes) is None


def test_what_the_app_can_do_is_taken() -> None:
    container = {
        "command": ["python3", "-S"],
        "args": ["/shop.py"],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
        "livenessProbe": {"tcpSocket": {"port": "http"}},
        "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
        "securityContext": {"runAsUser": 0},
        "ports": [{"containerPort": 8080}],
    }
    assert refusal(container, hostPID=True, containers=[container]) is None


def test_a_debug_container_does_not_stop_the_others() -> None:
    spec = {"ephemeralContainers": [{"name": "debugger"}]}
    assert refusal(**spec) is None
    assert "ephemeralContainers" in (refusal({"name": "debugger"}, **spec) or "")


def nonsense(names: str) -> st.SearchStrategy[object]:
    leaf = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
    return st.recursive(
        leaf,
        lambda more: (
            st.lists(more, max_size=3)
            | st.dictionaries(st.sampled_from(names.split()), more, max_size=4)
        ),
        max_leaves=12,
    )


FIELDS = (
    "name spec command args ports hostPort env valueFrom fileKeyRef lifecycle preStop exec httpGet "
    "host volumeMounts mountPath volumes configMap emptyDir readinessProbe resources claims"
)


@given(pod=nonsense(FIELDS), container=nonsense(FIELDS))
def test_no_nonsense_breaks_it(pod: Json, container: Json) -> None:
    for one in (pod, {"spec": pod}):
        sentence = images.refusal(one, container)
        assert sentence is None or sentence.startswith("container ")


@given(image=st.text(alphabet="aZ0/:@._- \n[]é", max_size=20) | st.text(max_size=20))
def test_any_name_of_an_image_gets_an_answer(image: str) -> None:
    assert images.find(image) is None
    reason, message = images.pull_error(image)
    assert reason in ("ErrImagePull", "InvalidImageName")
    assert message
