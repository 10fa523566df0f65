"""Notebooks for the tests of the harness: written as py:percent, not derived.

Derivation would already refuse some of what the runner must catch on its own.
"""

from __future__ import annotations

import jupytext
import pytest


@pytest.fixture(scope="session")
def notebook():
    """Makes a notebook of py:percent text."""

    def make(text: str):
        return jupytext.reads(text, fmt="py:percent")

    return make
