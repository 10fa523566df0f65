"""The kernel that `learn` starts ahead of the page."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from nodebynode.course.jupyter import address_of, start_kernel

ASKED: list[tuple[str, str, dict]] = []


class Server(BaseHTTPRequestHandler):
    """Takes down what it is asked."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        ASKED.append((self.path, self.headers["Authorization"], json.loads(body)))
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep silent."""


@pytest.fixture
def server() -> Iterator[str]:
    ASKED.clear()
    with HTTPServer(("127.0.0.1", 0), Server) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/lab?token=secret"
        running.shutdown()
        thread.join()


def test_the_notebook_gets_its_session_before_the_page_asks(server: str, tmp_path: Path) -> None:
    start_kernel(address_of(server, tmp_path, tmp_path / "my-labs" / "01-what.ipynb"))
    [(path, token, session)] = ASKED
    assert (path, token) == ("/api/sessions", "token secret")
    assert session["path"] == "my-labs/01-what.ipynb"
    assert session["kernel"] == {"name": "python3"}


def test_where_nobody_answers_the_page_does_it() -> None:
    start_kernel("http://127.0.0.1:1/lab/tree/my-labs/01.ipynb?token=x")
