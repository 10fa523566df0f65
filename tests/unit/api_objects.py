"""Objects as the API gives them, at their full length, for the tests of what is kept of them."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

Json = dict[str, Any]
BEGAN = datetime(2026, 1, 2, 14, 2, 7, tzinfo=UTC)
SECRET = "not-to-be-told"
"""Stands wherever a recording must not look."""
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What Kubernetes makes random names of (apimachinery, `pkg/util/rand`)."""


class Maker:
    """Makes objects with names, UIDs and times as a cluster would.

    Attributes:
        now: Seconds since BEGAN; whoever tells a story sets it.
    """

    def __init__(self, seed: int = 1) -> None:
        self.random = Random(seed)
        self.now = 0.0
        self._addresses = Counter[str]()

    def uid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def letters(self, number: int) -> str:
        return "".join(self.random.choices(_LETTERS, k=number))

    def stamp(self, after: float = 0) -> str:
        return f"{BEGAN + timedelta(seconds=int(self.now + after)):%Y-%m-%dT%H:%M:%SZ}"

    def meta(self, name: str, owner: Json | None = None, **more: Any) -> Json:
        meta = {
            "name": name,
            "namespace": "default",
            "uid": self.uid(),
            "resourceVersion": str(self.random.randint(1000, 9999)),
            "creationTimestamp": self.stamp(),
            "labels": {"app": "shop"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": SECRET},
            "managedFields": [
                {"manager": SECRET, "operation": "Update", "fieldsV1": {"f:spec": {}}}
            ],
            **more,
        }
        if owner:
            reference = {key: owner["metadata"][key] for key in ("name", "uid")}
            reference |= {"apiVersion": "apps/v1", "kind": owner["kind"]}
            meta["ownerReferences"] = [
                {**reference, "controller": True, "blockOwnerDeletion": True}
            ]
        return meta

    def node(self, number: int) -> Json:
        name = f"nodebynode-worker{number if number > 1 else ''}"
        zone = {"topology.kubernetes.io/zone": "abc"[number % 3], "kubernetes.io/hostname": name}
        kubelet = {"reason": "KubeletReady", "message": "kubelet is posting ready status"}
        return {
            "kind": "Node",
            "metadata": {**self.meta(name, labels=zone), "namespace": ""},
            "spec": {"podCIDR": f"10.244.{number}.0/24", "providerID": f"kind://docker/{name}"},
            "status": {
                "allocatable": {"cpu": "8", "memory": "32857508Ki", "pods": "110"},
                "conditions": [
                    {"type": "MemoryPressure", "status": "False", **self.heard()},
                    {"type": "Ready", "status": "True", **kubelet, **self.heard()},
                ],
                "images": [{"names": ["localhost/shop:v1"], "sizeBytes": 15_000_000}],
                "nodeInfo": {"kubeletVersion": "v1.37.2", "machineID": SECRET},
            },
        }

    def heard(self) -> Json:
        return {"lastHeartbeatTime": self.stamp(), "lastTransitionTime": self.stamp()}

    def deployment(self, replicas: int, version: str = "v1") -> Json:
        return {
            "kind": "Deployment",
            "metadata": self.meta("shop", generation=1),
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": "shop"}},
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
                },
                "template": self.template(version),
                "progressDeadlineSeconds": 600,
            },
            "status": {
                "replicas": replicas,
                "readyReplicas": replicas,
                "updatedReplicas": replicas,
                "availableReplicas": replicas,
                "observedGeneration": 1,
                "conditions": [
                    self.condition(
                        "Progressing",
                        True,
                        reason="NewReplicaSetAvailable",
                        message='ReplicaSet "shop-66944cdf98" has successfully progressed.',
                    ),
                    self.condition("Available", True, reason="MinimumReplicasAvailable"),
                ],
            },
        }

    def template(self, version: str) -> Json:
        container = {
            "name": "shop",
            "image": f"localhost/shop:{version}",
            "env": [{"name": "PASSWORD", "value": SECRET}],
            "args": [SECRET],
            "ports": [{"containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1},
            "resources": {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"cpu": "1"}},
        }
        return {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [container]}}

    def replicaset(self, deployment: Json, revision: int, replicas: int) -> Json:
        template = deployment["spec"]["template"]
        revisions = {"deployment.kubernetes.io/revision": str(revision), "secret": SECRET}
        meta = self.meta(f"shop-{self.letters(10)}", deployment, annotations=revisions)
        return {
            "kind": "ReplicaSet",
            "metadata": meta,
            "spec": {"replicas": replicas, "template": template},
            "status": {"replicas": 0, "observedGeneration": 1},
        }

    def pod(self, replicaset: Json) -> Json:
        name = replicaset["metadata"]["name"]
        labels = {"app": "shop", "pod-template-hash": name.rpartition("-")[2]}
        token = {"name": f"kube-api-access-{self.letters(5)}", "projected": {"sources": []}}
        return {
            "kind": "Pod",
            "metadata": self.meta(
                f"{name}-{self.letters(5)}",
                replicaset,
                labels=labels,
                generateName=f"{name}-",
            ),
            "spec": {
                **replicaset["spec"]["template"]["spec"],
                "volumes": [token],
                "serviceAccountName": "default",
                "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists"}],
                "terminationGracePeriodSeconds": 30,
            },
            "status": {"phase": "Pending", "qosClass": "Burstable"},
        }

    def condition(self, type_: str, status: bool, **more: str) -> Json:
        times = {"lastProbeTime": None, "lastTransitionTime": self.stamp()}
        return {"type": type_, "status": str(status), **times, **more}

    def container_status(self, state: Json, *, ready: bool = False) -> Json:
        return {
            "name": "shop",
            "image": "localhost/shop:v1",
            "imageID": f"sha256:{self.random.getrandbits(256):064x}",
            "containerID": f"containerd://{self.random.getrandbits(256):064x}",
            "ready": ready,
            "started": ready,
            "restartCount": 0,
            "state": state,
            "lastState": {},
        }

    def service(self) -> Json:
        ports = [{"port": 80, "targetPort": 8080, "nodePort": 30080, "protocol": "TCP"}]
        return {
            "kind": "Service",
            "metadata": self.meta("shop"),
            "spec": {
                "type": "LoadBalancer",
                "selector": {"app": "shop"},
                "ports": ports,
                "clusterIP": "10.96.4.7",
            },
            "status": {"loadBalancer": {"ingress": [{"ip": "127.0.0.1", "ports": None}]}},
        }

    def endpoint(self, pod: Json, *, ready: bool, terminating: bool = False) -> Json:
        node = pod["spec"]["nodeName"]
        self._addresses[node] += 1
        return {
            "addresses": [
                f"10.244.{int(re.sub('[^0-9]', '', node) or 1)}.{self._addresses[node] + 1}"
            ],
            "conditions": {"ready": ready, "serving": True, "terminating": terminating},
            "nodeName": node,
            "targetRef": {
                "kind": "Pod",
                "namespace": "default",
                **{key: pod["metadata"][key] for key in ("name", "uid")},
            },
            "zone": "a",
        }

    def endpointslice(self, endpoints: Sequence[Json]) -> Json:
        labels = {"kubernetes.io/service-name": "shop", "app": "shop"}
        return {
            "kind": "EndpointSlice",
            "metadata": self.meta(f"shop-{self.letters(5)}", labels=labels),
            "addressType": "IPv4",
            "endpoints": list(endpoints),
            "ports": [{"name": "", "port": 8080, "protocol": "TCP"}],
        }

    def budget(self) -> Json:
        return {
            "kind": "PodDisruptionBudget",
            "metadata": self.meta("shop"),
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "shop"}}},
            "status": {
                "disruptionsAllowed": 1,
                "currentHealthy": 3,
                "desiredHealthy": 2,
                "expectedPods": 3,
                "observedGeneration": 1,
            },
        }

    def event(self, about: Json, reason: str, message: str, component: str) -> Json:
        meta, stamp = about["metadata"], self.stamp()
        name = f"{meta['name']}.{self.random.getrandbits(60):016x}"
        return {
            "kind": "Event",
            "metadata": self.meta(name, labels=None),
            "involvedObject": {
                "kind": about["kind"],
                "namespace": "default",
                "name": meta["name"],
                "uid": meta["uid"],
                "apiVersion": "v1",
                "resourceVersion": meta["resourceVersion"],
            },
            "reason": reason,
            "message": message,
            "type": "Normal",
            "count": 1,
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "eventTime": None,
            "source": {"component": component, "host": "nodebynode-worker"},
            "reportingComponent": component,
            "reportingInstance": "",
        }
