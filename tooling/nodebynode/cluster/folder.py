"""A cluster's own folder: its kubeconfig, its record, and the lock that only one `up` can hold.

The claim is written first: containers of that name without one belong to somebody else, and are
never touched. The record is written last: a cluster without one was never finished, and is made
anew.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from filelock import FileLock, Timeout

from nodebynode import settings
from nodebynode.errors import ClusterError
from nodebynode.reporting import Reporter


@dataclass(frozen=True, slots=True)
class NodeBaseline:
    """A node's labels and taints as the cluster was made, for putting it back."""

    labels: Mapping[str, str]
    taints: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """What a finished cluster was made of.

    Attributes:
        provider: Which provider made it.
        image: The node image.
        app: The content hash of the app images on its nodes.
        ports: Ports of 127.0.0.1 by NodePort.
        nodes: The baseline of each node, by name.
    """

    provider: str
    image: str
    app: str
    ports: Mapping[int, int]
    nodes: Mapping[str, NodeBaseline]


def unfinished(record: Record | None, containers: Mapping[str, str]) -> str:
    """Tell what a cluster that is not whole lacks, in a sentence."""
    if record is None:
        return "It was never finished."
    gone = sorted(set(record.nodes) - set(containers))
    return f"These of its containers are gone: {', '.join(gone)}." if gone else "It has grown."


class Folder:
    """The files of the cluster of one name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = settings.data_dir() / "clusters" / name
        self.kubeconfig = self.path / "kubeconfig"
        self.log = self.path / "create.log"
        self.balancer_off = self.path / "balancer-off"
        self.balancer_lock = self.path / "balancer.lock"
        self._record = self.path / "cluster.json"
        self._lock = self.path.with_name(f"{name}.lock")
        self._owner = self.path.with_name(f"{name}.owner")
        self._claim = self.path / "made-by-nodebynode"

    @contextmanager
    def locked(self, reporter: Reporter, *, timeout: float = 600) -> Iterator[None]:
        """Hold the cluster's lock; whoever comes second waits, and is told for whom.

        Raises:
            BadInput: the folder cannot be written.
            ClusterError: the other run did not end within `timeout` seconds.
        """
        lock = FileLock(self._lock)
        with settings.writing(self.path.parent, "NODEBYNODE_HOME"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._acquire(lock, reporter, timeout)
        try:
            with settings.writing(self._owner, "NODEBYNODE_HOME"):
                self._owner.write_text(str(os.getpid()))
            yield
        finally:
            self._owner.unlink(missing_ok=True)
            lock.release()

    def _acquire(self, lock: FileLock, reporter: Reporter, timeout: float) -> None:
        try:
            lock.acquire(timeout=0)
            return
        except Timeout:
            who = self._who()
        with reporter.step(f"Wait for another nodebynode (process {who}) on '{self.name}'"):
            try:
                lock.acquire(timeout=timeout)
            except Timeout as error:
                raise ClusterError(
                    f"Another nodebynode (process {who}) has worked on cluster '{self.name}' for "
                    f"more than {timeout:.0f} s.",
                    "Wait for it or end it, then try again.",
                ) from error

    def _who(self) -> str:
        """Return the process that holds the lock, as far as it has said so yet."""
        try:
            return self._owner.read_text() or "unknown"
        except FileNotFoundError:
            return "unknown"

    def read(self) -> Record | None:
        """Return the record, or None when the cluster was never finished."""
        try:
            raw = json.loads(self._record.read_text())
            return Record(
                provider=raw["provider"],
                image=raw["image"],
                app=raw["app"],
                ports={int(node): int(host) for node, host in raw["ports"].items()},
                nodes={
                    name: NodeBaseline(node["labels"], tuple(node["taints"]))
                    for name, node in raw["nodes"].items()
                },
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None  # absent or damaged: either way there is nothing to rely on

    def write(self, record: Record) -> None:
        """Store the record in one step, so that a crash leaves the old one or the new one."""
        self.path.mkdir(parents=True, exist_ok=True)
        part = self._record.with_suffix(".part")
        part.write_text(json.dumps(asdict(record), indent=1))
        part.replace(self._record)

    @property
    def claimed(self) -> bool:
        """Whether containers of this name are ours: made, or begun, by us from this folder."""
        return self._claim.exists() or self._record.exists()

    @property
    def provider(self) -> str | None:
        """Who made this cluster, or has begun to; None when there is none of ours."""
        if record := self.read():
            return record.provider
        return self._claim.read_text() or "kind" if self._claim.exists() else None

    def claim(self, provider: str) -> None:
        """Say, before anything is made, that what comes is ours; the folder begins empty."""
        self.remove()
        self.path.mkdir(parents=True, mode=0o700)
        self._claim.write_text(provider)

    def ports_of_others(self) -> set[int]:
        """Return the ports of this machine that the other clusters of this home use or will use."""
        names = {file.parent.name for file in self.path.parent.glob("*/cluster.json")} - {self.name}
        records = [Folder(name).read() for name in names]
        return {port for record in records if record for port in record.ports.values()}

    def forget(self) -> None:
        """Remove the record: the cluster is no longer whole, though still ours."""
        self._record.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove all files of the cluster."""
        shutil.rmtree(self.path, ignore_errors=True)

    def remove_lock(self) -> None:
        """Remove the lock's file while it is held; who waits for it takes the next one."""
        self._lock.unlink(missing_ok=True)
