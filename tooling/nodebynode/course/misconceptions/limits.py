"""Beliefs about what bounds a rollout, where it stops, and when it is done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from nodebynode.course.labs.readings import deployment_of
from nodebynode.course.misconceptions.belief import HISTORY, experiment
from nodebynode.course.misconceptions.misconception import Misconception
from nodebynode.course.misconceptions.telling import (
    by_deployment,
    newest,
    rollouts,
)
from nodebynode.phrases import agreed, count
from nodebynode.recording.resolution import APART
from nodebynode.recording.rules import Story
from nodebynode.recording.rules.finding import clock, lasting, placed, placed_all
from nodebynode.recording.rules.story import Look
from nodebynode.state import Pod

_STAYED = timedelta(seconds=3)
"""How long nothing has to happen, for that to tell anything."""
_BAD_IMAGE = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName")


def _surged(story: Story, name: str) -> str | None:
    """A rollout of a number of Pods that a quarter does not divide, at its largest."""
    for rollout in rollouts(story, name):
        now = rollout.now(rollout.looks[0])
        if now is None or not now.wanted % 4:
            continue
        quarter = (-(-now.wanted // 4), now.wanted // 4)
        looks = rollout.until_complete
        sizes = [[rs.wanted for rs in story.sets(look, name)] for look in looks]
        least = min(sum(rs.available for rs in story.sets(look, name)) for look in looks)
        if (now.surge, now.unavailable) != quarter or least < now.wanted - now.unavailable:
            continue
        if max(map(sum, sizes)) == now.wanted + now.surge:
            return (
                f"{name} wanted {count(now.wanted, 'Pod')}. Its rollout at {clock(rollout.began)} "
                f"had up to {now.wanted + now.surge} (maxSurge was {now.surge}), and never fewer "
                f"than {least} available (maxUnavailable was {now.unavailable})."
            )
    return None


def _old_ones_serve(story: Story, name: str) -> str | None:
    for rollout in rollouts(story, name):
        for look in rollout.looks:
            now = rollout.now(look)
            stuck = [pod for pod in rollout.fresh(look) if pod.reason in _BAD_IMAGE]
            serving = [pod for pod in rollout.old(look) if pod.ready and pod.active]
            if now and stuck and serving and len(serving) >= now.wanted - now.unavailable:
                return (
                    f"{placed(stuck[0])} showed {stuck[0].reason} at {clock(look.at)}. "
                    f"{count(len(serving), 'old Pod')} of {name} stayed ready: "
                    f"{placed_all(serving)}."
                )
    return None


def _stayed_overdue(story: Story, name: str) -> str | None:
    for rollout in rollouts(story, name):
        overdue = [look for look in rollout.looks if (now := rollout.now(look)) and now.overdue]
        if not overdue:
            continue
        stayed = story.until(story.at(overdue[-1].at)) - overdue[0].at
        fresh = [pod for pod in rollout.fresh(overdue[-1]) if pod.active]
        if fresh and stayed >= _STAYED:
            return (
                f"{name} exceeded its progress deadline at {clock(overdue[0].at)}. "
                f"{lasting(stayed)} later its newest ReplicaSet was still {rollout.new.name}, and "
                f"{agreed([pod.name for pod in fresh], 'was', 'were')} still there."
            )
    return None


def _complete_and_progressing(story: Story, name: str) -> str | None:
    for look in reversed(story.looks):
        now, rs = deployment_of(look, name), newest(story, look, name)
        if now is None or rs is None or not now.complete or not now.wanted:
            continue
        if any(
            (one.type, one.status, one.reason) == ("Progressing", "True", "NewReplicaSetAvailable")
            for one in now.conditions
        ):
            return (
                f"at {clock(look.at)} all of {name} was rolled out: "
                f"{count(now.available, 'Pod')} of {rs.name} available, of {now.wanted}. Its "
                "condition Progressing was True, with the reason NewReplicaSetAvailable."
            )
    return None


def _still_leaving(story: Story, name: str) -> str | None:
    for rollout in rollouts(story, name):
        done = next((look for look in rollout.looks if rollout.is_complete(look)), None)
        leaving = [pod for pod in rollout.old(done) if pod.terminating] if done else []
        if done is None or not leaving:
            continue
        gone = _when_gone(story, name, done, leaving)
        if gone - done.at > APART:
            return (
                f"{name} was rolled out at {clock(done.at)}. "
                f"{count(len(leaving), 'old Pod')} took {lasting(gone - done.at)} more to leave: "
                f"{placed_all(leaving)}."
            )
    return None


def _when_gone(story: Story, name: str, done: Look, leaving: Sequence[Pod]) -> datetime:
    """When the last of them was gone; the recording's end where it was not."""
    uids = {pod.uid for pod in leaving}
    later = story.looks[story.at(done.at) :]
    gone = (look.at for look in later if not uids & {p.uid for p in story.pods(look, name)})
    return next(gone, story.ended)


MISCONCEPTIONS = (
    Misconception(
        "surge-rounds-down",
        "A quarter of three Pods is less than one, so maxSurge and maxUnavailable come to nothing.",
        "maxSurge is rounded up and maxUnavailable is rounded down. With 3 Pods, 25% is 1 Pod more "
        "and 0 Pods fewer.",
        by_deployment(_surged),
        experiment(f"""
kubectl get deployment belief -o jsonpath='{{.spec.strategy.rollingUpdate}}{{"\\n"}}'
kubectl set image deployment/belief shop=localhost/shop:v2
kubectl rollout status deployment/belief --timeout=60s
{HISTORY}"""),
        "the sizes of the two ReplicaSets: they come to 4 together, then to 3, then to 4 again.",
    ),
    Misconception(
        "broken-image-is-down",
        "When I roll out an image that does not exist, my app is down.",
        "With the default strategy the rollout stops at its first new Pods. The old Pods that are "
        "still there go on serving.",
        by_deployment(_old_ones_serve),
        experiment("""
kubectl set image deployment/belief shop=localhost/nope:0
kubectl rollout status deployment/belief --timeout=5s || true
kubectl get pods -l app=belief
kubectl get deployment belief
"""),
        "one new Pod with an error about its image, three old Pods with 1/1, and READY 3/3.",
    ),
    Misconception(
        "deadline-rolls-back",
        "When a rollout exceeds its deadline, Kubernetes rolls it back.",
        "It sets a condition, and goes on trying. Going back is up to you: `kubectl rollout undo`.",
        by_deployment(_stayed_overdue),
        experiment("""
kubectl patch deployment belief -p '{"spec": {"progressDeadlineSeconds": 4}}'
kubectl set image deployment/belief shop=localhost/nope:0
kubectl rollout status deployment/belief --timeout=60s || true
# Ten seconds in which it could go back by itself.
kubectl wait deployment/belief --timeout=10s \\
  --for=jsonpath='{.spec.template.spec.containers[0].image}'=localhost/shop:v1 || true
kubectl get replicasets -l app=belief -o wide
kubectl rollout undo deployment/belief
kubectl rollout status deployment/belief --timeout=60s
kubectl get replicasets -l app=belief -o wide
"""),
        "ten seconds after the deadline the ReplicaSet of the broken image still wants a Pod. Only "
        "the undo takes that away.",
    ),
    Misconception(
        "progressing-is-rolling",
        "Progressing=True means that the rollout is still going on.",
        "A finished rollout keeps Progressing=True for good. The reason tells: "
        "NewReplicaSetAvailable means that it is done.",
        by_deployment(_complete_and_progressing),
        experiment(
            """
kubectl get deployment belief
kubectl get deployment belief -o \\
  jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason}{"\\n"}{end}'
""",
            replicas=1,
        ),
        "READY 1/1 and UP-TO-DATE 1, so nothing is left to do, and Progressing=True.",
    ),
    Misconception(
        "success-means-gone",
        'When `kubectl rollout status` says "successfully rolled out", the old Pods are gone.',
        "It says so when all new Pods are available and no old one is wanted. Old Pods may go on "
        "terminating for as long as their grace period.",
        by_deployment(_still_leaving),
        experiment(
            """
# A new template. The old Pods ignore SIGTERM, and are given 8 seconds.
kubectl patch deployment belief -p '{"spec": {"template": {"spec": {
  "terminationGracePeriodSeconds": 1}}}}'
kubectl rollout status deployment/belief --timeout=60s
kubectl get pods -l app=belief
""",
            replicas=1,
            grace=8,
            container="env: [{name: SHOP_ON_SIGTERM, value: ignore}]",
        ),
        '"successfully rolled out", and below it a Pod that is Terminating, and still 1/1.',
    ),
)
