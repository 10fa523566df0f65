"""The picture holds for any cluster, and says in words what it shows."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nodebynode.state import State
from nodebynode.view import Map, compose, plain_text, sentence
from nodebynode.view.metrics import clean, shorten, text_width, wrap
from nodebynode.view.places import take_places
from nodebynode.view.pods import bands

from tests.unit.states import (
    AT,
    NEW,
    NO_ROOM,
    NODES,
    OLD,
    a_deployment,
    a_node,
    a_pod,
    a_set,
    boxes,
    rollout,
    said,
    spread,
    words_of,
)

# Words


def test_the_sentence_of_a_quiet_cluster() -> None:
    assert sentence(spread()) == "shop: 3 of 3 Pods available on 3 nodes."


def test_the_sentence_of_a_rollout() -> None:
    assert sentence(rollout()) == (
        "Rolling out shop v2: 2 of 3 Pods are new, 3 available, as promised. "
        "worker2 is cordoned. 1 Pod is leaving. 1 Pod is not ready."
    )


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State(AT), "No Pods."),
        (State(AT, pods=(a_pod("bare"),)), "1 Pod, 1 ready."),
        (replace(spread(), nodes=(a_node("w", ready="Unknown"),)), "w is NotReady."),
        (replace(spread(), pods=(a_pod("p", None),)), "1 Pod waits for a node."),
        (replace(spread(), deployments=(a_deployment(), a_deployment())), "2 Deployments: 6 of 6"),
        (replace(spread(), deployments=(replace(a_deployment(), paused=True),)), "shop is paused"),
        (
            replace(rollout(), deployments=(replace(rollout().deployments[0], available=1),)),
            "1 available, fewer than the 3 promised",
        ),
    ],
)
def test_what_the_sentence_does_not_leave_out(state: State, words: str) -> None:
    assert words in sentence(state)


def test_the_text_twin() -> None:
    assert plain_text(rollout()).splitlines()[2:] == [
        "DEPLOYMENT  WANTED  READY  UPDATED  AVAILABLE  MAY ADD  MAY MISS",
        "shop        3       3      2        3          1        0",
        "",
        "REPLICASET       REVISION  VERSION  WANTED  READY",
        "shop-66944cdf98  1         v1       2       2",
        "shop-9878bd7f6   2         v2       2       1",
        "",
        "NODE           ZONE  STATUS           PODS  CPU REQUESTED",
        "control-plane  -     Ready            0     0 of 4",
        "worker         a     Ready            2     0.4 of 4",
        "worker2        b     Ready, cordoned  1     0.2 of 4",
        "worker3        c     Ready            2     0.4 of 4",
        "",
        "POD                    NODE     VERSION  READY  STATUS       RESTARTS  SAYS",
        "shop-66944cdf98-x2k8p  worker   v1       1/1    Running      0         ready",
        "shop-66944cdf98-c5rt9  worker2  v1       1/1    Terminating  0         leaving",
        "shop-66944cdf98-m8v2d  worker3  v1       1/1    Running      0         ready",
        "shop-9878bd7f6-q7wn4   worker   v2       1/1    Running      0         ready",
        "shop-9878bd7f6-zz4hh   worker3  v2       0/1    Running      0         not ready",
    ]


# The picture


def test_a_state_is_glyph_word_and_shape() -> None:
    scene = compose(rollout())
    seen = {words_of(box): box for box in boxes(scene, "pod")}
    assert set(seen) == {
        "● x2k8p v1 · 1/1 ready",
        "✕ c5rt9 v1 · 1/1 leaving within 4 s",
        "● m8v2d v1 · 1/1 ready",
        "● q7wn4 v2 · 1/1 ready",
        "◔ zz4hh v2 · 0/1 not ready",
    }
    assert seen["◔ zz4hh v2 · 0/1 not ready"].frame.dash == "dashed"
    assert seen["● q7wn4 v2 · 1/1 ready"].band == "striped"
    (cordoned,) = boxes(scene, "cordoned")
    assert (cordoned.key, cordoned.frame.dash) == ("node/worker2", "dashed")
    assert "cordoned: no new Pods" in words_of(cordoned)


def test_a_failing_pod_names_its_reason() -> None:
    bad = replace(a_pod(f"{NEW}-bb4wm", owner=NEW, ready=False), reason="ImagePullBackOff")
    (box,) = boxes(compose(replace(rollout(), pods=(bad,))), "failed")
    assert words_of(box) == "▲ bb4wm v2 · 0/1 ImagePull BackOff"


def test_a_silent_node_has_its_own_sign() -> None:
    state = replace(spread(), nodes=(*NODES[:3], a_node("worker3", ready="Unknown", cordoned=True)))
    (box,) = boxes(compose(state), "not-ready")
    assert "▲ NotReady (silent)" in words_of(box)
    assert "cordoned: no new Pods" in words_of(box)
    assert box.frame.pen > 2.4


def test_an_undo_does_not_change_the_bands() -> None:
    before = bands(rollout())
    undone = replace(a_set(OLD, 1, 3, 3), revision=3)
    assert bands(replace(rollout(), replicasets=(undone, a_set(NEW, 2, 0, 0)))) == before
    assert before == {OLD: "solid", NEW: "striped"}


def test_the_tray_counts_what_it_does_not_show() -> None:
    pods = tuple(replace(a_pod(f"p{i:02}", None), unscheduled=NO_ROOM) for i in range(20))
    scene = compose(State(AT, NODES, pods))
    assert len(boxes(scene, "pod")) == 8
    assert words_of(boxes(scene, "more")[0]) == "+12 more"
    tray = words_of(boxes(scene, "tray")[0])
    assert tray.startswith("Unassigned: 20 Pods without a node 0/4 nodes are available: 1 Insuff")
    assert "preemption" not in tray


def test_a_pod_of_a_vanished_node_stays_in_the_picture() -> None:
    scene = compose(replace(spread(), nodes=NODES[:3]))
    assert "node/worker3" in {box.key for box in scene.boxes}
    assert "no such node" in said(scene)


def test_another_namespace_counts_for_cpu_only() -> None:
    other = replace(a_pod("kindnet"), namespace="kube-system", cpu=100)
    state = replace(spread(), pods=(*spread().pods, other))
    scene = compose(state, namespace="default")
    assert len(boxes(scene, "pod")) == 3
    assert "CPU 0.3 of 4 requested" in said(scene)
    assert "0.3 of 4" in Map(state, namespace="default").text


def test_pods_keep_their_places() -> None:
    first = compose(State(AT, NODES, tuple(a_pod(f"p{i}") for i in range(4))))
    fewer = State(AT, NODES, (a_pod("p3"), a_pod("p1"), a_pod("p9")))
    after = compose(fewer, before=first)
    assert after.kept.places["worker"] == {"uid-p3": 3, "uid-p1": 1, "uid-p9": 0}


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.data())
def test_places_are_sticky_and_apart(first: list[str], data: st.DataObject) -> None:
    before = take_places(first, {})
    then = data.draw(st.lists(st.sampled_from("abcdefgh"), unique=True))
    after = take_places(then, before)
    assert len(set(after.values())) == len(then)
    assert all(after[uid] == before[uid] for uid in then if uid in before)


# The object in a notebook


class Ids(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids, self.tags = list[str](), list[str]()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]


def test_the_bundle_has_words_and_a_named_picture() -> None:
    bundle = Map(rollout())._repr_mimebundle_()
    assert bundle["text/plain"] == plain_text(rollout())
    html = bundle["text/html"]
    assert html.startswith('<figure role="group" aria-label="Rolling out shop v2')
    assert ' role="img"' in html
    assert {"title", "desc", "details", "summary", "table"} <= set(Ids(html).tags)
    assert " at 0x" not in html + bundle["text/plain"] + repr(Map(rollout()))


def test_two_showings_share_no_id() -> None:
    picture = Map(rollout())
    ids = [Ids(picture._repr_mimebundle_()["text/html"]).ids for _ in range(2)]
    assert len(ids[0]) == len(set(ids[0])) > 5
    assert not set(ids[0]) & set(ids[1])


def test_without_graphviz_the_picture_remains(monkeypatch: pytest.MonkeyPatch) -> None:
    with_graphviz = Ids(Map(rollout())._repr_mimebundle_()["text/html"])
    monkeypatch.setenv("PATH", "")
    bundle = Map(rollout())._repr_mimebundle_()
    assert bundle["text/plain"].startswith("Rolling out shop v2")
    assert bundle["text/plain"].splitlines()[-1].startswith("Graphviz is not installed. Install")
    assert bundle["text/html"].count("Graphviz is not installed.") == 1
    ids = [name.split("-", 3)[-1] for name in Ids(bundle["text/html"]).ids]
    assert sorted(ids) == sorted(name.split("-", 3)[-1] for name in with_graphviz.ids)


# Measuring


def test_shorten_and_wrap() -> None:
    assert shorten("short", 10, 100) == "short"
    assert shorten("a" * 100, 10, 50).endswith("…")
    assert text_width(shorten("漢" * 100, 10, 50, bold=True), 10, bold=True) <= 50
    assert shorten("abc", 10, 2) == ""
    assert wrap(["one", "two", "three", "four"], 10, 45, lines=2) == ["one two", "three…"]
    assert wrap(["Crash", "Loop", "Back", "Off"], 10, 66, lines=2, glue="") == [
        "CrashLoop",
        "BackOff",
    ]
    assert wrap([], 10, 50, lines=2) == []


def test_clean_leaves_what_xml_allows() -> None:
    assert clean("a\n b\x00\ud800c") == "a b\ufffd\ufffdc"


def test_what_is_modelled_gets_a_badge_and_a_sentence() -> None:
    modelled = ("Pods are processes, not containers",)
    scene = compose(rollout(), modelled=modelled)
    (heading,) = boxes(scene, "heading")
    assert "≈ modelled · " in words_of(heading)
    assert scene.sentence.endswith("≈ Modelled here: Pods are processes, not containers.")
    assert Map(rollout(), modelled=modelled).text.endswith("not containers.")
    assert "≈" not in Map(rollout()).text + words_of(boxes(compose(rollout()), "heading")[0])
