"""The map as a file in any form, in any of Graphviz's programs, and the chain of owners."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from nodebynode.errors import BadInput, MissingTool
from nodebynode.state import Condition, Endpoint, State
from nodebynode.view import Map, compose, draw
from nodebynode.view.dot import to_dot
from nodebynode.view.drawing import run_graphviz
from nodebynode.view.plugins import without_fonts

from tests.unit.instants import crowd
from tests.unit.states import (
    AT,
    NODES,
    OLD,
    a_deployment,
    a_pod,
    a_slice,
    in_service,
    rollout,
    spread,
)
from tests.unit.svg_shapes import groups

BEGINS = {
    ".svg": b"<svg",
    ".png": b"\x89PNG",
    ".pdf": b"%PDF",
    ".dot": b"digraph",
    ".txt": b"Rolling out shop v2",
}


@pytest.mark.parametrize("suffix", BEGINS)
def test_the_map_is_saved_as_its_suffix_says(suffix: str, tmp_path: Path) -> None:
    file = Map(rollout()).save(tmp_path / f"map{suffix}")
    assert file.read_bytes().startswith(BEGINS[suffix])
    assert Map(rollout()).owners().save(str(tmp_path / f"owners{suffix}")).stat().st_size > 300


@pytest.mark.parametrize("name", ["map.gif", "map", "map.svg.gz"])
def test_a_file_of_another_sort_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refused:
        Map(rollout()).save(tmp_path / name)
    assert str(refused.value) == (
        f"{name} does not end like a picture that can be saved.\n"
        "Give the file a name that ends in .svg, .png, .pdf, .dot or .txt."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"map.txt cannot be written: No such file"):
        Map(rollout()).save(tmp_path / "none" / "map.txt")


def test_without_graphviz_a_png_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "")
    assert Map(rollout()).save(tmp_path / "map.svg").read_text().startswith("<svg")
    with pytest.raises(MissingTool, match="conda install"):
        Map(rollout()).save(tmp_path / "map.png")


def test_a_graphviz_that_fails_leaves_the_picture_to_the_writer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "dot"
    broken.write_text("#!/bin/sh\necho no plugins >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Map(rollout()).svg.startswith("<svg")
    with pytest.raises(MissingTool, match="Graphviz failed: no plugins"):
        Map(rollout()).save(tmp_path / "map.png")


def test_the_fonts_are_left_out_only_where_they_make_no_difference() -> None:
    """Chinese letters are taken for wider than they are by a Graphviz that has no fonts."""
    plain, odd = (replace(a_pod("p", None), version=version) for version in ("v1", "漢字"))
    asked = [draw(compose(State(AT, NODES, (pod,)))) for pod in (plain, odd)]
    told = [run_graphviz(to_dot(compose(State(AT, NODES, (pod,)))), "svg") for pod in (plain, odd)]
    baselines = [re.findall(r'y="(-[0-9.]+)"', text) for text in (*asked, *map(bytes.decode, told))]
    assert baselines[0] != baselines[2]
    assert baselines[1] == baselines[3]


def test_a_graphviz_without_plugins_draws_with_what_it_has(tmp_path: Path) -> None:
    program = tmp_path / "dot"
    assert without_fonts(str(program)) is None
    program.write_text("#!/bin/sh\necho static >&2\n")
    program.chmod(0o755)
    assert without_fonts(str(program) + "/../dot") is None


def test_a_wide_picture_can_be_scrolled_by_keyboard() -> None:
    narrow, wide = (Map(state)._repr_mimebundle_() for state in (rollout(), crowd(70, 10)))
    assert 'tabindex="0"' not in narrow["text/html"]
    assert 'style="overflow-x:auto" tabindex="0"' in wide["text/html"]


@pytest.mark.parametrize(
    "command",
    [["neato", "-n2"], ["dot", "-Kneato", "-n2"], ["dot"], ["neato"]],
    ids=" ".join,
)
def test_any_of_graphvizs_programs_draws_the_same_map(command: list[str]) -> None:
    def drawn(program: list[str]) -> subprocess.CompletedProcess[str]:
        dot = Map(in_service(rollout())).dot
        return subprocess.run(
            [*program, "-Tsvg"], input=dot, capture_output=True, text=True, timeout=60, check=True
        )

    done = drawn(command)
    assert done.stderr == ""
    assert done.stdout == drawn(["neato", "-n2"]).stdout


def test_dot_lays_out_the_map_itself_when_it_is_told_to() -> None:
    """An exercise in layout: without the line that names the engine, and without coordinates."""
    dot = Map(in_service(rollout())).dot.replace("layout=nop2, ", "")
    done = subprocess.run(
        ["dot", "-Tsvg"], input=dot, capture_output=True, text=True, timeout=60, check=True
    )
    assert "x2k8p" in done.stdout


# Owners


def owned() -> State:
    """A rollout with its Service, a bare Pod, and an address that is no Pod's."""
    state = in_service(rollout())
    strange = Endpoint("192.0.2.1", "", "", True, True, False)
    slices = (a_slice(*state.slices[0].endpoints, strange),)
    condition = Condition("Available", "True", "MinimumReplicasAvailable", "")
    deployment = replace(state.deployments[0], conditions=(condition,))
    bare = a_pod("bare", owner="")
    return replace(state, pods=(*state.pods, bare), slices=slices, deployments=(deployment,))


def test_the_owners_as_a_list() -> None:
    assert Map(owned()).owners().text.splitlines() == [
        "Deployment shop: v2: 3 of 3 available; Available=True (MinimumReplicasAvailable)",
        "  ReplicaSet shop-66944cdf98: revision 1 · v1; 2 wanted · 2 ready",
        "    Pod shop-66944cdf98-x2k8p: v1 · ready; on worker",
        "    Pod shop-66944cdf98-c5rt9: v1 · leaving; on worker2",
        "    Pod shop-66944cdf98-m8v2d: v1 · ready; on worker3",
        "  ReplicaSet shop-9878bd7f6: revision 2 · v2; 2 wanted · 1 ready",
        "    Pod shop-9878bd7f6-q7wn4: v2 · ready; on worker",
        "    Pod shop-9878bd7f6-zz4hh: v2 · not ready; on worker3",
        "Pod bare: v1 · ready; on worker",
        "Service shop: LoadBalancer; address 172.18.0.100; Pods with app=shop",
        "  EndpointSlice shop-abcde: 6 endpoints",
        "    Pod shop-66944cdf98-x2k8p: ready endpoint",
        "    Pod shop-66944cdf98-c5rt9: finishing endpoint",
        "    Pod shop-66944cdf98-m8v2d: ready endpoint",
        "    Pod shop-9878bd7f6-q7wn4: ready endpoint",
        "    Pod shop-9878bd7f6-zz4hh: endpoint, not ready",
        "    address 192.0.2.1: ready endpoint",
    ]


def test_the_owners_as_a_picture() -> None:
    svg = Map(owned()).owners().svg
    drawn = groups(svg)
    words = {name: [text.words for text in group.texts] for name, group in drawn.items()}
    assert words["deployment-shop"][0] == "Deployment shop"
    pod = f"pod-uid-{OLD}-c5rt9"
    assert words[pod] == [f"Pod {OLD}-c5rt9", "v1 · leaving", "on worker2"]
    edges = [group for group in drawn.values() if "edge" in group.kind]
    assert len(edges) == 2 + 5 + 1 + 6
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert (root.findtext("{*}desc") or "").startswith("Deployment shop")


def test_the_owners_of_a_crowd_are_counted() -> None:
    pods = tuple(a_pod(f"{OLD}-{i:03}") for i in range(30))
    state = in_service(replace(spread(), pods=pods))
    text = Map(state).owners().text
    assert "    +10 more Pods\n" in text
    assert text.endswith("    +10 more endpoints")
    drawn = [name for name in groups(Map(state).owners().svg) if name.startswith("pod-")]
    assert len(drawn) == 20


def test_without_graphviz_the_owners_are_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    owners = Map(owned()).owners()
    bundle = owners._repr_mimebundle_()
    assert bundle["text/plain"].startswith(owners.text)
    assert "Graphviz is not installed. Install Graphviz" in bundle["text/plain"]
    assert "<svg" not in bundle["text/html"]
    assert "Pod bare" in bundle["text/html"]
    with pytest.raises(MissingTool):
        _ = owners.svg


def test_nothing_owns_nothing() -> None:
    assert Map(State(spread().at)).owners().text == "Nothing here owns anything."
    assert "digraph" in Map(State(spread().at, deployments=(a_deployment(),))).owners().dot
