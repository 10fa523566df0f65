"""Fixtures of the unit tests."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from nodebynode import cli

from tests.unit.running_shop import Shop, Start


@dataclass(frozen=True, slots=True)
class Said:
    """What a command ended with; the output's line breaks and spaces made even."""

    code: int
    out: str
    err: str


Call = Callable[..., Said]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run keep the pictures as they are drawn now."""
    parser.addoption("--renew-golden", action="store_true", help="write tests/unit/golden/ anew")


@pytest.fixture
def start() -> Iterator[Start]:
    shops: list[Shop] = []

    def start_one(**env: str) -> Shop:
        shops.append(Shop(env))
        return shops[-1]

    yield start_one
    for shop in shops:
        shop.end()


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Call]:
    """Run the command line in this process."""
    before = signal.getsignal(signal.SIGTERM)

    def called(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["nodebynode", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Said(code, " ".join(captured.out.split()), " ".join(captured.err.split()))

    yield called
    signal.signal(signal.SIGTERM, before)
