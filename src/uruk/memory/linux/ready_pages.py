"""Pages that were given back and can be written at once: the next small module needs no call for them, and no fault.

A page that is discarded costs a call for that, one that makes it writable when it is used again, and a page fault at
its first byte. A few are kept instead, by one call: writable, so that nothing runs in them, and zero, as free memory
has to be.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from uruk.errors import AllocationError
from uruk.memory.linux import local
from uruk.memory.mapper import WRITABLE, Range

MOST = 2
"""The number of pages that are kept, one of code and one of constants for a small module. Each may be a mapping of its
own, of which a process has a limited number; and memory that nothing uses should be the system's."""


class ReadyPages:
    """The pages of one mapper that are free, writable and zero."""

    def __init__(self) -> None:
        self.pages: set[int] = set()
        """The address of each."""

    def keep(self, address: int, size: int) -> bool:
        """Keep whole pages whose content is given up; False, with nothing done, if they are to be discarded."""
        page = local.PAGE
        if len(self.pages) + size // page > MOST:
            return False
        try:
            local.protect_memory(address, size, WRITABLE)
        except AllocationError:  # a policy, or the limit of mappings: discarding needs neither
            return False
        ctypes.memset(address, 0, size)
        self.pages.update(range(address, address + size, page))
        return True

    def take(self, ranges: Sequence[Range]) -> list[Range]:
        """Take ranges into use; returns those that are not ready, which have to be made writable."""
        page, pages = local.PAGE, self.pages
        rest: list[Range] = []
        for address, size in ranges:
            if size <= page and address in pages:  # the usual case
                pages.remove(address)
            elif size <= MOST * page and pages.issuperset(range(address & -page, address + size, page)):
                pages.difference_update(range(address & -page, address + size, page))
            else:
                rest.append((address, size))
        return rest

    def drop(self, address: int, size: int) -> None:
        """Forget the pages in a range: it is released, or its protection changes."""
        # A copy, as other threads may free memory meanwhile.
        self.pages.difference_update([page for page in tuple(self.pages) if address <= page < address + size])
