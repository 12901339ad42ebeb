"""Which memory here stands for which reservation in the process where code runs."""

from __future__ import annotations

import ctypes
from bisect import bisect_right
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from uruk.errors import AllocationError
from uruk.graph.types import U8

Owner = TypeVar("Owner")


@dataclass(eq=False, repr=False)
class Piece(Generic[Owner]):
    """A reservation or what is left of it: `size` bytes that are at `address` there and at `here` here."""

    address: int
    size: int
    here: int
    owner: Owner
    """What the mapper keeps of it; common to all pieces of one reservation."""


class Mirrors(Generic[Owner]):
    """Pieces by address. Reservations never overlap."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._pieces: list[Piece[Owner]] = []

    def add(self, address: int, size: int, here: int, owner: Owner) -> None:
        """Note a reservation. AllocationError if the other process names a place that it has given already."""
        index = bisect_right(self._starts, address)
        before = self._pieces[index - 1] if index else None
        if (before and before.address + before.size > address) or (
            index < len(self._starts) and address + size > self._starts[index]
        ):
            raise AllocationError(f"the process where code runs has reserved {address:#x} twice")
        self._starts.insert(index, address)
        self._pieces.insert(index, Piece(address, size, here, owner))

    def find(self, address: int, size: int) -> Piece[Owner]:
        """The piece that holds a range. AllocationError if none does."""
        index = bisect_right(self._starts, address) - 1
        piece = self._pieces[index] if index >= 0 else None
        if piece is None or size < 0 or address + size > piece.address + piece.size:
            raise AllocationError(f"{size:#x} bytes at {address:#x} are in no reservation")
        return piece

    def here(self, address: int, size: int) -> int:
        """Where a range is in this process."""
        piece = self.find(address, size)
        return piece.here + address - piece.address

    def cut(self, address: int, size: int) -> Piece[Owner]:
        """Take a range out; returns it as a piece of its own."""
        piece = self.find(address, size)
        index = bisect_right(self._starts, address) - 1
        before, behind = address - piece.address, piece.address + piece.size - address - size
        gone = Piece(address, size, piece.here + before, piece.owner)
        left = [Piece(piece.address, before, piece.here, piece.owner)] * (before > 0)
        left += [Piece(address + size, behind, gone.here + size, piece.owner)] * (behind > 0)
        self._pieces[index : index + 1] = left
        self._starts[index : index + 1] = [one.address for one in left]
        return gone


def bytes_at(here: int, size: int) -> U8:
    """Bytes of this process as a column; nothing keeps them mapped."""
    return np.frombuffer((ctypes.c_uint8 * size).from_address(here), np.uint8)
