"""Bytes gathered from many places, against plain slices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uruk.formats.gather import gather_at, gather_runs, join
from uruk.graph.arena import Arena

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

DATA = bytes(np.random.default_rng(4).integers(0, 256, 20_000, np.uint8))
BUFFER = np.frombuffer(DATA, np.uint8)
runs = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 9)), max_size=30)


def gathered(rows: list[tuple[int, int]]) -> bytes:
    starts, sizes = (np.array([row[index] for row in rows], np.int64) for index in (0, 1))
    return gather_runs(BUFFER, starts, sizes).tobytes()


def sliced(rows: list[tuple[int, int]]) -> bytes:
    return b"".join(DATA[start : start + size] for start, size in rows)


@settings(deadline=None)
@given(runs)
def test_any_ranges(rows: list[tuple[int, int]]) -> None:
    assert gathered(rows) == sliced(rows)


@settings(deadline=None)
@given(st.integers(0, 50), st.lists(st.integers(0, 5), max_size=30))
def test_ranges_that_touch(start: int, sizes: list[int]) -> None:
    """Also where one is empty, and where a range goes back to the first."""
    rows: list[tuple[int, int]] = []
    for size in sizes:
        rows.append((start, size))
        start += size
    rows += rows[:1]
    assert gathered(rows) == sliced(rows)


@pytest.mark.parametrize("count", [3999, 4000, 4001, 4500])
def test_many_ranges(count: int) -> None:
    """From some number of runs on, they are gathered by index."""
    rows = [(4 * row, 1 + row % 3) for row in range(count)]
    assert gathered(rows) == sliced(rows)


def test_the_result_is_a_copy() -> None:
    for sizes in ([4], [4, 4], [0, 0]):
        found = gather_runs(BUFFER, np.arange(len(sizes), dtype=np.int64), np.array(sizes, np.int64))
        assert found.flags.writeable
        assert found.size == sum(sizes)
    for pieces in ([BUFFER[:4]], [BUFFER[:4], BUFFER[2:3]]):
        assert join(pieces).tobytes() == b"".join(piece.tobytes() for piece in pieces)
        assert join(pieces).flags.writeable


@settings(deadline=None)
@given(st.lists(st.integers(0, 95), max_size=20))
def test_items_of_several_buffers(places: list[int]) -> None:
    """An item lies whole in its buffer: the last places of each are left out."""
    arena = Arena([BUFFER[:40], BUFFER[40:72], BUFFER[72:100]])
    places = [place for place in places if place not in (37, 38, 39, 69, 70, 71)]
    expected = [int.from_bytes(DATA[place : place + 4], "little") for place in places]
    assert gather_at(arena, np.array(places, np.int64), np.dtype("<u4")).tolist() == expected
    alone = Arena([BUFFER])
    assert gather_at(alone, np.array(places, np.int64), np.dtype("<u4")).tolist() == expected
