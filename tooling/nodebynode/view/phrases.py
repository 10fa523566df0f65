"""Turns of phrase about nodes and budgets that pictures, tables and sentences share."""

from __future__ import annotations

from nodebynode.state import Budget, Node


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
