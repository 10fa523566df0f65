"""`nodebynode bench view`: how long a picture takes, from a change of the cluster to the eye."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import psutil

from nodebynode.bench import browser, loads
from nodebynode.bench.crowd import crowd, moved_on
from nodebynode.bench.figures import Figures
from nodebynode.cluster import Cluster, open_cluster
from nodebynode.course import jupyter
from nodebynode.course.flight import Flight
from nodebynode.kube import Kind
from nodebynode.recording import Recorder
from nodebynode.view import compose, draw, to_svg
from nodebynode.view.film import Film
from nodebynode.view.page import page as film_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

_SIZES = ((12, 3), (50, 5), (200, 10), (1000, 100))
_LIVE_SIZES = (12, 200)
_EVENTS = 20
_APART = 0.4
"""Seconds between two events at most, all times alike.

One that came as soon as the last was seen would always meet a view that rests after a frame.
"""
_STEPS = 20
_ROLLOUT = 50
_DAY_CHANGES = 8 * 3600
_CLUSTER = "nbn-bench-view"
_CELL = """
import os
from pathlib import Path
from nodebynode.kube import Api, Feed
from nodebynode.view.live import Live
Live(Feed(Api(Path(os.environ["KUBECONFIG"]))), namespace="bench")
"""
_PATCH = """([steps]) => {
  const button = (name) => document.querySelector(`[data-ui=${name}]`), took = [];
  for (let n = 0; n < steps; n++) {
    const began = performance.now();
    button(n % 2 ? "back" : "next").click();
    document.body.getBoundingClientRect();
    took.push(performance.now() - began);
  }
  return took;
}"""
_RUN_ALL = """async () => {
  const app = window.jupyterapp;
  await app.restored;
  const panel = app.shell.currentWidget;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
  void app.commands.execute("notebook:run-all-cells");
}"""
_WATCH = """([node]) => {
  window.seen = [];
  const group = [...document.querySelectorAll(".nbn svg [role=img]")]
    .find((one) => one.ariaLabel.startsWith(`Node ${node}:`));
  new MutationObserver(() => {
    const cordoned = group.getAttribute("class").includes("cordoned");
    requestAnimationFrame(() => setTimeout(() => window.seen.push([cordoned, Date.now()])));
  }).observe(group, { attributes: true, attributeFilter: ["class"] });
}"""


def bench_view(runs: int, say: Callable[[str], None]) -> Figures:
    """Measure pictures, the player in Chromium, a live view in JupyterLab, and recordings.

    Args:
        runs: How often everything is done; drawing and patching many times within each.
        say: Told each figure as it is taken.

    Raises:
        MissingTool: Chromium, its driver or a tool of the cluster is missing.
    """
    figures = Figures(say)
    for _ in range(runs):
        _draw(figures)
        _patch(figures)
        _watch_for_a_day(figures)
        with _cluster() as cluster:
            for pods in _LIVE_SIZES:
                _time_to_pixel(cluster, pods, figures)
            _record_a_rollout(cluster, figures)
    return figures


def _draw(figures: Figures) -> None:
    """From a State to SVG text, with Graphviz and without."""
    for pods, nodes in _SIZES:
        first = crowd(pods, nodes)
        scene, other = compose(first), moved_on(first)
        name = f"{pods} Pods on {nodes} nodes"
        for how, once in (
            ("State to Scene", partial(compose, other, before=scene)),
            ("Scene to SVG, built-in writer", partial(to_svg, scene)),
            ("Scene to SVG, Graphviz", partial(draw, scene)),
        ):
            figures.add(f"{name}: {how}", _median_ms(once), "ms")


def _median_ms(once: Callable[[], object], times: int = 9) -> float:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        once()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def _patch(figures: Figures) -> None:
    """In Chromium: going from one frame to the next, layout included."""
    for pods, nodes in _SIZES:
        state = crowd(pods, nodes)
        film = Film()
        film.add(state.at, state)
        other = moved_on(state)
        film.add(other.at, other)
        with tempfile.TemporaryDirectory() as folder, browser.tab() as page:
            file = Path(folder, "film.html")
            file.write_text(film_page(film, "bench"), encoding="utf-8")
            page.goto(file.as_uri())
            page.wait_for_selector(".nbn svg [role=img]", state="attached")
            took = page.evaluate(_PATCH, [_STEPS])
        figures.add(f"{pods} Pods on {nodes} nodes: patch", statistics.median(took), "ms")


def _watch_for_a_day(figures: Figures) -> None:
    """Eight hours with a change a second: what film and recorder hold at the end."""
    state, process = crowd(12, 3), psutil.Process()
    film = Film()
    with tempfile.TemporaryDirectory() as folder, Recorder(Path(folder, "day.jsonl")) as recorder:
        grown = list[float]()
        for number in range(_DAY_CHANGES):
            state = moved_on(state)
            film.add(state.at, state)
            recorder.change("pods", "MODIFIED", _object(number % 12, number), time.time())
            if number in (_DAY_CHANGES // 4, _DAY_CHANGES - 1):
                grown.append(process.memory_info().rss / 1e6)
    figures.add("8 hours, a change a second: growth after the first two", grown[1] - grown[0], "MB")


def _object(pod: int, version: int) -> dict[str, object]:
    metadata = {"name": f"shop-{pod}", "namespace": "default", "uid": f"uid-{pod}"}
    return {"metadata": metadata, "status": {"phase": "Running", "restarts": version}}


# ── on a cluster ─────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _cluster() -> Iterator[Cluster]:
    cluster = open_cluster(_CLUSTER, provider="embedded")
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop(purge=True)


def _time_to_pixel(cluster: Cluster, pods: int, figures: Figures) -> None:
    """From the request that changes the cluster to the frame in JupyterLab that shows it."""
    node = cluster.workers[0]
    with loads.namespace(cluster):
        loads.run_pods(cluster, pods)
        with _live_page(cluster) as page:
            page.evaluate(_WATCH, [node])
            took = list[float]()
            for number in range(_EVENTS):
                took.append(_cordon(cluster, node, number % 2 == 0, page))
                time.sleep(_APART * (number * 7 % _EVENTS) / _EVENTS)
    figures.add(f"{pods} Pods: event to pixel, median", statistics.median(took), "ms")
    figures.add(f"{pods} Pods: event to pixel, p95", sorted(took)[int(len(took) * 0.95) - 1], "ms")


def _cordon(cluster: Cluster, node: str, on: bool, page: Page) -> float:
    """Cordon a node or uncordon it; returns milliseconds until the page shows it."""
    before = page.evaluate("window.seen.length")
    began = time.time() * 1000
    cluster.api.request(
        "PATCH",
        Kind.NODE.path(None, node),
        body={"spec": {"unschedulable": on}},
        content_type="application/merge-patch+json",
    )
    page.wait_for_function(
        "([before, on]) => window.seen.slice(before).some(([cordoned]) => cordoned === on)",
        arg=[before, on],
    )
    seen = page.evaluate("window.seen")[before:]
    return float(next(at for cordoned, at in seen if cordoned == on) - began)


@contextmanager
def _live_page(cluster: Cluster) -> Iterator[Page]:
    """JupyterLab with a notebook whose only cell shows a live view."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(_CELL)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        file = root / "live.ipynb"
        nbformat.write(notebook, file)
        config = root / "config"
        config.mkdir()
        (config / "jupyter_lab_config.json").write_text(
            json.dumps({"LabApp": {"expose_app_in_browser": True}})
        )
        environment = {
            **os.environ,
            **jupyter.server_environment(cluster.kubectl, cluster.name),
            "JUPYTER_CONFIG_DIR": str(config),
            "JUPYTERLAB_SETTINGS_DIR": str(root / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(root / "workspaces"),
        }
        with jupyter.serve(root, environment, cluster.name) as (server, _), browser.tab() as page:
            page.goto(jupyter.address_of(server, root, file))
            page.wait_for_function("window.jupyterapp !== undefined", timeout=60_000)
            page.wait_for_selector(".jp-NotebookPanel", timeout=60_000)
            page.evaluate(_RUN_ALL)
            page.wait_for_selector(".nbn svg [role=img]", state="attached", timeout=60_000)
            yield page


def _record_a_rollout(cluster: Cluster, figures: Figures) -> None:
    """Record a rolling update of 50 Pods, as it really is."""
    with tempfile.TemporaryDirectory() as folder, loads.namespace(cluster):
        loads.run_pods(cluster, _ROLLOUT)
        with Flight(cluster.api, Path(folder, "run.jsonl")) as flight:
            loads.update_pods(cluster)
            plain = flight.path.stat().st_size
        recording = flight.so_far()
        packed = flight.path.stat().st_size
        seconds = (recording.ended - recording.began) / timedelta(seconds=1)
    figures.add(f"rollout of {_ROLLOUT} Pods, recorded: changes", flight.changes, "changes")
    figures.add(f"rollout of {_ROLLOUT} Pods, recorded: length", seconds)
    figures.add(f"rollout of {_ROLLOUT} Pods, recorded: plain", plain / 1000, "KB")
    figures.add(f"rollout of {_ROLLOUT} Pods, recorded: packed", packed / 1000, "KB")
