"""The panel and the summary: what a learner has done, as tables and in words, and what is next."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from nodebynode.course import panel as module
from nodebynode.course.comparing import Compared
from nodebynode.course.lessons import Lesson
from nodebynode.course.loading import Load
from nodebynode.course.panel import Panel
from nodebynode.course.progress import LabProgress, Record
from nodebynode.course.summary import Summary, felt, next_lesson
from nodebynode.errors import BadInput
from nodebynode.recording import Recording
from nodebynode.witness import Report

from .steps import LAB, OUTLINE, of_lab, step, tried


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Record:
    monkeypatch.setenv("NODEBYNODE_PROGRESS", str(tmp_path / "progress.jsonl"))
    return Record(LAB)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a browser with somebody before it hears."""
    messages: list[dict[str, Any]] = []
    monkeypatch.setattr(module, "is_watched", lambda: True)
    monkeypatch.setattr(module._Screen, "send", lambda _, message: messages.append(message))
    return messages


def test_words_and_page_say_the_same(record: Record) -> None:
    record.add("check", "one", outcome="passed")
    record.add("prediction", "how-many", said="2 Pods")
    record.add("misconception", "deleted-comes-back")
    shown = Panel(OUTLINE, record)
    bundle = shown._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    page = str(bundle["text/html"])
    plain = re.sub(r"<[^>]*>", " ", page)
    for told in ("1 of 3 checks passed", "The second", "✓ passed", "· open", "deleted-comes-back"):
        assert told in repr(shown)
        assert told in plain
    assert "What &lt;runs&gt; where" in page
    assert "How many &lt;Pods&gt;?" in page
    assert page.count("<rect") == 3
    assert page.count("<path") == 1, "a tick in the one that has passed"
    assert not re.search(r"(fill|stroke)=\"(?!none|currentColor)[^\"]*\"(?<!width=.\")", page)


def test_it_follows_each_step_and_says_what_is_news(
    record: Record, heard: list[dict[str, Any]]
) -> None:
    shown = Panel(OUTLINE, record)
    record.add("check", "one", outcome="not yet")
    assert heard == [], "nobody has opened it"
    bundle = shown._repr_mimebundle_()
    assert len([kind for kind in bundle if "widget" in kind]) == 1
    record.add("check", "one", outcome="not yet")
    assert heard[-1]["news"] == ""
    record.add("check", "one", outcome="passed")
    assert heard[-1]["news"] == "Passed: one. 1 of 3 checks."
    assert "✓ passed" in heard[-1]["html"]
    record.add("prediction", "how-many", said="2 Pods")
    assert heard[-1]["news"] == "Passed: one. 1 of 3 checks."
    record.add("check", "one", outcome="passed")
    record.add("check", "two", outcome="passed")
    assert heard[-1]["news"] == "Passed: two. 2 of 3 checks."
    assert shown._repr_mimebundle_()[module.VIEW] == bundle[module.VIEW]


def test_its_script_is_small_and_asks_the_network_for_nothing() -> None:
    script = Path(module.__file__).with_name("panel.js").read_text()
    assert len(script) < 2000
    assert not re.search(r"https?:|import |fetch", script)


# ── the summary ──────────────────────────────────────────────────────────────────────────────


def a_lesson(lab: str = LAB, title: str = "What runs where") -> Lesson:
    path = Path("lessons") / f"{lab}.md"
    return Lesson(path, title, lab, 6, 35, ("Why?",), ("know",), ("Only <Pods>.", "Once."))


def a_summary(
    done: LabProgress | None = None, felt: str = "", following: Lesson | None = None
) -> Summary:
    done = done or LabProgress(LAB)
    return Summary(OUTLINE, done, Compared([]), felt, a_lesson(), following)


def test_a_summary_of_a_lab() -> None:
    done = of_lab(
        step(0, "opened"),
        *(tried(1, name, passed=True) for name in ("one", "two")),
        tried(2, "three"),
        tried(3, "three"),
    )
    following = a_lesson("02-who-makes-pods", "Who makes <Pods>")
    shown = a_summary(done, "3 of 9 requests lost.", following)
    assert repr(shown).splitlines() == [
        "Lab 01 · What <runs> where: what it came to",
        "",
        "2 of 3 checks passed",
        "CHECK  ABOUT       STATE      TRIES",
        "one    The first   ✓ passed   1",
        "two    The second  ✓ passed   1",
        "three  The last    · not yet  2",
        "",
        "What users felt",
        "3 of 9 requests lost.",
        "",
        "To remember",
        "- Only <Pods>.",
        "- Once.",
        "",
        "Next",
        "Still open here: `three`. Lab 02, Who makes <Pods>. Read lessons/02-who-makes-pods.md "
        "(6 minutes), then open the lab (35 minutes): `nodebynode learn 02`.",
    ]
    page = shown._repr_html_()
    assert "<code>nodebynode learn 02</code>" in page
    assert "<li>Only &lt;Pods&gt;.</li>" in page
    assert "Who makes &lt;Pods&gt;" in page
    assert '<a href="../lessons/02-who-makes-pods.md">lessons/02-who-makes-pods.md</a>' in page
    headings = re.findall(r"<h(\d)>", page)
    assert headings == ["3", "4", "4", "4", "4"]


def test_the_last_lab_says_so_and_a_lab_without_load_says_nothing_of_one() -> None:
    shown = a_summary()
    assert repr(shown).endswith("Next\nStill open here: `one`, in round 2. "
                                "This is the last lab that there is.")  # fmt: skip
    assert "What users felt" not in repr(shown) + shown._repr_html_()
    assert "<a " not in shown._repr_html_()


def test_the_next_lab_is_the_one_after_it(tmp_path: Path) -> None:
    (tmp_path / "solutions").mkdir()
    for name in ("01-x", "03-z"):
        (tmp_path / "solutions" / f"{name}.py").touch()
    assert next_lesson(tmp_path, "03-z") is None
    with pytest.raises(BadInput, match="03-z"):
        next_lesson(tmp_path, "01-x")


class ALoad:
    """A load that has ended, or runs still."""

    def __init__(self, report: Report, running: bool = False) -> None:
        self.running, self._report = running, report

    def report(self, _: Recording) -> Report:
        return self._report


def sentence(report: Any, *, running: bool = False) -> str:
    return felt(cast(Load, ALoad(report, running)), cast(Recording, None))


def test_what_a_load_felt_is_one_sentence() -> None:
    def report(**by_cause: int) -> SimpleNamespace:
        causes = {name.replace("_", " "): [None] * many for name, many in by_cause.items()}
        lost = [None] * sum(by_cause.values())
        return SimpleNamespace(
            summary=f"{len(lost)} of 9 requests lost", losses=lost, by_cause=causes
        )

    assert felt(None, cast(Recording, None)) == ""
    assert "still runs: `lab.losses()`" in sentence(report(), running=True)
    assert sentence(report()) == "0 of 9 requests lost."
    assert sentence(report(node_frozen=2)) == (
        "2 of 9 requests lost, all of them because of this: node frozen."
    )
    assert sentence(report(node_frozen=2, unknown=1)) == (
        "3 of 9 requests lost, 2 of them because of this: node frozen."
    )
