"""A child that is dropped without `close()` is warned of, and ends."""

from __future__ import annotations

import gc
import time
import warnings
from pathlib import Path

import pytest

import uruk

pytestmark = pytest.mark.any_interpreter


@pytest.mark.parametrize("with_session", [False, True])
def test_a_dropped_child_is_warned_of_and_ends(with_session: bool) -> None:
    executor = uruk.spawn()
    assert executor.child is not None
    pid = executor.child.pid
    jit = uruk.LLJIT(executor=executor) if with_session else None
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        del executor, jit
        for _ in range(100):  # other threads may look at it for a moment
            gc.collect()
            if warned:
                break
            time.sleep(0.05)
    (text,) = [str(one.message) for one in warned if one.category is ResourceWarning]
    assert text.startswith(f"process {pid}, an executor, was not closed: use `with'")
    end = time.monotonic() + 20
    while Path(f"/proc/{pid}/stat").is_file() and " Z " not in Path(f"/proc/{pid}/stat").read_text():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_child_that_was_closed_is_not() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with uruk.LLJIT(executor=uruk.spawn()) as jit:
            assert jit.executor.lost is None
        del jit
        gc.collect()
