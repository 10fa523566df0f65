"""The `nodebynode` command: clusters, labs, and the tools that go with them.

Exit codes: 0 done; 1 the work ran and did not succeed (a lab failed); 2 the request could not be
carried out, with one message that says what was seen and what to do.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from nodebynode.cluster import Cluster, ClusterStatus, open_cluster
from nodebynode.errors import NodebynodeError
from nodebynode.reporting import ConsoleReporter

app = typer.Typer(
    help="Learn Kubernetes, node by node, on a real cluster.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)

ClusterName = Annotated[
    str | None, typer.Option("--cluster", "-c", help="The cluster's name.", metavar="NAME")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main() -> None:
    """Run the command line; our own errors become a message and exit code 2."""
    try:
        app()
    except NodebynodeError as error:
        _err.print(f"nodebynode: {error}", style="bold", markup=False, soft_wrap=True)
        sys.exit(2)


def _cluster(name: str | None) -> Cluster:
    return open_cluster(name, ConsoleReporter(_err))


@app.command()
def up(cluster: ClusterName = None) -> None:
    """Create the training cluster, or wake it; twice is as good as once."""
    training = _cluster(cluster)
    training.start()
    _out.print(f"Cluster '{training.name}' is up: four nodes are Ready.")


@app.command()
def down(cluster: ClusterName = None) -> None:
    """Remove the training cluster and everything on it."""
    training = _cluster(cluster)
    removed = training.stop()
    _out.print(
        f"Cluster '{training.name}' is gone." if removed else f"There is no '{training.name}'."
    )


@app.command()
def reset(cluster: ClusterName = None) -> None:
    """Put the cluster back as it was made, without making it anew."""
    training = _cluster(cluster)
    reporter = ConsoleReporter(_err)
    with reporter.step(f"Put '{training.name}' back"):
        undone = training.reset()
    for sentence in undone:
        reporter.note(f"undone: {sentence}")
    if not undone:
        reporter.note("There was nothing to undo.")


@app.command()
def status(cluster: ClusterName = None, as_json: AsJson = False) -> None:
    """Show what state the cluster is in; exit code 1 when it is not running."""
    found = _cluster(cluster).status()
    if as_json:
        print(json.dumps(dataclasses.asdict(found), default=str))
    else:
        _out.print(_status_table(found))
    raise typer.Exit(0 if found.state == "running" else 1)


def _status_table(found: ClusterStatus) -> Table:
    table = Table(
        title=f"{found.name} ({found.provider}): {found.state}",
        caption=found.explanation,
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("node")
    table.add_column("state")
    for name, state in found.nodes.items():
        table.add_row(name, state)
    return table


@app.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def kubectl(args: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Run kubectl on the training cluster, with its own kubeconfig."""
    tool = _cluster(None).kubectl
    os.execve(tool.program, ["kubectl", *(args or [])], tool.environment())  # noqa: S606


@app.command()
def shell(cluster: ClusterName = None) -> None:
    """Open a shell in which `kubectl` talks to the training cluster."""
    tool = _cluster(cluster).kubectl
    program = os.environ.get("SHELL") or "/bin/sh"
    _err.print("kubectl talks to the training cluster here; leave with `exit`.")
    os.execve(program, [Path(program).name], tool.environment())  # noqa: S606
