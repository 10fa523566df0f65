"""What surrounds a run: the person's settings stay out, and no process stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from nodebynode.course.running import run_notebook
from nodebynode.errors import NodebynodeError

SLEEPER = """# %%
import atexit, json, os, pathlib, subprocess, time
folder = pathlib.Path(os.environ["FOLDER"])
atexit.register((folder / "exited").touch)
child = subprocess.Popen(["sleep", "120"])
(folder / "new").write_text(json.dumps([os.getpid(), os.getppid(), child.pid]))
(folder / "new").rename(folder / "pids")
time.sleep(120)
"""
RUNNER = f"""
import sys
sys.modules["rfc3987_syntax"] = None  # two seconds to import; nothing here needs it
import os, jupytext
from nodebynode.course.running import run_notebook
run_notebook(jupytext.reads({SLEEPER!r}, fmt="py:percent"), "x", mode="solution", env=os.environ)
"""
GONE_SECONDS = 20


def sleeping_processes(folder):
    """Waits until the sleeper sleeps, and returns its kernel, that kernel's pytest, its child."""
    watch = subprocess.run(
        ["sh", "-c", f"until [ -e '{folder}/pids' ]; do sleep 0.1; done"], timeout=60
    )
    assert watch.returncode == 0
    return [psutil.Process(pid) for pid in json.loads((folder / "pids").read_text())]


def assert_gone(processes):
    _, alive = psutil.wait_procs(processes, timeout=GONE_SECONDS)
    alive = [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    for process in alive:
        process.kill()
    assert alive == []


@pytest.fixture
def runner(tmp_path):
    """A process of its own that runs the sleeper."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNER],
        env={**os.environ, "FOLDER": str(tmp_path), "TMPDIR": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    )
    yield process
    process.kill()
    process.wait()


def test_ctrl_c_ends_all_gently(runner, tmp_path):
    processes = sleeping_processes(tmp_path)
    runner.send_signal(signal.SIGINT)

    assert runner.wait(GONE_SECONDS) != 0
    assert_gone(processes)
    assert (tmp_path / "exited").exists()


def test_a_killed_runner_leaves_nothing_and_the_kernel_ends_gently(runner, tmp_path):
    processes = sleeping_processes(tmp_path)
    runner.kill()

    assert_gone(processes)
    assert (tmp_path / "exited").exists()


def test_no_kernel_outlives_a_pytest_that_is_killed_with_its_runner(runner, tmp_path):
    kernel, plugin, child = sleeping_processes(tmp_path)
    runner.kill()
    plugin.kill()

    try:
        assert_gone([kernel, plugin])
    finally:
        child.kill()  # nobody is left who could have ended it


def test_a_killed_pytest_is_an_error_and_leaves_nothing(notebook, tmp_path):
    with ThreadPoolExecutor(1) as pool:
        env = {"FOLDER": str(tmp_path)}
        run = pool.submit(run_notebook, notebook(SLEEPER), "x", mode="solution", env=env)
        processes = sleeping_processes(tmp_path)
        processes[1].kill()

        with pytest.raises(NodebynodeError, match="pytest ended with status -9"):
            run.result(GONE_SECONDS)
    assert_gone(processes)


def test_the_persons_own_settings_stay_out(notebook, tmp_path, monkeypatch):
    spec = {"argv": ["false"], "display_name": "not this one", "language": "python"}
    for kernels in (".local/share/jupyter/kernels", "path/kernels", "Library/Jupyter/kernels"):
        (tmp_path / kernels / "python3").mkdir(parents=True)
        (tmp_path / kernels / "python3" / "kernel.json").write_text(json.dumps(spec))
    startup = tmp_path / ".ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00-noise.py").write_text("noise = 1")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "path"))
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    told = []

    result = run_notebook(
        notebook(
            "# %%\nimport sys, os\n"
            f"assert sys.executable == {sys.executable!r}\n"
            "assert 'noise' not in globals()\n\n"
            "# %%\nassert os.environ['COLOUR'] == 'blue'"
        ),
        "01 settings/own",
        mode="solution",
        env={"COLOUR": "blue"},
        on_cell=told.append,
    )

    assert result.passed, result
    assert tuple(told) == result.cells
    assert [cell.index for cell in told] == [0, 1]
    assert told[0].first_line == "import sys, os"
    assert all(cell.seconds < 5 < 60 for cell in told)


def test_an_error_of_the_callback_ends_the_run(notebook):
    def stop(cell):
        raise InterruptedError(cell.id)

    before = set(psutil.Process().children())
    with pytest.raises(InterruptedError):
        run_notebook(notebook("# %%\n1\n\n# %%\n2"), "x", mode="solution", env={}, on_cell=stop)
    assert set(psutil.Process().children()) <= before
