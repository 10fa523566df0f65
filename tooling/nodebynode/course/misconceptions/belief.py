"""The Deployment `belief` that experiments make, as commands for bash.

Each experiment makes it anew and removes it at its end, however it ends: a line that fails or the
Stop button must not leave anything behind for the next one.
"""

from __future__ import annotations

BELIEF = "belief"
"""The name of all that experiments make."""

_ENDING = """\
# However this ends, it removes what it made.
trap 'kubectl delete deployment,configmap belief --ignore-not-found --cascade=foreground' EXIT
"""
_MANIFEST = """\
kubectl apply -f - <<'END'
apiVersion: apps/v1
kind: Deployment
metadata: {{name: belief}}
spec:
  replicas: {replicas}
{spec}  selector: {{matchLabels: {{app: belief}}}}
  template:
    metadata: {{labels: {{app: belief}}}}
    spec:
      terminationGracePeriodSeconds: {grace}
      containers:
      - name: shop
        image: localhost/shop:v1
{container}        readinessProbe: {{httpGet: {{path: /ready, port: 8080}}, periodSeconds: 1}}
END
"""
_READY = "kubectl rollout status deployment/belief --timeout=60s\n"


def experiment(
    commands: str,
    *,
    before: str = "",
    replicas: int = 3,
    grace: int = 1,
    spec: str = "",
    container: str = "",
) -> str:
    """Return an experiment on a Deployment `belief` of v1 whose Pods are ready.

    Args:
        commands: What to do with it.
        before: What to do before it is made.
        replicas: Its size.
        grace: Seconds that its Pods are given to leave.
        spec: A line of YAML for its spec, or empty.
        container: A line of YAML for its container, or empty.
    """
    made = _MANIFEST.format(
        replicas=replicas,
        grace=grace,
        spec=f"  {spec}\n" if spec else "",
        container=f"        {container}\n" if container else "",
    )
    return f"{_ENDING}{before.lstrip()}{made}{_READY}{commands.strip()}\n"


HISTORY = """\
uid=$(kubectl get deployment belief -o jsonpath='{.metadata.uid}')
kubectl get events --field-selector "reason=ScalingReplicaSet,involvedObject.uid=$uid" \\
  --sort-by=.metadata.name -o custom-columns=MESSAGE:.message
"""
"""Prints the sizes of its ReplicaSets, each with the one before, in order."""
