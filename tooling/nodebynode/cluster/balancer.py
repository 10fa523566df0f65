"""The course's small cloud: a controller that gives Services of type LoadBalancer an address.

Without a cloud such a Service shows `<pending>` for ever. This controller plays the cloud's part:
it writes 127.0.0.1 and the port of this machine that leads to the Service into the Service's
status, follows it as it changes, and can be switched off, so that `<pending>` is seen again. What
another controller has written (cloud-provider-kind, say) is left alone.

In the embedded cluster it runs in the node agent, beside kind as a small process of its own:
`python -m nodebynode.cluster.balancer CLUSTER`, which ends when its cluster's record is gone.
"""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress

from nodebynode.cluster import background
from nodebynode.cluster.folder import Folder
from nodebynode.errors import ApiError, ClusterError
from nodebynode.kube import Api, Json, Kind, Reflector

ADDRESS = "127.0.0.1"
_POLL = 0.2
_JOIN_SECONDS = 5.0
_MERGE_PATCH = "application/merge-patch+json"


class Balancer:
    """Gives addresses, in a thread of its own, until stopped.

    Args:
        api: A connection that may read Services and patch their status.
        ports: Ports of 127.0.0.1 by NodePort.
        delay: Seconds until a new Service gets its address. A cloud takes half a minute; without
            any delay nobody would see `<pending>`.
    """

    def __init__(self, api: Api, ports: Mapping[int, int], *, delay: float = 1.0) -> None:
        self._api, self._ports, self._delay = api, ports, delay
        self._services = Reflector(api, Kind.SERVICE)
        self._since: dict[str, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="balancer", daemon=True)

    def start(self) -> None:
        """Begin to give addresses."""
        self._services.start()
        self._thread.start()

    def stop(self, *, withdraw: bool = True) -> None:
        """End; `withdraw` takes the addresses back, so that `<pending>` is seen again."""
        self._stopping.set()
        self._thread.join(_JOIN_SECONDS)
        if withdraw:
            for service in self._services.objects.values():
                if _given(service) and _is_ours(service):
                    self._write(service, None)
        self._services.stop()

    def _run(self) -> None:
        while not self._stopping.wait(_POLL):
            for service in self._services.objects.values():
                self._look_at(service)

    def _look_at(self, service: Json) -> None:
        wanted = self._wanted(service)
        given = _given(service)
        if not _is_ours(service) or wanted == given:
            return
        since = self._since.setdefault(service["metadata"]["uid"], time.monotonic())
        if wanted and time.monotonic() - since < self._delay:
            return
        if self._write(service, wanted or None) and wanted:
            self._tell(service, f"Ensured load balancer: {ADDRESS} port {wanted[0]['port']}")

    def _wanted(self, service: Json) -> list[Json]:
        """Return the ports of this machine for a Service; none when it is not for us."""
        spec = service.get("spec") or {}
        if spec.get("type") != "LoadBalancer" or spec.get("loadBalancerClass"):
            return []
        hosts = [self._ports.get(port.get("nodePort")) for port in spec.get("ports") or ()]
        return [{"port": host, "protocol": "TCP"} for host in hosts if host]

    def _write(self, service: Json, ports: list[Json] | None) -> bool:
        """Write the address; False when the server refused, which is tried again later."""
        # With `Proxy` kube-proxy does not take connections to this address for the Service's own.
        ingress = [{"ip": ADDRESS, "ipMode": "Proxy", "ports": ports}] if ports else None
        metadata = service["metadata"]
        path = Kind.SERVICE.path(metadata["namespace"], metadata["name"], "status")
        body = {"metadata": {"uid": metadata["uid"]}}
        body["status"] = {"loadBalancer": {"ingress": ingress}}
        try:
            self._api.request("PATCH", path, body=body, content_type=_MERGE_PATCH)
        except ApiError:
            return False
        return True

    def _tell(self, service: Json, message: str) -> None:
        metadata = service["metadata"]
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        event = {
            "metadata": {"name": f"{metadata['name']}.{secrets.token_hex(8)}"},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Service",
                **{key: metadata[key] for key in ("name", "namespace", "uid")},
            },
            "reason": "EnsuredLoadBalancer",
            "message": message,
            "type": "Normal",
            "source": {"component": "nodebynode-balancer"},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        with suppress(ApiError):  # an event is news, not work
            self._api.create(Kind.EVENT, event, metadata["namespace"])


def _given(service: Json) -> list[Json]:
    """Return the ports that our entry in a Service's status names."""
    balancer = (service.get("status") or {}).get("loadBalancer") or {}
    ports = [port for one in balancer.get("ingress") or () for port in one.get("ports") or ()]
    return [{"port": one["port"], "protocol": one.get("protocol", "TCP")} for one in ports]


def _is_ours(service: Json) -> bool:
    """Whether nobody else has given the Service an address."""
    balancer = (service.get("status") or {}).get("loadBalancer") or {}
    return all(one.get("ip") == ADDRESS for one in balancer.get("ingress") or ())


# ── beside kind: a process of its own ────────────────────────────────────────────────────────────


def ensure_running(folder: Folder) -> None:
    """Start the process, unless it runs."""
    if background.is_held(folder.balancer_lock):
        return
    with (folder.path / "balancer.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "nodebynode.cluster.balancer", folder.name],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
        )
    process.returncode = 0  # from here on it is nobody's child: Popen must not wait for it


def main(name: str) -> None:
    """Play the cloud of a cluster until its record is gone, or SIGTERM."""
    folder = Folder(name)
    try:
        background.hold(folder.balancer_lock)
    except ClusterError:
        return  # another one was quicker
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    balancer: Balancer | None = None
    while not told.wait(_POLL) and (record := folder.read()):
        off = folder.balancer_off.exists()
        if off and balancer is not None:
            balancer.stop()
            balancer = None
        elif not off and balancer is None:
            balancer = Balancer(Api(folder.kubeconfig), record.ports)
            balancer.start()
    if balancer is not None:
        balancer.stop(withdraw=False)


if __name__ == "__main__":
    main(sys.argv[1])
