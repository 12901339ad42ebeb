"""What the link asks of an instruction set; `uruk.isa.x86_64` is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from uruk.graph.kinds import KindTable
from uruk.graph.types import I64, U8, Bool
from uruk.isa.relaxation import GOTLoads, Relaxed


class InstructionSet(Protocol):
    """A module of `uruk.isa`. All columns have a row an edge or stub; `position` is where it is in `image`."""

    KINDS: KindTable
    STUB_SIZE: int
    """Bytes of a stub."""
    UNWIND_REGISTERS: int
    """How many registers unwinders know by DWARF numbers, which the psABI gives."""

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
