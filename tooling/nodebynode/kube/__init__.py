"""Talking to the API server: the only room whose code imports the `kubernetes` client."""

from nodebynode.kube.api import Api, Json
from nodebynode.kube.kinds import Kind
from nodebynode.kube.kubectl import Kubectl

__all__ = ["Api", "Json", "Kind", "Kubectl"]
