"""A recording's file: crashes, full disks and strangers cost no more than they must."""

from __future__ import annotations

import errno
import gc
import gzip
import io
import json
import signal
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nodebynode.errors import BadInput
from nodebynode.recording import Recorder, Recording

from .api_objects import BEGAN, Json, Maker
from .rollouts import Rollout

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A recording of three Pods, as it lies unpacked."""
    rollout = Rollout(3)
    path = tmp_path_factory.mktemp("three") / "three.jsonl"
    with Recorder(path, clock=BEGAN.timestamp) as recorder:
        recorder.snapshot(rollout.snapshot())
        for number, one in enumerate(rollout.changes()):
            recorder.change(*one)
            if number % 40 == 0:
                recorder.mark("note", "another forty \N{WHITE HEAVY CHECK MARK}")
    return gzip.decompress(recorder.path.read_bytes())


def told(recording: Recording) -> list[Any]:
    return [(one.at, one.type, one.object) for one in recording.changes]


# ── cut ──────────────────────────────────────────────────────────────────────────────────────


@SHARED
@given(st.data())
def test_cut_anywhere_it_is_read_to_its_last_whole_line(
    tmp_path: Path, whole: bytes, data: st.DataObject
) -> None:
    path, head = tmp_path / "cut.jsonl", whole.index(b"\n")
    path.write_bytes(whole)
    everything = told(Recording.read(path))
    length = data.draw(st.integers(0, len(whole) - 2))
    path.write_bytes(whole[:length])
    if length < head:
        with pytest.raises(BadInput, match="is no recording"):
            Recording.read(path)
        return
    recording = Recording.read(path)
    assert "no end" in recording.cut
    lines = [json.loads(line) for line in whole[: length + 1].split(b"\n")[1:-1]]
    known = sum(bool({"id", "new", "like", "gone"} & line.keys()) for line in lines)
    assert told(recording) == everything[:known]
    assert len(recording.marks) == sum("mark" in line for line in lines)
    assert sum(1 for _ in recording.states()) == len(recording.instants)
    assert recording.state_at(recording.ended).at == recording.ended


@SHARED
@given(st.data())
def test_a_packed_one_is_read_as_far_as_it_can_be_unpacked(
    tmp_path: Path, whole: bytes, data: st.DataObject
) -> None:
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(whole))
    everything, packed = told(Recording.read(path)), path.read_bytes()
    path.write_bytes(packed[: data.draw(st.integers(0, len(packed) - 1))])
    try:
        recording = Recording.read(path)
    except BadInput:
        with pytest.raises(BadInput, match="is no recording"):
            Recording.read(path)
    else:
        assert recording.cut
        assert told(recording) == everything[: len(told(recording))]


def test_a_whole_one_says_nothing_of_a_cut(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "whole.jsonl"
    for end in (len(whole), len(whole) - 1):
        path.write_bytes(whole[:end])
        assert Recording.read(path).cut == ""


def test_one_that_goes_on_can_be_read(tmp_path: Path) -> None:
    make, path = Maker(), tmp_path / "a.jsonl"
    with Recorder(path, clock=BEGAN.timestamp) as recorder:
        for number in range(3):
            recorder.change("nodes", "ADDED", make.node(number), BEGAN.timestamp() + number)
            recording = Recording.read(recorder.path)
            assert len(recording.state_at(recording.ended).nodes) == number + 1
            assert f"first {number}.0 s" in recording.cut


_CRASH = """
import os, signal, sys
from pathlib import Path
from nodebynode.recording import Recorder
from tests.unit.api_objects import BEGAN, Maker
make, recorder = Maker(), Recorder(Path(sys.argv[1]), clock=BEGAN.timestamp)
for number in range(50):
    recorder.change("nodes", "ADDED", make.node(number), BEGAN.timestamp())
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_is_killed_has_written_all_it_was_told(tmp_path: Path) -> None:
    path, root = tmp_path / "a.jsonl", Path(__file__).parents[2]
    died = subprocess.run([sys.executable, "-c", _CRASH, path], cwd=root, timeout=60)
    assert died.returncode == -signal.SIGKILL
    recording = Recording.read(path)
    assert len(list(recording.changes)) == 50
    assert recording.cut


# ── what is no recording ─────────────────────────────────────────────────────────────────────

HEADER = '{"recording":"nodebynode","version":2,"began":"2026-01-02T14:02:07Z"}\n'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"kind: Pod\n",
        b"[1, 2]\n",
        b"{}\n",
        b"\x00\xff\xfe",
        b'{"recording":"other","version":2,"began":"2026-01-02T14:02:07Z"}\n',
        b'{"recording":"nodebynode","version":"x","began":"2026-01-02T14:02:07Z"}\n',
        b'{"recording":"nodebynode","version":0,"began":"2026-01-02T14:02:07Z"}\n',
        b'{"recording":"nodebynode","version":2,"began":"yesterday"}\n',
        b'{"recording":"nodebynode","version":2,"began":null}\n',
        b"[" * 100_000,
        gzip.compress(b"kind: Pod\n", mtime=0),
    ],
)
def test_a_stranger_is_told_from_a_recording(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "strange"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"strange is no recording of nodebynode.*\n.*\.jsonl"):
        Recording.read(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none.jsonl cannot be read: No such file"):
        Recording.read(tmp_path / "none.jsonl")
    with pytest.raises(BadInput, match="cannot be read: Is a directory"):
        Recording.read(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "rubbish",
        "7",
        "{}",
        '{"t": 1}',
        '{"t": 1, "id": 9, "patch": {}}',
        '{"t": 1, "gone": 1}',
        '{"t": 1, "like": 4, "patch": {}}',
        '{"t": 1, "new": "jobs", "object": {"metadata": {"uid": "1"}}}',
        '{"t": 1, "new": "pods", "object": {}}',
        '{"t": 1, "new": "pods", "object": {"metadata": {"uid": "#7"}}}',
        '{"t": 1, "mark": "boast", "text": "x"}',
        '{"t": 1, "frame": [[{}, 3]]}',
        '{"t": 1, "there": [{"new": "pods", "object": {"metadata": [[5, {}]]}}]}',
        '{"t": 1e400, "end": true}',
        '{"t": "soon", "end": true}',
    ],
)
def test_a_damaged_line_is_named_unless_it_is_the_last(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{HEADER}{line}\n{{"t": 5, "end": true}}\n')
    with pytest.raises(BadInput, match=r"a.jsonl is damaged in line 2"):
        Recording.read(path)
    path.write_text(f"{HEADER}{line}\n")
    assert Recording.read(path).cut


def test_a_key_frame_notices_what_was_lost(tmp_path: Path) -> None:
    path, rollout = tmp_path / "a.jsonl", Rollout(9)
    with Recorder(path, clock=BEGAN.timestamp) as recorder:
        recorder.snapshot(rollout.snapshot())
        for one in rollout.changes():
            recorder.change(*one)
    lines = gzip.decompress(recorder.path.read_bytes()).splitlines(keepends=True)
    lost = next(at for at, line in enumerate(lines) if b'"patch":{"spec":{"nodeName"' in line)
    path.write_bytes(b"".join(lines[:lost] + lines[lost + 1 :]))
    with pytest.raises(BadInput, match=r"damaged in line \d+"):
        Recording.read(path)


def test_a_packed_one_that_is_damaged_says_so(tmp_path: Path, whole: bytes) -> None:
    packed = bytearray(gzip.compress(whole))
    packed[20:40] = bytes(20)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(packed)
    with pytest.raises(BadInput, match=r"a.jsonl.gz is (damaged|no recording)"):
        Recording.read(path)


# ── writing ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_no_recording_is_written_over(tmp_path: Path, name: str) -> None:
    first = Recorder(tmp_path / "deep" / "er" / name)
    for _ in range(2):  # while it goes on, and when it has ended
        with pytest.raises(BadInput, match=r"a.jsonl(.gz)? already.\nChoose another name"):
            Recorder(tmp_path / "deep" / "er" / name)
        first.close()
    assert [file.name for file in (tmp_path / "deep" / "er").iterdir()] == ["a.jsonl.gz"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "a.jsonl", Path("/proc/nodebynode/a.jsonl")):
        with pytest.raises(BadInput, match=rf"{path} cannot be written: .*\nChoose a folder"):
            Recorder(path)


class FullDisk(io.BytesIO):
    """A file on a disk that has room for so many bytes, and then none."""

    def __init__(self, file: Any, room: int) -> None:
        super().__init__()
        self._file, self._room = file, room

    def write(self, data: Any) -> int:
        self._file.write(data[: self._room])
        self._room -= len(data)
        if self._room < 0:
            self._room = 0
            raise OSError(errno.ENOSPC, "No space left on device")
        return len(data)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()
        super().close()


def test_a_full_disk_ends_the_recording_with_one_error(tmp_path: Path) -> None:
    make, clock = Maker(), BEGAN.timestamp
    recorder = Recorder(tmp_path / "a.jsonl", clock=clock)
    recorder._file = FullDisk(recorder._file, 2000)
    for number in range(20):
        recorder.change("nodes", "ADDED", make.node(number), clock() + number)
    assert recorder.problem
    recorder.mark("note", "nobody hears this")
    with pytest.raises(BadInput, match=r"ended after \d+ s: No space left on device.\nWhat was"):
        recorder.close()
    recorder.close()
    recording = Recording.read(recorder.path)
    assert 1 < len(list(recording.changes)) < 20
    assert recording.cut


def test_a_full_disk_does_not_hide_another_error(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.jsonl")
    recorder._file = FullDisk(recorder._file, 0)

    def fail() -> None:
        with recorder:
            recorder.mark("note", "x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert recorder.problem


def test_without_room_to_pack_it_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("nodebynode.recording.recorder.shutil.copyfileobj", full)
    with Recorder(tmp_path / "a.jsonl") as recorder:
        recorder.mark("note", "x")
    assert [file.name for file in tmp_path.iterdir()] == ["a.jsonl"]
    assert recorder.path == tmp_path / "a.jsonl"
    assert Recording.read(recorder.path).cut == ""


def test_marks_and_changes_may_come_from_any_thread(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(partial(sys.setswitchinterval, sys.getswitchinterval()))
    sys.setswitchinterval(1e-6)  # threads get into each other's way wherever they can
    make, together = Maker(), threading.Barrier(4)
    nodes = [make.node(number) for number in range(400)]

    def change(some: list[Json]) -> None:
        together.wait()
        for node in some:
            recorder.change("nodes", "ADDED", node, BEGAN.timestamp())
            recorder.mark("note", node["metadata"]["name"])

    with Recorder(tmp_path / "a.jsonl") as recorder:
        threads = [threading.Thread(target=change, args=(nodes[at::4],)) for at in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    recording = Recording.read(recorder.path)
    assert len(list(recording.changes)) == len(recording.marks) == 400
    recorder.mark("note", "too late, and no error")


# ── eight hours ──────────────────────────────────────────────────────────────────────────────


def held(root: object) -> int:
    """Bytes of all that an object holds, code and files left out."""
    seen: set[int] = set()
    rest, size = [root], 0
    apart = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, io.IOBase)
    while rest:
        one = rest.pop()
        if id(one) not in seen and not isinstance(one, apart):
            seen.add(id(one))
            size += sys.getsizeof(one)
            rest += gc.get_referents(one)
    return size


def watched(number: int) -> Iterator[tuple[str, str, Json]]:
    """Changes of a hundred Pods; now and then one is replaced, and its owner by another."""
    make, pods = Maker(), dict[int, Json]()
    for count in range(number):
        place = count % 100
        if count % 49 == 48 and place in pods:
            yield "pods", "DELETED", pods.pop(place)
        if place not in pods:
            owner = {"uid": f"owner-{count // 200}", "controller": True}
            meta = {
                "name": f"shop-{make.letters(15)}",
                "uid": make.uid(),
                "ownerReferences": [owner],
            }
            pods[place] = {"metadata": meta}
        status = {"restartCount": count, "ready": bool(count % 3), "state": {"running": {}}}
        pods[place] = {**pods[place], "status": {"containerStatuses": [status]}}
        yield "pods", "MODIFIED", pods[place]


def test_eight_hours_of_watching_hold_no_more_than_the_first_minutes(tmp_path: Path) -> None:
    sizes: list[int] = []
    with Recorder(tmp_path / "a.jsonl") as recorder:
        for count, change in enumerate(watched(200_000)):
            recorder.change(*change, BEGAN.timestamp() + count / 7)
            if count in (5_000, 200_000):
                sizes.append(held(recorder))
    early, late = sizes
    assert late < early + 150_000, sizes
