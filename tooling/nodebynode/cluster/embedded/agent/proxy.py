"""The kube-proxy of the node through which this machine's traffic enters, as with kind's ports.

Each new connection to a Service's NodePort goes to one ready endpoint, all with equal chances, and
stays there for its life. Like kube-proxy it does not follow each change of the EndpointSlices at
once: its rules are made anew at most once a second (minSyncPeriod), the first change at once. That
second is why an app that ends too quickly loses requests, here as on a real cluster.

It listens on all its ports from its start, and cuts the connections that lead nowhere. A port that
was free for a while could be taken by another program, or another cluster, whose answers would then
look like the Service's. Docker, behind kind's ports, accepts and cuts as well.

Rules: kubernetes `pkg/proxy/topology.go` (which endpoints), `pkg/proxy/runner` (when).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from nodebynode.cluster.embedded.agent.splice import Address, Listener
from nodebynode.kube import Json, Kind

_MIN_SYNC = 1.0
_SERVICE = "kubernetes.io/service-name"
_SERVED = ("NodePort", "LoadBalancer")


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of new connections to one NodePort.

    Attributes:
        endpoints: Pods' addresses and ports, one of which is chosen.
        affinity: Seconds for which one client keeps its endpoint; 0 when each connection is free.
    """

    endpoints: tuple[Address, ...]
    affinity: float = 0


class Proxy:
    """Listens on the NodePorts of all Services, and leads connections to Pods.

    Args:
        node: The node that it plays; for `externalTrafficPolicy: Local`.
        ports: Ports of 127.0.0.1 by NodePort.
        dial: Where a Pod's port is on this machine; None when nobody has that address.
        note: Writes a line to the agent's log.
        min_sync: Seconds from one making of the rules to the next, at least.
    """

    def __init__(
        self,
        *,
        node: str,
        ports: Mapping[int, int],
        dial: Callable[[str, int], Address | None],
        note: Callable[[str], None],
        min_sync: float = _MIN_SYNC,
    ) -> None:
        self._node, self._ports, self.dial, self._note = node, ports, dial, note
        self._min_sync = min_sync
        self._objects: dict[Kind, dict[str, Json]] = {Kind.SERVICE: {}, Kind.ENDPOINT_SLICE: {}}
        self._rules: dict[int, Rule] = {}
        self._stuck: dict[tuple[int, str], tuple[Address, float]] = {}
        self._listeners: dict[int, Listener] = {}
        self._changed = asyncio.Event()

    # ── rules ────────────────────────────────────────────────────────────────────────────────

    def changed(self, kind: Kind, change: str, item: Json) -> None:
        """Take note of a change of a Service or an EndpointSlice; the next sync looks at it."""
        uid = str(item["metadata"]["uid"])
        if change == "DELETED":
            self._objects[kind].pop(uid, None)
        else:
            self._objects[kind][uid] = item
        self._changed.set()

    async def run(self) -> None:
        """Make the rules anew after each change, no more often than allowed, until cancelled."""
        try:
            self.sync()
            while True:
                await self._changed.wait()
                self._changed.clear()
                began = time.monotonic()
                self.sync()
                await asyncio.sleep(self._min_sync - (time.monotonic() - began))
        finally:
            for listener in self._listeners.values():
                listener.close()

    def sync(self) -> None:
        """Make the rules anew, and listen on the ports that could not be had until now."""
        self._rules = dict(self._make_rules())
        for port in set(self._ports.values()) - set(self._listeners):
            try:
                self._listeners[port] = Listener(port, partial(self.choose, port))
            except OSError as error:
                self._note(f"port {port} of 127.0.0.1 cannot be had: {error.strerror}")
                self._changed.set()  # try again with the next sync

    def _make_rules(self) -> Iterator[tuple[int, Rule]]:
        """Yield the rule of each port of 127.0.0.1 that has somewhere to lead to."""
        for service in self._objects[Kind.SERVICE].values():
            try:
                yield from self._rules_of(service)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                self._note(f"Service {service['metadata'].get('name')} is odd: {error!r}")

    def _rules_of(self, service: Json) -> list[tuple[int, Rule]]:
        spec = service.get("spec") or {}
        if spec.get("type") not in _SERVED:
            return []
        found = []
        for port in spec.get("ports") or ():
            host = self._ports.get(port.get("nodePort"))
            if host is None or port.get("protocol", "TCP") != "TCP":
                continue
            if endpoints := self._endpoints(service, port.get("name") or ""):
                found.append((host, Rule(endpoints, _affinity(spec))))
        return found

    def _endpoints(self, service: Json, port: str) -> tuple[Address, ...]:
        """Return the ready endpoints; without one, those that are leaving and still serve."""
        ready: set[Address] = set()
        leaving: set[Address] = set()
        local = service["spec"].get("externalTrafficPolicy") == "Local"
        for item in self._slices(service):
            ports = item.get("ports") or ()
            numbers = [one.get("port") for one in ports if (one.get("name") or "") == port]
            for endpoint in item.get("endpoints") or ():
                if local and endpoint.get("nodeName") != self._node:
                    continue
                state = endpoint.get("conditions") or {}
                found = {(ip, number) for ip in endpoint["addresses"] for number in numbers}
                if state.get("ready") is not False:
                    ready |= found
                elif state.get("serving") and state.get("terminating"):
                    leaving |= found
        return tuple(sorted(ready or leaving))

    def _slices(self, service: Json) -> Iterator[Json]:
        metadata = service["metadata"]
        for item in self._objects[Kind.ENDPOINT_SLICE].values():
            labels = item["metadata"].get("labels") or {}
            same = item["metadata"].get("namespace") == metadata.get("namespace")
            if same and labels.get(_SERVICE) == metadata["name"]:
                yield item

    # ── connections ──────────────────────────────────────────────────────────────────────────

    def choose(self, port: int, client: str) -> Address | None:
        """Return where a new connection to a port of 127.0.0.1 goes, on this machine."""
        rule = self._rules.get(port)
        if rule is None:
            return None
        chosen = random.choice(rule.endpoints)  # noqa: S311 - equal shares, not secrets
        if rule.affinity:
            now = time.monotonic()
            known, until = self._stuck.get((port, client), (chosen, 0.0))
            chosen = known if known in rule.endpoints and now < until else chosen
            self._stuck[port, client] = (chosen, now + rule.affinity)
        return self.dial(*chosen)


def _affinity(spec: Json) -> float:
    if spec.get("sessionAffinity") != "ClientIP":
        return 0
    given = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    return float(given.get("timeoutSeconds") or 10800)
