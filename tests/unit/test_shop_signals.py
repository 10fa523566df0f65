"""What `shop` does at SIGTERM, as its clients see it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time

import pytest

from tests.unit.running_shop import PATIENCE, Client, Start, wait_for

# --- SIGTERM, as seen by an idle connection, a request in flight and a new connection ---


def test_finish(start: Start) -> None:
    shop = start(SHOP_WORK_SECONDS="1")
    idle, busy = shop.connect(), shop.connect()
    for client in (idle, busy):
        assert "connection" not in client.get("/healthz")[1]
    busy.send()
    assert "connections open: 2" in shop.sigterm()
    shop.wait_line(" stopping: ")
    with pytest.raises(ConnectionRefusedError):
        shop.connect()
    assert idle.is_closed()
    assert shop.process.poll() is None
    # A second SIGTERM changes nothing. Only repeating it can tell when the request was read.
    wait_for(lambda: "in flight: 1" in shop.sigterm("already stopping"))
    status, headers, _ = busy.receive()
    assert (status, headers["connection"]) == (200, "close")
    assert busy.is_closed()
    assert shop.exit_code() == 0


def test_finish_with_nothing_open_ends_at_once(start: Start) -> None:
    shop = start()
    assert shop.port
    shop.sigterm()
    assert shop.exit_code() == 0


def test_exit_cuts_everything(start: Start) -> None:
    shop = start(SHOP_WORK_SECONDS="1", SHOP_ON_SIGTERM="exit")
    idle, busy = shop.connect(), shop.connect()
    for client in (idle, busy):
        client.get("/healthz")
    busy.send()
    assert "exits at once" in shop.sigterm()
    assert shop.exit_code() == 0
    assert idle.is_closed()
    # A reset is what a client sees when its request had not been read yet.
    with contextlib.suppress(ConnectionResetError):
        assert busy.receive()[0] == 0
    with pytest.raises(ConnectionRefusedError):
        shop.connect()


def test_ignore_goes_on_as_before(start: Start) -> None:
    shop = start(SHOP_WORK_SECONDS="0.2", SHOP_ON_SIGTERM="ignore")
    client = shop.connect()
    client.send()
    for _ in range(3):
        assert "ignored" in shop.sigterm()
    for _ in range(2):
        status, headers, _ = client.receive()
        assert status == 200
        assert "connection" not in headers
        client.send()
    status, headers, _ = shop.connect().get()
    assert status == 200
    assert "connection" not in headers
    assert shop.process.poll() is None


def test_no_sigterm_goes_unnoticed(start: Start) -> None:
    # A signal that meets the main thread on its way to sleep is easily lost.
    shop = start(SHOP_ON_SIGTERM="ignore")
    assert shop.port
    for _ in range(200):
        shop.sigterm()


def test_drain_serves_until_its_clients_have_gone(start: Start) -> None:
    shop = start(SHOP_WORK_SECONDS="1", SHOP_ON_SIGTERM="drain")
    idle, busy = shop.connect(), shop.connect()
    for client in (idle, busy):
        client.get("/healthz")
    busy.send()
    assert "connections open: 2" in shop.sigterm()
    # A new connection is served; so is the one that was open, and each learns that it must go.
    new = shop.connect()
    for client, path in ((new, "/ready"), (busy, ""), (idle, "/healthz")):
        status, headers, _ = client.get(path) if path else client.receive()
        assert (status, headers["connection"]) == (200, "close")
        assert client.is_closed()
    begin = time.monotonic()
    assert shop.exit_code() == 0
    assert time.monotonic() - begin > 0.4
    assert "all clients have gone" in shop.wait_line(" stopping: ")


def test_drain_starts_its_half_second_anew_with_each_client(start: Start) -> None:
    shop = start(SHOP_ON_SIGTERM="drain")
    assert shop.port
    shop.sigterm()
    begin = time.monotonic()
    while time.monotonic() - begin < 0.9:
        assert shop.connect().get()[0] == 200
        time.sleep(0.1)  # the pace of the clients is what is tested
    assert shop.exit_code() == 0


def test_drain_waits_for_an_open_connection(start: Start) -> None:
    shop = start(SHOP_ON_SIGTERM="drain")
    client = shop.connect()
    client.get()
    shop.sigterm()
    with pytest.raises(subprocess.TimeoutExpired):
        shop.process.wait(0.7)
    client.close()
    assert shop.exit_code() == 0


def test_sigterm_under_load_loses_only_what_its_mode_loses(start: Start) -> None:
    shop = start(SHOP_ON_SIGTERM="drain")
    port = shop.port
    lost: list[str] = []
    answers: list[int] = []
    enough = threading.Event()

    def use() -> None:
        client = None
        while not enough.is_set():
            try:
                client = client or Client(port)
                status, headers, _ = client.get()
                answers.append(status)
                if "connection" in headers:
                    client.close()
                    client = None
            except OSError as error:
                lost.append(repr(error))
        if client:
            client.close()

    users = [threading.Thread(target=use) for _ in range(4)]
    for user in users:
        user.start()
    try:
        wait_for(lambda: len(answers) > 200)
        shop.sigterm()
        seen = len(answers)
        wait_for(lambda: len(answers) > seen + 200)
    finally:
        enough.set()
        for user in users:
            user.join(PATIENCE)
    assert shop.exit_code() == 0
    assert not lost
    assert set(answers) == {200}


def test_ctrl_c_leaves_no_traceback(start: Start) -> None:
    shop = start()
    assert shop.port
    shop.process.send_signal(signal.SIGINT)
    assert shop.exit_code() == 130
    assert shop.stderr() == ""
