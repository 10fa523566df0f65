"""`nodebynode bench cluster`: bare kind and our clusters in turn, and what a learner waits for."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

from nodebynode import settings, tools
from nodebynode.bench import browser, loads, memory
from nodebynode.bench.figures import Figures
from nodebynode.cluster import Cluster, NodeFailure, open_cluster
from nodebynode.cluster.kind_create import node_image
from nodebynode.course import notebooks
from nodebynode.course.running import run_notebook
from nodebynode.errors import ClusterError
from nodebynode.processes import run
from nodebynode.reporting import Silent

_BARE, _OURS = "nbn-bench-bare", "nbn-bench"
_SETTLE_SECONDS, _IDLE_SECONDS = 5.0, 10.0
"""Before it is idle, a cluster that has just started has its controllers' first rounds to do."""
_RATE, _LOAD_SECONDS = 1000, 10
_BARE_CONFIG = json.dumps(
    {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [{"role": "control-plane"}, *({"role": "worker"} for _ in range(3))],
    }
)
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\S+")


def bench_cluster(runs: int, say: Callable[[str], None]) -> Figures:
    """Time bare kind, ours on kind, and the embedded cluster in turn, in one run.

    Args:
        runs: How often everything is done.
        say: Told each figure as it is taken.

    Raises:
        ClusterError, MissingTool: Docker or a tool is missing.
    """
    figures = Figures(say)
    for provider in ("kind", "embedded"):  # what is made once is not part of any figure
        _open(provider).stop(purge=True)
        _open(provider).start()
        _open(provider).stop(purge=True)
    for _ in range(runs):
        _time_bare(figures)
        for provider in ("kind", "embedded"):
            _time_one(provider, figures)
    return figures


def _open(provider: str) -> Cluster:
    return open_cluster(f"{_OURS}-{provider}", provider=provider)


def _time_one(provider: str, figures: Figures) -> None:
    """Take one cluster's figures, from nothing to its end."""
    ours = _open(provider)
    try:
        with figures.timed(f"{provider}: up, from nothing"):
            ours.start()
        with figures.timed(f"{provider}: up, already there"):
            ours.start()
        if provider == "embedded":
            _time_kept(ours, figures)
            _weigh(ours, figures)
        _time_loads(ours, provider, figures)
        _time_on(ours, provider, figures)
    finally:
        with figures.timed(f"{provider}: down"):
            ours.stop(purge=True)


def _time_kept(ours: Cluster, figures: Figures) -> None:
    ours.stop()
    with figures.timed("embedded: up, on kept data"):
        ours.start()


def _weigh(ours: Cluster, figures: Figures) -> None:
    """Take what the embedded cluster needs when nothing happens on it."""
    time.sleep(_SETTLE_SECONDS)
    with memory.watching(ours.name) as weight:
        time.sleep(_IDLE_SECONDS)
    figures.add("embedded: idle, memory", weight.megabytes, "MB")
    figures.add("embedded: idle, CPU", weight.cpu_seconds / _IDLE_SECONDS * 100, "% of a core")


def _time_loads(ours: Cluster, provider: str, figures: Figures) -> None:
    with loads.namespace(ours):
        loads.run_pods(ours, 3)
        figures.add(f"{provider}: Pod deleted to replacement Ready", loads.replace_one(ours))
        url = loads.expose(ours)
        agent = memory.watching(ours.name, only="agent") if provider == "embedded" else None
        with agent or nullcontext() as weight:
            sent = loads.send(url, _RATE, _LOAD_SECONDS)
        figures.add(f"{provider}: {_RATE} new connections/s, lost", sent.lost, f"of {sent.sent}")
        if weight is not None:
            share = weight.cpu_seconds / sent.seconds * 100
            figures.add("embedded: agent's CPU during these", share, "% of a core")
    if provider == "embedded":
        with loads.namespace(ours):
            with figures.timed("embedded: 100 Pods Ready"):
                loads.run_pods(ours, 100)
            figures.add("embedded: memory of a Pod", memory.of_a_pod(ours.name), "MB")


def _time_bare(figures: Figures) -> None:
    kind = tools.resolve(tools.KIND, Silent())
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = Path(folder, "kubeconfig")
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        create = [kind, "create", "cluster", "--name", _BARE, "--config", "-", "--wait", "120s"]
        if image := node_image():
            create += ["--image", image]
        try:
            with figures.timed("bare kind create cluster --wait 120s"):
                run([*map(str, create)], timeout=300, env=environment, stdin=_BARE_CONFIG)
        finally:
            delete = [str(kind), "delete", "cluster", "--name", _BARE]
            run(delete, timeout=120, env=environment)


def _time_on(ours: Cluster, provider: str, figures: Figures) -> None:
    root = settings.course_root()
    solution = notebooks.find_lab(root, "01")
    environment = {"NODEBYNODE_CLUSTER": ours.name}
    result = run_notebook(
        notebooks.derive_solved(solution), solution.stem, mode="solution", env=environment
    )
    if not result.passed:
        raise ClusterError("The solution of lab 01 did not pass.", "Run `nodebynode run 01`.")
    figures.add(f"{provider}: lab 01's solution", result.seconds)
    _make_a_mess(ours)
    with figures.timed(f"{provider}: reset after a mess"):
        ours.reset()
    _time_learn(ours, provider, figures)


def _make_a_mess(ours: Cluster) -> None:
    """Leave behind what a learner might: a full namespace, a cordon, a taint, a frozen node."""
    kubectl = ours.kubectl
    kubectl("create", "namespace", "mess")
    kubectl("create", "deployment", "shop", "--image=localhost/shop:v1", "--replicas=6", "-n=mess")
    kubectl("rollout", "status", "deployment/shop", "-n=mess")
    kubectl("cordon", ours.workers[0])
    kubectl("taint", "node", ours.workers[1], "floor=wet:NoSchedule")
    ours.fail_node(ours.workers[2], NodeFailure.FREEZE)


def _time_learn(ours: Cluster, provider: str, figures: Figures) -> None:
    """Time `nodebynode learn` from the command to a notebook that can be used.

    The browser runs before, as a learner's does.
    """
    command = [sys.executable, "-m", "nodebynode.cli", "learn", "01", "--no-browser"]
    with browser.tab() as page:
        began = time.monotonic()
        process = subprocess.Popen(
            [*command, "--cluster", ours.name],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            address = _address_printed(process)
            figures.add(f"{provider}: learn, the server answers", time.monotonic() - began)
            page.goto(address, wait_until="commit")
            page.wait_for_selector(".jp-Notebook .jp-Cell >> nth=3", timeout=60_000)
            page.wait_for_selector("[data-status=idle]", state="attached", timeout=60_000)
            figures.add(f"{provider}: learn, the notebook is open", time.monotonic() - began)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def _address_printed(process: subprocess.Popen[str]) -> str:
    for line in process.stdout or ():
        if match := _ADDRESS.search(line):
            return match[0]
    raise ClusterError("`nodebynode learn` ended without an address.", "Run it by hand.")
