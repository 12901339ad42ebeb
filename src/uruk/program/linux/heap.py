"""The C heap while a large program is linked: fewer page faults, and fewer calls for memory."""

from __future__ import annotations

import ctypes

from uruk.memory.linux import local

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt (glibc, malloc.h)."""
_MADV_HUGEPAGE = 14
_HUGE = 2 << 20
_LARGEST_BLOCK = 1 << 30
_LARGEST_OF_HEAP = 32 << 20
"""The most that glibc lets blocks have that come from its heap by its own adjusting (DEFAULT_MMAP_THRESHOLD_MAX)."""
_ROOM = 768 << 20


def use_huge_pages() -> None:
    """Let malloc take columns from its heap, keep what is freed, and have `_ROOM` bytes of it in huge pages.

    For processes in which nothing else runs: a program's heap must be as in a fresh process. Only addresses are taken
    here, no memory; where some of it cannot be had, all works as before.
    """
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    if not (libc.mallopt(_MMAP_THRESHOLD, _LARGEST_BLOCK) and libc.mallopt(_TRIM_THRESHOLD, _LARGEST_BLOCK)):
        return
    if local.most_addresses() < local.PARTS * _ROOM:
        return
    block: int | None = libc.malloc(_ROOM)
    if block:
        start = -(-block // _HUGE) * _HUGE
        libc.madvise(start, block + _ROOM - start & -_HUGE, _MADV_HUGEPAGE)
        libc.free(block)


def keep_freed_memory() -> bool:
    """Have malloc keep what columns leave for the next ones, until `as_after_columns`; True if it does.

    For a process that a program will have: addresses and pages stay as malloc's own adjusting makes them.
    """
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(_MMAP_THRESHOLD, _LARGEST_OF_HEAP) and libc.mallopt(_TRIM_THRESHOLD, _LARGEST_BLOCK))


def as_after_columns() -> None:
    """Set what glibc has once a block of `_LARGEST_OF_HEAP` bytes was freed: twice as much is kept of the heap."""
    ctypes.CDLL(None).mallopt(_TRIM_THRESHOLD, 2 * _LARGEST_OF_HEAP)
