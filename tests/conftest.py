"""A cluster for every test that asks for one, and nothing of a learner's ever touched.

Settings: `NODEBYNODE_TEST_CLUSTER` names the cluster, `NODEBYNODE_TEST_KEEP=1` leaves it for the
next run, `NODEBYNODE_TEST_WITHOUT_DOCKER=1` lets a machine without Docker skip what needs it.
"""

from __future__ import annotations

import getpass
import os
import secrets
import signal
import tempfile
from collections.abc import Iterator
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

from tests.agreement import Agreement

PROVIDERS = ("embedded", "kind")
"""What every test with the fixture `cluster` runs on; a module of one only names its own."""
TEST_SECONDS = 120
# How fast examples are made says nothing on a machine that also runs clusters.
settings.register_profile(
    "house", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("house")
# A shell's background job ignores Ctrl-C, and so would all that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run write down where the clusters agree."""
    parser.addoption("--agreement", type=Path, help="write docs/clusters.md from this run")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to take down what is asked for."""
    if file := config.getoption("--agreement"):
        config.pluginmanager.register(Agreement(file))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test on a cluster its own seconds; making the cluster does not count in them."""
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()) and not item.get_closest_marker(
            "timeout"
        ):
            item.add_marker(pytest.mark.timeout(TEST_SECONDS, func_only=True))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say last, and loudly, what was not tested here and why."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section("NOT TESTED HERE", sep="!", red=True, bold=True)
        for report in skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            terminalreporter.line(f"{report.nodeid}: {reason}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI nothing may be skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
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
    if "cluster" in metafunc.fixturenames:
        providers = getattr(metafunc.module, "PROVIDERS", PROVIDERS)
        metafunc.parametrize("cluster", providers, indirect=True, scope="session")


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, _own_home: None) -> Iterator[Cluster]:
    """The cluster of the whole session: made once, or woken when an earlier run kept it."""
    provider: str = request.param
    _require(provider)
    name = f"{os.environ.get('NODEBYNODE_TEST_CLUSTER', 'nbnt')}-{provider}"
    made = open_cluster(name, ConsoleReporter(), provider=provider)
    try:
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
