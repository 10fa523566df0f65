"""The calculator shows what the model says, to those who move its sliders and to those who read."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import ipywidgets
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nodebynode.course import calculator as module
from nodebynode.course.calculator import Calculator, calculator
from nodebynode.errors import BadInput
from nodebynode.model.rollout import Plan, roll_out
from nodebynode.view.staircase import staircase

VIEW = "application/vnd.jupyter.widget-view+json"


def controls(shown: Calculator) -> dict[str, ipywidgets.Widget]:
    """The controls, by what is written beside them."""
    return {one.description: one for one in shown.widget.children}


def pairs(text: str) -> list[str]:
    """The sizes in the table."""
    return re.findall(r"<td[^>]*>(\d+/\d+)</td>", text)


def test_a_program_gets_the_picture_and_the_table_without_a_widget() -> None:
    bundle = calculator()._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert pairs(bundle["text/html"]) == ["3/0", "3/1", "2/1", "2/2", "1/2", "1/3", "0/3"]
    assert "<svg" in bundle["text/html"]
    assert "Complete after 9 s" in bundle["text/plain"]


def test_a_person_gets_the_controls_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "is_watched", lambda: True)
    shown = calculator(replicas=4)
    bundle = shown._repr_mimebundle_()
    assert bundle[VIEW]["model_id"] == shown.widget.model_id
    assert pairs(bundle["text/html"])[0] == "4/0"


def test_moving_a_control_calculates_anew() -> None:
    shown = calculator()
    output = shown.widget.children[-1]
    controls(shown)["replicas"].value = 4
    controls(shown)["until gone (s)"].value = 5
    assert pairs(output.value)[0] == "4/0"
    assert (shown.rollout.plan.replicas, shown.rollout.plan.grace) == (4, 5)
    controls(shown)["new Pods are never Ready"].value = True
    assert "Stuck at 3/2" in output.value
    controls(shown)["strategy"].value = "Recreate"
    assert pairs(output.value) == ["4/0", "0/0", "0/4"]


def test_what_cannot_be_is_said_where_the_picture_was() -> None:
    shown = calculator(surge=1, unavailable=0)
    output = shown.widget.children[-1]
    controls(shown)["maxSurge"].value = "0"
    assert "maxSurge and maxUnavailable are both 0" in output.value
    assert "<svg" not in output.value
    controls(shown)["maxUnavailable"].value = "1"
    assert pairs(output.value)[1] == "2/0"
    with pytest.raises(BadInput):
        calculator(replicas=-1)


def test_a_control_makes_room_for_what_it_begins_with() -> None:
    shown = calculator(replicas=40, surge="30%", startup=90.0, strategy="Recreate")
    found = controls(shown)
    assert found["replicas"].value == 40
    assert found["maxSurge"].value == "30%"
    assert found["start-up (s)"].value == 90
    assert not found["new Pods are never Ready"].value
    assert controls(calculator(startup=None))["new Pods are never Ready"].value


def test_two_pictures_in_a_page_share_no_id() -> None:
    shown = calculator()
    texts = [shown._repr_mimebundle_()["text/html"] for _ in range(2)]
    first, second = (set(re.findall(r' id="([^"]+)"', text)) for text in texts)
    assert first
    assert not first & second


# ── the picture ──────────────────────────────────────────────────────────────────────────────────


def test_the_picture_says_in_words_what_it_shows() -> None:
    rollout = roll_out(Plan(startup=3))
    root = ET.fromstring(staircase(rollout, "a-"))
    texts = [one.text for one in root.findall("{*}text")]
    assert {"old, available", "new, available", "not available", "terminating"} <= {*texts}
    assert {"at most 4 wanted", "at least 3 available"} <= {*texts}
    assert (root.findtext("{*}title") or "").startswith("A rollout, foretold. Complete after 9 s")
    assert root.findtext("{*}desc") == str(rollout)
    assert root.get("aria-labelledby") == "a-title"
    fills = [one.get("fill") for one in root.findall("{*}path[@class]")]
    assert len(fills) == len({*fills}) == 4, "each band has a pattern of its own"
    patterns = {f"url(#{one.get('id')})" for one in root.findall("{*}defs/{*}pattern")}
    assert {*fills} <= patterns


plans = st.builds(
    Plan,
    st.integers(0, 12),
    st.sampled_from([1, 2, "25%", "100%"]),
    st.sampled_from([0, 1, "25%", "100%"]),
    st.none() | st.floats(0, 1000),
    st.sampled_from([0, 0.5, 30]),
    st.sampled_from([0, 0.001, 30]),
    st.sampled_from(["RollingUpdate", "Recreate"]),
)


@given(plans)
@example(Plan(1, 1, 0, 5e-324))
@example(Plan(5, 1, 0, 5e-324))
def test_whatever_happens_stays_within_the_picture(plan: Plan) -> None:
    root = ET.fromstring(staircase(roll_out(plan)))
    width, height = map(float, (root.get("viewBox") or "").split()[2:])
    for path in root.findall("{*}path[@class]"):
        corners = re.findall(r"([\d.]+),([\d.]+)", path.get("d") or "")
        assert corners
        assert all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in corners)
    marks = [one.text for one in root.findall("{*}text") if (one.text or "").isdigit()]
    assert len(marks) < 30
