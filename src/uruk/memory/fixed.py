"""Fixed memory: addresses that the user chooses, for code that is linked and not run here.

Each link has its bytes in a buffer of its own; only addresses are given out. They ascend from the lowest one: the
segments of a link follow each other, code before constants before data.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import AllocationError, InvalidType
from uruk.graph.types import ADDRESSES, U8
from uruk.memory.ranges import FreeList
from uruk.special_methods import has_method

if TYPE_CHECKING:
    from uruk.memory.interface import SegmentLike
    from uruk.memory.mapper import Range, Reach


class FixedAllocation:
    """Memory of one link; see `uruk.memory.interface.Allocation`. `image` begins at the address `base`."""

    frames = None
    names = None
    header = None

    def __init__(self, memory: FixedMemory, segments: list[tuple[int, int, int]], base: int, size: int) -> None:
        self.segments = segments
        self.base = base
        self.image: U8 = np.zeros(size, np.uint8)
        self._memory = memory

    @property
    def image_base(self) -> int:
        """See `Allocation.image_base`: the first address of the memory."""
        return self._memory.address

    def protect_code(self) -> None:
        """See `Allocation.protect_code`: bytes stay where they are, here and in the methods below."""

    def bring_data(self) -> None:
        """See `Allocation.bring_data`."""

    def bring_constants(self) -> None:
        """See `Allocation.bring_constants`."""

    def seal(self, changed: Sequence[Range] = ()) -> None:
        """See `Allocation.seal`."""

    def free(self) -> int:
        """See `Allocation.free`."""
        return self.free_segments(range(len(self.segments)))

    def free_segments(self, which: Sequence[int]) -> int:
        """See `Allocation.free_segments`."""
        size = sum(self.segments[index][2] for index in which)
        self.give_withheld(which)
        return size

    def withhold(self, which: Sequence[int]) -> int:
        """See `Allocation.withhold`: withheld bytes read as zeros."""
        for _, address, size in (self.segments[index] for index in which):
            start = (address - self.base) % ADDRESSES
            self.image[start : start + size] = 0
        return sum(self.segments[index][2] for index in which)

    def give_withheld(self, which: Sequence[int]) -> None:
        """See `Allocation.give_withheld`."""
        for index in which:
            zone, address, size = self.segments[index]
            # A size of 0 marks a segment that was given back: a second call takes nothing.
            self.segments[index] = (zone, address, 0)
            self._memory.give(self, address, size)


class FixedMemory:
    """Memory from `address` on, for sessions that only link; see `uruk.memory.interface.Memory`.

    `address` is any number below 2**64, 0 and unaligned ones included. `size` bytes are reserved at once, and as many
    more, behind the last ones, whenever they are used up. Code, constants and data of a module do not share pages of
    `page_size` bytes. Raises ValueError for an address or a size that does not exist.
    """

    fixed = True
    near = None

    def __init__(self, address: int, size: int, page_size: int = 4096) -> None:
        for value in (address, size, page_size):
            if not has_method(value, "__index__"):
                raise InvalidType(
                    f"fixed memory has an address, a size and a page_size in bytes, all int, not {value!r}"
                )
        if not 0 <= address < ADDRESSES or size < 1 or address + size > ADDRESSES:
            raise ValueError(f"{size:#x} bytes at {address:#x} are not all below 2**64")
        if page_size < 1 or page_size & (page_size - 1):
            raise ValueError(f"page_size must be a power of two, got {page_size}")
        self.address = address
        self.size = size
        self.page_size = page_size
        self._start_again()

    def _start_again(self) -> None:
        self.end = self.address + self.size
        """The address at which the last unit of `size` bytes ends."""
        self._free = FreeList(self.address, self.size)
        self._allocations: dict[int, FixedAllocation] = {}

    @property
    def used(self) -> int:
        """The number of bytes that links have taken, as whole pages."""
        return self.end - self.address - self._free.free

    def allocate(self, segments: Sequence[SegmentLike], reach: Reach) -> FixedAllocation:
        """See `Memory.allocate`; addresses are fixed, so that `reach` is ignored. Raises AllocationError at 2**64,
        and where this process has no memory for the bytes."""
        order = self.ordered(segments)
        # The first free range in which all segments have room, with their alignments.
        for start, room in self._free.ranges:
            starts, end = self._place(segments, order, start)
            if end <= start + room:
                break
        else:
            starts, end = self._grow(segments, order)
        taken: list[tuple[int, int, int]] = [(0, 0, 0)] * len(segments)
        for index, start in zip(order, starts, strict=True):
            segment = segments[index]
            taken[index] = (int(segment.zone), start % ADDRESSES, segment.size)
            if segment.size:
                self._free.take_at(start, self.extent(start, segment.size))
        # Addresses up to 2**64 are kept whole while they are computed, and cut when they are stored.
        base = starts[0] if starts else self.address
        try:
            allocation = FixedAllocation(self, taken, base % ADDRESSES, end - base)
        except MemoryError:
            for start, (_, _, size) in zip(starts, (taken[index] for index in order), strict=True):
                if size:
                    self._free.give(start, self.extent(start, size))
            problem = f"this process has no memory for {end - base:#x} bytes of linked code and data"
            raise AllocationError(problem) from None
        self._allocations[id(allocation)] = allocation
        return allocation

    def ordered(self, segments: Sequence[SegmentLike]) -> list[int]:
        """Return the order in which segments are placed: code, constants, data."""
        return sorted(range(len(segments)), key=lambda index: segments[index].zone)

    def aligned(self, address: int, align: int) -> int:
        """Return the first address from `address` on that is a multiple of `align`."""
        return -(-address // align) * align

    def extent(self, start: int, size: int) -> int:
        """Return the number of bytes that a segment takes: all up to the end of its last page."""
        return -(-(start + size) // self.page_size) * self.page_size - start

    def _place(self, segments: Sequence[SegmentLike], order: Sequence[int], start: int) -> tuple[list[int], int]:
        """Return the addresses of segments in order, from `start` on, and the end of the last one."""
        # Free ranges begin on a page of their own, or at the memory's first byte: no page is shared.
        starts: list[int] = []
        end = start
        for index in order:
            segment = segments[index]
            starts.append(self.aligned(end, segment.align))
            end = starts[-1] + (self.extent(starts[-1], segment.size) if segment.size else 0)
        return starts, end

    def _grow(self, segments: Sequence[SegmentLike], order: Sequence[int]) -> tuple[list[int], int]:
        """Reserve as many further units as segments need; return their addresses and the end of the last one."""
        # A free range at the end is used with the new units, which join it.
        last, room = (self._free.ranges or [(self.end, 0)])[-1]
        starts, end = self._place(segments, order, last if last + room == self.end else self.end)
        if end > ADDRESSES:
            need = sum(segment.size for segment in segments)
            raise AllocationError(f"no room for {need:#x} bytes between {self.address:#x} and 2**64")
        # Rounded up to whole units; the last one may be cut at 2^64.
        grown = min(self.end + -(-(end - self.end) // self.size) * self.size, ADDRESSES)
        if grown > self.end:  # segments without bytes need no unit, and an empty range is not a free one
            self._free.give(self.end, grown - self.end)
        self.end = grown
        return starts, end

    def give(self, allocation: FixedAllocation, address: int, size: int) -> None:
        """Take back the addresses of a segment; its bytes go with the last segment of its allocation."""
        if size:
            self._free.give(address, self.extent(address, size))
        if not any(size for _, _, size in allocation.segments):
            self._allocations.pop(id(allocation), None)

    def read(self, address: int, size: int) -> bytes:
        """Return the bytes that links have written, zeros elsewhere. Raises AllocationError for addresses outside."""
        if not self.address <= address <= address + size <= self.end:
            raise AllocationError(
                f"{size:#x} bytes at {address:#x} are not in the memory from {self.address:#x} to {self.end:#x}"
            )
        content = bytearray(size)
        for allocation in self._allocations.values():
            for _, start, length in allocation.segments:
                first, last = max(start, address), min(start + length, address + size)
                if first < last:
                    begin = first - allocation.base
                    content[first - address : last - address] = allocation.image[begin : begin + last - first].tobytes()
        return bytes(content)

    def expect(self, sizes: Sequence[int]) -> None:
        """See `Memory.expect`: nothing has to be made ready."""

    def holds(self, address: int) -> bool:
        """See `Memory.holds`."""
        return self.address <= address < self.end

    def library_window(self) -> AbstractContextManager[None]:
        """See `Memory.library_window`: libraries do not lie here."""
        return nullcontext()

    def close(self) -> None:
        """Give everything back: nothing can be read any more, and all addresses are free for another session."""
        self._start_again()
