"""A recording that is still being written, looked at again and again."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from nodebynode.errors import BadInput
from nodebynode.recording import Growing, Mark, RecordedLoad, Recording
from nodebynode.state import State

WHOLE = Path(__file__).parent / "recordings" / "kind-rollout.jsonl.gz"
All = tuple[
    datetime, Sequence[Mark], Sequence[RecordedLoad], list[tuple[datetime, State]], list[State]
]


def all_of(recording: Recording) -> All:
    """All that a recording tells, but for what is missing at its end."""
    states = list(recording.states())
    sought = [recording.state_at(at) for at in recording.instants[:: len(states) // 20 or 1]]
    return recording.ended, recording.marks, recording.loads, states, sought


def begun(folder: Path, steps: int) -> tuple[Path, bytes, list[int]]:
    """Write the beginning of a file; returns it, all its data, and ends of lines to stop at."""
    data, path = gzip.decompress(WHOLE.read_bytes()), folder / "growing.jsonl"
    head = data.index(b"\n", data.index(b"\n") + 1) + 1
    path.write_bytes(data[:head])
    near = (head + (len(data) - head - 1) * step // steps for step in range(1, steps + 1))
    return path, data, [data.index(b"\n", place) + 1 for place in near]


def grow(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_it_tells_what_reading_it_anew_would_tell(tmp_path: Path) -> None:
    path, data, stops = begun(tmp_path, 23)
    growing, here = Growing(path), path.stat().st_size
    for stop in stops:
        grow(path, data[here:stop])
        here = stop
        found, read = growing.so_far(), Recording.read(path)
        assert all_of(found) == all_of(read)
        assert bool(found.cut) == bool(read.cut) == (stop < len(data))


def test_what_came_later_is_not_in_an_earlier_look(tmp_path: Path) -> None:
    path, data, (half, end) = begun(tmp_path, 2)
    grow(path, data[path.stat().st_size : half])
    growing = Growing(path)
    earlier = growing.so_far()
    before = all_of(Recording.read(path))
    grow(path, data[half:end])
    later = growing.so_far()
    assert len(list(later.states())) > len(before[3])
    assert all_of(earlier) == before


def test_half_a_line_is_read_when_its_end_has_come(tmp_path: Path) -> None:
    path, data, _ = begun(tmp_path, 1)
    growing, here = Growing(path), path.stat().st_size
    seen = all_of(growing.so_far())
    end = data.index(b"\n", here)
    grow(path, data[here : end - 5])
    assert all_of(growing.so_far()) == seen
    grow(path, data[end - 5 : end + 1])
    assert all_of(growing.so_far()) == all_of(Recording.read(path)) != seen


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path, _, _ = begun(tmp_path, 1)
    growing = Growing(path)
    growing.so_far()
    grow(path, b'{"t": 1, "id": 999}\n')
    with pytest.raises(BadInput, match=r"growing.jsonl is damaged in line 3\."):
        growing.so_far()


@pytest.mark.parametrize("text", [b"", b'{"recording": "no'])
def test_a_file_without_a_whole_first_line_is_no_recording(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "growing.jsonl"
    path.write_bytes(text)
    with pytest.raises(BadInput, match="is no recording of nodebynode"):
        Growing(path).so_far()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere.jsonl cannot be read"):
        Growing(tmp_path / "nowhere.jsonl").so_far()
