"""Fixtures for tests of the Python API: real compilers, and child interpreters for what may end the process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import uruk

from support.compiling import Compile, RunChild


@pytest.fixture(scope="session")
def cc(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """Compile a source text to an object and return its path; see `Compile.__call__`."""
    return Compile(tmp_path_factory.mktemp("objects"))


@pytest.fixture
def child(tmp_path_factory: pytest.TempPathFactory) -> RunChild:
    """Run a Python text in a fresh interpreter of this kind."""
    return RunChild(tmp_path_factory.mktemp("child"))


@pytest.fixture
def jit() -> Iterator[uruk.LLJIT]:
    """An open JIT with the default options."""
    with uruk.LLJIT() as one:
        yield one
