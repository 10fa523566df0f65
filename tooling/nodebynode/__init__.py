"""nodebynode: learn Kubernetes Deployments, node by node, on a real cluster that you can watch."""

from nodebynode.course.lab import Lab

__all__ = ["Lab"]
