"""A widget's script in a page of its own, with a model that is a fake: it keeps what is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

_PAGE = """<!DOCTYPE html><html lang="en"><head><title>Widget</title></head>
<body><main id="place"></main><script type="module">
const text = %s, hearing = new Set();
window.sent = [];
const model = {
  on: (name, callback) => hearing.add(callback),
  off: (name, callback) => hearing.delete(callback),
  send: (message) => window.sent.push(message),
};
window.tell = (message) => hearing.forEach((callback) => callback(message));
window.hearing = hearing;
const widget = await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
window.end = widget.default.render({ model, el: document.getElementById("place") });
</script></body></html>"""


@contextmanager
def widget(page: Page, script: str, folder: Path, *, fast: bool = False) -> Iterator[Page]:
    """Open a widget in a tab; errors of its script fail the test.

    Args:
        page: Any page of the browser.
        script: The widget's text.
        folder: Where the page's file may be written.
        fast: Whether the test lets the tab's time pass.
    """
    tab, errors = page.context.browser.new_page(), []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    if fast:
        tab.clock.install()
    (folder / "widget.html").write_text(_PAGE % json.dumps(script))
    tab.goto((folder / "widget.html").as_uri())
    tab.wait_for_function("() => Boolean(window.end)", timeout=10_000)
    yield tab
    tab.close()
    assert errors == []
