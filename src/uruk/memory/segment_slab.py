"""A slab of addresses as LLVM's mappers divide one: segments one after the other, each of whole pages in size.

An address that is not a multiple of the page size stays what it is: segments then begin at unaligned addresses, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from uruk.memory.fixed import FixedMemory
from uruk.memory.interface import SegmentLike


class SegmentSlab(FixedMemory):
    """Fixed memory in which segments lie in the order asked for, each rounded up to whole pages, none aligned.

    `size` is what is reserved at a time; see `FixedMemory` for the rest.
    """

    def ordered(self, segments: Sequence[SegmentLike]) -> list[int]:
        """Return the order in which segments are placed: as they come."""
        return list(range(len(segments)))

    def extent(self, start: int, size: int) -> int:
        """Return the number of bytes that a segment takes: its size in whole pages, wherever it begins."""
        return -(-size // self.page_size) * self.page_size

    def aligned(self, address: int, align: int) -> int:
        """Return the address itself: blocks are aligned, segments are not."""
        return address
