"""The kind provider: a control plane and three workers as containers of the local Docker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nodebynode import settings, tools
from nodebynode.cluster import app_images, background, balancer, restore
from nodebynode.cluster.base import Capabilities, ClusterStatus, NodeFailure
from nodebynode.cluster.docker import (
    docker,
    node_containers,
    remove_nodes,
    require_docker,
    require_room,
)
from nodebynode.cluster.folder import Record, unfinished
from nodebynode.cluster.kind_config import choose_ports, kind_config
from nodebynode.cluster.kind_create import create_cluster, load_archive, node_image
from nodebynode.cluster.kind_waking import (
    heal,
    heal_all,
    mend_kubeconfig,
    rejoin,
)
from nodebynode.cluster.nodes import node_words
from nodebynode.cluster.training import TrainingCluster
from nodebynode.errors import ApiError, ClusterError, NodebynodeError
from nodebynode.kube import Api, Kind

_FOREIGN = "It was not made by nodebynode, or from another NODEBYNODE_HOME."
_READY_TIMEOUT = 120.0


class KindCluster(TrainingCluster):
    """A kind cluster: its nodes are containers, whose names are the nodes'."""

    provider = "kind"
    capabilities = Capabilities(containers=True, node_failures=frozenset(NodeFailure))

    # ── what others use ──────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Create the cluster, or wake and reuse it; returns when four nodes are Ready.

        Raises:
            MissingTool, ClusterError: Docker or kind cannot do it; nothing half-made stays.
        """
        info = require_docker()
        with self._folder.locked(self._reporter):
            if self._reuse():
                self._update_app()
            else:
                require_room(info)
                kind = tools.resolve(tools.KIND, self._reporter)
                archive = app_images.app_archive(self._reporter)
                self._create(kind, archive, info.cgroup_version)
            balancer.ensure_running(self._folder)

    def stop(self, *, purge: bool = False) -> bool:
        """Remove the cluster's containers and files; kind keeps nothing, `purge` or not."""
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

    def load_app(self) -> None:
        """Load the app's images into every node."""
        kind = tools.resolve(tools.KIND, self._reporter)
        load_archive(kind, self._folder, app_images.app_archive(self._reporter))

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

    def _update_app(self) -> None:
        """Load the app where it has changed; a cluster that cannot get it stays as it is."""
        record = self._require_record()
        if record.app != app_images.content_hash():
            self.load_app()
            self._folder.write(self._record(record.ports))

    def _create(self, kind: Path, archive: Path, cgroup_version: str) -> None:
        ports = choose_ports(self._folder.ports_of_others())
        self._moved(ports)
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

    def _heal_all(self, record: Record) -> list[str]:
        self._require_whole(record)
        undone = [f"{node} {how}" for node, how in heal_all(self.name).items()]
        return undone + rejoin(set(record.nodes) - set(node_words(self.api.list(Kind.NODE))))

    def _remove(self) -> None:
        background.end(self._folder.balancer_lock, "the load balancer")
        whole = self._folder.read() is not None
        self._folder.forget()
        self._forget_connections()
        remove_nodes(self.name, half_made=not whole)

    def _record(self, ports: Mapping[int, int]) -> Record:
        return Record(
            provider=self.provider,
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
