"""The reflector against an API server that cuts, delays, repeats, expires, restarts and lies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nodebynode.kube import Api, Change, ChangeType, Kind, Reflector
from nodebynode.kube import api as api_module
from nodebynode.kube import reflector as reflector_module
from nodebynode.waiting import wait_for

from .fake_api import FakeApi, FakeServer, serving
from .tls_files import make_tls_files

Told = list[Change]
Served = tuple[FakeApi, Api, FakeServer]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as served:
        yield served


@pytest.fixture(scope="module", autouse=True)
def _impatient() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reflector_module, "_FIRST", 0.01)
        patch.setattr(reflector_module, "_LONGEST", 0.05)
        yield


def wait(condition: Callable[[], object], what: str) -> None:
    wait_for(condition, timeout=10, what=what, every=0.002)


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


def wait_watching(reflector: Reflector, fake: FakeApi) -> None:
    wait(lambda: reflector.wait_synced(0) and fake.watches == 1, "a watch")


def replayed(told: Told) -> dict[str, str]:
    """Return what somebody knows who has heard nothing but the changes."""
    known: dict[str, tuple[str, str]] = {}
    for change in told:
        metadata = change.object["metadata"]
        name, uid = metadata["name"], metadata["uid"]
        assert (name in known) is (change.type is not ChangeType.ADDED), change
        assert known.get(name, (uid, ""))[0] == uid, change
        if change.type is ChangeType.DELETED:
            del known[name]
        else:
            known[name] = uid, metadata["resourceVersion"]
    return {name: version for name, (_, version) in known.items()}


def brief(told: Told) -> list[tuple[str, str]]:
    return [(change.type.value, change.object["metadata"]["name"]) for change in told]


def watched_since(fake: FakeApi) -> list[str]:
    return [query["resourceVersion"] for query in fake.asked if "watch" in query]


def test_what_is_there_comes_first_and_then_each_change(served: Served) -> None:
    fake, api, _ = served
    for name in "abcde":  # three pages
        fake.put(name)
    told: Told = []
    with Reflector(api, Kind.POD, told.append, namespace="n", labels="x=y") as reflector:
        wait_watching(reflector, fake)
        assert [change.type for change in told] == [ChangeType.ADDED] * 5
        fake.put("a")
        fake.remove("b")
        wait(lambda: len(told) == 7, "two changes")
        assert brief(told[5:]) == [("MODIFIED", "a"), ("DELETED", "b")]
        assert not any(change.synthesised for change in told)
        assert (reflector.stale_since, reflector.problem) == (None, "")
        assert sorted(reflector.objects) == [("n", name) for name in "acde"]
    assert {query["labelSelector"] for query in fake.asked} == {"x=y"}
    first, *_, watch = fake.asked
    assert first["limit"] == "500"
    assert "resourceVersion" not in first  # consistent
    assert watch["allowWatchBookmarks"] == "true"
    assert watch["resourceVersion"] == "15"
    assert 300 <= int(watch["timeoutSeconds"]) <= 600


@pytest.mark.parametrize(
    ("wrong", "lists"),
    [("cut", 1), ("delay", 1), ("error", 1), ("expire", 2), ("lie", 1), ("malformed", 2),
     ("older", 1), ("repeat", 1), ("rubbish", 2)],
)  # fmt: skip
def test_what_goes_wrong_in_a_watch_costs_nothing(served: Served, wrong: str, lists: int) -> None:
    fake, api, _ = served
    fake.put("a")
    told: Told = []
    with Reflector(api, Kind.POD, told.append) as reflector:
        wait_watching(reflector, fake)
        fake.put("gone")
        fake.remove("gone")
        wait(lambda: len(told) == 3, "the first changes")
        fake.mischief.append(wrong)
        for name in "abc":
            fake.put(name)
        wait_equal(reflector, fake)
    assert replayed(told) == versions(fake.objects)
    assert fake.lists == lists
    assert watched_since(fake) == sorted(watched_since(fake), key=int)  # never back
    assert lists == 2 or brief(told[3:]) == [("MODIFIED", "a"), ("ADDED", "b"), ("ADDED", "c")]


@pytest.mark.parametrize("wrong", [403, 410, 429, 500, "no-json", "continue-410"])
def test_a_list_or_watch_that_is_refused_is_tried_again(served: Served, wrong: str | int) -> None:
    fake, api, _ = served
    for name in "abc":
        fake.put(name)
    fake.mischief += [wrong, wrong]
    told: Told = []
    with Reflector(api, Kind.POD, told.append) as reflector:
        wait_watching(reflector, fake)
        assert fake.lists == 3
        fake.mischief += [] if wrong == "continue-410" else [wrong]
        fake.cut()
        fake.put("d")
        wait_equal(reflector, fake)
        wait(lambda: reflector.stale_since is None, "contact")
        assert reflector.problem == ""
    assert replayed(told) == versions(fake.objects)
    # After a refusal that says no more than "not now", the watch goes on where it was.
    assert fake.lists == (4 if wrong in (403, 410) else 3)


def test_it_goes_on_from_the_last_version_also_of_a_bookmark(served: Served) -> None:
    fake, api, server = served
    told: Told = []
    with Reflector(api, Kind.POD, told.append) as reflector:
        wait_watching(reflector, fake)
        version = fake.bookmark()
        fake.mischief.append("cut")
        fake.put("a")
        wait_equal(reflector, fake)
        assert version in watched_since(fake)
        server.down()
        wait(lambda: reflector.stale_since is not None, "lost contact")
        assert "did not answer" in reflector.problem
        fake.put("b")
        fake.remove("a")
        server.up()
        wait_equal(reflector, fake)
    assert brief(told) == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]
    assert not any(change.synthesised for change in told)
    assert fake.lists == 1


def test_forgotten_history_is_made_up_for(served: Served) -> None:
    fake, api, server = served
    for name in "abce":
        fake.put(name)
    told: Told = []
    with Reflector(api, Kind.POD, told.append) as reflector:
        wait_watching(reflector, fake)
        server.down()  # while it is away, a lot happens
        fake.remove("a")
        fake.put("b")
        fake.remove("c")
        fake.put("c")  # of the same name, and another object
        fake.put("d")
        fake.forget()
        server.up()
        wait_equal(reflector, fake)
    assert replayed(told) == versions(fake.objects)
    assert all(change.synthesised for change in told[4:])
    assert sorted(brief(told[4:])) == [
        ("ADDED", "c"), ("ADDED", "d"), ("DELETED", "a"), ("DELETED", "c"), ("MODIFIED", "b"),
    ]  # fmt: skip


def test_an_object_that_replaces_one_whose_end_was_not_told(served: Served) -> None:
    fake, api, _ = served
    fake.put("a")
    told: Told = []
    with Reflector(api, Kind.POD, told.append) as reflector:
        wait_watching(reflector, fake)
        fake.mischief.append("drop")
        fake.remove("a")
        fake.put("a")
        wait_equal(reflector, fake)
    assert brief(told) == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "a")]
    assert [change.synthesised for change in told] == [False, True, False]


def test_contact_on_a_quiet_kind_needs_no_event(served: Served) -> None:
    fake, api, server = served
    reflector = Reflector(api, Kind.POD)
    assert reflector.stale_since is not None  # nothing was heard yet
    with reflector:
        wait_watching(reflector, fake)
        before = time.time()
        server.down()
        wait(lambda: reflector.stale_since, "lost contact")
        assert before <= (reflector.stale_since or 0) <= time.time()
        server.up()
        wait(lambda: reflector.stale_since is None and not reflector.problem, "contact")
        wait_watching(reflector, fake)


def test_silence_is_noticed(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, api, _ = served
    monkeypatch.setattr(api_module, "_SILENCE", 0.2)
    with Reflector(api, Kind.POD) as reflector:
        wait_watching(reflector, fake)
        fake.mischief.append("hang")  # the connection stays open, and nothing comes any more
        fake.put("a")
        wait_equal(reflector, fake)
    assert fake.lists == 1
    fake.cut()


def noted_waits(reflector: Reflector, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Note the seconds for which the reflector waits after failures."""
    waits: list[float] = []
    sleep = reflector._stopping.wait

    def note(seconds: float) -> bool:
        waits.append(seconds)
        return sleep(seconds)

    monkeypatch.setattr(reflector._stopping, "wait", note)
    return waits


def test_failures_are_answered_with_patience(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, api, _ = served
    monkeypatch.setattr(reflector_module, "_FIRST", 0.02)
    monkeypatch.setattr(reflector_module, "_LONGEST", 0.16)
    reflector = Reflector(api, Kind.POD)
    waits = noted_waits(reflector, monkeypatch)
    fake.mischief += [500] * 6
    with reflector:
        wait_watching(reflector, fake)
        fake.put("a")
        wait_equal(reflector, fake)
        fake.mischief += [500]
        fake.cut()
        wait(lambda: len(waits) == 7, "the last refusal")
    longest = [0.02, 0.04, 0.08, 0.16, 0.16, 0.16, 0.02]
    assert all(most / 2 <= seconds <= most for seconds, most in zip(waits, longest, strict=True))


@pytest.mark.parametrize(
    ("part", "lie", "words"),
    [("is_expired", True, "410"), ("events", (), "at once")],
    ids=["always expired", "ended at once"],
)
def test_a_list_that_succeeds_makes_no_haste_with_a_watch_that_fails(
    served: Served, monkeypatch: pytest.MonkeyPatch, part: str, lie: object, words: str
) -> None:
    fake, api, _ = served
    monkeypatch.setattr(fake, part, lambda *_: lie)
    reflector = Reflector(api, Kind.POD)
    waits = noted_waits(reflector, monkeypatch)
    problems: set[str] = set()
    with reflector:
        wait(lambda: problems.add(reflector.problem) or len(waits) > 5, "refusals")
    assert any(words in problem for problem in problems)
    assert min(waits[3:]) >= 0.025  # half of the longest


def test_a_listener_that_fails_costs_only_itself(served: Served) -> None:
    fake, api, _ = served

    def listen(change: Change) -> None:
        raise ValueError(change.object["metadata"]["name"])

    fake.put("a")
    with Reflector(api, Kind.POD, listen) as reflector:
        fake.put("b")
        wait_equal(reflector, fake)
        wait(lambda: str(reflector.listener_error) == "b", "the listener's error")
        assert reflector.problem == ""


def test_an_event_is_told_at_once(served: Served) -> None:
    fake, api, _ = served
    told: Told = []
    late: list[float] = []
    with Reflector(api, Kind.POD, told.append) as reflector:
        wait_watching(reflector, fake)
        for number in range(15):
            began = time.time()
            fake.put(f"p{number}")
            wait(lambda number=number: len(told) > number, "an event")
            late.append(told[-1].at - began)
    assert median(late) < 0.02, late


@pytest.mark.parametrize("state", ["new", "begun", "watching", "stalled", "refused", "tls"])
def test_it_stops_at_once_wherever_it_is(tmp_path: Path, state: str) -> None:
    tls = make_tls_files(tmp_path) if state == "tls" else None
    with serving(tmp_path, tls) as (fake, api, server):
        reflector = Reflector(api, Kind.POD)
        if state == "stalled":
            fake.mischief.append("stall")
        elif state == "refused":
            server.down()
        if state != "new":
            reflector.start()
        if state in ("watching", "tls"):
            wait_watching(reflector, fake)
            fake.put("a")
            wait_equal(reflector, fake)
        elif state == "stalled":
            wait(lambda: fake.asked, "a request")
        began = time.monotonic()
        reflector.stop()
        reflector.stop()
        assert time.monotonic() - began < 1
        assert not reflector.is_alive
        fake.cut()  # only what stalls needs it: a watch sees by itself that its client has gone
        wait(lambda: not fake.connections, "closed connections")


def test_a_listener_may_stop_it(served: Served) -> None:
    fake, api, _ = served
    told: Told = []

    def listen(change: Change) -> None:
        told.append(change)
        reflector.stop()

    for name in "abc":
        fake.put(name)
    reflector = Reflector(api, Kind.POD, listen)
    reflector.start()
    wait(lambda: told and not reflector.is_alive, "its end")
    assert len(told) == 1


DEEDS = st.sampled_from(
    [*(f"put {name}" for name in "abcd"), *(f"remove {name}" for name in "abcd"),
     "forget", "bookmark", "cut-now", "restart", "cut", "delay", "expire", "error", "repeat",
     "rubbish", "malformed", "lie", "older", "no-json", "continue-410", "403", "410", "500"]
)  # fmt: skip


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(DEEDS, max_size=20))
def test_after_any_story_it_knows_what_is_there(tmp_path: Path, deeds: list[str]) -> None:
    told: Told = []
    with serving(tmp_path) as (fake, api, server):
        with Reflector(api, Kind.POD, told.append) as reflector:
            for deed in deeds:
                _do(deed, fake, server)
            fake.put("last")
            wait_equal(reflector, fake)
        assert replayed(told) == versions(fake.objects)
        assert reflector.listener_error is None


def _do(deed: str, fake: FakeApi, server: FakeServer) -> None:
    verb, _, name = deed.partition(" ")
    if verb == "restart":
        server.down()
        server.up()
    elif verb in ("put", "remove"):
        getattr(fake, verb)(name)
    elif verb in ("forget", "bookmark", "cut-now"):
        getattr(fake, verb.removesuffix("-now"))()
    else:
        fake.mischief.append(int(verb) if verb.isdigit() else verb)
