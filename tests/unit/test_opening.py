"""What a lab makes of its kernel's environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from nodebynode.course.opening import prepare_kernel
from nodebynode.kube.kubectl import Kubectl


def test_cells_find_our_own_command_behind_all_other_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KUBECONFIG", "KUBERC", "KUBECACHEDIR", "BASH_ENV"):
        monkeypatch.setenv(name, "before")
    monkeypatch.setenv("PATH", "/usr/bin")
    cluster = SimpleNamespace(kubectl=Kubectl(tmp_path / "kubectl", tmp_path / "kubeconfig"))
    for _ in range(2):
        prepare_kernel(cluster)  # type: ignore[arg-type]
        folders = os.environ["PATH"].split(os.pathsep)
        assert folders[-1] == str(Path(sys.executable).parent)
        assert folders.count(folders[-1]) == 1
