"""The command `nodebynode progress`: what a learner has done, read from a file of their own."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from nodebynode import settings
from nodebynode.cli_options import AsJson
from nodebynode.course import notebooks
from nodebynode.course.outline import Outline, outline_of, outlines
from nodebynode.course.progress import Progress, file, tally, words
from nodebynode.errors import BadInput

_out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)
_EVERY = "all"


def progress(
    lab: Annotated[str | None, typer.Argument(help="One lab only: its number or name.")] = None,
    as_json: AsJson = False,
    forget: Annotated[
        str | None,
        typer.Option(help="Forget what was done in a lab, or in `all`.", metavar="LAB"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Forget without being asked.")] = False,
) -> None:
    """Show what you have done in the labs. It is kept on this machine only."""
    if forget is not None:
        _refuse_beside_forget(lab, as_json)
        _forget(forget, yes)
        return
    if yes:
        raise BadInput("--yes goes with --forget.", "Say which lab to forget: --forget 01 --yes.")
    if lab is None:
        _show_all(outlines(settings.course_root()), _read(), as_json)
    else:
        _show_one(outline_of(notebooks.find_lab(settings.course_root(), lab)), _read(), as_json)


def lab_to_open(lab: str | None) -> str:
    """Return the lab that `learn` opens: the one that was asked for, or the first not finished."""
    if lab is not None:
        return lab
    every = outlines(settings.course_root())
    if not every:
        raise BadInput(f"There are no labs in {settings.course_root()}.")
    try:
        done = _read()
    except BadInput as error:  # a learner can learn without it
        _err.print(str(error), markup=False, soft_wrap=True)
        done = tally(())
    chosen = words.first_unfinished(every, done)
    if chosen is None:
        last = every[-1]
        _err.print(f"Every lab is finished. This is the last one, {last.lab}.", soft_wrap=True)
        return last.lab
    if chosen is not every[0]:
        _err.print(f"The first lab that is not finished: {chosen.lab}.", soft_wrap=True)
    return chosen.lab


def _read() -> Progress:
    read = file.read()
    if read.trouble:
        _err.print(f"{read.trouble} ({settings.progress_file()})", markup=False, soft_wrap=True)
    return tally(read.events)


def _show_all(every: list[Outline], done: Progress, as_json: bool) -> None:
    if as_json:
        print(json.dumps([words.as_json(one, done.of(one.lab)) for one in every]))
        return
    told = words.overview(every, done)
    table = Table(*told.heads)
    for row in told.rows:
        table.add_row(*row)
    _out.print(table)
    following = words.first_unfinished(every, done)
    if following is None:
        _out.print("Every lab is finished.")
    else:
        standing = words.standing(following, done.of(following.lab))
        _out.print(f"Lab {following.number}: {standing}", markup=False, soft_wrap=True)
        _out.print(f"`nodebynode learn {following.number}` opens it.", soft_wrap=True)


def _show_one(outline: Outline, done: Progress, as_json: bool) -> None:
    found = done.of(outline.lab)
    if as_json:
        print(json.dumps(words.as_json(outline, found)))
    else:
        _out.print(words.whole(outline, found), markup=False, soft_wrap=True)


def _refuse_beside_forget(lab: str | None, as_json: bool) -> None:
    if lab is not None or as_json:
        beside = "--json" if as_json else lab
        raise BadInput(
            f"--forget LAB does nothing but forget, and {beside} stands beside it.",
            f"Leave {beside} away.",
        )


def _forget(which: str, yes: bool) -> None:
    """Take a lab's lines out of the file, or all lines, once that is wanted indeed."""
    every = which == _EVERY
    lab = "" if every else _known_lab(which)
    lines = file.read()
    # Damaged lines and those of a newer version count, too: `all` means what it says.
    if not (file.exists() if every else any(one.lab == lab for one in lines.events)):
        _out.print("There is nothing to forget." if every else f"There is nothing of lab {lab}.")
        return
    what = "your whole progress" if every else f"your progress in lab {lab}"
    if not yes:
        _require_yes(what)
    file.forget(None if every else lab)
    _out.print(f"Forgotten: {what}. Your notebooks in my-labs/ are as they were.", soft_wrap=True)


def _known_lab(which: str) -> str:
    """A lab of the course, or one that only the file still knows."""
    written = {event.lab for event in file.read().events}
    return which if which in written else notebooks.find_lab(settings.course_root(), which).stem


def _require_yes(what: str) -> None:
    if not sys.stdin.isatty():
        raise BadInput(
            f"Nothing was forgotten: nobody is here to be asked about {what}.",
            "Add --yes if you mean it.",
        )
    if not typer.confirm(f"Forget {what}? It cannot be brought back.", err=True):
        _out.print("Nothing was forgotten.")
        raise typer.Exit(0)
