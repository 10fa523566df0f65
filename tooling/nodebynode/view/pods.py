"""How a Pod looks. Its state is a glyph, a word and the shape of its edge; colour repeats them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nodebynode.state import Pod, State, replicasets_of, seconds_left
from nodebynode.view.metrics import shorten, text_width, wrap
from nodebynode.view.shapes import (
    BLUE,
    FAINT,
    GAP,
    GREY,
    INK,
    OLIVE,
    VERMILION,
    Box,
    Frame,
    Row,
    Text,
)

BANDS = ("solid", "striped", "long", "fine")
_SUFFIX = re.compile(r".*-([bcdfghjklmnpqrstvwxz2456789]{5})")
_TROUBLE = re.compile(r"BackOff|Err|Fail|OOM|OutOf|Evicted|ExitCode|Signal|Invalid|Unknown|Cannot")


@dataclass(frozen=True, slots=True)
class Look:
    """A Pod's state as it is drawn: its class, glyph, word, and the edge of its box."""

    kind: str
    glyph: str
    word: str
    ink: str
    frame: Frame


def look_of(pod: Pod) -> Look:
    """The one state that a Pod is shown in: leaving comes before failed, failed before unready."""
    if pod.terminating and not pod.finished:
        return Look("leaving", "✕", "leaving", VERMILION, Frame(VERMILION, pen=1.6))
    if pod.phase == "Failed" or (not pod.ready and _TROUBLE.search(pod.reason)):
        return Look("failed", "▲", pod.reason, INK, Frame(INK, pen=2, dash="dashed"))
    if pod.phase == "Succeeded":
        return Look("done", "✓", pod.reason, GREY, Frame(FAINT))
    if pod.ready:
        return Look("ready", "●", "ready", BLUE, Frame(INK, pen=1.4))
    if pod.node is None:
        return Look("waiting", "○", pod.reason, OLIVE, Frame(GREY, pen=1.4, dash="dashed"))
    word = "not ready" if pod.reason == "Running" else pod.reason
    return Look("unready", "◔", word, OLIVE, Frame(INK, pen=1.4, dash="dashed"))


def short_name(pod: Pod) -> str:
    """The random letters that a controller ended the name with, else the whole name."""
    match = _SUFFIX.fullmatch(pod.name)
    return match[1] if match and pod.owner_uid else pod.name


def bands(state: State) -> dict[str, str]:
    """A band for each ReplicaSet, by UID: the pattern that marks its Pods.

    It goes by age within the Deployment, not by revision, because an undo gives an old ReplicaSet
    a new revision and its Pods must not change their look.
    """
    marked = dict.fromkeys((rs.uid for rs in state.replicasets), BANDS[0])
    for deployment in state.deployments:
        owned = replicasets_of(state, deployment)
        aged = sorted(owned, key=lambda rs: (rs.created or state.at, rs.revision))
        marked |= {rs.uid: BANDS[index % len(BANDS)] for index, rs in enumerate(aged)}
    return marked


def pod_box(
    pod: Pod, place: tuple[float, float, float, float], marks: Mapping[str, str], at: datetime
) -> Box:
    """A Pod in its place; a low place gets two lines, a high one four.

    Args:
        pod: The Pod.
        place: x, y, width and height of its place in points.
        marks: The band of each ReplicaSet, by UID.
        at: The instant of the picture.
    """
    look, high = look_of(pod), place[3] >= 50
    box = Box(
        f"pod/{pod.namespace}/{pod.name}",
        f"pod-{pod.uid}",
        f"pod {look.kind}",
        *place,
        frame=look.frame,
        band=marks.get(pod.owner_uid, ""),
        pad=5,
        top=4 if high else 3,
        tooltip=pod_sentence(pod, at),
    )
    glyph = Text(look.glyph, 12 if high else 9, look.ink)
    version = Text(pod.version, 9, GREY)
    if not high:
        name = _largest(short_name(pod), box.room, (9.5, 8.5, 7.5))
        return box.saying(Row(15, (name,)), Row(13, (glyph, version)))
    name = _largest(short_name(pod), box.room - glyph.width - GAP, (12.5, 11, 10))
    ready = Text(f"{pod.version} · {pod.ready_containers}/{pod.containers}", 10.5, GREY)
    status = (Row(13, (Text(line, 10),)) for line in _status(pod, look, box.room, at))
    return box.saying(Row(19, (glyph, name)), Row(14, (ready,)), *status)


def _largest(words: str, room: float, sizes: tuple[float, ...]) -> Text:
    fitting = (size for size in sizes if text_width(words, size, bold=True) <= room)
    size = next(fitting, sizes[-1])
    return Text(shorten(words, size, room, bold=True), size, bold=True)


def _status(pod: Pod, look: Look, room: float, at: datetime) -> list[str]:
    """Up to two lines: what state it is in, and what more there is to say."""
    lines = wrap(re.findall(r"[A-Z]?[^A-Z]+|[A-Z]", look.word), 10, room, lines=2, glue="")
    left = seconds_left(pod, at)
    if look.kind == "leaving" and left is not None:
        lines.append(f"within {left} s" if left else "overdue")
    elif pod.restarts:
        lines.append(f"{pod.restarts} restart{'s' * (pod.restarts != 1)}")
    return lines[:2]


def pod_sentence(pod: Pod, at: datetime) -> str:
    """A Pod in words, for who points at it."""
    left = seconds_left(pod, at)
    parts = [
        f"Pod {pod.name}",
        f"{pod.version}, {pod.ready_containers}/{pod.containers} containers ready",
        pod.reason if pod.ready or pod.terminating else f"{pod.reason}, not ready",
        f"restarts {pod.restarts}" if pod.restarts else "",
        f"gone within {left} s of {pod.grace} s" if left is not None else "",
        f"on {pod.node}" if pod.node else pod.unscheduled or "on no node",
    ]
    return "; ".join(part for part in parts if part)
