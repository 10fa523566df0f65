"""The checks of lab 05's last round: how long a Pod stays on a node that is dead, and why."""

from __future__ import annotations

from nodebynode.course.checks import Verdict, not_yet, passed
from nodebynode.course.clocks import clock_rows
from nodebynode.course.look import Look, listed, name_of, node_of, pod_is_ready
from nodebynode.kube import Json
from nodebynode.phrases import count

_TOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_CLOCKS = ("failure", "by default")
_BY_DEFAULT = 50 + 300


def two_seconds(look: Look) -> Verdict:
    """Whether the Pod of quick leaves a dead node after two seconds."""
    expected = "the Pod of quick, beside that of patient, tolerating both taints for 2 seconds."
    pods, beside = look.pods("quick"), {node_of(pod) for pod in look.pods("patient")}
    if not pods or not beside:
        missing = "patient" if pods else "quick"
        return not_yet(f"There is no Pod of {missing}.", expected, "Run the round's first cell.")
    for pod in pods:
        for key in _TOLERATED:
            seconds = tolerates(pod, key)
            if seconds != 2:
                how_long = "for ever" if seconds is None else f"for {seconds} s"
                return not_yet(
                    f"{name_of(pod)} tolerates {key} {how_long}.", expected, wait=len(pods) > 1
                )
    if len(pods) > 1 or not pod_is_ready(pods[0]):
        return not_yet(f"{count(len(pods), 'Pod')} of quick, not yet ready.", expected, wait=True)
    if node_of(pods[0]) not in beside:
        return not_yet(
            f"{name_of(pods[0])} is on {node_of(pods[0])}, the Pod of patient on "
            f"{listed(sorted(map(str, beside)))}.",
            expected,
            "Both have to be on the worker that will be frozen. Cordon the other two, and "
            "`kubectl rollout restart deployment/quick`.",
        )
    return passed(f"{name_of(pods[0])} stays 2 s on a node that is not ready or not reached.")


def tolerates(pod: Json, key: str) -> int | None:
    """For how many seconds a Pod tolerates a taint with NoExecute; None for ever, 0 not at all.

    Of several tolerations the shortest counts, and one without seconds only where there is no
    other (`tainteviction/taint_eviction.go: getMinTolerationTime`).
    """
    fitting = [
        one
        for one in pod["spec"].get("tolerations") or ()
        if one.get("key") in (key, None) and one.get("effect") in ("NoExecute", None)
    ]
    limits = [one["tolerationSeconds"] for one in fitting if "tolerationSeconds" in one]
    return min(limits) if limits else None if fitting else 0


def two_clocks(look: Look) -> Verdict:
    """Whether two numbers are those of the clocks."""
    expected = f"a dictionary with a number of seconds for each of {listed(_CLOCKS)}."
    answer, problem = numbers(look.answer, _CLOCKS, expected)
    if problem:
        return problem
    rows = clock_rows(look.story())
    took = [row.ready for row in rows if (row.act, row.deployment) == ("failure", "quick")]
    if not took or took[-1] is None:
        return not_yet(
            "quick has not been replaced since a worker was frozen.", expected, "`lab.clocks()`"
        )
    if abs(answer["failure"] - took[-1]) > 1:
        return not_yet(
            f'You say "failure": {answer["failure"]:g}.',
            "the number in the last column of the row with failure and quick.",
        )
    if answer["by default"] != _BY_DEFAULT:
        return not_yet(
            f'You say "by default": {answer["by default"]:g}.',
            "the seconds until a node is missed, and those that a Pod stays on it then, together.",
        )
    return passed(f"{took[-1]:.0f} s here, and almost six minutes by default.")


def numbers(
    answer: object, keys: tuple[str, ...], expected: str
) -> tuple[dict[str, float], Verdict | None]:
    """Return an answer of numbers, and what stands against taking it as one.

    Args:
        answer: What a learner handed in.
        keys: The keys that it must have, and no others.
        expected: What is expected, for the verdict.
    """
    if not isinstance(answer, dict) or set(answer) != set(keys):
        return {}, not_yet(f"You handed in {answer!r}.", expected)
    open_ = [key for key in keys if type(answer[key]) not in (int, float)]
    if open_:
        return {}, not_yet(f"There is no number yet for {listed(open_)}.", expected)
    return {key: answer[key] for key in keys}, None
