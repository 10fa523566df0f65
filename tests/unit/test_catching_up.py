"""Catching up: when a feed has heard all, and when it is waited for no longer."""

from __future__ import annotations

from itertools import chain, repeat
from typing import Any, cast

import pytest
from nodebynode.course import catching_up
from nodebynode.kube import Api, Feed, Kind

Json = dict[str, Any]


def deployment(version: int, *, generation: int = 1, seen: int = 1, uid: str = "d") -> Json:
    meta = {"uid": uid, "namespace": "lab", "resourceVersion": str(version)}
    return {
        "metadata": {**meta, "generation": generation},
        "status": {"observedGeneration": seen},
    }


class Both:
    """An API server and a feed: what each tells of Deployments, look after look."""

    def __init__(self, there: list[list[Json]], heard: list[list[Json]]) -> None:
        self._there = chain(there, repeat(there[-1]))
        self._heard = chain(heard, repeat(heard[-1]))
        self.looks = 0

    def list(self, kind: Kind, namespace: str) -> list[Json]:
        assert namespace == "lab"
        return next(self._there) if kind is Kind.DEPLOYMENT else []

    def snapshot(self) -> dict[str, list[Json]]:
        self.looks += 1
        other = {"metadata": {"uid": "o", "namespace": "other", "resourceVersion": "99"}}
        return {"deployments": [*next(self._heard), other], "nodes": [{"metadata": {"uid": "n"}}]}


def looks(there: list[list[Json]], heard: list[list[Json]]) -> int:
    both = Both(there, heard)
    catching_up.catch_up(cast(Api, both), cast(Feed, both), "lab")
    return both.looks


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching_up, "_EVERY", 0.001)


def test_what_is_heard_already_is_not_waited_for() -> None:
    assert looks([[deployment(7)]], [[deployment(7)]]) == 1
    assert looks([[deployment(7)]], [[deployment(8)]]) == 1, "heard more than was listed"
    assert looks([[]], [[]]) == 1


def test_a_change_that_is_on_its_way_is_waited_for() -> None:
    assert looks([[deployment(10)]], [[deployment(9)], [deployment(9)], [deployment(10)]]) == 3


def test_what_came_or_went_is_waited_for() -> None:
    assert looks([[deployment(7)]], [[], [deployment(7)]]) == 2
    assert looks([[]], [[deployment(7)], []]) == 2


def test_a_controller_that_has_not_seen_a_change_is_waited_for() -> None:
    behind, up = deployment(9, generation=2), deployment(10, generation=2, seen=2)
    assert looks([[behind], [up]], [[behind], [up]]) == 2


def test_a_kubelet_that_never_hears_of_a_deletion_is_not_waited_for() -> None:
    leaving = deployment(9, generation=2)
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert looks([[leaving]], [[leaving]]) == 1


def test_nobody_is_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching_up, "_SECONDS", 0.02)
    assert looks([[deployment(9)]], [[]]) > 1
