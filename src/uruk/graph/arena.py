"""The bytes that a graph's blocks come from: one address space over a few buffers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from uruk.regular_files import INPUT_ALIGN, INPUT_TAIL

if TYPE_CHECKING:
    from uruk.graph.types import I64, U8


class Arena:
    """Buffers laid end to end in one offset space. `content` columns of a graph are offsets into it."""

    def __init__(self, buffers: Sequence[U8] = ()) -> None:
        self.buffers: list[U8] = [*buffers]
        self.bases: list[int] = []
        self.size = 0
        # As `append` does it, without a call for each.
        for buffer in buffers:
            self.bases.append(self.size)
            self.size += buffer.size

    @classmethod
    def join(cls, pieces: Sequence[bytes | bytearray | memoryview]) -> tuple[Arena, list[int]]:
        """Copy `pieces` into one buffer, each aligned to 16 bytes; returns the arena and where each piece begins."""
        arena, starts = cls.of_sizes([len(piece) for piece in pieces])
        view = memoryview(arena.buffers[0])
        for start, piece in zip(starts, pieces, strict=True):
            view[start : start + len(piece)] = piece
        return arena, starts

    @classmethod
    def of_one(cls, piece: bytes | bytearray | memoryview) -> Arena:
        """Copy one piece into a buffer, as `join` does; it begins at 0."""
        # Up to the alignment, and the tail.
        behind = -len(piece) % INPUT_ALIGN + INPUT_TAIL
        return cls((np.frombuffer(bytearray().join((piece, bytes(behind))), np.uint8),))

    @classmethod
    def of_sizes(cls, sizes: Sequence[int]) -> tuple[Arena, list[int]]:
        """Return one buffer with room for pieces of these sizes, which the caller fills, and the offset of each
        piece."""
        starts: list[int] = []
        end = 0
        for size in sizes:
            starts.append(end)
            # Rounded up: division rounds down, that of the negative number up.
            end += -(-size // INPUT_ALIGN) * INPUT_ALIGN
        buffer = np.empty(end + INPUT_TAIL, np.uint8)
        # The tail is read where a window begins in the last piece, and decides nothing. Zeros make it always the same.
        buffer[end:] = 0
        return cls([buffer]), starts

    def append(self, buffer: U8) -> int:
        """Add a buffer; returns the offset at which it begins."""
        base = self.size
        self.buffers.append(buffer)
        self.bases.append(base)
        self.size += buffer.size
        return base

    def bytes_at(self, offset: int, size: int) -> bytes:
        """Copy `size` bytes from `offset`, which must lie within one buffer."""
        # The last base that is not above the offset; "right", as a base is in its own buffer.
        index = bisect_right(self.bases, offset) - 1
        start = offset - self.bases[index]
        return self.buffers[index][start : start + size].tobytes()

    def string_at(self, offset: int, limit: int = 1 << 62) -> bytes:
        """Return the NUL-terminated string at `offset`, or its first bytes if it is longer than about `limit` bytes."""
        index = bisect_right(self.bases, offset) - 1
        buffer = self.buffers[index]
        start = offset - self.bases[index]
        step = 256
        while True:
            piece = buffer[start : start + step].tobytes()
            end = piece.find(b"\0")
            if end >= 0:
                return piece[:end]
            if len(piece) < step or step >= limit:
                return piece
            # Nearly all names fit into the first piece. For a long one the next is larger, so that the work stays
            # linear.
            step *= 4

    def split(self, offsets: I64) -> Iterator[tuple[U8, int, slice]]:
        """Yield, for offsets in ascending order, each buffer that they touch, its base, and the rows that lie in it."""
        if len(self.buffers) == 1:
            yield self.buffers[0], 0, slice(None)
            return
        # The first row at or behind each base, and behind the end: ascending offsets are cut there.
        bounds = offsets.searchsorted(np.array([*self.bases, self.size], np.int64)).tolist()
        for index, buffer in enumerate(self.buffers):
            low, high = bounds[index], bounds[index + 1]
            if low < high:
                yield buffer, self.bases[index], slice(low, high)
