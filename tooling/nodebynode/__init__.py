"""nodebynode: learn Kubernetes Deployments, node by node, on a real cluster that you can watch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nodebynode.course.lab import Lab

__all__ = ["Lab"]


def __getattr__(name: str) -> object:
    # Only now: small processes of ours import this package for a module or two.
    if name == "Lab":
        from nodebynode.course.lab import Lab

        return Lab
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
