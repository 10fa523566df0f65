"""Sizes that were seen, held against a path on which some may have been passed unseen."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from nodebynode.recording.merging import Pair, merges

THREE = [(3, 0), (3, 1), (2, 1), (2, 2), (1, 2), (1, 3), (0, 3)]
sizes = some.integers(0, 3)
paths = some.lists(some.tuples(sizes, sizes), max_size=8)


@pytest.mark.parametrize(
    ("seen", "leaves_at"),
    [
        (THREE, None),
        ([], None),
        ([(3, 0), (2, 2), (0, 3)], None),
        ([(3, 1), (3, 1), (2, 2)], None),
        ([(3, 0), (2, 0)], 1),
        ([(3, 0), (2, 2), (3, 1)], 2),
        ([(4, 0), *THREE], 0),
    ],
    ids=["all", "nothing", "merged", "told again", "not on the path", "back", "elsewhere"],
)
def test_seen_sizes_may_skip_but_never_leave_the_path_nor_go_back(
    seen: list[Pair], leaves_at: int | None
) -> None:
    assert merges(seen, THREE) == leaves_at


@given(paths, some.data())
def test_whatever_is_left_out_of_a_path_or_told_twice_fits(
    path: list[Pair], data: some.DataObject
) -> None:
    times = data.draw(some.lists(some.integers(0, 2), min_size=len(path), max_size=len(path)))
    seen = [pair for pair, count in zip(path, times, strict=True) for _ in range(count)]
    assert merges(seen, path) is None


@given(paths, paths)
def test_what_comes_before_the_first_misfit_fits_and_longer_does_not(
    seen: list[Pair], path: list[Pair]
) -> None:
    index = merges(seen, path)
    if index is None:
        # Each pair told once at each place on the path where it stood.
        rest = iter(path)
        changes = [pair for i, pair in enumerate(seen) if i == 0 or pair != seen[i - 1]]
        assert all(pair in rest for pair in changes)
    else:
        assert merges(seen[:index], path) is None
        assert merges(seen[: index + 1], path) == index
