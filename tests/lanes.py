"""Which tests share a worker where several run side by side, and which lanes begin first.

Tests on clusters mostly wait. So `./test` gives them to a few workers of pytest-xdist. A worker
makes the cluster that its lane needs; a lane is what may not be torn apart without making a cluster
more often. The long ones begin first, so that the last worker does not end long after the others.
"""

from __future__ import annotations

import re

import pytest
from xdist.scheduler import LoadScopeScheduling

_ORDER = ("kind", "embedded labs", "embedded", "plain")
_ON_A_CLUSTER = re.compile(
    r"tests/(?P<room>cluster|labs|browser)/(?P<file>\w+).*[\[-](?P<on>embedded|kind)[-\]]"
)
_LAB = re.compile(r"\b\d\d-[a-z-]+[a-z]")


class Lanes(LoadScopeScheduling):
    """Gives each worker a lane at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return lane_of(nodeid)[1]


def in_order(items: list[pytest.Item]) -> None:
    """Put the tests in the order in which their lanes begin."""
    items.sort(key=lambda item: _ORDER.index(lane_of(item.nodeid)[0]))


def lane_of(test: str) -> tuple[str, str]:
    """Return the kind of a test's lane, and its lane.

    Args:
        test: The test's id, such as `tests/labs/test_labs.py::test_the_solution[kind-01-x]`.
    """
    found = _ON_A_CLUSTER.match(test)
    if found is None:
        return "plain", test.split("::")[0]
    if found["on"] == "kind":  # half a minute to make one, and a third of a core to have one
        return "kind", "kind"
    kind = found["on"] + (" labs" if found["room"] == "labs" else "")
    lab = _LAB.search(test)
    return kind, " ".join((kind, found["file"], lab[0] if lab else ""))
