"""A notebook with a live view that a program has run shows a picture, also offline."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

ROOT = Path(__file__).parents[2]
CELLS = (
    "from tests.unit.sources import FakeSource\nfrom nodebynode.view.live import Live\n"
    "live = Live(FakeSource())\nlive",
    "live._source.happen(100)\nlive",
    "live.stop()",
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The HTML that nbconvert makes of a notebook that it runs."""
    folder = tmp_path_factory.mktemp("export")
    cells = [nbformat.v4.new_code_cell(text) for text in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "run.ipynb")
    subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "html", "--execute", "run.ipynb"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, timeout=180,
        capture_output=True,
    )  # fmt: skip
    return folder / "run.html"


def test_offline_the_picture_is_there_with_its_words(page: Page, exported: Path) -> None:
    tab = page.context.browser.new_page()
    tab.context.set_offline(True)
    tab.goto(exported.as_uri(), wait_until="domcontentloaded")
    pictures = tab.locator("figure svg[role=img]")
    assert pictures.count() == 2
    for picture in pictures.all():
        expect(picture).to_be_visible()
        box = picture.bounding_box()
        assert box
        assert box["height"] > 200
        for part in ("title", "desc"):
            assert len(picture.locator(f"> {part}").text_content() or "") > 30
    names = [
        snapshot.split("\n")[0] for snapshot in map(lambda p: p.aria_snapshot(), pictures.all())
    ]
    assert "shop: 3 of 3 Pods available" in names[0]
    assert "Rolling out shop v2" in (pictures.nth(1).locator("> title").text_content() or "")
    assert tab.locator("[data-mime-type='application/vnd.jupyter.widget-view+json']").count() == 0
    tab.close()
