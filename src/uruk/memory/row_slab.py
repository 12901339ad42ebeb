"""Slabs in which segments lie one after the other, as LLVM's mappers divide theirs, for code that runs.

Every segment takes whole pages, so that each can have its own protection. The first page of a slab is left empty:
sanitizers read a few bytes before a function, which may be the first thing in a segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.memory.mapper import Mapper, Protection
from uruk.memory.ranges import FreeList
from uruk.memory.slab import Slab

if TYPE_CHECKING:
    from uruk.memory.interface import SegmentLike


class RowSlab(Slab):
    """`size` bytes of a reservation at `base`; see above. Segments take whole `page`s, each some of the mapper's."""

    def __init__(self, mapper: Mapper, base: int, size: int, page: int) -> None:
        super().__init__(mapper, base, (size, 0, 0))
        self.page = page
        # The empty page can be read, and has nothing but zeros.
        mapper.initialize([(base, page)], Protection.R, [])
        self._free = FreeList(base + page, size - page)

    def extent(self, zone: int, size: int) -> int:
        """Return the number of bytes that a segment takes: whole pages, in every zone."""
        return -(-size // self.page) * self.page

    def take_all(self, segments: Sequence[SegmentLike]) -> list[int] | None:
        """See `Slab.take_all`: all of them in one range, in the order asked for."""
        starts, size, align = _row(segments, self.page, self.mapper.page_size)
        at = self._free.take(size, align) if size else self.base
        if at is None:
            return None
        end = at
        for start, segment in zip(starts, segments, strict=True):
            if segment.size:
                # What a wide alignment skips is free for others.
                if at + start > end:
                    self._free.give(end, at + start - end)
                end = at + start + self.extent(segment.zone, segment.size)
                self.used += self.extent(segment.zone, segment.size)
        return [at + start if segment.size else self.base for start, segment in zip(starts, segments, strict=True)]

    def is_free(self, address: int) -> bool:
        """See `Slab.is_free`."""
        return self._free.holds(address)

    def give(self, zone: int, address: int, size: int) -> None:
        """See `Slab.give`."""
        size = self.extent(zone, size)
        self._free.give(address, size)
        self.used -= size


def size_for(segments: Sequence[SegmentLike], page: int, granule: int, smallest: int) -> int:
    """Return the size of a slab that has room for segments behind its empty page: whole granules of whole pages.

    `smallest` is the mapper's page size, of which every slab's address is a multiple.
    """
    _, size, align = _row(segments, page, smallest)
    unit = -(-granule // page) * page
    # The row may have to begin almost as much later as its alignment is wide.
    return -(-(page + size + align - 1) // unit) * unit


def _row(segments: Sequence[SegmentLike], page: int, smallest: int) -> tuple[list[int], int, int]:
    """Return where segments begin in a row, the row's size, and the alignment that it must have as a whole."""
    starts: list[int] = []
    end, align = 0, 1
    for segment in segments:
        # Slabs and pages have all alignments up to the smallest page's.
        wide = segment.align if segment.align > smallest else 1
        starts.append(-(-end // wide) * wide)
        end, align = starts[-1] + -(-segment.size // page) * page, max(align, wide)
    return starts, end, align
