"""What the tests of the contract share."""

from __future__ import annotations

import pytest
from nodebynode.cluster import Cluster

from .observing import Room


@pytest.fixture
def room(cluster: Cluster, namespace: str) -> Room:
    """A fresh namespace, with what one does and sees in it."""
    return Room(cluster, namespace)
