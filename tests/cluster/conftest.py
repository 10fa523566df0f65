"""What the tests of the contract share."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodebynode.cluster import Cluster

from .observing import Room


@pytest.fixture
def room(cluster: Cluster, namespace: str) -> Room:
    """A fresh namespace, with what one does and sees in it."""
    return Room(cluster, namespace)


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nothing can be written: a full disk for root, no right for others."""
    folder = tmp_path / "full"
    folder.mkdir()
    if os.geteuid():
        folder.chmod(0o500)
        yield folder
        folder.chmod(0o700)
        return
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    subprocess.run(mount, check=True, timeout=20)
    try:
        with (folder / "filling").open("wb", buffering=0) as filling, pytest.raises(OSError):  # noqa: PT011, PT012
            while True:
                filling.write(b"x" * 4096)
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True, timeout=20)


@pytest.fixture(scope="module", autouse=True)
def _only_provider(request: pytest.FixtureRequest) -> Iterator[None]:
    """In a module about one provider, commands without a cluster mean that provider too."""
    with pytest.MonkeyPatch.context() as patch:
        for provider in getattr(request.module, "PROVIDERS", ()):
            patch.setenv("NODEBYNODE_PROVIDER", provider)
        yield
