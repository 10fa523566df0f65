"""A learner's own record: one line a step, only ever appended, and never sent anywhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from nodebynode import settings


def record(lab: str, event: str, **details: object) -> None:
    """Append one line to the progress file; a file that cannot be written is no reason to stop.

    Args:
        lab: The lab's name.
        event: `opened`, `check`, `prediction` or `closed`.
        details: What else there is to say: check, outcome, attempt.
    """
    line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "lab": lab, "event": event}
    path = settings.data_dir() / "progress.jsonl"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**line, **details}) + "\n")
    except OSError:
        return
