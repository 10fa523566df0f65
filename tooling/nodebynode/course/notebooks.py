"""One hand-written source for a lab, so that the lab and its solution cannot drift apart.

`solutions/NN-topic.py` (Jupytext py:percent) is what authors write. The learner's notebook
`labs/NN-topic.ipynb` and the solved notebook that the tests run are both derived from it. Whatever
could carry a solution into the learner's notebook by accident (a misspelt marker, a tag or an
option that Jupytext drops in silence) is an error here, and every error of a file is told at once.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nodebynode.course.labserver import skip_slow_grammar
from nodebynode.errors import BadInput

if TYPE_CHECKING:  # nbformat, jupytext and IPython take long to import, and few commands need them
    from nbformat import NotebookNode

_BEGIN = re.compile(r"^(?P<indent>[ \t]*)### BEGIN SOLUTION(?: (?P<stub>.*\S))?[ \t]*$")
_END = re.compile(r"^[ \t]*### END SOLUTION[ \t]*$")
_MARKER_WORDS = re.compile(r"#.*\b(begin|end)[\W_]*solutions?\b", re.IGNORECASE)
_MARKERS = ("beginsolution", "endsolution")

_LAB_NAME = re.compile(r"^\d\d-[a-z0-9]+(-[a-z0-9]+)*$")
_CELL_HEADER = re.compile(r"^# %%(?: |$)")
_HEADING = re.compile(r"^#{1,6} +(.*\S)")
_FENCE = re.compile(r"^ *(```|~~~).*?^ *\1", re.DOTALL | re.MULTILINE)

_OPTIONS = {"tags", "editable", "deletable", "jupyter", "slideshow"}
_ROLES = ("solution", "exercise", "check", "predict", "setup", "aside")
_HIDES_FAILURES = {"raises-exception", "nbval-skip", "nbval-raises-exception"}
_PYTHON_BODY = re.compile(r"^%%(capture|time|timeit|prun)\b[^\n]*\n")
_UNCHECKED_COMMAND = re.compile(
    r"get_ipython\(\)\.(system|getoutput)\("
    r"|get_ipython\(\)\.run_(line|cell)_magic\('(sx|system|!)'"
    r"|get_ipython\(\)\.run_line_magic\('\w+', '!"
)

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


@dataclass(frozen=True, slots=True)
class LabChange:
    """A lab that is not what its solution says.

    Attributes:
        lab: The notebook in `labs/`.
        state: `stale` (its text differs), `missing`, or `orphaned` (it has no solution).
    """

    lab: Path
    state: Literal["stale", "missing", "orphaned"]


@dataclass(slots=True)
class _Split:
    """A cell's source, as the learner gets it and as it was solved."""

    lab: list[str] = field(default_factory=list)
    solved: list[str] = field(default_factory=list)
    regions: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)  # the line, the rule it breaks


class _Places:
    """Names a cell, or a line in it, by its line in the .py file.

    Jupytext keeps no line numbers, so they are looked up: the n-th cell begins at the n-th `# %%`.
    Where the two counts differ (such a line within a string), only the cell's number is named.
    """

    def __init__(self, solution: Path, text: str, cells: int) -> None:
        self._name = f"{solution.parent.name}/{solution.name}"
        self._lines = text.splitlines()
        starts = [n for n, line in enumerate(self._lines, 1) if _CELL_HEADER.match(line)]
        if len(starts) == cells - 1:
            starts.insert(0, 1)  # text before the first `# %%` is a cell too
        self._starts = starts if len(starts) == cells else []

    def name(self, index: int, line: str = "") -> str:
        """Returns e.g. `solutions/01-x.py:17, cell 3`; `line` is a line of that cell."""
        if not self._starts:
            return f"{self._name}, cell {index + 1}"
        start = self._starts[index]
        wanted = line.strip()
        later = enumerate(self._lines[start - 1 :], start)
        number = next((n for n, text in later if wanted and wanted in text), start)
        return f"{self._name}:{number}, cell {index + 1}"


def derive_lab(solution: Path) -> NotebookNode:
    """Derives the learner's notebook: solution regions become stubs, `solution` cells are dropped.

    Args:
        solution: A `solutions/NN-topic.py`.

    Returns:
        A valid notebook without outputs, with stable cell ids.

    Raises:
        BadInput: The file cannot be read, or breaks rules; each is named with its cell and line.
    """
    return _derive(solution, solved=False)


def derive_solved(solution: Path) -> NotebookNode:
    """Derives the solved notebook: markers removed, solutions kept, ids as in the lab.

    Args:
        solution: A `solutions/NN-topic.py`.

    Returns:
        A valid notebook without outputs.

    Raises:
        BadInput: The file cannot be read, or breaks rules; each is named with its cell and line.
    """
    return _derive(solution, solved=True)


def derive_all(root: Path, check: bool = False) -> list[LabChange]:
    """Brings `labs/` up to date with `solutions/`.

    Orphaned labs are reported and never deleted: one may be somebody's own notebook.

    Args:
        root: The folder that holds `solutions/` and `labs/`.
        check: Write nothing; only say what would change.

    Returns:
        What was written (or would be), and what is orphaned, in name order.

    Raises:
        BadInput: A solution has a bad name or breaks rules; nothing is written then.
    """
    texts = {
        root / "labs" / f"{solution.stem}.ipynb": notebook_text(derive_lab(solution))
        for solution in all_solutions(root)
    }
    changes = [LabChange(lab, "orphaned") for lab in (root / "labs").glob("*.ipynb")]
    changes = [change for change in changes if change.lab not in texts]
    for lab, text in texts.items():
        if not lab.exists():
            changes.append(LabChange(lab, "missing"))
        elif lab.read_bytes() != text.encode():
            changes.append(LabChange(lab, "stale"))
        else:
            continue
        if not check:
            lab.parent.mkdir(exist_ok=True)
            lab.write_bytes(text.encode())
    return sorted(changes, key=lambda change: change.lab.name)


def find_lab(root: Path, name: str) -> Path:
    """Finds a lab's solution by what a person types: `1`, `01`, `01-what-runs-where`.

    Args:
        root: The folder that holds `solutions/`.
        name: The lab's number, topic, name, or file name.

    Returns:
        The path of `solutions/NN-topic.py`.

    Raises:
        BadInput: No lab has that name; the message lists the labs and the nearest one.
    """
    solutions = all_solutions(root)
    wanted = name.strip().removesuffix(".ipynb").removesuffix(".py").lower()
    for solution in solutions:
        number, topic = solution.stem[:2], solution.stem[3:]
        if wanted in (solution.stem, topic) or (wanted and wanted.zfill(2) == number):
            return solution
    if not solutions:
        raise BadInput(f"There are no labs in {root / 'solutions'}.")
    names = [solution.stem for solution in solutions]
    near = get_close_matches(wanted, names, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise BadInput(f"There is no lab {name!r}.", f"{hint}The labs are: {', '.join(names)}.")


def notebook_text(notebook: NotebookNode) -> str:
    """Returns the notebook as the text of an .ipynb file: sorted keys, one trailing newline."""
    import nbformat

    text: str = nbformat.writes(notebook, version=4)
    return text.rstrip("\n") + "\n"


def all_solutions(root: Path) -> list[Path]:
    """Every lab's solution, in order; raises BadInput where one has a name that is no lab's."""
    found = sorted((root / "solutions").glob("*.py"))
    wrong = [path.name for path in found if not _LAB_NAME.match(path.stem)]
    if wrong:
        raise BadInput(
            f"solutions/ holds {', '.join(wrong)}, which is no lab's name.",
            "A solution is named NN-topic.py, e.g. 01-what-runs-where.py.",
        )
    return found


def _derive(solution: Path, *, solved: bool) -> NotebookNode:
    text, cells = _read(solution)
    splits = [_split(cell) for cell in cells]
    problems = list(_problems(cells, splits, _Places(solution, text, len(cells))))
    if problems:
        raise BadInput("\n".join(problems))
    derived = []
    for cell, split, name in zip(cells, splits, _ids(cells), strict=True):
        if not solved and "solution" in _tags(cell):
            continue
        # Made anew, and not from the cell that was read: no outputs and no leftovers of Jupytext.
        metadata = {key: value for key, value in cell.metadata.items() if key in _OPTIONS}
        source = "\n".join(split.solved if solved else split.lab)
        fresh = {"cell_type": cell.cell_type, "id": name, "metadata": metadata, "source": source}
        derived.append(
            {**fresh, "outputs": [], "execution_count": None} if cell.cell_type == "code" else fresh
        )
    import nbformat

    content = {"cells": derived, "metadata": _METADATA, "nbformat": 4, "nbformat_minor": 5}
    nbformat.validate(content)
    notebook: NotebookNode = nbformat.from_dict(content)
    return notebook


def _read(solution: Path) -> tuple[str, list[NotebookNode]]:
    skip_slow_grammar()
    import jupytext
    from nbformat import ValidationError

    try:
        text = solution.read_text(encoding="utf-8")
        return text, list(jupytext.reads(text, fmt="py:percent").cells)
    except (OSError, ValueError) as error:
        raise BadInput(f"{solution} cannot be read: {error}") from error
    except ValidationError as error:
        raise BadInput(f"{solution} has a cell with bad options: {error.message}.") from error


def _split(cell: NotebookNode) -> _Split:
    split = _Split()
    bash = cell.source.startswith("%%bash")
    opened, inside = "", 0
    for line in cell.source.split("\n"):
        if begin := _BEGIN.match(line):
            if opened:
                split.problems.append((line, f"opens within the region {opened.strip()!r}"))
            opened, inside = line, 0
            split.regions += 1
            stub = begin["stub"] or ("# your command here" if bash else "...  # your code here")
            split.lab.append(begin["indent"] + stub.strip())
        elif _END.match(line):
            if not opened:
                split.problems.append((line, "closes a solution region that was not opened"))
            elif not inside:
                split.problems.append((opened, "opens a solution region that holds nothing"))
            opened = ""
        elif _is_near_marker(line, code=cell.cell_type == "code"):
            rule = f"is not a marker, but looks like one: {line.strip()!r}"
            split.problems.append((line, f"{rule} (### BEGIN SOLUTION [stub], ### END SOLUTION)"))
        else:
            inside += bool(line.strip())
            split.solved.append(line)
            if not opened:
                split.lab.append(line)
    if opened:
        split.problems.append((opened, "opens a solution region that is never closed"))
    return split


def _is_near_marker(line: str, *, code: bool) -> bool:
    """Whether a line that is no marker was meant as one.

    In code, a comment that begins with ### is reserved for markers, so that even a badly misspelt
    one is seen. Elsewhere the words are compared, with room for two slips.
    """
    if code and line.lstrip().startswith("###"):
        return True
    if "#" not in line:
        return False
    if _MARKER_WORDS.search(line):
        return True
    letters = re.sub(r"[^a-z]", "", line[line.index("#") :].lower())
    return any(
        SequenceMatcher(None, letters[: len(marker)], marker).ratio() > 0.8 for marker in _MARKERS
    )


def _problems(cells: list[NotebookNode], splits: list[_Split], places: _Places) -> Iterator[str]:
    """Yields each broken rule with its place."""
    for index, (cell, split) in enumerate(zip(cells, splits, strict=True)):
        for line, rule in split.problems:
            yield f"{places.name(index, line)}: {rule}"
        for rule in [*_option_rules(cell), *_role_rules(cell, split)]:
            yield f"{places.name(index)}: {rule}"
        if cell.cell_type == "code" and _runs_unchecked_command(cell.source):
            yield f"{places.name(index)}: runs a !command, whose failure passes; use %%bash"
    yield from _unchecked_exercises(cells, places)


def _option_rules(cell: NotebookNode) -> Iterator[str]:
    unknown = [key for key in sorted(set(cell.metadata) - _OPTIONS) if key[:9] != "lines_to_"]
    if unknown:
        said = ", ".join(repr(key) for key in unknown)
        yield f'options after # %% that mean nothing here: {said}; write e.g. tags=["check"]'
    for tag in _tags(cell):
        if tag in _HIDES_FAILURES:
            yield f"tag {tag!r} would hide a failure; use try/except in the cell"
        near = get_close_matches(tag.lower(), _ROLES, n=1, cutoff=0.75)
        if near and tag not in _ROLES:
            yield f"tag {tag!r} looks like {near[0]!r}"


def _role_rules(cell: NotebookNode, split: _Split) -> Iterator[str]:
    roles = _tags(cell) & {"solution", "exercise", "check"}
    if len(roles) > 1:
        yield f"a cell is only one of: {', '.join(sorted(roles))}"
    if "exercise" in roles and not split.regions and not split.problems:
        yield "an exercise needs a solution region"
    if split.regions and not _tags(cell) & {"exercise", "predict"}:
        yield "a solution region may only stand in a cell tagged 'exercise' or 'predict'"
    if roles & {"exercise", "check"} and cell.cell_type != "code":
        yield "an exercise or a check must be a code cell"


def _runs_unchecked_command(source: str) -> bool:
    """Whether IPython would run a command and pass whatever its exit status.

    IPython's own transformer decides, so a `!` in a string or in a %%bash cell is left alone.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    body = _PYTHON_BODY.sub("", source)
    transformed = TransformerManager().transform_cell(body)  # type: ignore[no-untyped-call]
    return bool(_UNCHECKED_COMMAND.search(transformed))


def _unchecked_exercises(cells: list[NotebookNode], places: _Places) -> Iterator[str]:
    waiting: int | None = None
    for index, cell in enumerate(cells):
        if waiting is not None and "exercise" in _tags(cell):
            yield f"{places.name(waiting)}: an exercise needs a 'check' cell before the next one"
        if "exercise" in _tags(cell):
            waiting = index
        elif "check" in _tags(cell):
            waiting = None
    if waiting is not None:
        yield f"{places.name(waiting)}: an exercise needs a 'check' cell after it"


def _tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def _ids(cells: list[NotebookNode]) -> list[str]:
    """Names each cell by the heading above it, its role, and its place among those.

    Ids tie a learner's saved notebook, a diff and a report to a cell, so they should outlive edits.
    A hash of the text changes with every typo; an index shifts all that follows an insertion; ids
    matched with the previous lab would make the lab depend on more than its source. Here editing
    any text but a heading changes no id, and an insertion shifts only later cells of the same role
    in the same section. `solution` cells count on their own, so lab and solved notebook agree.
    """
    sections: Counter[str] = Counter()
    section, members, names = "start", Counter[str](), []
    for cell in cells:
        if cell.cell_type == "markdown" and (heading := _heading(cell.source)):
            section, members = _slug(heading), Counter[str]()
            sections[section] += 1
            if sections[section] > 1:
                section = f"{section}_{sections[section]}"  # a slug holds no "_": no clash
        kind = {"code": "code", "markdown": "text"}.get(cell.cell_type, "raw")
        role = next((role for role in _ROLES if role in _tags(cell)), kind)
        members[role] += 1
        names.append(f"{section}_{role}-{members[role]}")
    return names


def _heading(source: str) -> str:
    lines = _FENCE.sub("", source).splitlines()
    return next((match[1] for line in lines if (match := _HEADING.match(line))), "")


def _slug(heading: str) -> str:
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:40].strip("-") or "section"
