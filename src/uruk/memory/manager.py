"""The slab manager: memory for one link at a time, from slabs that lie where the code needs them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from uruk.errors import AllocationError, InternalError
from uruk.graph.types import U8
from uruk.memory.mapper import Mapper, Range
from uruk.memory.slab import CODE, CONSTANT, DATA, PROTECTIONS, Slab

MiB = 1 << 20
DEFAULT_SLAB = 1024 * MiB
SMALLEST_SLAB = 64 * MiB
LARGEST_SLAB = 2047 * MiB
"""Any two places in a slab are in reach of a 32-bit offset, however large a slab was asked for."""
LIBRARY_WINDOW = 512 * MiB
LOW_END = 1 << 31
NEAR = 1 << 29
"""How far from other slabs a slab is to lie at most, in bytes, where there is room."""


class SegmentLike(Protocol):
    """What is asked for: `size` bytes in a zone, at a multiple of `align`, for a module."""

    module: int
    zone: int
    size: int
    align: int


@dataclass(frozen=True)
class Reach:
    """Where memory must lie: within [low, high). The default is anywhere."""

    low: int = 0
    high: int = 0

    def holds(self, address: int, size: int) -> bool:
        """Whether the range lies inside."""
        return not self.high or (self.low <= address and address + size <= self.high)


@dataclass(eq=False, repr=False)
class Allocation:
    """Memory of one link: an address a segment, all in one slab. `image` is the slab's working view."""

    slab: Slab
    segments: list[tuple[int, int, int]]
    """(zone, address, size) in the order asked for."""
    sealed: bool = False
    written: list[Range] = field(default_factory=list[Range])
    """What of the data has content; only where the mapper sends content."""

    @property
    def image(self) -> U8:
        """Working bytes; the byte of address a is ``image[a - base]``."""
        return self.slab.image

    @property
    def base(self) -> int:
        """Address of the image's first byte."""
        return self.slab.base

    def ranges(self, zone: int) -> list[Range]:
        """Page ranges of one zone's segments, neighbours joined."""
        page = self.slab.mapper.page_size
        joined: list[Range] = []
        for start, size in sorted((a, -(-s // page) * page) for z, a, s in self.segments if z == zone and s):
            if joined and sum(joined[-1]) == start:
                joined[-1] = (joined[-1][0], joined[-1][1] + size)
            else:
                joined.append((start, size))
        return joined

    @property
    def sends_content(self) -> bool:
        """See `Mapper.sends_content`."""
        return self.slab.mapper.sends_content

    def protect_code(self, early: bool = True) -> None:
        """Make code executable (and no longer writable); constants stay writable until `seal`.

        `early`: code runs before `seal`, so that it must find the constants as they are now.
        """
        mapper = self.slab.mapper
        mapper.initialize(self.ranges(CODE), PROTECTIONS[CODE])
        if self.sends_content:
            mapper.initialize(self.written, PROTECTIONS[DATA])
            if early:
                mapper.initialize(self.ranges(CONSTANT), PROTECTIONS[DATA])

    def seal(self) -> None:
        """Make constants read-only."""
        self.slab.mapper.initialize(self.ranges(CONSTANT), PROTECTIONS[CONSTANT])
        self.sealed = True


@dataclass(eq=False, repr=False)
class SlabManager:
    """Reserves slabs, divides them, and gives emptied ones back.

    `slab_size` is the size of ordinary slabs in bytes. Slabs after the first are placed where a link's `Reach` asks.
    """

    mapper: Mapper
    slab_size: int = DEFAULT_SLAB
    slabs: list[Slab] = field(default_factory=list[Slab])
    window: Range | None = None

    def allocate(self, segments: Sequence[SegmentLike], reach: Reach) -> Allocation:
        """Memory for all segments in one slab within `reach`, writable for the linker, zero-filled.

        Raises AllocationError when no slab can be placed there.
        """
        for slab in self.slabs:
            if reach.holds(slab.base, slab.size):
                allocation = self._take(slab, segments)
                if allocation is not None:
                    return allocation
        slab = self._reserve(segments, reach)
        self.slabs.append(slab)
        allocation = self._take(slab, segments)
        if allocation is None:
            raise InternalError("a fresh slab does not hold the request that it was made for")
        return allocation

    def _take(self, slab: Slab, segments: Sequence[SegmentLike]) -> Allocation | None:
        taken: list[tuple[int, int, int]] = []
        allocation = Allocation(slab, taken)
        try:
            for segment in segments:
                address = slab.take(segment.zone, segment.size, segment.align) if segment.size else slab.base
                if address is None:
                    self.free(allocation)
                    return None
                taken.append((int(segment.zone), address, segment.size))
                if segment.zone == DATA:
                    slab.make_data_writable(address, segment.size)
            slab.mapper.prepare(allocation.ranges(CODE) + allocation.ranges(CONSTANT))
        except AllocationError:
            self.free(allocation)
            raise
        return allocation

    def free(self, allocation: Allocation) -> int:
        """Give an allocation back; returns its size in bytes. An empty slab beyond the first is released."""
        slab = allocation.slab
        total = 0
        for zone, address, size in allocation.segments:
            if size:
                slab.give(zone, address, size)
                total += size
        allocation.segments.clear()
        if not slab.used and slab in self.slabs[1:]:
            self.slabs.remove(slab)
            self._release(slab)
        return total

    def free_segments(self, allocation: Allocation, which: Sequence[int]) -> int:
        """Give some segments of an allocation back (those of one module); returns their size in bytes."""
        part = Allocation(allocation.slab, [allocation.segments[index] for index in which])
        for index in which:
            zone, address, _ = allocation.segments[index]
            allocation.segments[index] = (zone, address, 0)
        return self.free(part)

    def _reserve(self, segments: Sequence[SegmentLike], reach: Reach) -> Slab:
        needs = [0, 0, 0]
        page = self.mapper.page_size
        for segment in segments:
            needs[segment.zone] += -(-segment.size // page) * page + max(segment.align, page)
        size = min(self.slab_size, LARGEST_SLAB)
        while True:
            zones = _divide(size, needs)
            try:
                base = self._place(sum(zones), reach)
            except AllocationError:
                if size <= SMALLEST_SLAB:
                    raise
                size = max(size // 2, SMALLEST_SLAB)
                continue
            try:
                return Slab(self.mapper, base, zones)
            except BaseException:
                self.mapper.release(base, sum(zones))
                raise

    def _place(self, size: int, reach: Reach) -> int:
        """Reserve a slab; the first one anywhere gets a window beside it, kept free for libraries loaded later."""
        for slab in self.slabs:  # beside another one: later code may refer to data in both
            low, high = max(reach.low, slab.base - NEAR), slab.base + slab.size + NEAR
            high = min(reach.high or high, high)
            if high - low >= size:
                with contextlib.suppress(AllocationError):
                    return self.mapper.reserve(size, low, high)
        if reach.high or self.slabs or self.window is not None:
            return self.mapper.reserve(size, reach.low, reach.high)
        base = self.mapper.reserve(size + LIBRARY_WINDOW)
        self.window = (base, LIBRARY_WINDOW)
        return base + LIBRARY_WINDOW

    def open_window(self) -> None:
        """Unmap the library window, just before a library is loaded, so that it lands within reach of the slab."""
        if self.window is not None:
            self.mapper.release(*self.window)

    def close_window(self) -> None:
        """Reserve what is left of the library window after a library was loaded."""
        if self.window is None:
            return
        start, size = self.window
        self.window = None
        step = size
        while step >= 16 * MiB:
            try:
                self.window = (self.mapper.reserve(step, start, start + size), step)
                return
            except AllocationError:
                step //= 2

    def _release(self, slab: Slab) -> None:
        base, size = slab.base, slab.size
        del slab.image
        self.mapper.release(base, size)

    def forget(self) -> None:
        """Let go of everything without giving it back: the process that had it is gone."""
        for slab in self.slabs:
            del slab.image
        self.slabs.clear()
        self.window = None

    def close(self) -> None:
        """Release every slab and the window."""
        for slab in self.slabs:
            self._release(slab)
        self.slabs.clear()
        if self.window is not None:
            self.mapper.release(*self.window)
            self.window = None


def _divide(size: int, needs: Sequence[int]) -> list[int]:
    """Zone sizes for a slab of `size` bytes that holds at least `needs`; whole MiB."""
    shares = [size * 3 // 8, size // 4, size * 3 // 8]
    return [max(share, -(-need // MiB) * MiB) // MiB * MiB for share, need in zip(shares, needs, strict=True)]
