"""What a check may look at: what is there, what was recorded, and what the learner gave."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nodebynode import phrases
from nodebynode.course.duel import Duel
from nodebynode.course.loading import Load
from nodebynode.errors import ApiError
from nodebynode.kube import Api, Json, Kind
from nodebynode.recording import Recording
from nodebynode.recording.rules import Story


@dataclass(frozen=True, slots=True)
class Memory:
    """What was there when the learner asked the lab to remember it.

    Attributes:
        deployment: The Deployment's UID and generation, or None when there was none.
        pods: The UID of each of its Pods, by name.
        homes: The node of each of its Pods, by name; None for a Pod without one.
    """

    deployment: tuple[str, int] | None
    pods: Mapping[str, str]
    homes: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Look:
    """A view on one lab's part of the cluster.

    Attributes:
        api: The cluster's API.
        namespace: The lab's own namespace.
        workers: The names of the workers.
        answer: What the learner handed to `lab.check`, or None.
        memories: What the learner asked to remember, by Deployment.
        recorded: Reads all that has happened in the lab until now.
        load: The lab's last load, if there was one.
        duel: What compares two plans, day by day.
    """

    api: Api
    namespace: str
    workers: Sequence[str]
    recorded: Callable[[], Recording]
    answer: object = None
    memories: Mapping[str, Memory] = field(default_factory=dict)
    load: Load | None = None
    duel: Duel | None = None

    def story(self) -> Story:
        """Return all that has happened in the lab's namespace until now."""
        return Story(self.recorded(), self.namespace)

    def deployment(self, name: str) -> Json | None:
        """Return a Deployment of the lab, or None."""
        return self.api.find(Kind.DEPLOYMENT, name, self.namespace)

    def pods(self, app: str) -> list[Json]:
        """Return the Pods with the label `app`, those that are leaving left out, by name."""
        found = self.api.list(Kind.POD, self.namespace, labels=f"app={app}")
        staying = [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]
        return sorted(staying, key=name_of)

    def events(self, reason: str) -> list[Json]:
        """Return the events of the lab's namespace with one reason."""
        return self.api.list(Kind.EVENT, self.namespace, fields=f"reason={reason}")

    def nodes(self) -> list[Json]:
        """Return all nodes, by name."""
        return sorted(self.api.list(Kind.NODE), key=name_of)

    def raw(self, path: str) -> Json | None:
        """Return what the API answers at a path that a learner gave, or None if it refuses."""
        try:
            return self.api.request("GET", path)
        except ApiError as error:
            if error.status:
                return None
            raise

    def memory_of(self, deployment: str) -> Memory:
        """Return what is there now of a Deployment and its Pods."""
        found = self.deployment(deployment)
        identity = (uid_of(found), found["metadata"]["generation"]) if found else None
        pods = self.pods(deployment)
        return Memory(
            identity,
            pods={name_of(pod): uid_of(pod) for pod in pods},
            homes={name_of(pod): node_of(pod) for pod in pods},
        )


def name_of(item: Json) -> str:
    """Return an object's name."""
    return str(item["metadata"]["name"])


def uid_of(item: Json) -> str:
    """Return an object's UID."""
    return str(item["metadata"]["uid"])


def node_of(pod: Json) -> str | None:
    """Return the node that a Pod is bound to, or None while it has none."""
    node = pod["spec"].get("nodeName")
    return str(node) if node else None


def first_revision_of(replicaset: Json) -> int:
    """Return the first revision of a ReplicaSet, 0 for none.

    Two that were made within one second have the same creation time; this tells the older one.
    """
    told = replicaset["metadata"].get("annotations") or {}
    now = told.get("deployment.kubernetes.io/revision", "0")
    return int(told.get("deployment.kubernetes.io/revision-history", now).split(",")[0])


def pod_is_ready(pod: Json) -> bool:
    """Whether a Pod's Ready condition is True."""
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def listed(names: Sequence[str]) -> str:
    """Return all names as a person says them: `a`, `a and b`, `a, b and c`; `none` for none."""
    return phrases.listed(names, most=len(names)) or "none"
