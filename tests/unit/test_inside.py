"""What a load from inside the cluster is made of, and what it asks before it begins."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import nodebynode.app
import pytest
from nodebynode.cluster import Cluster
from nodebynode.cluster.base import Capabilities
from nodebynode.course.inside import PodWitness, address
from nodebynode.course.inside_pod import command, config_map, pod, sources, why_not_begun
from nodebynode.course.lab import Lab
from nodebynode.course.loading import Load
from nodebynode.errors import BadInput
from nodebynode.kube import Json
from nodebynode.witness import Plan
from nodebynode.witness.plan import MOST_INSIDE

URL = "http://10.96.0.1:80"
_APP = Path(nodebynode.app.__file__).parent
_PACKED = """
import sys
sys.path.insert(0, sys.argv[1])
import pack
packed = set(sys.modules)
sys.path.insert(0, sys.argv[2])
import nodebynode.witness.__main__
print(*(name for name in set(sys.modules) - packed if not name.startswith("nodebynode")))
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """The code as it lies in the Pod."""
    for file, text in sources().items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def run(*argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run Python as the image does: without what is installed beside it."""
    return subprocess.run(
        [sys.executable, "-S", *argv],
        env={"PYTHONDONTWRITEBYTECODE": "1", **env},
        capture_output=True,
        text=True,
        timeout=30,
    )


def cluster(*, containers: bool = True, spec: Json | None = None) -> Cluster:
    """A cluster that answers what is asked of it before a load begins."""
    return cast(
        Cluster,
        SimpleNamespace(
            capabilities=Capabilities(containers, frozenset()),
            api=SimpleNamespace(get=lambda *_: {"spec": spec or {}}),
            service_url=lambda *_: "http://127.0.0.1:30080",
        ),
    )


# ── the code ─────────────────────────────────────────────────────────────────────────────────


def test_the_code_runs_by_itself(code: Path) -> None:
    """It imports nothing that is not there, and asks for another address than this machine's."""
    plan = Plan(URL, rate=5, seconds=1, inside=True)
    argv = [*command(plan)[2:]]
    argv[argv.index(URL)] = "http://127.0.0.1:80"
    done = run(*argv, PYTHONPATH=str(code))
    assert (done.returncode, done.stdout) == (2, "")
    assert "From inside, a load goes to a Service's own address only" in done.stderr


def test_its_log_is_its_output(code: Path) -> None:
    """Nobody listens at that port of the machine's own address: what is sent there is lost."""
    script = (
        "import re, sys; from nodebynode.witness import plan; "
        "plan._IN_CLUSTER = re.compile('127.0.0.1'); "
        "from nodebynode.witness.__main__ import main; sys.exit(main())"
    )
    done = run("-c", script, "http://127.0.0.1:9", "-", "20", "0.2", "0", PYTHONPATH=str(code))
    header, *requests, end = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, done.stderr) == (0, "")
    assert (header["inside"], header["url"], "end" in end) == (True, "http://127.0.0.1:9", True)
    assert [one["outcome"] for one in requests] == ["refused"] * 4


@pytest.mark.skipif(sys.platform != "linux", reason="packs what Linux has mapped")
def test_the_image_has_all_that_the_code_imports(code: Path) -> None:
    done = run("-c", _PACKED, str(_APP), str(code))
    assert (done.stdout.split(), done.stderr) == ([], "")


# ── the Pod ──────────────────────────────────────────────────────────────────────────────────


def test_every_file_has_a_key_in_the_config_map() -> None:
    made = pod("load-1", Plan(URL, inside=True))
    [volume] = made["spec"]["volumes"]
    data = config_map("load-1")["data"]
    paths = {item["path"]: data[item["key"]] for item in volume["configMap"]["items"]}
    assert paths == sources()
    assert volume["configMap"]["name"] == "load-1"
    assert not any("/" in key for key in data)


def test_a_pod_ends_by_itself_soon_after_its_load() -> None:
    spec = pod("load-1", Plan(URL, seconds=10.2, inside=True))["spec"]
    assert 17 < spec["activeDeadlineSeconds"] < 100
    assert spec["restartPolicy"] == "Never"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "the Pod is gone"),
        ({}, "its Pod is new"),
        ({"status": {"phase": "Pending"}}, "its Pod is Pending"),
        (
            {"status": {"conditions": [{"status": "False", "message": "0/4 nodes"}]}},
            "0/4 nodes",
        ),
        (
            {"status": {"containerStatuses": [
                {"state": {"waiting": {"reason": "ErrImageNeverPull", "message": "not here"}}}
            ]}},
            "ErrImageNeverPull: not here",
        ),
    ],
)  # fmt: skip
def test_what_keeps_it_from_running_is_said(found: Json | None, said: str) -> None:
    assert why_not_begun(found) == said


# ── what is refused ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:80",
        "http://10.96.0.1",
        "http://10.96.0.1:0",
        "http://10.96.0.256:80",
        "http://10.96.1:80",
        "http://11.0.0.1:80",
        "http://110.0.0.1:80",
        "http://10.0.0.1.example.org:80",
    ],
)
def test_from_inside_it_goes_to_the_cluster_only(url: str) -> None:
    with pytest.raises(BadInput, match="not the address of a Service"):
        Plan(url, inside=True)


def test_a_log_that_a_node_would_not_keep_is_refused() -> None:
    assert Plan(URL, rate=50, seconds=MOST_INSIDE / 50, inside=True).total == MOST_INSIDE
    with pytest.raises(BadInput, match="250 s at this rate"):
        Plan(URL, rate=200, seconds=600, inside=True)


def test_without_containers_nothing_is_sent_from_inside(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No Pod runs a container here"):
        PodWitness(cluster(containers=False), "lab", "shop", tmp_path / "log.jsonl")


@pytest.mark.parametrize(
    "spec", [{"clusterIP": "None", "ports": [{"port": 80}]}, {"clusterIP": "10.96.0.9"}, {}]
)
def test_a_service_without_an_address_is_refused(spec: Json) -> None:
    with pytest.raises(BadInput, match="Service shop has no address"):
        address(cluster(spec=spec), "lab", "shop")


def test_bad_numbers_leave_the_load_before_alone(tmp_path: Path) -> None:
    """They are refused before anything is ended."""
    lab, ended = Lab.__new__(Lab), list[str]()
    before = SimpleNamespace(close=lambda: ended.append("ended"))
    lab._cluster, lab.namespace, lab._load = cluster(), "lab-01", cast(Load, before)
    for bad in ({"rate": 1000}, {"seconds": 0}, {"keep_alive": -1}):
        with pytest.raises(BadInput):
            lab.load(**bad)  # type: ignore[arg-type]
    assert (lab._load, ended) == (before, [])
