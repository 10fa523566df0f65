"""How a Pod looks. Its state is a glyph, a word and the shape of its edge; colour repeats them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from nodebynode.state import Pod, State, replicasets_of, seconds_left
from nodebynode.view.colours import BLUE, GREY, INK, STATES, VERMILION
from nodebynode.view.metrics import wrap
from nodebynode.view.shapes import GAP, Box, Frame, Row, Stroke, Text, largest, safe_id

_HATCHED = 16
"""Points at the right of a flat place that marks of leaving take."""
BANDS = ("solid", "striped", "long", "fine")
# A band is full, or bars with gaps, in points: so it stays apart without colour.
_STRIPES = {"striped": (4, 3), "long": (11, 4), "fine": (2, 2)}
_SUFFIX = re.compile(r".*-([bcdfghjklmnpqrstvwxz2456789]{5})")
_TROUBLE = re.compile(r"BackOff|Err|Fail|OOM|OutOf|Evicted|ExitCode|Signal|Invalid|Unknown|Cannot")
_FOREMOST = ("failed", "waiting", "unready", "leaving")
LEAST_RANK = len(_FOREMOST)
_HIGH, _LOW = 50, 24
STAND, STAND_LOW = 12, 7
"""Points from a Pod down to its rail, in a high place and in a low one."""


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
    dim = STATES["unready"]
    if pod.terminating:
        leaves, word = STATES["leaving"], "ended" if pod.finished else "leaving"
        return Look("leaving", "✕", word, leaves, Frame(leaves, pen=1.6))
    if pod.phase == "Failed" or (not pod.ready and _TROUBLE.search(pod.reason)):
        return Look("failed", "▲", pod.reason, STATES["failed"], Frame(INK, pen=2, dash="dashed"))
    if pod.phase == "Succeeded":
        return Look("done", "✓", pod.reason, dim, Frame(GREY))
    if pod.ready:
        return Look("ready", "●", "ready", STATES["ready"], Frame(INK, pen=1.4))
    if pod.node is None:
        return Look("waiting", "○", pod.reason, dim, Frame(GREY, pen=1.4, dash="dashed"))
    word = "not ready" if pod.reason == "Running" else pod.reason
    return Look("unready", "◔", word, dim, Frame(INK, pen=1.4, dash="dashed"))


def rank(pod: Pod) -> int:
    """How much a Pod must be seen, the least first; from LEAST_RANK on it may just be counted."""
    kind = look_of(pod).kind
    return _FOREMOST.index(kind) if kind in _FOREMOST else LEAST_RANK


def needs_a_look(pod: Pod) -> bool:
    """Whether a Pod fails, waits, is not ready or leaves."""
    return rank(pod) < LEAST_RANK


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


@dataclass(frozen=True, slots=True)
class Dress:
    """What every Pod of a picture is drawn with.

    `marks` is the band of each ReplicaSet and `traffic` how each Pod is in service (`serving` or
    `finishing`), by UID; `at` is the picture's instant.
    """

    marks: Mapping[str, str]
    traffic: Mapping[str, str]
    at: datetime


def pod_box(pod: Pod, place: tuple[float, float, float, float], dress: Dress) -> Box:
    """A Pod in its place: four lines in a high one, one in a low or a flat one.

    Args:
        pod: The Pod.
        place: x, y, width and height of its place in points.
        dress: What this picture's Pods are drawn with.
    """
    look, height = look_of(pod), place[3]
    served = dress.traffic.get(pod.uid, "")
    box = Box(
        f"pod/{pod.namespace}/{pod.name}",
        f"pod-{safe_id(pod.uid)}",
        f"pod {look.kind} {served}".rstrip(),
        *place,
        frame=look.frame,
        band=dress.marks.get(pod.owner_uid, ""),
        pad=5,
        top=9 if height >= _HIGH else 7 if height >= _LOW else 3,
        tooltip=pod_sentence(pod, dress.at, served),
    )
    strokes = band_of(box)
    if look.kind == "leaving":
        strokes += _hatch(box)
    if served and height >= _LOW:
        strokes += _stand(box, served)
    return replace(box, rows=box.fitting(_says(pod, look, box, dress.at)), strokes=strokes)


def _says(pod: Pod, look: Look, box: Box, at: datetime) -> Iterator[Row]:
    high, name = box.height >= _HIGH, Text(short_name(pod), bold=True)
    glyph = Text(look.glyph, 12 if high else 9, look.ink)
    beside = box.room - glyph.width - GAP
    if box.height < _LOW:
        beside -= _HATCHED if look.kind == "leaving" else 0
        yield Row(14, (glyph, largest(name, beside, (9, 8, 7.5)).within(beside)))
    elif not high:
        both = Text(f"{look.glyph} {name.words}")
        yield Row(16, (largest(both, box.room, (9, 8, 7.5)),))
    else:
        yield Row(19, (glyph, largest(name, beside, (12.5, 11, 10))))
        ready = Text(f"{pod.version} · {pod.ready_containers}/{pod.containers}", 10.5, GREY)
        lines = _status(pod, look, box.room, at)
        restarts = f"{pod.restarts} restart{'s' * (pod.restarts != 1)}" if pod.restarts else ""
        if restarts and len(lines) < 2:
            lines, restarts = [*lines, restarts], ""
        yield Row(14, (ready,), Text(f"↻ {pod.restarts}", 10) if restarts else None)
        yield from (Row(13, (Text(line, 10),)) for line in lines)


def _status(pod: Pod, look: Look, room: float, at: datetime) -> list[str]:
    """Up to two lines: what state it is in, and for how long yet."""
    lines = wrap(re.findall(r"[A-Z]?[^A-Z]+|[A-Z]", look.word), 10, room, lines=2, glue="")
    left = seconds_left(pod, at)
    if look.word == "leaving" and left is not None:
        lines.append(f"within {left} s" if left else "overdue")
    return lines[:2]


def band_of(box: Box) -> tuple[Stroke, ...]:
    """The band at the left of a box: one line, or as many as there is room for."""
    if not box.band:
        return ()
    margin = 6 if box.height >= _LOW else 4
    deep = box.height - 2 * margin
    full, empty = _STRIPES.get(box.band, (deep, 0))
    times = int((deep + empty) // (full + empty))
    x, top = box.x + 7.5, box.y + margin + (deep - times * (full + empty) + empty) / 2
    tops = (top + index * (full + empty) for index in range(times))
    return (Stroke(tuple((x, y, x, y + full) for y in tops)),) if times else ()


def _hatch(box: Box) -> tuple[Stroke, ...]:
    """Slanted marks along the upper edge, or at the right where there is no room above."""
    left = box.x + (13 if box.height >= _LOW else box.width - _HATCHED - 4)
    above, below = (3, 8) if box.height >= _HIGH else (2.5, 6) if box.height >= _LOW else (6, 13)
    slant, step = (below - above) * 0.8, 6
    times = max(1, int((box.right - 8 - slant - left) // step) + 1)
    xs = (left + index * step for index in range(times))
    return (Stroke(tuple((x, box.y + below, x + slant, box.y + above) for x in xs), VERMILION, 2),)


def _stand(box: Box, served: str) -> tuple[Stroke, ...]:
    """The short line that a Pod in service stands on: full, or dotted while it only finishes."""
    x, deep = box.x + box.width / 2, STAND if box.height >= _HIGH else STAND_LOW
    if served == "serving":
        return (Stroke(((x, box.bottom, x, box.bottom + deep),), BLUE, 3),)
    dots = (box.bottom + 1 + index * 4 for index in range(round(deep / 4)))
    return (Stroke(tuple((x, y, x, y + 2) for y in dots), BLUE, 3),)


def pod_sentence(pod: Pod, at: datetime, served: str = "") -> str:
    """A Pod in words, for who points at it."""
    left = seconds_left(pod, at)
    parts = [
        f"Pod {pod.name}",
        f"{pod.version}, {pod.ready_containers}/{pod.containers} containers ready",
        pod.reason if pod.ready or pod.terminating else f"{pod.reason}, not ready",
        f"restarts {pod.restarts}" if pod.restarts else "",
        f"gone within {left} s of {pod.grace} s" if left is not None else "",
        {"serving": "a ready endpoint", "finishing": "finishes its requests"}.get(served, ""),
        f"on {pod.node}" if pod.node else pod.unscheduled or "on no node",
    ]
    return "; ".join(part for part in parts if part)
