"""The checks and questions of lab 01, what-runs-where: only Pods have nodes."""

from __future__ import annotations

from datetime import datetime

from nodebynode.course.answers import Answer, Choice, Number, Ordering
from nodebynode.course.checks import Check, Verdict, not_yet, passed
from nodebynode.course.labs.readings import departures, first, replacement
from nodebynode.course.look import (
    Look,
    Memory,
    listed,
    name_of,
    node_of,
    pod_is_ready,
    uid_of,
)
from nodebynode.course.predictions import Question, Reality, by_answer
from nodebynode.course.verdicts import kept
from nodebynode.phrases import agreed
from nodebynode.recording.rules import (
    Story,
    always,
    cordoned,
    created,
    endpoints,
    last,
    leaves,
    mark,
    no_binding_to,
)

_RUN_FROM_TOP = "Run the cells above, from the top."
_KINDS = ("Deployment", "ReplicaSet", "Pod")
_LABEL = "floor"
_ONE_BY_ONE = (
    "Delete only the Pods on the cordoned worker. Then try again: `kubectl uncordon` it, run the "
    "cell with `lab.remember`, and take another worker."
)


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
    at_home = [pod for pod in pods if pod_is_ready(pod) and node_of(pod) in homes]
    waiting = [name_of(pod) for pod in pods if pod not in at_home]
    if waiting or not pods:
        labelled, starting = agreed(homes, "has", "have"), agreed(waiting, "is", "are")
        seen = f"{labelled} the label, and {starting} not ready there yet."
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
    before, now, problem = _since_remembered(look, expected)
    if problem:
        return problem
    found = look.deployment("shop") or {"metadata": {}}
    team = (found["metadata"].get("labels") or {}).get("team")
    if not team:
        return not_yet("The Deployment has no label `team`.", expected)
    if now.pods != before.pods:
        return not_yet(
            f"The Pods are not the ones you remembered: now {listed(list(now.pods))}.",
            expected,
            "Run the cell with `lab.remember` again.",
        )
    version = found["metadata"]["resourceVersion"]
    return passed(f"team={team} is written (resourceVersion {version}); no Pod noticed.")


def _one_replaced(look: Look) -> Verdict:
    expected = "two of the three Pods you remembered, and one new one, all ready."
    before, now, problem = _since_remembered(look, expected)
    if problem:
        return problem
    gone, new = _gone(before, now), _gone(now, before)
    if not gone:
        return not_yet("All the Pods that you remembered are still there.", expected)
    if len(gone) > 1:
        return not_yet(
            f"{listed(gone)} are gone, not one but {len(gone)}.",
            expected,
            "No harm done: they were replaced too. Run the cell with `lab.remember` again and "
            "delete one.",
        )
    ready = sum(map(pod_is_ready, look.pods("shop")))
    if len(new) != 1 or ready != 3:
        return not_yet(f"{gone[0]} is gone; {ready} of 3 are ready.", expected, wait=True)
    return passed(
        f"{gone[0]} is gone for good, and {new[0]} came, on {now.homes[new[0]]}: another name, "
        "another UID. The Deployment did not change."
    )


def _worker_is_empty(look: Look) -> Verdict:
    expected = (
        "a cordoned worker on which a Pod of shop ran and none runs now, and three ready Pods "
        "elsewhere."
    )
    before, now, problem = _since_remembered(look, expected)
    if problem:
        return problem
    closed = [name_of(node) for node in look.nodes() if node["spec"].get("unschedulable")]
    workers = [node for node in closed if node in look.workers]
    if not workers:
        seen = f"Cordoned is {listed(closed)}, which is no worker." if closed else ""
        return not_yet(seen or "No node is cordoned.", expected)
    if not set(workers) & set(before.homes.values()):
        return not_yet(
            f"No Pod of shop ran on {listed(workers)} when you remembered, and that is cordoned.",
            expected,
            "`kubectl uncordon` it, and choose a worker on which one runs.",
        )
    staying = [name for name, node in now.homes.items() if node in workers]
    if staying:
        seen = f"{listed(workers)} takes no new Pods. Still there: {listed(staying)}."
        return not_yet(seen, expected)
    ready = sum(map(pod_is_ready, look.pods("shop")))
    if len(now.pods) != 3 or ready != 3:
        return not_yet(
            f"{agreed(workers, 'is', 'are')} empty; {ready} of 3 are ready.", expected, wait=True
        )
    elsewhere = listed(sorted({node or "" for node in now.homes.values()}))
    since = last(cordoned())
    return kept(
        look,
        always(endpoints("shop") >= 1, after=since),
        no_binding_to(),
        fine=f"{listed(workers)} holds no Pod of shop, and took none since its cordon. Three are "
        f"ready on {elsewhere}, users found somebody at each instant, and nobody told the "
        "Deployment.",
        hint=_ONE_BY_ONE,
    )


def _gone(before: Memory, now: Memory) -> list[str]:
    """Return the names of the Pods of `before` that are not there in `now`."""
    uids = set(now.pods.values())
    return [name for name, uid in before.pods.items() if uid not in uids]


def _since_remembered(look: Look, expected: str) -> tuple[Memory, Memory, Verdict | None]:
    """Return what was and what is, and a verdict where they cannot be compared."""
    before, now = look.memories.get("shop"), look.memory_of("shop")
    if before is None:
        hint = "Run the cell with `lab.remember` above, then do the step, then check."
        return now, now, not_yet("The lab remembers no Pods of shop yet.", expected, hint)
    if now.deployment is None:
        return before, now, not_yet("The Deployment shop is gone.", expected, _RUN_FROM_TOP)
    if now.deployment != before.deployment:
        seen = (
            "The Deployment itself has changed since you remembered it, or was made anew: its "
            f"generation was {_generation(before)} and is {_generation(now)}."
        )
        hint = (
            "This must work without touching its spec. Run the cell with `lab.remember` again, "
            "then do the step."
        )
        return before, now, not_yet(seen, expected, hint)
    return before, now, None


def _generation(memory: Memory) -> str:
    return str(memory.deployment[1]) if memory.deployment else "none"


_REFUSED = "nothing: it is refused"
_WAITS, _RUNS = "a Pod that waits", "a Pod that runs"
_ANOTHER, _SAME, _NONE = "another comes", "it comes back", "none comes"
_STEPS = ("made", "bound", "ready", "gone")
_LABELLED = mark("kubectl label dep")


def _what_attic_has(story: Story) -> Reality | None:
    for look in story.looks:
        for pod in story.pods(look, "attic"):
            if pod.node or pod.unscheduled:
                return Reality(_RUNS if pod.node else _WAITS, look.at)
    return None


def _restarted(story: Story) -> Reality | None:
    left, labelled = departures(story, "shop", _LABELLED), first(story, _LABELLED)
    return None if left is None or labelled is None else Reality(len(left), [labelled, *left][-1])


def _one_too_many(story: Story, said: Answer) -> datetime | None:
    if not isinstance(said, int | float):
        return None
    left = enumerate(departures(story, "shop", _LABELLED) or (), start=1)
    return next((at for number, at in left if number > said), None)


def _who_came(story: Story) -> Reality | None:
    found = replacement(story, "shop")
    if found is None or found.new is None:
        return None
    same = found.new.name == found.old.name
    return Reality(_SAME if same else _ANOTHER, found.steps["made"])


def _in_which_order(story: Story) -> Reality | None:
    found = replacement(story, "shop")
    if found is None or len(found.steps) < len(_STEPS):
        return None
    steps = found.steps
    return Reality(tuple(sorted(steps, key=lambda step: steps[step])), max(steps.values()))


def _first_out_of_order(story: Story, said: Answer) -> datetime | None:
    found, came = replacement(story, "shop"), _in_which_order(story)
    if found is None or came is None or not isinstance(came.value, tuple):
        return None
    pairs = zip(came.value, said if isinstance(said, tuple) else (), strict=False)
    return next((found.steps[step] for step, other in pairs if step != other), None)


PREDICTIONS = (
    Question(
        "attic",
        "What will there be of attic, once its Deployment is applied?",
        Choice((_REFUSED, "a Deployment without a Pod", _WAITS, _RUNS)),
        act=created("attic"),
        do="run the cell that applies attic",
        reality=_what_attic_has,
        belief=by_answer({_REFUSED: "deployment-on-a-node"}),
    ),
    Question(
        "label",
        "How many Pods are restarted when the Deployment gets a label?",
        Number("Pod", "Pods"),
        act=_LABELLED,
        do="label the Deployment in round 5, with `kubectl label` in its cell",
        reality=_restarted,
        check="written-not-rolled",
        command="kubectl label dep",
        left=_one_too_many,
    ),
    Question(
        "deleted",
        "You delete one Pod. What becomes of it?",
        Choice((_SAME, _ANOTHER, _NONE)),
        act=leaves("shop"),
        do="delete one Pod in round 6",
        reality=_who_came,
        check="one-replaced",
        command="kubectl delete",
        belief=by_answer({_SAME: "deleted-comes-back"}),
    ),
    Question(
        "order",
        "You delete one Pod. In which order: the old one is gone; a new one is made, bound, ready?",
        Ordering(_STEPS),
        act=leaves("shop"),
        do="delete one Pod in round 6",
        reality=_in_which_order,
        check="one-replaced",
        left=_first_out_of_order,
    ),
)

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
        looks_at=("state", "path"),
    ),
)
