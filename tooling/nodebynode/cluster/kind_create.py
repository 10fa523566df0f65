"""Making a kind cluster: `kind create`, with the app's images loaded while the nodes start."""

from __future__ import annotations

import os
import re
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from nodebynode.cluster.folder import Folder
from nodebynode.cluster.kind_trouble import explain
from nodebynode.cluster.kind_waking import quiet_environment
from nodebynode.processes import CommandFailed, run
from nodebynode.reporting import Step

_STEP = re.compile(r"^ [•✓✗] (?P<text>[\x20-\x7e]+)")
_CREATE_TIMEOUT = 600.0
_LOAD_WHEN = "Joining worker nodes"
"""Before, loading would hold up the control plane's start; after, the start of the nodes' Pods."""


def node_image() -> str | None:
    """Return the node image that is asked for, or None for kind's own (`NODEBYNODE_KIND_IMAGE`)."""
    return os.environ.get("NODEBYNODE_KIND_IMAGE") or None


def create_cluster(kind: Path, folder: Folder, config: str, archive: Path, step: Step) -> None:
    """Run `kind create`, loading the app's images while the workers join.

    Args:
        kind: kind's program.
        folder: The cluster's folder, which is claimed first; it keeps kind's output.
        config: kind's configuration.
        archive: The app's images.
        step: Told kind's own steps.

    Raises:
        ClusterError: kind could not make it; its containers stay, for the caller to remove.
    """
    folder.claim("kind")
    command: list[str | Path] = [
        kind, "create", "cluster", "--name", folder.name, "--config", "-",
        "--kubeconfig", folder.kubeconfig, "--retain",
    ]  # fmt: skip
    if image := node_image():
        command += ["--image", image]
    with ThreadPoolExecutor(1) as pool, folder.log.open("w", buffering=1) as log:
        loading: list[Future[bool]] = []

        def on_line(line: str) -> None:
            log.write(line + "\n")
            if match := _STEP.match(line):
                step.update(match["text"].strip())
            if _LOAD_WHEN in line and not loading:
                loading.append(pool.submit(_try_load, kind, folder, archive))

        try:
            run(command, timeout=_CREATE_TIMEOUT, env=quiet_environment(folder),
                stdin=config, on_line=on_line)  # fmt: skip
        except CommandFailed as error:
            raise explain(error.finished, folder.log) from error
    if not (loading and loading[0].result()):
        step.update("loading the app's images")
        load_archive(kind, folder, archive)


def load_archive(kind: Path, folder: Folder, archive: Path) -> None:
    """Load the images of an archive into every node.

    Raises:
        CommandFailed: a node could not take them.
    """
    command: list[str | Path] = [kind, "load", "image-archive", archive, "--name", folder.name]
    run(command, timeout=300, env=quiet_environment(folder))


def _try_load(kind: Path, folder: Folder, archive: Path) -> bool:
    """Load the images early; a node that is not far enough yet is no error."""
    try:
        load_archive(kind, folder, archive)
    except CommandFailed:
        return False
    return True
