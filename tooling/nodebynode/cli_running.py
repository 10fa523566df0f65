"""The command that runs labs without a browser: `nodebynode run`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nodebynode import settings
from nodebynode.cli_options import AsJson, ClusterName, ProviderName
from nodebynode.cluster import Cluster, open_cluster
from nodebynode.course import mutants, notebooks
from nodebynode.course.labs import mutants_of
from nodebynode.course.mutants import Mutant
from nodebynode.course.running import CellResult, Mode, RunResult, run_notebook
from nodebynode.errors import BadInput
from nodebynode.reporting import ConsoleReporter

if TYPE_CHECKING:
    from nbformat import NotebookNode

_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)
_MUTANT = "mutant:"


def run(
    labs: Annotated[list[str], typer.Argument(help="Numbers or names of labs, or `all`.")],
    run_as: Annotated[
        str,
        typer.Option(
            "--as",
            help="solution: all must pass. start: every check must say not yet. mutants, or "
            "mutant:NAME: each wrong answer must be caught, in the right words.",
            metavar="HOW",
        ),
    ] = "solution",
    cluster: ClusterName = None,
    provider: ProviderName = None,
    as_json: AsJson = False,
) -> None:
    """Run labs from their first cell to their last, without a browser."""
    root = settings.course_root()
    every = labs == ["all"]
    found = (
        notebooks.all_solutions(root) if every else [notebooks.find_lab(root, lab) for lab in labs]
    )
    planned = [(solution, how) for solution in found for how in _plan(solution, run_as)]
    reporter = ConsoleReporter(_err)
    training = open_cluster(cluster, reporter, provider=provider, tell=not as_json)
    training.start()
    results = [_run_one(training, *one, quiet=as_json) for one in planned]
    if as_json:
        print(json.dumps([dataclasses.asdict(result) for result in results]))
    raise typer.Exit(0 if all(result.passed for result in results) else 1)


def _plan(solution: Path, run_as: str) -> list[Mode | Mutant]:
    """As what to run a lab, one after the other.

    Raises:
        BadInput: `run_as` is none of the ways, or the lab has no such mutant.
    """
    match run_as:
        case "solution" | "start":
            return [run_as]
        case "mutants":
            return [*mutants.choose(mutants_of(solution.stem), solution.stem, None)]
    if run_as.startswith(_MUTANT):
        name = run_as.removeprefix(_MUTANT)
        return [*mutants.choose(mutants_of(solution.stem), solution.stem, name)]
    raise BadInput(
        f"A lab cannot be run as '{run_as}'.", "Use solution, start, mutants, or mutant:NAME."
    )


def _run_one(training: Cluster, solution: Path, how: Mode | Mutant, *, quiet: bool) -> RunResult:
    name = how if isinstance(how, str) else f"{_MUTANT}{how.name}"
    if not quiet:
        _out.print(f"[bold]{solution.stem}[/] as {name}")
    try:
        result = run_notebook(
            _notebook(solution, how),
            solution.stem,
            mode=how if isinstance(how, str) else "start",
            env={"NODEBYNODE_CLUSTER": training.name},
            on_cell=None if quiet else _print_cell,
        )
    finally:
        training.reset()
    if isinstance(how, Mutant):
        result = mutants.judge(solution.stem, how, result)
    if not quiet:
        _print_result(result)
    return result


def _notebook(solution: Path, how: Mode | Mutant) -> NotebookNode:
    if isinstance(how, Mutant):
        return mutants.mutate(notebooks.derive_solved(solution), how)
    derive = notebooks.derive_solved if how == "solution" else notebooks.derive_lab
    return derive(solution)


def _print_result(result: RunResult) -> None:
    outcome = "[green]passed[/]" if result.passed else "[red]failed[/]"
    _out.print(f"  {outcome}: {len(result.cells)} cells, {result.seconds:.1f} s")
    if result.problem:
        _out.print(f"  {result.problem}", markup=False, soft_wrap=True)


def _print_cell(cell: CellResult) -> None:
    marks = {"passed": "✓", "not-yet": "…", "failed": "✗", "not-run": "-"}
    line = f"  {marks[cell.outcome]} {cell.outcome:8} {cell.seconds:6.1f} s  {cell.first_line}"
    _out.print(line, markup=False, no_wrap=True, overflow="ellipsis")
    if cell.outcome == "failed":
        _out.print(f"      {cell.message}", markup=False, soft_wrap=True)
