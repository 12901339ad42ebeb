"""A slab of addresses as LLVM's mappers divide one: segments one after the other, each of whole pages in size.

An address that is not a multiple of the page size stays what it is: segments then begin at unaligned addresses, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.memory.fixed import FixedAllocation, FixedMemory
from uruk.records import record

if TYPE_CHECKING:
    from uruk.memory.interface import SegmentLike
    from uruk.memory.mapper import Reach


@record
class _Roomy:
    """A segment with room for blocks that move up to their alignments."""

    module: int
    zone: int
    size: int
    align: int
    stored: int


class SegmentSlab(FixedMemory):
    """Fixed memory in which segments lie in the order asked for, each rounded up to whole pages, none aligned.

    `size` is what is reserved at a time; see `FixedMemory` for the rest.
    """

    def allocate(self, segments: Sequence[SegmentLike], reach: Reach) -> FixedAllocation:
        """See `FixedMemory.allocate`; segments that begin unaligned have room for blocks that are aligned."""
        return super().allocate([self._roomy(segment) for segment in segments], reach)

    def _roomy(self, segment: SegmentLike) -> SegmentLike:
        # Segments are whole pages behind the first address: they have its distance from multiples of smaller numbers.
        if segment.align <= self.page_size and self.address % segment.align == 0:
            return segment
        more = segment.align - 1 if segment.size else 0
        return _Roomy(segment.module, segment.zone, segment.size + more, segment.align, segment.stored + more)

    def ordered(self, segments: Sequence[SegmentLike]) -> list[int]:
        """Return the order in which segments are placed: as they come."""
        return list(range(len(segments)))

    def extent(self, start: int, size: int) -> int:
        """Return the number of bytes that a segment takes: its size in whole pages, wherever it begins."""
        return -(-size // self.page_size) * self.page_size

    def aligned(self, address: int, align: int) -> int:
        """Return the address itself: blocks are aligned, segments are not."""
        return address
