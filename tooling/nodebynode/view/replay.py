"""A recording in a notebook: the whole film in the cell's output, with all that plays it.

No kernel is asked for anything, so it plays while a cell runs, after the kernel has gone, and in
an exported notebook. The price is the film's size in the notebook file.
"""

from __future__ import annotations

import html
from collections.abc import Collection
from datetime import datetime

from nodebynode.errors import BadInput
from nodebynode.recording import Recording
from nodebynode.view.film import Film
from nodebynode.view.page import page
from nodebynode.view.picture import Map
from nodebynode.view.traffic import total_words

_CONTROLS = 330
"""Points that the page needs below the picture and around it."""
_TITLE = "What happened, to be played and stepped through"


class Replay:
    """The film of a recording.

    Args:
        recording: What was recorded.
        namespace: Whose objects to show; None shows all.
        modelled: What the cluster only models, in words.
        at: The instant that it opens at; its first where it is None.

    Raises:
        BadInput: The recording holds no instant.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        namespace: str | None = None,
        modelled: Collection[str] = (),
        at: datetime | None = None,
    ) -> None:
        self._at = at
        self._film = Film.of(recording, namespace=namespace, modelled=modelled)
        if not len(self._film):
            raise BadInput("The recording holds no instant.", "Record while something happens.")
        end = recording.state_at(recording.ended)
        self._last = Map(end, namespace=namespace, modelled=modelled)
        self._sent = total_words(
            one for one in recording.loads if namespace in (None, one.namespace)
        )

    def __repr__(self) -> str:
        opens = f" It opens at {self._at:%H:%M:%S}." if self._at else ""
        sent = f" Load: {self._sent}" if self._sent else ""
        return f"{len(self._film)} instants.{opens}{sent} The last: {self._last.title}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Jupyter's hook: the player with its film, and how it ends in words."""
        source = html.escape(page(self._film, _TITLE, at=self._at))
        high = max(frame.size[1] for frame in self._film.frames) + _CONTROLS
        frame = (
            f'<iframe title="{_TITLE}. {html.escape(repr(self))}" srcdoc="{source}" '
            f'style="width:100%;height:{high:.0f}px;border:0" sandbox="allow-scripts"></iframe>'
        )
        return {"text/plain": f"{self!r}\n\n{self._last.text}", "text/html": frame}
