"""Packs Python as far as `shop` needs it into a folder: `python3 -S -E pack.py FOLDER`.

It runs while the image is built, beside shop.py. A cluster loads the image onto every node whenever
it is made, and a tenth of the base image is enough: the interpreter, the modules that an import of
shop has loaded, what a load that is sent from a Pod needs besides, the shared objects that the
kernel has mapped for them, and a shell to look around.
"""

from __future__ import annotations

import os
import sys

sys.modules["ssl"] = None  # type: ignore[assignment]  # asyncio goes without it, and it is large

import asyncio  # noqa: E402, F401
import dataclasses  # noqa: E402, F401
import json  # noqa: E402, F401
import pathlib  # noqa: E402
import re  # noqa: E402, F401
import runpy  # noqa: E402, F401
import textwrap  # noqa: E402, F401

import shop  # type: ignore[import-not-found]  # noqa: E402  # beside it in the build only

# Taken before anything else is imported: this is what shop and a load need.
LOADED = {getattr(module, "__file__", None) for module in sys.modules.values()}
with pathlib.Path("/proc/self/maps").open(encoding="utf-8") as maps:
    MAPPED = {line.split(maxsplit=5)[-1].strip() for line in maps}

import encodings  # noqa: E402
import shutil  # noqa: E402
from importlib.util import cache_from_source  # noqa: E402
from pathlib import Path  # noqa: E402

TOOLS = ("sh", "cat", "env", "sleep")  # each needs no library but libc, which Python has mapped


def modules() -> set[Path]:
    """Returns the files of shop's modules, compiled and not, and of all text encodings."""
    sources = {Path(file) for file in LOADED if file and file.endswith(".py")}
    sources |= set(Path(encodings.__file__).parent.glob("*.py"))
    sources -= {Path(__file__), Path(shop.__file__)}
    compiled = {Path(cache_from_source(str(file))) for file in sources}
    return sources | set(filter(Path.exists, compiled))


def programs() -> set[Path]:
    """Returns the interpreter and its shared objects, by each name that they have, and the tools.

    The kernel knows `libz.so.1.2.13`; the interpreter asks for its other name, `libz.so.1`.
    """
    objects = {Path(file) for file in MAPPED if file.startswith("/") and Path(file).exists()}
    beside = {name for folder in {file.parent for file in objects} for name in folder.iterdir()}
    found = {name for name in beside if name.resolve() in objects}
    found |= {Path(tool) for tool in map(shutil.which, (*TOOLS, "python3")) if tool}
    found |= {*Path("/").glob("lib*/ld-*"), *Path("/etc").glob("ld.so.cache")}
    return found | {name.resolve() for name in found}


def copy(file: Path, root: Path) -> None:
    """Copies a file to the same place below another root; a link to its neighbour stays a link."""
    target = root / file.parent.resolve().relative_to("/") / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = file.is_symlink() and len(file.readlink().parts) == 1
    shutil.copy(file, target, follow_symlinks=not beside)


def main(root: Path) -> None:
    """Packs everything into a folder that becomes the root of the image."""
    for folder in ("tmp", f".{Path(os.__file__).resolve().parent}/lib-dynload"):
        # Python looks for the second one to know where it is installed, and complains without it.
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    for link in filter(Path.is_symlink, Path("/").iterdir()):
        if link.is_dir():  # /bin, /lib, … where they are links into /usr
            (root / link.name).symlink_to(link.readlink())
    for file in modules() | programs():
        copy(file, root)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
