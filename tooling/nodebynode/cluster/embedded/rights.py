"""What the node agent may do, in the API's own terms: as much as its nodes need, and no more."""

from __future__ import annotations

from nodebynode.cluster.embedded.certificates import AGENT
from nodebynode.errors import ApiError
from nodebynode.kube import Api, Json

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_READ = ("get", "list", "watch")
_NAME = "nodebynode:node-agent"


def _rule(group: str, resources: tuple[str, ...], verbs: tuple[str, ...]) -> Json:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


_RULES = (
    _rule("", ("nodes",), (*_READ, "create", "patch")),
    _rule("", ("nodes/status", "pods/status", "services/status"), ("patch",)),
    _rule("", ("pods",), (*_READ, "delete")),
    _rule("", ("services",), _READ),
    _rule("", ("configmaps", "secrets"), ("get",)),
    _rule("", ("events",), ("create", "patch")),
    _rule("discovery.k8s.io", ("endpointslices",), _READ),
    _rule("coordination.k8s.io", ("leases",), ("get", "create", "patch")),
)


def grant(api: Api) -> None:
    """Give the agent its rights; that it has them already is fine."""
    of = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": _NAME}}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": _NAME}
    user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": AGENT}
    _create(api, "clusterroles", {**of, "kind": "ClusterRole", "rules": list(_RULES)})
    binding = {**of, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": [user]}
    _create(api, "clusterrolebindings", binding)


def _create(api: Api, plural: str, body: Json) -> None:
    try:
        api.request("POST", f"{_RBAC}/{plural}", body=body)
    except ApiError as error:
        if error.status != 409:
            raise
