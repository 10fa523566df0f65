"""A patch makes the next object of the last one, and is small where little has changed."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodebynode.recording.delta import difference, patched

NAMES = st.sampled_from(["a", "b", "status", "items"])
LEAVES = st.sampled_from(["", "x", "y", "#7", "True", "False"]) | st.integers(2, 9) | st.booleans()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=4)
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)


@given(OBJECTS, OBJECTS)
def test_any_object_can_be_made_of_any_other(old: dict[str, Any], new: dict[str, Any]) -> None:
    before = copy.deepcopy(old)
    patch = json.loads(json.dumps(difference(old, new)))
    assert patched(old, patch) == new
    assert old == before
    assert bool(patch) is (old != new)


@given(st.lists(st.integers(0, 6), max_size=8), st.lists(st.integers(0, 6), max_size=8))
def test_any_list_can_be_made_of_any_other(old: list[int], new: list[int]) -> None:
    items = [[{"number": number} for number in numbers] for numbers in (old, new)]
    first, second = ({"endpoints": one} for one in items)
    assert patched(first, difference(first, second)) == second


def fifty() -> dict[str, Any]:
    endpoints = [
        {"address": f"10.244.1.{number}", "ready": True, "uid": f"{number:036}"}
        for number in range(50)
    ]
    return {"endpoints": endpoints}


@pytest.mark.parametrize(
    ("deed", "told"),
    [
        (lambda those: those.pop(20), [[0, 20], [21, 50]]),
        (lambda those: those.pop(), [[0, 49]]),
        (lambda those: those.append("new"), [[0, 50], "new"]),
        (lambda those: those.insert(0, "new"), ["new", [0, 50]]),
        (lambda those: those[7].update(ready=False), [[0, 7], [7, {"ready": False}], [8, 50]]),
        (lambda those: those.insert(0, those.pop()), [[49, 50], [0, 49]]),
        (lambda those: those.append([1, 2]), [[0, 50], [[1, 2]]]),
        (lambda those: those.clear(), []),
    ],
    ids=["gone", "last gone", "added", "put in front", "changed", "moved", "a list", "emptied"],
)
def test_one_of_fifty_is_told_alone(deed: Any, told: list[Any]) -> None:
    old, new = fifty(), fifty()
    deed(new["endpoints"])
    assert difference(old, new) == {"endpoints": told}
    assert patched(old, {"endpoints": told}) == new


def test_it_is_a_merge_patch() -> None:
    old = {"spec": {"replicas": 3, "paused": True}, "status": {"ready": 3}}
    new = {"spec": {"replicas": 4}, "status": {"ready": 3}}
    assert difference(old, new) == {"spec": {"replicas": 4, "paused": None}}
