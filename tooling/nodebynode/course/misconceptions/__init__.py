"""What many believe of Kubernetes and is not so: each with what shows it, and an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from nodebynode.course.misconceptions import (
    drains,
    failures,
    limits,
    objects,
    pinning,
    revisions,
    rollouts,
    scale_down,
    scheduling,
    traffic,
)
from nodebynode.course.misconceptions.misconception import Detected, Misconception, detected
from nodebynode.course.predictions import Comparison
from nodebynode.errors import BadInput
from nodebynode.recording.rules import Story

CATALOGUE = {
    one.key: one
    for one in (
        *objects.MISCONCEPTIONS,
        *rollouts.MISCONCEPTIONS,
        *limits.MISCONCEPTIONS,
        *revisions.MISCONCEPTIONS,
        *scale_down.MISCONCEPTIONS,
        *scheduling.MISCONCEPTIONS,
        *drains.MISCONCEPTIONS,
        *failures.MISCONCEPTIONS,
        *pinning.MISCONCEPTIONS,
        *traffic.MISCONCEPTIONS,
    )
}


def find(key: str) -> Misconception:
    """Return the misconception of a key.

    Raises:
        BadInput: There is none.
    """
    if (found := CATALOGUE.get(key)) is not None:
        return found
    near = get_close_matches(key, CATALOGUE, n=1)
    guess = f"Did you mean '{near[0]}'? " if near else ""
    raise BadInput(f"There is no experiment '{key}'.", f"{guess}There are {', '.join(CATALOGUE)}.")


def detect(rows: Sequence[Comparison], story: Story) -> list[Detected]:
    """Find the beliefs behind answers that missed, and behind what was done."""
    return detected(CATALOGUE, rows, story)


__all__ = ["CATALOGUE", "Detected", "Misconception", "detect", "find"]
