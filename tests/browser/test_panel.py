"""The panel of a learner's progress: its script alone, and in JupyterLab, in a view at the side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from nodebynode.cluster import Cluster
from nodebynode.course import panel
from nodebynode.course.labs import checks_of
from nodebynode.course.outline import outline_of
from nodebynode.course.panel import page as shown
from nodebynode.course.progress import LabProgress, Tries
from playwright.sync_api import Page, expect

from tests.browser.conftest import PICTURES, ROOT
from tests.browser.labpage import LabPage
from tests.browser.widgets import widget

PROVIDERS = ("embedded",)
"""What is shown does not hang on the cluster."""
pytestmark = pytest.mark.timeout(300)
LAB = "01-what-runs-where"
OUTLINE = outline_of(ROOT / "solutions" / f"{LAB}.py")
EVERY = len(checks_of(LAB))
SCRIPT = Path(panel.__file__).with_name("panel.js").read_text()


@pytest.fixture
def tab(page: Page, tmp_path: Path) -> Iterator[Page]:
    """The widget in a tab of its own."""
    with widget(page, SCRIPT, tmp_path) as tab:
        yield tab


def tell(tab: Page, *passed: str, news: str = "") -> None:
    done = LabProgress(LAB, {name: Tries(True, 1) for name in passed}, opened=1)
    tab.evaluate("m => tell(m)", {"html": shown(OUTLINE, done), "news": news})


def test_it_asks_and_shows_what_it_is_told(tab: Page) -> None:
    assert tab.evaluate("sent") == [{"want": "now"}]
    tell(tab)
    expect(tab.get_by_text(f"0 of {EVERY} checks passed")).to_be_visible()
    expect(tab.get_by_role("status")).to_have_text("")
    tell(tab, "who-has-a-node", news=f"Passed: who-has-a-node. 1 of {EVERY} checks.")
    expect(tab.get_by_role("region", name="Your progress in lab 01")).to_have_count(1)
    expect(tab.get_by_role("row", name="who-has-a-node")).to_contain_text("✓ passed")
    expect(tab.get_by_role("status")).to_have_text(f"Passed: who-has-a-node. 1 of {EVERY} checks.")


def test_a_reader_finds_heads_and_no_picture_that_says_more(tab: Page) -> None:
    tell(tab, "who-has-a-node")
    heads = tab.get_by_role("columnheader").all_inner_texts()
    assert heads[:4] == ["round", "check", "about", "state"]
    expect(tab.locator("svg")).to_have_attribute("aria-hidden", "true")
    assert tab.locator("svg rect").count() == EVERY
    assert tab.locator("svg path").count() == 1


def test_axe_finds_nothing(tab: Page) -> None:
    tell(tab, "who-has-a-node", news="Passed.")
    found = Axe().run(tab, options={"rules": {"page-has-heading-one": {"enabled": False}}})
    assert found.violations_count == 0, found.generate_report()


def test_a_panel_that_is_removed_hears_nothing_more(tab: Page) -> None:
    tab.evaluate("end()")
    assert tab.evaluate("hearing.size") == 0


# ── in JupyterLab ────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def lab(page: Page, address: str, cluster: Cluster) -> LabPage:
    made = LabPage(page, address, PICTURES / f"{cluster.name}-panel")
    made.run(made.find('lab = Lab("01")'))
    made.run(made.find("replicas: 3"))
    return made


def test_in_a_view_at_the_side_it_follows_each_check(lab: LabPage) -> None:
    index = lab.find("print(lab.kubectl")
    lab.type_into(index, "lab.progress()  # print(lab.kubectl")
    lab.run(index)
    panels = lab.page.get_by_role("region", name="Your progress in lab 01")
    expect(panels).to_have_count(1)
    with lab.side_view(index) as view:
        side = view.get_by_role("region", name="Your progress in lab 01")
        expect(side).to_contain_text(f"0 of {EVERY} checks passed", timeout=20_000)

    answer = 'has_a_node = {"Deployment": False, "ReplicaSet": False, "Pod": True}'
    assert lab.answer("has_a_node =", answer, "who-has-a-node").startswith("✓")

    expect(side).to_contain_text(f"1 of {EVERY} checks passed")
    expect(side.get_by_role("row", name="who-has-a-node")).to_contain_text("✓ passed")
    lab.picture("01-at-the-side")


def test_a_new_kernel_says_what_was_done_and_the_panel_knows_it(lab: LabPage) -> None:
    lab.restart_kernel()
    said = lab.run(lab.find('lab = Lab("01")'))
    assert f"You have passed 1 of {EVERY} checks here before" in said
    index = lab.find("print(lab.kubectl")
    lab.run(index)
    panels = lab.page.get_by_role("region", name="Your progress in lab 01")
    expect(panels.first).to_contain_text(f"1 of {EVERY} checks passed", timeout=20_000)
    lab.picture("02-again")


def test_the_summary_tells_what_to_remember(lab: LabPage) -> None:
    index = lab.find("lab.summary()")
    said = lab.run(index)
    assert "To remember" in said
    assert "Only a Pod has a node." in said
    assert f"1 of {EVERY} checks passed" in said
    lab.picture("03-summary")
