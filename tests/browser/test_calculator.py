"""The calculator in JupyterLab, by keyboard; and in a notebook that a program has run."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import nbformat
import pytest
from nodebynode.waiting import wait_for
from playwright.sync_api import Page, expect

from tests.browser.labpage import LabPage

CELL = "from nodebynode.course.calculator import calculator\ncalculator()"
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/lab")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a notebook of one cell."""
    made = tmp_path_factory.mktemp("calculator")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, made / "run.ipynb")
    return made


@pytest.fixture(scope="module")
def address(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a JupyterLab of its own shows the notebook."""
    settings = tmp_path_factory.mktemp("jupyter")
    config = {"LabApp": {"expose_app_in_browser": True}}
    (settings / "jupyter_lab_config.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--port=0", "--ip=127.0.0.1"]
    process = subprocess.Popen(
        [*command, "--allow-root", "--IdentityProvider.token=calculator"],
        cwd=folder,
        env={
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(settings),
            "JUPYTERLAB_SETTINGS_DIR": str(settings / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(settings / "workspaces"),
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        port = next((found[1] for line in process.stderr if (found := _ADDRESS.search(line))), "")
        assert port, "JupyterLab ended without an address"
        # It tells its address before it listens.
        wait_for(lambda: _answers(int(port)), timeout=30, what="JupyterLab to answer")
        yield f"http://127.0.0.1:{port}/lab/tree/run.ipynb?token=calculator&reset"
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def test_a_slider_is_moved_by_keyboard_and_the_picture_follows(page: Page, address: str) -> None:
    lab = LabPage(page, address, Path(os.devnull))
    lab.run(0)
    figure = page.locator(".jupyter-widgets figure")
    expect(figure.locator("td", has_text="3/1")).to_have_count(1)
    picture = figure.locator("svg[role=img]")
    expect(picture).to_be_visible()
    assert (picture.bounding_box() or {})["height"] > 200
    slider = page.locator(".jupyter-widgets [role=slider]").first
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(figure.locator("td", has_text="4/1")).to_have_count(1)
    expect(figure.locator("p[role=status]")).to_contain_text("Complete after 6 s")


def test_a_program_that_runs_the_notebook_gets_no_widget(folder: Path) -> None:
    convert = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "run.ipynb"]
    subprocess.run([*convert, "--output", "done"], cwd=folder, check=True, timeout=180,
                   capture_output=True)  # fmt: skip
    done = nbformat.read(folder / "done.ipynb", as_version=4)
    [output] = done.cells[0].outputs
    assert set(output["data"]) == {"text/plain", "text/html"}
    assert "<svg" in output["data"]["text/html"]
    assert "widgets" not in done.metadata
