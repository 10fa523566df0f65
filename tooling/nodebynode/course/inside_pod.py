"""What a load from inside is made of: a Pod, and a ConfigMap with the witness's code."""

from __future__ import annotations

import math
from pathlib import Path

import nodebynode
from nodebynode.kube import Json
from nodebynode.witness.plan import TIMEOUT, Plan

NAMESPACE = "default"
"""Not the lab's: there only what the learner made shall be counted, and drawn."""
MODULES = (
    "errors",
    "witness/__main__",
    "witness/load",
    "witness/log",
    "witness/pacing",
    "witness/plan",
    "witness/wire",
)
"""The sending side of the witness; the packages of these are empty in the Pod."""
_PACKAGES = ("__init__", "witness/__init__")
_IMAGE = "localhost/shop:v1"
_FOLDER = "/load"
_START_SECONDS = 60
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


def sources() -> dict[str, str]:
    """The code by file, such as `nodebynode/witness/load.py`, as it lies below PYTHONPATH."""
    root = Path(nodebynode.__file__).parent
    code = {name: (root / f"{name}.py").read_text(encoding="utf-8") for name in MODULES}
    return {f"nodebynode/{name}.py": code.get(name, "") for name in (*_PACKAGES, *MODULES)}


def config_map(name: str) -> Json:
    """The ConfigMap with the code; a key may have no slash."""
    data = {_key(file): text for file, text in sources().items()}
    return {"metadata": {"name": name}, "data": data}


def pod(name: str, plan: Plan) -> Json:
    """The Pod that sends a load.

    No service account and no addresses of other Services: it needs neither. It takes its place on
    the control plane's node whatever that is tainted with.
    """
    container = {
        "name": "load",
        "image": _IMAGE,
        "imagePullPolicy": "Never",
        "command": command(plan),
        "env": [{"name": "PYTHONPATH", "value": _FOLDER}],
        "volumeMounts": [{"name": "code", "mountPath": _FOLDER, "readOnly": True}],
    }
    items = [{"key": _key(file), "path": file} for file in sources()]
    return {
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "nodebynode"}},
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": math.ceil(plan.seconds + 2 * TIMEOUT) + _START_SECONDS,
            "terminationGracePeriodSeconds": math.ceil(2 * TIMEOUT) + 2,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "nodeSelector": {_CONTROL_PLANE: ""},
            "tolerations": [{"operator": "Exists"}],
            "containers": [container],
            "volumes": [{"name": "code", "configMap": {"name": name, "items": items}}],
        },
    }


def command(plan: Plan) -> list[str]:
    """What the Pod runs: its log goes to standard output."""
    numbers = (plan.rate, plan.seconds, plan.keep_alive)
    return ["python3", "-S", "-m", "nodebynode.witness", plan.url, "-", *map(str, numbers)]


def why_not_begun(found: Json | None) -> str:
    """What keeps a Pod from running, in its own words."""
    status: Json = (found or {}).get("status", {})
    if found is None:
        return "the Pod is gone"
    for container in status.get("containerStatuses") or ():
        waiting = container.get("state", {}).get("waiting")
        if waiting and waiting.get("message"):
            return f"{waiting['reason']}: {waiting['message']}"
    untrue = (one for one in status.get("conditions") or () if one["status"] == "False")
    said = next((one["message"] for one in untrue if one.get("message")), "")
    return said or f"its Pod is {status.get('phase', 'new')}"


def _key(file: str) -> str:
    return file.replace("/", ".")
