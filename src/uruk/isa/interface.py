"""The demands of the rest of uruk on an instruction set: to link code of it, and to run code of it in a process.

`uruk.isa.x86_64` has what linking takes, `uruk.isa.x86_64_runtime` what running takes; other instruction sets likewise.
How functions are called is in `uruk.isa.abi`, as that depends on the system, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Protocol

from uruk.errors import UnknownTarget
from uruk.graph.kinds import KindTable
from uruk.graph.types import I32, I64, U8, U64, Bool
from uruk.machines import MACHINES, TARGETS
from uruk.records import record
from uruk.target import Target

# -- linking


@record
class GOTLoads:
    """Edges to GOT slots of relaxable kinds, a row each, in the order of their blocks."""

    image: U8
    kind: U8
    block: I32
    offset: I64
    """Of the field in its block; in `position` in `image`, in `place` the address."""
    position: I64
    place: I64
    symbol: I32
    target: I64
    """The symbol's address."""
    addend: I64


@record
class Relaxed:
    """Says of each row of `GOTLoads` whether the instruction changed, and whether its field then moved by -1.

    `kind` has the kinds of the rows, if these are others now.
    """

    changed: Bool
    moved_back: Bool
    kind: U8 | None = None


class InstructionSet(Protocol):
    """A module of `uruk.isa`. All columns have a row an edge or stub; `position` is where it is in `image`."""

    KINDS: KindTable
    STUB_SIZE: int
    """Bytes of a stub."""
    UNWIND_REGISTERS: int
    """The number of registers that unwinders know by DWARF numbers, which the psABI gives."""

    def write_stubs(self, image: U8, position: I64, address: I64, slot: I64) -> None:
        """Write a jump through the GOT slot at address `slot` for each stub that lies at `address`."""
        ...

    def relax_got_loads(self, loads: GOTLoads) -> Relaxed:
        """Turn loads through the GOT into direct ones where that fits, in place; see `uruk.isa.x86_64`."""
        ...

    @property
    def relax_descriptors(self) -> Callable[[U8, U8, I64, I64], Bool] | None:
        """(image, kind, position, offset): turn accesses by TLS descriptors into local-exec ones, in place.

        Returns which edges are done: a row an edge to a descriptor whose symbol lies at `offset` from every thread
        pointer. None where it is left to descriptors.
        """
        ...


# -- running. A block of lazy stubs is a page of code and a page of data, alike for all architectures: struct block of
# the runtime's lazy.c, which has these numbers, too.

LAZY_PAGE = 4096
LAZY_STUBS = 128
"""Stubs a block."""
LAZY_STUB_SIZE = 32
LAZY_SLOTS = LAZY_PAGE - 8 * LAZY_STUBS
"""The place in the page of data where the slots begin; the address of the runtime's entry is its first word."""
LAZY_CHANGES = LAZY_SLOTS - 8 * LAZY_STUBS
"""The place in the page of data of the counts of how often each slot was set."""
TRAMPOLINE_SIZE = 32
"""Bytes of a callback's trampoline."""


@dataclass(frozen=True)
class Architecture:
    """The code of uruk's own that a process of one architecture needs: lazy stubs, trampolines and the like."""

    name: str
    """As the first part of a triple has it."""
    first_call: int
    """The place in a lazy stub where its first call begins: what the slot points to at first."""
    stub_page: Callable[[int], U8]
    """Makes the page of code of lazy stubs whose page of data lies so far behind it."""
    trampolines: Callable[[U64, int], U8]
    """Makes trampolines for callbacks of these numbers that go to an address, one behind the other."""
    cache_routine: bytes = b""
    """Code of ``void (char *first, char *end)`` that makes written code known to the instruction cache.

    It may lie anywhere. Empty where the processor sees to that by itself.
    """


@lru_cache(maxsize=8)
def architecture_of(triple: str) -> Architecture:
    """Return the architecture of a target triple, or of a target; its module is imported by the first call.

    Raises UnknownTarget for an architecture that uruk cannot run code for.
    """
    name = Target.of_triple(triple).architecture
    if not MACHINES[name].systems:  # a machine that files name, but nothing of which is run
        raise UnknownTarget(triple, TARGETS)
    architecture: Architecture = import_module(f"uruk.isa.{name}_runtime").ARCHITECTURE
    return architecture
