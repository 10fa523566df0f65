"""The checks of lab 04, who-gets-traffic: who is on the list, by what, and what users felt."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from nodebynode.course.checks import Check, Verdict, not_yet, passed
from nodebynode.course.labs.lab_04_questions import GUEST, PREDICTIONS, SHOP
from nodebynode.course.labs.owning import let_go_since, outsiders
from nodebynode.course.labs.readings import Found, latest
from nodebynode.course.labs.serving import put_out, service_of, stopping
from nodebynode.course.look import Look, listed, name_of, pod_is_ready, uid_of
from nodebynode.course.verdicts import kept, unharmed
from nodebynode.kube import Json, Kind
from nodebynode.phrases import agreed, count
from nodebynode.recording.rules import (
    Story,
    always,
    endpoints,
    more_than,
    never,
    pods,
)

__all__ = ["CHECKS", "PREDICTIONS"]

_ROTATION = "rotation"
_CONDITIONS = ("ready", "serving", "terminating")
_FEWEST_REQUESTS = 100
_KEPT = 0.5
"""While its only connection is busy, a load sends requests over others, used once."""
_HEARD = timedelta(seconds=1.5)
"""Nodes make their rules anew at most once a second."""
_LOOKED_AT = timedelta(seconds=2)
_RUN_FROM_TOP = "Run the cells of this round, from its first."
_AGAIN = (
    "Every try counts anew: put it back as it was at the beginning of this round, and do it again. "
    "`lab.replay()` shows what was seen."
)
_OUT_AGAIN = (
    "Put it back first: `kubectl label pod -l app=shop rotation=in --overwrite`. Then "
    "`lab.load()`, the change, three seconds, `lab.losses()`."
)


def _three_listed(story: Story) -> datetime | None:
    """When the list first had all three Pods; it may be heard after the end of the rollout."""
    ready, looks = endpoints(SHOP), story.looks
    return next((look.at for look in looks if ready.at(story, look).number >= 3), None)


def _selector_grows(story: Story) -> datetime | None:
    """When the Service last began to ask for more than one label."""
    began, before = None, False
    for look in story.looks:
        service = service_of(look, SHOP)
        now = service is not None and len(service.selector) > 1
        began = look.at if now and not before else began
        before = now
    return began


def _last_out(story: Story) -> datetime | None:
    return max((one.at for one in put_out(story, SHOP, SHOP)), default=None)


def _looked_at(story: Story) -> datetime | None:
    """Until when the load has to last, for new connections to a Pod that is out to be seen.

    A quiet cluster tells nothing, so this may lie behind the last thing that was heard.
    """
    at = _last_out(story)
    return at + _LOOKED_AT if at else None


_THREE = Found("three ready endpoints", "endpointslices", _three_listed)
_ASKED = Found("the Service asking for a second label", "services", _selector_grows)
_LET_GO = Found("a Pod of shop let go", "pods", lambda story: let_go_since(story, SHOP))
_OUT = Found("a Pod of shop out of the list while it runs on", "endpointslices", _last_out)
_OUT_FOR_LONG = Found("two seconds of that", "endpointslices", _looked_at)


def _guest_out(look: Look) -> Verdict:
    expected = "guest running on, ready, and not among the endpoints of the Service shop."
    guest = look.api.find(Kind.POD, GUEST, look.namespace)
    if guest is None or guest["metadata"].get("deletionTimestamp"):
        return not_yet("There is no Pod guest any more.", expected, _RUN_FROM_TOP)
    if problem := _selector_is(look, {"app": SHOP}, expected):
        return problem
    if guest["metadata"].get("labels", {}).get("app") == SHOP:
        hint = "The list is worked out from labels. Which label of guest does the Service ask for?"
        return not_yet("guest still has the label app=shop.", expected, hint)
    if uid_of(guest) in _listed(look):
        return not_yet("guest is still on the list.", expected, wait=True)
    if not pod_is_ready(guest):
        return not_yet("guest is not ready.", expected, wait=True)
    fine = (
        "guest runs, and the Service does not know it any more. The three others are on the list."
    )
    return kept(look, always(endpoints(SHOP) >= 2, after=_THREE), fine=fine)


def _asked_for(look: Look) -> Verdict:
    expected = "the Service shop, as it was, and of type LoadBalancer."
    if problem := _selector_is(look, {"app": SHOP}, expected):
        return problem
    kind = _service(look)["spec"]["type"]
    if kind != "LoadBalancer":
        return not_yet(f"The Service shop is of type {kind}.", expected)
    return kept(
        look,
        always(endpoints(SHOP) >= 2, after=_THREE),
        fine="shop asks for a load balancer, and its endpoints have been there all the time.",
        hint="A Service that is deleted and made anew has no endpoints for a while. Patch it.",
    )


def _one_for_all(look: Look) -> Verdict:
    expected = f"a load of {_FEWEST_REQUESTS} requests or more, answered by one Pod of three."
    if look.load is None:
        return not_yet("There has been no load yet.", expected)
    if look.load.running:
        return not_yet("The load still runs.", expected, wait=True)
    recording = look.recorded()
    traffic = look.load.report(recording).traffic
    story = Story(recording, look.namespace)
    span = story.looks[story.at(traffic.began) : story.at(traffic.ended) + 1]
    fewest = min(endpoints(SHOP).at(story, one).number for one in span)
    if fewest < 2:
        seen = f"Meanwhile the Service had {count(fewest, 'ready endpoint')} at one time."
        return not_yet(seen, expected, "Leave the cluster as it is; change the load.")
    good = traffic.of("ok")
    if len(good) < _FEWEST_REQUESTS:
        return not_yet(f"{count(len(good), 'request')} were answered.", expected)
    on_kept = Counter(one.pod for one in good if one.kept)
    if len(on_kept) != 1 or on_kept.total() < _KEPT * len(good):
        shares = Counter(one.pod for one in good)
        told = listed([f"{n} by {name}" for name, n in sorted(shares.items())])
        hint = "A connection is what goes to one Pod. How many connections does your load make?"
        return not_yet(f"They were answered {told}.", expected, hint)
    [(pod, number)] = on_kept.items()
    return passed(
        f"{pod} answered {number} of {len(good)} requests, all that came on kept connections. "
        "The other two Pods were as ready."
    )


def _still_three(look: Look) -> Verdict:
    expected = "three ready Pods of shop on the list, and one without the label that runs on."
    story = look.story()
    free = outsiders(story, SHOP)
    if not free:
        hint = "A label is taken away with a minus: `kubectl label POD app-`."
        return not_yet("No Pod of shop has been let go and runs on.", expected, hint)
    if problem := _three_ready(look, expected):
        return problem
    now = _listed(look)
    if still := [pod.name for pod in free if pod.uid in now]:
        return not_yet(f"{agreed(still, 'is', 'are')} still on the list.", expected, wait=True)
    if len(now) != 3:
        return not_yet(f"There are {count(len(now), 'endpoint')}.", expected, wait=True)
    return kept(
        look,
        always(endpoints(SHOP) >= 2, after=_LET_GO),
        fine=f"Out: {listed([pod.name for pod in free])}; and there are three all the same.",
        hint=_AGAIN,
    )


def _read_the_line(look: Look) -> Verdict:
    expected = f"a dictionary with True or False for each of {listed(_CONDITIONS)}."
    answer = look.answer
    if not isinstance(answer, dict) or set(answer) != set(_CONDITIONS):
        return not_yet(f"You handed in {answer!r}.", expected)
    if open_ := [key for key in _CONDITIONS if not isinstance(answer[key], bool)]:
        return not_yet(f"There is no answer yet for {listed(open_)}.", expected)
    story = look.story()
    found = [one for one in stopping(story, SHOP, SHOP) if one.line is not None]
    if not found or found[-1].line is None:
        return not_yet("The lab has seen no Pod of shop stopping.", "one.", _RUN_FROM_TOP)
    pod, line = found[-1].pod, found[-1].line
    truth = {"ready": line.ready, "serving": line.serving, "terminating": line.terminating}
    if missed := [f"{key}: {answer[key]}" for key in _CONDITIONS if answer[key] != truth[key]]:
        return not_yet(f"You say {listed(missed)}. {pod.name} had another.", "what was printed.")
    told = listed([f"{key} {str(value).lower()}" for key, value in truth.items()])
    return passed(f"the endpoint of {pod.name} was {told}.")


def _own_label(look: Look) -> Verdict:
    expected = "a Service that asks for app and rotation, and a template that gives both."
    service = _service(look)
    if not service:
        return not_yet("There is no Service shop.", expected, _RUN_FROM_TOP)
    deployment = look.deployment(SHOP)
    if deployment is None:
        return not_yet("There is no Deployment shop.", expected, _RUN_FROM_TOP)
    selector = service["spec"].get("selector") or {}
    if _ROTATION not in selector:
        return not_yet(f"The Service asks for {_words(selector)}.", expected)
    template = deployment["spec"]["template"]["metadata"].get("labels") or {}
    if template.get(_ROTATION) != selector[_ROTATION]:
        hint = (
            "Labels that are put on Pods by hand die with them. The template makes the next ones."
        )
        return not_yet(f"The template of shop gives {_words(template)}.", expected, hint)
    if problem := _three_ready(look, expected):
        return problem
    if len(_listed(look)) < 3:
        return not_yet(f"There are {count(len(_listed(look)), 'endpoint')}.", expected, wait=True)
    return kept(
        look,
        always(endpoints(SHOP) >= 2, after=_ASKED),
        fine=f"the Service asks for {_words(selector)}, and had its endpoints all the time.",
        hint="Which of the two came first, and what had the Pods by then? To try again, take the "
        "second label from the Service first: `kubectl patch service shop -p "
        """'{"spec": {"selector": {"rotation": null}}}'`.""",
    )


def _out_unnoticed(look: Look) -> Verdict:
    expected = "three ready Pods of shop, two of them on the list, and no request lost."
    service = _service(look)
    if not service:
        return not_yet("There is no Service shop.", expected, _RUN_FROM_TOP)
    if problem := _three_ready(look, expected):
        return problem
    asked = (service["spec"].get("selector") or {}).items()
    out = [pod for pod in look.pods(SHOP) if not asked <= pod["metadata"]["labels"].items()]
    if not out:
        return not_yet("Every Pod of shop has the labels that the Service asks for.", expected)
    names = [name_of(pod) for pod in out]
    if len(out) > 1:
        return not_yet(f"Out of the list: {listed(names)}.", expected, _AGAIN)
    if uid_of(out[0]) in _listed(look):
        return not_yet(f"{names[0]} is still on the list.", expected, wait=True)
    felt = unharmed(look, _OUT, _OUT_FOR_LONG, again=_OUT_AGAIN)
    if not felt.passed:
        return felt
    on_the_way = kept(look, never(more_than(pods(SHOP), 3), after=_OUT), hint=_AGAIN)
    if not on_the_way.passed:
        return on_the_way
    return _left_alone(look, names[0]) or passed(f"{names[0]} is out and runs on. {felt.seen}")


def _left_alone(look: Look, pod: str) -> Verdict | None:
    """Whether new connections still came to a Pod once the nodes had heard that it is out."""
    recording = look.recorded()
    at = latest(Story(recording, look.namespace), _OUT)
    if look.load is None or at is None:
        return None
    answered = look.load.report(recording).traffic.of("ok")
    if late := [
        one for one in answered if one.pod == pod and one.at > at + _HEARD and not one.kept
    ]:
        return not_yet(f"{pod} still answered {count(len(late), 'request')}.", "none.", _AGAIN)
    return None


def _service(look: Look) -> Json:
    return look.api.find(Kind.SERVICE, SHOP, look.namespace) or {}


def _selector_is(look: Look, wanted: dict[str, str], expected: str) -> Verdict | None:
    service = _service(look)
    if not service:
        return not_yet("There is no Service shop.", expected, _RUN_FROM_TOP)
    selector = service["spec"].get("selector") or {}
    if selector != wanted:
        hint = f"In this round it asks for {_words(wanted)}."
        return not_yet(f"The Service asks for {_words(selector)}.", expected, hint)
    return None


def _three_ready(look: Look, expected: str) -> Verdict | None:
    deployment = look.deployment(SHOP)
    if deployment is None:
        return not_yet("There is no Deployment shop.", expected, _RUN_FROM_TOP)
    replicas = deployment["spec"]["replicas"]
    if replicas != 3:
        return not_yet(f"shop asks for {replicas} replicas.", expected)
    ready = sum(map(pod_is_ready, look.pods(SHOP)))
    if ready < 3:
        return not_yet(f"{count(ready, 'Pod')} of shop ready.", expected, wait=True)
    return None


def _listed(look: Look) -> set[str]:
    """The UIDs of the Pods that the Service's list has as ready."""
    slices = look.api.list(
        Kind.ENDPOINT_SLICE, look.namespace, labels=f"kubernetes.io/service-name={SHOP}"
    )
    return {
        str(one["targetRef"]["uid"])
        for item in slices
        for one in item.get("endpoints") or ()
        if one.get("targetRef") and (one.get("conditions") or {}).get("ready") is not False
    }


def _words(labels: dict[str, str]) -> str:
    return listed([f"{key}={value}" for key, value in labels.items()])


CHECKS = (
    Check(
        "guest-out",
        "A Pod taken out by its label",
        _guest_out,
        (
            "The Service asks for a label. What if guest did not have it?",
            "`kubectl label pod guest KEY-`; the minus takes the label away.",
            "`kubectl label pod guest app-`",
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "asked-for",
        "A wish for an address",
        _asked_for,
        (
            "One field of the Service's spec says how it can be reached.",
            "The field is `type`.",
            """`kubectl patch service shop -p '{"spec": {"type": "LoadBalancer"}}'`""",
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "one-for-all",
        "One Pod answers for all",
        _one_for_all,
        (
            "A connection stays with its Pod. So how many connections may there be?",
            "`lab.load(seconds=4, keep_alive=N)` keeps N connections.",
            "`lab.load(seconds=4, keep_alive=1)`",
        ),
        looks_at=("traffic",),
    ),
    Check(
        "still-three",
        "One out, and still three",
        _still_three,
        (
            "`guest` shows how a label is taken away.",
            "`$pod` is `pod/NAME` already. Then wait with `kubectl rollout status`.",
            '`kubectl label "$pod" app-`',
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "read-the-line",
        "The endpoint of a Pod that stops",
        _read_the_line,
        (
            "The cell that scaled to none printed the three conditions of each endpoint.",
            "In the table of conditions in the lesson it is the third row.",
            "A stopping Pod gets no new users, still can answer, and is on its way out.",
        ),
        looks_at=("path",),
    ),
    Check(
        "own-label",
        "A label that only the Service reads",
        _own_label,
        (
            "If the Service asks for a label that no Pod has, its list is empty. So what is first?",
            "First the label in `spec.template.metadata.labels` of the Deployment, and the end of "
            "its rollout; then the Service's `spec.selector`.",
            """`kubectl patch deployment shop -p '{"spec": {"template": {"metadata": {"labels": """
            """{"rotation": "in"}}}}}'`, `kubectl rollout status deployment/shop`, """
            """`kubectl patch service shop -p '{"spec": {"selector": {"rotation": "in"}}}'`""",
        ),
        looks_at=("state", "path"),
    ),
    Check(
        "out-unnoticed",
        "Out, and nobody noticed",
        _out_unnoticed,
        (
            "One Pod's label has to have another value. The template stays as it is.",
            "`kubectl label POD rotation=out --overwrite`, while the load runs.",
            "`lab.load()`; `kubectl label $(kubectl get pods -l app=shop -o name | head -1) "
            "rotation=out --overwrite`; wait for three seconds; `lab.losses()`.",
        ),
        looks_at=("state", "path", "traffic"),
        timeout=40,
    ),
)
