"""Who was on a Service's list, and why one left it, read from a recording.

The list is the EndpointSlices of a Service. They are heard on a watch of their own, so what caused
a change of the list may be heard a little later than the change; `APART` allows for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from nodebynode.recording.resolution import APART
from nodebynode.recording.rules import Story
from nodebynode.recording.rules.story import Look
from nodebynode.state import Endpoint, Pod, Service


def service_of(look: Look, name: str) -> Service | None:
    """A Service as it was at an instant, if it was there."""
    return next((one for one in look.state.services if one.name == name), None)


def lines(look: Look, service: str) -> Mapping[str, Endpoint]:
    """A Service's endpoints by the UID of the Pod that each leads to."""
    return {
        endpoint.pod_uid: endpoint
        for one in look.state.slices
        if one.service == service
        for endpoint in one.endpoints
        if endpoint.pod_uid
    }


def ready_pods(look: Look, service: str) -> set[str]:
    """The UIDs of the Pods whose endpoints a Service has as ready."""
    return {uid for uid, line in lines(look, service).items() if line.ready}


def selects(service: Service | None, labels: Mapping[str, str]) -> bool:
    """Whether a Service looks for a Pod with these labels; one without a selector for none."""
    wanted = service.selector if service else {}
    return bool(wanted) and wanted.items() <= labels.items()


def pod_at(look: Look, uid: str) -> Pod | None:
    """A Pod as it was at an instant, if it was there."""
    return next((pod for pod in look.state.pods if pod.uid == uid), None)


@dataclass(frozen=True, slots=True)
class Off:
    """A Pod that ran on, ready, and was not on a Service's list any more.

    Attributes:
        pod: It, as it was just after that.
        at: When its endpoint had gone.
        back: When it was on the list again; None while it is not.
        asked_for: Whether the Service still looked for a Pod with its labels.
    """

    pod: Pod
    at: datetime
    back: datetime | None
    asked_for: bool


def left_the_list(story: Story, service: str) -> Iterator[Off]:
    """Yield each time the endpoint of a Pod went away although the Pod stayed ready."""
    for before, look in pairwise(story.looks):
        if story.ended < look.at + APART:
            return  # why it left is not known yet
        index = story.at(look.at + APART)
        for uid in sorted(ready_pods(before, service) - set(lines(look, service))):
            pod = pod_at(story.looks[index], uid)
            if pod is None or not pod.active or not pod.ready:
                continue
            later = story.looks[story.at(look.at) :]
            back = next((one.at for one in later if uid in lines(one, service)), None)
            asked_for = selects(service_of(story.looks[index], service), pod.labels)
            yield Off(pod, look.at, back, asked_for)


def crossed_out(story: Story, service: str) -> Iterator[Off]:
    """Yield each time an endpoint went away for which the Service still asked: by hand."""
    return (one for one in left_the_list(story, service) if one.asked_for)


def put_out(story: Story, service: str, deployment: str) -> Iterator[Off]:
    """Yield each time a Deployment's own Pod was not asked for any more, and stayed its own."""
    for one in left_the_list(story, service):
        look = story.looks[story.at(one.at + APART)]
        owned = {pod.uid for pod in story.pods(look, deployment)}
        if not one.asked_for and one.pod.uid in owned:
            yield one


@dataclass(frozen=True, slots=True)
class Stopping:
    """A Pod that had been told to stop, and what the list said of it meanwhile.

    Attributes:
        pod: It, as it was then.
        line: Its endpoint, as the list first said of it that it was terminating; where it never
            did, as it was halfway. None where there was none.
        told: When it was told to stop.
        gone: When it was gone.
    """

    pod: Pod
    line: Endpoint | None
    told: datetime
    gone: datetime


def stopping(story: Story, service: str, deployment: str) -> Iterator[Stopping]:
    """Yield each Pod of a Deployment that was on the list, was told to stop, and is gone."""
    told: dict[str, tuple[Pod, datetime]] = {}
    listed: set[str] = set()
    for look in story.looks:
        there = {pod.uid: pod for pod in story.pods(look, deployment)}
        for uid in [uid for uid in told if uid not in there]:
            pod, at = told.pop(uid)
            if uid in listed:
                yield Stopping(pod, _meanwhile(story, service, uid, at, look.at), at, look.at)
        for uid, pod in there.items():
            if pod.terminating and uid not in told:
                told[uid] = pod, look.at
        listed |= ready_pods(look, service)


def _meanwhile(
    story: Story, service: str, uid: str, told: datetime, gone: datetime
) -> Endpoint | None:
    """What the list said of a Pod that was stopping; a busy controller may write it late."""
    between = story.looks[story.at(told) : story.at(gone)]
    found = [line for look in between if (line := lines(look, service).get(uid))]
    half = story.looks[story.at(told + (gone - told) / 2)]
    late = [line for line in found if line.terminating]
    return late[0] if late else lines(half, service).get(uid)
