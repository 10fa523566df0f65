"""Talking to the API server: the only room whose code imports the `kubernetes` client."""

from nodebynode.kube.api import Api, Json
from nodebynode.kube.feed import Feed, Snapshot
from nodebynode.kube.kinds import Kind
from nodebynode.kube.kubectl import Kubectl
from nodebynode.kube.reflector import Change, ChangeType, Reflector

__all__ = [
    "Api",
    "Change",
    "ChangeType",
    "Feed",
    "Json",
    "Kind",
    "Kubectl",
    "Reflector",
    "Snapshot",
]
