"""A slab: one reserved range, divided into zones, one a protection, so that neighbours merge into one mapping."""

from __future__ import annotations

from collections.abc import Sequence

from uruk.graph.types import U8
from uruk.memory.mapper import Mapper, Protection
from uruk.memory.ranges import FreeList

PROTECTIONS = (Protection.R | Protection.X, Protection.R, Protection.R | Protection.W)
"""By zone number: code, constants, data."""
DATA = 2
CODE, CONSTANT = 0, 1


class Slab:
    """Zones for code, constants and data within one reservation; sizes in bytes."""

    def __init__(self, mapper: Mapper, base: int, zone_sizes: Sequence[int]) -> None:
        self.mapper = mapper
        self.base = base
        self.size = sum(zone_sizes)
        self.image: U8 = mapper.view(base, self.size)
        self.used = 0
        self._zones: list[FreeList] = []
        at = base
        for size in zone_sizes:
            self._zones.append(FreeList(at, size))
            at += size
        self._data_end = at - zone_sizes[DATA]

    def take(self, zone: int, size: int, align: int) -> int | None:
        """An address for `size` bytes; whole pages for code and constants. The memory is not writable yet."""
        page = self.mapper.page_size
        if zone != DATA:
            size, align = -(-size // page) * page, max(align, page)
        got = self._zones[zone].take(size, align)
        if got is not None:
            self.used += size
        return got

    def give(self, zone: int, address: int, size: int) -> None:
        """Take memory back; its content is given up, so that free memory reads as zero."""
        page = self.mapper.page_size
        if zone != DATA:
            size = -(-size // page) * page
            self.mapper.deinitialize([(address, size)])
        else:
            self._clear(address, size)
        self._zones[zone].give(address, size)
        self.used -= size

    def _clear(self, address: int, size: int) -> None:
        """Zero freed data: whole pages by giving them up, the ends by hand (other data shares those pages).

        What was never committed, as that failed, is zero and out of bounds.
        """
        page = self.mapper.page_size
        size = min(size, self._data_end - address)
        if size <= 0:
            return
        first, last = -(-address // page) * page, (address + size) // page * page
        begin, end = address - self.base, address - self.base + size
        ends = [(begin, end)] if first >= last else [(begin, first - self.base), (last - self.base, end)]
        for start, stop in ends:
            self.image[start:stop] = 0
        if self.mapper.sends_content:
            zeros = [(self.base + start, stop - start) for start, stop in ends if stop > start]
            self.mapper.initialize(zeros, PROTECTIONS[DATA])
        if first < last:
            self.mapper.deinitialize([(first, last - first)])

    def make_data_writable(self, address: int, size: int) -> None:
        """Commit data pages up to the end of the range; a data page, once committed, stays so."""
        page = self.mapper.page_size
        end = -(-(address + size) // page) * page
        if end > self._data_end:
            self.mapper.prepare([(self._data_end, end - self._data_end)])
            self._data_end = end
