"""What the tests of the contract share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from nodebynode.cluster import Cluster

from .observing import Room


@pytest.fixture
def room(cluster: Cluster, namespace: str) -> Room:
    """A fresh namespace, with what one does and sees in it."""
    return Room(cluster, namespace)


@pytest.fixture(scope="module", autouse=True)
def _only_provider(request: pytest.FixtureRequest) -> Iterator[None]:
    """In a module about one provider, commands without a cluster mean that provider too."""
    with pytest.MonkeyPatch.context() as patch:
        for provider in getattr(request.module, "PROVIDERS", ()):
            patch.setenv("NODEBYNODE_PROVIDER", provider)
        yield
