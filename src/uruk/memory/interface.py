"""The interface of memory, as links and sessions need it: slabs of a process, or addresses only (`FixedMemory`)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from uruk.graph.types import U8
    from uruk.memory.frame_table import FrameTable
    from uruk.memory.mapper import Range, Reach
    from uruk.memory.symbol_table import SymbolTable


class SegmentLike(Protocol):
    """A request: `size` bytes in a zone, at a multiple of `align`, for a module; zero-fill after `stored`."""

    module: int
    zone: int
    size: int
    align: int
    stored: int


class Allocation(Protocol):
    """Memory of one link. Addresses are unsigned numbers; the byte of address a is ``image[a - base]``."""

    segments: list[tuple[int, int, int]]
    """(zone, address, size) in the order asked for."""

    @property
    def image(self) -> U8:
        """Working bytes, writable until the link has ended, zero at first."""
        ...

    @property
    def base(self) -> int:
        """Address of the image's first byte."""
        ...

    @property
    def image_base(self) -> int:
        """The lowest address of the slab: 32-bit offsets from there reach every graph in it."""
        ...

    @property
    def frames(self) -> FrameTable | None:
        """The table by which unwinders find the unwind data of its code; None if that must be registered."""
        ...

    @property
    def names(self) -> SymbolTable | None:
        """The table by which `dladdr` names its code and data; None if the dynamic loader does not know them."""
        ...

    @property
    def header(self) -> int | None:
        """Address of the header of the object in which the dynamic loader knows the memory; None if it does not."""
        ...

    def protect_code(self) -> None:
        """Bring code to where it runs, executable (and no longer writable)."""
        ...

    def bring_data(self) -> None:
        """Bring data, which is the program's from now on."""
        ...

    def bring_constants(self) -> None:
        """Bring constants before code that runs during the link; they stay writable until `seal`."""
        ...

    def seal(self, changed: Sequence[Range] = ()) -> None:
        """Make constants read-only; brings them, or what was `changed` after `bring_constants` brought them."""
        ...

    def free(self) -> int:
        """Give all of it back; return its size in bytes. Raises AllocationError if that fails, and changes nothing."""
        ...

    def free_segments(self, which: Sequence[int]) -> int:
        """Give back some segments (those of one module); return their size in bytes."""
        ...

    def withhold(self, which: Sequence[int]) -> int:
        """Discard the content of some segments and access to them, and keep their addresses; return their size.

        Code that still refers to them faults, if the memory is a process's. `give_withheld` gives the addresses back.
        """
        ...

    def give_withheld(self, which: Sequence[int]) -> None:
        """Give the addresses of withheld segments back."""
        ...


class Memory(Protocol):
    """Memory for linked code: it gives each link an `Allocation`."""

    @property
    def fixed(self) -> bool:
        """True if addresses are given beforehand: no link can ask for others, and nothing that lies there is run."""
        ...

    @property
    def near(self) -> Range | None:
        """The range beside which lazy stubs should lie; None before there is any code, and if none runs here."""
        ...

    def allocate(self, segments: Sequence[SegmentLike], reach: Reach) -> Allocation:
        """Return the memory for all segments, within `reach` of each other and, where it is not `fixed`, within its
        bounds.

        Raises AllocationError if there is no room.
        """
        ...

    def expect(self, sizes: Sequence[int]) -> None:
        """Expect that the next `allocate` will ask for at least so many bytes with content, by zone.

        It may make them ready meanwhile, beside the caller's other work: a hint, of which no error comes.
        """
        ...

    def holds(self, address: int) -> bool:
        """Return True for an address that is reserved for linked code."""
        ...

    def library_window(self) -> AbstractContextManager[None]:
        """Let a library that is loaded inside the `with` land within reach of linked code, if that is possible."""
        ...

    def close(self) -> None:
        """Give everything back. Nothing in it may run any more."""
        ...
