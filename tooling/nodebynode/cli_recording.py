"""The commands about recordings: `nodebynode record` and `nodebynode replay`.

What draws and records is loaded by the commands themselves: it would make all others start later.
"""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nodebynode.cli_options import ClusterName
from nodebynode.cluster import open_cluster
from nodebynode.errors import BadInput
from nodebynode.reporting import ConsoleReporter

if TYPE_CHECKING:
    from nodebynode.course.flight import Flight
    from nodebynode.recording import Recording

_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)

Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="One namespace only.", metavar="NAME")
]


def record(
    file: Annotated[Path | None, typer.Argument(help="The recording; made for you.")] = None,
    cluster: ClusterName = None,
) -> None:
    """Record all that happens on the cluster, until Ctrl-C."""
    from nodebynode.course.flight import Flight, new_path

    training = open_cluster(cluster, ConsoleReporter(_err))
    with Flight(training.api, file or new_path(training.name)) as flight:
        _err.print(f"Recording to {flight.path}. End it with Ctrl-C.", markup=False, soft_wrap=True)
        with ConsoleReporter(_err).step("Record") as step:
            _until_ctrl_c(lambda: step.update(_progress(flight)))
    _out.print(f"Recorded: {flight.changes} changes in {flight.path}", soft_wrap=True)


def _until_ctrl_c(each: Callable[[], None] = lambda: None) -> None:
    """Do something twice a second, until Ctrl-C or a SIGTERM."""
    never = threading.Event()
    with suppress(KeyboardInterrupt):
        while not never.wait(0.5):
            each()


def _progress(flight: Flight) -> str:
    lost = f". Out of contact: {flight.feed.problem}" if flight.feed.stale_since else ""
    return f"{flight.changes} changes{lost}"


def replay(
    file: Annotated[Path, typer.Argument(help="A recording.")],
    export: Annotated[
        Path | None,
        typer.Option(
            help="Write it instead: .html is the whole film; "
            ".svg, .png, .pdf, .dot and .txt are one instant.",
            metavar="FILE",
        ),
    ] = None,
    at: Annotated[
        float | None, typer.Option(help="That instant, in seconds since the beginning.")
    ] = None,
    namespace: Namespace = None,
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
) -> None:
    """Play a recording in the browser, without any cluster; or write it to a file."""
    from nodebynode.recording import Recording
    from nodebynode.view.files import write
    from nodebynode.view.film import Film
    from nodebynode.view.page import page, serve

    recording = Recording.read(file)
    if recording.cut:
        _err.print(recording.cut, markup=False, soft_wrap=True)
    if export is not None and export.suffix != ".html":
        _save(recording, export, at, namespace)
        return
    if at is not None:
        raise BadInput(
            "--at goes with a picture, and a film has all instants.",
            "Add --export picture.svg (or .png, .pdf, .dot, .txt).",
        )
    text = page(Film.of(recording, namespace=namespace), f"Recording {file.name}")
    if export is not None:
        write(export, text.encode())
        _out.print(f"Written: {export}", soft_wrap=True)
        return
    with serve(text) as address:
        _out.print(f"The recording is at {address}  (end with Ctrl-C)", soft_wrap=True)
        if browser:
            webbrowser.open(address)
        _until_ctrl_c()


def _save(recording: Recording, export: Path, at: float | None, namespace: str | None) -> None:
    """Write the picture of an instant; of the last one where none is asked for."""
    from nodebynode.view import Map

    when = recording.ended if at is None else _instant(recording, at)
    Map(recording.state_at(when), namespace=namespace).save(export)
    _out.print(f"Written: {export}", soft_wrap=True)


def _instant(recording: Recording, seconds: float) -> datetime:
    length = (recording.ended - recording.began).total_seconds()
    if not 0 <= seconds <= length:
        raise BadInput(
            f"There is no second {seconds:g} in this recording: it has {length:.1f} s.",
            "Give --at a number between.",
        )
    return recording.began + timedelta(seconds=seconds)
