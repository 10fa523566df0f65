"""The objects that the contract is tested with: small, quick and all of the course's own app.

Every pod carries the label `app`, so that a selector never takes in a pod of the system.
"""

from __future__ import annotations

from nodebynode.kube import Json

PORT = 8080


def image(version: str) -> str:
    """Return the app's image of a version, e.g. `v1` or `v4-crash`."""
    return f"localhost/shop:{version}"


def container(
    version: str = "v1",
    *,
    ready_after: float = 0,
    on_sigterm: str = "exit",
    pre_stop: int | None = None,
    probe: Json | None = None,
    **env: str,
) -> Json:
    """Return the app's container.

    Args:
        version: The tag of the image, or a whole image name with a colon.
        ready_after: Seconds until /ready says so.
        on_sigterm: `exit`, `finish`, `drain` or `ignore`.
        pre_stop: Seconds that the preStop hook sleeps.
        probe: Changes to the readiness probe, which asks every second.
        env: More environment variables.
    """
    given = {"SHOP_ON_SIGTERM": on_sigterm, **env}
    if ready_after:
        given["SHOP_READY_AFTER_SECONDS"] = f"{ready_after:g}"
    found: Json = {
        "name": "shop",
        "image": version if ":" in version else image(version),
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"containerPort": PORT}],
        "env": [
            *({"name": name, "value": value} for name, value in given.items()),
            from_field("POD_NAME", "metadata.name"),
            from_field("NODE_NAME", "spec.nodeName"),
        ],
        "readinessProbe": {
            "httpGet": {"path": "/ready", "port": PORT},
            "periodSeconds": 1,
            "timeoutSeconds": 3,
            **(probe or {}),
        },
    }
    if pre_stop is not None:
        found["lifecycle"] = {"preStop": {"sleep": {"seconds": pre_stop}}}
    return found


def from_field(name: str, path: str) -> Json:
    """Return an environment variable that the downward API fills in."""
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def tolerations(seconds: int) -> list[Json]:
    """Let a pod stay on a failed node for so long, rather than for the default 300 s."""
    return [
        {
            "key": f"node.kubernetes.io/{key}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": seconds,
        }
        for key in ("unreachable", "not-ready")
    ]


def pod_spec(
    version: str = "v1", *, grace: int = 1, spec: Json | None = None, **of: object
) -> Json:
    """Return the spec of a pod; `of` goes to the container, `spec` is laid over the whole."""
    return {
        "terminationGracePeriodSeconds": grace,
        "containers": [container(version, **of)],
        **(spec or {}),
    }


def pod(name: str, version: str = "v1", **of: object) -> Json:
    """Return a bare pod."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": pod_spec(version, **of),
    }


def deployment(
    name: str = "web",
    replicas: int = 3,
    version: str = "v1",
    *,
    surge: int | str | None = None,
    unavailable: int | str | None = None,
    min_ready: int = 0,
    deadline: int = 600,
    **of: object,
) -> Json:
    """Return a Deployment; what is None keeps the default of the API."""
    steps = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "minReadySeconds": min_ready,
            "progressDeadlineSeconds": deadline,
            "strategy": {
                "rollingUpdate": {key: value for key, value in steps.items() if value is not None}
            },
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": pod_spec(version, **of),
            },
        },
    }


def daemon_set(name: str = "agent") -> Json:
    """Return a DaemonSet."""
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod_spec()},
        },
    }


def service(name: str = "web", **spec: object) -> Json:
    """Return a NodePort Service over the pods of one name."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {
            "type": "NodePort",
            "selector": {"app": name},
            "ports": [{"port": 80, "targetPort": PORT}],
            **spec,
        },
    }


def budget(app: str = "web", name: str = "", **spec: object) -> Json:
    """Return a PodDisruptionBudget, e.g. `budget(minAvailable=2)`."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name or app},
        "spec": {"selector": {"matchLabels": {"app": app}}, **spec},
    }
