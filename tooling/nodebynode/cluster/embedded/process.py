"""The supervisor as seen from outside: whether it runs, starting it, ending it, what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nodebynode.cluster import background
from nodebynode.cluster.embedded.files import Files


@dataclass(frozen=True, slots=True)
class ComponentState:
    """What the supervisor says of one of its children.

    Attributes:
        name: The component.
        state: `waiting`, `running`, `restarting`, `ending` or `ended`.
        restarts: How often it had to be started again.
        last_words: What it said before it died the last time.
        log: Where all that it says goes.
    """

    name: str
    state: str
    restarts: int
    last_words: str
    log: Path


def start_supervisor(files: Files) -> subprocess.Popen[bytes]:
    """Start the supervisor; it ends with us until `release` has let it go."""
    log = files.log("supervisor")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "nodebynode.cluster.embedded.supervisor", str(files.folder)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
        )


def release(supervisor: subprocess.Popen[bytes]) -> None:
    """Let a supervisor outlive us."""
    assert supervisor.stdin is not None  # noqa: S101 - it was started so
    supervisor.stdin.write(b"go\n")
    supervisor.stdin.close()
    supervisor.returncode = 0  # it is nobody's child any more: Popen must not wait for it


def is_running(files: Files) -> bool:
    """Whether a supervisor holds the cluster's lock."""
    return background.is_held(files.lock)


def end(files: Files) -> None:
    """End the supervisor and with it everything that it runs.

    Raises:
        ClusterError: it does not end.
    """
    background.end(files.lock, "the supervisor")


def component_states(files: Files) -> Mapping[str, ComponentState]:
    """Return what the supervisor says of its children; empty when it has said nothing."""
    try:
        told = json.loads(files.components.read_text())["components"]
        return {
            name: ComponentState(
                name, one["state"], one["restarts"], one["last_words"], files.log(name)
            )
            for name, one in told.items()
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}
