"""What all providers do alike: one cluster of a name, its folder, its doors, putting it back."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from nodebynode import settings, tools
from nodebynode.cluster import clearing, restore
from nodebynode.cluster.base import Capabilities, ClusterStatus
from nodebynode.cluster.folder import Folder, Record
from nodebynode.cluster.nodes import node_words
from nodebynode.errors import ApiError, BadInput, ClusterError
from nodebynode.kube import Api, Kind, Kubectl
from nodebynode.reporting import Reporter, Silent, Step
from nodebynode.waiting import wait_for

_READY_TIMEOUT = 120.0


class TrainingCluster:
    """A cluster of our own name, with our own kubeconfig file; a provider fills in the rest.

    Args:
        name: The cluster's name; its nodes' names begin with it.
        reporter: Told what takes long.
    """

    provider: str
    capabilities: Capabilities

    def __init__(self, name: str, reporter: Reporter | None = None) -> None:
        self.name = name
        self._reporter: Reporter = reporter or Silent()
        self._folder = Folder(name)

    @cached_property
    def api(self) -> Api:
        """The door to the API server."""
        self._require_record()
        return Api(self._folder.kubeconfig)

    @cached_property
    def kubectl(self) -> Kubectl:
        """Kubectl on this cluster."""
        self._require_record()
        return Kubectl(tools.resolve(tools.KUBECTL, self._reporter), self._folder.kubeconfig)

    @property
    def workers(self) -> tuple[str, ...]:
        """The names of the three workers, in zone order."""
        return tuple(f"{self.name}-worker{number}" for number in ("", "2", "3"))

    def reset(self) -> list[str]:
        """Put everything back without new nodes: nodes, namespaces, what lies in `default`."""
        self._require_record()
        with self._folder.locked(self._reporter):
            return self.put_back()

    def put_back(self, *, keep_namespaces: frozenset[str] = frozenset()) -> list[str]:
        """Heal and restore the nodes, and remove what learners made.

        Args:
            keep_namespaces: Namespaces to leave as they are.

        Returns:
            What was undone, a sentence each.
        """
        record = self._require_record()
        undone = self._heal_all(record)
        if undone:
            self._wait_ready()
        if self._folder.balancer_off.exists():
            self.switch_balancer(True)
            undone.append("the cloud's load balancer was off, and is on again")
        undone += restore.restore_nodes(self.api, record.nodes)
        return undone + clearing.remove_leftovers(self.api, keep_namespaces)

    def service_url(self, namespace: str, service: str) -> str:
        """Return the address on 127.0.0.1 of a Service of type NodePort or LoadBalancer.

        Raises:
            ApiError: there is no such Service.
            ClusterError: the Service has no NodePort.
        """
        found = self.api.get(Kind.SERVICE, service, namespace)
        node_port = (found["spec"].get("ports") or [{}])[0].get("nodePort")
        if node_port is None:
            raise ClusterError(
                f"Service {service} is of type {found['spec'].get('type')}: it has no NodePort, so "
                "nothing outside the cluster reaches it.",
                "Set `type: NodePort` in its spec.",
            )
        return f"http://127.0.0.1:{self._require_record().ports[node_port]}"

    def switch_balancer(self, on: bool) -> None:
        """Switch the course's cloud on or off; without it a LoadBalancer stays `<pending>`."""
        self._require_record()
        with settings.writing(self._folder.balancer_off, "NODEBYNODE_HOME"):
            if on:
                self._folder.balancer_off.unlink(missing_ok=True)
            else:
                self._folder.balancer_off.touch()

    # ── for providers ────────────────────────────────────────────────────────────────────────

    def _heal_all(self, record: Record) -> list[str]:
        """Bring every node back to work; returns what was undone, in words."""
        raise NotImplementedError

    def _not_ready(self, api: Api) -> dict[str, str]:
        """Return what is not Ready, in words by node; empty when all is well."""
        states = dict.fromkeys((f"{self.name}-control-plane", *self.workers), "has not joined")
        try:
            states |= node_words(api.list(Kind.NODE))
        except ApiError as error:
            return {**states, "the API server": error.seen}
        return {node: state for node, state in states.items() if not state.startswith("Ready")}

    def _wait_ready(
        self, step: Step | None = None, *, node: str | None = None, every: float = 0.2
    ) -> None:
        """Wait until all nodes are Ready, or only one of them."""
        missing: dict[str, str] = {}
        api = Api(self._folder.kubeconfig)

        def ready() -> bool:
            missing.clear()
            missing.update(self._not_ready(api))
            if step:
                step.update("waiting for " + ", ".join(missing))
            return not missing if node is None else node not in missing

        wait_for(
            ready,
            timeout=_READY_TIMEOUT,
            what=f"{node or 'four nodes'} to be Ready",
            seen=lambda: ", ".join(f"{name}: {state}" for name, state in missing.items()),
            do=f"Try {self._command('down')} and {self._command('up')}.",
            every=every,
        )

    def _moved(self, ports: Mapping[int, int]) -> None:
        """Say so when ports had to be others than usual."""
        if moved := sum(node != host for node, host in ports.items()):
            self._reporter.note(
                f"{moved} of the ports {min(ports)} to {max(ports)} are taken on this machine; "
                "others lead to the cluster instead (`nodebynode status --json` lists them)."
            )

    def _status(
        self,
        state: str,
        explanation: str,
        nodes: Mapping[str, str] | None = None,
        record: Record | None = None,
        version: str | None = None,
    ) -> ClusterStatus:
        return ClusterStatus(
            name=self.name,
            provider=self.provider,
            state=state,
            explanation=explanation,
            nodes=dict(nodes or {}),
            kubeconfig=self._folder.kubeconfig if record else None,
            server_version=version,
            ports=record.ports if record else {},
        )

    def _require_record(self) -> Record:
        record = self._folder.read()
        if record is None:
            raise ClusterError(
                f"Cluster '{self.name}' is not up.", f"Start it with {self._command('up')}."
            )
        return record

    def _require_worker(self, name: str) -> None:
        if name not in self.workers:
            raise BadInput(f"'{name}' is no worker.", f"The workers are {', '.join(self.workers)}.")

    def _command(self, verb: str) -> str:
        return f"`{settings.command(verb, self.name)}`"

    def _forget_connections(self) -> None:
        for cached in ("api", "kubectl"):
            self.__dict__.pop(cached, None)
