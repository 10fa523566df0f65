"""A State that is kept up to date, one object at a time.

A recording has thousands of instants, and each differs from the one before it in one object.
Reading every object again for each of them would take a hundred times as long.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from nodebynode.state import parse
from nodebynode.state.objects import State
from nodebynode.state.parse import Order, Reading
from nodebynode.state.status import Json

T = TypeVar("T")


class StateBuilder:
    """Objects as they are now; `state` tells them as `parse_state` would."""

    def __init__(self) -> None:
        self._nodes = _Shelf(parse.NODES)
        self._pods = _Shelf(parse.PODS)
        self._replicasets = _Shelf(parse.REPLICASETS)
        self._deployments = _Shelf(parse.DEPLOYMENTS)
        self._services = _Shelf(parse.SERVICES)
        self._slices = _Shelf(parse.SLICES)
        self._budgets = _Shelf(parse.BUDGETS)
        self._events = _Shelf(parse.EVENTS)
        self._shelves: Mapping[str, _Changing] = {
            "nodes": self._nodes,
            "pods": self._pods,
            "replicasets": self._replicasets,
            "deployments": self._deployments,
            "services": self._services,
            "endpointslices": self._slices,
            "poddisruptionbudgets": self._budgets,
            "events": self._events,
        }

    def put(self, plural: str, obj: Json) -> None:
        """Add an object, or replace the one of its UID.

        Raises:
            BadInput: A quantity, percentage or time cannot be read.
        """
        self._shelves[plural].put(obj["metadata"]["uid"], obj)

    def remove(self, plural: str, uid: str) -> None:
        """Take an object away."""
        self._shelves[plural].remove(uid)

    def state(self, at: datetime) -> State:
        """Everything that is there, as at `at`."""
        return State(
            at=at,
            nodes=self._nodes.all(),
            pods=self._pods.all(),
            replicasets=self._replicasets.all(),
            deployments=self._deployments.all(),
            services=self._services.all(),
            slices=self._slices.all(),
            budgets=self._budgets.all(),
            events=self._events.all(),
        )


class _Changing(Protocol):
    """A shelf, for those to whom its kind is all one."""

    def put(self, uid: str, obj: Json) -> None: ...
    def remove(self, uid: str) -> None: ...


class _Shelf(Generic[T]):
    """The objects of one kind, in order."""

    def __init__(self, kind: Reading[T]) -> None:
        self._kind = kind
        self._orders: list[Order] = []
        self._items: list[T] = []
        self._order_of: dict[str, Order] = {}
        self._all: tuple[T, ...] | None = ()

    def put(self, uid: str, obj: Json) -> None:
        item = self._kind.parse(obj)
        order = (*self._kind.order(item), uid)
        if self._order_of.get(uid) == order:
            self._items[bisect_left(self._orders, order)] = item
        else:
            self.remove(uid)
            place = bisect_left(self._orders, order)
            self._orders.insert(place, order)
            self._items.insert(place, item)
            self._order_of[uid] = order
        self._all = None

    def remove(self, uid: str) -> None:
        if (order := self._order_of.pop(uid, None)) is not None:
            place = bisect_left(self._orders, order)
            del self._orders[place], self._items[place]
            self._all = None

    def all(self) -> tuple[T, ...]:
        if self._all is None:
            self._all = tuple(self._items)
        return self._all
