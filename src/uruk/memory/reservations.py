"""Reservations in another process, each with the local memory that stands for it here."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from uruk.errors import InternalError
from uruk.graph.types import U8
from uruk.memory.mapper import Range


@dataclass(eq=False, repr=False)
class Reservation:
    """`size` bytes at `address` there; the first of them is byte `offset` of `memory` here."""

    address: int
    size: int
    memory: mmap.mmap
    offset: int = 0


class Reservations:
    """The reservations of one mapper, by address; what is given back is none any more, and may come again."""

    def __init__(self) -> None:
        self._all: list[Reservation] = []

    def add(self, address: int, size: int, memory: mmap.mmap) -> int:
        """Note a new one; returns its address."""
        self._all.append(Reservation(address, size, memory))
        return address

    def find(self, address: int, size: int) -> Reservation:
        """The reservation that a range lies in."""
        for one in self._all:
            if one.address <= address and address + size <= one.address + one.size:
                return one
        raise InternalError(f"{size:#x} bytes at {address:#x} are not reserved")

    def view(self, address: int, size: int) -> U8:
        """The local bytes of a range."""
        one = self.find(address, size)
        return np.frombuffer(one.memory, np.uint8, size, address - one.address + one.offset)

    def give_up(self, ranges: Sequence[Range], advice: int) -> None:
        """Give up the local content of page ranges, by madvise with `advice`."""
        for address, size in ranges:
            one = self.find(address, size)
            one.memory.madvise(advice, address - one.address + one.offset, size)

    def release(self, address: int, size: int) -> None:
        """Count a range as given back: what is left of its reservation, before and behind, stays."""
        one = self.find(address, size)
        self._all.remove(one)
        before, behind = address - one.address, one.address + one.size - address - size
        if before:
            self._all.append(Reservation(one.address, before, one.memory, one.offset))
        if behind:
            offset = one.offset + before + size
            self._all.append(Reservation(address + size, behind, one.memory, offset))
