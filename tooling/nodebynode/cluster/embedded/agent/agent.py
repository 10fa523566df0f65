"""The node agent: every node of the cluster in one process, fed by one watch of each kind."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from nodebynode.cluster.balancer import Balancer
from nodebynode.cluster.base import NodeFailure
from nodebynode.cluster.embedded.agent.door import Door
from nodebynode.cluster.embedded.agent.kubelet_api import KubeletApi, LogFile, LogMissing
from nodebynode.cluster.embedded.agent.node import Node, NodeSettings
from nodebynode.cluster.embedded.agent.pod import Pod
from nodebynode.cluster.embedded.agent.ports import LocalPorts
from nodebynode.cluster.embedded.agent.proxy import Proxy
from nodebynode.cluster.embedded.agent.spawner import Spawner
from nodebynode.cluster.embedded.files import Files
from nodebynode.kube import Api, Json, Kind
from nodebynode.kube.reflector import Change, ChangeType, Reflector

_POLL_SECONDS = 0.1
_WATCHED = (Kind.SERVICE, Kind.ENDPOINT_SLICE, Kind.POD)


class Agent:
    """All nodes of one cluster.

    Args:
        files: The cluster's files.
    """

    def __init__(self, files: Files) -> None:
        given = json.loads(files.agent_settings.read_text())
        self._files = files
        self._api = Api(Path(given["kubeconfig"]))
        self._door = Door(self._api, note)
        self._spawner = Spawner(given["cluster"])
        self._services: dict[str, Json] = {}
        self._by_ip: dict[str, Pod] = {}
        self._nodes = self._make_nodes(given)
        ports = {int(node): int(host) for node, host in given["ports"].items()}
        entry = next(node.name for node in self._nodes.values() if node.settings.control_plane)
        self._proxy = Proxy(node=entry, ports=ports, dial=self._dial, note=note)
        self._balancer = partial(Balancer, self._api, ports)

    def _make_nodes(self, given: Json) -> dict[str, Node]:
        ports = LocalPorts()
        state = Path(given["state"])
        return {
            one["name"]: self._make_node(
                NodeSettings(
                    name=one["name"],
                    zone=one["zone"],
                    control_plane=one["role"] == "control-plane",
                    number=number,
                    version=given["version"],
                    lease_seconds=given["lease_seconds"],
                ),
                given,
                ports,
                state / one["name"],
            )
            for number, one in enumerate(given["nodes"])
        }

    def _make_node(
        self, settings: NodeSettings, given: Json, ports: LocalPorts, state: Path
    ) -> Node:
        kubelet_api = KubeletApi(
            certificate=Path(given["kubelet_cert"]),
            key=Path(given["kubelet_key"]),
            client_ca=Path(given["ca"]),
            logs=lambda *of: self._log(settings.name, *of),
            note=note,
        )
        return Node(
            settings,
            door=self._door,
            spawner=self._spawner,
            ports=ports,
            state=state,
            lookup=self._lookup,
            services=self._services_of,
            kubelet_api=kubelet_api,
            note=note,
        )

    async def run(self) -> None:
        """Play the nodes until cancelled; then end every Pod's process and every listener."""
        loop = asyncio.get_running_loop()

        def hear(change: Change) -> None:
            loop.call_soon_threadsafe(self._changed, change)

        with ExitStack() as stack:
            stack.callback(self._spawner.close)
            stack.callback(self._door.close)
            for kind in _WATCHED:
                stack.enter_context(Reflector(self._api, kind, hear))
            async with asyncio.TaskGroup() as work:
                for node in self._nodes.values():
                    work.create_task(node.run())
                work.create_task(self._proxy.run())
                work.create_task(self._obey_files())

    # ── what is heard ────────────────────────────────────────────────────────────────────────

    def _changed(self, change: Change) -> None:
        """Pass a change on to whom it concerns; what one object does wrong stops no other."""
        try:
            if change.kind is Kind.POD:
                self._pod_changed(change)
                return
            if change.kind is Kind.SERVICE:
                uid = change.object["metadata"]["uid"]
                self._services[uid] = change.object
                if change.type is ChangeType.DELETED:
                    del self._services[uid]
            self._proxy.changed(change.kind, change.type, change.object)
        except Exception as error:  # ours, but a learner's other Pods must go on
            note(f"{change.kind.plural} {change.object['metadata'].get('name')}: {error!r}")

    def _pod_changed(self, change: Change) -> None:
        node = self._nodes.get(change.object["spec"].get("nodeName", ""))
        if node is None:
            return
        uid = change.object["metadata"]["uid"]
        if change.type is ChangeType.DELETED:
            node.pod_gone(uid)
            return
        node.pod_changed(change.object)
        self._by_ip[node.pods[uid].ip] = node.pods[uid]

    async def _obey_files(self) -> None:
        """Follow what the provider has written down: which nodes fail, whether there is a cloud."""
        seen: object = None
        balancer: Balancer | None = None
        try:
            while True:
                if (written := _version(self._files.failures)) != seen:
                    seen = written
                    self._fail_nodes()
                wanted = not self._files.balancer_off.exists()
                if wanted and balancer is None:
                    balancer = self._balancer()
                    balancer.start()
                elif not wanted and balancer is not None:
                    await asyncio.to_thread(balancer.stop)
                    balancer = None
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            if balancer is not None:
                balancer.stop(withdraw=False)

    def _fail_nodes(self) -> None:
        try:
            failures = json.loads(self._files.failures.read_text())
        except (OSError, ValueError):
            failures = {}
        for name, node in self._nodes.items():
            how = failures.get(name)
            node.fail(NodeFailure(how) if how in set(NodeFailure) else None)

    # ── what nodes ask for ───────────────────────────────────────────────────────────────────

    def _lookup(self, kind: Kind, namespace: str, name: str) -> Json | None:
        return self._api.find(kind, name, namespace)

    def _services_of(self, namespace: str) -> list[Json]:
        return [one for one in self._services.values() if one["metadata"]["namespace"] == namespace]

    def _dial(self, ip: str, port: int) -> tuple[str, int] | None:
        """Return where a Pod's port is on this machine."""
        pod = self._by_ip.get(ip)
        return pod.dial(port) if pod else None

    def _log(self, node: str, namespace: str, name: str, container: str, previous: bool) -> LogFile:
        pods = list(self._nodes[node].pods.values())
        pod = next((one for one in pods if (one.namespace, one.name) == (namespace, name)), None)
        if pod is None:
            raise LogMissing(f'pods "{name}" not found', 404)
        found = next((one for one in (*pod.main, *pod.init) if one.name == container), None)
        if found is None:
            raise LogMissing(f"container {container} not found in pod {name}_{namespace}", 404)
        run = found.view.restarts - previous
        file = pod.log_file(container, run)
        if previous and (run < 0 or not file.exists()):
            where = f'container "{container}" in pod "{name}"'
            raise LogMissing(f"previous terminated {where} not found", 400)
        if not found.view.container_id:
            why = found.view.state.get("waiting", {}).get("reason", "")
            where = f'container "{container}" in pod "{name}"'
            raise LogMissing(f"{where} is waiting to start: {why}", 400)
        process = found.process

        def ended() -> bool:
            return previous or process is None or process.ended.done()

        return LogFile(file, ended)


def _version(file: Path) -> object:
    try:
        found = file.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ino)


def note(text: str) -> None:
    """Write a line to the agent's log."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(f"{stamp} {text}", file=sys.stderr, flush=True)
