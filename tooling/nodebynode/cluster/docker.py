"""Docker, as far as kind clusters need it, and what is wrong when it does not answer."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodebynode.errors import ClusterError, MissingTool, NodebynodeError
from nodebynode.processes import CommandFailed, Finished, TimedOut, run
from nodebynode.waiting import wait_for

_NODE_LABEL = "io.x-k8s.kind.cluster"
NEEDED_DISK_GB = 5
_SETTLE = 2.0
"""Seconds for which Docker may still be making what a killed kind asked it for."""


@dataclass(frozen=True, slots=True)
class DockerInfo:
    """What the Docker engine says of itself."""

    version: str
    cgroup_version: str
    root: Path
    memory_bytes: int


def docker(*args: str | Path, timeout: float = 60, check: bool = True) -> Finished:
    """Run one docker command.

    Raises:
        MissingTool, ClusterError: there is no Docker, or it does not answer; each says what to do.
        CommandFailed: the command itself failed.
    """
    try:
        return run(["docker", *args], timeout=timeout, check=check)
    except MissingTool as error:
        raise MissingTool(
            "There is no `docker` command on this machine.",
            "Install Docker (https://docs.docker.com/get-docker/) and try again.",
        ) from error
    except CommandFailed as error:
        raise _engine_trouble(error.finished) or error from None


def require_docker() -> DockerInfo:
    """Return what Docker says of itself, or say why it does not.

    Raises:
        MissingTool, ClusterError: Docker is absent, stopped, or not ours to use.
    """
    try:
        info = _info()
    except TimedOut as error:
        raise ClusterError(
            "Docker does not answer: `docker info` did not end within 30 s.",
            "Restart Docker and try again.",
        ) from error
    if not info.get("ServerVersion"):
        finished = docker("version", timeout=30, check=False)
        raise _engine_trouble(finished) or ClusterError(
            f"Docker does not answer: {finished.last_words}", "Start Docker and try again."
        )
    return DockerInfo(
        version=info["ServerVersion"],
        cgroup_version=str(info.get("CgroupVersion", "2")),
        root=Path(info.get("DockerRootDir", "/var/lib/docker")),
        memory_bytes=int(info.get("MemTotal", 0)),
    )


def _info() -> dict[str, Any]:
    printed = docker("info", "--format", "{{json .}}", timeout=30, check=False).out
    try:
        return dict(json.loads(printed))
    except ValueError:
        return {}


def require_room(info: DockerInfo) -> None:
    """Refuse to begin where the disk is too full for a new cluster.

    Raises:
        ClusterError: less than `NEEDED_DISK_GB` is free where Docker keeps its data.
    """
    if not info.root.exists():
        return  # Docker runs in a virtual machine; its disk cannot be seen from here
    free = shutil.disk_usage(info.root).free / 1e9
    if free < NEEDED_DISK_GB:
        raise ClusterError(
            f"The disk is nearly full: {free:.1f} GB are free in {info.root}, and a cluster needs "
            f"{NEEDED_DISK_GB} GB.",
            "Make room, for example with `docker system prune`, and try again.",
        )


def node_containers(cluster: str) -> Mapping[str, str]:
    """Return the state of each node container (`running`, `paused`, `exited`, …) by name."""
    listed = docker(
        "ps", "--all", "--filter", f"label={_NODE_LABEL}={cluster}", "--format",
        "{{.Names}}\t{{.State}}",
    ).out  # fmt: skip
    return dict(line.split("\t") for line in sorted(listed.splitlines()))


def remove_nodes(cluster: str, *, half_made: bool) -> None:
    """Remove every node container of a cluster.

    Args:
        cluster: The cluster's name.
        half_made: Whether a kind may have been killed that was making it: then containers may
            still come, and are waited for.

    Raises:
        ClusterError: they cannot be removed.
    """
    settle = _SETTLE if half_made else 0
    last = time.monotonic()
    refused = ""

    def gone() -> bool:
        nonlocal last, refused
        if containers := node_containers(cluster):
            refused = docker(
                "rm", "--force", "--volumes", *containers, timeout=120, check=False
            ).last_words
            last = time.monotonic()
            return not settle and not node_containers(cluster)
        return time.monotonic() - last >= settle

    wait_for(
        gone,
        timeout=120,
        what=f"Docker to remove the containers of '{cluster}'",
        seen=lambda: refused,
        do="Restart Docker and try again.",
    )


def has_image(image: str) -> bool:
    """Whether Docker holds an image already."""
    return docker("image", "inspect", "--format", "{{.Id}}", image, check=False).code == 0


def _engine_trouble(finished: Finished) -> NodebynodeError | None:
    """Return the error that a docker command's output means, if the engine is the trouble."""
    text = finished.err.lower()
    if "permission denied" in text and ("socket" in text or "docker.sock" in text):
        return ClusterError(
            "Docker runs, but this user has no right to use it.",
            "Add yourself to the group: `sudo usermod -aG docker $USER`, log out and in again.",
        )
    if "cannot connect" in text or "is the docker daemon running" in text:
        if host := os.environ.get("DOCKER_HOST"):
            return ClusterError(
                f"Docker is installed, but nobody answers at {host}, which DOCKER_HOST names.",
                "Start Docker there, or unset DOCKER_HOST, and try again.",
            )
        return ClusterError(
            "Docker is installed, but it does not run.",
            "Start Docker Desktop, or `sudo systemctl start docker`, and try again.",
        )
    if "no space left on device" in text:
        return ClusterError(
            "Docker has no space left on its disk.",
            "Make room, for example with `docker system prune`, and try again.",
        )
    return None
