"""Fixtures of the unit tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.running_shop import Shop, Start


@pytest.fixture
def start() -> Iterator[Start]:
    shops: list[Shop] = []

    def start_one(**env: str) -> Shop:
        shops.append(Shop(env))
        return shops[-1]

    yield start_one
    for shop in shops:
        shop.end()
