"""Chromium, for what can only be measured in a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nodebynode.errors import MissingTool

if TYPE_CHECKING:
    from playwright.sync_api import Page


@contextmanager
def tab() -> Iterator[Page]:
    """Open a tab until the block ends.

    Raises:
        MissingTool: the package that drives the browser is not installed.
    """
    try:
        from playwright.sync_api import sync_playwright  # only the tests' extra brings it
    except ImportError as error:
        raise MissingTool(
            "The package playwright is not installed.", "Run ./test once; it installs it."
        ) from error
    program = os.environ.get("NODEBYNODE_CHROMIUM") or "/usr/bin/chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()
