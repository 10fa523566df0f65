"""The parts of a film's frames: texts under numbers, each told once and as little as possible."""

from __future__ import annotations

from collections.abc import Collection, Iterable


class Parts:
    """Distinct texts, each under a number that is never given to another.

    A text belongs to something that is followed from frame to frame, a group of the picture or a
    table's row, and is told as its difference from what that looked like before.
    """

    def __init__(self) -> None:
        self.next = 0
        self._parts: dict[int, tuple[str, str]] = {}  # of what, and its text
        self._numbers: dict[tuple[str, str], int] = {}
        self._latest: dict[str, int] = {}

    def number(self, part: tuple[str, str]) -> int:
        """The number of a text, which may be new."""
        found = self._numbers.get(part)
        if found is None:
            found = self._numbers[part] = self.next
            self._parts[found] = part
            self.next += 1
        return found

    def since(self, number: int) -> dict[str, object]:
        """The texts from a number on, for whoever has all before."""
        return self._told(range(number, self.next), self._latest)

    def all(self) -> dict[str, object]:
        """All texts, for whoever has none."""
        return self._told(self._parts, {})

    def keep(self, used: Collection[int]) -> list[int]:
        """Let all other texts go; returns their numbers."""
        gone = [number for number in self._parts if number not in used]
        for number in gone:
            of, _ = part = self._parts.pop(number)
            del self._numbers[part]
            if self._latest.get(of) == number:
                del self._latest[of]
        return gone

    @property
    def letters(self) -> int:
        """How long all texts are together."""
        return sum(len(text) for _, text in self._parts.values())

    def _told(self, numbers: Iterable[int], known: dict[str, int]) -> dict[str, object]:
        """Texts by number; `known` has the last text of each thing, and gets those told here."""
        told = dict[str, object]()
        for number in numbers:
            of, text = self._parts[number]
            base = known.get(of)
            old = "" if base is None else self._parts[base][1]
            told[str(number)] = text if base is None else _shortened(text, base, old)
            known[of] = number
        return told


def _shortened(text: str, number: int, old: str) -> object:
    """A text as `[number of an older one, letters of its start, what is new, letters of its end]`.

    JavaScript counts some letters twice; a text that has any is told whole.
    """
    if max(text + old, default="") > "\uffff":
        return text
    head = _alike(text, old)
    tail = _alike(text[head:][::-1], old[head:][::-1])
    return [number, head, text[head : len(text) - tail], tail]


def _alike(one: str, other: str) -> int:
    """How many letters two texts have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
