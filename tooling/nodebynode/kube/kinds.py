"""The kinds that the course works with, and their paths in the API."""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """A kind, as (API prefix, plural, whether its objects live in a namespace)."""

    NAMESPACE = ("/api/v1", "namespaces", False)
    NODE = ("/api/v1", "nodes", False)
    POD = ("/api/v1", "pods", True)
    SERVICE = ("/api/v1", "services", True)
    CONFIG_MAP = ("/api/v1", "configmaps", True)
    SECRET = ("/api/v1", "secrets", True)
    PERSISTENT_VOLUME_CLAIM = ("/api/v1", "persistentvolumeclaims", True)
    SERVICE_ACCOUNT = ("/api/v1", "serviceaccounts", True)
    EVENT = ("/api/v1", "events", True)
    DEPLOYMENT = ("/apis/apps/v1", "deployments", True)
    REPLICA_SET = ("/apis/apps/v1", "replicasets", True)
    DAEMON_SET = ("/apis/apps/v1", "daemonsets", True)
    STATEFUL_SET = ("/apis/apps/v1", "statefulsets", True)
    JOB = ("/apis/batch/v1", "jobs", True)
    CRON_JOB = ("/apis/batch/v1", "cronjobs", True)
    BUDGET = ("/apis/policy/v1", "poddisruptionbudgets", True)
    ENDPOINT_SLICE = ("/apis/discovery.k8s.io/v1", "endpointslices", True)
    AUTOSCALER = ("/apis/autoscaling/v2", "horizontalpodautoscalers", True)

    @property
    def plural(self) -> str:
        """The plural as it stands in paths and in `kubectl get`."""
        return self.value[1]

    @property
    def namespaced(self) -> bool:
        """Whether objects of this kind live in a namespace."""
        return self.value[2]

    def path(self, namespace: str | None = None, name: str | None = None, sub: str = "") -> str:
        """Return the path of the collection, of one object, or of a subresource."""
        prefix, plural, _ = self.value
        parts = [prefix]
        if namespace is not None:
            parts.append(f"namespaces/{namespace}")
        parts.append(plural)
        parts += [part for part in (name, sub) if part]
        return "/".join(parts)
