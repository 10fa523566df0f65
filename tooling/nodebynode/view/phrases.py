"""Small turns of phrase that pictures, tables and sentences share."""

from __future__ import annotations

from collections.abc import Sequence

from nodebynode.state import Budget, Node


def count(number: int, noun: str) -> str:
    """`1 Pod`, `2 Pods`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b, c and 4 more`."""
    shown = [*names[:3], *([f"{len(names) - 3} more"] if len(names) > 3 else [])]
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def cores(millicores: int) -> str:
    """CPU in cores without needless zeros: 250 is `0.25`."""
    return f"{millicores / 1000:.3f}".rstrip("0").rstrip(".")


def node_status(node: Node) -> str:
    """`Ready`, or `NotReady` and whether its kubelet says so or has gone silent."""
    said = {"True": "Ready", "False": "NotReady", "Unknown": "NotReady (silent)"}
    return said.get(node.ready, node.ready)


def budget_left(budget: Budget) -> str:
    """What a budget still allows: `1 more may leave`, or `none may leave`."""
    return f"{budget.allowed or 'none'}{' more' * bool(budget.allowed)} may leave"
