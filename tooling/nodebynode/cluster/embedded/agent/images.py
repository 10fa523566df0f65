"""Which images and container settings this cluster can serve, and what it says of the others.

Pods are processes of the course's own app here, so there is nothing to pull, and much of a
container's spec has nothing to work upon. What would change what a learner sees is refused in one
sentence; what would only have made the container tighter is ignored (`refusal` lists it).

Rules: kubernetes `pkg/util/parsers` and github.com/distribution/reference for names of images.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nodebynode.cluster import app_images
from nodebynode.kube import Json

ENTRYPOINT = ("python3", "-S", "/shop.py")
"""The image's own command line (`app/Dockerfile`)."""

_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path
_HUB = "docker.io"
_HOST_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_HOST_PART}(?:\.{_HOST_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PATH_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"{_DOMAIN}/{_PATH_PART}(?:/{_PATH_PART})*"
    r"(?P<tag>:\w[\w.-]{0,127})?"
    r"(?P<digest>@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)
_PROCESSES = "this cluster runs processes, not containers"
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def find(image: str) -> dict[str, str] | None:
    """Return the variables that an image sets for the app; None when it is not here.

    A name without a tag means `latest`, which the course does not have; no image has a digest.
    """
    repository, _, tag = str(image).rpartition(":")
    return app_images.image_environment(tag) if repository == app_images.REPOSITORY else None


def pull_error(image: str) -> tuple[str, str]:
    """Return why an image that `find` does not know cannot be had, as (reason, message).

    The reason is `ErrImagePull` or `InvalidImageName`; the message begins in the words of
    containerd or of the kubelet, and ends with what is so here.
    """
    try:
        name = _full_name(str(image))
    except ValueError as error:
        parsing = f"couldn't parse image name {_quoted(image)}: {error}"
        return (
            "InvalidImageName",
            f"Failed to apply default image tag {_quoted(image)}: {parsing}",
        )
    have = ", ".join(f"{app_images.REPOSITORY}:{tag}" for tag in app_images.TAGS)
    return "ErrImagePull", (
        f"failed to pull and unpack image {_quoted(name)}: failed to resolve reference "
        f"{_quoted(name)}: {name}: not found; {_PROCESSES}, pulls nothing, and has only the "
        f"course's images {have}"
    )


def refusal(pod: Json, container: Json) -> str | None:
    """Return one sentence on what this cluster cannot do for a container; None when it can.

    Ignored, for it changes nothing that a learner of this course observes: `securityContext`,
    resource limits (requests count for scheduling), `workingDir`, `stdin`, `tty`, the termination
    message, `imagePullSecrets`, `runtimeClassName`, `hostPID`, `hostIPC`, `hostUsers`,
    `shareProcessNamespace`, DNS settings, host aliases, volumes that the container does not mount,
    and what an `emptyDir` or the service account's token would hold.

    Args:
        pod: The Pod, as the API server gives it.
        container: One of its containers, init containers or ephemeral containers.
    """
    spec = _mapping(_mapping(pod).get("spec"))
    container = _mapping(container)
    troubles = (
        _kind_trouble,
        _command_trouble,
        _network_trouble,
        _device_trouble,
        _volume_trouble,
        _environment_trouble,
        _handler_trouble,
    )
    for trouble in troubles:
        for field, why, instead in trouble(spec, container):
            name = container.get("name", "")
            return f"container {name}: {field} {why}, for {_PROCESSES}; {instead}"
    return None


Trouble = Iterator[tuple[str, str, str]]
"""The field, what is wrong with it, and what to do instead."""


def _kind_trouble(spec: Json, container: Json) -> Trouble:
    names = [_mapping(one).get("name") for one in _items(spec.get("ephemeralContainers"))]
    if container.get("name") in names or "targetContainerName" in container:
        yield (
            "ephemeralContainers",
            "cannot be run",
            "read the app with `kubectl logs`, or use a kind cluster to debug inside a Pod",
        )


def _command_trouble(spec: Json, container: Json) -> Trouble:
    command, args = _items(container.get("command")), _items(container.get("args"))
    if args and not command:
        command = list(ENTRYPOINT)
    if (command or args) and tuple(map(str, (*command, *args))) != ENTRYPOINT:
        field = "command" if _items(container.get("command")) else "args"
        yield (
            field,
            "cannot be run",
            f"leave {field} out, and steer the app by its SHOP_ variables in env",
        )


def _network_trouble(spec: Json, container: Json) -> Trouble:
    if spec.get("hostNetwork"):
        yield (
            "spec.hostNetwork",
            "cannot be given",
            "leave it out, and reach the app by a Service of type NodePort",
        )
    for port in map(_mapping, _items(container.get("ports"))):
        if port.get("hostPort"):
            yield (
                "ports.hostPort",
                "cannot be opened on the node",
                "leave it out, and reach the app by a Service of type NodePort",
            )


def _device_trouble(spec: Json, container: Json) -> Trouble:
    if _items(container.get("volumeDevices")):
        yield ("volumeDevices", "cannot be attached", "leave it out, or use a kind cluster")
    if _items(_mapping(container.get("resources")).get("claims")):
        yield ("resources.claims", "cannot be attached", "leave it out, or use a kind cluster")


def _volume_trouble(spec: Json, container: Json) -> Trouble:
    volumes = {str(_mapping(one).get("name")): _mapping(one) for one in _items(spec.get("volumes"))}
    for mount in map(_mapping, _items(container.get("volumeMounts"))):
        name, path = str(mount.get("name")), str(mount.get("mountPath"))
        kinds = [kind for kind in volumes.get(name, {}) if kind != "name"] or ["volume"]
        if kinds[0] == "emptyDir" or (kinds[0] == "projected" and path == _TOKEN_PATH):
            continue
        instead = "leave the mount out, or use a kind cluster"
        if kinds[0] in ("configMap", "secret", "downwardAPI"):
            instead = "give its values to the app by env or envFrom, or use a kind cluster"
        yield f"volumeMounts of {name} ({kinds[0]})", "cannot be mounted", instead


def _environment_trouble(spec: Json, container: Json) -> Trouble:
    for variable in map(_mapping, _items(container.get("env"))):
        if _mapping(variable.get("valueFrom")).get("fileKeyRef"):
            yield (
                f"env {variable.get('name')} valueFrom.fileKeyRef",
                "cannot be read",
                "use a value, configMapKeyRef or secretKeyRef",
            )


def _handler_trouble(spec: Json, container: Json) -> Trouble:
    lifecycle = _mapping(container.get("lifecycle"))
    handlers = {name: _mapping(container.get(name)) for name in _PROBES}
    for hook in ("postStart", "preStop"):
        handlers[f"lifecycle.{hook}"] = _mapping(lifecycle.get(hook))
    for field, handler in handlers.items():
        other = "sleep or httpGet" if field.startswith("lifecycle") else "httpGet or tcpSocket"
        for kind in ("exec", "grpc"):
            if kind in handler:
                yield f"{field}.{kind}", "cannot be run", f"use {other} instead"
        for kind in ("httpGet", "tcpSocket"):
            if _mapping(handler.get(kind)).get("host"):
                yield (
                    f"{field}.{kind}.host",
                    "cannot be reached from a node",
                    "leave host out, which means the Pod itself",
                )


def _full_name(image: str) -> str:
    """Return an image's name with registry and tag, as a container runtime completes it.

    Raises:
        ValueError: it is no name of an image.
    """
    if re.fullmatch(r"[a-f0-9]{64}", image):
        raise ValueError(
            f"invalid repository name ({image}), cannot specify 64-byte hexadecimal strings"
        )
    domain, slash, rest = image.partition("/")
    if not slash:
        domain, rest = _HUB, image
    elif domain == "index.docker.io":
        domain = _HUB
    elif domain != "localhost" and domain == domain.lower() and not set(domain) & {".", ":"}:
        domain, rest = _HUB, image
    if domain == _HUB and "/" not in rest:
        rest = f"library/{rest}"
    repository = rest.partition(":")[0]
    if repository != repository.lower():
        raise ValueError(
            f"invalid reference format: repository name ({repository}) must be lowercase"
        )
    match = _REFERENCE.fullmatch(f"{domain}/{rest}")
    if match is None:
        raise ValueError("invalid reference format")
    return match[0] if match["tag"] or match["digest"] else f"{match[0]}:latest"


def _quoted(text: object) -> str:
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _mapping(value: object) -> Json:
    """Return an object of the spec; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[object]:
    """Return a list of the spec; an empty one for anything else."""
    return value if isinstance(value, list) else []
