"""Looking at a cluster as a client can: its objects, their history in order, and its traffic."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import urlsplit

from nodebynode.cluster import Cluster
from nodebynode.errors import ApiError
from nodebynode.kube import Api, Json, Kind, Kubectl
from nodebynode.processes import Finished
from nodebynode.waiting import wait_for

T = TypeVar("T")
Objects = dict[str, Json]
_KINDS = {
    "Pod": Kind.POD,
    "Deployment": Kind.DEPLOYMENT,
    "DaemonSet": Kind.DAEMON_SET,
    "Service": Kind.SERVICE,
    "PodDisruptionBudget": Kind.BUDGET,
}
_STRATEGIC = "application/strategic-merge-patch+json"


class Timeline:
    """Everything that happens to one kind from now on, in the API's own order.

    The API server keeps the history for some minutes, so that one may act first and look after:
    nothing in between is lost, and no thread is needed.
    """

    def __init__(self, api: Api, kind: Kind, namespace: str | None) -> None:
        self._api, self._kind, self._namespace = api, kind, namespace
        listed = api.request("GET", kind.path(namespace))
        self.objects: Objects = {item["metadata"]["name"]: item for item in listed["items"]}
        self.version: str = listed["metadata"]["resourceVersion"]

    def record(
        self, look: Callable[[Objects], T], until: Callable[[T], object], *, timeout: float = 40
    ) -> list[T]:
        """Return what `look` saw, each value once, from the start to the first that ends it."""
        seen = [look(self.objects)]
        for _ in () if until(seen[-1]) else self._changes(timeout):
            value = look(self.objects)
            if value != seen[-1]:
                seen.append(value)
            if until(value):
                return seen
        assert until(seen[-1]), f"not in {timeout} s; seen of {self._kind.plural}: {seen}"
        return seen

    def wait(self, condition: Callable[[Objects], object], *, timeout: float = 40) -> float:
        """Return when a condition came true, in monotonic seconds."""
        self.record(lambda objects: bool(condition(objects)), bool, timeout=timeout)
        return time.monotonic()

    def _changes(self, timeout: float) -> Iterator[None]:
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            events = self._api.watch(
                self._kind, self._namespace, since=self.version, timeout=max(1, left)
            )
            for event in events:
                assert event["type"] != "ERROR", event["object"]
                self._take(event)
                yield

    def _take(self, event: Json) -> None:
        item = event["object"]
        name, self.version = item["metadata"]["name"], item["metadata"]["resourceVersion"]
        if event["type"] == "DELETED":
            self.objects.pop(name, None)
        else:
            self.objects[name] = item


@dataclass
class Room:
    """One test's namespace on the cluster."""

    cluster: Cluster
    namespace: str
    api: Api = field(init=False)
    kubectl: Kubectl = field(init=False)

    def __post_init__(self) -> None:
        self.api = self.cluster.api
        self.kubectl = replace(self.cluster.kubectl, namespace=self.namespace)

    # ── doing ────────────────────────────────────────────────────────────────────────────────

    def create(self, *manifests: Json) -> None:
        """Create objects."""
        for manifest in manifests:
            self.api.create(_KINDS[manifest["kind"]], manifest, self.namespace)

    def run(self, manifest: Json, *, timeout: float = 40) -> None:
        """Create a Deployment and wait until all its replicas are available."""
        self.create(manifest)
        self.wait_available(manifest["metadata"]["name"], timeout=timeout)

    def patch(self, kind: Kind, name: str, body: Json, namespace: str | None = "") -> None:
        """Change an object as kubectl does: lists are merged by their keys."""
        where = self.namespace if namespace == "" else namespace
        self.api.request("PATCH", kind.path(where, name), body=body, content_type=_STRATEGIC)

    def set_image(self, version: str, name: str = "web") -> None:
        """Give a Deployment's template another version of the app."""
        container = {"name": "shop", "image": f"localhost/shop:{version}"}
        template = {"spec": {"containers": [container]}}
        self.patch(Kind.DEPLOYMENT, name, {"spec": {"template": template}})

    def scale(self, replicas: int, name: str = "web") -> None:
        """Set a Deployment's size."""
        self.patch(Kind.DEPLOYMENT, name, {"spec": {"replicas": replicas}})

    def cordon(self, *nodes: str, on: bool = True) -> None:
        """Cordon nodes, or uncordon them."""
        for node in nodes:
            self.patch(Kind.NODE, node, {"spec": {"unschedulable": on}}, namespace=None)

    def drain(self, node: str, *flags: str, app: str = "web", timeout: float = 40) -> Finished:
        """Drain a node of this test's own pods."""
        selector = f"--pod-selector=app in ({app})"
        return self.kubectl("drain", node, selector, *flags, check=False, timeout=timeout)

    def refusal(self, pod: str) -> ApiError:
        """Ask for an eviction that must be refused, and return the refusal."""
        try:
            self.api.evict(pod, self.namespace)
        except ApiError as error:
            return error
        raise AssertionError(f"the eviction of {pod} was granted")

    # ── looking ──────────────────────────────────────────────────────────────────────────────

    def timeline(self, kind: Kind) -> Timeline:
        """Begin to keep the history of a kind in this namespace."""
        return Timeline(self.api, kind, self.namespace)

    def node_timeline(self) -> Timeline:
        """Begin to keep the history of the nodes."""
        return Timeline(self.api, Kind.NODE, None)

    def pods(self, app: str = "web") -> list[Json]:
        """Return the pods of one name that are not being deleted, in the order of their names."""
        found = self.api.list(Kind.POD, self.namespace, labels=f"app={app}")
        return [pod for pod in found if not is_terminating(pod)]

    def pod(self, name: str) -> Json:
        """Return one pod."""
        return self.api.get(Kind.POD, name, self.namespace)

    def deployment(self, name: str = "web") -> Json:
        """Return a Deployment."""
        return self.api.get(Kind.DEPLOYMENT, name, self.namespace)

    def wait_available(self, name: str = "web", *, timeout: float = 40) -> None:
        """Wait until a rollout is complete and every replica is available."""
        self.timeline(Kind.DEPLOYMENT).wait(
            lambda objects: is_complete(objects[name]), timeout=timeout
        )

    def wait_pods(
        self, condition: Callable[[list[Json]], object], app: str = "web", *, timeout: float = 30
    ) -> list[Json]:
        """Wait until the pods of one name, those being deleted left out, are as they should be."""
        found: list[Json] = []

        def holds() -> bool:
            found[:] = self.pods(app)
            return bool(condition(found))

        wait_for(holds, timeout=timeout, what="pods", seen=lambda: str(list(map(brief, found))))
        return found

    def wait_node(
        self, name: str, condition: Callable[[Json], object], *, timeout: float = 40
    ) -> Json:
        """Wait until a node is as it should be, and return it."""
        nodes = self.node_timeline()
        nodes.wait(lambda found: condition(found[name]), timeout=timeout)
        return nodes.objects[name]

    def events(self, name: str, reason: str) -> list[str]:
        """Return the messages of the events of one reason about objects whose names begin so."""
        return [
            event["message"]
            for event in self.api.list(Kind.EVENT, self.namespace, fields=f"reason={reason}")
            if event["involvedObject"]["name"].startswith(name)
        ]

    def wait_event(self, name: str, reason: str, part: str = "", *, timeout: float = 20) -> str:
        """Wait for an event whose message has a part, and return the first such message."""
        return wait_for(
            lambda: [message for message in self.events(name, reason) if part in message],
            timeout=timeout,
            what=f"an event {reason} of {name} with '{part}'",
            seen=lambda: str(
                {
                    (one["reason"], one["message"])
                    for one in self.api.list(Kind.EVENT, self.namespace)
                }
            ),
        )[0]

    def log(self, pod: str, *flags: str) -> str:
        """Return what a pod's container wrote."""
        return self.kubectl("logs", pod, *flags).out

    # ── traffic ──────────────────────────────────────────────────────────────────────────────

    def connect(self, service: str = "web", *, timeout: float = 5) -> http.client.HTTPConnection:
        """Return a connection to a Service of this namespace, not yet opened."""
        address = urlsplit(self.cluster.service_url(self.namespace, service))
        assert address.hostname == "127.0.0.1"
        return http.client.HTTPConnection(address.hostname, address.port, timeout=timeout)

    def ask(self, service: str = "web") -> Json:
        """Send one request over a new connection and return the app's answer."""
        connection = self.connect(service)
        try:
            return answer(connection)
        finally:
            connection.close()

    def answers(self, service: str = "web", *, times: int = 1) -> bool:
        """Whether each of some new connections gets an answer."""
        try:
            return all(self.ask(service) for _ in range(times))
        except (OSError, http.client.HTTPException):
            return False

    def wait_answers(self, expected: bool = True, service: str = "web", *, times: int = 1) -> None:
        """Wait until new connections get an answer, or until they get none."""
        wait_for(
            lambda: self.answers(service, times=times) is expected,
            timeout=20,
            what=f"service {service} to {'answer' if expected else 'refuse'}",
        )

    def endpoints(self, service: str = "web") -> dict[str, tuple[bool, bool, bool]]:
        """Return (ready, serving, terminating) of each endpoint, by the pod's name."""
        labels = f"kubernetes.io/service-name={service}"
        slices = self.api.list(Kind.ENDPOINT_SLICE, self.namespace, labels=labels)
        return conditions({item["metadata"]["name"]: item for item in slices})


def answer(connection: http.client.HTTPConnection) -> Json:
    """Send one request over a connection that may be open already."""
    connection.request("GET", "/")
    return dict(json.loads(connection.getresponse().read()))


def conditions(slices: Objects) -> dict[str, tuple[bool, bool, bool]]:
    """Return (ready, serving, terminating) of each endpoint, by the pod's name."""
    return {
        endpoint["targetRef"]["name"]: tuple(
            bool(endpoint["conditions"].get(key)) for key in ("ready", "serving", "terminating")
        )
        for item in slices.values()
        for endpoint in item.get("endpoints") or ()
    }


def condition(item: Json, kind: str) -> Json:
    """Return one condition of an object, or an empty one."""
    found = item.get("status", {}).get("conditions") or ()
    return next((one for one in found if one["type"] == kind), {})


def is_ready(pod: Json) -> bool:
    """Whether the pod's Ready condition is True."""
    return condition(pod, "Ready").get("status") == "True"


def is_terminating(item: Json) -> bool:
    """Whether somebody asked for the object's deletion."""
    return "deletionTimestamp" in item["metadata"]


def is_complete(deployment: Json) -> bool:
    """Whether a rollout is over: every replica is updated and available, and none is surplus."""
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    sizes = [status.get(key, 0) for key in ("updatedReplicas", "replicas", "availableReplicas")]
    current = status.get("observedGeneration") == deployment["metadata"]["generation"]
    return current and sizes == [wanted] * 3


def name_of(item: Json) -> str:
    """Return an object's name."""
    return str(item["metadata"]["name"])


def node_of(pod: Json) -> str:
    """Return the node to which a pod is bound; empty when it is to none."""
    return str(pod["spec"].get("nodeName", ""))


def identity(pod: Json) -> tuple[str, str, str]:
    """Return the pod's name, UID and IP."""
    return name_of(pod), pod["metadata"]["uid"], pod["status"].get("podIP", "")


def state_of(pod: Json) -> Json:
    """Return the state of the pod's only container: waiting, running or terminated."""
    found = pod.get("status", {}).get("containerStatuses") or [{}]
    return dict(found[0].get("state") or {})


def waiting_reason(pod: Json) -> str:
    """Return why the container waits; empty when it does not."""
    return str(state_of(pod).get("waiting", {}).get("reason", ""))


def brief(pod: Json) -> str:
    """Describe a pod in a few words, for a message."""
    state = ", ".join(state_of(pod)) or pod.get("status", {}).get("phase", "")
    return f"{name_of(pod)} on {node_of(pod) or 'no node'}: {state}, ready {is_ready(pod)}"
