"""The environment of the node agent's containers: sources, order, and the kubelet's texts."""

from __future__ import annotations

import base64

import pytest
from nodebynode.cluster.embedded.agent.environment import (
    ConfigError,
    container_environment,
    expand,
    service_links,
)
from nodebynode.kube import Json, Kind

POD: Json = {
    "metadata": {
        "name": "web-1",
        "namespace": "shop",
        "uid": "u-1",
        "labels": {"app": "web"},
        "annotations": {"example.org/note": "it's"},
    },
    "spec": {
        "nodeName": "worker",
        "serviceAccountName": "default",
        "containers": [{"name": "other", "resources": {"requests": {"memory": "100Mi"}}}],
    },
    "status": {
        "podIP": "10.244.1.5",
        "podIPs": [{"ip": "10.244.1.5"}],
        "hostIP": "10.0.0.2",
        "hostIPs": [{"ip": "10.0.0.2"}, {"ip": "fd00::2"}],
    },
}
CAPACITY = {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "1Gi"}
OBJECTS: dict[tuple[Kind, str], Json] = {
    (Kind.CONFIG_MAP, "colours"): {"data": {"red": "1", "blue": "2"}},
    (Kind.CONFIG_MAP, "empty"): {},
    (Kind.SECRET, "keys"): {"data": {"open": base64.b64encode(b"s\xff").decode()}},
}


def service(name: str, namespace: str = "shop", ip: str = "10.96.0.9", *ports: Json) -> Json:
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"clusterIP": ip, "ports": list(ports) or [{"port": 80, "protocol": "TCP"}]},
    }


KUBERNETES = service("kubernetes", "default", "10.96.0.1", {"name": "https", "port": 443})


def environment(container: Json, services: tuple[Json, ...] = (), **spec: object) -> dict[str, str]:
    def lookup(kind: Kind, namespace: str, name: str) -> Json | None:
        assert namespace == "shop"
        return OBJECTS.get((kind, name))

    pod = {**POD, "spec": {**POD["spec"], **spec}}
    return container_environment(
        pod,
        {"name": "shop", **container},
        image_env={"SHOP_VERSION": "v1"},
        lookup=lookup,
        services=services,
        capacity=CAPACITY,
    )


def value_from(**source: object) -> Json:
    return {"env": [{"name": "X", "valueFrom": source}]}


def test_later_sources_win() -> None:
    image = {"env": [{"name": "SHOP_VERSION", "value": "mine"}]}
    assert environment({}) == {"SHOP_VERSION": "v1"}
    assert environment(image)["SHOP_VERSION"] == "mine"
    shop = service("shop", "shop", "10.96.0.9", {"port": 80})
    assert environment({}, (shop,))["SHOP_PORT"] == "tcp://10.96.0.9:80"
    given = {"env": [{"name": "SHOP_PORT", "value": "8080"}]}
    assert environment(given, (shop,))["SHOP_PORT"] == "8080"


def test_env_wins_over_env_from() -> None:
    container = {
        "envFrom": [
            {"configMapRef": {"name": "colours"}},
            {"prefix": "MY_", "secretRef": {"name": "keys"}},
        ],
        "env": [{"name": "red", "value": "9"}, {"name": "copy", "value": "$(blue)$(red)"}],
    }
    found = environment(container)
    assert found["red"] == "9"
    assert found["blue"] == "2"
    assert found["copy"] == "29"
    assert found["MY_open"].encode(errors="surrogateescape") == b"s\xff"


def test_the_links_of_a_service() -> None:
    ports = ({"name": "web-ui", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"})
    assert service_links([service("my-shop", "a", "10.96.0.9", *ports)], "a", linked=True) == {
        "MY_SHOP_SERVICE_HOST": "10.96.0.9",
        "MY_SHOP_SERVICE_PORT": "80",
        "MY_SHOP_SERVICE_PORT_WEB_UI": "80",
        "MY_SHOP_SERVICE_PORT_DNS": "53",
        "MY_SHOP_PORT": "tcp://10.96.0.9:80",
        "MY_SHOP_PORT_80_TCP": "tcp://10.96.0.9:80",
        "MY_SHOP_PORT_80_TCP_PROTO": "tcp",
        "MY_SHOP_PORT_80_TCP_PORT": "80",
        "MY_SHOP_PORT_80_TCP_ADDR": "10.96.0.9",
        "MY_SHOP_PORT_53_UDP": "udp://10.96.0.9:53",
        "MY_SHOP_PORT_53_UDP_PROTO": "udp",
        "MY_SHOP_PORT_53_UDP_PORT": "53",
        "MY_SHOP_PORT_53_UDP_ADDR": "10.96.0.9",
    }


def test_which_services_are_linked() -> None:
    services = (
        KUBERNETES,
        service("web"),
        service("web", "elsewhere", "10.96.0.7"),
        service("headless", "shop", "None"),
        service("external", "shop", ""),
    )
    found = environment({}, services)
    assert found["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
    assert found["WEB_SERVICE_HOST"] == "10.96.0.9"
    assert not any(name.startswith(("HEADLESS", "EXTERNAL")) for name in found)
    off = environment({}, services, enableServiceLinks=False)
    assert "KUBERNETES_SERVICE_PORT_HTTPS" in off
    assert "WEB_SERVICE_HOST" not in off


def test_an_address_of_version_6_stands_in_brackets() -> None:
    assert service_links([service("a", "a", "fd00::9")], "a", linked=True)["A_PORT"] == (
        "tcp://[fd00::9]:80"
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "web-1"),
        ("metadata.namespace", "shop"),
        ("metadata.uid", "u-1"),
        ("metadata.labels['app']", "web"),
        ("metadata.labels['none']", ""),
        ("metadata.annotations['example.org/note']", "it's"),
        ("spec.nodeName", "worker"),
        ("spec.serviceAccountName", "default"),
        ("status.podIP", "10.244.1.5"),
        ("status.podIPs", "10.244.1.5"),
        ("status.hostIP", "10.0.0.2"),
        ("status.hostIPs", "10.0.0.2,fd00::2"),
    ],
)
def test_a_field_of_the_pod(path: str, value: str) -> None:
    assert environment(value_from(fieldRef={"fieldPath": path}))["X"] == value


@pytest.mark.parametrize(
    ("resource", "divisor", "value"),
    [
        ("limits.cpu", None, "2"),
        ("limits.cpu", "1m", "1500"),
        ("limits.memory", "1Mi", "8192"),
        ("requests.cpu", "0", "1"),
        ("requests.memory", None, "0"),
        ("limits.ephemeral-storage", "1Mi", "1024"),
        ("limits.hugepages-2Mi", None, "0"),
    ],
)
def test_a_resource_is_rounded_up(resource: str, divisor: str | None, value: str) -> None:
    container = {
        "resources": {"limits": {"cpu": "1500m"}, "requests": {"cpu": "250m"}},
        **value_from(resourceFieldRef={"resource": resource, "divisor": divisor}),
    }
    assert environment(container)["X"] == value


def test_a_resource_of_another_container_or_of_the_pod() -> None:
    other = {"containerName": "other", "resource": "requests.memory", "divisor": "1Mi"}
    assert environment(value_from(resourceFieldRef=other))["X"] == "100"
    limit = value_from(resourceFieldRef={"resource": "limits.cpu"})
    assert environment(limit, resources={"limits": {"cpu": "3"}})["X"] == "3"
    missing = {"containerName": "none", "resource": "limits.cpu"}
    with pytest.raises(ConfigError, match="container none not found"):
        environment(value_from(resourceFieldRef=missing))


def test_keys_of_config_maps_and_secrets() -> None:
    red = {"name": "colours", "key": "red"}
    assert environment(value_from(configMapKeyRef=red))["X"] == "1"
    key = {"name": "keys", "key": "open"}
    assert environment(value_from(secretKeyRef=key))["X"] == "s\udcff"


@pytest.mark.parametrize(
    ("container", "text"),
    [
        (value_from(configMapKeyRef={"name": "x", "key": "k"}), 'configmap "x" not found'),
        (value_from(secretKeyRef={"name": "x", "key": "k"}), 'secret "x" not found'),
        ({"envFrom": [{"configMapRef": {"name": "x"}}]}, 'configmap "x" not found'),
        ({"envFrom": [{"secretRef": {"name": "x"}}]}, 'secret "x" not found'),
        (
            value_from(configMapKeyRef={"name": "empty", "key": "k"}),
            "couldn't find key k in ConfigMap shop/empty",
        ),
        (
            value_from(secretKeyRef={"name": "keys", "key": "k"}),
            "couldn't find key k in Secret shop/keys",
        ),
        (value_from(fieldRef={"fieldPath": "spec.x"}), "unsupported fieldPath: spec.x"),
        (
            value_from(resourceFieldRef={"resource": "limits"}),
            "unsupported container resource : limits",
        ),
        ({"env": [{"name": "A", "value": "\0"}]}, "contains a NUL character"),
    ],
)
def test_what_is_not_there_is_told(container: Json, text: str) -> None:
    with pytest.raises(ConfigError) as told:
        environment(container)
    assert text in str(told.value)


def test_what_is_optional_may_be_absent() -> None:
    maybe = {"name": "x", "key": "k", "optional": True}
    container = {
        "envFrom": [
            {"configMapRef": {"name": "x", "optional": True}},
            {"secretRef": {"name": "x", "optional": True}},
        ],
        "env": [
            {"name": "A", "valueFrom": {"configMapKeyRef": maybe}},
            {"name": "B", "valueFrom": {"secretKeyRef": {**maybe, "name": "keys"}}},
            {"name": "C"},
        ],
    }
    assert environment(container) == {"SHOP_VERSION": "v1", "C": ""}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)-$(B)", "1-$(B)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$(A", "$(A"),
        ("$A $", "$A $"),
        ("$()", "$()"),
        ("$($(A)", "$($(A)"),
    ],
)
def test_references_are_expanded(text: str, expanded: str) -> None:
    assert expand(text, {"A": "1"}) == expanded


def test_only_variables_before_are_known() -> None:
    container = {
        "env": [
            {"name": "A", "value": "$(B)$(KUBERNETES_SERVICE_PORT)$(SHOP_VERSION)"},
            {"name": "B", "value": "$(A)"},
        ]
    }
    found = environment(container, (KUBERNETES,))
    assert found["A"] == "$(B)443$(SHOP_VERSION)"
    assert found["B"] == found["A"]
