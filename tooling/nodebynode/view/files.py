"""Files that a person asked for: a picture, a page."""

from __future__ import annotations

from pathlib import Path

from nodebynode.errors import BadInput


def write(file: Path, data: bytes) -> None:
    """Write a file.

    Raises:
        BadInput: It cannot be written.
    """
    try:
        file.write_bytes(data)
    except OSError as error:
        raise BadInput(
            f"{file} cannot be written: {error.strerror}.", "Choose another folder or name."
        ) from error
