"""Writes docs/clusters.md from a run of the contract on both clusters: where they agree, point by
point, and what was measured on each.

    ./test tests/cluster --agreement docs/clusters.md
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import pytest

_HEAD = """# The two clusters, side by side

Written by a run of the contract in `tests/cluster/` on both: `./test tests/cluster --agreement
docs/clusters.md`. Each row is a test that ran on each cluster, by observation through the API and
by traffic. **kind** is a real cluster in Docker. **embedded** is the real control plane, with the
nodes played by nodebynode's own agent; a row that both pass is one where a lesson may trust it.
"""
_DIFFERENT = """
## What differs

| | embedded | kind |
|---|---|---|
| a Pod is | a process of this machine | containers in a container |
| its address | a name only, led to a port of 127.0.0.1 | real, reachable from other Pods |
| images | the course's own; all others end in ErrImagePull | any that can be pulled |
| `command`, exec probes and hooks, mounted volumes | refused, with a sentence in an event | work |
| `kubectl exec`, `attach`, `port-forward` | refused, with a sentence | work |
| cluster DNS, NetworkPolicy, limits on CPU and memory | none | real |
| a node's CPU and memory | declared: 4 CPU, 8 GiB | the host's |
| `kubectl get pods -n kube-system` | empty: the control plane is processes | its Pods |
| traffic enters | through the control plane's node | the same |
| time from a Pod to Ready | about 0.1 s | about 1.4 s |
| an ended container is told | at once, when its Pod was deleted | up to 3 s later |
| `down` | keeps what is stored, until `--purge` | removes everything |
"""


class Agreement:
    """Collects outcomes by topic, by what was tested, and by cluster; from all workers."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._topics: dict[str, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> object:
        """Say in the report of a test of the contract which point it is about."""
        report = yield
        provider = getattr(item, "callspec", None) and item.callspec.params.get("cluster")
        shared = not hasattr(item.module, "PROVIDERS")
        if provider and shared and report.when == "call" and "cluster/" in item.nodeid:
            topic = (item.module.__doc__ or "").splitlines()[0].split(",")[0].rstrip(".:")
            name = item.originalname.removeprefix("test_").replace("_", " ").capitalize()
            what = (item.function.__doc__ or name).splitlines()[0].rstrip(".")
            report.point = [topic, what, provider]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the outcome of such a test; of several with one name, a failure counts."""
        point = getattr(report, "point", None)
        if point is None or report.outcome == "rerun":
            return
        topic, what, provider = point
        seen = "; ".join(str(value) for _, value in report.user_properties)
        found = self._topics[topic][what]
        if not found.get(provider, "").startswith("✗"):
            found[provider] = f"{'✓' if report.passed else '✗'} {seen}".strip()

    def pytest_sessionfinish(self) -> None:
        """Write the page."""
        if "PYTEST_XDIST_WORKER" in os.environ:
            return
        lines = [_HEAD]
        for topic, points in sorted(self._topics.items()):
            lines += [f"\n## {topic}\n", "| what | embedded | kind |", "|---|---|---|"]
            for what, found in points.items():
                cells = (found.get(provider, "not run") for provider in ("embedded", "kind"))
                lines.append(f"| {what} | {' | '.join(cells)} |")
        self._file.write_text("\n".join(lines) + "\n" + _DIFFERENT)
