"""Where things are, and the settings that move them.

Everything that nodebynode keeps lies in two folders of its own: a cache that may be deleted at any
time, and data (clusters, progress) that may not. `~/.kube/config` is in neither, and is never used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from nodebynode.errors import BadInput

DEFAULT_CLUSTER = "nodebynode"
_CLUSTER_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def _place(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or default).expanduser().absolute()


def cache_dir() -> Path:
    """Return the folder for what can be made again: tools, app archives (`NODEBYNODE_CACHE`)."""
    return _place("NODEBYNODE_CACHE", platformdirs.user_cache_dir("nodebynode"))


def data_dir() -> Path:
    """Return the folder for clusters' own files and progress (`NODEBYNODE_HOME`)."""
    return _place("NODEBYNODE_HOME", platformdirs.user_data_dir("nodebynode"))


def progress_file() -> Path:
    """Return the file of a learner's progress (`NODEBYNODE_PROGRESS`)."""
    return _place("NODEBYNODE_PROGRESS", str(data_dir() / "progress.jsonl"))


@contextmanager
def writing(place: Path, setting: str) -> Iterator[None]:
    """Say which setting moves a place where the file system lets nothing be written.

    Args:
        place: Named in the message where the file system names no file.
        setting: The environment variable that moves it.

    Raises:
        BadInput: something in the block met a full disk, or a folder without rights.
    """
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"{error.filename or place} cannot be written: {error.strerror or error}.",
            f"Make room or give yourself the rights, or set {setting} to another folder.",
        ) from error


def course_root() -> Path:
    """Return the folder that holds lessons/, labs/ and solutions/ (`NODEBYNODE_COURSE`).

    Raises:
        BadInput: the folder holds no solutions/.
    """
    root = _place("NODEBYNODE_COURSE", str(Path(__file__).parents[2]))
    if not (root / "solutions").is_dir():
        raise BadInput(
            f"There is no course in {root}: it has no folder solutions/.",
            "Run from a clone of the project, or set NODEBYNODE_COURSE to one.",
        )
    return root


def command(verb: str, cluster: str) -> str:
    """Return the command line that does something to a cluster, for messages."""
    return f"nodebynode {verb}" + (f" -c {cluster}" if cluster != DEFAULT_CLUSTER else "")


def cluster_name(name: str | None = None) -> str:
    """Return a valid cluster name: the argument, `NODEBYNODE_CLUSTER`, or the default.

    Raises:
        BadInput: the name would not do as part of a container's host name.
    """
    chosen = name or os.environ.get("NODEBYNODE_CLUSTER") or DEFAULT_CLUSTER
    if not _CLUSTER_NAME.fullmatch(chosen):
        raise BadInput(
            f"'{chosen}' is no cluster name.",
            "Use 1 to 40 lower-case letters, digits and dashes, with no dash at either end.",
        )
    return chosen
