"""Which cells a wrong answer is run with."""

from __future__ import annotations

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nodebynode.course.mutants import Mutant, mutate

WRONG = Mutant("wrong", "a belief", "two", "wrong()", "not so")


def cell(source: str, *tags: str) -> NotebookNode:
    return new_code_cell(source, metadata={"tags": list(tags)})


def lab() -> NotebookNode:
    return new_notebook(
        cells=[
            cell("lab = Lab()"),
            new_markdown_cell("## Round 1 · One"),
            cell("prepare()", "setup"),
            cell("one()", "exercise"),
            cell('lab.check("one")', "check"),
            new_markdown_cell("## Round 2 · Two"),
            cell("look()"),
            cell("slow()", "aside"),
            cell("right()", "exercise"),
            cell('lab.check("two")', "check"),
            cell("after()"),
        ]
    )


def test_a_wrong_answer_runs_in_its_own_round_from_a_prepared_start() -> None:
    sources = [one.source for one in mutate(lab(), WRONG).cells]
    round_ = ["## Round 2 · Two", "look()", "wrong()", 'lab.check("two")']
    assert sources == ["lab = Lab()", "prepare()", *round_]


def test_a_wrong_answer_needs_an_exercise_and_its_check() -> None:
    solved = lab()
    solved.cells = [one for one in solved.cells if one.source != "right()"]
    with pytest.raises(ValueError, match="no exercise before the check two"):
        mutate(solved, WRONG)
    solved.cells = solved.cells[:-2]
    with pytest.raises(ValueError, match="the lab has no check two"):
        mutate(solved, WRONG)
