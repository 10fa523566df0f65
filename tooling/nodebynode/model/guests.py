"""What stands on a node that is to be drained, and what `kubectl drain` says to it at first sight.

Sources: kubectl `pkg/drain/filters.go`; kubernetes `pkg/controller/disruption/disruption.go` and
`pkg/registry/core/pod/storage/eviction.go`;
https://kubernetes.io/docs/tasks/run-application/configure-pdb/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from nodebynode.errors import BadInput
from nodebynode.state import resolve_fenceposts


class Owner(Enum):
    """Who makes the Pods."""

    REPLICASET = "ReplicaSet"
    DAEMONSET = "DaemonSet"
    NOBODY = "nobody"
    STATIC = "the kubelet, from a file"


@dataclass(frozen=True, slots=True)
class DisruptionBudget:
    """A PodDisruptionBudget over all Pods of an app; one of the two amounts is given.

    Attributes:
        min_available: A number of Pods or a percentage of the replicas, which rounds up.
        max_unavailable: Likewise.
        always_allow: Whether `unhealthyPodEvictionPolicy` is AlwaysAllow: a Pod that is not ready
            may then leave whatever the budget says.
    """

    min_available: int | str | None = None
    max_unavailable: int | str | None = None
    always_allow: bool = False

    @property
    def rule(self) -> str:
        """What it asks for: `minAvailable 2` or `maxUnavailable 1`."""
        if self.min_available is None:
            return f"maxUnavailable {self.max_unavailable}"
        return f"minAvailable {self.min_available}"

    def desired(self, replicas: int) -> int:
        """How many Pods must stay healthy.

        Raises:
            BadInput: None or both of the amounts are given, or one cannot be read.
        """
        if self.min_available is None and self.max_unavailable is not None:
            return max(0, replicas - _up(self.max_unavailable, replicas))
        if self.min_available is not None and self.max_unavailable is None:
            return _up(self.min_available, replicas)
        seen = "A budget has either minAvailable or maxUnavailable."
        raise BadInput(seen, "Give one of the two.")


@dataclass(frozen=True, slots=True)
class App:
    """Pods of one kind, some of them on the node.

    Attributes:
        name: Its name; the Pods on the node are `name-1`, `name-2` …
        here: How many of its Pods are on the node.
        elsewhere: How many are ready on other nodes.
        unready: How many of those on the node run, and are not ready.
        startup: Seconds until a replacement is ready; None for never.
        grace: Seconds until an evicted Pod is gone.
        budgets: The budgets that select its Pods.
        owner: Who makes its Pods.
        local_storage: Whether its Pods have an `emptyDir` volume.
        room: How many replacements find a node: None for any number, 0 for none at all.
        namespace: Its namespace.
    """

    name: str = "web"
    here: int = 1
    elsewhere: int = 0
    unready: int = 0
    startup: float | None = 1.0
    grace: float = 1.0
    budgets: tuple[DisruptionBudget, ...] = ()
    owner: Owner = Owner.REPLICASET
    local_storage: bool = False
    room: int | None = None
    namespace: str = "default"

    @property
    def replicas(self) -> int:
        """How many Pods there are to be."""
        return self.here + self.elsewhere

    @property
    def pods(self) -> tuple[str, ...]:
        """The Pods on the node; those that are not ready come last."""
        return tuple(f"{self.name}-{number}" for number in range(1, self.here + 1))

    def check(self) -> None:
        """Raise where such an app cannot be.

        Raises:
            BadInput: A number is negative, more Pods are not ready than there are, or a budget
                cannot be read.
        """
        counts = (self.here, self.elsewhere, self.unready, self.grace)
        if min(*counts, self.startup or 0, self.room or 0) < 0:
            raise BadInput(f"{self.name}: a number is negative.", "Choose 0 or more.")
        if self.unready > self.here:
            seen = f"{self.name}: {self.unready} of {self.here} Pods cannot be unready."
            raise BadInput(seen, f"Choose {self.here} or fewer.")
        for budget in self.budgets:
            budget.desired(self.replicas)


@dataclass(frozen=True, slots=True)
class Flags:
    """Flags of `kubectl drain`.

    Attributes:
        ignore_daemonsets: Leave the Pods of DaemonSets running, rather than refuse.
        delete_emptydir_data: Evict Pods with local storage too, rather than refuse.
        force: Evict Pods that nobody makes anew too, rather than refuse. It overrides no budget.
        disable_eviction: Delete rather than evict: budgets are not asked.
        timeout: Seconds after which it gives up; 0 for never.
    """

    ignore_daemonsets: bool = False
    delete_emptydir_data: bool = False
    force: bool = False
    disable_eviction: bool = False
    timeout: int = 0


def refusals(apps: Sequence[App], flags: Flags) -> tuple[str, ...]:
    """The clauses with which a drain refuses to begin, as kubectl prints them; none lets it begin.

    Of the reasons for a Pod kubectl tells the first. The order of the clauses varies from run to
    run there.
    """
    found = dict[str, list[str]]()
    for app in apps:
        if app.here and (clause := _refusal(app, flags)):
            found.setdefault(clause, []).extend(f"{app.namespace}/{pod}" for pod in app.pods)
    return tuple(f"{clause}: {', '.join(pods)}" for clause, pods in found.items())


def warnings(apps: Sequence[App], flags: Flags) -> tuple[str, ...]:
    """What a drain warns of and does nevertheless, as kubectl prints it."""
    forced = "deleting Pods that declare no controller" if flags.force else ""
    said = {Owner.DAEMONSET: "ignoring DaemonSet-managed Pods", Owner.NOBODY: forced}
    return tuple(
        f"{said[app.owner]}: {', '.join(f'{app.namespace}/{pod}' for pod in app.pods)}"
        for app in apps
        if app.here and said.get(app.owner)
    )


def stays(app: App) -> bool:
    """Whether a drain leaves the Pods of an app alone."""
    return app.owner in (Owner.DAEMONSET, Owner.STATIC)


def _refusal(app: App, flags: Flags) -> str:
    if app.owner is Owner.STATIC:
        return ""
    if app.owner is Owner.DAEMONSET:
        if flags.ignore_daemonsets:
            return ""
        return "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"
    if app.local_storage and not flags.delete_emptydir_data:
        return "cannot delete Pods with local storage (use --delete-emptydir-data to override)"
    if app.owner is Owner.NOBODY and not flags.force:
        return "cannot delete Pods that declare no controller (use --force to override)"
    return ""


def _up(amount: int | str, replicas: int) -> int:
    """An amount in Pods; a percentage rounds up, as that of a surge does."""
    return resolve_fenceposts(amount, 0, replicas)[0]
