"""Functions that gather bytes from many places of an arena as columns; the readers of all object formats use them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from uruk.graph.arena import Arena
from uruk.graph.types import I64, U8, AnyArray, ranges, true_rows, windows

NAME_SHARING = 16
"""Names that a byte of a string table may be part of, on average: suffixes are shared, but not without end."""
CROWDED = "has a name that overlaps too many others"
"""The problem with a name beyond that, for errors."""
_ITEMS_OF_A_SLICE = 40
"""Items that are gathered by index in the time in which one slice is made and copied."""


def strings_at(arena: Arena, places: Sequence[int], make_error: Callable[[int], Exception]) -> list[bytes]:
    """Return the NUL-terminated strings at these places of an arena.

    Strings may share bytes, so that the sum of their lengths is bounded, by `NAME_SHARING` times the arena's size. This
    raises what `make_error` returns for the row in `places` of the first string beyond that.
    """
    room = NAME_SHARING * arena.size
    texts: list[bytes] = []
    for row, place in enumerate(places):
        texts.append(arena.string_at(place))
        room -= len(texts[-1])
        if room < 0:
            raise make_error(row)
    return texts


def gather_runs(buffer: U8, starts: I64, sizes: I64, item: int = 1) -> U8:
    """Return the bytes of many ranges, end to end. Ranges that touch are copied as one; many small ones by index.

    All `sizes` are multiples of `item`.
    """
    # One small object is the usual case; it has one table, and needs no column operations.
    if starts.size == 1:
        start = int(starts[0])
        return buffer[start : start + int(sizes[0])].copy()
    # An empty range may begin anywhere: between two ranges that touch it would end their run.
    keep = sizes > 0
    starts, sizes = starts[keep], sizes[keep]
    if starts.size == 0:
        return np.empty(0, np.uint8)
    # The first row of each run of ranges that touch, and the end of each run's last row.
    first = true_rows(np.concatenate([[True], starts[1:] != starts[:-1] + sizes[:-1]]))
    ends = (starts + sizes)[np.concatenate([first[1:] - 1, [starts.size - 1]])]
    # Where runs are short one gather by index costs less than a slice and a copy of each: index arithmetic costs a
    # fixed amount an item, and a small array as much as some forty of them, whatever its size.
    if first.size > 1000 and first.size * _ITEMS_OF_A_SLICE > int(sizes.sum()) // item:
        places = ranges(np.zeros_like(starts), sizes // item) * item + starts.repeat(sizes // item)
        return windows(buffer, np.dtype((np.void, item)))[places].view(np.uint8)
    return np.concatenate([buffer[a:b] for a, b in zip(starts[first].tolist(), ends.tolist(), strict=True)])


def join(pieces: Sequence[U8]) -> U8:
    """Return a copy of all pieces, end to end."""
    return pieces[0].copy() if len(pieces) == 1 else np.concatenate(pieces)


def gather_at(arena: Arena, places: I64, dtype: np.dtype[np.generic]) -> AnyArray:
    """Return what lies at many places of an arena, each of which has room for it in its buffer."""
    if not places.size:
        return np.empty(0, dtype)
    # All places lie in the first buffer, which begins at 0: the place is the index.
    if len(arena.buffers) == 1 or int(places.max()) < arena.bases[1]:
        return windows(arena.buffers[0], dtype)[places]
    values = np.empty(places.size, dtype)
    # The last base that is not above a place. With side "right", a place at which a buffer begins is of that buffer.
    buffer_of = np.searchsorted(np.array(arena.bases), places, "right") - 1
    # The buffers in which any of the places lie; the others are not looked at.
    for index in np.bincount(buffer_of).nonzero()[0].tolist():
        inside = buffer_of == index
        values[inside] = windows(arena.buffers[index], dtype)[places[inside] - arena.bases[index]]
    return values
