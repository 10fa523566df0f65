"""The `nodebynode` command: clusters, labs, and the tools that go with them.

Exit codes: 0 done; 1 the work ran and did not succeed (a lab failed); 2 the request could not be
carried out, with one message that says what was seen and what to do.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import webbrowser
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from nodebynode import cli_progress, cli_recording, cli_running, settings
from nodebynode.bench.figures import Figures
from nodebynode.cli_options import AsJson, ClusterName, ProviderName
from nodebynode.cluster import Cluster, ClusterStatus, open_cluster
from nodebynode.course import jupyter, notebooks
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


def main() -> None:
    """Run the command line; our own errors become a message and exit code 2."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app(prog_name="nodebynode")
    except NodebynodeError as error:
        _err.print(f"nodebynode: {error}", style="bold", markup=False, soft_wrap=True)
        sys.exit(2)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    """Treat SIGTERM like Ctrl-C, so that what is half-made is removed."""
    raise KeyboardInterrupt


def _cluster(name: str | None, provider: str | None = None, *, tell: bool = False) -> Cluster:
    return open_cluster(name, ConsoleReporter(_err), provider=provider, tell=tell)


@app.command()
def up(cluster: ClusterName = None, provider: ProviderName = None) -> None:
    """Create the training cluster, or wake it; twice is as good as once."""
    training = _cluster(cluster, provider, tell=True)
    training.start()
    _out.print(f"Cluster '{training.name}' is up: four nodes are Ready.")


@app.command()
def down(
    cluster: ClusterName = None,
    purge: Annotated[
        bool, typer.Option(help="Remove what an embedded cluster keeps, too.")
    ] = False,
) -> None:
    """End the training cluster; of an embedded one, what is stored is kept for the next `up`."""
    training = _cluster(cluster)
    ended = training.stop(purge=purge)
    if not ended:
        _out.print(f"There is no '{training.name}'.")
    elif training.status().state == "stopped":
        again = settings.command("down --purge", training.name)
        _out.print(f"Cluster '{training.name}' has ended. Its data is kept; `{again}` removes it.")
    else:
        _out.print(f"Cluster '{training.name}' is gone.")


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


class Switch(StrEnum):
    """On or off."""

    ON = "on"
    OFF = "off"


@app.command()
def balancer(state: Switch, cluster: ClusterName = None) -> None:
    """Switch the cloud's load balancer on or off: off, a LoadBalancer stays <pending>."""
    _cluster(cluster).switch_balancer(state is Switch.ON)
    _out.print(f"The load balancer is {state}.")


@app.command()
def status(cluster: ClusterName = None, as_json: AsJson = False) -> None:
    """Show what state the cluster is in; exit code 1 when it is not running."""
    found = _cluster(cluster).status()
    if as_json:
        print(json.dumps(dataclasses.asdict(found), default=str))
    else:
        _show_status(found)
    raise typer.Exit(0 if found.state == "running" else 1)


def _show_status(found: ClusterStatus) -> None:
    version = f", Kubernetes {found.server_version}" if found.server_version else ""
    _out.print(f"Cluster '{found.name}' ({found.provider}{version}) is {found.state}.")
    _out.print(found.explanation, markup=False, soft_wrap=True)
    if found.nodes:
        table = Table("node", "state")
        for name, state in found.nodes.items():
            table.add_row(name, state)
        _out.print(table)


@app.command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,  # or a `--` of kubectl's would be taken for ours
        "help_option_names": [],
    },
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


@app.command()
def learn(
    lab: Annotated[
        str | None, typer.Argument(help="The lab's number or name; the first not finished.")
    ] = None,
    cluster: ClusterName = None,
    provider: ProviderName = None,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Open a lab in JupyterLab, on a cluster that is started when it is not there."""
    root = settings.course_root()
    notebook = jupyter.own_copy(root, notebooks.find_lab(root, cli_progress.lab_to_open(lab)).stem)
    training = _cluster(cluster, provider, tell=True)
    training.start()
    if server := jupyter.running_server(root, training.name):
        _show(jupyter.address_of(server, root, notebook), browser)
        return
    environment = jupyter.server_environment(training.kubectl, training.name)
    with ExitStack() as stack:
        with ConsoleReporter(_err).step("Start JupyterLab"):
            serving = jupyter.serve(root, environment, training.name)
            server, process = stack.enter_context(serving)
        _show(jupyter.address_of(server, root, notebook), browser)
        _out.print("Leave with Ctrl-C. Your answers are kept in my-labs/.")
        try:
            process.wait()
        except KeyboardInterrupt:
            _out.print(
                f"\nJupyterLab ends. Cluster '{training.name}' keeps running; "
                "`nodebynode down` removes it."
            )


def _show(address: str, browser: bool) -> None:
    _out.print(f"Your lab is at {address}", soft_wrap=True)
    if browser:
        webbrowser.open(address)
    jupyter.start_kernel(address)


app.command()(cli_running.run)
app.command()(cli_progress.progress)
app.command()(cli_recording.record)
app.command()(cli_recording.replay)

labs_app = typer.Typer(help="For authors of labs.", no_args_is_help=True)
app.add_typer(labs_app, name="labs")


@labs_app.command()
def derive(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if stale.")] = False,
) -> None:
    """Derive the learners' labs from the solutions."""
    changes = notebooks.derive_all(settings.course_root(), check=check)
    for change in changes:
        _out.print(f"{change.lab.name}: {change.state}")
    if not changes:
        _out.print("Every lab is what its solution says.")
    raise typer.Exit(1 if check and changes else 0)


bench_app = typer.Typer(help="Measurements, side by side in one run.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")


Runs = Annotated[int, typer.Option(help="How often everything is done.", min=1, max=20)]


@bench_app.command("cluster")
def bench_cluster(runs: Runs = 5, as_json: AsJson = False) -> None:
    """Time `up` beside a bare kind cluster, and what a learner waits for."""
    from nodebynode.bench import cluster  # brings a browser along; no other command needs it

    _show_figures(cluster.bench_cluster(runs, say=_say_figure), as_json)


@bench_app.command("view")
def bench_view(runs: Runs = 5, as_json: AsJson = False) -> None:
    """Time pictures from a change of the cluster to the eye, and weigh recordings."""
    from nodebynode.bench import view  # likewise

    _show_figures(view.bench_view(runs, say=_say_figure), as_json)


Minutes = Annotated[float, typer.Option(help="How long nothing changes.", min=0.1, max=60)]
Needles = Annotated[int, typer.Option(help="How often one request is lost.", min=1, max=100)]


@bench_app.command("witness")
def bench_witness(
    runs: Runs = 1, minutes: Minutes = 10, needles: Needles = 20, as_json: AsJson = False
) -> None:
    """Hold what the witness says of lost requests against losses that are planted."""
    from nodebynode.bench import witness  # likewise

    figures = witness.bench_witness(runs, say=_say_figure, minutes=minutes, needles=needles)
    _show_figures(figures, as_json)


def _say_figure(line: str) -> None:
    _err.print(f"  {line}", markup=False)


def _show_figures(figures: Figures, as_json: bool) -> None:
    if as_json:
        print(json.dumps(figures.medians()))
        return
    table = Table("figure", "unit", "runs", "min", "median", "max")
    for row in figures.rows():
        table.add_row(*row)
    _out.print(table)


if __name__ == "__main__":
    main()
