"""The mapper for another process that is reached by messages only: bytes are written here, and sent when complete.

It works over any connection. LLVM's counterpart is EPCGenericMemoryAccess with its memory manager.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from uruk.errors import AllocationError
from uruk.memory.linux.local import MAP_NORESERVE, check_size
from uruk.memory.mapper import WRITABLE, Protection, Range, enclosing_pages, refuse_both, whole_pages
from uruk.memory.reservations import Reservations
from uruk.memory.runtime_memory import Functions, Process, RuntimeMemory
from uruk.memory.slab_object import SlabLoader, SlabObject

if TYPE_CHECKING:
    from uruk.graph.types import U8


class EPCMapper:
    """Memory of `process`, in which `runtime` is linked; see `uruk.memory.mapper.Mapper`.

    The view is private memory of this process, as large as the reservation; only written pages of it take memory.
    Content goes in one message for all ranges. Bytes that code there writes later are never brought back, nor written
    over. `loader` is the dynamic loader there, if slabs are to be known to it.
    """

    def __init__(self, process: Process, runtime: Functions, loader: SlabLoader | None = None) -> None:
        self.process = process
        self.loader = loader
        self._there = RuntimeMemory(runtime, process.page_size)
        self._reservations: Reservations[None] = Reservations()

    @property
    def page_size(self) -> int:
        """See `Mapper.page_size`."""
        return self.process.page_size

    def reserve(self, size: int, low: int = 0, high: int = 0) -> int:
        """See `Mapper.reserve`."""
        memory = _local_memory(size)
        try:
            return self._reservations.add(self._there.reserve(size, low, high), size, memory, None)
        except BaseException:
            memory.close()
            raise

    def open_slab(self, zones: Sequence[int], low: int = 0, high: int = 0) -> SlabObject:
        """See `OpensSlabs.open_slab`."""
        loader = self.loader
        if loader is None:
            raise AllocationError("no dynamic loader is to know slabs")
        file = loader.plan(zones, low, high)
        memory = _local_memory(file.size)
        handle, address = 0, 0
        try:
            # Without a path the memory there is private: bytes go by messages.
            handle, address, unwinds = loader.open(file, None)
            self._reservations.add(address, file.size, memory, None)
        except BaseException:
            memory.close()
            if handle:
                loader.close(handle)
            raise
        close = partial(self._close_slab, loader, handle, address, file.size)
        return SlabObject(address, file, unwinds, self.process.write_many, close)

    def _close_slab(self, loader: SlabLoader, handle: int, address: int, size: int) -> None:
        self._forget(address, size)
        loader.close(handle)

    def view(self, address: int, size: int) -> U8:
        """See `Mapper.view`."""
        return self._reservations.view(address, size)

    def prepare(self, ranges: Sequence[Range], content: Sequence[Range] | None = None) -> None:
        """See `Mapper.prepare`; the view is always writable."""

    def initialize(
        self, ranges: Sequence[Range], protection: Protection, content: Sequence[Range] | None = None
    ) -> None:
        """See `Mapper.initialize`. Making pages writable, sending and protecting take one message each."""
        refuse_both(protection)
        pages = enclosing_pages(ranges, self.page_size)
        sent = [(a, memoryview(self.view(a, n))) for a, n in (ranges if content is None else content) if n]
        # Sending needs pages that can be written there: they have no access, or are constants, until now.
        if sent:
            self._there.protect(pages, WRITABLE)
            self.process.write_many(sent)
        # Pages of data have this protection already if they were sent.
        if not sent or protection != WRITABLE:
            self._there.protect(pages, protection)

    def deinitialize(self, ranges: Sequence[Range]) -> None:
        """See `Mapper.deinitialize`."""
        whole, ends = whole_pages(ranges, self.page_size)
        self._there.discard(whole)
        self._there.zero(ends)
        # The view's pages are this process's own, whose page size may differ from that of the other machine.
        self._reservations.clear(ranges, mmap.PAGESIZE, mmap.MADV_DONTNEED)

    def release(self, address: int, size: int) -> None:
        """See `Mapper.release`; the memory here is released even if the process is lost."""
        self._forget(address, size)
        self._there.release(address, size)

    def _forget(self, address: int, size: int) -> None:
        self._reservations.clear([(address, size)], mmap.PAGESIZE, mmap.MADV_DONTNEED)
        self._reservations.cut(address, size)


def _local_memory(size: int) -> mmap.mmap:
    check_size(size)
    try:
        # The kernel need not set aside memory for all of a view of which little is ever written (mmap(2),
        # MAP_NORESERVE).
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE)
    except OSError as error:
        raise AllocationError(f"cannot reserve {size:#x} bytes here: {error.strerror}") from error
