"""Array types and small numpy helpers that every floor uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

# These are what `npt.NDArray` makes, without an import of `numpy.typing`, which nothing else needs at run time.
U8: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]
U32: TypeAlias = np.ndarray[Any, np.dtype[np.uint32]]
U64: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]
I8: TypeAlias = np.ndarray[Any, np.dtype[np.int8]]
I32: TypeAlias = np.ndarray[Any, np.dtype[np.int32]]
I64: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
Bool: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
AnyArray: TypeAlias = np.ndarray[Any, np.dtype[Any]]

NONE = -1
"""A row number that stands for "no row"."""


NO_ROWS: I64 = np.empty(0, np.int64)
ADDRESSES = 1 << 64
"""The number of addresses. Columns of addresses are int64, and wrap around: those from 2^63 on are negative."""


HALF = ADDRESSES >> 1


def signed(address: int) -> int:
    """Return the number modulo 2^64 that a column of addresses has for an address."""
    return (address + (1 << 63)) % ADDRESSES - (1 << 63)


def unsigned(address: int) -> int:
    """Return the address, from 0 on, that a number in a column of addresses stands for."""
    return address % ADDRESSES


def filled(count: int, value: int, dtype: type[np.generic]) -> AnyArray:
    """np.full without its wrapper, which costs more than a small column does."""
    column = np.empty(count, dtype)
    column.fill(value)
    return column


def windows(buffer: U8, dtype: npt.DTypeLike) -> AnyArray:
    """View `buffer` as overlapping items of `dtype`, one at every byte: item i is the bytes from i on.

    Indexing the view with a column of offsets gathers (or scatters) items at any alignment. The caller has checked
    that each offset + item size lies in the buffer; the view itself ends where the last whole item does.
    """
    item = np.dtype(dtype)
    # The stride is one byte, whatever the size of an item.
    return np.ndarray((max(0, buffer.size - item.itemsize + 1),), item, buffer, 0, (1,))


def ranges(starts: I64, counts: I64) -> I64:
    """Concatenate arange(start, start + count) for every row, without a loop."""
    total = int(counts.sum())
    ends = np.cumsum(counts)
    out = np.arange(total, dtype=np.int64)
    # Row i of a range is start + (i - rows before the range): the difference is the same for all of its rows.
    out += np.repeat(starts - (ends - counts), counts)
    return out


def true_rows(mask: Bool) -> I64:
    """Return row numbers where a mask is set: np.flatnonzero without its costly wrappers."""
    return mask.nonzero()[0]


def ranks(keys: I64, limit: int) -> tuple[I64, I64]:
    """Return the distinct keys, ascending, and for each key its place among them; keys are in [0, limit).

    np.unique imports numpy.ma on its first call, and hashes or sorts; a mask over few million numbers does neither.
    """
    # A mask over many more numbers than there are keys costs more than a sort.
    if limit > 1 << 23 or limit > 64 * keys.size + 4096:
        order = keys.argsort(kind="stable")
        ordered = keys[order]
        first = np.ones(keys.size, np.bool_)
        # The first row of each run of equal keys; the running count of these numbers the runs from 1.
        np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
        inverse = np.empty(keys.size, np.int64)
        # Scattered back to the order of `keys`.
        inverse[order] = first.cumsum() - 1
        return ordered[first], inverse
    seen = np.zeros(limit, np.bool_)
    seen[keys] = True
    distinct = seen.nonzero()[0]
    # Only rows of numbers that occur are written, and only these are read: the others stay uninitialised.
    place = np.empty(limit, np.int32)
    place[distinct] = np.arange(distinct.size, dtype=np.int32)
    return distinct, place[keys].astype(np.int64)


def unique(values: AnyArray) -> AnyArray:
    """Return the distinct values, ascending. np.unique would import numpy.ma on its first call, which costs 10 ms."""
    ordered = np.sort(values, axis=None)
    first = np.ones(ordered.size, np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


def distinct(values: AnyArray) -> list[int]:
    """Return the distinct values, ascending, as numbers; few of them as a Python set, which costs less than numpy
    does."""
    return sorted(set(values.tolist())) if values.size < 100 else unique(values).tolist()


count_true: Callable[[AnyArray], int] = getattr(np.count_nonzero, "__wrapped__", np.count_nonzero)
"""The number of rows that are set: np.count_nonzero without its dispatcher, which costs more than a small column."""


def some(mask: Bool) -> bool:
    """Return True if any row is set: mask.any() without its wrapper."""
    return bool(count_true(mask))


def every(mask: Bool) -> bool:
    """Return True if all rows are set."""
    return bool(count_true(mask) == mask.size)
