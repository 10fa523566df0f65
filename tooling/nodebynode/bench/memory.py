"""What an embedded cluster takes of this machine: memory and CPU of its processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from nodebynode.cluster.embedded.files import Files
from nodebynode.cluster.folder import Folder
from nodebynode.errors import ClusterError


@dataclass
class Weight:
    """What some processes took while they were watched; complete when the watch has ended.

    Attributes:
        megabytes: Their resident memory; what processes share is counted in each of them.
        cpu_seconds: Their CPU time, user and system.
    """

    megabytes: float = 0
    cpu_seconds: float = 0


@contextmanager
def watching(cluster: str, *, only: str = "") -> Iterator[Weight]:
    """Weigh the processes of an embedded cluster while a block runs.

    Args:
        cluster: Its name.
        only: How the module or program that is meant ends; all when empty.
    """
    watched = [one for one in _processes(cluster) if not only or _is(one, only)]
    weight, before = Weight(), sum(map(_cpu, watched))
    yield weight
    weight.megabytes = sum(one.memory_info().rss for one in watched) / 1e6
    weight.cpu_seconds = sum(map(_cpu, watched)) - before


def of_a_pod(cluster: str) -> float:
    """Return the mean memory of a Pod's process in MB: its own part, and its share of the rest."""
    pods = [one for one in _processes(cluster) if _is(one, "zygote.py")]
    return sum(one.memory_full_info().pss for one in pods) / len(pods) / 1e6


def _processes(cluster: str) -> list[psutil.Process]:
    try:
        supervisor = psutil.Process(int(Files(Folder(cluster).path).lock.read_text()))
    except (OSError, ValueError, psutil.Error) as error:
        raise ClusterError(f"Cluster '{cluster}' does not run.") from error
    return [supervisor, *supervisor.children(recursive=True)]


def _is(process: psutil.Process, program: str) -> bool:
    """Whether the program or module that a process runs is the one that is meant."""
    return any(word.endswith(program) for word in process.cmdline()[1:5])


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
