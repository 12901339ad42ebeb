"""The mapper for this process: anonymous memory, written in place, then protected."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import AllocationError
from uruk.memory.linux import local
from uruk.memory.linux.ready_pages import ReadyPages
from uruk.memory.mapper import WRITABLE, Protection, Range, enclosing_pages, refuse_both, whole_pages

if TYPE_CHECKING:
    from uruk.graph.types import U8
    from uruk.memory.slab_object import SlabLoader, SlabObject

_EXECUTABLE = int(Protection.X)
"""As a number: `&` of two flags takes longer than all else that `initialize` does in Python."""
_POPULATE_FROM = 1 << 18
"""The number of bytes from which one call for all pages costs less than a page fault for each."""


@cache
def _synchronise() -> Callable[[Sequence[Range]], None]:
    from uruk.memory.instruction_cache import synchronise  # a session that has linked nothing has no code

    return synchronise


class InProcessMapper:
    """Memory of this process; see `uruk.memory.mapper.Mapper`. `loader` is the dynamic loader that takes slabs in."""

    def __init__(self, loader: SlabLoader | None = None) -> None:
        self.loader = loader
        self._ready = ReadyPages()

    @property
    def page_size(self) -> int:
        """See `Mapper.page_size`."""
        return local.PAGE

    def reserve(self, size: int, low: int = 0, high: int = 0) -> int:
        """See `Mapper.reserve`."""
        # Where any place will do the kernel finds one, without a look at /proc/self/maps.
        if not high:
            return local.map_memory(size)
        for place in local.free_places(size, low, high):
            with contextlib.suppress(AllocationError):  # another thread has mapped something there meanwhile
                return local.map_memory(size, place)
        raise AllocationError(f"no free range of {size:#x} bytes between {low:#x} and {high:#x}")

    def open_slab(self, zones: Sequence[int], low: int = 0, high: int = 0) -> SlabObject:
        """See `OpensSlabs.open_slab`."""
        from uruk.memory.slab_object import SlabObject, store  # a session that has linked nothing has no slab

        loader = self.loader
        if loader is None:
            raise AllocationError("no dynamic loader is to know slabs")
        file = loader.plan(zones, low, high)
        handle, address, unwinds = loader.open(file, None)
        # The tables before the first zone are written in place; the zones are the slab's.
        tables = self.view(address, file.zones)
        write = partial(store, tables, address, units=memoryview(tables).cast("Q"))
        return SlabObject(address, file, unwinds, write, partial(self._close_slab, loader, handle, address, file.size))

    def view(self, address: int, size: int) -> U8:
        """See `Mapper.view`."""
        return np.frombuffer((ctypes.c_uint8 * size).from_address(address), np.uint8)

    def prepare(self, ranges: Sequence[Range], content: Sequence[Range] | None = None) -> None:
        """See `Mapper.prepare`."""
        rest = self._ready.take(ranges)
        if rest:
            self._protect(rest, WRITABLE)
        for address, size in ranges if content is None else content:
            if size >= _POPULATE_FROM:
                # Rounded down to a whole page, as madvise wants it.
                start = address & -local.PAGE
                local.populate_memory(start, address + size - start)

    def initialize(
        self, ranges: Sequence[Range], protection: Protection, content: Sequence[Range] | None = None
    ) -> None:
        """See `Mapper.initialize`; the bytes are there already."""
        if int(protection) & _EXECUTABLE:
            refuse_both(protection)
            self._protect(ranges, protection)
            # Protected first: the routine only needs to read the code.
            _synchronise()(ranges)
        else:
            self._protect(ranges, protection)

    def deinitialize(self, ranges: Sequence[Range]) -> None:
        """See `Mapper.deinitialize`."""
        whole, ends = whole_pages(ranges, local.PAGE)
        for address, size in whole:
            if not self._ready.keep(address, size):
                local.discard_memory(address, size)
        for address, size in ends:
            ctypes.memset(address, 0, size)

    def release(self, address: int, size: int) -> None:
        """See `Mapper.release`."""
        self._ready.drop(address, size)
        local.unmap_memory(address, size)

    def _close_slab(self, loader: SlabLoader, handle: int, address: int, size: int) -> None:
        self._ready.drop(address, size)
        loader.close(handle)

    def _protect(self, ranges: Sequence[Range], protection: Protection) -> None:
        ready = self._ready
        # The kernel itself rounds the size of a range up that begins with a page, as one of code or constants does.
        is_whole = len(ranges) == 1 and ranges[0][0] % local.PAGE == 0
        for address, size in ranges if is_whole else enclosing_pages(ranges, local.PAGE):
            if ready.pages:
                ready.drop(address, size)
            local.protect_memory(address, size, protection)
