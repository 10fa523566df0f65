"""Bringing a kind cluster back to work: nodes that are stopped, a kubeconfig that is damaged."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from nodebynode import tools
from nodebynode.cluster.docker import docker, node_containers
from nodebynode.cluster.folder import Folder
from nodebynode.errors import ApiError
from nodebynode.kube import Api
from nodebynode.processes import run
from nodebynode.reporting import Reporter


def heal_all(cluster: str) -> dict[str, str]:
    """Bring every node of a cluster back to work at once; returns what each needed, in words."""
    states = node_containers(cluster)
    with ThreadPoolExecutor(max(1, len(states))) as pool:
        healed = pool.map(heal, states, states.values())
        return {node: how for node, how in zip(states, healed, strict=True) if how}


def heal(node: str, state: str) -> str:
    """Bring one node container back to work; returns what it needed, or an empty text."""
    if state in ("exited", "created"):
        docker("start", node)
        return "was switched off, and is on again"  # its kubelet comes with it
    words = []
    if state == "paused":
        docker("unpause", node)
        words.append("was frozen, and goes on")
    kubelet = docker("exec", node, "systemctl", "is-active", "kubelet", check=False)
    if kubelet.out.strip() in ("inactive", "failed"):
        docker("exec", node, "systemctl", "start", "kubelet")
        words.append("had no kubelet running, and has one again")
    return "; ".join(words)


def rejoin(missing: Iterable[str]) -> list[str]:
    """Let nodes join again whose Node objects were deleted; returns what was done, in words.

    A kubelet registers its node when it starts, and only then.
    """
    nodes = sorted(missing)
    for node in nodes:
        docker("exec", node, "systemctl", "restart", "kubelet")
    return [f"{node} was deleted from the cluster, and has joined it again" for node in nodes]


def mend_kubeconfig(folder: Folder, reporter: Reporter) -> None:
    """Ask the control plane for the kubeconfig again where ours is missing or damaged."""
    try:
        Api(folder.kubeconfig)
    except ApiError:
        kind = tools.resolve(tools.KIND, reporter)
        folder.kubeconfig.unlink(missing_ok=True)
        run(
            [kind, "export", "kubeconfig", "--name", folder.name,
             "--kubeconfig", folder.kubeconfig],
            timeout=60,
            env=quiet_environment(folder),
        )  # fmt: skip
        reporter.note("The cluster's kubeconfig was missing or damaged, and is written again.")


def quiet_environment(folder: Folder) -> dict[str, str]:
    """Return an environment in which no tool of kind's could touch another kubeconfig."""
    return {**os.environ, "KUBECONFIG": str(folder.kubeconfig)}
