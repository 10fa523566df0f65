"""kubectl, always with the cluster's own kubeconfig."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from nodebynode.processes import Finished, run


@dataclass(frozen=True, slots=True)
class Kubectl:
    """The program, and the cluster that it talks to.

    Attributes:
        program: kubectl's own file.
        kubeconfig: The cluster's own kubeconfig file.
        namespace: The namespace for every call, or the kubeconfig's.
    """

    program: Path
    kubeconfig: Path
    namespace: str | None = None

    def environment(self) -> dict[str, str]:
        """Return an environment in which `kubectl` is this program on this cluster.

        kubectl's discovery cache is moved beside the kubeconfig too, out of `~/.kube`.
        """
        folders = [str(self.program.parent), os.environ.get("PATH", "")]
        return {
            **os.environ,
            "KUBECONFIG": str(self.kubeconfig),
            "KUBERC": "off",  # ~/.kube/kuberc holds a person's own aliases and defaults
            "KUBECACHEDIR": str(self.kubeconfig.parent / "kubectl-cache"),
            "PATH": os.pathsep.join(folders),
        }

    def __call__(
        self, *args: str, stdin: str | None = None, timeout: float = 60, check: bool = True
    ) -> Finished:
        """Run kubectl to its end.

        Args:
            args: Its arguments.
            stdin: Text for `-f -`.
            timeout: Seconds.
            check: Raise `CommandFailed` when it ends with an error.
        """
        place = ["--namespace", self.namespace] if self.namespace else []
        return run(
            [self.program, *place, *args],
            timeout=timeout,
            env=self.environment(),
            stdin=stdin,
            check=check,
        )
