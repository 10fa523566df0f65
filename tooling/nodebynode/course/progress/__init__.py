"""A learner's own record: one line a step, only ever appended, and never sent anywhere.

`lines` is the file's format, `file` the only code that touches it, `tally` what lines add up to,
`record` the part of the lab that is open, and `words` how it is told.
"""

from __future__ import annotations

from nodebynode.course.progress.record import Record
from nodebynode.course.progress.tally import Guess, LabProgress, Progress, Tries, tally

__all__ = ["Guess", "LabProgress", "Progress", "Record", "Tries", "tally"]
