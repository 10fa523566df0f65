"""The player in a page of its own: as the offline file, and as a widget whose model is a fake."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from nodebynode.view.film import Film, Message
from nodebynode.view.page import MARKUP, PLAYER, STYLE, page
from playwright.sync_api import Locator, Page

# What anywidget's front end does with a widget: import its text, and render it with a model.
_WIDGET = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Widget</title>
<style>body {{ background: {ground}; }} {style}</style></head><body><main id="place"></main>
<script type="module">
const text = {player}, hearing = [];
window.sent = [];
const model = {{
  get: () => {markup},
  on: (name, callback) => hearing.push(callback),
  send: (message) => window.sent.push(message),
}};
window.tell = (message) => hearing.forEach((callback) => callback(message));
const widget = await import(URL.createObjectURL(new Blob([text], {{ type: "text/javascript" }})));
window.end = widget.default.render({{ model, el: document.getElementById("place") }});
</script></body></html>"""
# Groups as they are, but for what only says where the focus is.
_SHOWN = """(svg) => [...svg.children].filter((g) => !g.ariaHidden).map((g) => {
  const copy = g.cloneNode(true);
  for (const name of ["role", "aria-label", "tabindex"]) copy.removeAttribute(name);
  return copy.outerHTML;
})"""
_EXPECTED = """(texts) => {
  const source = document.createElement("template");
  source.innerHTML = `<svg>${texts.join("")}</svg>`;
  return [...source.content.firstChild.children].map((g) => {
    g.removeAttribute("id");
    return g.outerHTML;
  });
}"""


class PlayerPage:
    """A tab with one player.

    Args:
        tab: The tab.

    Attributes:
        errors: What the page's scripts complained of, and what it asked the network for.
    """

    def __init__(self, tab: Page) -> None:
        self.tab = tab
        self.errors: list[str] = []
        tab.on("pageerror", lambda error: self.errors.append(str(error)))
        tab.on("console", lambda said: self._console(said.type, said.text))
        tab.on("request", lambda asked: self._request(asked.url))

    def _console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.errors.append(text)

    def _request(self, url: str) -> None:
        if not url.startswith(("file:", "blob:")):
            self.errors.append(f"asked for {url}")

    # ── opening ──────────────────────────────────────────────────────────────────────────────

    def open_film(
        self, film: Film, folder: Path, title: str = "A lab", *, at: datetime | None = None
    ) -> None:
        """Open a film as an offline file, at an instant or at its beginning."""
        file = folder / "film.html"
        file.write_text(page(film, title, at=at), encoding="utf-8")
        self._open(file)

    def open_widget(self, folder: Path, *, ground: str = "#fff") -> None:
        """Open the widget, which has been told nothing yet."""
        player = json.dumps(PLAYER).replace("<", r"\u003c")
        markup = json.dumps(MARKUP).replace("<", r"\u003c")
        file = folder / "widget.html"
        text = _WIDGET.format(ground=ground, style=STYLE, player=player, markup=markup)
        file.write_text(text, encoding="utf-8")
        self._open(file)
        self.tab.wait_for_function("window.end !== undefined")

    def _open(self, file: Path) -> None:
        self.errors.clear()
        self.tab.set_viewport_size({"width": 1100, "height": 900})
        self.tab.goto(file.as_uri())

    def tell(self, message: Message, **more: object) -> None:
        """Have the kernel say something."""
        self.tab.evaluate(
            "(message) => window.tell(message)", json.loads(json.dumps(message | more))
        )

    # ── looking ──────────────────────────────────────────────────────────────────────────────

    @property
    def svg(self) -> Locator:
        """The picture of now."""
        return self.tab.locator("figure:not(.nbn-pinned) svg")

    @property
    def where(self) -> str:
        """The instant and the step, in words."""
        return f"{self.text('where')} of {self.text('steps')}"

    def text(self, name: str) -> str:
        """The words of a part of the page."""
        return " ".join((self.tab.locator(f"[data-ui={name}]").text_content() or "").split())

    def shown(self) -> list[str]:
        """The groups of the picture, as HTML."""
        return self.svg.evaluate(_SHOWN)

    def expected(self, parts: Sequence[str]) -> list[str]:
        """What `shown` must be where a frame has these parts."""
        return self.tab.evaluate(_EXPECTED, [part for part in parts if part.startswith("<g")])

    def box(self, words: str) -> Locator:
        """A box of the picture, by a part of its name."""
        return self.svg.locator(f'[role=img][aria-label*="{words}"]')

    def eventually(self, condition: str, arg: Any = None) -> None:
        """Wait until a script's condition holds; the page's policy lets functions only ask."""
        function = condition if condition.startswith("(") else f"() => {condition}"
        self.tab.wait_for_function(function, arg=arg, timeout=10_000)

    # ── doing ────────────────────────────────────────────────────────────────────────────────

    def press(self, name: str) -> None:
        """Press a button."""
        self.tab.get_by_role("button", name=name, exact=True).click()

    def go_to(self, step: int) -> None:
        """Move the scrubber to a step, counted from 1."""
        self.tab.get_by_role("slider", name="Instant").fill(str(step - 1))

    def wait_for_step(self, step: int) -> None:
        """Wait until a step, counted from 1, is shown."""
        self.eventually(
            "(step) => document.querySelector('[data-ui=scrub]').value === String(step - 1)", step
        )
