"""What lab 02, who-makes-pods, asks before its acts."""

from __future__ import annotations

from datetime import datetime

from nodebynode.course.answers import Choice, Number
from nodebynode.course.labs.owning import Handed, put_backs, released, taken_in
from nodebynode.course.labs.readings import Found, first, quiet_until
from nodebynode.course.predictions import Question, Reality, by_answer
from nodebynode.recording.rules import Story, created
from nodebynode.recording.rules.story import Look
from nodebynode.state import Pod, ReplicaSet

_SHOP, ALONE = "shop", "loner"
_NEW_VERSION = "v2"
_DEPLOYMENT, _REPLICASET = "the Deployment controller", "the ReplicaSet controller"
_SCHEDULER, _KUBELET = "the scheduler", "the kubelet of each node"
_MAKERS = {
    "deployment-controller": _DEPLOYMENT,
    "replicaset-controller": _REPLICASET,
    "default-scheduler": _SCHEDULER,
    "kubelet": _KUBELET,
}
_STAYS, _ONE_GOES, _OUTSIDE = (
    "it belongs to shop again, and there are four",
    "it belongs to shop again, and one of the four is stopped",
    "it runs on alone: shop has its three",
)
_SAME_NAME, _OTHER_NAME, _NOBODY = (
    "a new ReplicaSet of the same name",
    "a new ReplicaSet of another name",
    "nobody",
)
_BOTH, _KEPT, _NEITHER = "both", "the Pod of shop only", "neither"


def active(story: Story, look: Look) -> list[Pod]:
    """The Pods of shop that are not leaving."""
    return [pod for pod in story.pods(look, _SHOP) if pod.active]


def _wanted(look: Look) -> int:
    return next((one.wanted for one in look.state.deployments if one.name == _SHOP), -1)


# ── rounds 1 and 2 ───────────────────────────────────────────────────────────────────────────


def _who_made_them(story: Story) -> Reality | None:
    for look in story.looks:
        names = {pod.name for pod in story.pods(look, _SHOP)}
        for event in look.state.events:
            made = event.reason == "SuccessfulCreate" and event.message.split()[-1] in names
            if made and event.source in _MAKERS:
                return Reality(_MAKERS[event.source], look.at)
    return None


def _scaled_by_hand(story: Story) -> datetime | None:
    return next((one.at for one in put_backs(story, _SHOP)), None)


def _size_after(story: Story) -> Reality | None:
    found = next(put_backs(story, _SHOP), None)
    return None if found is None else Reality(found.wanted, found.back)


# ── round 3 ──────────────────────────────────────────────────────────────────────────────────


def _first_let_go(story: Story) -> datetime | None:
    return next((one.at for one in released(story, _SHOP)), None)


def _pods_with_it(story: Story) -> Reality | None:
    """How many Pods there are with the one that was let go, once shop has all of its own."""
    found = next(iter(released(story, _SHOP)), None)
    if found is None:
        return None
    for look in story.looks[story.at(found.at) :]:
        owned = active(story, look)
        free = [pod for pod in look.state.pods if pod.uid == found.pod.uid and pod.active]
        if len(owned) == _wanted(look):
            return Reality(len(owned) + len(free), look.at)
    return None


def came_back(story: Story) -> Handed | None:
    """The last return of a Pod that had been let go."""
    returns = taken_in(story, _SHOP)
    for gone in reversed(released(story, _SHOP)):
        back = (one for one in returns if one.pod.uid == gone.pod.uid and one.at > gone.at)
        if (found := next(back, None)) is not None:
            return found
    return None


def three_again(story: Story, back: Handed) -> Look | None:
    """The look at which shop, after a Pod's return, had as many Pods as it wants."""
    looks = story.looks[story.at(back.at) :]
    return next((look for look in looks if len(active(story, look)) == _wanted(look)), None)


def _back_at(story: Story) -> datetime | None:
    found = came_back(story)
    return None if found is None else found.at


def _taken_in_again(story: Story) -> Reality | None:
    found = came_back(story)
    if found is None:
        return None
    if (look := three_again(story, found)) is not None:
        return Reality(_ONE_GOES, look.at)
    return Reality(_STAYS, found.at) if quiet_until(story, found.at) else None


# ── round 4 ──────────────────────────────────────────────────────────────────────────────────


def orphaned(story: Story) -> tuple[ReplicaSet, int] | None:
    """The first ReplicaSet of shop that is gone though its Deployment stayed, and in which look."""
    before: dict[str, ReplicaSet] = {}
    for index, look in enumerate(story.looks):
        now = {one.uid: one for one in story.sets(look, _SHOP)}
        lost = [one for uid, one in before.items() if uid not in now and one.wanted]
        if lost and _wanted(look) >= 0:
            return lost[0], index
        before = now
    return None


def _orphaned_at(story: Story) -> datetime | None:
    found = orphaned(story)
    return None if found is None else story.looks[found[1]].at


def _heir(story: Story) -> tuple[ReplicaSet, Look] | None:
    """The ReplicaSet that shop has afterwards, once it has all its Pods."""
    found = orphaned(story)
    for look in story.looks[found[1] :] if found else ():
        sets = [one for one in story.sets(look, _SHOP) if one.wanted]
        if sets and len(active(story, look)) == _wanted(look):
            return sets[-1], look
    return None


def _made_meanwhile(story: Story) -> Reality | None:
    found, heir = orphaned(story), _heir(story)
    if found is None or heir is None:
        return None
    known = {pod.uid for look in story.looks[: found[1]] for pod in look.state.pods}
    new = [pod for pod in active(story, heir[1]) if pod.uid not in known]
    return Reality(len(new), heir[1].at)


def _who_has_them(story: Story) -> Reality | None:
    found, heir = orphaned(story), _heir(story)
    if found is None or heir is None:
        return None
    same = heir[0].name == found[0].name
    return Reality(_SAME_NAME if same else _OTHER_NAME, heir[1].at)


# ── rounds 5 and 6 ───────────────────────────────────────────────────────────────────────────


def alone_gone(story: Story) -> list[datetime]:
    """When the bare Pod was told to leave, or was gone; each time that one was made counts."""
    seen, found = False, []
    for look in story.looks:
        there = any(pod.name == ALONE and pod.active for pod in look.state.pods)
        if seen and not there:
            found.append(look.at)
        seen = there
    return found


def _alone_first_gone(story: Story) -> datetime | None:
    return next(iter(alone_gone(story)), None)


def _which_come_back(story: Story) -> Reality | None:
    at = _alone_first_gone(story)
    if at is None:
        return None
    looks = story.looks[story.at(at) :]
    before = story.looks[story.at(at) - 1]
    uids = {pod.uid for pod in before.state.pods if pod.active}
    left = {pod.uid for pod in active(story, before)}
    lost = None
    for look in looks:
        owned = active(story, look)
        again = any(pod.name == ALONE and pod.uid not in uids for pod in look.state.pods)
        lost = lost or bool(left - {pod.uid for pod in owned})
        if lost and len(owned) == _wanted(look) and all(pod.ready for pod in owned):
            return Reality(_BOTH if again else _KEPT, look.at)
    return None


def to_version(story: Story) -> datetime | None:
    """When a ReplicaSet of version 2 last became the newest of shop."""
    began, newest = None, ""
    for look in story.looks:
        sets = story.sets(look, _SHOP)
        now = max(sets, key=lambda rs: (rs.revision, rs.name)) if sets else None
        if now and now.uid != newest:
            newest = now.uid
            began = look.at if now.version == _NEW_VERSION else began
    return began


TO_NEW = Found("the rollout of version 2", "replicasets", to_version)


def _sets_at_last(story: Story) -> Reality | None:
    began = first(story, TO_NEW)
    for look in story.looks[story.at(began) :] if began else ():
        sets = sorted(story.sets(look, _SHOP), key=lambda rs: rs.revision)
        deployment = next((one for one in look.state.deployments if one.name == _SHOP), None)
        if deployment and deployment.complete and sets and sets[-1].version != _NEW_VERSION:
            return Reality(len(sets), look.at)
    return None


PREDICTIONS = (
    Question(
        "maker",
        "You apply a Deployment of three. Who makes the three Pods?",
        Choice((_DEPLOYMENT, _REPLICASET, _SCHEDULER, _KUBELET)),
        act=created(_SHOP),
        do="run the cell that applies shop",
        reality=_who_made_them,
        belief=by_answer({_DEPLOYMENT: "deployment-makes-pods"}),
    ),
    Question(
        "scaled",
        "You set the size of shop's ReplicaSet to 5. What is it a few seconds later?",
        Number("Pod", "Pods"),
        act=Found("a ReplicaSet scaled by hand", "replicasets", _scaled_by_hand),
        do="scale the ReplicaSet in round 2",
        reality=_size_after,
        check="put-back",
        command="kubectl scale",
        belief=by_answer({5: "scale-the-replicaset"}),
    ),
    Question(
        "counted",
        "One Pod of shop loses its label. How many Pods run then, that one counted?",
        Number("Pod", "Pods"),
        act=Found("a Pod let go", "pods", _first_let_go),
        do="take the label away in round 3",
        reality=_pods_with_it,
        check="let-go",
        command="kubectl label",
        belief=by_answer({3: "label-is-a-name"}),
    ),
    Question(
        "returned",
        "That Pod gets its label back. What comes of it?",
        Choice((_STAYS, _ONE_GOES, _OUTSIDE)),
        act=Found("a Pod taken in again", "pods", _back_at),
        do="give the label back in round 3",
        reality=_taken_in_again,
        check="taken-in",
    ),
    Question(
        "orphans",
        "The ReplicaSet is deleted, its Pods are left. How many new Pods are made?",
        Number("Pod", "Pods"),
        act=Found("a ReplicaSet deleted", "replicasets", _orphaned_at),
        do="delete the ReplicaSet in round 4",
        reality=_made_meanwhile,
        check="adopted",
        command="--cascade=orphan",
    ),
    Question(
        "heir",
        "Who owns those Pods afterwards?",
        Choice((_SAME_NAME, _OTHER_NAME, _NOBODY)),
        act=Found("a ReplicaSet deleted", "replicasets", _orphaned_at),
        do="delete the ReplicaSet in round 4",
        reality=_who_has_them,
        check="adopted",
    ),
    Question(
        "replaced",
        "You delete the bare Pod, and one Pod of shop. Which is replaced?",
        Choice((_BOTH, _KEPT, _NEITHER)),
        act=Found("the bare Pod gone", "pods", _alone_first_gone),
        do="delete both in round 5",
        reality=_which_come_back,
        check="one-of-two",
        command="kubectl delete pod",
        belief=by_answer({_BOTH: "bare-pod-comes-back"}),
    ),
    Question(
        "sets",
        "You roll out version 2, and then version 1 again. How many ReplicaSets has shop then?",
        Number("ReplicaSet", "ReplicaSets"),
        act=TO_NEW,
        do="roll out version 2, and version 1 again, in round 6",
        reality=_sets_at_last,
        check="two-levels",
        command="kubectl set image",
    ),
)
