"""Waiting until what was done a moment ago has been taken up, by controllers and by the recording.

A command returns when the API server has stored what it asks for. The controller that acts on it,
and the watch that records it, come some ten milliseconds later: longer than it takes to run the
next cell.
"""

from __future__ import annotations

import time

from nodebynode.course.look import uid_of
from nodebynode.kube import Api, Feed, Json, Kind

_SECONDS = 2.0
_EVERY = 0.1
_KINDS = (
    Kind.DEPLOYMENT,
    Kind.REPLICA_SET,
    Kind.POD,
    Kind.SERVICE,
    Kind.ENDPOINT_SLICE,
    Kind.BUDGET,
)


def catch_up(api: Api, feed: Feed, namespace: str) -> None:
    """Wait until a feed has heard all that is in a namespace now, and controllers have seen it.

    It takes two seconds at most; where something always changes, that is as good as it gets.
    """
    deadline = time.monotonic() + _SECONDS
    while not _is_up_to_date(api, feed, namespace) and time.monotonic() < deadline:
        time.sleep(_EVERY)


def _is_up_to_date(api: Api, feed: Feed, namespace: str) -> bool:
    there = {uid_of(one): one for kind in _KINDS for one in api.list(kind, namespace)}
    told = feed.snapshot()
    heard = {
        uid_of(one): _version(one)
        for kind in _KINDS
        for one in told.get(kind.plural, ())
        if one["metadata"].get("namespace") == namespace
    }
    return there.keys() == heard.keys() and all(
        _version(one) <= heard[uid] and _is_taken_up(one) for uid, one in there.items()
    )


def _is_taken_up(obj: Json) -> bool:
    """Whether the controller has seen an object's newest form, where its status tells.

    A Pod that leaves a dead node has a form that its kubelet never sees.
    """
    seen = (obj.get("status") or {}).get("observedGeneration")
    if seen is None or "deletionTimestamp" in obj["metadata"]:
        return True
    return int(seen) >= int(obj["metadata"].get("generation", 0))


def _version(obj: Json) -> int:
    """Resource versions of one API server can be compared as numbers (KEP-5504)."""
    return int(obj["metadata"]["resourceVersion"])
