"""`nodebynode bench witness`: whether the witness sees what is there, and nothing else."""

from __future__ import annotations

import math
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from nodebynode.bench import loads, plants
from nodebynode.bench.figures import Figures
from nodebynode.bench.plants import PLANTS, Plant
from nodebynode.cluster import Cluster, open_cluster
from nodebynode.cluster.docker import require_docker
from nodebynode.errors import NodebynodeError
from nodebynode.kube import Json, Kind
from nodebynode.witness import Calibration, Cause
from nodebynode.witness.plan import MOST_INSIDE

_CLUSTER = "nbn-bench-witness"
_RATE, _FAST = 50, 200
_IN = 1000


def bench_witness(
    runs: int, say: Callable[[str], None], *, minutes: float = 10, needles: int = 20
) -> Figures:
    """Measure false losses, single losses, causes, and what the load itself needs.

    Both providers are measured, kind only where Docker answers.

    Args:
        runs: How often everything is done.
        say: Told each figure as it is taken.
        minutes: How long nothing is changed, at most 60.
        needles: How often one request in a thousand is lost.

    Raises:
        ClusterError, MissingTool: a cluster cannot be made.
    """
    figures = Figures(say)
    for _ in range(runs):
        for provider in _providers(say):
            with _cluster(provider) as cluster:
                _change_nothing(cluster, provider, minutes, figures)
                _lose_one(cluster, provider, needles, figures)
                for plant in PLANTS:
                    _explain(cluster, provider, plant, figures)
                if cluster.capabilities.containers:
                    _look_from_inside(cluster, provider, minutes, figures)
    return figures


def _look_from_inside(cluster: Cluster, provider: str, minutes: float, figures: Figures) -> None:
    """The same by a Pod: nothing changes, and the causes."""
    _change_nothing(cluster, provider, minutes, figures, inside=True)
    for plant in PLANTS:
        _explain(cluster, provider, plant, figures, inside=True)


def _providers(say: Callable[[str], None]) -> Iterator[str]:
    yield "embedded"
    try:
        require_docker()
    except NodebynodeError as error:
        say(f"Not measured on kind: {error.seen}")
    else:
        yield "kind"


@contextmanager
def _cluster(provider: str) -> Iterator[Cluster]:
    cluster = open_cluster(f"{_CLUSTER}-{provider}", provider=provider)
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop(purge=True)


def _change_nothing(
    cluster: Cluster, provider: str, minutes: float, figures: Figures, *, inside: bool = False
) -> None:
    """What is lost while nothing changes, is lost by the witness."""
    seconds = min(minutes * 60, MOST_INSIDE / _RATE if inside else math.inf)
    with loads.namespace(cluster), TemporaryDirectory() as folder:
        loads.run_pods(cluster, 3)
        url, log = loads.expose(cluster), Path(folder, "traffic.jsonl")
        witness = plants.sender(cluster, url, log, _RATE, seconds, inside=inside)
        before = _children_cpu()
        with witness:
            floor = Calibration.of(witness.wait())
        share = (_children_cpu() - before) / seconds * 100
    name = f"{_name(provider, inside)}: nothing changes, {seconds / 60:.3g} min"
    figures.add(f"{name}: lost", floor.lost, f"of {floor.sent}")
    figures.add(f"{name}: not measured", floor.not_measured, f"of {floor.sent}")
    what = "following the load's log" if inside else "the load"
    figures.add(f"{name}: {what}, CPU at {_RATE}/s", share, "% of a core")
    figures.add(f"{name}: the load's lag, p99", floor.lag_ms, "ms")
    figures.add(f"{name}: latency, p99", floor.p99_ms, "ms")


def _lose_one(cluster: Cluster, provider: str, needles: int, figures: Figures) -> None:
    """Cut the load's only connection once in a thousand requests, by the end of a grace period."""
    found = sum(_is_found(cluster) for _ in range(needles))
    figures.add(f"{provider}: 1 loss in {_IN}, found and explained", found, f"of {needles}")


def _is_found(cluster: Cluster) -> bool:
    """Whether exactly that request is called lost, for its reason and with its Pod."""
    with loads.namespace(cluster):
        url = _run(cluster, plants.app(on_sigterm="ignore", grace=2), 2)
        with plants.watching(cluster, url, rate=_FAST, keep_alive=1) as (scene, end):
            scene.wait_sent(10)
            pod = scene.so_far().requests[0].pod
            plants.kubectl(cluster, "delete", "pod", pod, "--wait=false")
            scene.wait_sent(_IN - 10)
            report = end()
    return [(one.cause, one.pods) for one in report.losses] == [(Cause.CUT, (pod,))]


def _explain(
    cluster: Cluster, provider: str, plant: Plant, figures: Figures, *, inside: bool = False
) -> None:
    """Lose at least a hundred requests for one reason, and count for how many it is named."""
    with loads.namespace(cluster):
        url = _run(cluster, plant.app, plant.replicas)
        kept = plant.keep_alive
        with plants.watching(cluster, url, keep_alive=kept, inside=inside) as (scene, end):
            plant.do(scene)
            report = end()
    right = len(report.by_cause.get(plant.cause, ()))
    share = right / len(report.losses) * 100 if report.losses else 0.0
    name = f"{_name(provider, inside)}: {plant.cause}"
    figures.add(f"{name}: losses", len(report.losses), "requests")
    figures.add(f"{name}: explained right", share, "%")


def _name(provider: str, inside: bool) -> str:
    return f"{provider}, from inside" if inside else provider


def _run(cluster: Cluster, manifest: Json, replicas: int) -> str:
    """Run an app until it answers, give it its size, and return its Service's address."""
    cluster.api.create(Kind.DEPLOYMENT, manifest, loads.NAMESPACE)
    plants.scale(cluster, max(1, replicas))
    url = loads.expose(cluster)
    if not replicas:
        plants.scale(cluster, 0)
    return url


def _children_cpu() -> float:
    """CPU seconds, user and system, of children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
