"""What a lesson says of itself, in the front matter above its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nodebynode.errors import BadInput

_FENCE = "---\n"
_FIELDS = ("title", "lab", "minutes", "questions", "objectives", "key_points")
_MINUTES = ("reading", "doing")


@dataclass(frozen=True, slots=True)
class Lesson:
    """The front matter of a lesson.

    Attributes:
        path: Its file.
        title: Its title, which is its lab's, too.
        lab: The whole name of its lab.
        reading: Minutes that it takes to read.
        doing: Minutes that its lab takes.
        questions: What it answers.
        objectives: What a learner can do afterwards.
        key_points: What to remember.
    """

    path: Path
    title: str
    lab: str
    reading: int
    doing: int
    questions: tuple[str, ...]
    objectives: tuple[str, ...]
    key_points: tuple[str, ...]

    @property
    def number(self) -> str:
        """The lab's number, as it is typed: `01`."""
        return self.lab[:2]


def read_lesson(root: Path, lab: str) -> Lesson:
    """Read the front matter of a lab's lesson.

    Args:
        root: The folder that holds `lessons/`.
        lab: The lab's whole name.

    Raises:
        BadInput: There is no such lesson, or a field is missing or is not what it has to be.
    """
    path = root / "lessons" / f"{lab}.md"
    matter = _front_matter(path)
    for key in matter.keys() - {*_FIELDS}:
        raise _bad(path, str(key), "no field of a lesson", f"The fields are {', '.join(_FIELDS)}.")
    minutes = _field(path, matter, "minutes")
    if not isinstance(minutes, dict) or set(minutes) != {*_MINUTES}:
        raise _bad(path, "minutes", "not {reading: N, doing: N}", "Write both, as numbers.")
    reading, doing = (_minutes(path, minutes, key) for key in _MINUTES)
    lesson = Lesson(
        path,
        _text(path, matter, "title"),
        _text(path, matter, "lab"),
        reading,
        doing,
        *(_texts(path, matter, key) for key in _FIELDS[3:]),
    )
    if lesson.lab != lab:
        raise _bad(path, "lab", f"{lesson.lab!r}", f"A lesson has its lab's name: write {lab}.")
    return lesson


def _front_matter(path: Path) -> Mapping[Any, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"The lesson {path} cannot be read: {error}.") from error
    fenced = text.removeprefix(_FENCE)
    front, end, _ = fenced.partition(f"\n{_FENCE}")
    if fenced == text or not end:
        raise BadInput(f"{path} has no front matter.", "Begin it with lines between two `---`.")
    try:
        matter = yaml.safe_load(front)
    except yaml.YAMLError as error:
        place = " ".join(str(error).split())
        raise BadInput(f"The front matter of {path} is no YAML: {place}.") from error
    if not isinstance(matter, dict):
        raise BadInput(f"The front matter of {path} has no fields.", f"Write {_FIELDS[0]}: …")
    return matter


def _field(path: Path, matter: Mapping[Any, Any], key: str) -> Any:
    if matter.get(key) is None:
        raise BadInput(f"{path} has no {key}.", f"Add `{key}:` to its front matter.")
    return matter[key]


def _text(path: Path, matter: Mapping[Any, Any], key: str) -> str:
    value = _field(path, matter, key)
    if not isinstance(value, str) or not value.strip():
        raise _bad(path, key, "no text", "Put quotation marks around it.")
    return value.strip()


def _texts(path: Path, matter: Mapping[Any, Any], key: str) -> tuple[str, ...]:
    value = _field(path, matter, key)
    if not isinstance(value, list) or not value:
        raise _bad(path, key, "no list", "Write one line for each, with a dash before it.")
    for one in value:
        if not isinstance(one, str) or not one.strip():
            hint = "Put quotation marks around it: a colon in it makes it something else."
            raise _bad(path, key, f"a list in which {one!r} is no text", hint)
    return tuple(one.strip() for one in value)


def _minutes(path: Path, minutes: Mapping[Any, Any], key: str) -> int:
    value = minutes[key]
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _bad(path, f"minutes.{key}", f"{value!r}", "Write a whole number of minutes.")
    return value


def _bad(path: Path, key: str, seen: str, do: str) -> BadInput:
    return BadInput(f"{path}: {key} is {seen}.", do)
