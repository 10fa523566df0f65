"""Whether sizes that were seen lie on an expected path, where some may have been passed unseen.

A watch tells of an object as it is, not of each change on the way: two changes that follow each
other closely can be heard as one. So what was seen may leave out expected pairs, and never adds
one.
"""

from __future__ import annotations

from collections.abc import Sequence

Pair = tuple[int, int]
"""Old and new size: what the ReplicaSets of older revisions want together, and the newest."""


def merges(seen: Sequence[Pair], expected: Sequence[Pair]) -> int | None:
    """Find where sizes that were seen leave an expected path.

    A pair fits when it is the one reached last, since a watch may tell it again, or when it lies
    further on. What lies in between, before the first or behind the last pair seen, counts as
    passed unseen: ask apart whether the ends were reached.

    Args:
        seen: The pairs in the order in which they were heard.
        expected: The pairs in the order in which they should come.

    Returns:
        The index in `seen` of the first pair that cannot be reached by going forward in
        `expected`; None when all fit.
    """
    reached = 0
    for index, pair in enumerate(seen):
        try:
            reached = expected.index(pair, reached)
        except ValueError:
            return index
    return None
