"""The interface of an instruction set: for linking its code, and for running it in a process.

`uruk.isa.x86_64` is for linking, `uruk.isa.x86_64_runtime` for running; other instruction sets have the same two
modules. How functions are called is in `uruk.isa.abi`, as that depends on the system, too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from uruk.named_tuples import NamedTuple
from uruk.records import record
from uruk.target import architecture_that_runs

if TYPE_CHECKING:
    from uruk.graph.kinds import KindTable
    from uruk.graph.types import I32, I64, U8, U64, Bool

# -- linking


@record
class GOTLoads:
    """Edges to GOT slots of relaxable kinds, a row each, in the order of their blocks."""

    image: U8
    kind: U8
    block: I32
    offset: I64
    """Offset of the field in its block; `position` is its offset in `image`, `place` its address."""
    position: I64
    place: I64
    symbol: I32
    target: I64
    """The symbol's address."""
    addend: I64


@record
class Relaxed:
    """Masks of the rows of `GOTLoads` whose instruction changed, and of those whose field moved back by one byte.

    `kind` has the kinds of all rows if some have changed.
    """

    changed: Bool
    moved_back: Bool
    kind: U8 | None = None


class JITLinkTables(NamedTuple):
    """The stubs and the GOT of LLVM's JITLink, for links that are laid out as its are.

    Its stubs are the part of uruk's that jumps: `size` bytes from `begin` on, aligned to `align`; the rest is for
    safety or speed. `got_zone` is the zone in which it has the GOT, `edges` are the offsets and kinds by which a stub
    refers to its slot.
    """

    begin: int
    size: int
    align: int
    got_zone: int
    edges: tuple[tuple[int, str], ...]


class InstructionSet(Protocol):
    """A module of `uruk.isa`. All columns have a row an edge or stub; `position` is its offset in `image`."""

    KINDS: KindTable
    STUB_SIZE: int
    """The size of a stub in bytes."""
    JITLINK_TABLES: JITLinkTables
    """See `JITLinkTables`."""
    UNWIND_REGISTERS: int
    """The number of registers that unwinders know by DWARF numbers, which the psABI gives."""

    def write_stubs(self, image: U8, position: I64, address: I64, slot: I64) -> None:
        """Write a jump through the GOT slot at address `slot` for each stub that lies at `address`."""
        ...

    @property
    def write_stub(self) -> Callable[[memoryview, int, int, int], None] | None:
        """A function of (image, position, address, slot) that does the same for one stub; None where columns do."""
        ...

    def relax_got_loads(self, loads: GOTLoads) -> Relaxed:
        """Replace loads through the GOT by direct ones in place, if the target is in reach; see `uruk.isa.x86_64`."""
        ...

    @property
    def relax_got_load(self) -> Callable[[memoryview, int, bytes, int], tuple[bool, bool]] | None:
        """A function that does the same for one load; None where loads are not relaxed one by one.

        Its arguments are the image, the field's position in it, the bytes of the block before the field (3 at most) as
        they were read, and the value of the field if it is changed. It returns True for a changed load, and whether its
        field moved back by one byte.
        """
        ...

    @property
    def relax_descriptors(self) -> Callable[[U8, U8, I64, I64], Bool] | None:
        """A function of (image, kind, position, offset) that makes local-exec accesses of TLS descriptors, in place.

        Each row is an edge to a descriptor whose symbol lies at `offset` from every thread pointer. It returns a mask
        of the changed rows. None if the architecture keeps descriptors.
        """
        ...


# -- running. A block of lazy stubs is a page of code and a page of data, alike for all architectures: struct block of
# the runtime's lazy.c, which has these numbers, too.

LAZY_PAGE = 4096
LAZY_STUBS = 128
"""The number of stubs of a block."""
LAZY_STUB_SIZE = 32
LAZY_SLOTS = LAZY_PAGE - 8 * LAZY_STUBS
"""Offset of the slots in the page of data, whose first word is the address of the runtime's entry."""
LAZY_CHANGES = LAZY_SLOTS - 8 * LAZY_STUBS
"""Offset in the page of data of the counts that say how often each slot was set."""
TRAMPOLINE_SIZE = 32
"""The size of a callback's trampoline in bytes."""


@record
class Architecture:
    """The code of uruk's own that a process of one architecture needs: lazy stubs, trampolines and the like."""

    name: str
    """The name that is the first part of a triple."""
    first_call: int
    """Offset in a lazy stub of the code for its first call, to which its slot points at first."""
    stub_page: Callable[[int], U8]
    """Makes the page of code of lazy stubs whose page of data lies this many bytes behind it."""
    trampolines: Callable[[U64, int], U8]
    """Makes trampolines, one behind the other, by which callbacks of these numbers go to an address."""
    cache_routine: bytes = b""
    """Code of ``void (char *first, char *end)`` that synchronises the instruction cache with written code.

    It is position-independent. Empty for processors that do this by themselves.
    """


@lru_cache(maxsize=8)
def architecture_of(triple: str) -> Architecture:
    """Return the architecture of a target triple, or of a target; its module is imported by the first call.

    Raises UnknownTarget for an architecture that uruk cannot run code for.
    """
    name = architecture_that_runs(triple)
    architecture: Architecture = import_module(f"uruk.isa.{name}_runtime").ARCHITECTURE
    return architecture
