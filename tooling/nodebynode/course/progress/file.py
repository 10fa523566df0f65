"""The progress file: lines are only ever appended, and taken out only when a learner asks for it.

Several kernels may write at once, while a terminal takes lines out. So each holds the file's lock,
and one that waited for it looks whether the file is still the one at its path.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nodebynode import settings
from nodebynode.course.progress.lines import Lines, read_lines, without
from nodebynode.errors import BadInput


def append(line: bytes) -> str:
    """Append one line.

    Args:
        line: The line, with its end.

    Returns:
        Why that could not be done; empty where it was. Progress that is not kept stops no lab.
    """
    path = settings.progress_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path) as file:
            size = os.fstat(file).st_size
            whole = not size or os.pread(file, 1, size - 1) == b"\n"
            # What a full disk has cut must not spoil the next line, too.
            os.write(file, line if whole else b"\n" + line)
    except OSError as error:
        return f"{path} cannot be written: {error.strerror or error}."
    return ""


def exists() -> bool:
    """Whether anything is in the file, readable or not."""
    path = settings.progress_file()
    return path.exists() and path.stat().st_size > 0


def read() -> Lines:
    """Read the file; one that is not there has no lines.

    Raises:
        BadInput: It cannot be read.
    """
    return read_lines(_content(settings.progress_file()))


def forget(lab: str | None) -> None:
    """Take all lines of a lab out of the file, or all lines there are where it is None.

    The file is replaced as a whole: whatever happens, the old one or the new one is there.

    Raises:
        BadInput: It cannot be written.
    """
    path = settings.progress_file()
    if not path.exists():
        return
    with settings.writing(path, "NODEBYNODE_HOME"), _locked(path):
        _replace(path, b"" if lab is None else without(_content(path), lab))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise BadInput(
            f"Your progress in {path} cannot be read: {error.strerror}.",
            "Give yourself the rights to read it, or move it away to begin anew.",
        ) from error


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Open the file to append, for us alone."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            with suppress(OSError):  # some file systems have no locks; one write is one line there
                fcntl.flock(file, fcntl.LOCK_EX)
            if _is_still_at(file, path):
                yield file
                return
        finally:
            os.close(file)


def _is_still_at(file: int, path: Path) -> bool:
    """Whether a file was not replaced while we waited for its lock."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o600)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
