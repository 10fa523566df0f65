"""Verdicts on the way that was gone: by rules over the recording, and by what became of a load.

An end state hides what happened before it. These look at all of it, and say what they saw first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from nodebynode import phrases
from nodebynode.course.checks import Verdict, not_yet, passed
from nodebynode.course.look import Look
from nodebynode.phrases import count
from nodebynode.recording.rules import Moment, Rule, Story, last
from nodebynode.witness import Report
from nodebynode.witness.attribution import Loss
from nodebynode.witness.traffic import NOT_MEASURED

_UNMEASURED = 0.05
"""The share of requests that may be not measured before nothing is said of the others."""
_SPANNING = "a load that begins before the change, spans all of it, and is ended by you."
_AGAIN = "Begin with `lab.load()`, make the change again, then `lab.losses()`."
_SEE_IT = "`lab.replay()` shows that instant: press *Step back* until you come to it."


def kept(look: Look, *rules: Rule, fine: str = "", hint: str = _SEE_IT) -> Verdict:
    """Hold what has been recorded against rules; it passes where all of them hold.

    What never began does not pass, and is not waited for; what began and has not ended is.

    Args:
        look: The look at the lab.
        rules: What has to be so on the way.
        fine: What to say where all hold; what the rules found when empty.
        hint: Where to look when one is broken.
    """
    story, found = look.story(), []
    for rule in rules:
        finding = rule.judge_story(story)
        if finding.verdict == "broken":
            return not_yet(finding.seen, f"{finding.rule}.", hint)
        if finding.verdict == "not seen":
            return not_yet(finding.seen, f"{finding.rule}.", wait=finding.begun)
        found.append(finding.seen)
    return passed(fine or " ".join(found))


def unharmed(
    look: Look, begins: Moment, ends: Moment, *, most: int = 0, again: str = _AGAIN
) -> Verdict:
    """Ask what became of the load's requests while something was done.

    The load has to span all of it, and to have ended. What was lost to Pods that had been told to
    stop before it began, does not count.

    Args:
        look: The look at the lab.
        begins: When it was done; the last time counts.
        ends: When it was over: the first time after that.
        most: How many requests may be lost.
        again: How to try once more, in a sentence.
    """
    recording = look.recorded()
    story = Story(recording, look.namespace)
    began = next(last(begins).instants(story), None)
    if began is None:
        return not_yet(f"There has not been {begins} yet.", "it, while a load runs.")
    ended = next((at for at in ends.instants(story) if at > began), None)
    if ended is None:
        return not_yet(f"There was {begins}, but not yet {ends}.", f"{ends}.", wait=True)
    if look.load is None or look.load.running:
        seen = "The load still runs." if look.load else "No load was running."
        hint = "End it: `lab.losses()`." if look.load else "Begin one first: `lab.load()`."
        return not_yet(seen, _SPANNING, hint)
    report = look.load.report(recording)
    if report.traffic.began > began:
        return not_yet(f"Since the load began, there has not been {begins}.", _SPANNING, again)
    if report.traffic.ended < ended:
        return not_yet("The load ended before the change was over.", _SPANNING, again)
    return _counted(report, most, again, began, _left_before(story, began))


def _left_before(story: Story, at: datetime) -> set[str]:
    """The names of the Pods that were there, and were gone or told to stop at an instant."""
    until = story.at(at) + 1
    seen = {pod.name for look in story.looks[:until] for pod in look.state.pods}
    return seen - {pod.name for pod in story.looks[until - 1].state.pods if pod.active}


def _counted(
    report: Report, most: int, again: str, since: datetime, old: Collection[str]
) -> Verdict:
    sent = [one for one in report.traffic.requests if one.at >= since]
    unknown = sum(one.verdict == NOT_MEASURED for one in sent)
    lost = [one for one in report.losses if one.request.at >= since and not _is_of(one, old)]
    told = f"{len(lost)} of {count(len(sent), 'request')} since then were lost"
    expected = f"at most {most} lost." if most else "none lost."
    if len(lost) > most:
        by_cause = Counter(str(one.cause) for one in lost)
        causes = phrases.listed([f"{n} times {cause}" for cause, n in by_cause.most_common()])
        first = lost[0]
        why = f"The first: {first.said}" if not first.pods else f"{first.pods[0]}: {first.said}"
        return not_yet(f"{told}: {causes}. {why}", expected)
    if unknown > _UNMEASURED * len(sent):
        return not_yet(
            f"{unknown} of {len(sent)} requests could not be measured: this machine was too busy.",
            expected,
            again,
        )
    unmeasured = f", {unknown} not measured" if unknown else ""
    return passed(f"{told}{unmeasured}.")


def _is_of(loss: Loss, pods: Collection[str]) -> bool:
    """Whether a request was lost to some of these Pods, and to no others."""
    return bool(loss.pods) and set(loss.pods) <= set(pods)
