"""A cluster for every test that asks for one, and nothing of a learner's ever touched.

Settings: `NODEBYNODE_TEST_CLUSTER` names the cluster, `NODEBYNODE_TEST_KEEP=1` leaves it for the
next run, `NODEBYNODE_TEST_WITHOUT_DOCKER=1` lets a machine without Docker skip what needs it.
Workers that run side by side (`tests/lanes.py`) have a home and clusters of their own each.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from nodebynode.cluster import Cluster, open_cluster
from nodebynode.cluster.docker import require_docker
from nodebynode.cluster.nodes import is_ready, node_words
from nodebynode.errors import NodebynodeError
from nodebynode.kube import Api, Kind
from nodebynode.reporting import ConsoleReporter
from nodebynode.waiting import wait_for
from xdist.remote import Producer

from tests.agreement import Agreement
from tests.lanes import Lanes, in_order

PROVIDERS = ("embedded", "kind")
"""What every test with the fixture `cluster` runs on; a module of one only names its own."""
TEST_SECONDS = 120
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
# How fast examples are made says nothing on a machine that also runs clusters.
settings.register_profile(
    "house", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("house")
# A shell's background job ignores Ctrl-C, and so would all that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run write down where the clusters agree, and do what takes long as well."""
    parser.addoption("--agreement", type=Path, help="write docs/clusters.md from this run")
    also = "what must not pass on kind as well, and each solution twice"
    parser.addoption("--all", action="store_true", help=also)


def pytest_configure(config: pytest.Config) -> None:
    """Begin to take down what is asked for."""
    if file := config.getoption("--agreement"):
        config.pluginmanager.register(Agreement(file))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    """Share tests out by lanes, where several workers run."""
    return Lanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test on a cluster its own seconds, and a second try.

    Making the cluster does not count in the seconds. A cluster keeps real time: where a busy
    machine stands still for a second, a request is late through nobody's fault. What passes at the
    second try only is named at the end.
    """
    if WORKER:
        in_order(items)
    for item in items:
        if "cluster" not in getattr(item, "fixturenames", ()):
            continue
        item.add_marker(pytest.mark.flaky(reruns=1))
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TEST_SECONDS, func_only=True))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say last, and loudly, what needed a second try, and what was not tested here and why."""
    if again := terminalreporter.stats.get("rerun", []):
        terminalreporter.section("NEEDED A SECOND TRY", sep="!", yellow=True, bold=True)
        for report in again:
            crash = getattr(report.longrepr, "reprcrash", None)
            why = str(crash.message) if crash else report.longreprtext
            terminalreporter.line(f"{report.nodeid}: {why.splitlines()[0]}")
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section("NOT TESTED HERE", sep="!", red=True, bold=True)
        for report in skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            terminalreporter.line(f"{report.nodeid}: {reason}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI nothing may be skipped. Where a run was interrupted, no cluster outlives it."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("numprocesses", None):
        _end_what_workers_left(session.config)
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep clusters and progress in a folder of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        if "NODEBYNODE_HOME" not in os.environ:
            kept = Path(tempfile.gettempdir()) / f"nodebynode-test-{getpass.getuser()}"
            home = kept if _keep() else tmp_path_factory.mktemp("nodebynode-home")
            patch.setenv("NODEBYNODE_HOME", str(home))
        yield


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a cluster on each provider, or on those that its module names."""
    everything = metafunc.config.getoption("--all")
    if "turn" in metafunc.fixturenames:
        metafunc.parametrize("turn", ("", "again") if everything else ("",))
    if "cluster" in metafunc.fixturenames:
        providers = getattr(metafunc.module, "PROVIDERS", PROVIDERS)
        if everything:
            providers = getattr(metafunc.module, "PROVIDERS_OF_ALL", providers)
        metafunc.parametrize("cluster", providers, indirect=True, scope="session")


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, _own_home: None) -> Iterator[Cluster]:
    """The cluster of the whole session: made once, or woken when an earlier run kept it."""
    provider: str = request.param
    _require(provider)
    name = os.environ.get("NODEBYNODE_TEST_CLUSTER", "nbnt")
    if WORKER:
        name = name[:3] + WORKER.removeprefix("gw")  # short: a map shows whole names of nodes
    made = open_cluster(f"{name}-{provider}", ConsoleReporter(), provider=provider)
    try:
        with _one_at_a_time():
            made.start()
        made.put_back()
    except NodebynodeError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    yield made
    if not _keep():
        made.stop(purge=True)


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A fresh namespace; afterwards it is removed, and the nodes are as they were made."""
    name = f"t{secrets.token_hex(3)}"
    cluster.api.create(Kind.NAMESPACE, {"metadata": {"name": name}})
    yield name
    cluster.put_back()
    _wait_nodes_ready(cluster.api)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> object:
    """Add what the cluster looked like to the report of a test that failed on it."""
    report = yield
    values = getattr(item, "funcargs", {})
    if call.when == "call" and report.failed and "namespace" in values:
        report.sections.append(("the cluster", _look(values["cluster"], values["namespace"])))
    return report


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Hold back other workers: of clusters that start at once, two may take the same ports."""
    lock = Path(tempfile.gettempdir(), f"nodebynode-test-{getpass.getuser()}.lock")
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _end_what_workers_left(config: pytest.Config) -> None:
    """End the clusters of workers that were killed: xdist does not let them finish."""
    folder: Path = config._tmp_path_factory.getbasetemp()
    for cluster in folder.glob("popen-*/nodebynode-home*/clusters/*/"):
        command = [sys.executable, "-m", "nodebynode.cli", "down", "--purge"]
        home = str(cluster.parents[1])
        subprocess.run(
            [*command, "--cluster", cluster.name],
            env={**os.environ, "NODEBYNODE_HOME": home},
            timeout=120,
            check=False,
        )


def _keep() -> bool:
    return os.environ.get("NODEBYNODE_TEST_KEEP") == "1"


def _require(provider: str) -> None:
    """Fail, with the remedy, where the provider cannot work; skip only when that was asked for."""
    if provider != "kind":
        return
    try:
        require_docker()
    except NodebynodeError as error:
        if os.environ.get("NODEBYNODE_TEST_WITHOUT_DOCKER") == "1":
            pytest.skip(f"NODEBYNODE_TEST_WITHOUT_DOCKER=1, and indeed: {error.seen}")
        remedy = "Or set NODEBYNODE_TEST_WITHOUT_DOCKER=1 to skip the tests of a cluster."
        raise pytest.fail.Exception(f"{error}\n{remedy}", pytrace=False) from None


def _wait_nodes_ready(api: Api) -> None:
    wait_for(
        lambda: all(map(is_ready, api.list(Kind.NODE))),
        timeout=60,
        what="every node Ready after a test",
        seen=lambda: str(node_words(api.list(Kind.NODE))),
    )


def _look(cluster: Cluster, namespace: str) -> str:
    commands = (
        ("get", "nodes"),
        ("get", "all,endpointslices,pdb", "-o", "wide", "-n", namespace),
        ("get", "events", "--sort-by=.lastTimestamp", "-o", "wide", "-n", namespace),
    )
    parts = []
    for command in commands:
        try:
            done = cluster.kubectl(*command, timeout=20, check=False)
            parts.append(f"$ kubectl {' '.join(command)}\n{done.out}{done.err}")
        except NodebynodeError as error:
            parts.append(f"$ kubectl {' '.join(command)}\n{error}")
    return "\n".join(parts)
