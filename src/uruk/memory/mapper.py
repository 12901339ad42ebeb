"""The interface between the slab manager and whatever holds the memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import Protocol

from uruk.errors import AllocationError
from uruk.graph.types import U8


class Protection(IntFlag):
    """The accesses that code may have with a page; the numbers are mmap's."""

    NONE = 0
    R = 1
    W = 2
    X = 4


WRITABLE = Protection.R | Protection.W
_BOTH = int(Protection.W | Protection.X)

Range = tuple[int, int]
"""Address and size in bytes."""


def refuse_both(protection: Protection) -> None:
    """Raise AllocationError for a page that would be writable and executable at once."""
    if int(protection) & _BOTH == _BOTH:
        raise AllocationError("a page may not be writable and executable at once")


@dataclass(frozen=True)
class Reach:
    """The place for memory: within [low, high), by default anywhere; `together`: as close together as it can be."""

    low: int = 0
    high: int = 0
    together: bool = False

    def holds(self, address: int, size: int) -> bool:
        """True if the range lies inside."""
        return not self.high or (self.low <= address and address + size <= self.high)


class Mapper(Protocol):
    """Five verbs over address ranges, as LLVM's MemoryMapper has them, and a local view to write through.

    The view may be the memory itself or another mapping, even of another machine: only `initialize` says when bytes
    must be where they run. Addresses are those where the code runs. What is reserved and released is whole pages; all
    other ranges are exact: bytes beside them may be other modules' live data on the same writable page. Protections
    apply to all pages that a range touches. A page is never writable and executable at once.
    Every method raises AllocationError when the system refuses.
    """

    @property
    def page_size(self) -> int:
        """The page size where the code runs, in bytes."""
        ...

    def reserve(self, size: int, low: int = 0, high: int = 0) -> int:
        """Reserve address space, nothing committed, within [low, high) if `high` is given; returns its address."""
        ...

    def view(self, address: int, size: int) -> U8:
        """The local working bytes of a reservation; what is written there arrives by `initialize`."""
        ...

    def prepare(self, ranges: Sequence[Range], content: Sequence[Range] | None = None) -> None:
        """Make ranges of a view writable for the linker; no live code may be on their pages.

        `content` are the parts that will be written (all if None); the rest is zero-fill and must cost nothing.
        """
        ...

    def initialize(
        self, ranges: Sequence[Range], protection: Protection, content: Sequence[Range] | None = None
    ) -> None:
        """Bring written bytes to where they run, and give the ranges' pages their protection.

        `content` are the parts of prepared ranges whose bytes are brought (all if None); the rest stays as it is
        there, zero at first.
        """
        ...

    def deinitialize(self, ranges: Sequence[Range]) -> None:
        """Make the bytes of ranges zero, here and where they run, and give whole pages up; protections stay.

        Ranges have been prepared. Their ends that are no whole pages are on pages that are writable still.
        """
        ...

    def release(self, address: int, size: int) -> None:
        """Give a reservation, or a part of it, back."""
        ...


def enclosing_pages(ranges: Sequence[Range], page: int) -> list[Range]:
    """The pages that ranges touch, ascending, neighbours joined; empty ranges touch none."""
    joined: list[Range] = []
    begin = end = -1
    for address, size in sorted(ranges) if len(ranges) > 1 else ranges:
        if not size:
            continue
        first, last = address & -page, (address + size + page - 1) & -page
        if first <= end and begin >= 0:
            end = max(end, last)
            continue
        if begin >= 0:
            joined.append((begin, end - begin))
        begin, end = first, last
    if begin >= 0:
        joined.append((begin, end - begin))
    return joined


def whole_pages(ranges: Sequence[Range], page: int) -> tuple[list[Range], list[Range]]:
    """Ranges taken apart: the whole pages in them, and the ends, which lie on pages that others may use, too."""
    whole: list[Range] = []
    ends: list[Range] = []
    for address, size in ranges:
        end = address + size
        first, last = (address + page - 1) & -page, end & -page
        if first >= last:
            ends += [(address, size)] * (size > 0)
            continue
        whole.append((first, last - first))
        ends += [(address, first - address)] * (first > address) + [(last, end - last)] * (end > last)
    return whole, ends
