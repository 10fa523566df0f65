"""The embedded provider: a real control plane and our node agent as processes of this machine."""

from __future__ import annotations

import json
import shutil
import socket
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from nodebynode import settings, tools
from nodebynode.cluster import restore
from nodebynode.cluster.base import Capabilities, ClusterStatus, NodeFailure
from nodebynode.cluster.embedded import certificates, components, process, rights
from nodebynode.cluster.embedded.files import Files, free_gigabytes, write_private
from nodebynode.cluster.embedded.plan import Plan
from nodebynode.cluster.folder import Record
from nodebynode.cluster.kind_config import choose_ports
from nodebynode.cluster.nodes import node_words
from nodebynode.cluster.training import TrainingCluster
from nodebynode.errors import ApiError, ClusterError, NodebynodeError
from nodebynode.kube import Api, Kind
from nodebynode.reporting import Reporter, Step
from nodebynode.waiting import wait_for

_API_TIMEOUT = 60.0
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_NEEDED_GB = 1.0
_HOPELESS = 2
"""So many restarts of a component while a cluster starts mean that it will never stay up."""
_HEALED = {
    NodeFailure.FREEZE: "was frozen, and goes on",
    NodeFailure.POWER_OFF: "was switched off, and is on again",
    NodeFailure.KUBELET_DEAD: "had no kubelet running, and has one again",
}


class EmbeddedCluster(TrainingCluster):
    """A cluster without Docker: etcd, API server, controllers and scheduler, and nodes played."""

    provider = "embedded"
    capabilities = Capabilities(
        containers=False,
        node_failures=frozenset(NodeFailure),
        modelled=(
            "the nodes, with 4 CPU and 8 GiB each",
            "Pods, which are processes of this machine and not containers",
        ),
    )

    def __init__(self, name: str, reporter: Reporter | None = None) -> None:
        super().__init__(name, reporter)
        self._files = Files(self._folder.path)

    # ── what others use ──────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Start the cluster, with what was kept of it; returns when four nodes are Ready.

        Raises:
            BadInput: the folder cannot be written.
            MissingTool: the control plane's program is not here and cannot be built.
            ClusterError: it does not come up; nothing is left running.
        """
        with self._folder.locked(self._reporter):
            if self._is_well():
                return
            self._require_readable()
            self._require_room()
            binary = tools.resolve(tools.CONTROL_PLANE, self._reporter)
            process.end(self._files)
            record = self._folder.read()
            text = f"Start the cluster '{self.name}'" if record else f"Create '{self.name}'"
            with (
                self._reporter.step(text) as step,
                settings.writing(self._folder.path, "NODEBYNODE_HOME"),
            ):
                self._bring_up(binary, record, step)

    def stop(self, *, purge: bool = False) -> bool:
        """End the cluster's processes; what is stored is kept for the next `start`, or purged."""
        with self._folder.locked(self._reporter):
            running = process.is_running(self._files)
            if running:
                with self._reporter.step(f"End cluster '{self.name}'"):
                    process.end(self._files)
            there = running or (purge and self._folder.claimed)
            if purge or not self._files.record.exists():
                self._folder.remove()
                self._folder.remove_lock()
        self._forget_connections()
        return there

    def load_app(self) -> None:
        """Do nothing: the app is part of the node agent."""

    def fail_node(self, name: str, how: NodeFailure) -> None:
        """Make a worker fail; returns at once, the cluster notices in its own time."""
        self._require_worker(name)
        self._write_failures({**self._failures(), name: NodeFailure(how)})

    def heal_node(self, name: str) -> None:
        """Undo a node's failure and wait until the cluster calls it Ready."""
        self._require_worker(name)
        failures = self._failures()
        failures.pop(name, None)
        self._write_failures(failures)
        self._wait_ready(node=name)

    def status(self) -> ClusterStatus:
        """Look at processes and API, and change nothing."""
        record = self._folder.read()
        if not process.is_running(self._files):
            if not self._folder.claimed:
                return self._status("absent", f"It is not there. {self._command('up')} makes it.")
            if self._files.record.exists() and record is None:
                why = (
                    f"{self._files.record} is damaged. {self._command('down --purge')} removes it."
                )
                return self._status("half-made", why)
            if record is None:
                why = f"It was never finished. {self._command('up')} makes it anew."
                return self._status("half-made", why)
            why = f"Its data is kept. {self._command('up')} starts it again."
            return self._status("stopped", why, record=record)
        if record is None:
            return self._status("starting", f"{self._command('up')} waits for it.")
        try:
            nodes = node_words(self.api.list(Kind.NODE))
            version = self.api.request("GET", "/version")["gitVersion"]
        except ApiError as error:
            why = " ".join(filter(None, [self._troubles(), error.seen]))
            return self._status("degraded", f"{why} {self._command('up')} starts it anew.")
        bad = [node for node, state in nodes.items() if not state.startswith("Ready")]
        if bad:
            why = f"Not Ready: {', '.join(bad)}. {self._command('reset')} heals it."
            return self._status("degraded", why, nodes, record, version)
        if troubles := self._troubles():
            return self._status("degraded", troubles, nodes, record, version)
        why = " ".join(["All nodes are Ready.", *self._restarts()])
        return self._status("running", why, nodes, record, version)

    # ── starting ─────────────────────────────────────────────────────────────────────────────

    def _bring_up(self, binary: Path, record: Record | None, step: Step) -> None:
        """Start everything; what was begun is ended again when it does not come up."""
        if record is None:
            self._folder.claim(self.provider)
        self._forget_connections()
        before = record.ports if record else None  # others may have taken some since
        ports = choose_ports(self._folder.ports_of_others(), before)
        self._moved(ports)
        step.update("certificates")
        certificates.ensure(self._files, components.node_names(self.name))
        listening = self._choose_listening()
        components.write_kubeconfigs(self._files, self.name, listening.api)
        components.write_agent_settings(self._files, self.name, ports)
        components.make_plan(self._files, binary, listening).write(self._files.plan)
        self._write_failures({})
        self._files.components.unlink(missing_ok=True)
        began = datetime.now(UTC)
        supervisor = process.start_supervisor(self._files)
        try:
            step.update("the API server")
            api = Api(self._folder.kubeconfig)
            self._wait_api(api)
            rights.grant(api)
            step.update("four nodes Ready")
            self._wait_leases(api, began)
            self._wait_ready(step, every=0.05)
            self._folder.write(
                Record(
                    provider=self.provider,
                    image=components.KUBERNETES,
                    app="",
                    ports=ports,
                    nodes=record.nodes if record else restore.baseline(api),
                )
            )
            process.release(supervisor)
        except BaseException as error:
            supervisor.communicate(timeout=30)  # this closes its standard input: it ends
            if record is None:
                self._remove_half_made(keep_logs=isinstance(error, NodebynodeError))
            raise

    def _remove_half_made(self, *, keep_logs: bool) -> None:
        """Remove all files, save for the logs when an error names them."""
        if not keep_logs:
            self._folder.remove()
            return
        for path in self._folder.path.iterdir():
            if path.is_dir() and path != self._files.logs:
                shutil.rmtree(path, ignore_errors=True)
            elif path.is_file():
                path.unlink()

    def _wait_leases(self, api: Api, began: datetime) -> None:
        """Wait until every node has given a sign of life; kept data calls it Ready before that."""
        silent: set[str] = set()
        first: dict[str, str | None] = {}  # a clock that was set back makes every sign look old

        def all_heard() -> bool:
            leases = api.request("GET", _LEASES)["items"]
            renewed = {one["metadata"]["name"]: one["spec"].get("renewTime") for one in leases}
            silent.clear()
            for node in components.node_names(self.name):
                when = renewed.get(node)
                known = first.setdefault(node, when)
                if not when or (when == known and datetime.fromisoformat(when) < began):
                    silent.add(node)
            return not silent

        wait_for(
            all_heard,
            timeout=_API_TIMEOUT,
            what="the node agent to report its nodes",
            seen=lambda: f"nothing from {', '.join(sorted(silent))}. {self._troubles()}",
            do=f"Look into {self._files.log('node-agent')}.",
            every=0.05,
        )

    def _wait_api(self, api: Api) -> None:
        """Wait for the API server; a component that dies again and again ends the wait."""

        def ready() -> bool:
            for one in process.component_states(self._files).values():
                if one.restarts >= _HOPELESS:
                    raise ClusterError(
                        f"{one.name} does not stay up. It says: {one.last_words}",
                        f"All that it said is in {one.log}. If what is stored is damaged, "
                        f"{self._command('down --purge')} and {self._command('up')} begin anew.",
                    )
            return api.ready()

        wait_for(
            ready,
            timeout=_API_TIMEOUT,
            what="the API server to be ready",
            seen=lambda: self._troubles(),
            do=f"Look into {self._files.logs}.",
            every=0.05,
        )

    def _choose_listening(self) -> components.Ports:
        """Return ports of 127.0.0.1: the API server's of before where it is free, else new ones."""
        try:
            before = Plan.read(self._files.plan).port
        except (OSError, ValueError, KeyError, TypeError):
            before = 0
        with ExitStack() as held:

            def hold(port: int) -> int:
                taken = held.enter_context(socket.socket())
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                taken.bind(("127.0.0.1", port))
                return int(taken.getsockname()[1])

            try:
                api = hold(before)
            except OSError:
                api = hold(0)
            return components.Ports(api, hold(0), hold(0))

    def _require_readable(self) -> None:
        """Refuse to make a new cluster over the data of one whose record is damaged."""
        if self._files.record.exists() and self._folder.read() is None:
            raise ClusterError(
                f"The cluster's data is damaged: {self._files.record} cannot be read.",
                f"{self._command('down --purge')} and {self._command('up')} begin anew.",
            )

    def _require_room(self) -> None:
        free = free_gigabytes(self._folder.path)
        if free < _NEEDED_GB:
            raise ClusterError(
                f"The disk is nearly full: {free:.1f} GB are free in {self._folder.path.parent}, "
                f"and a cluster needs {_NEEDED_GB:.0f} GB.",
                "Make room, or set NODEBYNODE_HOME to another folder.",
            )

    # ── looking and healing ──────────────────────────────────────────────────────────────────

    def _is_well(self) -> bool:
        """Whether it runs and can be used as it is, failed nodes healed."""
        if self._folder.read() is None or not process.is_running(self._files):
            return False
        if not self.api.ready():
            return False
        for node, how in self._heal_failures().items():
            self._reporter.note(f"{node} {how}")
        if self._not_ready(self.api):
            with self._reporter.step("Wait for the nodes") as step:
                self._wait_ready(step)
        return True

    def _heal_all(self, record: Record) -> list[str]:
        if not process.is_running(self._files):
            raise ClusterError(
                f"Cluster '{self.name}' is stopped.", f"Start it with {self._command('up')}."
            )
        undone = [f"{node} {how}" for node, how in self._heal_failures().items()]
        missing = set(record.nodes) - set(node_words(self.api.list(Kind.NODE)))
        if missing:
            self._write_failures({})  # a kubelet that starts registers its node anew
        return undone + [
            f"{node} was deleted from the cluster, and has joined it again"
            for node in sorted(missing)
        ]

    def _heal_failures(self) -> dict[str, str]:
        """Undo every failure; returns what each node needed, in words."""
        failures = self._failures()
        if failures:
            self._write_failures({})
        return {node: _HEALED[how] for node, how in failures.items()}

    def _failures(self) -> dict[str, NodeFailure]:
        try:
            written = json.loads(self._files.failures.read_text())
            return {node: NodeFailure(how) for node, how in written.items()}
        except (OSError, ValueError, AttributeError):
            return {}

    def _write_failures(self, failures: dict[str, NodeFailure]) -> None:
        with settings.writing(self._files.failures, "NODEBYNODE_HOME"):
            write_private(self._files.failures, json.dumps(failures))

    def _troubles(self) -> str:
        """Tell which components do not run, and where to look; empty when all do."""
        said = [
            f"{one.name} is {one.state} (log: {one.log})."
            for one in process.component_states(self._files).values()
            if one.state != "running"
        ]
        return " ".join(said)

    def _restarts(self) -> list[str]:
        return [
            f"{one.name} has been restarted {one.restarts} times (log: {one.log}.1)."
            for one in process.component_states(self._files).values()
            if one.restarts
        ]
