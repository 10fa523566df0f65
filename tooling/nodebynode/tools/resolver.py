"""One way to find a program, for every program."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from nodebynode import settings
from nodebynode.errors import BadInput, MissingTool, NodebynodeError
from nodebynode.processes import run
from nodebynode.reporting import Reporter

Version = tuple[int, ...]
_NUMBERS = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")


class Source(Protocol):
    """A place that a program can be brought from into the cache."""

    def bring(self, tool: Tool, target: Path, reporter: Reporter) -> Path:
        """Put the program at `target`, or return the path where it already is.

        Raises:
            NodebynodeError: it cannot be had from here; the message says why.
        """


@dataclass(frozen=True, slots=True)
class Tool:
    """A program, the version that is pinned, and where it can come from.

    Attributes:
        name: The program's name on PATH; `NODEBYNODE_<NAME>` is its setting.
        version: The pinned version, which is what the cache and the sources bring.
        fits: Whether a version found on PATH will do.
        wanted: The versions that will do, in words.
        version_args: Arguments with which it prints its version.
        sources: Tried in order when neither the setting, PATH nor the cache has it.
        by_hand: What a person can do when all fails.
        edition: Tells builds of one version apart in the cache, where the sources are our own.
    """

    name: str
    version: str
    fits: Callable[[Version], bool]
    wanted: str
    version_args: tuple[str, ...]
    sources: Sequence[Source]
    by_hand: str
    edition: str = ""

    @property
    def setting(self) -> str:
        """The environment variable that names the program's file."""
        return f"NODEBYNODE_{self.name.upper().replace('-', '_')}"

    @property
    def cached(self) -> Path:
        """Where the pinned version lies in our cache."""
        parts = filter(None, (self.name, self.version, self.edition))
        return settings.cache_dir() / "bin" / "-".join(parts)


def resolve(tool: Tool, reporter: Reporter) -> Path:
    """Return the path of a program that fits, bringing it into the cache if need be.

    Raises:
        BadInput: the setting names a file that is no such program, or the cache cannot be written.
        MissingTool: there is none, and none can be had; the message lists what was tried.
    """
    if chosen := os.environ.get(tool.setting):
        return _from_setting(tool, Path(chosen).expanduser())
    tried: list[str] = []
    if found := _on_path(tool, tried):
        return found
    if _works(tool, tool.cached, tried, "cache"):
        return tool.cached
    with settings.writing(tool.cached.parent, "NODEBYNODE_CACHE"):
        tool.cached.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{tool.cached}.lock"):
            if _works(tool, tool.cached, [], "cache"):
                return tool.cached
            return _from_sources(tool, reporter, tried)


def version_of(tool: Tool, program: Path) -> Version:
    """Ask a program for its version.

    Raises:
        NodebynodeError: it cannot be run, or prints no version.
    """
    # Nobody's own kubeconfig or kuberc has a say in whether kubectl works.
    env = {**os.environ, "KUBECONFIG": os.devnull, "KUBERC": "off"}
    printed = run([program, *tool.version_args], timeout=30, env=env).out
    match = _NUMBERS.search(printed)
    if not match:
        raise NodebynodeError(f"{program} printed no version: {printed.strip()[:80]!r}.")
    return tuple(int(number or 0) for number in match.groups())


def _from_setting(tool: Tool, program: Path) -> Path:
    try:
        version_of(tool, program)
    except NodebynodeError as error:
        raise BadInput(
            f"{tool.setting} is set to {program}, which does not work as {tool.name}: {error.seen}",
            f"Correct {tool.setting}, or unset it.",
        ) from error
    return program


def _on_path(tool: Tool, tried: list[str]) -> Path | None:
    found = shutil.which(tool.name)
    if found is None:
        tried.append("PATH: not there")
        return None
    return Path(found) if _works(tool, Path(found), tried, "PATH") else None


def _works(tool: Tool, program: Path, tried: list[str], where: str) -> bool:
    if not program.exists():
        tried.append(f"{where}: not there")
        return False
    try:
        version = version_of(tool, program)
    except NodebynodeError as error:
        tried.append(f"{where}: {error.seen}")
        return False
    if not tool.fits(version):
        shown = ".".join(map(str, version))
        tried.append(f"{where}: {program} is {shown}, needed is {tool.wanted}")
        return False
    return True


def _from_sources(tool: Tool, reporter: Reporter, tried: list[str]) -> Path:
    for source in tool.sources:
        try:
            program = source.bring(tool, tool.cached, reporter)
            version_of(tool, program)
        except NodebynodeError as error:
            tried.append(error.seen)
            reporter.note(f"{tool.name} is not to be had that way ({error.seen}).")
            continue
        return program
    raise MissingTool(
        f"{tool.name} {tool.wanted} is not here. Tried: " + "; ".join(tried) + ".",
        f"{tool.by_hand} Or set {tool.setting} to the program's file.",
    )
