"""A slab: a reserved range that is divided into zones, one for each protection.

Neighbours of one protection are one mapping to the kernel, which limits the number of mappings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.memory.ranges import FreeList
from uruk.memory.zones import CODE, DATA

if TYPE_CHECKING:
    from uruk.graph.types import U8
    from uruk.memory.interface import SegmentLike
    from uruk.memory.mapper import Mapper, Range
    from uruk.memory.slab_object import SlabObject

GRANULE = 64
"""The unit of data in bytes: smaller ones would leave slivers, which every later search has to pass."""


class Slab:
    """Zones for code, constants and data within one reservation; sizes are in bytes. Free memory reads as zero."""

    def __init__(self, mapper: Mapper, base: int, zone_sizes: Sequence[int], known: SlabObject | None = None) -> None:
        self.mapper = mapper
        self._page = mapper.page_size
        self.base = base
        self.known = known
        """The object by which the dynamic loader knows the slab, if it does."""
        self.frames = None if known is None else known.frames
        """The table by which unwinders find the unwind data of its code; None if that must be registered."""
        self.size = sum(zone_sizes)
        self.image: U8 = mapper.view(base, self.size)
        self.used = 0
        self._zones: list[FreeList] = []
        at = base
        for size in zone_sizes:
            self._zones.append(FreeList(at, size))
            at += size
        self.data = at - zone_sizes[DATA]
        """The address at which the zone for data begins."""

    def extent(self, zone: int, size: int) -> int:
        """Return the number of bytes that a request takes: whole pages of code and constants, whole granules of
        data."""
        # Code and constants of two modules never share a page: their pages change protection at different times.
        unit = GRANULE if zone == DATA else self._page
        return -(-size // unit) * unit

    def take_all(self, segments: Sequence[SegmentLike]) -> list[int] | None:
        """Return an address for each of some segments; None, with nothing taken, where there is no room for all.

        They get whole pages for code and constants. The memory is not writable yet.
        """
        addresses: list[int] = []
        for segment in segments:
            zone, size, align = segment.zone, segment.size, segment.align
            if not size:  # an empty segment has an address as well, and takes no memory
                addresses.append(self.base)
                continue
            unit = GRANULE if zone == DATA else self._page
            size = -(-size // unit) * unit  # see `extent`
            address = self._zones[zone].take(size, align if align > unit else unit)
            if address is None:
                for taken, before in zip(addresses, segments, strict=False):
                    if before.size:
                        self.give(before.zone, taken, before.size)
                return None
            self.used += size
            if zone == CODE and self.frames is not None:
                self.frames.take(address, address + size)
            addresses.append(address)
        return addresses

    def front(self, sizes: Sequence[int]) -> list[Range]:
        """Return the whole pages at the front of each zone that segments of these sizes, one a zone, would get."""
        ranges: list[Range] = []
        for zone, size in zip(self._zones, sizes, strict=True):
            start, room = zone.ranges[0] if zone.ranges else (0, 0)
            address = -(-start // self._page) * self._page
            size = size // self._page * self._page
            if size and address + size <= start + room:
                ranges.append((address, size))
        return ranges

    def is_free(self, address: int) -> bool:
        """Return True for an address that no module has."""
        return any(zone.holds(address) for zone in self._zones)

    def release(self) -> None:
        """Give the whole slab back. Nothing in it may run any more."""
        # The view goes first: a mapping in Python is closed with its last view.
        del self.image
        if self.known is not None:
            self.known.close()
        else:
            self.mapper.release(self.base, self.size)

    def give(self, zone: int, address: int, size: int) -> None:
        """Take back memory that is zero again, or has never been written."""
        size = self.extent(zone, size)
        self._zones[zone].give(address, size)
        self.used -= size
        if zone == CODE and self.frames is not None:
            self.frames.give(address)
