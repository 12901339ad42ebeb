"""Reservations in another process, each with the local memory that stands for it here.

Local memory is a Python mapping, which lasts as long as any view of it: a view of memory that was given back reads as
zeros, and never crashes.
"""

from __future__ import annotations

import mmap
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from uruk.errors import AllocationError
from uruk.memory.mapper import Range, whole_pages
from uruk.records import record

if TYPE_CHECKING:
    from uruk.graph.types import U8

Owner = TypeVar("Owner")


@record
class Reservation(Generic[Owner]):
    """`size` bytes at `address` there; the first of them is byte `offset` of `memory` here."""

    address: int
    size: int
    memory: mmap.mmap
    offset: int
    owner: Owner
    """The mapper's own record of the reservation, which all parts of it share."""

    def at(self, address: int) -> int:
        """Return the offset in `memory` of the byte of an address."""
        return address - self.address + self.offset


class Reservations(Generic[Owner]):
    """The reservations of one mapper, ordered by address. The same range may be reserved again after its release."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._all: list[Reservation[Owner]] = []

    def add(self, address: int, size: int, memory: mmap.mmap, owner: Owner) -> int:
        """Record a new one; return its address. Raises AllocationError for an address that is reserved already."""
        # The other process is not trusted: two reservations over each other would be one piece of memory here.
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
        """Return the reservation in which a range lies. Raises AllocationError if there is none."""
        index = bisect_right(self._starts, address) - 1
        reservation = self._all[index] if index >= 0 else None
        if reservation is None or size < 0 or address + size > reservation.address + reservation.size:
            raise AllocationError(f"{size:#x} bytes at {address:#x} are in no reservation")
        return reservation

    def view(self, address: int, size: int) -> U8:
        """Return the local bytes of a range."""
        reservation = self.find(address, size)
        # frombuffer keeps the mapping alive for as long as there is a view of it.
        return np.frombuffer(reservation.memory, np.uint8, size, reservation.at(address))

    def clear(self, ranges: Sequence[Range], page: int, advice: int) -> None:
        """Make local bytes zero: whole pages are discarded by madvise with `advice`, and ends are written."""
        whole, ends = whole_pages(ranges, page)
        for address, size in whole:
            reservation = self.find(address, size)
            try:
                reservation.memory.madvise(advice, reservation.at(address), size)
            except OSError as error:
                raise AllocationError(f"cannot give up {size:#x} bytes at {address:#x}: {error.strerror}") from error
        for address, size in ends:
            self.view(address, size)[:] = 0

    def cut(self, address: int, size: int) -> Owner:
        """Remove a range, and return its owner. The parts of its reservation before and behind it stay."""
        old = self.find(address, size)
        index = bisect_right(self._starts, address) - 1
        before, behind = address - old.address, old.address + old.size - address - size
        parts = [Reservation(old.address, before, old.memory, old.offset, old.owner)] * (before > 0)
        parts += [Reservation(address + size, behind, old.memory, old.at(address + size), old.owner)] * (behind > 0)
        self._all[index : index + 1] = parts
        self._starts[index : index + 1] = [part.address for part in parts]
        return old.owner
