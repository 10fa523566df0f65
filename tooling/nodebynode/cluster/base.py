"""What every provider of a cluster can do, so that labs need not know which one they run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from nodebynode.kube import Api, Kubectl


class NodeFailure(StrEnum):
    """A way in which a node fails."""

    FREEZE = "freeze"
    """Nothing on it runs any more, and nobody is told."""
    POWER_OFF = "power-off"
    """It is switched off; its Pods' processes end."""
    KUBELET_DEAD = "kubelet-dead"
    """Its kubelet has stopped; its containers go on."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider offers, and what it only models.

    Attributes:
        containers: Pods are real containers.
        node_failures: The failures that `fail_node` can bring about.
        modelled: What is played rather than real, in words for the learner.
    """

    containers: bool
    node_failures: frozenset[NodeFailure]
    modelled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """A cluster as it was found.

    Attributes:
        name: The cluster's name.
        provider: `kind`, …
        state: `absent`, `foreign`, `half-made`, `stopped`, `starting`, `degraded`, `running`.
        explanation: One sentence about the state, with what to do when there is something.
        nodes: Each node's condition in words, by name.
        kubeconfig: The cluster's own kubeconfig file, when it has one.
        server_version: The API server's version, when it answers.
        ports: Ports of 127.0.0.1 by the NodePort that they lead to.
    """

    name: str
    provider: str
    state: str
    explanation: str
    nodes: Mapping[str, str] = field(default_factory=dict)
    kubeconfig: Path | None = None
    server_version: str | None = None
    ports: Mapping[int, int] = field(default_factory=dict)


class Cluster(Protocol):
    """A training cluster: one control plane and three workers that may be broken at will."""

    name: str
    capabilities: Capabilities

    @property
    def api(self) -> Api:
        """The door to the API server; `ClusterError` when the cluster is not up."""

    @property
    def kubectl(self) -> Kubectl:
        """Kubectl on this cluster, with its own kubeconfig."""

    @property
    def workers(self) -> tuple[str, ...]:
        """The names of the nodes that take Pods, in zone order."""

    def start(self) -> None:
        """Create the cluster, or wake and reuse it; returns when every node is Ready."""

    def reset(self) -> list[str]:
        """Put everything back without new nodes; returns what was undone, in words."""

    def stop(self, *, purge: bool = False) -> bool:
        """End the cluster; False when there was none.

        A provider that can keep what is stored keeps it for the next `start`, unless `purge` asks
        that all files go; kind always removes everything.
        """

    def status(self) -> ClusterStatus:
        """Look at the cluster without changing it."""

    def load_app(self) -> None:
        """Make the course's app images present on every node."""

    def put_back(self, *, keep_namespaces: frozenset[str] = frozenset()) -> list[str]:
        """Heal and restore the nodes, remove leftovers; returns what was undone, in words."""

    def service_url(self, namespace: str, service: str) -> str:
        """Return the address on this machine where a Service answers."""

    def switch_balancer(self, on: bool) -> None:
        """Switch on or off what gives addresses to Services of type LoadBalancer."""

    def fail_node(self, name: str, how: NodeFailure) -> None:
        """Make a worker fail."""

    def heal_node(self, name: str) -> None:
        """Undo whatever failure a node has; waits until it is Ready."""
