"""Losses that are planted, each kind by itself, to hold the witness against the truth."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from nodebynode.bench.loads import APP, NAMESPACE
from nodebynode.cluster import Cluster, NodeFailure
from nodebynode.cluster.nodes import is_ready
from nodebynode.course.flight import Flight
from nodebynode.course.inside import PodWitness
from nodebynode.kube import Json, Kind
from nodebynode.recording import Recording
from nodebynode.waiting import wait_for
from nodebynode.witness import Cause, Report, Traffic, Witness, explain

ENOUGH = 100
"""Losses of each kind that are asked for."""
_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A load on the app, while something is done to it."""

    cluster: Cluster
    witness: Witness | PodWitness

    def wait_sent(self, number: int) -> None:
        """Wait until what became of so many more requests is known."""
        before = len(self.so_far().requests)
        wait_for(
            lambda: len(self.so_far().requests) >= before + number,
            timeout=number / self.witness.plan.rate + 20,
            what=f"{number} more requests",
        )

    def so_far(self) -> Traffic:
        """Return what is known of the load until now."""
        return Traffic.read(self.witness.path)

    def lost(self) -> int:
        """Return how many requests are known to be lost."""
        return len(self.so_far().of("lost"))


def scale(cluster: Cluster, replicas: int) -> None:
    """Set the app's size; returns when it has exactly so many Pods, and none that leaves."""
    kubectl(cluster, "scale", f"deployment/{APP}", f"--replicas={replicas}")
    kubectl(cluster, "rollout", "status", f"deployment/{APP}")
    _settle(cluster, replicas)


def roll_out(cluster: Cluster) -> None:
    """Replace all Pods of the app; returns when the last old one is gone."""
    replicas = len(cluster.api.list(Kind.POD, NAMESPACE))
    # Not `rollout restart`: it writes down a second, and is refused twice within one.
    annotations = {"rolled-out": str(time.monotonic_ns())}
    anew = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
    kubectl(cluster, "patch", f"deployment/{APP}", f"--patch={json.dumps(anew)}")
    kubectl(cluster, "rollout", "status", f"deployment/{APP}")
    _settle(cluster, replicas)


def kubectl(cluster: Cluster, *words: str) -> None:
    """Run kubectl in the bench's namespace."""
    cluster.kubectl(*words, f"--namespace={NAMESPACE}", timeout=90)


def _settle(cluster: Cluster, replicas: int) -> None:
    wait_for(
        lambda: len(cluster.api.list(Kind.POD, NAMESPACE)) == replicas,
        timeout=60,
        what=f"{replicas} Pods and no others",
    )


@dataclass(frozen=True, slots=True)
class Plant:
    """A way to lose requests for one reason only.

    Attributes:
        cause: The reason.
        app: How the app is run.
        do: What is done to it while the load is on.
        replicas: Pods at the beginning.
        keep_alive: Connections that the load keeps.
    """

    cause: Cause
    app: Json
    do: Callable[[Scene], None]
    replicas: int = 3
    keep_alive: int = 0


def app(*, on_sigterm: str = "exit", startup: int = 0, grace: int = 5, probed: bool = True) -> Json:
    """Return the app's Deployment, without Pods.

    Args:
        on_sigterm: What it does then: `exit`, `finish`, `drain` or `ignore`.
        startup: Seconds until it listens.
        grace: Seconds that it is given to leave.
        probed: Whether it has a readiness probe.
    """
    given = {"SHOP_ON_SIGTERM": on_sigterm, "SHOP_STARTUP_SECONDS": str(startup)}
    fields = {"POD_NAME": "metadata.name", "NODE_NAME": "spec.nodeName"}
    env: list[Json] = [{"name": name, "value": value} for name, value in given.items()]
    env += [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
        for name, path in fields.items()
    ]
    container: dict[str, object] = {"name": APP, "image": "localhost/shop:v1", "env": env}
    if probed:
        ready = {"path": "/ready", "port": 8080}
        container["readinessProbe"] = {"httpGet": ready, "periodSeconds": 1}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": APP},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": APP}},
            "template": {
                "metadata": {"labels": {"app": APP}},
                "spec": {"terminationGracePeriodSeconds": grace, "containers": [container]},
            },
        },
    }


def _roll_out_until_enough(scene: Scene) -> None:
    while scene.lost() < ENOUGH:
        roll_out(scene.cluster)


def _without_pods(scene: Scene) -> None:
    scene.wait_sent(ENOUGH)
    scale(scene.cluster, 1)
    scene.wait_sent(50)


def _listen_late(scene: Scene) -> None:
    scale(scene.cluster, 4)
    scene.wait_sent(400)


def _freeze(scene: Scene) -> None:
    api = scene.cluster.api
    node = str(api.list(Kind.POD, NAMESPACE)[0]["spec"]["nodeName"])
    scene.cluster.fail_node(node, NodeFailure.FREEZE)
    wait_for(lambda: not is_ready(api.get(Kind.NODE, node)), timeout=60, what=f"{node} NotReady")
    scene.wait_sent(50)


PLANTS = (
    Plant(Cause.NOBODY, app(), _without_pods, replicas=0),
    Plant(Cause.LATE, app(), _roll_out_until_enough),
    Plant(Cause.UNREADY, app(startup=4, probed=False), _listen_late, replicas=1),
    Plant(Cause.CUT, app(on_sigterm="ignore", grace=2), _roll_out_until_enough, keep_alive=40),
    Plant(Cause.FROZEN, app(), _freeze),
)
"""The five causes; the Service's other Pods go on meanwhile."""


def sender(
    cluster: Cluster,
    url: str,
    log: Path,
    rate: float,
    seconds: float,
    keep_alive: int = 0,
    *,
    inside: bool = False,
) -> Witness | PodWitness:
    """What sends a load to the app: a process of this machine, or a Pod."""
    if inside:
        return PodWitness(cluster, NAMESPACE, APP, log, rate, seconds, keep_alive)
    return Witness(url, log, rate, seconds, keep_alive)


@contextmanager
def watching(
    cluster: Cluster, url: str, *, rate: float = 50, keep_alive: int = 0, inside: bool = False
) -> Iterator[tuple[Scene, Callable[[], Report]]]:
    """Put a load on the app and record the cluster while a block runs.

    Yields:
        The scene, and what ends the load and explains its losses.
    """
    with TemporaryDirectory() as folder:
        load = (Path(folder, "traffic.jsonl"), rate, _SECONDS, keep_alive)
        witness = sender(cluster, url, *load, inside=inside)
        with Flight(cluster.api, Path(folder, "run.jsonl")) as flight, witness:

            def end() -> Report:
                traffic = witness.stop()
                flight.close()
                return explain(traffic, Recording.read(flight.path), NAMESPACE, APP)

            yield Scene(cluster, witness), end
