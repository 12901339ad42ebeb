"""The mapper for this process: anonymous memory, written in place, then protected."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Sequence

import numpy as np

from uruk.errors import AllocationError
from uruk.graph.types import U8
from uruk.memory.mapper import Protection, Range, refuse_both
from uruk.memory.pages import enclosing_pages, whole_pages

_libc = ctypes.CDLL(None, use_errno=True)
_mmap = _libc.mmap
_mmap.restype = ctypes.c_void_p
_mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
_mprotect = _libc.mprotect
_mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_madvise = _libc.madvise
_madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_munmap = _libc.munmap
_munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

_MAP_PRIVATE, _MAP_ANONYMOUS, _MAP_NORESERVE, _MAP_FIXED_NOREPLACE = 0x2, 0x20, 0x4000, 0x100000
_MADV_DONTNEED, _MADV_HUGEPAGE, _MADV_POPULATE_WRITE = 4, 14, 23
_WRITABLE = Protection.R | Protection.W
_FAILED = ctypes.c_void_p(-1).value
_POPULATE_FROM = 1 << 18
_LARGEST = (1 << 63) - 1
_LOWEST = 1 << 16
"""Below this the kernel does not map (vm.mmap_min_addr)."""


def _why() -> str:
    return os.strerror(ctypes.get_errno())


def free_ranges(low: int, high: int) -> list[Range]:
    """The unmapped ranges of this process within [low, high), ascending."""
    gaps: list[Range] = []
    end = max(low, _LOWEST)
    with open("/proc/self/maps", "rb") as maps:
        for line in maps:
            first, _, rest = line.partition(b"-")
            start, stop = int(first, 16), int(rest.split(b" ", 1)[0], 16)
            if start >= high:
                break
            if start > end:
                gaps.append((end, start - end))
            end = max(end, stop)
    if high > end:
        gaps.append((end, high - end))
    return gaps


class InProcessMapper:
    """Memory of this process; see `uruk.memory.mapper.Mapper`."""

    @property
    def page_size(self) -> int:
        """See `Mapper.page_size`."""
        return mmap.PAGESIZE

    def reserve(self, size: int, low: int = 0, high: int = 0) -> int:
        """See `Mapper.reserve`."""
        if size > _LARGEST:
            raise AllocationError(f"cannot reserve {size:#x} bytes: no address space is so large")
        if not high:
            return self._map(0, size, 0)
        for start, room in sorted(free_ranges(low, high), key=lambda gap: -gap[0]):
            at = (start + room - size) & -(1 << 21)  # the top of the gap, which leaves a heap below room to grow
            if at >= start:
                try:
                    return self._map(at, size, _MAP_FIXED_NOREPLACE)
                except AllocationError:
                    continue  # something else was mapped there meanwhile
        raise AllocationError(f"no free range of {size:#x} bytes between {low:#x} and {high:#x}")

    def _map(self, address: int, size: int, flags: int) -> int:
        flags |= _MAP_PRIVATE | _MAP_ANONYMOUS | _MAP_NORESERVE
        got: int | None = _mmap(address, size, 0, flags, -1, 0)
        if got is None or got == _FAILED:
            raise AllocationError(f"cannot reserve {size:#x} bytes: {_why()}")
        if address and got != address:  # kernels before 4.17 take the address for a hint
            _munmap(got, size)
            raise AllocationError(f"cannot reserve {size:#x} bytes at {address:#x}")
        return got

    def view(self, address: int, size: int) -> U8:
        """See `Mapper.view`."""
        return np.frombuffer((ctypes.c_uint8 * size).from_address(address), np.uint8)

    def prepare(self, ranges: Sequence[Range], content: Sequence[Range] | None = None) -> None:
        """See `Mapper.prepare`."""
        self._protect(ranges, _WRITABLE)
        for address, size in ranges if content is None else content:
            if size >= _POPULATE_FROM:  # one call instead of a page fault for every 4 KiB; only a hint
                start = address & -mmap.PAGESIZE
                _madvise(start, address + size - start, _MADV_POPULATE_WRITE)

    def initialize(
        self, ranges: Sequence[Range], protection: Protection, content: Sequence[Range] | None = None
    ) -> None:
        """See `Mapper.initialize`; the bytes are there already."""
        refuse_both(protection)
        self._protect(ranges, protection)

    def deinitialize(self, ranges: Sequence[Range]) -> None:
        """See `Mapper.deinitialize`."""
        whole, ends = whole_pages(ranges, mmap.PAGESIZE)
        for address, size in whole:
            if _madvise(address, size, _MADV_DONTNEED):
                raise AllocationError(f"cannot give up {size:#x} bytes at {address:#x}: {_why()}")
        if ends:
            self._protect(ends, _WRITABLE)  # they are, or were never initialised
            for address, size in ends:
                ctypes.memset(address, 0, size)

    def release(self, address: int, size: int) -> None:
        """See `Mapper.release`."""
        if _munmap(address, size):
            raise AllocationError(f"cannot unmap {size:#x} bytes at {address:#x}: {_why()}")

    def _protect(self, ranges: Sequence[Range], protection: Protection) -> None:
        for address, size in enclosing_pages(ranges, mmap.PAGESIZE):
            if _mprotect(address, size, int(protection)):
                raise AllocationError(
                    f"cannot make {size:#x} bytes at {address:#x} {protection.name or protection!s}: {_why()}; "
                    "a security policy may forbid it, or the limit of mappings is reached"
                )
