"""Notebooks that must fail, each for its own reason, and notebooks that must pass."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from nodebynode.course.running import run_notebook
from nodebynode.errors import NodebynodeError

NOT_YET = '''# %%
class NotYet(Exception):
    """What the course's checks raise."""

    def _render_traceback_(self):
        return [f"\\x1b[31m{self}\\x1b[0m"]

'''
CHECK = '# %% tags=["check"]\n'


@dataclass(frozen=True)
class Case:
    text: str
    outcomes: tuple[str, ...]
    says: str = ""
    mode: str = "solution"


FAILING = {
    "a kernel that dies": Case(
        "# %%\nimport os\nos.write(2, b'last words')\nos._exit(7)\n\n# %%\n1",
        ("failed", "not-run"),
        "the kernel died while it ran the cell (exit status 7): last words",
    ),
    "an unknown magic": Case(
        "# %%\n# %no_such_magic", ("failed",), "UsageError: Line magic function `%no_such_magic`"
    ),
    "a %%bash cell that fails": Case(
        '# %% language="bash"\n# echo because >&2\n# exit 3',
        ("failed",),
        "CalledProcessError: the command returned non-zero exit status 3: because",
    ),
    "a %%bash cell whose first line fails": Case(
        '# %% language="bash"\n# false\n# true', ("failed",), "non-zero exit status 1"
    ),
    "a program that is missing": Case(
        "# %%\n# %%script no-such-program\n# x", ("failed",), "Couldn't find program"
    ),
    "a cell after a failure": Case(
        "# %%\n1 / 0\n\n# %%\nopen('ran', 'w')\n\n# %%\n3",
        ("failed", "not-run", "not-run"),
        "ZeroDivisionError: division by zero",
    ),
    "a check that passes in the unsolved lab": Case(
        CHECK + "True",
        ("failed",),
        "the check passed; in the unsolved lab it must say NotYet",
        mode="start",
    ),
    "a check that fails otherwise in the unsolved lab": Case(
        CHECK + "undefined",
        ("failed",),
        "the check failed with NameError: name 'undefined' is not defined; in the unsolved",
        mode="start",
    ),
    "NotYet outside a check": Case(
        NOT_YET + "raise NotYet('early')", ("failed",), "NotYet: early", mode="start"
    ),
    "NotYet in the solution": Case(
        NOT_YET + CHECK + "raise NotYet('2 of 3 are ready')",
        ("passed", "failed"),
        "NotYet: 2 of 3 are ready",
    ),
    "a cell that takes too long": Case(
        "# %%\nimport time\ntime.sleep(60)", ("failed",), "longer than 2 s, the limit of a cell"
    ),
    "a cell that swallows its interruption": Case(
        "# %%\nimport time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    pass",
        ("failed",),
        "longer than 2 s, the limit of a cell, and was interrupted",
    ),
    "the tag raises-exception": Case(
        '# %% tags=["raises-exception"]\n1 / 0',
        ("failed",),
        "raises-exception would hide a failure",
    ),
    "a comment that skips": Case("# %%\n# NBVAL_SKIP\n1 / 0", ("failed",), "nbval-skip would hide"),
    "an exception in a thread": Case(
        "# %%\nimport threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()",
        ("failed",),
        "in the background: Exception in thread",
    ),
    "an exception after the last cell": Case(
        "# %%\nimport atexit\natexit.register(lambda: 1 / 0)",
        ("passed",),
        "after the last cell: in the background: Exception ignored in atexit",
    ),
    "a cell that quits": Case("# %%\nquit()", ("failed",), "exit: the cell ends the kernel"),
}

PASSING = {
    "a solution": Case(
        '# %%\nx = 1\n\n# %% language="bash"\n# echo only a note >&2\n\n'
        '# %% tags=["exercise"]\nx = 2\n\n' + CHECK + "assert x == 2\n\n# %%\n",
        ("passed",) * 5,
    ),
    "an unsolved lab": Case(
        f"{NOT_YET}{CHECK}raise NotYet('change x')\n\n# %%\nx = 1\n\n{CHECK}raise NotYet('y too')",
        ("passed", "not-yet", "passed", "not-yet"),
        "change x",
        mode="start",
    ),
    "a lively cell": Case(
        "# %%\nfrom IPython.display import display\nfor i in range(1500):\n    display(i)",
        ("passed",),
    ),
}


@pytest.fixture(scope="module")
def results(request, notebook):
    """Runs the cases of the chosen tests, two at a time."""
    chosen = [
        item.callspec.params["name"]
        for item in request.session.items
        if item.path == request.path and hasattr(item, "callspec")
    ]
    with ThreadPoolExecutor(2) as pool:
        yield {
            name: pool.submit(
                run_notebook,
                notebook(case.text),
                name,
                mode=case.mode,
                env={},
                cell_timeout=2 if "longer" in case.says else 30,
            )
            for name, case in {**FAILING, **PASSING}.items()
            if name in chosen
        }


@pytest.mark.parametrize("name", FAILING)
def test_must_fail(results, name):
    case, result = FAILING[name], results[name].result()

    assert not result.passed
    assert tuple(cell.outcome for cell in result.cells) == case.outcomes
    said = result.problem or next(c.message for c in result.cells if c.outcome == "failed")
    assert case.says in said
    assert "\x1b" not in said


@pytest.mark.parametrize("name", PASSING)
def test_must_pass(results, name):
    case, result = PASSING[name], results[name].result()

    assert result.passed, result
    assert result.problem == ""
    assert tuple(cell.outcome for cell in result.cells) == case.outcomes
    assert case.says in "".join(cell.message for cell in result.cells)


def test_a_notebook_without_code_is_refused(notebook):
    with pytest.raises(NodebynodeError, match="has no code cells: nothing would be tested"):
        run_notebook(notebook("# %% [markdown]\n# text"), "prose", mode="start", env={})
