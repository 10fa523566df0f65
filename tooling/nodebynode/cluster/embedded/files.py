"""Where everything of one embedded cluster lies, for those who write it and those who read it.

Light on purpose: the supervisor imports it, and stays small for as long as the cluster runs.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_TAIL_BYTES = 16_384
"""As much of a log's end as is looked through; a Go program's crash fits well."""


class Files:
    """The files of the embedded cluster in a folder.

    Args:
        folder: The cluster's own folder (`cluster.folder.Folder.path`).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self.record = folder / "cluster.json"
        self.certificates = folder / "certificates"
        self.etcd = folder / "etcd"
        self.logs = folder / "logs"
        self.plan = folder / "plan.json"
        self.components = folder / "components.json"
        self.lock = folder / "supervisor.lock"
        self.agent_settings = folder / "agent.json"
        self.failures = folder / "failures.json"
        self.balancer_off = folder / "balancer-off"
        self.pods = folder / "pods"

    def log(self, component: str) -> Path:
        """Return where a component's output goes; the output before its last start is beside it."""
        return self.logs / f"{component}.log"

    def certificate(self, name: str) -> Path:
        """Return a certificate's file."""
        return self.certificates / f"{name}.crt"

    def key(self, name: str) -> Path:
        """Return a private key's file."""
        return self.certificates / f"{name}.key"

    def component_kubeconfig(self, component: str) -> Path:
        """Return the kubeconfig of a component; the admin's is `kubeconfig`."""
        return self.folder / f"{component}.kubeconfig"


def write_private(file: Path, content: str | bytes) -> None:
    """Write a file that only its owner may read, in one step: a reader sees the old or the new."""
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    data = content.encode() if isinstance(content, str) else content
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(data)
    part.replace(file)


def rotate(log: Path) -> None:
    """Keep the log of the start before this one, and no older one."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))


def last_words(log: Path, lines: int = 3) -> str:
    """Return the last lines of a log, for a message; empty when there is none.

    Of a Go program that crashed it is the line that says why, and not the calls below it.
    """
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    said = [line[:400] for line in text.strip().splitlines()]
    crashed = [line for line in said if line.startswith(("panic: ", "fatal error: "))]
    return "\n".join(crashed[-1:] or said[-lines:])


def free_gigabytes(folder: Path) -> float:
    """Return what is free on the disk where a folder is, or will be."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return shutil.disk_usage(there).free / 1e9
