"""The slab manager: it gives each link memory in a slab within reach of the addresses that the code refers to."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from uruk.errors import AllocationError, InternalError, UrukError
from uruk.memory.mapper import Expects, Mapper, Protection, Range, Reach, whole_pages
from uruk.memory.zones import CODE, CONSTANT, DATA, PROTECTIONS
from uruk.records import Unique, field, record, replace

if TYPE_CHECKING:
    from uruk.graph.types import U8
    from uruk.memory.frame_table import FrameTable
    from uruk.memory.interface import SegmentLike
    from uruk.memory.slab import Slab
    from uruk.memory.slab_object import OpensSlabs, SlabObject
    from uruk.memory.symbol_table import SymbolTable

MiB = 1 << 20
DEFAULT_SLAB = 1024 * MiB
SMALLEST_SLAB = 64 * MiB
"""Ordinary slabs are not made smaller than this: with less room, the reservation fails."""
LARGEST_SLAB = 2047 * MiB
"""A signed 32-bit offset reaches from any place in a slab to any other, however large a slab was asked for."""
LIBRARY_WINDOW = 512 * MiB
LOW_END = 1 << 31
"""The end of the addresses that signed 32-bit fields can hold."""
NEAR = 1 << 29
"""The largest distance in bytes from another slab at which a new one is placed, if there is room."""


@record
class SlabAllocation:
    """Memory of one link, all in one slab; see `uruk.memory.interface.Allocation`."""

    manager: SlabManager
    slab: Slab
    segments: list[tuple[int, int, int]]
    """(zone, address, size) in the order asked for."""
    stored: list[int]
    """The number of bytes with content at each segment's start; zero-fill follows, which mappers need not touch."""
    sealed: bool = False
    _constants_brought: bool = False

    @property
    def image(self) -> U8:
        """Working bytes; the byte of address a is ``image[a - base]``."""
        return self.slab.image

    @property
    def base(self) -> int:
        """Address of the image's first byte."""
        return self.slab.base

    @property
    def image_base(self) -> int:
        """See `Allocation.image_base`: the first address of the slab."""
        return self.slab.base

    @property
    def header(self) -> int | None:
        """See `Allocation.header`."""
        return None if self.slab.known is None else self.slab.known.address

    @property
    def frames(self) -> FrameTable | None:
        """See `Allocation.frames`."""
        return self.slab.frames

    @property
    def names(self) -> SymbolTable | None:
        """See `Allocation.names`."""
        known = self.slab.known
        return None if known is None else known.symbols

    def free(self) -> int:
        """See `Allocation.free`."""
        return self.manager.free(self)

    def free_segments(self, which: Sequence[int]) -> int:
        """See `Allocation.free_segments`."""
        return self.manager.free_segments(self, which)

    def withhold(self, which: Sequence[int]) -> int:
        """See `Allocation.withhold`."""
        return self.manager.withhold(self, which)

    def give_withheld(self, which: Sequence[int]) -> None:
        """See `Allocation.give_withheld`."""
        self.manager.give_withheld(self, which)

    def ranges(self, zone: int) -> list[Range]:
        """Return the address and size of each segment of one zone."""
        return [(address, size) for its_zone, address, size in self.segments if its_zone == zone and size]

    def content(self, zone: int) -> list[Range]:
        """Return the parts of one zone's segments that have content."""
        parts: list[Range] = []
        for (its_zone, address, size), stored in zip(self.segments, self.stored, strict=True):
            if its_zone == zone and size and stored:
                parts.append((address, stored))
        return parts

    def protect_code(self) -> None:
        """Bring code, executable (and no longer writable)."""
        self._initialize(CODE, PROTECTIONS[CODE])

    def bring_data(self) -> None:
        """Bring data, which is the program's from now on; garbage collectors find it through the dynamic loader."""
        for zone, _, size in self.segments:
            if zone == DATA and size:
                break
        else:  # as in most small modules
            return
        ranges, known = self.ranges(DATA), self.slab.known
        # The loader knows data from the zone's start to `data_end`; it never shrinks, as threads may be reading it.
        start = self.slab.data if known is None else known.data_end or self.slab.data
        end = max(address + size for address, size in ranges)
        # Rounded up to a whole page.
        end = -(-end // self.slab.mapper.page_size) * self.slab.mapper.page_size
        if known is None or end <= start:
            self._initialize(DATA, PROTECTIONS[DATA])
            return
        # All pages up to the end are made readable: a collector reads gaps between modules as well.
        self.slab.mapper.initialize([*ranges, (start, end - start)], PROTECTIONS[DATA], self.content(DATA))
        known.grow_data(self.slab.data, end)

    def bring_constants(self) -> None:
        """Bring constants before code that runs during the link; they stay writable until `seal`."""
        self._initialize(CONSTANT, PROTECTIONS[DATA])
        self._constants_brought = True

    def seal(self, changed: Sequence[Range] = ()) -> None:
        """Make constants read-only; brings them, or what was `changed` after `bring_constants` brought them."""
        self._initialize(CONSTANT, PROTECTIONS[CONSTANT], changed if self._constants_brought else None)
        self.sealed = True

    def _initialize(self, zone: int, protection: Protection, content: Sequence[Range] | None = None) -> None:
        ranges: list[Range] = []
        parts: list[Range] = []
        for (its_zone, address, size), stored in zip(self.segments, self.stored, strict=True):
            if its_zone == zone and size:
                ranges.append((address, size))
                if stored:
                    parts.append((address, stored))
        if ranges:
            self.slab.mapper.initialize(ranges, protection, parts if content is None else content)


@record
class SlabManager(Unique):
    """Reserves slabs, divides them, and gives emptied ones back; see `uruk.memory.interface.Memory`.

    `slab_size` is the size of ordinary slabs in bytes. Slabs after the first are placed where a link's `Reach` asks.
    """

    mapper: Mapper
    slab_size: int = DEFAULT_SLAB
    slabs: list[Slab] = field(default_factory=list["Slab"])
    window: Range | None = None
    fixed = False
    row_page: int = 0
    """The size of pages of which segments take whole ones, in rows (`uruk.memory.row_slab`); 0: slabs have zones.

    With rows, `slab_size` is the unit of reservations, of any size, and the dynamic loader does not know the slabs.
    """
    window_size: int = LIBRARY_WINDOW
    """The bytes beside the first slab that are kept free for libraries."""

    def allocate(self, segments: Sequence[SegmentLike], reach: Reach) -> SlabAllocation:
        """Return the memory for all segments in one slab within `reach`, writable for the linker, zero-filled.

        Raises AllocationError when no slab can be placed there.
        """
        # Zones of an ordinary slab lie too far apart for references of a MiB.
        together = reach.together and not self.row_page
        for slab in () if together else self.slabs:
            if not reach.high or reach.holds(slab.base, slab.size):
                allocation = self._take(slab, segments)
                if allocation is not None:
                    return allocation
        slab = self._reserve_arena(segments, reach) if together else self._reserve(segments, reach)
        if self.slabs and not together:
            from uruk.reporting import logger  # seldom needed

            logger().info("slab %d: %d bytes at %#x", len(self.slabs) + 1, slab.size, slab.base)
        self.slabs.append(slab)
        allocation = self._take(slab, segments)
        if allocation is None:
            raise InternalError("a fresh slab does not hold the request that it was made for")
        return allocation

    def expect(self, sizes: Sequence[int]) -> None:
        """See `Memory.expect`: memory that is shared with another process is made ready, which takes long."""
        mapper = self.mapper
        # What is too large for an ordinary slab gets one of its own.
        if self.row_page or not isinstance(mapper, Expects) or max(sizes) > self.slab_size // 8:
            return
        with contextlib.suppress(AllocationError):  # `allocate` will meet the same error
            if not self.slabs:
                self.slabs.append(self._reserve((), Reach()))
            mapper.expect(self.slabs[0].front(sizes))

    def _take(self, slab: Slab, segments: Sequence[SegmentLike]) -> SlabAllocation | None:
        addresses = slab.take_all(segments)
        if addresses is None:
            return None
        taken: list[tuple[int, int, int]] = []
        stored: list[int] = []
        everything: list[Range] = []
        content: list[Range] = []
        for address, segment in zip(addresses, segments, strict=True):
            taken.append((int(segment.zone), address, segment.size))
            stored.append(segment.stored)
            everything.append((address, segment.size))
            content.append((address, segment.stored))
        allocation = SlabAllocation(self, slab, taken, stored)
        try:
            slab.mapper.prepare(everything, content)
        except BaseException:
            self._give(allocation)
            raise
        return allocation

    def free(self, allocation: SlabAllocation) -> int:
        """Give an allocation back; return its size in bytes. An empty slab is released unless it is the first one.

        Raises AllocationError if the mapper cannot discard the content; the allocation then stays as it is.
        """
        slab = allocation.slab
        extents = _extents(slab, allocation.segments)
        # Content goes before addresses: memory that is free reads as zero, and nothing is given back where that fails.
        if extents:
            slab.mapper.deinitialize(extents)
        return self._give(allocation)

    def _give(self, allocation: SlabAllocation) -> int:
        """Give back memory that holds only zeros; return its size in bytes."""
        slab = allocation.slab
        total = 0
        for zone, address, size in allocation.segments:
            if size:
                slab.give(zone, address, size)
                total += size
        # An allocation without segments can be freed again, and gives nothing back twice.
        allocation.segments.clear()
        allocation.stored.clear()
        # The first slab stays: lazy stubs and later slabs are placed beside it.
        if not slab.used and slab in self.slabs[1:]:
            self.slabs.remove(slab)
            slab.release()
        return total

    def free_segments(self, allocation: SlabAllocation, which: Sequence[int]) -> int:
        """Give back some segments of an allocation (those of one module); return their size in bytes."""
        part = SlabAllocation(self, allocation.slab, [allocation.segments[index] for index in which], [0] * len(which))
        size = self.free(part)
        for index in which:
            zone, address, _ = allocation.segments[index]
            allocation.segments[index] = (zone, address, 0)
        return size

    def withhold(self, allocation: SlabAllocation, which: Sequence[int]) -> int:
        """Discard the content of some segments and access to them, and keep their addresses; return their size.

        Code that still refers to them faults. Ends of data that share a page with other data read as zero.
        `give_withheld` gives the addresses back.
        """
        segments = [allocation.segments[index] for index in which]
        # Content first: the ends of data are zeroed by writing, which needs their pages' protection as it is.
        allocation.slab.mapper.deinitialize(_extents(allocation.slab, segments))
        self._protect(allocation, segments, Protection.NONE)
        return sum(size for _, _, size in segments)

    def give_withheld(self, allocation: SlabAllocation, which: Sequence[int]) -> None:
        """Give the addresses of withheld segments back."""
        segments = [allocation.segments[index] for index in which]
        # Memory is free with the protection of its zone, as after `free`: that is restored before it can be taken.
        self._protect(allocation, segments, None)
        self._give(SlabAllocation(self, allocation.slab, segments, [0] * len(which)))

    def _protect(
        self, allocation: SlabAllocation, segments: Sequence[tuple[int, int, int]], protection: Protection | None
    ) -> None:
        """Protect the whole pages of segments; None means the protection of their zones."""
        page = self.mapper.page_size
        for zone in range(len(PROTECTIONS)):
            extents = _extents(allocation.slab, [segment for segment in segments if segment[0] == zone])
            pages, _ = whole_pages(extents, page)
            if pages:
                wanted = PROTECTIONS[zone] if protection is None else protection
                allocation.slab.mapper.initialize(pages, wanted, [])

    def _needs(self, segments: Sequence[SegmentLike]) -> list[int]:
        """Return the number of bytes of each zone that segments take at most."""
        needs = [0, 0, 0]
        page = self.mapper.page_size
        for segment in segments:
            # Every segment begins on a page: only larger alignments skip more, by less than this.
            wide = max(segment.align - page, 0)
            needs[segment.zone] += -(-segment.size // page) * page + wide
        return needs

    def _reserve_arena(self, segments: Sequence[SegmentLike], reach: Reach) -> Slab:
        """Return a slab that is just large enough, as its zones must lie close together; it is released with its
        content."""
        if not self.slabs:  # the first one is an ordinary slab, with the library window
            self.slabs.append(self._reserve((), Reach()))
        page = self.mapper.page_size
        return self._place([-(-need // page) * page for need in self._needs(segments)], reach)

    def _reserve(self, segments: Sequence[SegmentLike], reach: Reach) -> Slab:
        # Unsigned 32-bit references reach 4 GiB. Later code may have signed ones: below 2 GiB the slab serves both.
        if reach.low < LOW_END < reach.high <= 2 * LOW_END:
            with contextlib.suppress(AllocationError):
                return self._reserve(segments, replace(reach, high=LOW_END))
        if self.row_page:
            from uruk.memory.row_slab import size_for  # for one tool

            return self._place([size_for(segments, self.row_page, self.slab_size, self.mapper.page_size)], reach)
        needs = self._needs(segments)
        size = min(self.slab_size, LARGEST_SLAB)
        from uruk.memory.slab_object import OpensSlabs  # as in `_slab`

        if reach.high and isinstance(self.mapper, OpensSlabs):
            # Room is short within a reach, and the loader's tables take some of it: half a slab that the loader knows
            # is worth more than a whole one that it does not.
            for part in (size, max(size // 2, SMALLEST_SLAB)):
                with contextlib.suppress(AllocationError):
                    return self._place(_divide(part, needs), reach, plain=False)
        while True:
            try:
                return self._place(_divide(size, needs), reach)
            except AllocationError:
                if size <= SMALLEST_SLAB:
                    raise
                size = max(size // 2, SMALLEST_SLAB)

    def _place(self, zones: Sequence[int], reach: Reach, *, plain: bool = True) -> Slab:
        """Reserve a slab; a first one without bounds gets a window beside it, kept free for libraries loaded later.

        With `plain`, it may be memory that the dynamic loader does not know, if no other can be had.
        """
        size = sum(zones)
        for slab in self.slabs:  # beside another one, as later code may refer to data in both
            low, high = max(reach.low, slab.base - NEAR), slab.base + slab.size + NEAR
            # A `high` of 0 means no bound.
            high = min(reach.high or high, high)
            if high - low >= size:
                with contextlib.suppress(AllocationError):
                    return self._open(zones, low, high, plain=plain)
        if reach.high or self.slabs or self.window is not None:
            return self._open(zones, reach.low, reach.high, plain=plain)
        return self._open(zones, 0, 0, self.window_size)

    def _open(self, zones: Sequence[int], low: int, high: int, window: int = 0, *, plain: bool = True) -> Slab:
        """Make a slab within [low, high), known to the dynamic loader if possible, and a window of free bytes below."""
        from uruk.memory.slab_object import OpensSlabs  # as in `_slab`

        if isinstance(self.mapper, OpensSlabs) and not self.row_page:
            try:
                return self._open_known(self.mapper, zones, low, high, window)
            except AllocationError:
                if not plain:
                    raise
        # One reservation: the window is its lower part, so that it is beside the slab for certain.
        base = self.mapper.reserve(sum(zones) + window, low, high)
        try:
            slab = self._divided(base + window, zones)
        except BaseException:
            self.mapper.release(base, sum(zones) + window)
            raise
        if window:
            self.window = (base, window)
        return slab

    def _divided(self, base: int, zones: Sequence[int]) -> Slab:
        """Return reserved memory as a slab."""
        if not self.row_page:
            return self._slab(base, zones)
        from uruk.memory.row_slab import RowSlab  # for one tool

        return RowSlab(self.mapper, base, zones[0], self.row_page)

    def _slab(self, base: int, zones: Sequence[int], known: SlabObject | None = None) -> Slab:
        from uruk.memory.slab import Slab  # a session that has linked nothing has none

        return Slab(self.mapper, base, zones, known)

    def _open_known(self, mapper: OpensSlabs, zones: Sequence[int], low: int, high: int, window: int) -> Slab:
        """Make a slab that the dynamic loader knows."""
        known = mapper.open_slab(zones, low, high)
        try:
            slab = self._slab(known.base, zones, known)
        except BaseException:
            known.close()
            raise
        # The loader takes an object's whole range for the object, so that the window is a reservation of its own. The
        # kernel maps from high addresses down: it lands right below the object.
        if window:
            with contextlib.suppress(AllocationError):
                self.window = (self.mapper.reserve(window), window)
        return slab

    @property
    def near(self) -> Range | None:
        """The address and size of the first slab; None if there is none."""
        return (self.slabs[0].base, self.slabs[0].size) if self.slabs else None

    def holds(self, address: int) -> bool:
        """Return True for an address in one of the slabs."""
        return any(slab.base <= address < slab.base + slab.size for slab in self.slabs)

    def is_free(self, address: int) -> bool:
        """Return True for an address in one of the slabs where nothing is linked."""
        return any(slab.is_free(address) for slab in self.slabs)

    @contextlib.contextmanager
    def library_window(self) -> Generator[None]:
        """Unmap the library window for the time of a `with`, so that a library lands within reach of the slab."""
        if self.window is not None:
            # The kernel puts a library into the highest gap that is large enough: the one beside the slab, as a rule.
            self.mapper.release(*self.window)
        try:
            yield
        finally:
            self._close_window()

    def _close_window(self) -> None:
        """Reserve the rest of the library window after a library was loaded."""
        if self.window is None:
            return
        start, size = self.window
        self.window = None
        step = size
        # The library took some unknown part of it: the largest half, quarter, ... that is still free is taken.
        while step >= 16 * MiB:
            try:
                self.window = (self.mapper.reserve(step, start, start + size), step)
                return
            except AllocationError:
                step //= 2

    def forget(self) -> None:
        """Release the local memory of slabs whose process is gone; errors are expected, and dropped."""
        with contextlib.suppress(UrukError):
            self.close()

    def close(self) -> None:
        """Release every slab and the window; an error of one is raised when all have been tried."""
        errors: list[UrukError] = []
        releases = [slab.release for slab in self.slabs]
        if self.window is not None:
            releases.append(partial(self.mapper.release, *self.window))
        # Forgotten first, so that a second close after an error releases nothing twice.
        self.slabs.clear()
        self.window = None
        for release in releases:
            try:
                release()
            except UrukError as error:
                errors.append(error)
        if errors:
            raise errors[0]


def _extents(slab: Slab, segments: Sequence[tuple[int, int, int]]) -> list[Range]:
    """Return the ranges that segments take of their zones."""
    return [(address, slab.extent(zone, size)) for zone, address, size in segments if size]


def _divide(size: int, needs: Sequence[int]) -> list[int]:
    """Return the zone sizes for a slab of `size` bytes that holds at least `needs`; whole MiB."""
    least = [-(-need // MiB) * MiB for need in needs]
    # Code and data take the most, in equal parts; constants lie between them, in reach of both.
    shares = [size * 3 // 8, size // 4, size * 3 // 8]
    zones = [max(share, need) // MiB * MiB for share, need in zip(shares, least, strict=True)]
    # With a very large request (1.9 GB of zero-fill, say), room to spare between code and data would put them out of
    # each other's reach: such a slab has none.
    return least if sum(zones) > LARGEST_SLAB else zones
