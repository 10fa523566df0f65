"""Which tests share a worker: what needs a cluster, with others on the same one."""

from __future__ import annotations

import pytest

from tests.lanes import lane_of


@pytest.mark.parametrize(
    ("test", "lane"),
    [
        ("tests/unit/test_cli.py::test_kind[kind-1]", ("plain", "tests/unit/test_cli.py")),
        ("tests/browser/test_player.py::test_it_plays", ("plain", "tests/browser/test_player.py")),
        ("tests/cluster/test_events.py::test_it[kind]", ("kind", "kind")),
        ("tests/browser/test_lab_01.py::test_it[kind]", ("kind", "kind")),
        ("tests/labs/test_labs.py::test_it[-kind-01-what-runs]", ("kind", "kind")),
        ("tests/cluster/test_events.py::test_it[embedded]", ("embedded", "embedded test_events ")),
        (
            "tests/labs/test_not_yet.py::test_it[embedded-01-what-runs]",
            ("embedded labs", "embedded labs test_not_yet 01-what-runs"),
        ),
        (
            "tests/labs/test_labs.py::test_it[embedded-01-what-runs-again]",
            ("embedded labs", "embedded labs test_labs 01-what-runs-again"),
        ),
    ],
)
def test_a_lane_is_a_cluster_or_a_file(test: str, lane: tuple[str, str]) -> None:
    assert lane_of(test) == lane
