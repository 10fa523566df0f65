"""Choosing the provider of a cluster: the one it has, the one asked for, or the one that fits."""

from __future__ import annotations

import os
from dataclasses import dataclass

from nodebynode import settings
from nodebynode.cluster.base import Cluster
from nodebynode.cluster.docker import DockerInfo, require_docker, require_room
from nodebynode.cluster.embedded.provider import EmbeddedCluster
from nodebynode.cluster.folder import Folder
from nodebynode.cluster.kind import KindCluster
from nodebynode.errors import BadInput, ClusterError, NodebynodeError
from nodebynode.reporting import Reporter

PROVIDERS = ("kind", "embedded")
SETTING = "NODEBYNODE_PROVIDER"
NEEDED_MEMORY_GB = 3.0
"""Four kind nodes were seen to take 1.5 GB; Docker and the labs' Pods need some more."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A provider, and why it is this one.

    Attributes:
        provider: `kind` or `embedded`.
        why: One sentence; empty when there was nothing to choose.
    """

    provider: str
    why: str = ""


def open_cluster(
    name: str | None = None,
    reporter: Reporter | None = None,
    *,
    provider: str | None = None,
    tell: bool = False,
) -> Cluster:
    """Return the cluster of a name, which need not exist yet.

    Args:
        name: Its name; otherwise `NODEBYNODE_CLUSTER`, or the default.
        reporter: Told what takes long.
        provider: `kind`, `embedded` or `auto`; otherwise `NODEBYNODE_PROVIDER`, or `auto`.
        tell: Say which provider was chosen and why, where one was chosen.

    Raises:
        BadInput: there is no such provider.
        ClusterError: the cluster is there, and another provider made it.
    """
    chosen_name = settings.cluster_name(name)
    choice = choose(chosen_name, provider)
    if tell and choice.why and reporter:
        reporter.note(choice.why)
    made: type[KindCluster | EmbeddedCluster]
    made = KindCluster if choice.provider == "kind" else EmbeddedCluster
    return made(chosen_name, reporter)


def choose(name: str, provider: str | None = None) -> Choice:
    """Return the provider of a cluster; see `open_cluster` for arguments and errors."""
    asked = provider or os.environ.get(SETTING) or "auto"
    if asked not in (*PROVIDERS, "auto"):
        raise BadInput(f"'{asked}' is no provider.", f"Choose {', '.join(PROVIDERS)} or auto.")
    there = Folder(name).provider
    if there and asked not in (there, "auto"):
        raise ClusterError(
            f"Cluster '{name}' is there, and it is {_article(there)} cluster.",
            f"Remove it with `{settings.command('down --purge', name)}`, or give yours another "
            "name with --cluster.",
        )
    if there or asked != "auto":
        return Choice(there or asked)
    return _best()


def _best() -> Choice:
    """Prefer real containers where Docker is well and has room for them."""
    try:
        info = require_docker()
        require_room(info)
        _require_memory(info)
    except NodebynodeError as error:
        why = error.seen.rstrip(".")
        return Choice("embedded", f"The cluster is embedded, without Docker. ({why}.)")
    return Choice("kind", "The cluster is made by kind, in Docker, which is here and has room.")


def _require_memory(info: DockerInfo) -> None:
    if 0 < info.memory_bytes < NEEDED_MEMORY_GB * 1e9:
        raise ClusterError(
            f"Docker has {info.memory_bytes / 1e9:.1f} GB of memory, and kind needs "
            f"{NEEDED_MEMORY_GB:.0f} GB."
        )


def _article(provider: str) -> str:
    return "an embedded" if provider == "embedded" else f"a {provider}"
