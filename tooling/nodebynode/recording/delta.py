"""What turns one object into the next, as small as it can be told in JSON.

It is a JSON merge patch (RFC 7396) with another rule for lists, because an EndpointSlice of fifty
endpoints changes one of them at a time. A list is told as a row of runs of the list before it,
`[start, stop]`; of changed items of it, `[place, patch]`; and of new items. A new item that is
itself a list stands in a list of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile

from nodebynode.state.status import Json


def difference(old: Json, new: Json) -> Json:
    """The patch that turns `old` into `new`; empty when they are the same.

    Args:
        old: An object without nulls: in a patch, null takes a key away.
        new: Likewise.
    """
    patch: dict[str, object] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old or old[key] != value:
            patch[key] = _told(old.get(key), value)
    return patch


def patched(old: Json, patch: Json) -> Json:
    """The object that a patch of `difference` makes of `old`, which stays as it is."""
    new = dict(old)
    for key, part in patch.items():
        if part is None:
            new.pop(key, None)
        else:
            new[key] = _made(old.get(key), part)
    return new


def _told(old: object, new: object) -> object:
    if isinstance(new, Mapping):
        return difference(old if isinstance(old, Mapping) else {}, new)
    if isinstance(new, list):
        return _row(old if isinstance(old, list) else [], new)
    return new


def _made(old: object, part: object) -> object:
    if isinstance(part, Mapping):
        return patched(old if isinstance(old, Mapping) else {}, part)
    if not isinstance(part, list):
        return part
    before = old if isinstance(old, list) else []
    new: list[object] = []
    for piece in part:
        match piece:
            case [int(start), int(stop)]:
                new += before[start:stop]
            case [int(place), Mapping() as changed]:
                new.append(_made(before[place], changed))
            case [item] | item:
                new.append(_made(None, item))
    return new


def _row(old: Sequence[object], new: Sequence[object]) -> list[object]:
    """The pieces of a new list; most lists differ in one place from the old one."""
    head = _alike(zip(old, new, strict=False))
    tail = _alike(zip(reversed(old[head:]), reversed(new[head:]), strict=False))
    rest = len(old) - tail
    places = {_text(old[place]): place for place in reversed(range(head, rest))}
    row = _Row(head)
    for item in new[head : len(new) - tail]:
        place = places.get(_text(item))
        if place is None:
            row.add(_item(old, min(row.stop, len(old) - 1), item))
        else:
            row.run(place, place + 1)
    row.run(rest, len(old))
    return row.pieces


def _alike(pairs: Iterable[tuple[object, object]]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


class _Row:
    """Pieces of a list; `stop` is the place in the old list that comes next, if all goes on."""

    def __init__(self, head: int) -> None:
        self.pieces: list[object] = []
        self.stop = 0
        self._run: list[int] | None = None
        self.run(0, head)

    def run(self, start: int, stop: int) -> None:
        if start == stop:
            return
        if self._run and self._run[1] == start:
            self._run[1] = stop
        else:
            self._run = [start, stop]
            self.pieces.append(self._run)
        self.stop = stop

    def add(self, piece: object) -> None:
        self.pieces.append(piece)
        self._run = None
        self.stop += 1


def _item(old: Sequence[object], place: int, new: object) -> object:
    """An item that is not in the old list: told as a change of one there, where that is shorter."""
    told = _told(None, new)
    if isinstance(told, list):
        return [told]
    if place >= 0 and isinstance(new, Mapping) and isinstance(before := old[place], Mapping):
        changed = [place, difference(before, new)]
        if len(_text(changed)) < len(_text(told)):
            return changed
    return told


def _text(item: object) -> str:
    return json.dumps(item, sort_keys=True)
