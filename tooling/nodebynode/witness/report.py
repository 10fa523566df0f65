"""What users felt, and why: a load's traffic and the recording of the same time, on one page."""

from __future__ import annotations

import html
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from nodebynode.columns import in_columns
from nodebynode.recording import Recording
from nodebynode.witness.attribution import Loss, losses_of
from nodebynode.witness.history import History
from nodebynode.witness.suspicion import Cause, span_words
from nodebynode.witness.traffic import NOT_MEASURED, Traffic, percentile

_PERCENTILES = (0.5, 0.95, 0.99)
Rows = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Gap:
    """The longest time without a good answer, as far as it was measured."""

    since: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a load on a Service.

    Attributes:
        traffic: The load.
        losses: Each lost request and its cause, in the order in which they were sent.
        homes: The node of each Pod behind the Service, by the Pod's name.
    """

    traffic: Traffic
    losses: tuple[Loss, ...]
    homes: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def gap(self) -> Gap:
        """The longest time without a good answer.

        Time for which nothing was measured counts as neither with nor without one.
        """
        return longest_gap(self.traffic)

    @property
    def by_cause(self) -> dict[Cause, list[Loss]]:
        """The losses of each cause, the most frequent cause first."""
        found = defaultdict[Cause, list[Loss]](list)
        for loss in self.losses:
            found[loss.cause].append(loss)
        return dict(sorted(found.items(), key=lambda item: -len(item[1])))

    @property
    def summary(self) -> str:
        """All in one sentence."""
        sent = len(self.traffic.requests)
        unknown = len(self.traffic.of(NOT_MEASURED))
        missing = f", {unknown} not measured" if unknown else ""
        return f"{len(self.losses)} of {sent} requests lost{missing}"

    def __str__(self) -> str:
        parts = [f"{self.summary}.", in_columns(self._figures()), in_columns(self._who())]
        parts += [f"{title}\n  {said}" for title, said in self._why()]
        return "\n\n".join(filter(None, [*parts, self.traffic.cut]))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Jupyter's hook: the same as words and as tables."""
        cells = [f"<p><strong>{html.escape(self.summary)}.</strong></p>"]
        cells += [_table(self._figures()), _table(self._who())]
        items = (
            f"<dt><strong>{html.escape(title)}</strong></dt><dd>{html.escape(said)}</dd>"
            for title, said in self._why()
        )
        if why := "".join(items):
            cells.append(f"<dl>{why}</dl>")
        if self.traffic.cut:
            cells.append(f"<p>{html.escape(self.traffic.cut)}</p>")
        section = f'<section aria-label="What users felt">{"".join(cells)}</section>'
        return {"text/plain": str(self), "text/html": section}

    def _figures(self) -> Rows:
        traffic, latencies, gap = self.traffic, self.traffic.latencies(), self.gap
        how = f"{traffic.keep_alive} kept" if traffic.keep_alive else "new for each request"
        since = (gap.since - traffic.began).total_seconds()
        place = " from inside the cluster" if traffic.inside else ""
        values = [f"{percentile(latencies, share):.1f} ms" for share in _PERCENTILES]
        return [
            ("RATE", "CONNECTIONS", "P50", "P95", "P99", "LONGEST GAP", "WITNESS LATE BY (P99)"),
            (
                f"{traffic.rate:g} a second{place}",
                how,
                *(values if latencies else ("-",) * len(values)),
                f"{gap.seconds:.2f} s, after {since:.1f} s",
                f"{traffic.lag_ms[99]:.1f} ms" if 99 in traffic.lag_ms else "-",
            ),
        ]

    def _who(self) -> Rows:
        """Good answers by version, node and Pod, and what became of the others."""
        good = self.traffic.of("ok")
        rows: list[tuple[str, str]] = [("ANSWERED BY", "REQUESTS")]
        for word, names in (
            ("version", [one.version for one in good]),
            ("node", [self.homes.get(one.pod, one.node) for one in good]),
            ("pod", [one.pod for one in good]),
        ):
            counts = Counter(filter(None, names))
            rows += [(f"{word} {name}", str(n)) for name, n in sorted(counts.items())]
        outcomes = Counter(one.outcome for one in self.traffic.of("lost"))
        rows += [(f"lost: {word}", str(n)) for word, n in sorted(outcomes.items())]
        return rows

    def _why(self) -> list[tuple[str, str]]:
        """Each cause with its count, its Pods and the first case."""
        return [
            (f"{len(those)} lost: {cause}", _said(those, self.traffic))
            for cause, those in self.by_cause.items()
        ]


def explain(traffic: Traffic, recording: Recording, namespace: str, service: str) -> Report:
    """Join what became of a load's requests with what was recorded of the cluster meanwhile.

    Args:
        traffic: The load's log.
        recording: Made on the same machine, from before the load until after it.
        namespace: The Service's namespace.
        service: Its name.

    Raises:
        BadInput: the recording never saw the Service.
    """
    history = History.of(recording, namespace, service)
    homes = {life.name: life.node for life in history.lives.values()}
    return Report(traffic, losses_of(traffic, history), homes)


def longest_gap(traffic: Traffic) -> Gap:
    """The longest time without a good answer, from the load's beginning to its last request."""
    marks = [(one.ended, one.ended) for one in traffic.of("ok")]
    marks += [(one.at, one.ended) for one in traffic.stalls]
    marks += [(one.at, one.at) for one in traffic.of(NOT_MEASURED)]
    longest, last = Gap(traffic.began, 0.0), traffic.began
    end = max((one.at for one in traffic.requests), default=traffic.began)
    for begins, ends in [*sorted(marks), (end, end)]:
        if (seconds := (begins - last).total_seconds()) > longest.seconds:
            longest = Gap(last, seconds)
        last = max(last, ends)
    return longest


def _said(losses: Sequence[Loss], traffic: Traffic) -> str:
    first, pods = losses[0], _pods(losses)
    after = span_words(first.request.at - traffic.began)
    named = f"Pods: {pods}. " if pods else ""
    return (
        f"{named}The first, {after} after the load began, on a "
        f"{'kept' if first.request.kept else 'new'} connection: {first.request.outcome}. "
        f"{first.said}"
    )


def _pods(losses: Iterable[Loss]) -> str:
    counts = Counter(pod for loss in losses for pod in loss.pods)
    names = [name for name, _ in counts.most_common(4)]
    return ", ".join(names) + (f" and {len(counts) - 4} more" if len(counts) > 4 else "")


def _table(rows: Rows) -> str:
    head, *body = rows
    heads = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in head)
    lines = (
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in body
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
