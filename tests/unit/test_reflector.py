"""The reflector against an API server that cuts, delays, repeats, expires and lies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nodebynode.kube import Api, Change, ChangeType, Kind, Reflector
from nodebynode.waiting import wait_for

from .fake_api import FakeApi, serving

Told = list[Change]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[FakeApi, Api]]:
    with serving(tmp_path) as pair:
        yield pair


def versions(objects: dict) -> dict[str, str]:
    """Return each object's version by its name."""
    return {
        item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in objects.values()
    }


def wait_equal(reflector: Reflector, fake: FakeApi) -> None:
    wait_for(
        lambda: versions(reflector.objects) == versions(fake.objects),
        timeout=10,
        what="the reflector to know all",
        seen=lambda: f"{versions(reflector.objects)}, {reflector.problem}",
        every=0.005,
    )


def replayed(told: Told) -> dict[str, str]:
    """Return what somebody knows who has heard nothing but the changes."""
    known: dict[str, str] = {}
    for change in told:
        name = change.object["metadata"]["name"]
        if change.type is ChangeType.DELETED:
            del known[name]
        else:
            assert (name in known) is (change.type is ChangeType.MODIFIED), change
            known[name] = change.object["metadata"]["resourceVersion"]
    return known


def test_what_is_there_comes_first_and_then_each_change(server: tuple[FakeApi, Api]) -> None:
    fake, api = server
    for name in "abcde":  # three pages
        fake.put(name)
    told: Told = []
    with Reflector(api, Kind.POD, told.append) as reflector:
        assert reflector.wait_synced(5)
        assert [change.type for change in told] == [ChangeType.ADDED] * 5
        began = time.time()
        fake.put("a")
        fake.remove("b")
        wait_for(lambda: len(told) == 7, timeout=5, what="two changes", every=0.002)
        assert [(one.type, one.object["metadata"]["name"]) for one in told[5:]] == [
            (ChangeType.MODIFIED, "a"),
            (ChangeType.DELETED, "b"),
        ]
        assert told[-1].at - began < 1
        assert reflector.stale_since is None
    assert fake.lists == 1


@pytest.mark.parametrize("wrong", ["cut", "expire", "repeat", "rubbish", "lie"])
def test_what_goes_wrong_in_a_watch_costs_nothing(server: tuple[FakeApi, Api], wrong: str) -> None:
    fake, api = server
    fake.put("a")
    told: Told = []
    with Reflector(api, Kind.POD, told.append) as reflector:
        assert reflector.wait_synced(5)
        fake.mischief.append(wrong)
        for name in "abc":
            fake.put(name)
        wait_equal(reflector, fake)
        assert replayed(told) == versions(fake.objects)
    assert fake.lists == (2 if wrong == "expire" else 1)


@pytest.mark.parametrize("status", [403, 410, 429, 500])
def test_a_refusal_is_tried_again(server: tuple[FakeApi, Api], status: int) -> None:
    fake, api = server
    fake.put("a")
    fake.mischief += [status, status]
    with Reflector(api, Kind.POD) as reflector:
        wait_equal(reflector, fake)
        wait_for(lambda: reflector.stale_since is None, timeout=5, what="contact", every=0.01)


def test_forgotten_history_is_made_up_for(server: tuple[FakeApi, Api]) -> None:
    fake, api = server
    for name in "abc":
        fake.put(name)
    told: Told = []
    with Reflector(api, Kind.POD, told.append) as reflector:
        assert reflector.wait_synced(5)
        fake.mischief += [500]  # while it is away, a lot happens
        fake.cut()
        fake.remove("a")
        fake.put("b")
        fake.remove("c")
        fake.put("c")  # of the same name, and another object
        fake.put("d")
        fake.forget()
        wait_equal(reflector, fake)
        assert replayed(told) == versions(fake.objects)
        made_up = {
            (one.type.value, one.object["metadata"]["name"]) for one in told if one.synthesised
        }
        assert made_up >= {("DELETED", "a")} or len(told) > 6


def test_lost_contact_is_told(server: tuple[FakeApi, Api]) -> None:
    fake, api = server
    with Reflector(api, Kind.POD) as reflector:
        assert reflector.wait_synced(5)
        fake.mischief += [500] * 4
        fake.cut()
        wait_for(lambda: reflector.stale_since, timeout=5, what="stale", every=0.002)
        assert "no" in reflector.problem or "ended" in reflector.problem
        wait_for(lambda: reflector.stale_since is None, timeout=10, what="contact", every=0.01)
        assert reflector.problem == ""


def test_a_listener_that_fails_costs_only_itself(server: tuple[FakeApi, Api]) -> None:
    fake, api = server

    def listen(change: Change) -> None:
        raise ValueError(change.object["metadata"]["name"])

    fake.put("a")
    with Reflector(api, Kind.POD, listen) as reflector:
        fake.put("b")
        wait_equal(reflector, fake)
        assert isinstance(reflector.listener_error, ValueError)


def test_it_stops_at_once_wherever_it_is(server: tuple[FakeApi, Api]) -> None:
    fake, api = server
    for wait in (False, True):
        reflector = Reflector(api, Kind.POD)
        reflector.start()
        if wait:
            assert reflector.wait_synced(5)
            fake.put("a")
            wait_equal(reflector, fake)
        began = time.monotonic()
        reflector.stop()
        reflector.stop()
        assert time.monotonic() - began < 1
        assert not reflector.is_alive


DEEDS = st.sampled_from(
    [*(f"put {name}" for name in "abcd"), *(f"remove {name}" for name in "abcd"),
     "forget", "cut now", "cut", "expire", "repeat", "rubbish", "lie", "500", "410"]
)  # fmt: skip


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(DEEDS, max_size=14))
def test_after_any_story_it_knows_what_is_there(tmp_path: Path, deeds: list[str]) -> None:
    told: Told = []
    with serving(tmp_path) as (fake, api), Reflector(api, Kind.POD, told.append) as reflector:
        for deed in deeds:
            verb, _, name = deed.partition(" ")
            if verb == "put":
                fake.put(name)
            elif verb == "remove":
                fake.remove(name)
            elif verb == "forget":
                fake.forget()
            elif deed == "cut now":
                fake.cut()
            else:
                fake.mischief.append(int(verb) if verb.isdigit() else verb)
        fake.put("last")
        wait_equal(reflector, fake)
        assert replayed(told) == versions(fake.objects)
