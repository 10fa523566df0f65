"""What comes before a lab's first round, and after its last: a cluster, a namespace, a kernel."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from nodebynode import settings
from nodebynode.cluster import Cluster
from nodebynode.course import kernel
from nodebynode.course.outline import Outline
from nodebynode.course.progress import Record, words
from nodebynode.errors import ClusterError
from nodebynode.kube import Kind
from nodebynode.view import modelled_words
from nodebynode.waiting import wait_for

# Not `pipefail`: `kubectl get … | head -1` would then fail now and then, when head leaves first.
_STRICT_BASH = "set -e\n"


def require_running(cluster: Cluster) -> None:
    """Raise a ClusterError that says how to start it, where the cluster does not run."""
    status = cluster.status()
    if status.state not in ("running", "degraded"):
        raise ClusterError(
            f"Cluster '{cluster.name}' is {status.state}. {status.explanation}",
            f"Start it in a terminal with `{settings.command('up', cluster.name)}`, then run this "
            "cell again.",
        )


def make_namespace(cluster: Cluster, namespace: str) -> None:
    """Make a namespace that can be used at once, and have kubectl use it."""
    api = cluster.api
    api.create(Kind.NAMESPACE, {"metadata": {"name": namespace}})
    # Pods are refused until the namespace has its default ServiceAccount.
    wait_for(
        lambda: api.find(Kind.SERVICE_ACCOUNT, "default", namespace),
        timeout=20,
        what=f"namespace {namespace} to be usable",
        every=0.05,
    )
    cluster.kubectl("config", "set-context", "--current", "--namespace", namespace)


def require_namespace(cluster: Cluster, namespace: str) -> None:
    """Raise a ClusterError that says what to do, where a lab's namespace is gone."""
    if cluster.api.find(Kind.NAMESPACE, namespace) is None:
        raise ClusterError(
            f"The namespace {namespace} is gone: the cluster was reset, or another lab was opened.",
            "Run this lab again from its first cell.",
        )


def prepare_kernel(cluster: Cluster) -> None:
    """Let `kubectl` in this kernel's cells mean this cluster, and let a failing line fail."""
    kubectl = cluster.kubectl
    strict = kubectl.kubeconfig.parent / "strict.bash"
    strict.write_text(_STRICT_BASH)
    os.environ.update(kubectl.settings())
    os.environ["BASH_ENV"] = str(strict)
    scripts = str(Path(sys.executable).parent)  # `nodebynode` lies there; nothing is put before it
    if scripts not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] += os.pathsep + scripts
    kernel.install()


def greet(cluster: Cluster, namespace: str, undone: Sequence[str]) -> None:
    """Say on what cluster the lab is open, and what had to be undone for it."""
    status = cluster.status()
    print(
        f"It is open: {status.provider}, Kubernetes {status.server_version}, "
        f"{len(status.nodes)} nodes.\n"
        f"Your namespace is {namespace}. `kubectl` uses it, here and in a terminal."
    )
    if modelled := modelled_words(cluster.capabilities.modelled):
        print(modelled)
    for sentence in undone:
        print(f"Undone first: {sentence}.")


def resume(outline: Outline, record: Record, cluster: Cluster) -> None:
    """Say what was done in the lab before, and write down that it is open again."""
    for line in words.resumed(outline, record.progress):
        print(line)
    record.add("opened", cluster=cluster.name, provider=cluster.status().provider)


def put_back(cluster: Cluster) -> None:
    """Put the cluster back as it was before the lab, and say what that undid."""
    print("Putting the cluster back …", flush=True)
    cluster.kubectl("config", "set-context", "--current", "--namespace", "default")
    for sentence in cluster.reset():
        print(f"Put back: {sentence}.")
