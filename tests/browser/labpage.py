"""A lab in JupyterLab, used as a learner uses it: with the keyboard, looking at the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

_CELL_MS = 90_000
_READY = """async () => {
  const app = window.jupyterapp;
  await app.restored;
  const panel = app.shell.currentWidget;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
  return panel.content.widgets.length;
}"""
_ACTIVATE = """async (index) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  notebook.deselectAll();
  notebook.activeCellIndex = index;
  await notebook.scrollToItem(index, 'center');
}"""
_SOURCES = """() => window.jupyterapp.shell.currentWidget.content.widgets
  .map(cell => ({type: cell.model.type, source: cell.model.sharedModel.getSource()}))"""
_BRING_UP = """async (id) => {
  const shell = window.jupyterapp.shell;
  shell.activateById(id);
  while (shell.currentWidget.id !== id) await new Promise(requestAnimationFrame);
}"""
_FORGET = """(index) => {
  window.jupyterapp.shell.currentWidget.content.widgets[index].model.executionCount = null;
}"""
_DONE = """(index) => {
  const panel = window.jupyterapp.shell.currentWidget;
  const count = panel.content.widgets[index].model.executionCount;
  return count !== null && panel.sessionContext.session.kernel.status === 'idle';
}"""


class LabPage:
    """One notebook in one tab.

    Args:
        page: The tab.
        address: Where JupyterLab shows the notebook, with its token.
        pictures: The folder for screenshots.
    """

    def __init__(self, page: Page, address: str, pictures: Path) -> None:
        self.page = page
        self._pictures = pictures
        page.set_viewport_size({"width": 1280, "height": 1000})
        page.goto(address)
        self._await_notebook()
        self._path = page.evaluate("() => window.jupyterapp.shell.currentWidget.context.path")

    def _await_notebook(self) -> None:
        self.page.wait_for_function("window.jupyterapp !== undefined", timeout=60_000)
        self.page.wait_for_selector(".jp-NotebookPanel", timeout=60_000)
        self.page.evaluate(_READY)

    def save(self) -> None:
        """Save the notebook."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")

    def reload(self) -> None:
        """Load the page again; the kernel goes on."""
        self.page.reload()
        self._await_notebook()

    def close_notebook(self) -> None:
        """Close the notebook; its kernel goes on."""
        self.page.evaluate("() => void window.jupyterapp.shell.currentWidget.close()")
        self.page.locator(".jp-NotebookPanel").wait_for(state="detached")

    def open_notebook(self) -> None:
        """Open the notebook that was closed."""
        self.page.evaluate(
            "(path) => void window.jupyterapp.commands.execute('docmanager:open', {path})",
            self._path,
        )
        self._await_notebook()

    def restart_kernel(self) -> None:
        """Restart the notebook's kernel."""
        self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
        )

    def show(self, index: int) -> None:
        """Scroll to a cell; JupyterLab shows no others."""
        self._activate(index)

    def cells(self) -> list[dict[str, Any]]:
        """Return type and source of every cell."""
        return self.page.evaluate(_SOURCES)

    def find(self, text: str) -> int:
        """Return the index of the first code cell that contains a text."""
        for index, cell in enumerate(self.cells()):
            if cell["type"] == "code" and text in cell["source"]:
                return index
        raise AssertionError(f"no code cell contains {text!r}")

    def run(self, index: int) -> str:
        """Run a cell with the keyboard; returns the text of its output as shown."""
        cell = self._activate(index)
        self.page.evaluate(_FORGET, index)
        _click(cell)
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function(_DONE, arg=index, timeout=_CELL_MS)
        return self.output(index)

    def type_into(self, index: int, text: str) -> None:
        """Replace a cell's text by typing."""
        _click(self._activate(index))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.press("Delete")
        self.page.keyboard.insert_text(text)

    def output(self, index: int) -> str:
        """Return the words of a cell's output as shown, on one line; empty when it has none."""
        outputs = self._activate(index).locator(".jp-OutputArea-output")
        return " ".join(" ".join(outputs.all_inner_texts()).split())

    def answer(self, exercise: str, text: str, check: str) -> str:
        """Type an answer, run it, run its check, and return what the check says."""
        index = self.find(exercise)
        self.type_into(index, text)
        self.run(index)
        return self.run(self.find(f'lab.check("{check}"'))

    @contextmanager
    def side_view(self, index: int) -> Iterator[Locator]:
        """Show a cell's output in a view of its own; at the block's end the notebook is up again.

        Yields:
            The view.
        """
        self._activate(index)
        notebook = self.page.evaluate("() => window.jupyterapp.shell.currentWidget.id")
        self.page.evaluate(
            "() => window.jupyterapp.commands.execute('notebook:create-output-view')"
        )
        view = self.page.locator(".jp-LinkedOutputView")
        view.wait_for()
        yield view
        self.page.evaluate(_BRING_UP, notebook)

    def in_terminal(self, command: str) -> None:
        """Type a command into a new terminal of JupyterLab's."""
        self.page.evaluate("() => void window.jupyterapp.commands.execute('terminal:create-new')")
        screen = self.page.locator(".jp-Terminal:not(.lm-mod-hidden) .xterm-screen")
        screen.wait_for(timeout=30_000)
        screen.click()
        self.page.keyboard.type(command)
        self.page.keyboard.press("Enter")

    def close_terminal(self) -> None:
        """Go back from the terminal to the notebook."""
        self.page.evaluate("() => void window.jupyterapp.shell.currentWidget.close()")
        self.page.wait_for_function(
            "window.jupyterapp.shell.currentWidget.content.widgets !== undefined"
        )

    def picture(self, name: str) -> None:
        """Keep a screenshot for people to look at."""
        self._pictures.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self._pictures / f"{name}.png")

    def _activate(self, index: int) -> Locator:
        self.page.evaluate(_ACTIVATE, index)
        cell = self.page.locator(f'.jp-Cell[data-windowed-list-index="{index}"]')
        cell.wait_for(timeout=10_000)
        return cell


def _click(cell: Locator) -> None:
    """Click into a cell's text. JupyterLab's list of cells may tremble by a third of a point, and a
    click that waits until it is at rest would wait for ever."""
    cell.locator(".cm-content").click(force=True)
