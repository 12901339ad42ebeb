"""Room for the bytes of inputs: memory that the system clears as they come."""

from __future__ import annotations

import contextlib
import mmap

_HUGE_FROM = 4 << 20


def input_buffer(size: int, *, huge: bool = True) -> mmap.mmap:
    """Return zeroed memory of `size` bytes; large ones lie in huge pages where the system has them.

    It is private: Python's default is shared memory, which has no huge pages, and whose page faults cost twice as much.
    malloc may clear all of a block that it had before: a pass over memory more.

    Not `huge` is for what a thread reads in the background: its page faults cost nothing, and a huge page may cost a
    virtual machine more, whose host has to find it.
    """
    buffer = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if huge and size >= _HUGE_FROM:
        with contextlib.suppress(OSError):  # a kernel without huge pages
            buffer.madvise(mmap.MADV_HUGEPAGE)
    return buffer
