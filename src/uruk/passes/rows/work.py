"""The state that the passes over rows share: one object in the making; and the way back to the columns."""

from __future__ import annotations

from collections.abc import Sequence

from uruk.graph.kinds import KindTable
from uruk.graph.rows import EdgeRow, ObjectRows
from uruk.graph.types import NONE
from uruk.passes.rows.kinds import KindRow, kind_rows


class LeftToColumns(Exception):
    """The object has something that only the columns link, or only they report. It is no error, and has no text."""


class Block:
    """A block in the making: one of the object's, or one that the link adds."""

    __slots__ = ("address", "align", "content", "position", "size", "stored", "zone")

    def __init__(self, content: int, size: int, align: int, zone: int, stored: int) -> None:
        self.content = content
        """Its arena offset; -1 for one without content, or whose content the link makes."""
        self.size = size
        self.align = align
        self.zone = zone
        self.stored = stored
        """Its size, or 0 for zero-fill."""
        self.address = 0
        self.position = 0
        """The place in the image where it begins."""


class Slot:
    """A GOT slot: what it holds is the address of a symbol, or, `own`, what a stub's function is itself."""

    __slots__ = ("address", "own", "row")

    def __init__(self, row: int, own: bool) -> None:
        self.row = row
        self.own = own
        self.address = 0


class Stub:
    """A jump stub for a symbol from elsewhere. `taken`: its address may be taken for the function's."""

    __slots__ = ("address", "row", "slot", "taken", "target")

    def __init__(self, row: int) -> None:
        self.row = row
        self.taken = False
        self.slot: Slot | None = None
        self.address = 0
        self.target = 0


class Work:
    """One link of one object. A pass reads what earlier ones filled in, and fills in its own attributes.

    Addresses are numbers modulo 2^64 in the range of int64, as columns have them.
    """

    def __init__(self, rows: ObjectRows, edges: list[EdgeRow], buffer: memoryview, kinds: KindTable) -> None:
        self.rows = rows
        self.buffer = buffer
        """The bytes that offsets in the arena count in."""
        self.edges = edges
        self.kinds = kinds
        self.kind_rows: Sequence[KindRow] = kind_rows(kinds)
        self.blocks: list[Block] = []
        for _, content, size, align, zone, _ in rows.blocks:
            self.blocks.append(Block(content, size, align, zone, 0 if content < 0 else size))
        self.defined: list[int] = []
        """Symbol rows of names that the object defines."""
        self.undefined: list[int] = []
        """Symbol rows that are referred to and that the object does not define."""
        self.external: dict[int, tuple[int, bool]] = {}
        """Undefined row -> its address (0 for a weak one that nothing defines), and whether it is data."""
        self.commons: dict[int, Block] = {}
        """Common symbol -> its block."""
        self.unwind: Block | None = None
        """The block of unwind data."""
        self.unwind_content = b""
        """The content of that block."""
        self.unwound: list[tuple[int, int, int]] = []
        """Of each function in it, its block and its offset there, and the offset of its record in the unwind data."""
        self.handle: Block | None = None
        """The block that is the module's handle, where this link makes one."""
        self.handle_rows: list[int] = []
        """Undefined rows that mean the module's handle."""
        self.got: Block | None = None
        self.stub_block: Block | None = None
        self.slots: dict[tuple[int, bool], Slot] = {}
        self.stubs: dict[int, Stub] = {}
        """By symbol row."""
        self.low_end = 0
        """The end of the addresses that absolute 32-bit fields can hold; 0 where there are none."""
        self.address: list[int] = []
        """Of every symbol row."""
        self.has_initialisers = False
        """True if some block holds functions that run when the module is loaded or unloaded."""

    def add_block(self, size: int, align: int, zone: int, stored: int) -> Block:
        """Return a new block, behind all others."""
        block = Block(NONE, size, align, zone, stored)
        self.blocks.append(block)
        return block
