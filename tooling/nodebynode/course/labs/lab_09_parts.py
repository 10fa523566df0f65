"""What the checks of lab 09, the-duel, look for in the cluster, and on a day of its recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from nodebynode.course.checks import Verdict, not_yet
from nodebynode.course.labs.lab_09_questions import day_of, placed
from nodebynode.course.labs.serving import ready_pods
from nodebynode.course.look import Look, name_of
from nodebynode.kube import Json, Kind
from nodebynode.recording.resolution import APART
from nodebynode.recording.rules import Story
from nodebynode.recording.rules.story import Look as Instant
from nodebynode.state import Pod

_UNMEASURED = 0.2
"""The share of requests that may be not measured before nothing is said of the others."""


def not_ended(look: Look, day: str) -> Verdict | None:
    """What is missing where a day has not been lived from its beginning to its end."""
    expected = "a day that you begin before the step, and end after it."
    if look.duel is None or look.duel.running == day:
        return not_yet(f"The day {day} has not ended.", expected, "`lab.duel.end()`")
    if day not in look.duel.days:
        return not_yet(f"There was no day {day} yet.", expected, f'`lab.duel.day("{day}")`')
    return None


def lost_some(look: Look, day: str, plan: str, hint: str) -> Verdict | None:
    """What a plan lost on a day that has ended; None where it lost nothing."""
    fare = look.duel.days[day].fares[plan] if look.duel else None
    if fare is None:
        return None
    if fare.lost:
        seen = f"{plan} lost {len(fare.lost)} of {fare.sent} requests. Most of them: {fare.why}."
        return not_yet(seen, "none lost.", hint)
    if not fare.whole:
        seen = f"The load on {plan} ended by itself after {fare.curve.seconds:.0f} s."
        return not_yet(seen, "a load until the day ends.", hint)
    if fare.unknown > _UNMEASURED * fare.sent:
        seen = f"{fare.unknown} of {fare.sent} requests could not be measured: this machine was "
        return not_yet(f"{seen}too busy.", "most of them measured, and none lost.", hint)
    return None


def deployments(look: Look, app: str) -> Mapping[str, Json]:
    """The Deployments whose Pods have a label `app`, by name."""
    found = look.api.list(Kind.DEPLOYMENT, look.namespace)
    labels = {name_of(one): one["spec"]["template"]["metadata"]["labels"] for one in found}
    return {name_of(one): one for one in found if labels[name_of(one)].get("app") == app}


def image_of(deployment: Json) -> str:
    """The image of a Deployment's first container."""
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def without_hook(deployment: Json) -> bool:
    """Whether a Deployment's Pods stop at once, or are killed in their hook."""
    spec = deployment["spec"]["template"]["spec"]
    hook = spec["containers"][0].get("lifecycle", {}).get("preStop", {})
    seconds = int(hook.get("sleep", {}).get("seconds", 0))
    return not 2 <= seconds < int(spec.get("terminationGracePeriodSeconds", 30))


def orphans(look: Look) -> list[str]:
    """The names of Pods of the pinned plan that nobody owns any more."""
    pods = look.api.list(Kind.POD, look.namespace)
    return [name_of(pod) for pod in pods if not pod["metadata"].get("ownerReferences")]


def stopped_on(story: Story, day: str, app: str) -> list[tuple[Instant, Pod]]:
    """A plan's Pods that were told to stop on a day, each with what was there just before."""
    found = day_of(story, day)
    looks, stopped = found[0] if found else [], list[tuple[Instant, Pod]]()
    for before, look in pairwise(looks):
        staying = {pod.uid for pod in placed(look, app)}
        stopped += [(before, pod) for pod in placed(before, app) if pod.uid not in staying]
    return stopped


def stopped_in_the_list(story: Story, day: str, app: str) -> Pod | None:
    """The first Pod that was told to stop on a day while its endpoint was ready."""
    stopped = stopped_on(story, day, app)
    return next((pod for before, pod in stopped if pod.uid in ready_pods(before, app)), None)


def deployments_on(story: Story, day: str, app: str) -> tuple[list[str], list[str]]:
    """The names of a plan's Deployments that had Pods when a day began, and when it ended."""
    found = day_of(story, day)
    looks = found[0] if found else story.looks[:1]
    return _deployments_at(story, looks[0], app), _deployments_at(story, looks[-1], app)


def _deployments_at(story: Story, look: Instant, app: str) -> list[str]:
    pods = {pod.uid for pod in placed(look, app)}
    names = [one.name for one in look.state.deployments]
    return [name for name in names if pods & {pod.uid for pod in story.pods(look, name)}]


@dataclass(frozen=True, slots=True)
class Evicted:
    """Pods that were told to leave a cordoned node in the same instant.

    Attributes:
        at: When.
        pods: They, as they were before.
    """

    at: datetime
    pods: tuple[Pod, ...]


def evicted_on(story: Story, day: str, app: str) -> list[Evicted]:
    """A plan's Pods that left cordoned nodes on a day, in order."""
    found = day_of(story, day)
    looks, evicted = found[0] if found else [], list[Evicted]()
    for before, look in pairwise(looks):
        heard = story.looks[story.at(look.at + APART)]  # a cordon may be heard after its evictions
        closed = {node.name for node in heard.state.nodes if node.cordoned}
        staying = {pod.uid for pod in placed(look, app)}
        gone = tuple(
            pod for pod in placed(before, app) if pod.uid not in staying and pod.node in closed
        )
        if gone:
            evicted.append(Evicted(look.at, gone))
    return evicted
