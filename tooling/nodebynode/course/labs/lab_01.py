"""The checks of lab 01, what-runs-where: only Pods have nodes."""

from __future__ import annotations

from nodebynode.course.checks import Check, Verdict, not_yet, passed
from nodebynode.course.look import (
    Look,
    Memory,
    listed,
    name_of,
    node_of,
    pod_is_ready,
    uid_of,
)

_RUN_FROM_TOP = "Run the cells above, from the top."
_KINDS = ("Deployment", "ReplicaSet", "Pod")
_LABEL = "floor"


def _who_has_a_node(look: Look) -> Verdict:
    expected = "True for each kind whose objects have a node, and False for the others."
    answer = look.answer
    if not isinstance(answer, dict) or set(answer) != set(_KINDS):
        return not_yet(
            f"You handed in {answer!r}.", f"a dictionary with the keys {listed(_KINDS)}."
        )
    open_ = [kind for kind in _KINDS if not isinstance(answer[kind], bool)]
    if open_:
        return not_yet(f"There is no True or False for {listed(open_)} yet.", expected)
    pods = look.pods("shop")
    if not pods:
        return not_yet("There are no Pods of shop to look at.", "three of them.", _RUN_FROM_TOP)
    truth = {"Deployment": False, "ReplicaSet": False, "Pod": any(map(node_of, pods))}
    wrong = [kind for kind in _KINDS if answer[kind] != truth[kind]]
    if wrong:
        said = listed([f"{kind}: {answer[kind]}" for kind in wrong])
        return not_yet(f"You say {said}; the cluster says otherwise.", expected)
    first = pods[0]
    return passed(f"only a Pod has a node. {name_of(first)} has {node_of(first)}.")


def _attic_has_a_home(look: Look) -> Verdict:
    expected = f"the Pod of attic runs on a worker that has the label {_LABEL}=attic."
    deployment = look.deployment("attic")
    if deployment is None:
        return not_yet("There is no Deployment attic.", expected, _RUN_FROM_TOP)
    wanted = deployment["spec"]["template"]["spec"].get("nodeSelector")
    if wanted != {_LABEL: "attic"}:
        return not_yet(
            f"The Deployment attic asks for {wanted or 'no particular node'} now.",
            expected,
            "Leave the Deployment as it was; change what a node says of itself.",
        )
    pods = look.pods("attic")
    homes = [
        name_of(node)
        for node in look.nodes()
        if node["metadata"]["labels"].get(_LABEL) == "attic" and name_of(node) in look.workers
    ]
    if not homes:
        names = listed([name_of(pod) for pod in pods])
        return not_yet(f"No worker has the label {_LABEL}=attic; {names} waits.", expected)
    waiting = [name_of(pod) for pod in pods if not pod_is_ready(pod)]
    if waiting or not pods:
        seen = f"{listed(homes)} has the label, and {listed(waiting)} is not ready yet."
        return not_yet(seen, expected, wait=True)
    pod = pods[0]
    bound = [e for e in look.events("Scheduled") if e["involvedObject"]["uid"] == uid_of(pod)]
    by = bound[0].get("reportingComponent") if bound else None
    if by is None:
        return not_yet(
            f"{name_of(pod)} runs, but no scheduler ever announced it.",
            expected,
            "A Pod with spec.nodeName goes past the scheduler. Delete it, and label a node.",
        )
    return passed(f"{by} bound {name_of(pod)} to {node_of(pod)}.")


def _path_of_a_pod(look: Look) -> Verdict:
    expected = "a path at which the API server answers with one Pod of shop."
    path = look.answer
    if not isinstance(path, str) or not path.startswith("/"):
        return not_yet(f"You handed in {path!r}.", expected, "A path is a text that begins with /.")
    found = look.raw(path)
    if found is None:
        return not_yet(f"The API server has nothing at {path}.", expected)
    kind = found.get("kind", "no object")
    if kind != "Pod":
        return not_yet(f"At {path} there is a {kind}.", expected)
    if uid_of(found) not in {uid_of(pod) for pod in look.pods("shop")}:
        return not_yet(f"At {path} there is a Pod, but it is none of shop's.", expected)
    return passed(f"{name_of(found)} is kept at that path, and its node is one field of it.")


def _written_not_rolled(look: Look) -> Verdict:
    expected = "a label `team` on the Deployment shop, and the same Pods as before."
    memory, problem = _remembered(look, expected)
    if problem:
        return problem
    deployment = look.deployment("shop")
    now = look.memory_of("shop")
    if deployment is None:
        return not_yet("The Deployment shop is gone.", expected, _RUN_FROM_TOP)
    if now.deployment != memory.deployment:
        return not_yet(
            "The Deployment's spec has changed as well, or it was made anew: its generation was "
            f"{_generation(memory)} and is {_generation(now)}.",
            expected,
            "Run the cell with `lab.remember` again, then change only the label.",
        )
    team = (deployment["metadata"].get("labels") or {}).get("team")
    if not team:
        return not_yet("The Deployment has no label `team`.", expected)
    if now.pods != memory.pods:
        return not_yet(
            f"The Pods are not the ones you remembered: now {listed(list(now.pods))}.",
            expected,
            "Run the cell with `lab.remember` again.",
        )
    version = deployment["metadata"]["resourceVersion"]
    return passed(f"team={team} is written (resourceVersion {version}); no Pod noticed.")


def _one_replaced(look: Look) -> Verdict:
    expected = "two of the three Pods you remembered, and one new one, all ready."
    memory, problem = _remembered(look, expected)
    if problem:
        return problem
    now = look.memory_of("shop")
    if now.deployment != memory.deployment:
        return not_yet(
            "The Deployment itself has changed since you remembered it.",
            expected,
            "Run the cell with `lab.remember` again, then delete one Pod and nothing else.",
        )
    uids = set(now.pods.values())
    gone = [name for name, uid in memory.pods.items() if uid not in uids]
    new = [name for name, uid in now.pods.items() if uid not in memory.pods.values()]
    if not gone:
        return not_yet("All the Pods that you remembered are still there.", expected)
    if len(gone) > 1:
        return not_yet(
            f"{listed(gone)} are gone, not one but {len(gone)}.",
            expected,
            "No harm done: they were replaced too. Run the cell with `lab.remember` again and "
            "delete one.",
        )
    ready = [name_of(pod) for pod in look.pods("shop") if pod_is_ready(pod)]
    if len(new) != 1 or len(ready) != 3:
        return not_yet(f"{gone[0]} is gone; {len(ready)} of 3 are ready.", expected, wait=True)
    nodes = {name_of(pod): node_of(pod) for pod in look.pods("shop")}
    return passed(
        f"{gone[0]} is gone for good, and {new[0]} came, on {nodes[new[0]]}: another name, another "
        "UID. The Deployment did not change."
    )


def _worker_is_empty(look: Look) -> Verdict:
    expected = "a cordoned worker without Pods of shop, and three ready Pods elsewhere."
    memory, problem = _remembered(look, expected)
    if problem:
        return problem
    now = look.memory_of("shop")
    if now.deployment != memory.deployment:
        return not_yet(
            "The Deployment has changed; this must work without touching it.",
            expected,
            "Put it back by running the first cells again, then `lab.remember` again.",
        )
    cordoned = [name_of(node) for node in look.nodes() if node["spec"].get("unschedulable")]
    if not cordoned:
        return not_yet("No node is cordoned.", expected)
    pods = look.pods("shop")
    staying = [name_of(pod) for pod in pods if node_of(pod) in cordoned]
    if staying:
        seen = f"{listed(cordoned)} takes no new Pods, and {listed(staying)} still runs there."
        return not_yet(seen, expected)
    ready = sum(map(pod_is_ready, pods))
    if len(pods) != 3 or ready != 3:
        return not_yet(f"{listed(cordoned)} is empty; {ready} of 3 are ready.", expected, wait=True)
    return passed(
        f"{listed(cordoned)} holds no Pod of shop, three are ready on "
        f"{listed(sorted({node_of(pod) or '' for pod in pods}))}, and nobody told the Deployment."
    )


def _remembered(look: Look, expected: str) -> tuple[Memory, Verdict | None]:
    memory = look.memories.get("shop")
    if memory is None:
        nothing = Memory(None, {})
        return nothing, not_yet(
            "The lab remembers no Pods of shop yet.",
            expected,
            "Run the cell with `lab.remember` above, then do the step, then check.",
        )
    return memory, None


def _generation(memory: Memory) -> str:
    return str(memory.deployment[1]) if memory.deployment else "none"


CHECKS = (
    Check(
        "who-has-a-node",
        "Which kinds have a node",
        _who_has_a_node,
        (
            "Read what the three commands above printed: one of them printed names of nodes.",
            "Look for `nodeName` in `kubectl get deployment,replicaset,pod -l app=shop -o yaml`, "
            "and mind under which kind it stands.",
            "Only Pods have a `spec.nodeName`.",
        ),
    ),
    Check(
        "attic-has-a-home",
        "The Pod of attic has a node",
        _attic_has_a_home,
        (
            "The scheduler looks for a node with a certain label. Which nodes have it? "
            "`kubectl get nodes -L floor`.",
            "`kubectl label node NAME KEY=VALUE` gives a node a label.",
            "Run `kubectl label node` with the name of one worker and `floor=attic`.",
        ),
    ),
    Check(
        "path-of-a-pod",
        "A Pod's path in the API",
        _path_of_a_pod,
        (
            "The path of the Deployment above shows the pattern. Pods belong to the core API, "
            "which begins with /api/v1 instead of /apis/GROUP/VERSION.",
            "The pattern is /api/v1/namespaces/NAMESPACE/pods/NAME.",
            "Take a name from `kubectl get pods -l app=shop`, and this lab's namespace lab-01.",
        ),
    ),
    Check(
        "written-not-rolled",
        "A write that moves nothing",
        _written_not_rolled,
        (
            "`kubectl label` works on every kind of object.",
            "The pattern is `kubectl label KIND NAME KEY=VALUE`.",
            "`kubectl label deployment shop team=web`",
        ),
    ),
    Check(
        "one-replaced",
        "One Pod was replaced",
        _one_replaced,
        (
            "`kubectl get pods -l app=shop` shows the names; delete one of them.",
            "`kubectl delete pod NAME`, with one name.",
            "Copy one name from `kubectl get pods -l app=shop -o name` behind `kubectl delete`.",
        ),
    ),
    Check(
        "worker-is-empty",
        "A worker without Pods of shop",
        _worker_is_empty,
        (
            "Two steps: first make sure that nothing new lands there, then make the Pods go.",
            "`kubectl cordon NODE` is the first. The second is what you did in the round before.",
            "`kubectl get pods -l app=shop -o wide` shows which Pods are on the cordoned node; "
            "delete those.",
        ),
    ),
)
