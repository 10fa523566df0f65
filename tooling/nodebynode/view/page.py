"""A film as one file that needs nothing else: for a lesson without a cluster, or for a colleague.

The page asks the network for nothing, and its policy forbids it to. Only its own script may run:
the names and messages of a cluster are whatever somebody has typed.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from nodebynode.errors import BadInput
from nodebynode.view.film import Film
from nodebynode.view.metrics import clean

PLAYER, STYLE, MARKUP = (
    Path(__file__).with_name(f"player.{kind}").read_text(encoding="utf-8")
    for kind in ("js", "css", "html")
)
_LOOK = """
body { margin: 16px auto; padding: 0 12px; background: #fff; color: #1b1f24; }
main > * { max-width: 1280px; margin-left: auto; margin-right: auto; }
main:has(.nbn-compare) > * { max-width: none; }
.nbn [data-ui="live"] { display: none; }
h1, noscript { font: 600 20px/1.4 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
"""
_START = """
const place = document.getElementById("player"), film = new Film();
film.hear(JSON.parse(document.getElementById("film").textContent));
const view = mount(place, place.innerHTML, film, false);
"""


def page(film: Film, title: str, *, at: datetime | None = None) -> str:
    """A film as an HTML page that works offline, also from a file.

    Args:
        film: What to show.
        title: The heading.
        at: The instant that it opens at; its first where it is None.

    Raises:
        BadInput: the film has no frame.
    """
    frames = list(film.frames)
    if not frames:
        raise BadInput(
            "There is nothing to show: the recording holds no instant.",
            "Record while something happens, then try again.",
        )
    opening = f"view.show({film.number_at(at)});\n" if at else ""
    script = f"\n{PLAYER}{_START}{opening}"
    name = html.escape(clean(title))
    # In JSON a `<` can stand only inside a string; so no text can end the element.
    told = json.dumps(film.as_json(), ensure_ascii=False, separators=(",", ":"))
    told = told.replace("<", r"\u003c")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<style>{_LOOK}{STYLE}</style>
</head>
<body>
<main>
<h1>{name}</h1>
<noscript>{html.escape(frames[-1].sentence)} To go through the film, allow scripts.</noscript>
<div id="player">{MARKUP}</div>
</main>
<script type="application/json" id="film">{told}</script>
<script type="module">{script}</script>
</body>
</html>
"""


@contextmanager
def serve(text: str) -> Iterator[str]:
    """Serve a page to this machine's browsers, at its address, until the block ends.

    Args:
        text: The page, as HTML.

    Yields:
        The address, on 127.0.0.1 and a free port.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(text.encode()))
    server.daemon_threads = True
    host = f"127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield f"http://{host}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )


def _handler(body: bytes) -> type[BaseHTTPRequestHandler]:
    class OnePage(BaseHTTPRequestHandler):
        """Answers with the page, and only to who asked this machine for it."""

        def do_GET(self) -> None:
            """Send the page."""
            # A page of another site could have its own name lead here, and read what is shown.
            known = self.headers.get("Host") == f"127.0.0.1:{self.connection.getsockname()[1]}"
            if self.path != "/" or not known:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the terminal is for the person."""

    return OnePage
