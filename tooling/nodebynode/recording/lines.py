"""The lines of a recording, version 2: what is written of each change, and how it is read again.

A recording is JSON lines. The first is the header (`versions.py`); `t` is in milliseconds since
the beginning and never goes back. Objects are as `slim` leaves them (`…`), patches as `difference`
makes them (`~`), and each object has a number: 1 for the first that is added, and so on.

    {"t": 0, "there": [{"new": "pods", "object": …}, …]}  what was there before any change
    {"t": 150, "new": "pods", "object": …}                added
    {"t": 155, "like": 7, "patch": ~}                     added: as object 7 was, but for a patch
    {"t": 163, "id": 8, "patch": ~}                       modified; no patch where nothing shows it
    {"t": 950, "gone": 8, "patch": ~}                     deleted, likewise
    {"t": 960, "frame": [[~, [1, 5], 9], …]}              key frame, every 200 changes
    {"t": 970, "mark": "action", "text": "kubectl cordon worker2"}
    {"t": 980, "traffic": "shop", …}                      what became of a load (`traffic.py`)
    {"t": 990, "end": true}                               nothing is missing

In strings `#8` is the UID of object 8 and `@8` its name; `##` and `@@` are the signs themselves.
A key frame tells what has changed of each object since the key frame before, or since it was added:
patches, and behind each the numbers, or first and last of a run, that it is the same for. Who reads
only these, and what is added and gone, knows each two hundredth instant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple, cast

from nodebynode.recording.delta import difference, patched
from nodebynode.recording.slim import PLURALS, slim
from nodebynode.state.status import Json

_FRAME_EVERY = 200
_MOST_MODELS = 100
"""Kinds of objects that new ones are likened to, before that begins anew: owners come and go."""
_SIGNS = {"uid": "#", "name": "@"}
_REF = re.compile(r"#(?:#|[0-9]+)|@(?:@|[0-9]+)")
_WORD = re.compile(r"[a-z0-9][a-z0-9.-]{8,}")
"""What may be a UID, or a name long enough that its number is shorter."""
Line = dict[str, object]


@dataclass(slots=True)
class _Held:
    """A living object: as it was in the last key frame, or was added since, and as it is."""

    number: int
    base: Json
    last: Json


class Encoder:
    """Turns changes into lines. Of each living object it holds two states, and nothing older."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._models: dict[tuple[object, ...], tuple[int, Json]] = {}
        self._refs: dict[str, str] = {}
        self._numbers = 0
        self._since_frame = 0

    def there(self, objects: Mapping[str, Sequence[Json]]) -> Line:
        """The line of what was there at the beginning."""
        there = [
            self._add(plural, slim(plural, obj))
            for plural in PLURALS
            for obj in objects.get(plural, ())
        ]
        return {"t": 0, "there": there}

    def change(self, t: int, plural: str, type_: str, obj: Json) -> Iterator[Line]:
        """Yield the line of a change, and a key frame where one is due.

        Nothing comes of the end of an object that was never told, or of a kind that no State has.
        """
        if plural not in PLURALS:
            return
        new, known = slim(plural, obj), self._held.get(obj["metadata"]["uid"])
        if type_ == "DELETED" and known is None:
            return
        if known is None:
            yield {"t": t, **self._add(plural, new)}
        else:
            patch = self._short(difference(known.last, new))
            number = {"gone" if type_ == "DELETED" else "id": known.number}
            yield {"t": t, **number, **({"patch": patch} if patch else {})}
            known.last = new if patch else known.last
            if type_ == "DELETED":
                self._drop(known)
        self._since_frame += 1
        if self._since_frame == _FRAME_EVERY:
            self._since_frame = 0
            yield {"t": t, "frame": self._frame()}

    def _add(self, plural: str, new: Json) -> Line:
        """Hold an object, and return how it is told."""
        self._numbers += 1
        number, model = self._model(plural, new)
        if number == self._numbers:
            told: Line = {"new": plural, "object": self._short(new)}
        else:
            told = {"like": number, "patch": self._short(difference(model, new))}
        self._held[new["metadata"]["uid"]] = _Held(self._numbers, new, new)
        for key, sign in _SIGNS.items():
            if text := new["metadata"].get(key):
                self._refs[text] = f"{sign}{self._numbers}"
        return told

    def _model(self, plural: str, new: Json) -> tuple[int, Json]:
        """The first object of the same kind and owner, or reason; the new one, where it is that."""
        owner: Json = next(iter(new["metadata"].get("ownerReferences") or ()), {})
        if len(self._models) == _MOST_MODELS:
            self._models.clear()
        traits = (plural, owner.get("uid"), new.get("reason"))
        return self._models.setdefault(traits, (self._numbers, new))

    def _drop(self, held: _Held) -> None:
        meta = held.last["metadata"]
        del self._held[meta["uid"]]
        for key, sign in _SIGNS.items():
            if self._refs.get(meta.get(key)) == f"{sign}{held.number}":
                del self._refs[meta[key]]

    def _frame(self) -> list[object]:
        alike: dict[str, tuple[object, list[int]]] = {}
        for one in self._held.values():
            if one.base is not one.last and (patch := difference(one.base, one.last)):
                alike.setdefault(json.dumps(patch), (self._short(patch), []))[1].append(one.number)
            one.base = one.last
        return [[patch, *_runs(numbers)] for patch, numbers in alike.values()]

    def _short(self, value: object) -> object:
        """The value with the UIDs and names of living objects as their numbers."""
        if isinstance(value, str):
            escaped = value.replace("#", "##").replace("@", "@@")
            return _WORD.sub(lambda word: self._refs.get(word[0], word[0]), escaped)
        if isinstance(value, Mapping):
            return {key: self._short(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self._short(part) for part in value]
        return value


def _runs(numbers: Iterable[int]) -> Iterator[int | list[int]]:
    """Rising numbers, with first and last instead of a run of them."""
    for _, pairs in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        run = [number for _, number in pairs]
        yield [run[0], run[-1]] if len(run) > 1 else run[0]


class Object(NamedTuple):
    """An object of a recording, as slim as it is kept."""

    plural: str
    json: Json

    @property
    def uid(self) -> str:
        """Its UID."""
        return str(self.json["metadata"]["uid"])


class Told(NamedTuple):
    """What a line tells of an object; `shows` is whether a State differs after it."""

    type: str
    object: Object
    shows: bool


class Decoder:
    """Reads lines in their order, and knows after each what is there."""

    def __init__(self) -> None:
        self._first: dict[int, Object] = {}
        self._base: dict[int, Object] = {}  # as of the last key frame
        self._now: dict[int, Object] = {}

    @property
    def objects(self) -> dict[str, Object]:
        """What is there, by UID."""
        return {one.uid: one for one in self._now.values()}

    def take(self, line: Json) -> Told | None:
        """Read a line about objects; None where it tells no change.

        Raises:
            LookupError, TypeError, ValueError, AttributeError: The line makes no sense here.
        """
        if "there" in line:
            for one in line["there"]:
                self._add(one)
        elif "frame" in line:
            self._compare(line)
        elif "new" in line or "like" in line:
            return Told("ADDED", self._add(line), True)
        elif "gone" in line:
            gone = self._now.pop(line["gone"])
            del self._base[line["gone"]]
            return Told("DELETED", self._patched(gone, line.get("patch", {})), True)
        else:
            changed = self._patched(self._now[line["id"]], line.get("patch", {}))
            self._now[line["id"]] = changed
            return Told("MODIFIED", changed, "patch" in line)
        return None

    def _add(self, line: Json) -> Object:
        number = len(self._first) + 1
        if "like" in line:
            added = self._patched(self._first[line["like"]], line["patch"])
        else:
            added = Object(line["new"], cast("Json", self._long(line["object"])))
        if not (added.plural in PLURALS and added.uid):
            raise ValueError(added)
        self._first[number] = self._base[number] = self._now[number] = added
        return added

    def _patched(self, old: Object, patch: object) -> Object:
        return Object(old.plural, patched(old.json, cast("Json", self._long(patch))))

    def _compare(self, line: Json) -> None:
        """Hold a key frame against what the lines before it add up to."""
        for patch, *runs in line["frame"]:
            for run in runs:
                first, last = run if isinstance(run, list) else (run, run)
                for number in range(first, last + 1):
                    self._base[number] = self._patched(self._base[number], patch)
        if self._base != self._now:
            raise ValueError("a key frame differs")
        self._base = dict(self._now)

    def _long(self, value: object) -> object:
        if isinstance(value, str):
            return _REF.sub(self._meant, value)
        if isinstance(value, Mapping):
            return {key: self._long(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self._long(part) for part in value]
        return value

    def _meant(self, ref: re.Match[str]) -> str:
        sign, number = ref[0][0], ref[0][1:]
        if number == sign:
            return sign
        return str(self._first[int(number)].json["metadata"]["uid" if sign == "#" else "name"])
