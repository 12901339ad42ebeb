"""The mapper for memory of another process that is reached by messages only: written here, sent when it is ready."""

from __future__ import annotations

from collections.abc import Sequence

from uruk.graph.types import U8
from uruk.memory import local
from uruk.memory.elsewhere import Elsewhere, Functions, Process
from uruk.memory.mapper import Protection, Range, refuse_both
from uruk.memory.mirror import Mirrors, bytes_at
from uruk.memory.pages import enclosing_pages, whole_pages

_WRITABLE = Protection.R | Protection.W


class EPCMapper:
    """Memory of `process`, in which `runtime` is linked; see `uruk.memory.mapper.Mapper`.

    The view is private memory of this process, as large as the reservation and used where it is written. Content goes
    in one message for all ranges. What code there writes later is never brought back, nor written over.
    """

    def __init__(self, process: Process, runtime: Functions) -> None:
        self.process = process
        self._there = Elsewhere(runtime)
        self._mirrors: Mirrors[None] = Mirrors()

    @property
    def page_size(self) -> int:
        """See `Mapper.page_size`."""
        return self.process.page_size

    def reserve(self, size: int, low: int = 0, high: int = 0) -> int:
        """See `Mapper.reserve`."""
        here = local.map_memory(size, protection=_WRITABLE)
        try:
            address = self._there.reserve(size, low, high)
            self._mirrors.add(address, size, here, None)
        except BaseException:
            local.unmap_memory(here, size)
            raise
        return address

    def view(self, address: int, size: int) -> U8:
        """See `Mapper.view`."""
        return bytes_at(self._mirrors.here(address, size), size)

    def prepare(self, ranges: Sequence[Range], content: Sequence[Range] | None = None) -> None:
        """See `Mapper.prepare`; the view is always writable."""

    def initialize(
        self, ranges: Sequence[Range], protection: Protection, content: Sequence[Range] | None = None
    ) -> None:
        """See `Mapper.initialize`: pages made writable, content sent, pages protected, each in one message."""
        refuse_both(protection)
        pages = enclosing_pages(ranges, self.page_size)
        sent = [(a, memoryview(self.view(a, n))) for a, n in (ranges if content is None else content) if n]
        if sent:
            self._there.protect(pages, _WRITABLE)
            self.process.write_many(sent)
        if not sent or protection != _WRITABLE:
            self._there.protect(pages, protection)

    def deinitialize(self, ranges: Sequence[Range]) -> None:
        """See `Mapper.deinitialize`."""
        whole, ends = whole_pages(ranges, self.page_size)
        self._there.discard(whole)
        self._there.zero(ends)
        for address, size in ranges:
            local.zero_memory(self._mirrors.here(address, size), size)

    def release(self, address: int, size: int) -> None:
        """See `Mapper.release`; memory here goes even if the process is lost."""
        gone = self._mirrors.cut(address, size)
        try:
            self._there.release(address, size)
        finally:
            local.unmap_memory(gone.here, size)
