"""kubectl, always with the cluster's own kubeconfig."""

from __future__ import annotations

import os
from contextlib import suppress
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

    def settings(self) -> dict[str, str]:
        """Return the environment variables that make `kubectl` mean this program on this cluster.

        Its discovery cache lies beside the kubeconfig, out of `~/.kube`, and a person's own
        aliases (`~/.kube/kuberc`) are off. PATH gets a folder that holds nothing but kubectl, so
        that its neighbours cannot stand in the way of other programs.
        """
        home = self.kubeconfig.parent
        link = home / "bin" / "kubectl"
        if not (link.is_symlink() and link.readlink() == self.program):
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            with suppress(FileExistsError):  # another process made it just now
                link.symlink_to(self.program)
        return {
            "KUBECONFIG": str(self.kubeconfig),
            "KUBERC": "off",
            "KUBECACHEDIR": str(home / "kubectl-cache"),
            "PATH": os.pathsep.join((str(link.parent), os.environ.get("PATH", ""))),
        }

    def environment(self) -> dict[str, str]:
        """Return this process's environment with `settings` laid over it."""
        return {**os.environ, **self.settings()}

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
