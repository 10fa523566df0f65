"""Tables as plain text."""

from __future__ import annotations

from collections.abc import Sequence


def in_columns(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells as plain text, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
