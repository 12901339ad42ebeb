"""The interface between the slab manager and whatever holds the memory."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from uruk.errors import AllocationError
from uruk.records import Values, record

if TYPE_CHECKING:
    from uruk.graph.types import U8


class Protection(IntFlag):
    """The accesses that code may have with a page; the numbers are mmap's."""

    NONE = 0
    R = 1
    W = 2
    X = 4


WRITABLE = Protection.R | Protection.W
_BOTH = int(Protection.W | Protection.X)

HIGHEST = 1 << 56
"""No program has memory from here on: x86-64 gives it 56 bits of addresses at most, AArch64 52."""
Range = tuple[int, int]
"""Address and size in bytes."""


def refuse_both(protection: Protection) -> None:
    """Raise AllocationError for a page that would be writable and executable at once."""
    if int(protection) & _BOTH == _BOTH:
        raise AllocationError("a page may not be writable and executable at once")


@record
class Reach(Values):
    """The place for memory: within [low, high), by default anywhere. With `together`, all of it is close together."""

    low: int = 0
    high: int = 0
    together: bool = False

    def holds(self, address: int, size: int) -> bool:
        """Return True if the range lies inside."""
        return not self.high or (self.low <= address and address + size <= self.high)


@runtime_checkable
class Expects(Protocol):
    """A mapper that makes pages ready for what is still to be written, beside the caller's other work."""

    def expect(self, ranges: Sequence[Range]) -> None:
        """Begin to make whole pages ready, of reservations; `prepare` need not wait for it. Nothing that it meets is
        an error.
        """
        ...


class Mapper(Protocol):
    """Five verbs over address ranges, as LLVM's MemoryMapper has them, and a local view to write through.

    The view may be the memory itself or another mapping, even on another machine: bytes must have arrived where they
    run when `initialize` returns. Addresses are those where the code runs. Reservations and releases are of whole
    pages; all other ranges are exact: bytes beside them may be other modules' live data on the same writable page.
    Protections apply to all pages that a range touches. A page is never writable and executable at once. Every method
    raises AllocationError when the system refuses.
    """

    @property
    def page_size(self) -> int:
        """The page size where the code runs, in bytes."""
        ...

    def reserve(self, size: int, low: int = 0, high: int = 0) -> int:
        """Reserve address space, nothing committed, within [low, high) if `high` is given; returns its address."""
        ...

    def view(self, address: int, size: int) -> U8:
        """Return the local working bytes of a reservation; `initialize` brings them to where they run."""
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
        """Make the bytes of ranges zero, here and where they run, and discard whole pages.

        Protections stay, or come to allow writing and no execution. The ranges have been prepared. Their ends that are
        not whole pages lie on pages that are still writable.
        """
        ...

    def release(self, address: int, size: int) -> None:
        """Release a reservation, or a part of it."""
        ...


def enclosing_pages(ranges: Sequence[Range], page: int) -> list[Range]:
    """Return the pages that ranges touch, ascending, neighbours joined; empty ranges touch none."""
    if len(ranges) == 1:
        address, size = ranges[0]
        first = address & -page
        return [(first, ((address + size + page - 1) & -page) - first)] if size else []
    joined: list[Range] = []
    begin = end = -1
    for address, size in sorted(ranges):
        if not size:
            continue
        # -page has all bits from the page's on set: `&` rounds down, and up where size - 1 of a page was added.
        first, last = address & -page, (address + size + page - 1) & -page
        # Ranges ascend: this one touches the pages before it, or continues them.
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
    """Split ranges: the whole pages in them, and their ends, which lie on pages that others may use, too."""
    whole: list[Range] = []
    ends: list[Range] = []
    for address, size in ranges:
        end = address + size
        # Rounded inwards: without a whole page between them the range is one end.
        first, last = (address + page - 1) & -page, end & -page
        if first >= last:
            ends += [(address, size)] * (size > 0)
            continue
        whole.append((first, last - first))
        ends += [(address, first - address)] * (first > address) + [(last, end - last)] * (end > last)
    return whole, ends
