"""Reservations in another process, each with the local memory that stands for it here.

Local memory is a Python mapping, which lasts as long as any view of it: who keeps a view of memory that was given back
reads zeros, but never crashes.
"""

from __future__ import annotations

import mmap
from bisect import bisect_right
from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np

from uruk.errors import AllocationError
from uruk.graph.types import U8
from uruk.memory.mapper import Range, whole_pages
from uruk.records import record

Owner = TypeVar("Owner")


@record
class Reservation(Generic[Owner]):
    """`size` bytes at `address` there; the first of them is byte `offset` of `memory` here."""

    address: int
    size: int
    memory: mmap.mmap
    offset: int
    owner: Owner
    """The mapper's own record of it; common to all parts of one reservation."""

    def at(self, address: int) -> int:
        """Return where in `memory` the byte of an address is."""
        return address - self.address + self.offset


class Reservations(Generic[Owner]):
    """The reservations of one mapper, by address; what is given back is none any more, and may come again."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._all: list[Reservation[Owner]] = []

    def add(self, address: int, size: int, memory: mmap.mmap, owner: Owner) -> int:
        """Note a new one; returns its address. AllocationError if the other process has given it already."""
        index = bisect_right(self._starts, address)
        before = self._all[index - 1] if index else None
        if (before and before.address + before.size > address) or (
            index < len(self._starts) and address + size > self._starts[index]
        ):
            raise AllocationError(f"the process where code runs has reserved {address:#x} twice")
        self._starts.insert(index, address)
        self._all.insert(index, Reservation(address, size, memory, 0, owner))
        return address

    def find(self, address: int, size: int) -> Reservation[Owner]:
        """The reservation that a range lies in. AllocationError if there is none."""
        index = bisect_right(self._starts, address) - 1
        one = self._all[index] if index >= 0 else None
        if one is None or size < 0 or address + size > one.address + one.size:
            raise AllocationError(f"{size:#x} bytes at {address:#x} are in no reservation")
        return one

    def view(self, address: int, size: int) -> U8:
        """The local bytes of a range."""
        one = self.find(address, size)
        return np.frombuffer(one.memory, np.uint8, size, one.at(address))

    def clear(self, ranges: Sequence[Range], page: int, advice: int) -> None:
        """Make local bytes zero: whole pages are given up by madvise with `advice`, the ends written."""
        whole, ends = whole_pages(ranges, page)
        for address, size in whole:
            one = self.find(address, size)
            try:
                one.memory.madvise(advice, one.at(address), size)
            except OSError as error:
                raise AllocationError(f"cannot give up {size:#x} bytes at {address:#x}: {error.strerror}") from error
        for address, size in ends:
            self.view(address, size)[:] = 0

    def cut(self, address: int, size: int) -> Owner:
        """Take a range out, whose owner is returned: what is left of its reservation, before and behind, stays."""
        one = self.find(address, size)
        index = bisect_right(self._starts, address) - 1
        before, behind = address - one.address, one.address + one.size - address - size
        left = [Reservation(one.address, before, one.memory, one.offset, one.owner)] * (before > 0)
        left += [Reservation(address + size, behind, one.memory, one.at(address + size), one.owner)] * (behind > 0)
        self._all[index : index + 1] = left
        self._starts[index : index + 1] = [part.address for part in left]
        return one.owner
