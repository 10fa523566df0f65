"""A lab opened in JupyterLab: the learner's own copy, and one server that is reused.

`labs/` stays as it came, so that an update of the course never meets a learner's answers: what is
opened is a copy in `my-labs/`, made once and theirs from then on.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from nodebynode import settings
from nodebynode.course import kernel
from nodebynode.errors import BadInput, NodebynodeError
from nodebynode.kube import Kubectl
from nodebynode.processes import die_with_parent
from nodebynode.waiting import wait_for

MY_LABS = "my-labs"
_NOT_IN_THE_PAGE = (
    "@jupyterlab/apputils-extension:announcements",
    "@jupyterlab/lsp-extension",
    "jupyterlab-jupytext",
)
_NOT_IN_THE_SERVER = ("jupyter_lsp", "jupyterlab_jupytext", "notebook_shim")
_KERNEL = "python3"
"""The kernel that labs name in their metadata."""
_KERNEL_SECONDS = 10.0
Served = tuple[str, subprocess.Popen[bytes]]


def own_copy(root: Path, lab: str) -> Path:
    """Return the learner's copy of a lab, making it if there is none.

    Args:
        root: The course's folder.
        lab: The lab's whole name, e.g. `01-what-runs-where`.

    Raises:
        BadInput: the lab was never derived from its solution, or the copy cannot be written.
    """
    source, copy = root / "labs" / f"{lab}.ipynb", root / MY_LABS / f"{lab}.ipynb"
    if copy.exists():
        return copy
    if not source.exists():
        raise BadInput(f"There is no {source}.", "Make it with `nodebynode labs derive`.")
    part = copy.with_suffix(".part")
    try:
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(source, part)
        part.replace(copy)
    except OSError as error:
        raise BadInput(
            f"Your copy of the lab cannot be written to {copy}: {error.strerror}.",
            "Make room, or give yourself the rights to write there.",
        ) from error
    return copy


def server_environment(kubectl: Kubectl, cluster: str) -> dict[str, str]:
    """Return JupyterLab's environment: in its terminals `kubectl` and `nodebynode` just work."""
    environment = kubectl.environment()
    scripts = sysconfig.get_path("scripts")
    ours = _folder(cluster)
    _write_config(ours / "config")
    return {
        **environment,
        "PATH": os.pathsep.join((scripts, environment["PATH"])),
        "NODEBYNODE_CLUSTER": cluster,
        "JUPYTER_RUNTIME_DIR": str(ours / "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_CONFIG_PATH": str(ours / "config"),
        "IPYTHONDIR": str(kernel.write_profile(ours / "ipython")),
    }


def _write_config(folder: Path) -> None:
    """Switch off what asks the internet for news, and what only costs time while it starts.

    The learner's own settings stay in force.
    """
    page = {"disabledExtensions": dict.fromkeys(_NOT_IN_THE_PAGE, True)}
    server = {"ServerApp": {"jpserver_extensions": dict.fromkeys(_NOT_IN_THE_SERVER, False)}}
    for name, content in (
        ("labconfig/page_config.json", page),
        ("jupyter_server_config.json", server),
    ):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))


def running_server(root: Path, cluster: str) -> str | None:
    """Return the address of our server for this course and cluster, if one runs.

    Each Jupyter server describes itself in a file of its runtime folder. jupyter_server can read
    those too, but its import alone takes a second.
    """
    for file in (_folder(cluster) / "runtime").glob("jpserver-*.json"):
        try:
            server = json.loads(file.read_text())
            os.kill(server["pid"], 0)
            if Path(server["root_dir"]) == root:
                return f"{server['url']}lab?token={server['token']}"
        except (OSError, ValueError, KeyError):  # it has ended, or is just being written
            continue
    return None


def address_of(server: str, root: Path, notebook: Path) -> str:
    """Return the address at which a server shows a notebook."""
    return server.replace("/lab?", f"/lab/tree/{notebook.relative_to(root).as_posix()}?")


def start_kernel(address: str) -> None:
    """Start a notebook's kernel while the browser still loads the page, which then finds it.

    That takes a second out of a learner's wait. Where it does not work, the page does it as usual.

    Args:
        address: From `address_of`.
    """
    url = urlsplit(address)
    session = {
        "path": url.path.partition("/lab/tree/")[2],
        "name": "",
        "type": "notebook",
        "kernel": {"name": _KERNEL},
    }
    headers = {"Authorization": f"token {url.query.removeprefix('token=')}"}
    asked = HTTPConnection(url.hostname or "", url.port, timeout=_KERNEL_SECONDS)
    with closing(asked), suppress(OSError, HTTPException):
        asked.request("POST", "/api/sessions", json.dumps(session), headers)
        asked.getresponse()


@contextmanager
def serve(root: Path, environment: Mapping[str, str], cluster: str) -> Iterator[Served]:
    """Run JupyterLab on 127.0.0.1 until the block is left.

    Args:
        root: The course's folder, which is what JupyterLab shows.
        environment: From `server_environment`.
        cluster: The cluster that its labs use; each cluster has a server of its own.

    Yields:
        The server's address with its token, and its process.

    Raises:
        NodebynodeError: it did not start; the message names its log.
    """
    log = _folder(cluster) / "jupyter.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "nodebynode.course.labserver", "--no-browser"),
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={root}",
        # A login shell, which is Jupyter's choice here, would set PATH anew and lose our tools.
        f"--ServerApp.terminado_settings={{'shell_command': [{_shell()!r}]}}",
        *(["--allow-root"] if os.geteuid() == 0 else []),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    try:
        yield _await_server(root, cluster, process, log), process
    finally:
        _stop(process)


def _await_server(root: Path, cluster: str, process: subprocess.Popen[bytes], log: Path) -> str:
    def started() -> str | None:
        if process.poll() is not None:
            last = log.read_text(errors="replace").strip().splitlines()[-3:]
            raise NodebynodeError(
                f"JupyterLab ended while it started: {' '.join(last)}",
                f"All that it printed is in {log}.",
            )
        return running_server(root, cluster)

    return wait_for(
        started,
        timeout=60,
        what="JupyterLab to start",
        seen=lambda: "",
        do=f"Look into {log}.",
        every=0.1,
    )


def _shell() -> str:
    return os.environ.get("SHELL") or shutil.which("bash") or "/bin/sh"


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and, with it, its kernels; kill what has not ended after ten seconds."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _folder(cluster: str) -> Path:
    return settings.data_dir() / "jupyter" / cluster
