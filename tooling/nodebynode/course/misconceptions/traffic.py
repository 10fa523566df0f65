"""Beliefs about Services: who is on the list of endpoints, and what a load balancer does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from nodebynode.course.labs.serving import crossed_out, pod_at, ready_pods, stopping
from nodebynode.course.misconceptions.misconception import Misconception
from nodebynode.course.misconceptions.telling import services, stayed
from nodebynode.phrases import listed
from nodebynode.recording.rules import Story
from nodebynode.recording.rules.finding import lasting
from nodebynode.recording.rules.story import Look

_RULES_LATE = timedelta(seconds=1)
"""kube-proxy makes a node's rules anew at most once a second (`minSyncPeriod`)."""
_WAITED = timedelta(seconds=2)


def _stops(story: Story) -> Iterator[tuple[str, str, datetime, datetime]]:
    """Each Pod that was on a list and was told to stop: Service, Pod, told, its process ended."""
    for service in services(story):
        for deployment in story.deployments:
            for one in stopping(story, service, deployment):
                ended = one.gone
                for look in story.looks[story.at(one.told) : story.at(one.gone)]:
                    pod = pod_at(look, one.pod.uid)
                    if pod is not None and pod.terminating and not pod.ready_containers:
                        ended = min(ended, look.at)
                yield service, one.pod.name, one.told, ended


def _quicker_than_the_nodes(story: Story) -> str | None:
    for service, pod, told, ended in _stops(story):
        if ended - told < _RULES_LATE:
            return (
                f"{pod} was on the list of {service} until it was told to stop, and "
                f"{lasting(ended - told)} later its process had ended. A node may send it "
                "connections for up to a second more."
            )
    return None


def _stayed_listed(story: Story) -> str | None:
    for service in services(story):
        for deployment in story.deployments:
            for one in stopping(story, service, deployment):
                line = one.line
                if line is not None and line.terminating:
                    return (
                        f"{one.pod.name} was told to stop, and was gone "
                        f"{lasting(one.gone - one.told)} later. In between it was listed: ready "
                        f"{_word(line.ready)}, serving {_word(line.serving)}, terminating "
                        f"{_word(line.terminating)}."
                    )
    return None


def _word(so: bool) -> str:
    return str(so).lower()


def _equal_lines(story: Story) -> str | None:
    for service in services(story):
        for look in story.looks:
            ready = ready_pods(look, service)
            names = [pod.name for pod in look.state.pods if pod.uid in ready]
            if len(names) > 1:
                return (
                    f"the list of {service} had {listed(names)}, each with an address and no "
                    "weight. A node draws one of them for a new connection."
                )
    return None


def _pending(story: Story) -> str | None:
    for index, name, at in stayed(story, _waiting, _WAITED):
        waited = _until_given(story, index, name) - at
        return f"{name} was of type LoadBalancer, and had no address for {lasting(waited)}."
    return None


def _waiting(look: Look) -> Iterator[str]:
    return (one.name for one in look.state.services if one.pending)


def _until_given(story: Story, index: int, service: str) -> datetime:
    for look in story.looks[index:]:
        if not any(one.name == service and one.pending for one in look.state.services):
            return look.at
    return story.ended


def _unchecked(story: Story) -> str | None:
    for index, name, at in stayed(story, _idle, _WAITED):
        lasted = lasting(story.until(index) - at)
        return (
            f"{name} had no ready Pod for {lasted}, and the load balancer kept its address all "
            "that time."
        )
    return None


def _idle(look: Look) -> Iterator[str]:
    """Services with an address at a load balancer, and without a ready Pod."""
    served = (one.name for one in look.state.services if one.addresses)
    return (name for name in served if not ready_pods(look, name))


def _put_right(story: Story) -> str | None:
    for service in services(story):
        for one in crossed_out(story, service):
            if one.back is not None:
                return (
                    f"{one.pod.name} was removed from the list of {service} by hand, and was back "
                    f"{lasting(one.back - one.at)} later."
                )
    return None


def _strangers(story: Story) -> str | None:
    for service in services(story):
        for look in story.looks:
            ready = ready_pods(look, service)
            pods = {pod.uid: pod for pod in look.state.pods if pod.uid in ready}
            owned = {pod.uid for name in story.deployments for pod in story.pods(look, name)}
            strange = sorted(pod.name for uid, pod in pods.items() if uid not in owned)
            if strange and owned & set(pods):
                beside = sorted(pod.name for uid, pod in pods.items() if uid in owned)
                return (
                    f"the list of {service} had {listed(strange)}, which no Deployment made, "
                    f"beside {listed(beside)}."
                )
    return None


_LIST = "kubectl get endpointslices -l kubernetes.io/service-name=belief \\\n  -o jsonpath="
_CONDITIONS = (
    _LIST + """'{range .items[*].endpoints[*]}{.targetRef.name}{" "}{.conditions}{"\\n"}{end}'\n"""
)
_URL = """\
kubectl wait service belief --for=jsonpath='{.status.loadBalancer.ingress[0].ip}' --timeout=30s
address='{.status.loadBalancer.ingress[0].ip}:{.status.loadBalancer.ingress[0].ports[0].port}'
url=http://$(kubectl get service belief -o jsonpath="$address")
"""


def _experiment(commands: str, *, replicas: int = 3, sleep: int = 0, spec: str = "") -> str:
    """An experiment on a Deployment and a Service `belief`.

    Args:
        commands: What to do with them.
        replicas: The Deployment's size.
        sleep: Seconds that a Pod goes on serving when it is told to stop; 0 for none.
        spec: A line of YAML for the Service's spec, or empty.
    """
    hook = f"        lifecycle: {{preStop: {{sleep: {{seconds: {sleep}}}}}}}\n" if sleep else ""
    more = f"  {spec}\n" if spec else ""
    return f"""\
# However this ends, it removes what it made.
trap 'kubectl delete deployment,service,pod -l belief=yes --cascade=foreground' EXIT
kubectl apply -f - <<'END'
apiVersion: apps/v1
kind: Deployment
metadata: {{name: belief, labels: {{belief: "yes"}}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: belief}}}}
  template:
    metadata: {{labels: {{app: belief}}}}
    spec:
      terminationGracePeriodSeconds: {sleep + 2}
      containers:
      - name: shop
        image: localhost/shop:v1
{hook}        readinessProbe: {{httpGet: {{path: /ready, port: 8080}}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {{name: belief, labels: {{belief: "yes"}}}}
spec:
  type: LoadBalancer
{more}  selector: {{app: belief}}
  ports: [{{port: 80, targetPort: 8080}}]
END
kubectl rollout status deployment/belief --timeout=60s
{commands.strip()}
"""


MISCONCEPTIONS = (
    Misconception(
        "zero-downtime-is-automatic",
        "With several replicas and a rolling update, no request is ever lost.",
        "A Pod's process and the nodes are told of its end at the same time. If the process ends "
        "first, what still comes is lost. A preStop sleep lets the nodes hear of it first.",
        _quicker_than_the_nodes,
        _experiment(
            _URL
            + """
kubectl rollout restart deployment/belief
kubectl rollout status deployment/belief --timeout=60s >/dev/null &
sent=0; lost=0
while kill -0 $! 2>/dev/null; do
sent=$((sent + 1))
curl --silent --output /dev/null --max-time 1 "$url/" || lost=$((lost + 1))
done
echo "$lost of $sent requests lost, while three Pods were replaced one by one"
"""
        ),
        "how many requests were lost. It can be none by luck: run it again.",
    ),
    Misconception(
        "endpoint-vanishes-on-delete",
        "A Pod that is deleted leaves the list of endpoints at once.",
        "It stays listed until it is gone, as not ready. While no endpoint is ready, nodes still "
        "use those that are terminating and serve.",
        _stayed_listed,
        _experiment(
            f"""
pod=$(kubectl get pods -l app=belief -o name | head -1)
kubectl delete "$pod" --wait=false
kubectl wait "$pod" --for=jsonpath='{{.metadata.deletionGracePeriodSeconds}}'=5 --timeout=30s
{_CONDITIONS}kubectl wait "$pod" --for=delete --timeout=30s
echo "it is gone:"
{_CONDITIONS}""",
            replicas=2,
            sleep=3,
        ),
        "the endpoint with terminating true, and its other two conditions.",
    ),
    Misconception(
        "balanced-per-request",
        "A Service shares the requests out equally, or by how busy the Pods are.",
        "It draws an endpoint for each new connection, all with the same chances. All requests of "
        "one connection go to the same Pod.",
        _equal_lines,
        _experiment(
            _URL
            + """
echo "sixty connections:"
for request in $(seq 60); do
curl --silent --max-time 3 "$url/"
done | grep -o '"pod": "[^"]*"' | sort | uniq -c
echo "one connection, sixty requests:"
curl --silent --max-time 30 "$url/?[1-60]" | grep -o '"pod": "[^"]*"' | sort | uniq -c
"""
        ),
        "how many Pods answered in each of the two.",
    ),
    Misconception(
        "load-balancer-everywhere",
        "A Service of type LoadBalancer gets an address, wherever the cluster is.",
        "The type is a wish. It shows <pending> until a cloud's controller, or one that somebody "
        "installed, gives it an address.",
        _pending,
        _experiment(
            """
kubectl wait service belief --for=jsonpath='{.status.loadBalancer.ingress[0].ip}' --timeout=4s \\
  || echo "this cluster has nobody for the class example.com/no-such-cloud"
kubectl get service belief
""",
            replicas=1,
            spec="loadBalancerClass: example.com/no-such-cloud",
        ),
        "EXTERNAL-IP, when nobody is there who serves that class of load balancers.",
    ),
    Misconception(
        "load-balancer-checks-pods",
        "The load balancer looks whether my Pods are well.",
        "It looks at nodes. By default each node hands connections on to Pods on all nodes, so "
        "that they all look well. What it sends to a node that has no ready Pod to hand on to, is "
        "lost.",
        _unchecked,
        _experiment(
            _URL
            + """
curl --silent --output /dev/null --retry 20 --retry-all-errors --retry-delay 1 "$url/"
echo "with one Pod: answered"
kubectl scale deployment/belief --replicas=0
kubectl wait pod -l app=belief --for=delete --timeout=30s
kubectl get service belief --watch --request-timeout=3s || true
curl --silent --output /dev/null --max-time 2 "$url/" || echo "without a Pod: exit code $?"
""",
            replicas=1,
        ),
        "the exit code: 7 would say that nobody took the connection. And the address stays.",
    ),
    Misconception(
        "pull-from-endpoints",
        "For maintenance, I take a Pod or a Deployment out of the list of endpoints.",
        "A controller writes that list from labels and readiness, and puts an edit right within "
        "about a second. Change what it goes by: a label that only the Service reads.",
        _put_right,
        _experiment(
            """
slice=$(kubectl get endpointslices -l kubernetes.io/service-name=belief -o name)
for place in 0 1 2; do
kubectl wait "$slice" --for="jsonpath={.endpoints[$place].conditions.ready}=true" --timeout=20s
done
kubectl patch "$slice" --type=json -p '[{"op": "remove", "path": "/endpoints/0"}]'
echo "the next three seconds:"
kubectl get "$slice" --watch --request-timeout=3s || true
"""
        ),
        "the number of addresses right after the edit, and a second later.",
    ),
    Misconception(
        "service-knows-deployments",
        "A Service sends traffic to a Deployment.",
        "It asks for labels, and knows no Deployment. Any ready Pod that has them is on its list.",
        _strangers,
        _experiment(
            f"""
kubectl run belief-guest --image=localhost/shop:v2 --labels=app=belief,belief=yes \\
  --overrides='{{"spec": {{"terminationGracePeriodSeconds": 1}}}}'
kubectl wait pod belief-guest --for=condition=Ready --timeout=60s
kubectl get endpointslices -l kubernetes.io/service-name=belief --watch --request-timeout=2s || true
{_CONDITIONS}kubectl get deployment belief""",
            replicas=2,
        ),
        "belief-guest on the list, although the Deployment has only two Pods.",
    ),
)
