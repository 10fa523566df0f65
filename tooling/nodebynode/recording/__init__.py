"""The flight recorder: every change of a run, to be looked at later and without a cluster."""

from nodebynode.recording.reading import Mark, MarkKind, Recorded
from nodebynode.recording.recorder import Recorder
from nodebynode.recording.recording import Growing, Recording
from nodebynode.recording.steps import Column, Size, Step, Steps
from nodebynode.recording.traffic import Counts, RecordedLoad

__all__ = [
    "Column",
    "Counts",
    "Growing",
    "Mark",
    "MarkKind",
    "Recorded",
    "RecordedLoad",
    "Recorder",
    "Recording",
    "Size",
    "Step",
    "Steps",
]
