"""The helpers of columns against plain Python: ranks, distinct values, ranges, items at any place, addresses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uruk.graph.types import distinct, every, filled, ranges, ranks, signed, some, true_rows, unique, unsigned, windows

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

numbers = st.lists(st.integers(0, 60), max_size=200)


@settings(deadline=None)
@given(numbers, st.sampled_from([61, 100, 5000, 20_000, (1 << 23) + 1, 1 << 40]))
def test_ranks(keys: list[int], limit: int) -> None:
    """By a mask, and by a sort where the limit is much above the number of keys, or above all bounds."""
    found, places = ranks(np.array(keys, np.int64), limit)
    assert found.tolist() == sorted(set(keys))
    assert places.tolist() == [sorted(set(keys)).index(key) for key in keys]


def test_ranks_of_many_keys_below_a_high_limit() -> None:
    keys = np.arange(200_000, dtype=np.int64)[::-1] * 41
    found, places = ranks(keys, int(keys.max()) + 1)
    assert (found == keys[::-1]).all()
    assert (places == np.arange(200_000)[::-1]).all()


@settings(deadline=None)
@given(st.lists(st.integers(-5, 300), max_size=300))
def test_distinct_values(values: list[int]) -> None:
    column = np.array(values, np.int64)
    assert unique(column).tolist() == distinct(column) == sorted(set(values))


@given(st.lists(st.tuples(st.integers(-10, 1000), st.integers(0, 7)), max_size=20))
def test_ranges(rows: list[tuple[int, int]]) -> None:
    starts, counts = (np.array([row[index] for row in rows], np.int64) for index in (0, 1))
    assert ranges(starts, counts).tolist() == [start + turn for start, count in rows for turn in range(count)]


@pytest.mark.parametrize("size", [0, 3, 4, 5, 11])
def test_items_at_every_byte(size: int) -> None:
    data = bytes(range(1, size + 1))
    view = windows(np.frombuffer(data, np.uint8), "<u4")
    assert view.tolist() == [int.from_bytes(data[at : at + 4], "little") for at in range(max(size - 3, 0))]


@pytest.mark.parametrize("address", [0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_addresses_in_columns(address: int) -> None:
    number = signed(address)
    assert -(1 << 63) <= number < 1 << 63
    assert number % (1 << 64) == address == unsigned(number)


@given(st.lists(st.booleans(), max_size=12))
def test_masks(values: list[bool]) -> None:
    mask = np.array(values, np.bool_)
    assert (some(mask), every(mask)) == (any(values), all(values))
    assert true_rows(mask).tolist() == [row for row, value in enumerate(values) if value]


def test_filled() -> None:
    column = filled(3, -1, np.int32)
    assert (column.tolist(), column.dtype) == ([-1, -1, -1], np.int32)
