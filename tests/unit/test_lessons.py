"""The front matter of lessons: every lesson keeps to it, and a slip is told by file and field."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nodebynode.course.lessons import Lesson, read_lesson
from nodebynode.course.notebooks import all_solutions
from nodebynode.course.outline import outline_of
from nodebynode.errors import BadInput

ROOT = Path(__file__).parents[2]
LESSONS = sorted(path.stem for path in (ROOT / "lessons").glob("[0-9]*.md"))
GOOD = """title: "One: two"
lab: 01-x
minutes: {reading: 6, doing: 35}
questions: [Why]
objectives: [know why]
key_points:
  - This.
  - "That: more."
"""


def lesson(tmp_path: Path, front: str = GOOD, text: str | None = None) -> Lesson:
    (tmp_path / "lessons").mkdir()
    whole = f"---\n{front}---\n\n# One: two\n" if text is None else text
    (tmp_path / "lessons" / "01-x.md").write_text(whole)
    return read_lesson(tmp_path, "01-x")


def test_a_lesson_is_read(tmp_path: Path) -> None:
    read = lesson(tmp_path)
    assert read == Lesson(
        tmp_path / "lessons" / "01-x.md",
        "One: two",
        "01-x",
        6,
        35,
        ("Why",),
        ("know why",),
        ("This.", "That: more."),
    )
    assert read.number == "01"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('title: "One: two"\n', "", "has no title.\nAdd `title:`"),
        ("[Why]", "", "has no questions."),
        ('title: "One: two"', "title: 3", "title is no text."),
        ("lab: 01-x", "lab: 02-y", "lab is '02-y'.\nA lesson has its lab's name: write 01-x."),
        ("{reading: 6, doing: 35}", "41", "minutes is not {reading: N, doing: N}."),
        ("reading: 6, ", "", "minutes is not {reading: N, doing: N}."),
        ("reading: 6", "reading: soon", "minutes.reading is 'soon'.\nWrite a whole number"),
        ("doing: 35", "doing: 0", "minutes.doing is 0."),
        ("doing: 35", "doing: true", "minutes.doing is True."),
        ("[know why]", "know why", "objectives is no list."),
        ("[know why]", "[]", "objectives is no list."),
        ('"That: more."', "That: more.", "key_points is a list in which {'That': 'more.'} is no"),
        ("lab: 01-x", "lab: 01-x\nlevel: 3", "level is no field of a lesson.\nThe fields are tit"),
        ("[know why]", "[know why", "is no YAML: while parsing a flow sequence"),
    ],
)
def test_a_slip_is_told_by_file_and_field(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInput) as caught:
        lesson(tmp_path, GOOD.replace(old, new))
    assert "lessons/01-x.md" in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["# One\n", "", "---\ntitle: x\n", f"\n---\n{GOOD}---\n"])
def test_a_lesson_without_front_matter(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match="has no front matter"):
        lesson(tmp_path, text=text)


def test_front_matter_without_fields(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has no fields"):
        lesson(tmp_path, "only words\n")


def test_a_lesson_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"The lesson .*/lessons/02-y\.md cannot be read"):
        read_lesson(tmp_path, "02-y")


def test_a_lesson_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "01-x.md").write_bytes(b"---\n\xff\n---\n")
    with pytest.raises(BadInput, match="cannot be read"):
        read_lesson(tmp_path, "01-x")


# ── the course's own ─────────────────────────────────────────────────────────────────────────


def test_every_lab_has_its_lesson_and_every_lesson_its_lab() -> None:
    assert [path.stem for path in all_solutions(ROOT)] == LESSONS


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_of_the_course(name: str) -> None:
    read = read_lesson(ROOT, name)
    assert (ROOT / "labs" / f"{name}.ipynb").exists()
    assert 3 <= len(read.key_points) <= 6
    assert 3 <= read.reading <= 15
    assert 15 <= read.doing <= 90
    assert all(question.endswith("?") for question in read.questions)
    assert all(point.endswith(".") for point in read.key_points)
    assert outline_of(ROOT / "solutions" / f"{name}.py").title == read.title
    body = read.path.read_text().split("\n---\n", 1)[1]
    assert f"\n# {read.title}\n" in body
    assert "## Remember" not in body, "the key points are shown from the front matter"


@pytest.mark.parametrize("name", LESSONS)
def test_every_check_of_a_lab_stands_in_a_round(name: str) -> None:
    assert [step.name for step in outline_of(ROOT / "solutions" / f"{name}.py").steps if
            not step.round] == []  # fmt: skip


@pytest.mark.parametrize("name", LESSONS)
def test_a_lab_shows_what_it_came_to_before_it_is_closed(name: str) -> None:
    text = (ROOT / "solutions" / f"{name}.py").read_text()
    calls = re.findall(r"^lab\.(\w+)\(", text, re.MULTILINE)
    assert calls[-2:] == ["summary", "close"]


def test_the_readme_lists_every_lesson_by_its_title() -> None:
    row = re.compile(r"^\| \[(\d\d) ([^\]]+)\]\(lessons/([^)]+)\.md\) \| \S", re.MULTILINE)
    rows = row.findall((ROOT / "README.md").read_text())
    titles = {name: read_lesson(ROOT, name).title.lower() for name in LESSONS}
    assert {lab: (number, title.lower()) for number, title, lab in rows} == {
        name: (name[:2], title) for name, title in titles.items()
    }


def test_the_ways_through_the_course_name_each_lesson_with_its_minutes() -> None:
    text = (ROOT / "lessons" / "README.md").read_text()
    rows = re.findall(r"\| \[(\d\d) (.+?)\]\((.+?)\.md\) \| (\d+) min \| (\d+) min \|", text)
    read = [read_lesson(ROOT, lesson) for lesson in LESSONS]
    assert rows == [
        (one.number, one.title, one.lab, str(one.reading), str(one.doing)) for one in read
    ]
    assert "## Alone: six hours" in text
    assert 330 <= sum(one.reading + one.doing for one in read) <= 390


def test_what_is_played_in_a_talk_is_there() -> None:
    text = (ROOT / "lessons" / "README.md").read_text()
    played = re.findall(r"nodebynode replay (\S+)`", text)
    assert [Path(one).name.split(".")[0] for one in played] == LESSONS[1:]
    assert all((ROOT / one).is_file() for one in played)
