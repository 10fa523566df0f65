"""Graphviz without its fonts: to load them takes longer than to draw a pinned picture.

In a pinned picture every text has its place, and how wide it would be does not matter. Graphviz
finds its plugins through a file in the folder that `GVBINDIR` names; without that for fonts it
takes widths from a table. The folder is made once for a process, and is gone when it ends.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_NEEDED = re.compile(r"(lib)?gvplugin_(core|neato_layout)\b")
_FOLDER = re.compile(r'^libdir = "(.+)"$', re.MULTILINE)
_SECONDS = 10


@cache
def without_fonts(program: str) -> Mapping[str, str] | None:
    """The environment in which a Graphviz loads no fonts; None where that cannot be had.

    Args:
        program: The path of its `dot`.
    """
    try:
        return _prepared(program)
    except (OSError, subprocess.SubprocessError):
        return None


def _prepared(program: str) -> Mapping[str, str] | None:
    said = subprocess.run(
        [program, "-v"], input="", capture_output=True, text=True, timeout=_SECONDS, check=False
    ).stderr
    found = _FOLDER.search(said)
    plugins = [one for one in Path(found[1]).iterdir() if _NEEDED.match(one.name)] if found else []
    if not plugins:
        return None
    folder = Path(tempfile.mkdtemp(prefix="nodebynode-graphviz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for one in plugins:
        (folder / one.name).symlink_to(one)
    environment = {**os.environ, "GVBINDIR": str(folder)}
    command = [program, "-c"]
    subprocess.run(command, env=environment, capture_output=True, timeout=_SECONDS, check=True)
    return environment
