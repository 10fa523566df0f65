"""The checks of lab 02, who-makes-pods: owners, and what is put back when you take it away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nodebynode import phrases
from nodebynode.course.checks import Check, Verdict, not_yet, passed
from nodebynode.course.labs.lab_02_questions import (
    ALONE,
    PREDICTIONS,
    TO_NEW,
    active,
    alone_gone,
    came_back,
    three_again,
)
from nodebynode.course.labs.owning import let_go_since, outsiders, owners, put_backs
from nodebynode.course.labs.readings import Found
from nodebynode.course.look import Look, first_revision_of, listed, name_of, pod_is_ready, uid_of
from nodebynode.course.verdicts import kept
from nodebynode.kube import Json, Kind
from nodebynode.phrases import agreed
from nodebynode.recording.rules import always, last, ready, rollout_begins

__all__ = ["CHECKS", "PREDICTIONS"]

_SHOP, _SIZE = "shop", 3
_RUN_FROM_TOP = "Run the cells above, from the top."
_APPLY = "Run the cell of round 1 that applies shop again."
_REMEMBER = "Run the cell with `lab.remember` above, then do the step, then check."
_BARE_AGAIN = (
    f"Run the cell that makes {ALONE} and the one with `lab.remember` again, then delete two "
    "Pods only."
)
_THERE_AND_BACK = "Delete the ReplicaSets that want 0, and begin again: v2, wait, v1, wait."
_LET_GO = Found(
    "the first of those Pods being let go", "pods", lambda story: let_go_since(story, _SHOP)
)
_JUST_NOW = timedelta(seconds=2)


def _sets(look: Look) -> list[Json]:
    """Shop's ReplicaSets, the oldest first."""
    found = look.api.list(Kind.REPLICA_SET, look.namespace, labels=f"app={_SHOP}")
    return sorted(
        found, key=lambda one: (one["metadata"]["creationTimestamp"], first_revision_of(one))
    )


def _owner(item: Json) -> Json | None:
    """The reference to the controller that owns an object."""
    found = item["metadata"].get("ownerReferences") or ()
    return next((one for one in found if one.get("controller")), None)


def _not_three(look: Look, expected: str) -> Verdict | None:
    """What is said where the Deployment is gone, or asks for another size."""
    deployment = look.deployment(_SHOP)
    if deployment is None:
        return not_yet("The Deployment shop is gone.", expected, _APPLY)
    size = deployment["spec"]["replicas"]
    if size != _SIZE:
        return not_yet(
            f"The Deployment shop asks for {size} Pods itself now.",
            expected,
            f"`kubectl scale deployment shop --replicas={_SIZE}` first; then do the step again.",
        )
    return None


def _chain(look: Look) -> Verdict:
    expected = "three names: of a Pod of shop, of its owner, and of the owner's owner."
    answer = look.answer
    if not isinstance(answer, list | tuple) or len(answer) != 3:
        return not_yet(f"You handed in {answer!r}.", expected)
    if not all(isinstance(name, str) and name for name in answer):
        return not_yet(f"One of the three is not filled in: {answer!r}.", expected)
    pod, replicaset, deployment = (str(name).split("/")[-1] for name in answer)
    there = {name_of(one): one for one in look.pods(_SHOP)}
    if pod not in there:
        return not_yet(f"{pod} is none of shop's Pods: {listed(list(there))}.", expected)
    owner = _owner(there[pod])
    if owner is None or owner["name"] != replicaset:
        named = f"{owner['kind']} {owner['name']}" if owner else "nobody"
        return not_yet(f"You say {replicaset}; {pod} is owned by {named}.", expected)
    above = next((_owner(one) for one in _sets(look) if name_of(one) == replicaset), None)
    if above is None or above["name"] != deployment:
        return not_yet(
            f"You say {deployment}; that is not the owner that {replicaset} names.",
            expected,
            "Ask the ReplicaSet in the way in which the Pod was asked.",
        )
    return passed(f"{pod} belongs to ReplicaSet {replicaset}, and that to Deployment {deployment}.")


def _leaving(look: Look) -> list[str]:
    """Shop's Pods that were told to stop; the next round must not meet one of them."""
    found = look.api.list(Kind.POD, look.namespace, labels=f"app={_SHOP}")
    return [name_of(pod) for pod in found if pod["metadata"].get("deletionTimestamp")]


def _has_caught_up(replicaset: Json) -> bool:
    """Whether its controller has acted on its present size."""
    status, generation = replicaset.get("status", {}), replicaset["metadata"]["generation"]
    counts = {status.get("replicas", 0), status.get("readyReplicas", 0)}
    seen = bool(status.get("observedGeneration") == generation)
    return seen and counts == {replicaset["spec"]["replicas"]}


def _put_back(look: Look) -> Verdict:
    expected = "shop's ReplicaSet set to another size by you, and put back to 3 by its Deployment."
    problem = _not_three(look, expected)
    if problem:
        return problem
    story = look.story()
    found = [*put_backs(story, _SHOP)]
    if not found:
        sets = story.sets(story.looks[-1], _SHOP)
        sizes = listed([f"{one.name} wants {one.wanted}" for one in sets])
        scaled = [one.at for one in story.marks if "kubectl scale" in one.text]
        just_now = bool(scaled) and datetime.now(UTC) - scaled[-1] < _JUST_NOW
        under_way = just_now or any(one.wanted not in (0, _SIZE) for one in sets)
        seen = f"{sizes}, and nobody has changed that by hand."
        return not_yet(f"{sizes}." if under_way else seen, expected, wait=under_way)
    if not all(map(_has_caught_up, _sets(look))):
        return not_yet("It is put back; its Pods are being counted.", expected, wait=True)
    if leaving := _leaving(look):
        return not_yet(f"It is put back; {listed(leaving)} still stops.", expected, wait=True)
    one = found[-1]
    milliseconds = round((one.back - one.at).total_seconds() * 1000)
    return passed(
        f"{one.name} was set to {one.by_hand}; {milliseconds} ms later wanted {one.wanted} again."
    )


def _on_their_way(look: Look) -> list[str]:
    """Pods with the hash of a template that have lost shop's label; one of them may be let go."""
    found = look.api.list(Kind.POD, look.namespace, labels=f"pod-template-hash,app!={_SHOP}")
    return [name_of(pod) for pod in found if not pod["metadata"].get("deletionTimestamp")]


def _let_go(look: Look) -> Verdict:
    expected = "one Pod that was shop's runs without the label, and shop has three others."
    problem = _not_three(look, expected)
    if problem:
        return problem
    free = [pod.name for pod in outsiders(look.story(), _SHOP)]
    if not free and (going := _on_their_way(look)):
        return not_yet(
            f"{agreed(going, 'has', 'have')} no label app={_SHOP} now.", expected, wait=True
        )
    if not free:
        names = listed([name_of(pod) for pod in look.pods(_SHOP)])
        return not_yet(f"Every Pod of shop is still shop's: {names}.", expected)
    if len(free) > 1:
        return not_yet(
            f"{listed(free)} were let go, not one but {len(free)}.",
            expected,
            f"Give all but one the label back: `kubectl label pod NAME app={_SHOP} --overwrite`.",
        )
    owned = [pod for pod in look.pods(_SHOP) if _owner(pod)]
    if len(owned) != _SIZE or not all(map(pod_is_ready, owned)):
        return not_yet(f"{free[0]} is free; shop has {len(owned)}.", expected, wait=True)
    return kept(
        look,
        always(ready(_SHOP) >= 2, after=_LET_GO),
        fine=f"{free[0]} runs and belongs to nobody; shop has "
        f"{listed([name_of(pod) for pod in owned])}. Two or more of them were ready all the time.",
        hint=f"Try again: `kubectl label pod {free[0]} app={_SHOP}`, wait until shop has three, "
        "and take it away once more.",
    )


def _taken_in(look: Look) -> Verdict:
    expected = "the Pod that you let go belongs to shop again, and shop has three in all."
    problem = _not_three(look, expected)
    if problem:
        return problem
    story = look.story()
    free, back = outsiders(story, _SHOP), came_back(story)
    if free:
        pod = free[0]
        labels = listed([f"{key}={value}" for key, value in sorted(pod.labels.items())])
        return not_yet(
            f"{pod.name} still has no owner. Its labels: {labels}.",
            expected,
            wait=pod.labels.get("app") == _SHOP,
        )
    if back is None:
        return not_yet(
            "No Pod that was let go has been taken in again.",
            expected,
            "If you deleted it, take the label of another one away, and then give it back.",
        )
    then = three_again(story, back)
    if then is None:
        return not_yet(f"{back.pod.name} was taken in: now there are four.", expected, wait=True)
    if leaving := _leaving(look):
        return not_yet(f"It is taken in; {listed(leaving)} still stops.", expected, wait=True)
    stayed = back.pod.uid in {pod.uid for pod in active(story, then)}
    end = "It stayed." if stayed else "It was itself the one to go."
    return passed(f"{back.pod.name} was taken in, that made four, and one was stopped. {end}")


def _adopted(look: Look) -> Verdict:
    expected = "the three Pods that you remembered, owned by a ReplicaSet that was made since."
    problem = _not_three(look, expected)
    if problem:
        return problem
    before, now = look.memories.get(_SHOP), look.memory_of(_SHOP)
    if before is None:
        return not_yet("The lab remembers no Pods of shop yet.", expected, _REMEMBER)
    lost = [name for name, uid in before.pods.items() if uid not in set(now.pods.values())]
    if lost:
        return not_yet(
            f"{listed(lost)} did not outlive the ReplicaSet.",
            expected,
            "Run the cell with `lab.remember` again. Then delete the ReplicaSet, not its Pods: "
            "`--cascade=orphan`.",
        )
    by_name = {name_of(pod): _owner(pod) for pod in look.pods(_SHOP)}
    waiting = [name for name, owner in by_name.items() if owner is None]
    if waiting:
        return not_yet(f"{listed(waiting)} have no owner.", expected, wait=True)
    story = look.story()
    had = {
        name: {*owners(story, uid), (by_name.get(name) or {}).get("uid")}
        for name, uid in before.pods.items()
    }
    same = [name for name, uids in had.items() if len(uids) < 2]
    if same:
        sets = _sets(look)
        going = any(one["metadata"].get("deletionTimestamp") for one in sets) or not sets
        names = listed([name_of(one) for one in sets])
        return not_yet(
            f"{listed(same)} never had another owner than {names}.", expected, wait=going
        )
    heir = _sets(look)[-1]
    return passed(
        f"{listed(list(before.pods))} were left without an owner, and ran on. A new "
        f"{name_of(heir)} (UID {uid_of(heir)[:8]}…) has adopted them."
    )


def _one_of_two(look: Look) -> Verdict:
    expected = f"{ALONE} gone, and one Pod of shop replaced."
    problem = _not_three(look, expected)
    if problem:
        return problem
    before, now = look.memories.get(_SHOP), look.memory_of(_SHOP)
    if before is None:
        return not_yet("The lab remembers no Pods of shop yet.", expected, _REMEMBER)
    story = look.story()
    left = alone_gone(story)[-1:]
    ever = any(pod.name == ALONE for one in story.looks for pod in one.state.pods)
    there = look.api.find(Kind.POD, ALONE, look.namespace)
    if there and not there["metadata"].get("deletionTimestamp"):
        again = f"{ALONE} is there again: somebody made it anew." if left else f"{ALONE} runs."
        return not_yet(again, expected, "`kubectl delete pod`, with its name.")
    if not left:
        return not_yet(f"There is no {ALONE} to delete.", expected, _RUN_FROM_TOP, wait=ever)
    gone = [name for name, uid in before.pods.items() if uid not in set(now.pods.values())]
    if not gone:
        return not_yet(f"{ALONE} is gone; all of shop's Pods are still the same.", expected)
    if len(gone) > 1:
        return not_yet(
            f"{listed(gone)} are gone, not one but {len(gone)}.",
            expected,
            _BARE_AGAIN,
        )
    count = sum(map(pod_is_ready, look.pods(_SHOP)))
    if there or count != _SIZE:
        return not_yet(f"{gone[0]} is gone; {count} of 3 are ready.", expected, wait=True)
    new = [name for name in now.pods if name not in before.pods]
    return kept(
        look,
        always(ready(_SHOP) >= 2, after=Found(f"the end of {ALONE}", "pods", lambda _: left[0])),
        fine=f"{gone[0]} was replaced by {listed(new)}. {ALONE} had no owner, so nobody missed it.",
        hint=_BARE_AGAIN,
    )


def _two_levels(look: Look) -> Verdict:
    expected = "version 1 again, in a ReplicaSet that is older than the one of version 2."
    problem = _not_three(look, expected)
    if problem:
        return problem
    sizes = {name_of(one): one["spec"]["replicas"] for one in _sets(look)}
    said = listed([f"{name} wants {size}" for name, size in sizes.items()])
    if len(sizes) != 2:
        more = _THERE_AND_BACK if len(sizes) > 2 else ""
        return not_yet(
            f"{phrases.count(len(sizes), 'ReplicaSet')} of shop: {said}.", expected, more
        )
    old, new = _sets(look)
    if _image(new) != f"localhost/{_SHOP}:v2" or _image(old) != f"localhost/{_SHOP}:v1":
        return not_yet(
            f"{name_of(old)} is of {_image(old)}, and {name_of(new)} of {_image(new)}.",
            expected,
            _THERE_AND_BACK,
        )
    if new["spec"]["replicas"] == _SIZE:
        return not_yet(f"{said}: shop runs version 2.", expected)
    count = sum(map(pod_is_ready, look.pods(_SHOP)))
    if new["spec"]["replicas"] or old["spec"]["replicas"] != _SIZE or count != _SIZE:
        return not_yet(f"{said}; {count} Pods are ready.", expected, wait=True)
    return kept(
        look,
        always(ready(_SHOP) >= _SIZE, after=TO_NEW),
        always(ready(_SHOP) >= _SIZE, after=last(rollout_begins(_SHOP))),
        fine=f"{said}. The way back made no third one, and three or more were always ready.",
        hint="Do it again, both ways: v2, wait, v1, wait. The last time counts.",
    )


def _image(replicaset: Json) -> str:
    return str(replicaset["spec"]["template"]["spec"]["containers"][0]["image"])


CHECKS = (
    Check(
        "chain",
        "From a Pod to its Deployment",
        _chain,
        (
            "Who owns an object stands in its metadata, under ownerReferences.",
            "The line above asks a Pod. The same question to a ReplicaSet gives the last name.",
            'deployment = lab.kubectl("get", "replicaset", replicaset, "-o", OWNER)',
        ),
    ),
    Check(
        "put-back",
        "A size that was put back",
        _put_back,
        (
            "`kubectl scale` works on ReplicaSets, too.",
            "`kubectl scale REPLICASET --replicas=NUMBER`, with what `-o name` prints.",
            '`kubectl scale "$replicaset" --replicas=5`',
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "let-go",
        "A Pod that belongs to nobody",
        _let_go,
        (
            "`kubectl label` changes labels, and takes them away.",
            "A key with a minus sign behind it is taken away: `kubectl label pod NAME KEY-`.",
            '`kubectl label "$pod" app-`',
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "taken-in",
        "A Pod that was taken in again",
        _taken_in,
        (
            "What does shop's ReplicaSet look for? `kubectl describe replicaset` shows it.",
            "The Pod that you let go has lost one label only. `kubectl get pods --show-labels`.",
            "`kubectl label pod NAME app=shop`",
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "adopted",
        "Pods that outlived their ReplicaSet",
        _adopted,
        (
            "`kubectl delete` has an option that leaves what an object owns.",
            "The option is `--cascade=orphan`; it stands behind the ReplicaSet's name.",
            '`kubectl delete "$replicaset" --cascade=orphan`',
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "one-of-two",
        "One of two was replaced",
        _one_of_two,
        (
            f"Two Pods are to be deleted: {ALONE}, and any one of shop.",
            "`kubectl delete pod NAME NAME`",
            f"`kubectl delete pod {ALONE}`, and the same with one name from "
            "`kubectl get pods -l app=shop`.",
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "two-levels",
        "There and back",
        _two_levels,
        (
            "Both versions are images: localhost/shop:v1 and localhost/shop:v2.",
            "`kubectl set image deployment/shop shop=IMAGE`, and "
            "`kubectl rollout status deployment/shop --timeout=60s` to wait for it.",
            "Set v2, wait, set v1, wait.",
        ),
        looks_at=("state", "path"),
    ),
)
