"""The kind provider: a control plane and three workers as containers of the local Docker."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from nodebynode import settings, tools
from nodebynode.cluster import app_images, clearing, restore
from nodebynode.cluster.base import Capabilities, ClusterStatus, NodeFailure
from nodebynode.cluster.docker import (
    docker,
    node_containers,
    remove_nodes,
    require_docker,
    require_room,
)
from nodebynode.cluster.folder import Folder, Record, unfinished
from nodebynode.cluster.kind_config import choose_ports, kind_config
from nodebynode.cluster.kind_create import create_cluster, load_archive, node_image
from nodebynode.cluster.kind_waking import (
    heal,
    heal_all,
    mend_kubeconfig,
    rejoin,
)
from nodebynode.cluster.nodes import node_words
from nodebynode.errors import ApiError, BadInput, ClusterError, NodebynodeError
from nodebynode.kube import Api, Kind, Kubectl
from nodebynode.reporting import Reporter, Silent, Step
from nodebynode.waiting import wait_for

_FOREIGN = "It was not made by nodebynode, or from another NODEBYNODE_HOME."
_READY_TIMEOUT = 120.0


class KindCluster:
    """A kind cluster of our own name, with our own kubeconfig file.

    Args:
        name: The cluster's name; its containers' names begin with it.
        reporter: Told what takes long.
    """

    capabilities = Capabilities(containers=True, node_failures=frozenset(NodeFailure))

    def __init__(self, name: str, reporter: Reporter | None = None) -> None:
        self.name = name
        self._reporter: Reporter = reporter or Silent()
        self._folder = Folder(name)

    # ── what others use ──────────────────────────────────────────────────────────────────────

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

    def start(self) -> None:
        """Create the cluster, or wake and reuse it; returns when four nodes are Ready.

        Raises:
            MissingTool, ClusterError: Docker or kind cannot do it; nothing half-made stays.
        """
        info = require_docker()
        with self._folder.locked(self._reporter):
            if self._reuse():
                return
            require_room(info)
            kind = tools.resolve(tools.KIND, self._reporter)
            archive = app_images.app_archive(self._reporter)
            self._create(kind, archive, info.cgroup_version)

    def stop(self) -> bool:
        """Remove the cluster's containers and files."""
        require_docker()
        with self._folder.locked(self._reporter):
            containers = node_containers(self.name)
            self._require_ours(containers)
            there = bool(containers)
            if there:
                with self._reporter.step(f"Remove cluster '{self.name}'"):
                    self._remove()
            elif self._folder.claimed:
                self._remove()  # what a killed run asked Docker for may still come
            self._folder.remove()
            self._folder.remove_lock()
        self._forget_connections()
        return there

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
        self._require_whole(record)
        undone = [f"{node} {how}" for node, how in heal_all(self.name).items()]
        undone += rejoin(set(record.nodes) - set(node_words(self.api.list(Kind.NODE))))
        if undone:
            self._wait_ready()
        undone += restore.restore_nodes(self.api, record.nodes)
        return undone + clearing.remove_leftovers(self.api, keep_namespaces)

    def load_app(self) -> None:
        """Load the app's images into every node."""
        kind = tools.resolve(tools.KIND, self._reporter)
        load_archive(kind, self._folder, app_images.app_archive(self._reporter))

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

    def fail_node(self, name: str, how: NodeFailure) -> None:
        """Make a worker fail; returns at once, the cluster notices in its own time."""
        self._require_worker(name)
        how = NodeFailure(how)
        if how is NodeFailure.FREEZE:
            docker("pause", name)
        elif how is NodeFailure.POWER_OFF:
            docker("stop", "--time", "1", name)
        else:
            docker("exec", name, "systemctl", "stop", "kubelet")

    def heal_node(self, name: str) -> None:
        """Undo a node's failure and wait until the cluster calls it Ready."""
        self._require_worker(name)
        heal(name, node_containers(self.name).get(name, "absent"))
        self._wait_ready(node=name)

    def status(self) -> ClusterStatus:
        """Look at containers and API, and change nothing."""
        containers = node_containers(self.name)
        record = self._folder.read()
        if not containers and record is None:
            return self._status("absent", f"It is not there. {self._command('up')} makes it.")
        if containers and not self._folder.claimed:
            return self._status("foreign", f"{_FOREIGN} It is left alone.", containers)
        if record is None or set(containers) != set(record.nodes):
            return self._status(
                "half-made",
                f"{unfinished(record, containers)} {self._command('up')} makes it anew.",
                containers,
            )
        if all(state == "exited" for state in containers.values()):
            return self._status("stopped", f"Docker stopped it. {self._command('up')} wakes it.")
        return self._running_status(containers, record)

    # ── making and waking ────────────────────────────────────────────────────────────────────

    def _reuse(self) -> bool:
        """Wake the cluster that is there; remove what cannot be used. True when it is usable."""
        containers, record = node_containers(self.name), self._folder.read()
        if not containers and not self._folder.claimed:
            return False
        self._require_ours(containers)
        if record is not None and set(containers) == set(record.nodes):
            try:
                self._wake(record)
                return True
            except NodebynodeError as error:
                self._reporter.note(f"The cluster that is there does not come up: {error.seen}")
        with self._reporter.step("Remove a cluster that an earlier run left half-made"):
            self._remove()
        return False

    def _wake(self, record: Record) -> None:
        healed = heal_all(self.name)
        for node, how in healed.items():
            self._reporter.note(f"{node} {how}")
        mend_kubeconfig(self._folder, self._reporter)
        if healed or self._not_ready(Api(self._folder.kubeconfig)):
            with self._reporter.step("Wake the cluster") as step:
                self._wait_ready(step)
        if record.app != app_images.content_hash():
            self.load_app()
            self._folder.write(self._record(record.ports))

    def _create(self, kind: Path, archive: Path, cgroup_version: str) -> None:
        ports = choose_ports()
        if moved := sum(node != host for node, host in ports.items()):
            self._reporter.note(
                f"{moved} of the ports {min(ports)} to {max(ports)} are taken on this machine; "
                "others lead to the cluster instead (`nodebynode status --json` lists them)."
            )
        try:
            with (
                self._reporter.step(f"Create the cluster '{self.name}'") as step,
                settings.writing(self._folder.path, "NODEBYNODE_HOME"),
            ):
                config = kind_config(ports, cgroup_version=cgroup_version)
                create_cluster(kind, self._folder, config, archive, step)
                step.update("four nodes Ready")
                self._wait_ready(step)
                self._folder.write(self._record(ports))
        except BaseException:
            with self._reporter.step("Remove the half-made cluster"):
                self._remove()
            raise

    def _remove(self) -> None:
        whole = self._folder.read() is not None
        self._folder.forget()
        self._forget_connections()
        remove_nodes(self.name, half_made=not whole)

    # ── nodes ────────────────────────────────────────────────────────────────────────────────

    def _not_ready(self, api: Api) -> dict[str, str]:
        """Return what is not Ready, in words by node; empty when all is well."""
        states = dict.fromkeys((f"{self.name}-control-plane", *self.workers), "has not joined")
        try:
            states |= node_words(api.list(Kind.NODE))
        except ApiError as error:
            return {**states, "the API server": error.seen}
        return {node: state for node, state in states.items() if not state.startswith("Ready")}

    def _wait_ready(self, step: Step | None = None, *, node: str | None = None) -> None:
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
        )

    def _record(self, ports: Mapping[int, int]) -> Record:
        return Record(
            provider="kind",
            image=node_image() or "kind's default",
            app=app_images.content_hash(),
            ports=ports,
            nodes=restore.baseline(Api(self._folder.kubeconfig)),
        )

    # ── looking ──────────────────────────────────────────────────────────────────────────────

    def _running_status(self, containers: Mapping[str, str], record: Record) -> ClusterStatus:
        odd = {node: state for node, state in containers.items() if state != "running"}
        try:
            api = self.api
        except ApiError as error:
            return self._status("degraded", f"{error.seen} {error.do}", containers)
        try:
            nodes = node_words(api.list(Kind.NODE))
            version = api.request("GET", "/version")["gitVersion"]
        except ApiError as error:
            return self._without_api(error, containers)
        nodes |= {node: f"container {state}" for node, state in odd.items()}
        bad = [node for node, state in nodes.items() if not state.startswith("Ready")]
        if bad:
            return self._status(
                "degraded",
                f"Not Ready: {', '.join(bad)}. {self._command('reset')} heals it.",
                nodes, record, version,
            )  # fmt: skip
        return self._status("running", "All nodes are Ready.", nodes, record, version)

    def _without_api(self, error: ApiError, containers: Mapping[str, str]) -> ClusterStatus:
        odd = [node for node, state in containers.items() if state != "running"]
        if odd:
            explanation = f"Not running: {', '.join(odd)}. {self._command('up')} wakes it."
            return self._status("degraded", explanation, containers)
        return self._status(
            "starting", f"{error.seen} {self._command('up')} waits for it.", containers
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
            provider="kind",
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

    def _require_whole(self, record: Record) -> None:
        containers = node_containers(self.name)
        if set(containers) != set(record.nodes):
            raise ClusterError(
                f"Cluster '{self.name}' is not whole. {unfinished(record, containers)}",
                f"Make it anew with {self._command('up')}.",
            )

    def _require_ours(self, containers: Mapping[str, str]) -> None:
        if containers and not self._folder.claimed:
            raise ClusterError(
                f"There is a kind cluster '{self.name}'. {_FOREIGN}",
                f"Choose another name with --cluster, or remove it yourself: "
                f"`kind delete cluster --name {self.name}`.",
            )

    def _require_worker(self, name: str) -> None:
        if name not in self.workers:
            raise BadInput(f"'{name}' is no worker.", f"The workers are {', '.join(self.workers)}.")

    def _command(self, verb: str) -> str:
        return f"`{settings.command(verb, self.name)}`"

    def _forget_connections(self) -> None:
        for cached in ("api", "kubectl"):
            self.__dict__.pop(cached, None)
