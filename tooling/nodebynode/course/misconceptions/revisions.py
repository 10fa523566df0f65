"""Beliefs about what begins a rollout, and about the revisions that rollouts leave."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import pairwise

from nodebynode.course.labs.readings import deployment_of
from nodebynode.course.misconceptions.belief import experiment
from nodebynode.course.misconceptions.misconception import Misconception
from nodebynode.course.misconceptions.telling import (
    by_deployment,
    newest,
    rollouts,
)
from nodebynode.phrases import count, listed
from nodebynode.recording import Mark
from nodebynode.recording.rules import Story
from nodebynode.recording.rules.finding import clock
from nodebynode.state import ReplicaSet

_SAME_CELL = timedelta(milliseconds=500)
"""Within how long the acts of one cell are marked; all of them are, before it runs."""
_SCALE = re.compile(r"kubectl scale (?:deployments?|deploy)(?:\.apps)?[/ ](\S+)")
_SET_IMAGE = re.compile(
    r"kubectl set image (?:deployments?|deploy)(?:\.apps)?[/ ](\S+) [^\s=]+=\S+:([\w.-]+)(?:\s|$)"
)
_UNDO = re.compile(r"kubectl rollout undo (?:deployments?|deploy)(?:\.apps)?[/ ](\S+)")
_TO_REVISION = re.compile(r"--to-revision[= ](\d+)\b")
_CHANGE_CONFIG = re.compile(r"kubectl (?:patch|edit|replace) (?:configmaps?|cm)[/ ](\S+)")
_CHANGE_TEMPLATE = re.compile(
    r"kubectl (?:rollout (?:restart|undo)|set |apply |replace |(?:patch|edit) dep)"
)


def _acts(story: Story) -> list[Mark]:
    return [one for one in story.marks if one.kind == "action"]


def _next_cell(story: Story, act: Mark) -> datetime:
    """When the next cell with an act began, or the recording ended."""
    return next((one.at for one in _acts(story) if one.at > act.at + _SAME_CELL), story.ended)


# ── what the recording shows ─────────────────────────────────────────────────────────────────


def _scaled_in_place(story: Story, name: str) -> str | None:
    """A change of size that the newest ReplicaSet took over as it was."""
    before: tuple[int, ReplicaSet] | None = None
    at: datetime | None = None
    for look in story.looks:
        now, rs = deployment_of(look, name), newest(story, look, name)
        if now is None or rs is None or (before and before[1].uid != rs.uid):
            before, at = (now.wanted, rs) if now and rs else None, None
        elif before is None:
            before = now.wanted, rs
        elif now.wanted != before[0]:
            at = at or look.at
            if rs.wanted == now.wanted and rs.revision == before[1].revision:
                return (
                    f"{name} went from {before[0]} to {count(now.wanted, 'Pod')} at {clock(at)}. "
                    f"It kept its ReplicaSet {rs.name}, and revision {rs.revision}."
                )
    return None


def _config_changed(story: Story) -> str | None:
    acts = _acts(story)
    for number, act in enumerate(acts):
        changed = _CHANGE_CONFIG.match(act.text)
        if not changed:
            continue
        templates = [one for one in acts[number + 1 :] if _CHANGE_TEMPLATE.match(one.text)]
        came = [one for name in story.deployments for one in rollouts(story, name)
                if one.began > act.at]  # fmt: skip
        there = _running(story, act.at)
        if there and len(came) <= len(templates):
            said = f"the ConfigMap {changed[1]} was changed (`{act.text}`), and "
            if not came:
                return f"{said}no rollout of {listed(there)} followed."
            by = came[0]
            return (
                f"{said}no rollout followed from that. {by.new.name}, which came at "
                f"{clock(by.began)}, came with `{templates[0].text}`."
            )
    return None


def _running(story: Story, since: datetime) -> list[str]:
    """The Deployments that had a ready Pod from an instant on."""
    looks = story.looks[story.at(since) :]
    return [
        name
        for name in story.deployments
        if any(pod.ready for look in looks for pod in story.pods(look, name))
    ]


def _same_tag(story: Story, name: str) -> str | None:
    for act in _acts(story):
        asked = _SET_IMAGE.match(act.text)
        if not asked or asked[1] != name:
            continue
        first, last = story.at(act.at), story.at(_next_cell(story, act))
        sets = [newest(story, look, name) for look in story.looks[first : last + 1]]
        seen = {rs.uid: rs for rs in sets if rs}
        if [rs.version for rs in seen.values()] == [asked[2]]:
            [rs] = seen.values()
            return (
                f"`{act.text}` asked for the tag that {name} had already. Its ReplicaSet stayed "
                f"{rs.name}, revision {rs.revision}."
            )
    return None


def _came_back_renumbered(story: Story, name: str) -> str | None:
    numbers: dict[str, int] = {}
    for look in story.looks:
        for rs in story.sets(look, name):
            was = numbers.setdefault(rs.uid, rs.revision) or rs.revision
            if was < rs.revision and was not in {one.revision for one in story.sets(look, name)}:
                return (
                    f"{rs.name} had been revision {was} of {name}. When its template came back at "
                    f"{clock(look.at)} it became revision {rs.revision}, and there was no revision "
                    f"{was} any more."
                )
            numbers[rs.uid] = was
    return None


def _scaled_while_paused(story: Story, name: str) -> str | None:
    paused: tuple[datetime, int] | None = None
    for look in story.looks:
        now, rs = deployment_of(look, name), newest(story, look, name)
        if now is None or rs is None or not now.paused:
            paused = None
            continue
        paused = paused or (look.at, now.wanted)
        since, size = paused
        sizes = [one.wanted for one in story.sets(look, name) if one.wanted]
        if now.wanted != size and sizes == [now.wanted]:
            return (
                f"{name} was paused from {clock(since)} on. It still went from {size} to "
                f"{count(now.wanted, 'Pod')}, at {clock(look.at)}, all of {rs.name} ({rs.version})."
            )
    return None


# ── what an act gives away ───────────────────────────────────────────────────────────────────


def _undid_a_scaling(story: Story) -> bool:
    """`rollout undo` right after `scale`, of a Deployment that has had no rollout."""
    for before, act in pairwise(_acts(story)):
        scaled, undone = _SCALE.match(before.text), _UNDO.match(act.text)
        if scaled and undone and scaled[1] == undone[1] and not _TO_REVISION.search(act.text):
            sets = story.sets(story.looks[story.at(act.at)], undone[1])
            if len(sets) == 1:
                return True
    return False


def _asked_for_the_same_tag(story: Story) -> bool:
    """`set image` with the tag that was there already, and not as the same cell once more."""
    done = set[str]()
    for act in _acts(story):
        asked = _SET_IMAGE.match(act.text)
        rs = newest(story, story.looks[story.at(act.at)], asked[1]) if asked else None
        if asked and rs and rs.version == asked[2] and act.text not in done:
            return True
        done.add(act.text)
    return False


def _asked_for_a_lost_number(story: Story) -> bool:
    """An undo to a revision that has become a higher one."""
    for act in _acts(story):
        undone, asked = _UNDO.match(act.text), _TO_REVISION.search(act.text)
        if not undone or not asked:
            continue
        index, revision = story.at(act.at), int(asked[1])
        had = {
            rs.uid
            for look in story.looks[: index + 1]
            for rs in story.sets(look, undone[1])
            if rs.revision == revision
        }
        now = {rs.uid: rs.revision for rs in story.sets(story.looks[index], undone[1])}
        if revision not in now.values() and any(now.get(uid, 0) > revision for uid in had):
            return True
    return False


MISCONCEPTIONS = (
    Misconception(
        "replicas-make-a-revision",
        "When I change the number of replicas, that is a new revision.",
        "Only a change of the Pod template makes a revision. `kubectl rollout undo` does not undo "
        "a scaling.",
        by_deployment(_scaled_in_place),
        experiment(
            """
kubectl rollout history deployment/belief
kubectl scale deployment belief --replicas=3
kubectl rollout status deployment/belief --timeout=60s
kubectl rollout history deployment/belief
kubectl get replicasets -l app=belief
""",
            replicas=1,
        ),
        "the history is the same before and after, and there is one ReplicaSet.",
        _undid_a_scaling,
    ),
    Misconception(
        "configmap-restarts",
        "When I change a ConfigMap, the Pods that use it restart.",
        "Nothing restarts. A variable keeps its old value for as long as the Pod lives; a new Pod "
        "gets the new one, for instance by `kubectl rollout restart`.",
        _config_changed,
        experiment(
            """
kubectl get pods -l app=belief
kubectl patch configmap belief -p '{"data": {"SHOP_VERSION": "two"}}'
# Five seconds in which a rollout could begin.
kubectl wait deployment/belief --for=jsonpath='{.status.observedGeneration}'=2 --timeout=5s || true
kubectl logs deployment/belief | head -1
kubectl get pods -l app=belief
kubectl rollout restart deployment/belief
kubectl rollout status deployment/belief --timeout=60s
kubectl get pods -l app=belief
""",
            before="kubectl create configmap belief --from-literal=SHOP_VERSION=one\n",
            container="envFrom: [{configMapRef: {name: belief}}]",
            replicas=1,
        ),
        "after the change the Pod is the same as before. Only the restart makes another.",
    ),
    Misconception(
        "same-tag-rolls-out",
        "When I push a new image under the same tag and apply again, it is rolled out.",
        "The template is the same, so there is nothing to roll out. Give each image a tag of its "
        "own, or use `kubectl rollout restart`.",
        by_deployment(_same_tag),
        experiment(
            """
kubectl get deployment belief -o jsonpath='generation {.metadata.generation}{"\\n"}'
kubectl set image deployment/belief shop=localhost/shop:v1
kubectl rollout status deployment/belief --timeout=60s
kubectl get deployment belief -o jsonpath='generation {.metadata.generation}{"\\n"}'
kubectl rollout history deployment/belief
kubectl get replicasets,pods -l app=belief
""",
            replicas=1,
        ),
        "the generation does not change, there is one revision, and the Pod is not a new one.",
        _asked_for_the_same_tag,
    ),
    Misconception(
        "undo-keeps-the-number",
        "`kubectl rollout undo` takes me back to revision 1.",
        "It takes the old template and makes a new revision of it, with the next number. The old "
        "ReplicaSet is used again, and its old number is gone.",
        by_deployment(_came_back_renumbered),
        experiment(
            """
kubectl set image deployment/belief shop=localhost/shop:v2
kubectl rollout status deployment/belief --timeout=60s
kubectl rollout history deployment/belief
kubectl get replicasets -l app=belief -o wide
kubectl rollout undo deployment/belief
kubectl rollout status deployment/belief --timeout=60s
kubectl rollout history deployment/belief
kubectl get replicasets -l app=belief -o wide
""",
            replicas=1,
        ),
        "first the history has 1 and 2, then 2 and 3. The ReplicaSet of v1 is the same one.",
        _asked_for_a_lost_number,
    ),
    Misconception(
        "pause-stops-all",
        "While a Deployment is paused, nothing about it changes.",
        "A pause stops only the rollout of a new template. Scaling goes on, with the old template.",
        by_deployment(_scaled_while_paused),
        experiment(
            """
kubectl rollout pause deployment/belief
kubectl set image deployment/belief shop=localhost/shop:v2
kubectl scale deployment belief --replicas=3
kubectl wait deployment/belief --for=jsonpath='{.status.readyReplicas}'=3 --timeout=60s
kubectl get pods -l app=belief -o custom-columns=\\
POD:.metadata.name,IMAGE:.spec.containers[0].image
kubectl rollout resume deployment/belief
kubectl rollout status deployment/belief --timeout=60s
kubectl get replicasets -l app=belief -o wide
""",
            replicas=1,
        ),
        "while it is paused there are three Pods, all of v1. After the resume they are of v2.",
    ),
)
