"""Addresses below the linked code of a process, at which nothing lies: perf is told of them, and nothing uses them."""

from __future__ import annotations

import mmap
from collections.abc import Callable

_REACH = (1 << 31) - (1 << 20)
"""The largest distance of a function from its place below: tables of unwind data have signed offsets of 32 bits."""
_STEP = 1 << 26
"""The distance in bytes between the places that are tried; libraries and other code of the process may lie there."""
_UNIT, _ALIGNMENT = 1 << 20, 16
_MAP_NORESERVE, _MAP_FIXED_NOREPLACE = 0x4000, 0x100000
_FAILED = (1 << 64) - 1


class Room:
    """Gives places out. `call` calls a function of the process's C library."""

    def __init__(self, call: Callable[..., int]) -> None:
        self._call = call
        self._at = self._end = 0
        self._without = 0
        """The last address for which there was no room; for what lies near it, none is looked for."""

    def below(self, address: int, size: int) -> int:
        """Return the address of `size` bytes that is lower than an address, and near to it; 0 where there is none."""
        size = -(-size // _ALIGNMENT) * _ALIGNMENT
        fits = address - _REACH <= self._at and self._at + size <= min(self._end, address)
        known = abs(address - self._without) < _UNIT
        if not fits and (known or not self._reserve(address, -(-size // _UNIT) * _UNIT)):
            self._without = address
            return 0
        place = self._at
        self._at += size
        return place

    def _reserve(self, address: int, size: int) -> bool:
        """Reserve addresses, which cost no memory; False where there are none."""
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE | _MAP_FIXED_NOREPLACE
        lowest = max(address - _REACH, mmap.PAGESIZE)
        for wanted in range(address - size - _STEP & -mmap.PAGESIZE, lowest, -_STEP):
            at = self._call(b"mmap", wanted, size, 0, flags, _FAILED, 0)
            if at == wanted:
                self._at, self._end = at, at + size
                return True
            # Kernels before 4.17 take the address for a wish.
            if at not in (0, _FAILED, -1):
                self._call(b"munmap", at, size)
        return False
