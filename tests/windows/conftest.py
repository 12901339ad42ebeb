"""An executor of Windows, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import uruk
from uruk.executor.remote import RemoteExecutor


@pytest.fixture
def executor(wine: Path) -> Iterator[RemoteExecutor]:
    """An executor of Windows."""
    with uruk.spawn(target="x86_64-windows") as spawned:
        yield spawned
