"""The pace of live pictures."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from nodebynode.view.pacing import Pacer, pace


def frames(changes: list[float], pods: int) -> list[float]:
    """When pictures are drawn of changes that come at these times, in seconds."""
    pacer, drawn, free = Pacer(), list[float](), 0.0
    for change in sorted(changes):
        if not drawn or change > drawn[-1]:
            drawn.append(max(change, free))
            free = drawn[-1] + pacer.rest(pace(pods), drawn[-1])
    return drawn


@given(st.lists(st.floats(0, 3), max_size=60), st.sampled_from([12, 200, 1000, 5000]))
def test_no_second_has_more_than_ten_frames(changes: list[float], pods: int) -> None:
    drawn = frames(changes, pods)
    most = {12: 10, 200: 10, 1000: 5, 5000: 3}[pods]
    for start in drawn:
        assert sum(start <= at < start + 1 for at in drawn) <= most


def test_a_storm_is_drawn_at_a_steady_pace() -> None:
    drawn = frames([number / 100 for number in range(300)], 12)
    gaps = [after - before for before, after in pairwise(drawn)]
    assert len(drawn) > 24
    assert max(gaps) < 0.13


def test_what_follows_at_once_is_shown_soon_after_a_quiet_time() -> None:
    first, second, third = frames([1.0, 1.01, 1.05], 12)
    assert first == 1.0
    assert second - first < 0.05
    assert third - first > 0.1
