"""Small turns of phrase that all who write sentences share."""

from __future__ import annotations

from collections.abc import Sequence


def count(number: int, noun: str) -> str:
    """`1 Pod`, `2 Pods`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: Sequence[str], most: int = 3) -> str:
    """`a`, `a and b`, `a, b, c and 4 more`.

    Args:
        names: What to list.
        most: How many are named.
    """
    rest = len(names) - most
    shown = [*names[:most], *([f"{rest} more"] if rest > 0 else [])]
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def agreed(names: Sequence[str], one: str, many: str) -> str:
    """`none is`, `a is`, `a and b are`: names, and the verb for so many.

    Args:
        names: Of what it is said.
        one: The verb of one thing.
        many: The verb of several.
    """
    return f"{listed(names) or 'none'} {one if len(names) < 2 else many}"
