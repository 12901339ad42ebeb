"""The interface between the slab manager and whatever holds the memory."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag
from typing import Protocol

from uruk.graph.types import U8


class Protection(IntFlag):
    """What code may do with a page; the numbers are mmap's."""

    NONE = 0
    R = 1
    W = 2
    X = 4


Range = tuple[int, int]
"""Address and size in bytes, both multiples of the page size."""


class Mapper(Protocol):
    """Five verbs over address ranges, as LLVM's MemoryMapper has them, and a local view to write through.

    A page is never writable and executable at once. All sizes and addresses are in bytes and page-aligned.
    Every method raises AllocationError when the system refuses.
    """

    @property
    def page_size(self) -> int:
        """The page size where the code runs, in bytes."""
        ...

    @property
    def sends_content(self) -> bool:
        """Whether the local view is not the memory itself, so that content has to be brought by `initialize`."""
        ...

    def reserve(self, size: int, low: int = 0, high: int = 0) -> int:
        """Reserve address space, nothing committed, within [low, high) if `high` is given; returns its address."""
        ...

    def view(self, address: int, size: int) -> U8:
        """The local working bytes of a reservation; what is written there arrives by `initialize`."""
        ...

    def prepare(self, ranges: Sequence[Range]) -> None:
        """Make ranges of a reservation writable for the linker; no live code may be on them."""
        ...

    def initialize(self, ranges: Sequence[Range], protection: Protection) -> None:
        """Bring the written bytes of ranges to where they run, with their final protection.

        Writable ranges may begin and end anywhere: exactly their bytes are brought, as others live on those pages.
        """
        ...

    def deinitialize(self, ranges: Sequence[Range]) -> None:
        """Give up the content of ranges, which read as zero from then on; their protection stays."""
        ...

    def release(self, address: int, size: int) -> None:
        """Give a reservation, or a part of it, back."""
        ...
