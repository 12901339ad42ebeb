"""Executors of each system, for the tests of this folder that hold for all of them."""

from __future__ import annotations

import pytest

from support.executors import TARGETS


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> str:
    """Executors of both systems: what reads messages, and who may come in, is the same source."""
    if request.param == "x86_64-windows":
        request.getfixturevalue("wine")
    return str(request.param)
