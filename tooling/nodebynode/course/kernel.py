"""What a lab's kernel does better than a plain one.

Two common mistakes are told in a sentence, and a lab hears of each cell that is run.

`nodebynode learn` loads this as an IPython extension, so that it helps before the first cell has
run; `Lab` loads it too, for kernels that were started some other way.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from pathlib import Path
from subprocess import CalledProcessError
from types import TracebackType
from typing import Any

from nodebynode.errors import NodebynodeError

_EXTENSION = "nodebynode.course.kernel"
_CONFIG = f"c = get_config()\nc.InteractiveShellApp.extensions = [{_EXTENSION!r}]\n"


def load_ipython_extension(shell: Any) -> None:
    """Let IPython explain a missing name, and a command that failed, without a traceback."""
    shell.set_custom_exc((NameError, CalledProcessError), _explain)
    shell.events.register("pre_run_cell", _tell)  # once, however often this is loaded


_listeners: list[Callable[[str], None]] = []


def listen(listener: Callable[[str], None]) -> Callable[[], None]:
    """Have the text of each cell told before it runs; returns what ends that."""
    _listeners.append(listener)
    return lambda: _listeners.remove(listener) if listener in _listeners else None


def _tell(info: Any) -> None:
    for listener in list(_listeners):
        listener(str(info.raw_cell or ""))


def at_end(call: Callable[[], object]) -> None:
    """Have something done when this process ends, while it may still use threads.

    `atexit` is too late for what does: pools of threads take no more work then, and from Python
    3.12 on no thread starts. `concurrent.futures` ends its own pools by the hook that is used here;
    what was handed in last is done first, and so before that.
    """
    register = getattr(threading, "_register_atexit", atexit.register)
    register(call)


def install() -> None:
    """Load the extension into the IPython that runs this code, if there is one."""
    from IPython import get_ipython

    if (shell := get_ipython()) is not None:
        load_ipython_extension(shell)


def offer_cell(source: str) -> None:
    """Put a new cell below the one that runs; where no notebook shows it, print its source."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        print(source)
    else:
        shell.set_next_input(source)


def write_profile(folder: Path) -> Path:
    """Write an IPython profile that loads the extension; returns the folder for `IPYTHONDIR`."""
    profile = folder / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text(_CONFIG)
    return folder


def _explain(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,
    tb_offset: int | None = None,
) -> list[str]:
    message = _command_failed(error) if isinstance(error, CalledProcessError) else _not_run(error)
    lines = message._render_traceback_()
    shell._showtraceback(kind, error, lines)
    return lines


def _not_run(error: BaseException) -> NodebynodeError:
    name = getattr(error, "name", None) or "A name here"
    return NodebynodeError(
        f"`{name}` has no value yet.",
        "Run the cells above first, from the top: Run > Run All Above Selected Cell. "
        f"If you typed `{name}` yourself, look at its spelling.",
    )


def _command_failed(error: CalledProcessError) -> NodebynodeError:
    return NodebynodeError(
        f"A command in this cell ended with an error (exit code {error.returncode}); the lines "
        "after it did not run.",
        "What it printed stands above: it says why.",
    )
