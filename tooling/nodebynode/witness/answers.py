"""The good answers of a load, by who gave them: what tells that somebody was still there."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from nodebynode.witness.traffic import Traffic

Times = Mapping[str, Sequence[datetime]]


class Answers:
    """Who answered when.

    Attributes:
        began: When the load began; nobody could answer before.
    """

    def __init__(self, traffic: Traffic) -> None:
        pods, nodes = defaultdict[str, list[datetime]](list), defaultdict[str, list[datetime]](list)
        self.began = traffic.began
        self._connections: dict[int, str] = {}
        self._listened: dict[str, datetime] = {}
        for one in sorted(traffic.of("ok"), key=lambda one: one.ended):
            pods[one.pod].append(one.ended)
            nodes[one.node].append(one.ended)
            self._connections[one.connection] = one.pod
            if not one.kept:
                self._listened[one.pod] = max(one.at, self._listened.get(one.pod, one.at))
        self._pods: Times = pods
        self._nodes: Times = nodes

    def first_of_pod(self, pod: str, since: datetime) -> datetime | None:
        """A Pod's first answer after an instant."""
        times = self._pods.get(pod, ())
        place = bisect_right(times, since)
        return times[place] if place < len(times) else None

    def answered(self, pod: str, since: datetime, until: datetime) -> bool:
        """Whether a Pod gave an answer between two instants."""
        first = self.first_of_pod(pod, since)
        return first is not None and first <= until

    def listened_after(self, pod: str, at: datetime) -> bool:
        """Whether a Pod answered a new connection that was made after an instant."""
        last = self._listened.get(pod)
        return last is not None and last > at

    def last_of_node(self, node: str, before: datetime) -> datetime | None:
        """The last answer from a node until an instant."""
        times = self._nodes.get(node, ())
        place = bisect_right(times, before)
        return times[place - 1] if place else None

    def on_connection(self, connection: int) -> str:
        """The Pod that had answered on a connection; empty when nobody had."""
        return self._connections.get(connection, "")
