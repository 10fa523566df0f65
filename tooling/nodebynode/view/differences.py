"""What has changed between two instants, in a handful of short sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from nodebynode.phrases import count
from nodebynode.state import (
    Deployment,
    Node,
    Pod,
    ReplicaSet,
    Service,
    State,
    endpoints_of,
    replicasets_of,
)
from nodebynode.view.metrics import clean
from nodebynode.view.phrases import budget_left
from nodebynode.view.pods import look_of, short_name
from nodebynode.view.services import address_words, endpoint_words

_MOST = 5
_Thing = TypeVar("_Thing")


class _Change(NamedTuple):
    """`name` (a `noun`) did `verb`; `detail` is said where it is the only one of its kind.

    The lowest `weight` is told first.
    """

    weight: int
    noun: str
    name: str
    verb: str
    detail: str = ""


def differences(before: State, after: State) -> list[str]:
    """What has changed, most important first: at most five sentences, the last may count the rest.

    Args:
        before: The earlier instant.
        after: The later one, of the same namespaces.
    """
    changes = [*_nodes(before, after), *_pods(before, after)]
    groups = dict[tuple[int, str, str], list[_Change]]()
    for change in changes:
        groups.setdefault((change.weight, change.noun, change.verb), []).append(change)
    said = [(weight, _together(group)) for (weight, _, _), group in groups.items()]
    said += [*_deployments(before, after), *_sizes(before, after)]
    said += [*_services(before, after), *_budgets(before, after)]
    sentences = [clean(sentence) for _, sentence in sorted(said, key=lambda one: one[0])]
    if len(sentences) <= _MOST:
        return sentences
    return [*sentences[: _MOST - 1], f"And {len(sentences) - _MOST + 1} more changes."]


def _together(group: Sequence[_Change]) -> str:
    """Changes of the same kind in one sentence: one or two by name, more by their number."""
    first, noun = group[0], group[0].noun
    if len(group) == 1:
        return (
            f"{f'{noun} {first.name}' if noun == 'Pod' else first.name} {first.verb}{first.detail}."
        )
    verb = re.sub(r"^(is|was)\b", lambda found: {"is": "are", "was": "were"}[found[0]], first.verb)
    if len(group) == 2:
        return f"{noun}s {first.name} and {group[1].name} {verb}."
    return f"{count(len(group), noun)} {verb}."


def _pairs(
    before: Mapping[str, _Thing], after: Mapping[str, _Thing]
) -> Iterator[tuple[_Thing | None, _Thing | None]]:
    """What a thing was and what it is, for all that have been or are."""
    for key in dict.fromkeys((*after, *before)):
        yield before.get(key), after.get(key)


def _nodes(before: State, after: State) -> Iterator[_Change]:
    for old, new in _pairs({n.name: n for n in before.nodes}, {n.name: n for n in after.nodes}):
        if new is None:
            yield _Change(1, "node", old.name if old else "", "is gone")
        elif old is None:
            yield _Change(2, "node", new.name, "joined")
        else:
            yield from _node(old, new)


def _node(old: Node, new: Node) -> Iterator[_Change]:
    if (old.ready == "True") != (new.ready == "True"):
        yield _Change(
            1, "node", new.name, f"became {'Ready' if new.ready == 'True' else 'NotReady'}"
        )
    if old.cordoned != new.cordoned:
        yield _Change(2, "node", new.name, f"was {'' if new.cordoned else 'un'}cordoned")


def _pods(before: State, after: State) -> Iterator[_Change]:
    for old, new in _pairs({p.uid: p for p in before.pods}, {p.uid: p for p in after.pods}):
        pod = new or old
        change = _pod(old, new)
        if pod and change:
            weight, verb, detail = change
            yield _Change(weight, "Pod", short_name(pod), verb, detail)


def _pod(old: Pod | None, new: Pod | None) -> tuple[int, str, str] | None:
    """The one change of a Pod that matters most: how much, its verb, and what more to say."""
    if new is None:
        return 7, "is gone", ""
    was, look = old and look_of(old).kind, look_of(new)
    if look.kind != was:
        match look.kind:
            case "failed":
                return 0, "is failing", f": {look.word}"
            case "ready":
                return 5, "became ready", f" on {new.node}"
            case "leaving":
                return 6, "is leaving", f" {new.node}" if new.node else ""
            case "unready" if was == "ready":
                return 3, "is not ready any more", ""
            case "done":
                return 6, "is done", ""
    if old is None:
        return 8, "was created", f" on {new.node}" if new.node else ""
    if old.node is None and new.node is not None:
        return 8, "was placed", f" on {new.node}"
    if new.restarts > old.restarts:
        return 4, "restarted", ""
    return (4, "waits for a node", "") if new.unscheduled and not old.unscheduled else None


def _deployments(before: State, after: State) -> Iterator[tuple[int, str]]:
    known = {d.uid: d for d in before.deployments}
    for new in after.deployments:
        if old := known.pop(new.uid, None):
            yield from _deployment(old, new)
        else:
            yield 2, f"Deployment {new.name} was created."
    yield from ((2, f"Deployment {old.name} is gone.") for old in known.values())


def _deployment(old: Deployment, new: Deployment) -> Iterator[tuple[int, str]]:
    if new.overdue and not old.overdue:
        yield 0, f"The rollout of {new.name} passed its deadline."
    if new.version != old.version:
        yield 2, f"{new.name} began to roll out {new.version}."
    if new.wanted != old.wanted:
        yield 2, f"{new.name} wants {count(new.wanted, 'Pod')} now, not {old.wanted}."
    if new.paused != old.paused:
        yield 2, f"The rollout of {new.name} was {'paused' if new.paused else 'resumed'}."
    if old.rolling and new.complete:
        yield 2, f"The rollout of {new.name} {new.version} is complete."


def _sizes(before: State, after: State) -> Iterator[tuple[int, str]]:
    """The ReplicaSets that want more or fewer Pods than before."""
    sizes = {rs.uid: rs.wanted for rs in before.replicasets}
    for deployment in after.deployments:
        owned = replicasets_of(after, deployment)
        for rs in owned:
            was = sizes.get(rs.uid, 0)
            if was != rs.wanted:
                verb = "grew" if rs.wanted > was else "shrank"
                name = _set_name(rs, owned, deployment if len(after.deployments) > 1 else None)
                yield 4, f"{name} {verb} from {was} to {rs.wanted}."


def _set_name(rs: ReplicaSet, owned: Sequence[ReplicaSet], deployment: Deployment | None) -> str:
    age = "" if len(owned) == 1 else "new " if rs is owned[-1] else "old "
    which = f" {rs.version}" if age == "old " and len(owned) > 2 else ""
    return f"The {age}ReplicaSet{which}{f' of {deployment.name}' if deployment else ''}"


def _services(before: State, after: State) -> Iterator[tuple[int, str]]:
    known = {service.uid: service for service in before.services}
    for new in after.services:
        if old := known.pop(new.uid, None):
            yield from _service(before, old, after, new)
        else:
            yield 2, f"Service {new.name} was created."
    yield from ((2, f"Service {old.name} is gone.") for old in known.values())


def _service(before: State, old: Service, after: State, new: Service) -> Iterator[tuple[int, str]]:
    was, words = (endpoint_words(endpoints_of(*one)) for one in ((before, old), (after, new)))
    if was != words:
        yield (1 if words.startswith("0 ") else 5), f"Service {new.name} has {words}."
    if address_words(new) != address_words(old):
        yield 3, f"Service {new.name} has {address_words(new) or 'no address'}."


def _budgets(before: State, after: State) -> Iterator[tuple[int, str]]:
    known = {budget.uid: budget_left(budget) for budget in before.budgets}
    for budget in after.budgets:
        words = budget_left(budget)
        if known.get(budget.uid) != words:
            yield 6, f"Budget {budget.name}: {words}."
