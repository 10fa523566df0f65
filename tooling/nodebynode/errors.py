"""What can go wrong, said so that a tired learner knows what to do next.

Every error that a person may meet is a `NodebynodeError` with two parts: what was seen, and what to
do about it. The command line prints both and exits with 2; a notebook prints both without a
traceback. A traceback of ours therefore always means a bug of ours.
"""

from __future__ import annotations

import textwrap

_WIDTH = 92


def in_lines(text: str, indent: int = 0) -> list[str]:
    """Break a text between words; names and commands with hyphens stay whole, to be copied.

    Args:
        text: One paragraph.
        indent: Spaces before every line but the first.
    """
    return textwrap.wrap(text, _WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False)


class NodebynodeError(Exception):
    """Something a person can act on.

    Args:
        seen: What was seen, in one or two sentences that name the thing.
        do: What to do next; empty when the first part says it all.
    """

    def __init__(self, seen: str, do: str = "") -> None:
        super().__init__(seen, do)
        self.seen = seen
        self.do = do

    def __str__(self) -> str:
        return f"{self.seen}\n{self.do}" if self.do else self.seen

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: show the message where a traceback would stand."""
        return [line for text in str(self).splitlines() for line in in_lines(text)]


class BadInput(NodebynodeError):
    """An argument, setting or file that cannot be used as it is."""


class MissingTool(NodebynodeError):
    """A program that is needed could not be found, installed or run."""


class ClusterError(NodebynodeError):
    """The cluster, or the Docker below it, is not in the state that the call needs."""


class ApiError(NodebynodeError):
    """The API server refused a request, or did not answer.

    Args:
        seen: The server's own message.
        do: What to do next.
        status: The HTTP status code; 0 when there was no answer.
        reason: The machine-readable reason of the Status object, e.g. `NotFound`.
    """

    def __init__(self, seen: str, do: str = "", *, status: int = 0, reason: str = "") -> None:
        super().__init__(seen, do)
        self.status = status
        self.reason = reason
