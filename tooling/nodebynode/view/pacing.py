"""How often a live picture may be drawn: often enough to follow, and not so often as to flicker."""

from __future__ import annotations


def pace(pods: int) -> float:
    """Seconds from one live frame to the next, as a rule; a large picture costs more to show.

    A `Pacer` of this pace shows 10 frames in any second at most, and fewer of a large picture.
    """
    return 0.112 if pods <= 200 else 0.28 if pods <= 1000 else 0.55


class Pacer:
    """Says how long to rest after a frame.

    One change is often followed by another that belongs to it: a node is cordoned, and a moment
    later tainted. So after a quiet time a second frame may follow the first soon.
    """

    _SOON = 0.3
    """The part of the pace that lies between two frames at least."""

    def __init__(self) -> None:
        self._paid = 0.0  # when, by the monotonic clock, all frames so far have had their pace

    def rest(self, pace: float, now: float) -> float:
        """Seconds to wait after a frame.

        Args:
            pace: Seconds from one frame to the next, as a rule.
            now: When the frame was done, in seconds of a clock that is not set.
        """
        self._paid = max(self._paid, now) + pace
        return max(self._SOON * pace, self._paid - pace - now)
