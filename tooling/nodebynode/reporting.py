"""How long work tells what it does: a step with a clock, and notes between steps.

The library reports to a `Reporter` and does not know whether a terminal, a log or a notebook
listens.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.status import Status


class Step(Protocol):
    """A piece of work in progress."""

    def update(self, detail: str) -> None:
        """Say what is being done just now."""


class Reporter(Protocol):
    """Receives what long work has to say."""

    def step(self, text: str) -> AbstractContextManager[Step]:
        """Open a step; it ends with its seconds when the context is left without an error."""

    def note(self, text: str) -> None:
        """Say one thing that is no step."""


class Silent:
    """A reporter for tests and for calls that nobody watches."""

    @contextmanager
    def step(self, text: str) -> Iterator[Step]:
        """Accept a step and say nothing."""
        yield self

    def update(self, detail: str) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""


class ConsoleReporter:
    """A reporter for a terminal: a spinner while a step runs, one line when it is done.

    Where the output is no terminal (a log, a notebook) the spinner is left out, and a step that
    takes long says so every ten seconds instead.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)

    def note(self, text: str) -> None:
        """Print one line."""
        self.console.print(f"  {escape(text)}")

    @contextmanager
    def step(self, text: str) -> Iterator[Step]:
        """Show the step's text, its latest detail and its seconds."""
        shown = _ShownStep(self.console, text)
        try:
            with shown:
                yield shown
        except BaseException:
            self.console.print(f"[red]✗[/] {escape(text)} [dim]{shown.seconds:.1f} s[/]")
            raise
        self.console.print(f"[green]✓[/] {escape(text)} [dim]{shown.seconds:.1f} s[/]")


class _ShownStep:
    def __init__(self, console: Console, text: str) -> None:
        self._console = console
        self._text = text
        self._began = time.monotonic()
        self._said = self._began
        self._status: Status | None = console.status(escape(text)) if console.is_terminal else None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def update(self, detail: str) -> None:
        line = f"{escape(self._text)} [dim]{escape(detail)} ({self.seconds:.0f} s)[/]"
        if self._status:
            self._status.update(line)
        elif time.monotonic() - self._said > 10:
            self._said = time.monotonic()
            self._console.print(f"  {line}")

    def __enter__(self) -> _ShownStep:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()
