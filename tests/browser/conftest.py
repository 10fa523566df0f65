"""JupyterLab as `nodebynode learn` starts it, in Chromium, on a copy of the course."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodebynode.cluster import Cluster
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "test-results" / "browser"
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\S+")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program."""
    found = os.environ.get("NODEBYNODE_CHROMIUM") or shutil.which("chromium")
    found = found or shutil.which("google-chrome")
    if not found:
        pytest.fail("There is no Chromium: sudo apt-get install chromium", pytrace=False)
    return found


@pytest.fixture(scope="module")
def page(chromium: str) -> Iterator[Page]:
    """A tab."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


@pytest.fixture(scope="module")
def course(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the course, so that no learner's copy appears in the working tree."""
    folder = tmp_path_factory.mktemp(cluster.name)
    for name in ("labs", "lessons", "solutions"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def address(
    cluster: Cluster, course: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where `nodebynode learn 01` shows the lab."""
    settings = tmp_path_factory.mktemp("jupyter-config")
    config = {"LabApp": {"expose_app_in_browser": True}}
    (settings / "jupyter_lab_config.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "nodebynode.cli", "learn", "01", "--no-browser"]
    process = subprocess.Popen(
        [*command, "--cluster", cluster.name],
        env={
            **os.environ,
            "NODEBYNODE_COURSE": str(course),
            "NODEBYNODE_PROGRESS": str(settings / "progress.jsonl"),  # each module begins anew
            "JUPYTER_CONFIG_DIR": str(settings),
            "JUPYTERLAB_SETTINGS_DIR": str(settings / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(settings / "workspaces"),
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = next((text for text in process.stdout if _ADDRESS.search(text)), "")
        assert line, "nodebynode learn ended without an address"
        yield _ADDRESS.search(line)[0]
    finally:
        process.terminate()
        process.communicate(timeout=30)
