"""The pictures are what they were: small SVG files that show a change line by line.

`pytest tests/unit/test_view_golden.py --renew-golden` writes them anew; then look at each one
that has changed, in a browser, before it goes in.
"""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest
from nodebynode.recording import Recording
from nodebynode.view import to_svg

from tests.unit.instants import scenes, seen_on_kind

FOLDER = Path(__file__).parent / "golden"
SCENES = dict((*scenes(), *seen_on_kind()))


@pytest.mark.parametrize("name", SCENES)
def test_the_picture_is_what_it_was(name: str, request: pytest.FixtureRequest) -> None:
    file, drawn = FOLDER / f"{name}.svg", to_svg(SCENES[name])
    if request.config.getoption("--renew-golden"):
        FOLDER.mkdir(exist_ok=True)
        file.write_text(drawn, encoding="utf-8")
    kept = file.read_text(encoding="utf-8") if file.exists() else ""
    changed = difflib.unified_diff(kept.splitlines(), drawn.splitlines(), "kept", "drawn", n=0)
    difference = "\n".join(line[:300] for line in changed)
    assert not difference, f"{name} looks different now; --renew-golden keeps it.\n{difference}"


def test_a_rollout_on_kind_went_the_way_that_is_told() -> None:
    recording = Recording.read(FOLDER.parent / "recordings" / "kind-rollout.jsonl.gz")
    assert recording.steps("shop", "lab").pairs == "3/0 3/1 2/1 2/2 1/2 1/3 0/3"


def test_no_picture_is_kept_that_is_not_drawn() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == set(SCENES)


def test_the_pictures_of_a_rollout_differ_only_where_it_changes() -> None:
    """Groups are lines, so that a difference can be read."""
    old, new = (to_svg(SCENES[name]).splitlines() for name in ("rollout-2-3-1", "rollout-3-2-1"))
    changed = [line for line in difflib.ndiff(old, new) if line.startswith("+ <g")]
    assert 0 < len(changed) < 10
