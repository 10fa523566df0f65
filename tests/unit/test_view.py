"""The picture holds for any cluster, and says in words what it shows."""

from __future__ import annotations

import itertools
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nodebynode.state import Deployment, Node, Pod, ReplicaSet, State, Taint
from nodebynode.view import Box, Map, Scene, compose, plain_text, sentence, to_dot
from nodebynode.view.metrics import clean, shorten, text_width, wrap
from nodebynode.view.pods import bands
from nodebynode.view.shapes import take_places

AT = datetime(2026, 1, 2, 14, 2, 7, tzinfo=UTC)
OLD, NEW = "shop-66944cdf98", "shop-9878bd7f6"
NO_ROOM = (
    "0/4 nodes are available: 1 Insufficient cpu, 3 node(s) had untolerated taint(s). "
    "preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling."
)


def a_node(name: str, zone: str = "", *, ready: str = "True", cordoned: bool = False) -> Node:
    return Node(name, ready, cordoned, False, zone, (), 4000, 2**33)


CONTROL = Node(
    "control-plane", "True", False, True, "", (Taint("role", "", "NoSchedule"),), 4000, 2**33
)
NODES = (CONTROL, a_node("worker", "a"), a_node("worker2", "b"), a_node("worker3", "c"))


def a_pod(name: str, node: str | None = "worker", *, owner: str = OLD, ready: bool = True) -> Pod:
    return Pod(
        uid=f"uid-{name}",
        name=name,
        namespace="default",
        labels={"app": "shop"},
        owner_uid=owner,
        node=node,
        phase="Running" if node else "Pending",
        ready=ready,
        ready_containers=int(ready),
        containers=1,
        terminating=False,
        grace=None,
        gone_by=None,
        reason="Running" if node else "Pending",
        restarts=0,
        version="v2" if owner == NEW else "v1",
        unscheduled="",
        created=AT,
        cpu=200,
    )


def leaving(pod: Pod, seconds: int) -> Pod:
    gone = AT + timedelta(seconds=seconds)
    return replace(pod, terminating=True, grace=30, gone_by=gone, reason="Terminating")


def a_set(name: str, revision: int, wanted: int, ready: int) -> ReplicaSet:
    created = AT + timedelta(minutes=revision)
    return ReplicaSet(
        name, name, "default", "shop", revision, f"v{revision}", wanted, ready, created
    )


def a_deployment(
    version: str = "v1", *, updated: int = 3, total: int = 3, wanted: int = 3
) -> Deployment:
    return Deployment(
        uid="shop",
        name="shop",
        namespace="default",
        version=version,
        wanted=wanted,
        total=total,
        ready=3,
        updated=updated,
        available=3,
        strategy="RollingUpdate",
        surge=1,
        unavailable=0,
        paused=False,
        observed=True,
        conditions=(),
    )


def spread() -> State:
    nodes = ("worker", "worker2", "worker3")
    pods = tuple(
        a_pod(f"{OLD}-{end}", node)
        for end, node in zip(("x2k8p", "c5rt9", "m8v2d"), nodes, strict=True)
    )
    return State(AT, NODES, pods, (a_set(OLD, 1, 3, 3),), (a_deployment(),))


def rollout() -> State:
    pods = (
        a_pod(f"{OLD}-x2k8p"),
        leaving(a_pod(f"{OLD}-c5rt9", "worker2"), 4),
        a_pod(f"{OLD}-m8v2d", "worker3"),
        a_pod(f"{NEW}-q7wn4", owner=NEW),
        a_pod(f"{NEW}-zz4hh", "worker3", owner=NEW, ready=False),
    )
    nodes = (*NODES[:2], a_node("worker2", "b", cordoned=True), NODES[3])
    sets = (a_set(OLD, 1, 2, 2), a_set(NEW, 2, 2, 1))
    return State(AT, nodes, pods, sets, (a_deployment("v2", updated=2, total=4),))


def boxes(scene: Scene, kind: str) -> list[Box]:
    return [box for box in scene.boxes if kind in box.kind.split()]


def words_of(box: Box) -> str:
    texts = [t for row in box.rows for t in (*row.left, *([row.right] if row.right else []))]
    return " ".join(text.words for text in texts)


def said(scene: Scene) -> str:
    return "\n".join(words_of(box) for box in scene.boxes)


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
    assert compose(fewer, slots=first.slots).slots == {"uid-p3": 3, "uid-p1": 1, "uid-p9": 0}


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.data())
def test_places_are_sticky_and_apart(first: list[str], data: st.DataObject) -> None:
    before = take_places(first, {})
    then = data.draw(st.lists(st.sampled_from("abcdefgh"), unique=True))
    after = take_places(then, before)
    assert len(set(after.values())) == len(then)
    assert all(after[uid] == before[uid] for uid in then if uid in before)


# Geometry, for any cluster

NAMES = st.text("abw-m", min_size=1, max_size=100) | st.sampled_from(
    ["漢字", 'a"<&>\n\\N\x00', "é"]
)


@st.composite
def states(draw: st.DrawFn) -> State:
    names = draw(st.lists(NAMES, max_size=7, unique=True))
    nodes = tuple(
        replace(
            a_node(name, draw(NAMES), ready=draw(st.sampled_from(["True", "False", "Unknown"]))),
            cordoned=draw(st.booleans()),
            control_plane=draw(st.booleans()),
            taints=tuple(
                Taint(draw(NAMES), draw(NAMES), "NoSchedule")
                for _ in range(draw(st.integers(0, 1)))
            ),
        )
        for name in names
    )
    sets = tuple(
        a_set(f"{name}{i}", i, draw(st.integers(0, 9999)), i)
        for i, name in enumerate(draw(st.lists(NAMES, max_size=3)))
    )
    pods = tuple(_any_pod(draw, index, names, sets) for index in range(draw(st.integers(0, 45))))
    deployments = tuple(
        replace(
            a_deployment(draw(NAMES)), uid=f"shop{i}" if i else "shop", name=f"{draw(NAMES)}{i}"
        )
        for i in range(draw(st.integers(0, 8)))
    )
    return State(AT, nodes, pods, sets, deployments)


def _any_pod(draw: st.DrawFn, index: int, nodes: list[str], sets: tuple[ReplicaSet, ...]) -> Pod:
    pod = a_pod(f"{draw(NAMES)}-{index}", draw(st.sampled_from([None, "gone", *nodes])))
    reasons = ["Running", "CrashLoopBackOff", "ContainerCreating", "Init:0/1", "x" * 80, "Error"]
    pod = replace(
        pod,
        owner_uid=draw(st.sampled_from(["", *(rs.uid for rs in sets)])),
        version=draw(NAMES),
        ready=draw(st.booleans()),
        reason=draw(st.sampled_from(reasons)),
        unscheduled=draw(NAMES) * 5,
        restarts=draw(st.integers(0, 10**6)),
        phase=draw(st.sampled_from(["Pending", "Running", "Succeeded", "Failed"])),
    )
    return leaving(pod, draw(st.integers(-9, 99))) if draw(st.booleans()) else pod


def apart(one: Box, other: Box) -> bool:
    beside = one.x + one.width <= other.x + 0.01 or other.x + other.width <= one.x + 0.01
    return beside or one.bottom <= other.y + 0.01 or other.bottom <= one.y + 0.01


def inside(inner: Box, outer: Box) -> bool:
    across = outer.x <= inner.x and inner.x + inner.width <= outer.x + outer.width + 0.01
    return across and outer.y <= inner.y and inner.bottom <= outer.bottom + 0.01


@settings(max_examples=60, deadline=None)
@given(states())
def test_the_geometry_holds(state: State) -> None:
    scene = compose(state)
    homes = {box.key: box for box in (*boxes(scene, "node"), *boxes(scene, "tray"))}
    solid = [*homes.values(), *(b for b in scene.boxes if b.kind in ("deployment", "replicaset"))]
    assert all(apart(one, other) for one, other in itertools.combinations(solid, 2))
    pods = boxes(scene, "pod")
    assert all(apart(one, other) for one, other in itertools.combinations(pods, 2))
    where = {f"pod/{pod.namespace}/{pod.name}": pod.node for pod in state.pods}
    for box in pods:
        node = where[box.key]
        assert inside(box, homes[f"node/{node}" if node else "tray"])
    placed = [pod for pod in state.pods if pod.node]
    assert len(pods) >= len(placed)
    assert len({box.key for box in scene.boxes}) == len(scene.boxes)
    page = Box("", "", "", 0, 0, scene.width, scene.height)
    assert all(inside(box, page) for box in scene.boxes)


@settings(max_examples=60, deadline=None)
@given(states())
def test_no_text_is_wider_or_higher_than_its_box(state: State) -> None:
    for box in compose(state).boxes:
        assert all(row.width <= box.room + 0.01 for row in box.rows), (box.key, box.rows)
        deep = box.top + sum(row.height for row in box.rows)
        assert not box.rows or deep <= box.height + 0.01, box.key


@settings(max_examples=12, deadline=None)
@given(states())
def test_graphviz_draws_what_was_laid_out(state: State) -> None:
    picture = Map(state)
    root = ET.fromstring(picture.svg)
    assert root.get("viewBox") == f"0.00 0.00 900.00 {picture.scene.height:.2f}"
    groups = root.findall("{*}g/{*}g")
    drawn = [g for g in groups if "edge" not in g.get("class", "").split()]
    assert len(drawn) == len(picture.scene.boxes)


def test_the_same_state_gives_the_same_dot() -> None:
    assert to_dot(compose(rollout())) == to_dot(compose(rollout()))


def test_graphviz_has_nothing_to_warn_of() -> None:
    done = subprocess.run(
        ["dot", "-Kneato", "-n2", "-Tsvg"],
        input=Map(rollout()).dot,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stderr == ""


def test_every_pod_is_one_group_with_its_words() -> None:
    root = ET.fromstring(Map(rollout()).svg)
    (pod,) = (g for g in root.findall(".//{*}g") if g.get("id") == f"pod-uid-{OLD}-c5rt9")
    assert [t.text for t in pod.findall("{*}text")] == [
        "✕",
        "c5rt9",
        "v1 · 1/1",
        "leaving",
        "within 4 s",
    ]
    assert pod.get("class") == "node pod leaving"
    assert "gone within 4 s of 30 s; on worker2" in (pod.findtext("{*}title") or "")


NASTY = """say "no" <b>&amp; \\N \\l \\\\ 'x' é 漢字\nnext {a|b} %d"""


def test_any_text_comes_out_as_it_was() -> None:
    pod = replace(a_pod("p", None), unscheduled=NASTY, version=r"\N&lt;")
    root = ET.fromstring(Map(State(AT, NODES, (pod,))).svg)
    texts = [t.text or "" for t in root.findall(".//{*}text")]
    assert clean(NASTY) in texts
    assert any(text.startswith(r"\N&lt;") for text in texts)
    titles = [t.text or "" for t in root.findall(".//{*}title")]
    stroke = "\N{REVERSE SOLIDUS OPERATOR}"
    assert any(clean(NASTY).replace("\\", stroke) in title for title in titles)


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


def test_without_graphviz_the_words_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    bundle = Map(rollout())._repr_mimebundle_()
    assert "conda install -c conda-forge graphviz" in bundle["text/plain"]
    assert bundle["text/plain"].startswith("Rolling out shop v2")
    assert "<svg" not in bundle["text/html"]
    assert "<table>" in bundle["text/html"]


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
