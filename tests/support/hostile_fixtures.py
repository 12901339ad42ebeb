"""Objects to break, and one session that has to survive all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from uruk import LLJIT

from support import sample_objects
from support.sample_objects import StillWorks


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Sound objects by name, see `sample_objects.build`, and the `good` one."""
    folder: Path = tmp_path_factory.mktemp("objects")
    return sample_objects.build(folder) | {"good": sample_objects.good(folder)}


@pytest.fixture(scope="session")
def lasting_jit() -> Iterator[LLJIT]:
    """One session for all hostile inputs."""
    with LLJIT() as session:
        yield session


@pytest.fixture
def still_works(lasting_jit: LLJIT, objects: dict[str, bytes]) -> StillWorks:
    """Links and runs a good object in the session."""

    def check() -> None:
        tracker = lasting_jit.add_object(objects["good"], "good.o")
        assert lasting_jit.lookup("answer").function("int(int)")(1) == 43
        tracker.remove()

    return check
