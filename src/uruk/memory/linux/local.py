"""mmap and its relatives for memory of this process. A refusal is an AllocationError with the kernel's reason."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator

from uruk.errors import AllocationError
from uruk.memory.mapper import Protection, Range

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
_Limit = ctypes.c_uint64 * 2
"""`struct rlimit` (getrlimit(2)): what counts now, and the most that it may be."""
_getrlimit = _libc.getrlimit64
_getrlimit.argtypes = [ctypes.c_int, _Limit]

_MAP_PRIVATE, _MAP_FIXED, _MAP_ANONYMOUS, MAP_NORESERVE, _MAP_FIXED_NOREPLACE = 0x2, 0x10, 0x20, 0x4000, 0x100000
_MADV_DONTNEED, MADV_REMOVE, MADV_POPULATE_WRITE = 4, 9, 23
_FAILED = ctypes.c_void_p(-1).value
_LOWEST = 1 << 16
"""Below this the kernel does not map (vm.mmap_min_addr)."""
_HUGE = 1 << 21
"""The size of a huge page: a mapping that begins at a multiple of it can have some."""
_RLIMIT_AS = 9
PARTS, _LEAST = 8, 1 << 25
"""A reservation has at most this part of the address space that a process may have, and at least so many bytes."""
PAGE = os.sysconf("SC_PAGESIZE")
LARGEST = (1 << 63) - 1
"""No address space is larger, in bytes."""


def _why() -> str:
    number = ctypes.get_errno()
    hint = "; raise the limit of addresses (ulimit -v)" * (number == errno.ENOMEM and most_addresses() < LARGEST)
    return os.strerror(number) + hint


def free_ranges(low: int, high: int) -> list[Range]:
    """Return the unmapped ranges of this process within [low, high), ascending."""
    gaps: list[Range] = []
    end = max(low, _LOWEST)
    # Lines ascend by address (proc_pid_maps(5)): the gaps are between neighbours.
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


def free_places(size: int, low: int, high: int) -> Iterator[int]:
    """Yield addresses at which `size` bytes fit within [low, high), the highest first."""
    # The top of each gap, from the highest gap down: a heap below has room to grow.
    for start, room in sorted(free_ranges(low, high), key=lambda gap: -gap[0]):
        at = (start + room - size) & -_HUGE
        if at >= start:
            yield at


def check_size(size: int) -> None:
    """Raise AllocationError for a size that no system has room for: the kernel's types could not hold it."""
    if size > LARGEST:
        raise AllocationError(f"cannot reserve {size:#x} bytes: no address space is so large")


def within_limits(size: int) -> int:
    """Return the bytes to reserve at a time: less than `size` where this process may have little address space.

    That is what ``ulimit -v`` limits. Stacks, libraries and everything else need some, too, and fail in many ways where
    reservations have taken the most of it.
    """
    return min(size, max(most_addresses() // PARTS & -_HUGE, _LEAST))


def most_addresses() -> int:
    """Return the bytes of addresses that this process may have; without a limit, more than there are."""
    limit = _Limit()
    return LARGEST if _getrlimit(_RLIMIT_AS, limit) else int(limit[0])


def map_memory(size: int, address: int = 0) -> int:
    """Reserve `size` bytes that cost nothing until they are used; returns their address.

    They lie at `address` if it is given, else anywhere. Raises AllocationError.
    """
    check_size(size)
    flags = MAP_NORESERVE | _MAP_PRIVATE | _MAP_ANONYMOUS | (_MAP_FIXED_NOREPLACE if address else 0)
    # MAP_FIXED_NOREPLACE never maps over what is there, as MAP_FIXED does.
    mapped: int | None = _mmap(address, size, int(Protection.NONE), flags, -1, 0)
    # ctypes gives None for the address 0.
    if mapped is None or mapped == _FAILED:
        raise AllocationError(f"cannot reserve {size:#x} bytes: {_why()}")
    if address and mapped != address:  # kernels before 4.17 take the address for a hint
        _munmap(mapped, size)
        raise AllocationError(f"cannot reserve {size:#x} bytes at {address:#x}")
    return mapped


def map_over(address: int, size: int, protection: Protection = Protection.NONE) -> None:
    """Replace whole pages by memory that costs nothing until it is used."""
    flags = MAP_NORESERVE | _MAP_PRIVATE | _MAP_ANONYMOUS | _MAP_FIXED
    if _mmap(address, size, int(protection), flags, -1, 0) != address:
        raise AllocationError(f"cannot map {size:#x} bytes at {address:#x}: {_why()}")


def unmap_memory(address: int, size: int) -> None:
    """Unmap whole pages."""
    if _munmap(address, size):
        raise AllocationError(f"cannot unmap {size:#x} bytes at {address:#x}: {_why()}")


def protect_memory(address: int, size: int, protection: Protection) -> None:
    """Protect whole pages."""
    if _mprotect(address, size, int(protection)):
        raise AllocationError(
            f"cannot make {size:#x} bytes at {address:#x} {protection.name or protection!s}: {_why()}; "
            "a security policy may forbid it, or the limit of mappings is reached"
        )


def discard_memory(address: int, size: int) -> None:
    """Discard the content of whole pages of private memory, which then read as zero."""
    if _madvise(address, size, _MADV_DONTNEED):
        raise AllocationError(f"cannot give up {size:#x} bytes at {address:#x}: {_why()}")


def populate_memory(address: int, size: int) -> None:
    """Make whole pages ready for writing, by one call instead of a page fault for each; a hint (Linux 5.14)."""
    _madvise(address, size, MADV_POPULATE_WRITE)
