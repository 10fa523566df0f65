"""The page about wrong answers names mutants that exist."""

from __future__ import annotations

import re
from pathlib import Path

from nodebynode.course.labs import mutants_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "wrong-answers.md"
LABS = {one.stem[:2]: one.stem for one in (ROOT / "solutions").glob("[0-9]*.py")}
HEAD = 2


def test_every_row_names_mutants_that_its_lab_has() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("|")][HEAD:]
    named = [re.findall(r"(\d\d) `([a-z-]+)`", row.split("|")[-2]) for row in rows]
    for row, mutants in zip(rows, named, strict=True):
        assert mutants or "no lab of ours" in row, row
        for lab, name in mutants:
            assert name in {one.name for one in mutants_of(LABS[lab])}, (lab, name)
    assert sum(map(len, named)) >= len(rows)
