"""Rules over time: what has to be so on the way, not only at the end.

    rule = always(ready("shop") >= 3, after=mark("kubectl drain"))
    print(rule.judge(recording, namespace="lab-05"))

A rule holds, is broken, or was not seen: where a recording never puts it to the test, nothing
holds. A finding names the learner's own Pods, and says how finely the recording could tell.
"""

from nodebynode.recording.rules.bindings import no_binding_to
from nodebynode.recording.rules.counts import (
    Condition,
    Count,
    available,
    endpoints,
    more_than,
    pods,
    ready,
    terminating,
)
from nodebynode.recording.rules.evictions import each_eviction_waits_for_ready
from nodebynode.recording.rules.finding import Finding, Verdict, Violation
from nodebynode.recording.rules.moments import (
    Moment,
    cordoned,
    created,
    last,
    leaves,
    mark,
    rollout_begins,
    rollout_ends,
    uncordoned,
)
from nodebynode.recording.rules.over_time import always, eventually, never
from nodebynode.recording.rules.rule import Rule
from nodebynode.recording.rules.sequences import sequence
from nodebynode.recording.rules.story import Story

__all__ = [
    "Condition",
    "Count",
    "Finding",
    "Moment",
    "Rule",
    "Story",
    "Verdict",
    "Violation",
    "always",
    "available",
    "cordoned",
    "created",
    "each_eviction_waits_for_ready",
    "endpoints",
    "eventually",
    "last",
    "leaves",
    "mark",
    "more_than",
    "never",
    "no_binding_to",
    "pods",
    "ready",
    "rollout_begins",
    "rollout_ends",
    "sequence",
    "terminating",
    "uncordoned",
]
