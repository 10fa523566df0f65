"""A worker that fails because a learner asked for it: what `lab.freeze` and `lab.heal` do.

No kubectl command makes a node fail, so this is an act in Python. It marks itself in the recording,
and putting the cluster back undoes it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from nodebynode.cluster import Cluster, NodeFailure
from nodebynode.course.look import listed
from nodebynode.errors import BadInput

FROZEN = re.compile(r'lab\.freeze\("(.+)"\)')
"""The act as the recording has it; its group is the worker."""


class Freezer:
    """Freezes and heals the workers of a cluster.

    Args:
        cluster: The cluster.
        mark: Marks what is done in the recording, just before it is done.
    """

    def __init__(self, cluster: Cluster, mark: Callable[[str], None]) -> None:
        self._cluster, self._mark = cluster, mark
        self._frozen = set[str]()

    def freeze(self, node: str) -> None:
        """Stop all that runs on a worker, at once; the cluster notices in its own time.

        Raises:
            BadInput: It is none of the workers.
        """
        name = self._worker(node)
        if name in self._frozen:
            print(f"{name} is frozen already.")
            return
        self._mark(f'lab.freeze("{name}")')
        self._cluster.fail_node(name, NodeFailure.FREEZE)
        self._frozen.add(name)
        print(
            f"{name} is frozen: nothing on it runs, and it tells nobody. "
            f'`lab.heal("{name}")` ends that.'
        )

    def heal(self, node: str) -> None:
        """Let a worker go on, and wait until it is Ready.

        Raises:
            BadInput: It is none of the workers.
            ClusterError: It was not Ready in time.
        """
        name = self._worker(node)
        self._mark(f'lab.heal("{name}")')
        began = time.monotonic()
        self._cluster.heal_node(name)
        self._frozen.discard(name)
        print(f"{name} is Ready, {time.monotonic() - began:.0f} s after it was healed.")

    def _worker(self, node: str) -> str:
        """A worker's name; `node/NAME`, as `kubectl get -o name` prints it, is one, too."""
        workers = self._cluster.workers
        name = node.strip().removeprefix("node/") if isinstance(node, str) else node
        if name not in workers:
            raise BadInput(
                f"{node!r} is none of the workers.",
                f"They are {listed(workers)}. Nothing else can be frozen or healed here.",
            )
        return name
