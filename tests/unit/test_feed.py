"""One watch for many: each hears every change once, in one order, from wherever it begins."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nodebynode.kube import Api, Change, ChangeType, Feed, Kind, Snapshot
from nodebynode.kube import feed as feed_module
from nodebynode.kube import reflector as reflector_module
from nodebynode.waiting import wait_for

from .fake_api import FakeApi, FakeServer, serving

Served = tuple[FakeApi, Api, FakeServer]
KINDS = (Kind.POD, Kind.SERVICE)
"""The fake serves the same objects under every kind."""


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


def watching(feed: Feed, fake: FakeApi, number: int) -> None:
    """Wait until a feed knows all, and so many watches are open."""
    assert feed.wait_synced(10)
    wait(lambda: fake.watches == number, f"{number} watches")


class Hearer:
    """Somebody who knows only what it was told, and insists that it makes sense."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], str] = {}
        self.heard: list[Change] = []

    def first(self, snapshot: Snapshot) -> None:
        assert not self.heard
        for plural, objects in snapshot.items():
            for one in objects:
                meta = one["metadata"]
                self.known[plural, meta["name"]] = meta["resourceVersion"]

    def __call__(self, change: Change) -> None:
        self.heard.append(change)
        meta = change.object["metadata"]
        key = change.kind.plural, meta["name"]
        assert (key in self.known) is (change.type is not ChangeType.ADDED), change
        if change.type is ChangeType.DELETED:
            del self.known[key]
        else:
            assert int(meta["resourceVersion"]) > int(self.known.get(key, 0)), change
            self.known[key] = meta["resourceVersion"]


def there(fake: FakeApi) -> dict[tuple[str, str], str]:
    versions = {name: one["metadata"]["resourceVersion"] for name, one in fake.objects.items()}
    return {(kind.plural, name): version for kind in KINDS for name, version in versions.items()}


def test_many_share_one_watch_a_kind(served: Served) -> None:
    fake, api, _ = served
    fake.put("a")
    feed = Feed(api, KINDS)
    assert not fake.asked
    assert feed.snapshot() == {"pods": [], "services": []}
    hearers = [Hearer() for _ in range(3)]
    ends = [feed.subscribe(one) for one in hearers]
    watching(feed, fake, 2)
    fake.put("b")
    fake.remove("a")
    wait(lambda: all(one.known == there(fake) for one in hearers), "all to know all")
    assert hearers[0].heard == hearers[1].heard == hearers[2].heard
    assert fake.lists == 2
    for end in ends[:2]:
        end()
        end()  # once more does no harm
    fake.put("c")
    wait(lambda: hearers[2].known == there(fake), "the last one to know")
    assert len(hearers[0].heard) < len(hearers[2].heard)
    assert {one["metadata"]["name"] for one in feed.snapshot()["pods"]} == {"b", "c"}
    ends[2]()
    wait(lambda: fake.watches == 0, "no watch")
    assert feed.snapshot() == {"pods": [], "services": []}


def test_it_begins_anew_after_the_last_has_gone(served: Served) -> None:
    fake, api, _ = served
    fake.put("a")
    feed = Feed(api, KINDS)
    for _ in range(2):
        hearer = Hearer()
        end = feed.subscribe(hearer)
        watching(feed, fake, 2)
        assert hearer.known == there(fake)
        end()
        wait(lambda: fake.watches == 0, "no watch")
        assert not feed.wait_synced(0)


def test_a_context_ends_it_for_all(served: Served) -> None:
    fake, api, _ = served
    hearer = Hearer()
    with Feed(api, KINDS) as feed:
        watching(feed, fake, 2)
        end = feed.subscribe(hearer, hearer.first)
    wait(lambda: fake.watches == 0, "no watch")
    fake.put("a")
    assert not hearer.heard
    end()


def test_who_comes_late_misses_nothing_and_hears_nothing_twice(served: Served) -> None:
    fake, api, _ = served
    chance, ended = random.Random(7), threading.Event()

    def happen() -> None:
        while not ended.is_set():
            deed = fake.put if chance.random() < 0.6 else fake.remove
            deed(chance.choice("abcdef"))
            ended.wait(0.0005)

    hearers = [Hearer() for _ in range(30)]
    with Feed(api, KINDS) as feed:
        watching(feed, fake, 2)
        happening = threading.Thread(target=happen)
        happening.start()
        for number, one in enumerate(hearers):
            feed.subscribe(one, one.first)
            if number == 15:
                fake.forget()  # lists again, and tells what has changed meanwhile
            ended.wait(0.01)
        ended.set()
        happening.join()
        wait(lambda: all(one.known == there(fake) for one in hearers), "all to know all")
        assert feed.listener_error is None
    order = hearers[0].heard
    for one in hearers:
        assert one.heard == order[len(order) - len(one.heard) :]


def test_one_that_fails_costs_the_others_nothing(served: Served) -> None:
    fake, api, _ = served
    before, after = Hearer(), Hearer()

    def fail(change: Change) -> None:
        raise ValueError(change.object["metadata"]["name"])

    feed = Feed(api, KINDS)
    for one in (before, fail, after):
        feed.subscribe(one)
    watching(feed, fake, 2)
    fake.put("a")
    wait(lambda: before.known == after.known == there(fake), "both to know all")
    assert str(feed.listener_error) == "a"
    feed.close()


def test_a_snapshot_that_fails_leaves_nothing_behind(served: Served) -> None:
    _, api, _ = served

    def fail(_: Snapshot) -> None:
        raise ValueError("no room")

    feed, hearer = Feed(api, KINDS), Hearer()
    with pytest.raises(ValueError, match="no room"):
        feed.subscribe(hearer, fail)
    assert not feed.wait_synced(0)


@pytest.mark.parametrize("how", ["unsubscribe", "close"])
def test_a_listener_may_end_it(served: Served, how: str) -> None:
    fake, api, _ = served
    heard, seconds = list[Change](), list[float]()

    def listen(change: Change) -> None:
        heard.append(change)
        began = time.monotonic()
        end() if how == "unsubscribe" else feed.close()
        seconds.append(time.monotonic() - began)

    feed = Feed(api, KINDS)
    end = feed.subscribe(listen)
    watching(feed, fake, 2)
    fake.put("a")
    wait(lambda: fake.watches == 0 and seconds, "the end")
    assert len(heard) == 1
    assert seconds[0] < 0.5
    assert feed.listener_error is None


def test_a_listener_may_bring_another(served: Served) -> None:
    fake, api, _ = served
    others: list[Hearer] = []

    def listen(_: Change) -> None:
        others.append(Hearer())
        feed.subscribe(others[-1], others[-1].first)

    feed = Feed(api, KINDS)
    feed.subscribe(listen)
    watching(feed, fake, 2)
    for name in "ab":
        fake.put(name)
    wait(lambda: len(others) == 4, "four changes")
    wait(lambda: all(one.known == there(fake) for one in others), "all to know all")
    assert [len(one.heard) for one in others] == [3, 2, 1, 0]
    assert feed.listener_error is None
    feed.close()


def test_who_was_sent_away_hears_not_even_the_change_at_hand(served: Served) -> None:
    fake, api, _ = served
    feed, ends, heard = Feed(api, (Kind.POD,)), list[Callable[[], None]](), list[Change]()
    feed.subscribe(lambda _: ends[0]())
    ends.append(feed.subscribe(heard.append))
    told = Hearer()
    feed.subscribe(told)
    watching(feed, fake, 1)
    fake.put("a")
    wait(lambda: told.heard, "a change")
    assert not heard
    feed.close()


def test_a_change_that_comes_after_the_end_is_not_told_to_the_next(served: Served) -> None:
    fake, api, _ = served
    feed, after, calm = Feed(api, KINDS), Hearer(), threading.Event()

    def listen(_: Change) -> None:
        calm.wait(0.1)  # the other kind's change waits for its turn meanwhile
        feed.close()
        feed.subscribe(after)

    feed.subscribe(listen)
    watching(feed, fake, 2)
    fake.put("a")
    wait(lambda: after.known == there(fake), "the next one to know all")
    assert feed.wait_synced(10)
    assert len(after.heard) == 2
    assert feed.listener_error is None
    feed.close()


def test_lost_contact_is_told_and_made_up_for(served: Served) -> None:
    fake, api, server = served
    feed, hearer = Feed(api, KINDS), Hearer()
    assert (feed.stale_since, feed.problem) == (None, "")
    feed.subscribe(hearer)
    watching(feed, fake, 2)
    wait(lambda: feed.stale_since is None, "contact")
    before = time.time()
    server.down()
    wait(lambda: feed.stale_since, "lost contact")
    assert before <= (feed.stale_since or 0) <= time.time()
    wait(lambda: "did not answer" in feed.problem, "a reason")
    fake.put("a")
    fake.forget()
    server.up()
    wait(lambda: hearer.known == there(fake), "the hearer to know all")
    wait(lambda: feed.stale_since is None and not feed.problem, "contact")
    feed.close()


def test_a_server_that_is_away_is_waited_for_no_longer_than_asked(served: Served) -> None:
    _, api, server = served
    server.down()
    with Feed(api, KINDS) as feed:
        began = time.monotonic()
        assert not feed.wait_synced(0.1)
        assert time.monotonic() - began < 1
        assert feed.stale_since is not None


def test_a_namespace_is_asked_of_kinds_that_have_one(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, api, _ = served
    asked: set[str] = set()
    send = Api._send

    def note(self: Api, method: str, path: str, *rest: Any) -> Any:
        asked.add(path)
        return send(self, method, path, *rest)

    monkeypatch.setattr(Api, "_send", note)
    with Feed(api, namespace="lab-06") as feed:
        watching(feed, fake, len(feed_module.KINDS))
    assert asked == {
        "/api/v1/nodes",
        *(f"/api/v1/namespaces/lab-06/{plural}" for plural in ("pods", "services", "events")),
        *(f"/apis/apps/v1/namespaces/lab-06/{kind}" for kind in ("deployments", "replicasets")),
        "/apis/policy/v1/namespaces/lab-06/poddisruptionbudgets",
        "/apis/discovery.k8s.io/v1/namespaces/lab-06/endpointslices",
    }
