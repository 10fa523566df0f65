"""What a learner does to the cluster, read from the cells that they run."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ACTS = re.compile(
    r"kubectl\s+(?:annotate|apply|autoscale|cordon|create|debug|delete|drain|edit|evict|expose|"
    r"label|patch|replace|rollout\s+(?:pause|restart|resume|undo)|run|scale|set|taint|uncordon)\b"
)
_LONGEST = 70
_BASH = "%%bash"


def acts_of(cell: str) -> Iterator[str]:
    """Yield the commands of a cell that change something, each on one short line.

    Commands that only look (get, describe, logs, rollout status, wait) are none, nor is anything
    in a cell that is not bash: a Python cell that changes the cluster marks that itself.

    Args:
        cell: The cell as typed.
    """
    first, _, rest = cell.lstrip().partition("\n")
    if not first.startswith(_BASH):
        return
    for line in rest.replace("\\\n", " ").splitlines():
        command = " ".join(line.split("#")[0].split())
        if _ACTS.match(command):
            yield command if len(command) <= _LONGEST else f"{command[: _LONGEST - 1]}…"
