"""What is done to a cluster while it is measured: Pods by the hundred, connections by the thousand.

Everything happens in a namespace of its own, which is removed afterwards.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from nodebynode.cluster import Cluster
from nodebynode.kube import Json, Kind
from nodebynode.waiting import wait_for

NAMESPACE = "bench"
APP = "shop"
"""The name of the Deployment and of the Service."""
_CLIENT = """
import asyncio, json, sys, time
async def main(host, port, rate, seconds):
    lost = late = 0
    async def one():
        nonlocal lost
        try:
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_connection(host, port)
                writer.write(b"GET / HTTP/1.1\\r\\nHost: bench\\r\\nConnection: close\\r\\n\\r\\n")
                answer = await reader.read(-1)
                writer.close()
            lost += not answer.startswith(b"HTTP/1.1 200")
        except (OSError, TimeoutError):
            lost += 1
    began, tasks = time.monotonic(), []
    for number in range(rate * seconds):
        await asyncio.sleep(max(0, began + number / rate - time.monotonic()))
        late = max(late, time.monotonic() - began - number / rate)
        tasks.append(asyncio.create_task(one()))
    took = time.monotonic() - began
    await asyncio.gather(*tasks)
    print(json.dumps({"sent": len(tasks), "lost": lost, "seconds": took, "late": late}))
host, port, rate, seconds = sys.argv[1:]
asyncio.run(main(host, int(port), int(rate), int(seconds)))
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a load.

    Attributes:
        sent: Connections that were made.
        lost: Those without an answer 200.
        seconds: How long making them took.
        late: By how many seconds the latest of them was late.
    """

    sent: int
    lost: int
    seconds: float
    late: float


@contextmanager
def namespace(cluster: Cluster) -> Iterator[None]:
    """Give a block a namespace of its own."""
    cluster.api.create(Kind.NAMESPACE, {"metadata": {"name": NAMESPACE}})
    wait_for(
        lambda: cluster.api.find(Kind.SERVICE_ACCOUNT, "default", NAMESPACE),
        timeout=30,
        what="the namespace to be usable",
        every=0.02,
    )
    try:
        yield
    finally:
        cluster.put_back()


def run_pods(cluster: Cluster, replicas: int) -> None:
    """Run the app with so many replicas; returns when all are available."""
    cluster.api.create(Kind.DEPLOYMENT, _deployment(replicas), NAMESPACE)
    wait_for(
        lambda: _available(cluster) == replicas,
        timeout=300,
        what=f"{replicas} Pods to be available",
        seen=lambda: f"{_available(cluster)} are",
        every=0.05,
    )


def update_pods(cluster: Cluster) -> None:
    """Give the app another version; returns when every Pod has it and is available."""
    container = {"name": APP, "image": "localhost/shop:v2"}
    cluster.api.request(
        "PATCH",
        Kind.DEPLOYMENT.path(NAMESPACE, APP),
        body={"spec": {"template": {"spec": {"containers": [container]}}}},
        content_type="application/strategic-merge-patch+json",
    )
    wait_for(
        lambda: _is_rolled_out(cluster),
        timeout=300,
        what="the rolling update",
        seen=lambda: f"{_available(cluster)} are available",
    )


def replace_one(cluster: Cluster) -> float:
    """Delete a Pod; returns the seconds until its replacement is Ready."""
    pods = cluster.api.list(Kind.POD, NAMESPACE)
    old = {pod["metadata"]["uid"] for pod in pods}
    began = time.monotonic()
    cluster.api.delete(Kind.POD, pods[0]["metadata"]["name"], NAMESPACE)
    for event in cluster.api.watch(Kind.POD, NAMESPACE, timeout=60):
        pod = event["object"]
        if pod["metadata"]["uid"] not in old and _is_ready(pod):
            break
    return time.monotonic() - began


def expose(cluster: Cluster) -> str:
    """Put a Service in front of the app; returns its address once it answers."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": APP},
        "spec": {
            "type": "NodePort",
            "selector": {"app": APP},
            "ports": [{"port": 80, "targetPort": 8080}],
        },
    }
    cluster.api.create(Kind.SERVICE, service, NAMESPACE)
    url = cluster.service_url(NAMESPACE, APP)
    wait_for(lambda: send(url, 1, 1).lost == 0, timeout=30, what="the Service to answer")
    return url


def send(url: str, rate: int, seconds: int) -> Sent:
    """Make new connections at a constant rate, from a process of its own, one request each.

    Args:
        url: The Service's address.
        rate: Connections a second.
        seconds: For how long.
    """
    host, port = url.removeprefix("http://").split(":")
    argv = [sys.executable, "-c", _CLIENT, host, port, str(rate), str(seconds)]
    printed = subprocess.run(argv, check=True, capture_output=True, timeout=seconds + 60).stdout
    return Sent(**json.loads(printed))


def _deployment(replicas: int) -> Json:
    probe = {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1}
    container = {"name": APP, "image": "localhost/shop:v1", "readinessProbe": probe}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": APP},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": APP}},
            "template": {
                "metadata": {"labels": {"app": APP}},
                "spec": {
                    "terminationGracePeriodSeconds": 2,
                    "tolerations": [{"operator": "Exists"}],  # the control plane's node as well
                    "containers": [container],
                },
            },
        },
    }


def _available(cluster: Cluster) -> int:
    status = cluster.api.get(Kind.DEPLOYMENT, APP, NAMESPACE).get("status", {})
    return int(status.get("availableReplicas", 0))


def _is_rolled_out(cluster: Cluster) -> bool:
    found = cluster.api.get(Kind.DEPLOYMENT, APP, NAMESPACE)
    status, wanted = found["status"], found["spec"]["replicas"]
    counts = (status.get(f"{which}eplicas") for which in ("r", "updatedR", "availableR"))
    current = status["observedGeneration"] >= found["metadata"]["generation"]
    return bool(current and all(count == wanted for count in counts))


def _is_ready(pod: Json) -> bool:
    found = pod.get("status", {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in found)
