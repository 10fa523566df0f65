"""Fixtures of the unit tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.running_shop import Shop, Start


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
