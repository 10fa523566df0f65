"""The environment variables of a container: image, Services, `envFrom`, `env`; and `$(VAR)`.

Pure apart from `lookup`. Rules and texts: kubernetes `pkg/kubelet/kubelet_pods.go`
(`makeEnvironmentVariables`), `pkg/kubelet/envvars`, `pkg/fieldpath`, `pkg/api/v1/resource` and
`third_party/forked/golang/expansion`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping

from nodebynode.kube import Json, Kind
from nodebynode.state.quantity import millicores, whole

Lookup = Callable[[Kind, str, str], Json | None]
"""Returns an object by kind, namespace and name; None when there is none."""

_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]", re.DOTALL)
_CALLED = {Kind.CONFIG_MAP: "ConfigMap", Kind.SECRET: "Secret"}
_ALWAYS_LINKED = ("default", "kubernetes")


class ConfigError(Exception):
    """A container's configuration names something that is not there: CreateContainerConfigError."""


def container_environment(
    pod: Json,
    container: Json,
    *,
    image_env: Mapping[str, str],
    lookup: Lookup,
    services: Iterable[Json],
    capacity: Mapping[str, str],
) -> dict[str, str]:
    """Return all variables that a container is started with.

    Later ones win: the image's, the Services', those of `envFrom`, those of `env`.

    Args:
        pod: The Pod; its status holds `podIP`, `podIPs`, `hostIP` and `hostIPs` already.
        container: One of its containers.
        image_env: What the image sets.
        lookup: Finds ConfigMaps and Secrets.
        services: The Services of the Pod's namespace and of `default`, or all.
        capacity: What the node has, by resource; stands in for limits that are not set.

    Raises:
        ConfigError: with the kubelet's text.
    """
    sources = _Sources(pod, container, lookup, capacity)
    linked = pod["spec"].get("enableServiceLinks", True) is not False
    links = service_links(services, pod["metadata"]["namespace"], linked=linked)
    own: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        prefix = source.get("prefix") or ""
        own |= {prefix + key: value for key, value in sources.all_of(source).items()}
    for variable in container.get("env") or []:
        value = variable.get("value") or ""
        if value:
            own[variable["name"]] = expand(value, links | own)
        elif (found := sources.value_of(variable.get("valueFrom") or {})) is not None:
            own[variable["name"]] = found
    complete = {**image_env, **links, **own}
    for name, value in complete.items():
        if "\0" in value or "\0" in name:  # execve cannot pass it on
            raise ConfigError(f"environment variable {name!r} contains a NUL character")
    return complete


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace `$(VAR)` by its value; unknown ones stay as they are, and `$$` means `$`."""

    def replaced(match: re.Match[str]) -> str:
        return "$" if match[1] is None else values.get(match[1], match[0])

    return _REFERENCE.sub(replaced, text)


def service_links(services: Iterable[Json], namespace: str, *, linked: bool) -> dict[str, str]:
    """Return the variables that tell where the namespace's Services are.

    Args:
        services: The Services; those without an address of their own are left out.
        namespace: The Pod's.
        linked: The Pod's `enableServiceLinks`; `kubernetes` is always told.
    """
    chosen: dict[str, Json] = {}
    for service in services:
        at, name = service["metadata"]["namespace"], service["metadata"]["name"]
        if service["spec"].get("clusterIP") in (None, "", "None"):
            continue
        if (at, name) == _ALWAYS_LINKED:
            chosen.setdefault(name, service)
        elif at == namespace and linked:
            chosen[name] = service
    variables: dict[str, str] = {}
    for name, service in chosen.items():
        variables |= _links_of(_variable_name(name), service["spec"])
    return variables


def _links_of(prefix: str, spec: Json) -> dict[str, str]:
    """Return one Service's variables: Kubernetes' own, then those that Docker's links had."""
    address, ports = spec["clusterIP"], spec.get("ports") or []
    if not ports:
        return {}
    variables = {
        f"{prefix}_SERVICE_HOST": address,
        f"{prefix}_SERVICE_PORT": str(ports[0]["port"]),
    }
    for port in ports:
        if port.get("name"):
            variables[f"{prefix}_SERVICE_PORT_{_variable_name(port['name'])}"] = str(port["port"])
    host = f"[{address}]" if ":" in address else address
    for number, port in enumerate(ports):
        protocol = port.get("protocol") or "TCP"
        url = f"{protocol.lower()}://{host}:{port['port']}"
        if number == 0:
            variables[f"{prefix}_PORT"] = url
        link = f"{prefix}_PORT_{port['port']}_{protocol.upper()}"
        variables |= {
            link: url,
            f"{link}_PROTO": protocol.lower(),
            f"{link}_PORT": str(port["port"]),
            f"{link}_ADDR": address,
        }
    return variables


def _variable_name(name: str) -> str:
    return name.replace("-", "_").upper()


class _Sources:
    """Where a container's variables come from; each object is looked up once."""

    def __init__(
        self, pod: Json, container: Json, lookup: Lookup, capacity: Mapping[str, str]
    ) -> None:
        self._pod, self._container = pod, container
        self._lookup, self._capacity = lookup, capacity
        self._namespace: str = pod["metadata"]["namespace"]
        self._found: dict[tuple[Kind, str], dict[str, str]] = {}

    def all_of(self, source: Json) -> dict[str, str]:
        """Return every key of an `envFrom` entry's ConfigMap or Secret."""
        if reference := source.get("configMapRef"):
            return self._data(Kind.CONFIG_MAP, reference) or {}
        if reference := source.get("secretRef"):
            return self._data(Kind.SECRET, reference) or {}
        return {}

    def value_of(self, source: Json) -> str | None:
        """Return the value that `valueFrom` names; None when it is absent and may be."""
        if reference := source.get("configMapKeyRef"):
            return self._key(Kind.CONFIG_MAP, reference)
        if reference := source.get("secretKeyRef"):
            return self._key(Kind.SECRET, reference)
        if field := source.get("fieldRef"):
            return self._field(field.get("fieldPath") or "")
        if field := source.get("resourceFieldRef"):
            return self._resource(field)
        return ""

    def _data(self, kind: Kind, reference: Json) -> dict[str, str] | None:
        name = reference.get("name") or ""
        if (kind, name) not in self._found:
            found = self._lookup(kind, self._namespace, name)
            if found is None:
                if reference.get("optional"):
                    return None
                raise ConfigError(f'{_CALLED[kind].lower()} "{name}" not found')
            data = found.get("data") or {}
            if kind is Kind.SECRET:  # bytes that are no text reach the process as they are
                data = {
                    key: base64.b64decode(value).decode(errors="surrogateescape")
                    for key, value in data.items()
                }
            self._found[kind, name] = data
        return self._found[kind, name]

    def _key(self, kind: Kind, reference: Json) -> str | None:
        data, key = self._data(kind, reference), reference.get("key") or ""
        if data is not None and key in data:
            return data[key]
        if reference.get("optional"):
            return None
        where = f"{_CALLED[kind]} {self._namespace}/{reference.get('name') or ''}"
        raise ConfigError(f"couldn't find key {key} in {where}")

    def _field(self, path: str) -> str:
        metadata, spec = self._pod["metadata"], self._pod["spec"]
        status = self._pod.get("status") or {}
        if match := _SUBSCRIPT.fullmatch(path):
            return str((metadata.get(match[1]) or {}).get(match[2], ""))
        if path in ("metadata.name", "metadata.namespace", "metadata.uid"):
            return str(metadata.get(path.removeprefix("metadata."), ""))
        if path in ("spec.nodeName", "spec.serviceAccountName"):
            return str(spec.get(path.removeprefix("spec."), ""))
        if path in ("status.podIP", "status.hostIP"):
            return str(status.get(path.removeprefix("status."), ""))
        if path in ("status.podIPs", "status.hostIPs"):
            one = path.removeprefix("status.")
            return ",".join(entry["ip"] for entry in status.get(one) or [])
        raise ConfigError(f"unsupported fieldPath: {path}")

    def _resource(self, reference: Json) -> str:
        """Return a request or limit in units of the divisor, rounded up."""
        which, _, resource = str(reference.get("resource") or "").partition(".")
        if which not in ("limits", "requests") or not resource:
            raise ConfigError(f"unsupported container resource : {reference.get('resource')}")
        amount = millicores if resource == "cpu" else whole
        given = self._named(reference.get("containerName") or "").get("resources") or {}
        value = amount((given.get(which) or {}).get(resource, 0))
        if which == "limits" and not value:
            levels = (self._pod["spec"].get("resources") or {}).get("limits") or {}
            value = amount(levels.get(resource, 0)) or amount(self._capacity.get(resource, 0))
        return str(-(-value // (amount(reference.get("divisor") or 0) or amount(1))))

    def _named(self, name: str) -> Json:
        if not name:
            return self._container
        spec = self._pod["spec"]
        for container in (*(spec.get("containers") or []), *(spec.get("initContainers") or [])):
            if container["name"] == name:
                return dict(container)
        raise ConfigError(f"container {name} not found")
