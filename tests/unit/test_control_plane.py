"""The embedded control plane without Kubernetes: its certificates, command lines, and its build."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import stat
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from nodebynode import tools
from nodebynode.cluster.embedded import certificates, components
from nodebynode.cluster.embedded.files import Files
from nodebynode.cluster.embedded.plan import Plan
from nodebynode.cluster.kind_config import NODE_PORTS
from nodebynode.errors import ClusterError, MissingTool
from nodebynode.kube import Api
from nodebynode.reporting import Silent
from nodebynode.tools import sources
from nodebynode.tools.resolver import Tool, resolve
from nodebynode.tools.sources import GoModule

NODES = components.node_names("demo")
NOW = datetime(2027, 3, 1, tzinfo=UTC)
PORTS = components.Ports(api=40001, etcd=40002, peer=40003)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A cluster's files, with certificates."""
    made = Files(tmp_path / "demo")
    made.folder.mkdir()
    certificates.ensure(made, NODES, NOW)
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def certificate(files: Files, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(files.certificate(name).read_bytes())


# ── certificates ─────────────────────────────────────────────────────────────────────────────────


def test_private_keys_are_nobody_elses(files: Files) -> None:
    assert stat.S_IMODE(files.certificates.stat().st_mode) == 0o700
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in files.certificates.glob("*.key")}
    assert len(modes) == 13
    assert set(modes.values()) == {0o600}
    assert [path.name for path in files.folder.iterdir()] == ["certificates"]


def test_users_and_hosts_are_what_kubernetes_expects(files: Files) -> None:
    users = {
        "admin": "CN=kubernetes-admin,O=system:masters",
        "kube-controller-manager": "CN=system:kube-controller-manager",
        "kube-scheduler": "CN=system:kube-scheduler",
        "node-agent": "CN=nodebynode:node-agent",
    }
    assert {name: certificate(files, name).subject.rfc4514_string() for name in users} == users
    api = certificate(files, "apiserver").extensions
    names = api.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(ip) for ip in names.get_values_for_type(x509.IPAddress)} == {
        "127.0.0.1",
        "10.96.0.1",
    }
    assert "kubernetes.default.svc" in names.get_values_for_type(x509.DNSName)
    kubelet = certificate(files, "kubelet").extensions
    names = kubelet.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(NODES) <= set(names.get_values_for_type(x509.DNSName))


def test_no_certificate_of_the_cluster_opens_etcd(files: Files) -> None:
    of_etcd = certificate(files, certificates.ETCD_CA).subject
    issued_by_it = {
        path.stem
        for path in files.certificates.glob("*.crt")
        if certificate(files, path.stem).issuer == of_etcd
    }
    assert issued_by_it == {"etcd", "apiserver-etcd-client", certificates.ETCD_CA}


def test_openssl_reads_them(files: Files) -> None:
    context = ssl.create_default_context(cafile=files.certificate(certificates.CA))
    for name in ("apiserver", "admin", "kubelet"):
        context.load_cert_chain(files.certificate(name), files.key(name))


def test_good_certificates_are_left_alone(files: Files) -> None:
    before = contents(files.certificates)
    assert certificates.ensure(files, NODES, NOW + timedelta(days=300)) is False
    assert contents(files.certificates) == before


@pytest.mark.parametrize("days", [340, 5000, -2], ids=["soon over", "long over", "not begun"])
def test_certificates_are_renewed_by_the_clock_and_tokens_stay_good(
    files: Files, days: int
) -> None:
    before, now = contents(files.certificates), NOW + timedelta(days=days)
    assert certificates.ensure(files, NODES, now) is True
    after = contents(files.certificates)
    assert {name for name in after if after[name] == before[name]} == {"service-accounts.key"}
    assert certificates.ensure(files, NODES, now) is False
    assert [path.name for path in files.folder.iterdir()] == ["certificates"]


@pytest.mark.parametrize("name", ["ca.key", "admin.crt", "service-accounts.key"])
def test_a_file_that_is_missing_is_made_again(files: Files, name: str) -> None:
    (files.certificates / name).unlink()
    assert certificates.ensure(files, NODES, NOW) is True
    assert (files.certificates / name).exists()


Damage = Callable[[Files], object]


@pytest.mark.parametrize(
    ("damage", "how"),
    [
        (lambda f: f.certificate("ca").write_text("rubbish"), "ca.crt holds no certificate"),
        (lambda f: f.key("admin").write_bytes(b"\0\xff"), "admin.key holds no private key"),
        (lambda f: f.key("service-accounts").write_text(""), "accounts.key holds no private key"),
        (
            lambda f: shutil.copy(f.key("kubelet"), f.key("admin")),
            "admin.crt does not belong to the key beside it",
        ),
        (
            lambda f: [shutil.copy(of("etcd"), of("admin")) for of in (f.key, f.certificate)],
            "admin.crt is not from the cluster's own authority",
        ),
    ],
    ids=["no certificate", "no key", "empty", "another's key", "another authority"],
)
def test_a_damaged_file_is_named_with_the_way_out(files: Files, damage: Damage, how: str) -> None:
    damage(files)
    before = contents(files.certificates)
    with pytest.raises(ClusterError) as caught:
        certificates.ensure(files, NODES, NOW)
    assert how in caught.value.seen
    assert "`nodebynode down --purge -c demo` and `nodebynode up -c demo`" in caught.value.do
    assert contents(files.certificates) == before


# ── command lines ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def plan(files: Files, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """The plan of a cluster, made where a stranger's etcd is set up by environment."""
    monkeypatch.setenv("ETCD_NAME", "stranger")
    return components.make_plan(files, Path("/bin/control-plane"), PORTS)


def test_the_plan_survives_being_written(files: Files, plan: Plan) -> None:
    plan.write(files.plan)
    assert Plan.read(files.plan) == plan
    assert stat.S_IMODE(files.plan.stat().st_mode) == 0o600


def test_what_starts_when_and_ends_when(plan: Plan) -> None:
    started = {child.name: (child.needs_api, child.stage) for child in plan.children}
    assert started == {
        "etcd": (False, 3),
        "kube-apiserver": (False, 2),
        "node-agent": (False, 0),
        "kube-controller-manager": (True, 1),
        "kube-scheduler": (True, 1),
    }
    assert [child.name for child in plan.children if child.ends_with_lifeline] == ["node-agent"]


def test_components_hear_nothing_of_our_environment_but_the_lifeline(plan: Plan) -> None:
    for child in plan.children:
        if child.name != "node-agent":
            assert child.env is not None
            assert set(child.env) == {"PATH", "CONTROL_PLANE_LIFELINE", "GOGC"}
            assert child.env["CONTROL_PLANE_LIFELINE"] == "stdin"


def test_everything_listens_on_127_0_0_1_or_not_at_all(plan: Plan) -> None:
    flags = {child.name: child.argv[2:] for child in plan.children}
    urls = [flag for flag in flags["etcd"] if "urls=" in flag or "initial-cluster=" in flag]
    assert len(urls) == 5
    assert all("https://127.0.0.1:" in flag for flag in urls)
    assert "--bind-address=127.0.0.1" in flags["kube-apiserver"]
    assert "--secure-port=40001" in flags["kube-apiserver"]
    assert "--anonymous-auth=false" in flags["kube-apiserver"]
    for name in components.CONTROLLERS:
        assert "--secure-port=0" in flags[name]
    assert {"--client-cert-auth", "--peer-client-cert-auth"} <= set(flags["etcd"])


def test_every_file_that_a_component_names_is_there(files: Files, plan: Plan) -> None:
    components.write_kubeconfigs(files, "demo", PORTS.api)
    values = [flag.partition("=")[2] for child in plan.children for flag in child.argv]
    named = {Path(value) for value in values if value.startswith("/")}
    assert {path for path in named if not path.exists()} == {files.etcd}
    ports = f"--service-node-port-range={min(NODE_PORTS)}-{max(NODE_PORTS)}"
    assert ports in plan.children[1].argv


def test_the_admins_kubeconfig_needs_no_other_file(files: Files) -> None:
    components.write_kubeconfigs(files, "demo", PORTS.api)
    moved = files.kubeconfig.rename(files.folder.parent / "moved")
    shutil.rmtree(files.folder)
    assert Api(moved).server == "https://127.0.0.1:40001"
    assert stat.S_IMODE(moved.stat().st_mode) == 0o600


def test_the_agent_is_told_its_nodes_and_ports(files: Files) -> None:
    components.write_agent_settings(files, "demo", {30080: 31000})
    told = json.loads(files.agent_settings.read_text())
    assert [(node["name"], node["role"], node["zone"]) for node in told["nodes"]] == [
        ("demo-control-plane", "control-plane", None),
        ("demo-worker", "worker", "a"),
        ("demo-worker2", "worker", "b"),
        ("demo-worker3", "worker", "c"),
    ]
    assert (told["cluster"], told["ports"], told["version"]) == (
        "demo",
        {"30080": 31000},
        "v1.37.2",
    )
    assert all(Path(told[name]).exists() for name in ("ca", "kubelet_cert", "kubelet_key"))


# ── building it ──────────────────────────────────────────────────────────────────────────────────

BUILDS = """#!/bin/sh
[ "$1" = version ] && { echo go version go1.27.3; exit; }
echo "$PWD $GOFLAGS $CGO_ENABLED $*" >> "$LOG"
echo internal/abi >&2; echo runtime >&2
while [ $# -gt 1 ]; do [ "$1" = -o ] && out=$2; shift; done
printf '#!/bin/sh\\necho v1.37.2\\n' > "$out"; chmod +x "$out"
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GoModule:
    """A module of three small files, a Go that only pretends, and an empty cache."""
    folder = tmp_path / "module"
    folder.mkdir()
    for name in ("main.go", "go.mod", "go.sum"):
        (folder / name).write_text(name)
    go = tmp_path / "go"
    go.write_text(BUILDS)
    go.chmod(0o755)
    for name in ("NODEBYNODE_CONTROL_PLANE", "GOFLAGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NODEBYNODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NODEBYNODE_GO", str(go))
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    return GoModule(folder, tools.GO, "k8s.io/component-base/version")


def control_plane(module: GoModule) -> Tool:
    return replace(tools.CONTROL_PLANE, sources=(module,), edition=module.content_hash())


def test_our_own_module_is_known_by_its_content() -> None:
    assert tools.CONTROL_PLANE.setting == "NODEBYNODE_CONTROL_PLANE"
    assert tools.CONTROL_PLANE.edition
    assert tools.CONTROL_PLANE.cached.name == f"control-plane-1.37.2-{tools.CONTROL_PLANE.edition}"
    assert f"v{tools.CONTROL_PLANE.version}" == components.KUBERNETES


def test_it_is_built_once_for_each_content(
    module: GoModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=mod -race")
    said: list[str] = []
    monkeypatch.setattr(Silent, "update", lambda _, detail: said.append(detail))
    first = resolve(control_plane(module), Silent())
    assert resolve(control_plane(module), Silent()) == first
    assert said == ["package 1 of about 1500", "package 2 of about 1500"]
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert line.startswith(f"{module.folder} -buildvcs=false 0 build -v -mod=readonly -trimpath")
    assert "-X k8s.io/component-base/version.gitVersion=v1.37.2" in line

    (module.folder / "main.go").write_text("changed")
    second = resolve(control_plane(module), Silent())
    assert second != first
    assert sorted(path for path in first.parent.iterdir() if path.suffix != ".lock") == sorted(
        (first, second)
    )


def no_module(module: GoModule, _: pytest.MonkeyPatch) -> None:
    (module.folder / "go.sum").unlink()


def no_room(_: GoModule, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sources.shutil, "disk_usage", lambda _: SimpleNamespace(free=1e9))


def go_fails(_: GoModule, __: pytest.MonkeyPatch) -> None:
    go = Path(os.environ["NODEBYNODE_GO"])
    go.write_text(BUILDS.replace("echo internal", "echo main.go:7: no >&2; exit 1 #"))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (no_module, "Go build: there is no module in "),
        (no_room, "Go build: 1.0 GB are free in "),
        (go_fails, "ended with 1: main.go:7: no"),
    ],
)
def test_what_keeps_it_from_being_built_is_said_and_leaves_nothing(
    module: GoModule,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[GoModule, pytest.MonkeyPatch], None],
    why: str,
) -> None:
    with monkeypatch.context() as patch:
        spoil(module, patch)
        with pytest.raises(MissingTool) as caught:
            resolve(control_plane(module), Silent())
    assert why in caught.value.seen
    assert "set NODEBYNODE_CONTROL_PLANE to the program's file" in caught.value.do
    left = [path for path in control_plane(module).cached.parent.iterdir()]
    assert [path.name for path in left if path.suffix != ".lock"] == []
