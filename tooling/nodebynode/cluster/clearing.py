"""Removing what learners made: whole namespaces, and what lies in `default`.

Kubernetes' own namespace controller waits five seconds before it begins, and for every Pod's grace
period. A training cluster need not: here every kind that the API server offers is emptied at once,
finalizers that nobody serves are taken off, and only then is the namespace let go.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from nodebynode.errors import ApiError
from nodebynode.kube import Api, Json, Kind
from nodebynode.waiting import wait_for

SYSTEM_NAMESPACES = frozenset(
    {"default", "kube-system", "kube-public", "kube-node-lease", "local-path-storage"}
)
_KEPT_IN_DEFAULT = frozenset(
    {("services", "kubernetes"), ("configmaps", "kube-root-ca.crt"), ("serviceaccounts", "default")}
)
_NOT_LEARNERS = frozenset({"events", "leases", "endpoints", "endpointslices"})
_MADE_BY_OWNERS = frozenset({"pods", "replicasets", "jobs"})
_PAGE = 500
"""Objects that one request deletes: a lab leaves thousands of Events, at some 60 a second where the
machine is busy."""
_BULK_SECONDS = 30
_EMPTY_SECONDS = 120
_AT_ONCE = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
_THREADS = 8
_EVENTS_AGAIN = "events.k8s.io"
"""A group that holds the Events of the core group, and nothing else."""
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""All groups in one answer (KEP-3352), and not one by one."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of namespaced object that can be listed and deleted.

    Attributes:
        prefix: Its group's path, e.g. `/apis/apps/v1`.
        plural: Its plural in paths.
    """

    prefix: str
    plural: str

    def path(self, namespace: str, name: str = "") -> str:
        """Return the path of the collection in a namespace, or of one object."""
        return f"{self.prefix}/namespaces/{namespace}/{self.plural}" + (f"/{name}" if name else "")


def remove_leftovers(api: Api, keep: frozenset[str] = frozenset()) -> list[str]:
    """Remove learners' namespaces, and what lies in `default`; returns what went, in words.

    Args:
        api: The training cluster's API.
        keep: Namespaces to leave alone.
    """
    names = [namespace["metadata"]["name"] for namespace in api.list(Kind.NAMESPACE)]
    ours = [name for name in names if name not in SYSTEM_NAMESPACES | keep]
    resources = namespaced_resources(api)
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(lambda name: _remove_namespace(api, name, resources), ours))
    found = [] if "default" in keep else _clear_default(api, resources)
    return [f"namespace {name} was there" for name in ours] + found


def namespaced_resources(api: Api) -> list[Resource]:
    """Ask the API server for every kind of namespaced object that can be deleted in bulk."""
    found = list[Resource]()
    for root in ("/api", "/apis"):
        for group in api.request("GET", root, accept=_DISCOVERY)["items"]:
            name = group["metadata"].get("name", "")  # the core group has none
            preferred = group["versions"][0]
            prefix = "/".join(filter(None, (root, name, preferred["version"])))
            if name != _EVENTS_AGAIN:
                kinds = filter(_is_cleared, preferred.get("resources", ()))
                found += [Resource(prefix, kind["resource"]) for kind in kinds]
    return found


def _is_cleared(kind: Json) -> bool:
    return kind["scope"] == "Namespaced" and {"list", "deletecollection"} <= set(kind["verbs"])


def _remove_namespace(api: Api, name: str, resources: list[Resource]) -> None:
    api.delete(Kind.NAMESPACE, name)  # from here on nothing new can be made in it
    _until_empty(name, resources, lambda resource: _clear(api, name, resource))
    _let_go(api, name)


def _until_empty(
    namespace: str, resources: list[Resource], clear: Callable[[Resource], list[Json]]
) -> None:
    """Clear every kind; and again and again what held something, or what owners make anew."""
    left = dict.fromkeys(resources, 0)

    def empty() -> bool:
        with ThreadPoolExecutor(_THREADS) as pool:
            found = dict(zip(left, map(len, pool.map(clear, left)), strict=True))
        left.clear()
        left.update({one: n for one, n in found.items() if n or one.plural in _MADE_BY_OWNERS})
        return not any(left.values())

    wait_for(
        empty,
        timeout=_EMPTY_SECONDS,
        what=f"namespace {namespace} to be empty",
        seen=lambda: ", ".join(f"{n} {resource.plural}" for resource, n in left.items() if n),
        do="Begin anew with `nodebynode down` and `nodebynode up`.",
        every=0.1,
    )


def _clear(api: Api, namespace: str, resource: Resource) -> list[Json]:
    """Delete all objects of a kind in bulk; returns those that were still there before."""
    path = resource.path(namespace)
    items: list[Json] = api.request("GET", path)["items"]
    for item in items:
        _without_finalizers(api, resource.path(namespace, item["metadata"]["name"]), item)
    for _ in range(0, len(items), _PAGE):
        page = {"limit": _PAGE}
        api.request("DELETE", path, query=page, body=_AT_ONCE, timeout=_BULK_SECONDS)
    return items


def _without_finalizers(api: Api, path: str, item: Json) -> None:
    if not item["metadata"].get("finalizers"):
        return
    try:
        api.request(
            "PATCH",
            path,
            body={"metadata": {"finalizers": None}},
            content_type="application/merge-patch+json",
        )
    except ApiError as error:
        if error.status != 404:
            raise


def _let_go(api: Api, name: str) -> None:
    """Take the last finalizer off an empty namespace, which removes it."""
    body: Json = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name},
        "spec": {"finalizers": []},
    }
    try:
        api.request("PUT", f"/api/v1/namespaces/{name}/finalize", body=body)
    except ApiError as error:
        if error.status not in (404, 409):  # 409: somebody else removed it in this moment
            raise


def _clear_default(api: Api, resources: list[Resource]) -> list[str]:
    """Remove what learners left in `default`, which itself cannot be removed."""
    removed: dict[str, None] = {}

    def clear(resource: Resource) -> list[Json]:
        items = [
            item
            for item in api.request("GET", resource.path("default"))["items"]
            if (resource.plural, item["metadata"]["name"]) not in _KEPT_IN_DEFAULT
        ]
        for item in items:
            name = item["metadata"]["name"]
            _delete_one(api, resource.path("default", name), item)
            if not item["metadata"].get("ownerReferences"):
                removed[f"{name} ({resource.plural}) was in the namespace default"] = None
        return items

    learners = [resource for resource in resources if resource.plural not in _NOT_LEARNERS]
    _until_empty("default", learners, clear)
    return list(removed)


def _delete_one(api: Api, path: str, item: Json) -> None:
    _without_finalizers(api, path, item)
    try:
        api.request("DELETE", path, body=_AT_ONCE)
    except ApiError as error:
        if error.status != 404:  # its owner went first, and took it along
            raise
