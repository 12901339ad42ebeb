"""Edge kinds: the meanings of relocations, as rows of one table.

Every kind is ``operand + A - base``, written to a field of `width` bytes, or into an instruction as its `encoding`
says, and must lie in the half-open interval [low, high). Computing, range checks, error texts and documentation all
come from these rows.
The letters are those of the psABIs: S symbol, A addend, P place, G the symbol's GOT slot, GOT the table's start,
L the symbol's stub (PLT entry), Z the symbol's size; Page(x) is x without its low 12 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from uruk.graph.encodings import Encoding, EncodingTable
from uruk.graph.types import I64, U8, Bool, some, true_rows
from uruk.named_tuples import NamedTuple
from uruk.records import record


class Operand:
    """The value to which the addend is added."""

    NOTHING: Final = 0
    SYMBOL: Final = 1
    BRANCH: Final = 2
    """The symbol, or its stub where the symbol is out of reach."""
    GOT: Final = 3
    """The address of the symbol's GOT slot."""
    STUB: Final = 4
    """The address of the symbol's stub; the symbol itself if it has none."""
    SIZE: Final = 5
    GOT_BASE: Final = 6
    TLS_GD: Final = 7
    """The address of a {module id, offset} pair for the symbol."""
    TLS_LD: Final = 8
    """The address of a {module id, 0} pair for this module."""
    TLS_DESC: Final = 9
    """The address of the symbol's TLS descriptor."""
    TLS_IE: Final = 10
    """The address of a slot that holds the symbol's offset from the thread pointer."""
    TP_OFFSET: Final = 11
    DTP_OFFSET: Final = 12
    DTP_MODULE: Final = 13
    SECTION_INDEX: Final = 14
    """The number of the section that the symbol is in, as the format counts sections (COFF's SECTION)."""


OPERANDS = 15
"""The number of operands, which are numbered from 0."""


class Base:
    """The value that is subtracted at the end."""

    ZERO: Final = 0
    PLACE: Final = 1
    GOT_BASE: Final = 2
    PAGE: Final = 3
    """The page of the place; the sum before it is cut to its page, too."""
    GOT_PAGE: Final = 4
    """The page of the GOT's start."""
    IMAGE: Final = 5
    """The address that the module's image begins at (COFF's ADDR32NB, relative virtual addresses)."""
    SECTION: Final = 6
    """The address that the symbol's section begins at (COFF's SECREL)."""


class Action:
    """The operation on the field. Edges that change its content act in the order of the relocations."""

    SET: Final = 0
    """The value replaces the field."""
    ADD: Final = 1
    """The value is added to the field's content (RISC-V's ADD32), modulo the field's width."""
    SUBTRACT: Final = 2
    """The value is subtracted from the field's content (RISC-V's SUB32, Mach-O's SUBTRACTOR)."""


LETTERS = {
    Operand.NOTHING: "0",
    Operand.SYMBOL: "S",
    Operand.BRANCH: "L",
    Operand.GOT: "G",
    Operand.STUB: "L",
    Operand.SIZE: "Z",
    Operand.GOT_BASE: "GOT",
    Operand.TLS_GD: "TLSGD(S)",
    Operand.TLS_LD: "TLSLD",
    Operand.TLS_DESC: "TLSDESC(S)",
    Operand.TLS_IE: "TLSIE(S)",
    Operand.TP_OFFSET: "TPOFF(S)",
    Operand.DTP_OFFSET: "DTPOFF(S)",
    Operand.DTP_MODULE: "DTPMOD(S)",
    Operand.SECTION_INDEX: "SECTION(S)",
}
SLOT_TEXTS = {
    Operand.NOTHING: "the function of the stub for",
    Operand.GOT: "address of",
    Operand.TLS_GD: "module id and offset of",
    Operand.TLS_LD: "module id of this module",
    Operand.TLS_DESC: "descriptor of",
    Operand.TLS_IE: "thread-pointer offset of",
}
"""Operand -> content of a GOT slot that is made for it, for people."""
BASE_TEXT = {
    Base.ZERO: "",
    Base.PLACE: " - P",
    Base.GOT_BASE: " - GOT",
    Base.PAGE: " - Page(P)",
    Base.GOT_PAGE: " - Page(GOT)",
    Base.IMAGE: " - IMAGE",
    Base.SECTION: " - SECTION(S)",
}
ACTION_TEXT = {Action.SET: "", Action.ADD: "V + ", Action.SUBTRACT: "V - "}
"""V is the content of the field before."""
SPECIAL_BASES = (Base.GOT_BASE, Base.GOT_PAGE, Base.IMAGE, Base.SECTION)
UNLIMITED: Final = 1 << 63
"""No value of a column, which is int64, is outside [-UNLIMITED, UNLIMITED)."""
RELATIVE: Final = 16
"""See `KindTable.address_of`."""
PAGE_MASK: Final = 0xFFF


class JITLinkName(NamedTuple):
    """The name that LLVM's JITLink has for an edge once it is applied, for texts that people compare with its own.

    `counted` is the part of uruk's addend that belongs to JITLink's kind: its branches count from the end of their
    field. `direct` is the name after a relaxation, and `stub` that of a branch through a stub, where they differ.
    """

    name: str
    counted: int = 0
    direct: str = ""
    stub: str = ""


@record
class EdgeKind:
    """One kind of edge; `width` in bytes, 0 for kinds that write nothing.

    `action` is one of `Action`. A kind with `leb` writes an unsigned LEB128 number over the one that is there, which
    keeps its length; its width is that of the first byte.
    """

    name: str
    operand: int
    base: int
    width: int
    low: int
    high: int
    relaxable: bool = False
    encoding: Encoding | None = None
    action: int = Action.SET
    leb: bool = False
    bits: int = 0
    """The number of low bits that are written (RISC-V's SET6); 0 means all of the field."""
    jitlink: JITLinkName | None = None
    """JITLink's name; None where that is the name here, or JITLink has no such kind."""

    def __post_init__(self) -> None:
        if self.encoding is not None and self.width != self.encoding.size:
            raise ValueError(f"{self.name} has {self.width} bytes, and its encoding {self.encoding.size}")
        if self.encoding is not None and (self.leb or self.bits or self.action != Action.SET):
            raise ValueError(f"{self.name} fills a field of an instruction, which is always replaced")
        if not 0 <= self.operand < OPERANDS or self.base not in BASE_TEXT or self.action not in ACTION_TEXT:
            raise ValueError(f"{self.name} has an operand, a base or an action that does not exist")

    @property
    def is_limited(self) -> bool:
        """True if some values are refused."""
        return self.width > 0 and self.high < UNLIMITED

    @property
    def text(self) -> str:
        """The formula, for people."""
        front = f"{LETTERS[self.operand]} + A"
        value = (f"Page({front})" if self.base == Base.PAGE else front) + BASE_TEXT[self.base]
        return f"{ACTION_TEXT[self.action]}({value})" if self.action else value


def kind(
    name: str,
    operand: int,
    base: int,
    bits: int,
    *,
    signed: bool | None = True,
    relaxable: bool = False,
    jitlink: JITLinkName | str = "",
) -> EdgeKind:
    """Return a kind of a field of `bits` bits.

    With `signed` None both readings are in range, as in ld for 8 and 16 bits.
    """
    # bits is 0 for kinds that write nothing, which have no sign bit either.
    low = 0 if signed is False else -(1 << max(bits - 1, 0))
    high = 1 << (max(bits - 1, 0) if signed else bits)
    return EdgeKind(name, operand, base, bits // 8, low, high, relaxable, jitlink=_named(jitlink))


def _named(jitlink: JITLinkName | str) -> JITLinkName | None:
    if isinstance(jitlink, JITLinkName):
        return jitlink
    return JITLinkName(jitlink) if jitlink else None


def field(
    name: str,
    operand: int,
    base: int,
    encoding: Encoding,
    low: int = -UNLIMITED,
    high: int = UNLIMITED,
    *,
    relaxable: bool = False,
    jitlink: JITLinkName | str = "",
) -> EdgeKind:
    """Return a kind whose value goes into an instruction; without `low` and `high` bits that do not fit are cut off."""
    return EdgeKind(name, operand, base, encoding.size, low, high, relaxable, encoding, jitlink=_named(jitlink))


def change(
    name: str, action: int, bits: int, *, operand: int = Operand.SYMBOL, base: int = Base.ZERO, leb: bool = False
) -> EdgeKind:
    """Return a kind whose result depends on the field's content: a sum or difference, a part of a byte, a LEB128
    number.

    Results wrap around at `bits`; LEB128 numbers must fit.
    """
    # The field is rounded up to whole bytes; its other bits stay.
    part = bits if bits % 8 else 0
    return EdgeKind(name, operand, base, -(-bits // 8), -UNLIMITED, UNLIMITED, action=action, leb=leb, bits=part)


MOST_KINDS = 256
"""The number of a kind is a byte in columns of edges."""


class KindTable:
    """The kinds of one instruction set, with their properties as lookup columns indexed by kind number.

    `wider` says how to compile code whose references reach farther, for errors. `pointer` is the size of a pointer in
    bytes, 4 or 8; `order` the byte order of data and instructions, as struct has it: ``<`` or ``>``.

    Kind 0 means an edge that does nothing. Raises ValueError for a table that does not fit into its columns.
    """

    def __init__(self, kinds: Sequence[EdgeKind], wider: str, *, pointer: int = 8, order: str = "<") -> None:
        if not 0 < len(kinds) <= MOST_KINDS or kinds[0].width or kinds[0].operand != Operand.NOTHING:
            raise ValueError(f"a table has 1 to {MOST_KINDS} kinds, got {len(kinds)}; the first one does nothing")
        if pointer not in (4, 8) or order not in ("<", ">"):
            raise ValueError(f"pointers of {pointer} bytes and the byte order {order!r} are not supported")
        if len({row.name for row in kinds}) < len(kinds):
            raise ValueError("two kinds have the same name")
        self.kinds = tuple(kinds)
        self.wider = wider
        self.pointer = pointer
        self.order = order
        self.word = np.dtype(f"{order}i{pointer}")
        """A pointer in the image."""
        self.fields = [(size, np.dtype(f"{order}i{size}")) for size in (4, 8, 2, 1)]
        """The sizes of fields in bytes, the most frequent first, and the type of each in the image."""
        self.number = {row.name: number for number, row in enumerate(kinds)}
        self.jitlink = tuple(row.jitlink or JITLinkName(row.name) for row in kinds)
        """The names of the kinds in LLVM's JITLink."""
        self.operand: U8 = np.array([row.operand for row in kinds], np.uint8)
        self.base: U8 = np.array([row.base for row in kinds], np.uint8)
        self.width: U8 = np.array([row.width for row in kinds], np.uint8)
        self.relaxable = np.array([row.relaxable for row in kinds], np.bool_)
        self.encodings = EncodingTable([row.encoding for row in kinds])
        action = np.array([row.action for row in kinds], np.uint8)
        self.accumulates: Bool = action != Action.SET
        self.subtracts: Bool = action == Action.SUBTRACT
        self.leb: Bool = np.array([row.leb for row in kinds], np.bool_)
        self.bits: U8 = np.array([row.bits or 8 * row.width for row in kinds], np.uint8)
        """The number of low bits of the field that are written."""
        self.changes: Bool = self.accumulates | self.leb | (self.bits < 8 * self.width)
        """Kinds whose result depends on the field's content."""
        self.has_changes = some(self.changes)
        self._having: dict[tuple[int, ...], Bool] = {}
        self._find_references()

    def _find_references(self) -> None:
        """Fill the columns about the reach of kinds, and about what they count from."""
        limit, kinds = UNLIMITED - 1, self.kinds
        # The last value in range, not the first one outside: 2^63 would not fit the column.
        self.low: I64 = np.array([max(row.low, -limit - 1) for row in kinds], np.int64)
        self.last: I64 = np.array([min(row.high - 1, limit) for row in kinds], np.int64)
        plain = (self.width == 4) & (self.operand == Operand.SYMBOL) & (self.last < limit) & ~self.changes
        self.narrow_absolute: Bool = plain & (self.base == Base.ZERO) & ~self.encodings.used
        """32-bit references by absolute address; only a stub that counts as the symbol's address can satisfy them."""
        self.paged: Bool = self.base == Base.PAGE
        self.has_pages = some(self.paged)
        self.from_place: Bool = (self.base == Base.PLACE) | self.paged
        self.narrow_relative: Bool = plain & self.from_place
        self.narrow: Bool = self.narrow_absolute | self.narrow_relative | (plain & (self.base == Base.IMAGE))
        """References that a function's stub can satisfy: those of the columns above, and 32-bit offsets in images."""
        # The nearer end of the range on either side of 0. `low` is cut to -limit: without that the last addition would
        # overflow for kinds without limits.
        self.reach: I64 = np.minimum(self.last, -1 - np.maximum(self.low, -limit)) + 1
        """The distance that a value may be from 0 in either direction, in bytes."""
        self.short: Bool = (self.reach <= 1 << 20) & self.from_place & (self.width == 4)
        """References that reach at most 1 MiB."""
        self.near_branch: Bool = (self.operand == Operand.BRANCH) & self.encodings.used & (self.reach >= 1 << 27)
        """Calls and jumps that need not reach all of a large module."""
        self.branch_reach = int(self.reach[self.near_branch].min()) if some(self.near_branch) else 0
        """The distance that all of those reach, in bytes; 0 if there are none."""
        self.special: Bool = (self.operand > Operand.STUB) | np.isin(self.base, SPECIAL_BASES)
        """Kinds that need more than the address of a symbol, GOT slot or stub, and the place."""
        self.from_got: Bool = (self.base == Base.GOT_BASE) | (self.base == Base.GOT_PAGE)
        self.needs_got: Bool = (self.operand == Operand.GOT_BASE) | self.from_got
        self.counts_from_starts = bool(
            set(self.base.tolist()) & {Base.IMAGE, Base.SECTION} or Operand.SECTION_INDEX in self.operand.tolist()
        )
        """True if some kind needs to know where images or sections begin."""
        self.plain: Bool = ~(self.special | self.relaxable | self.encodings.used | self.changes)
        """Kinds that write an address as data, and change nothing around their field."""
        # Base.ZERO is 0 and Base.PLACE 1, so that RELATIVE is added once or not at all.
        by_symbol = self.plain & (self.operand == Operand.SYMBOL) & (self.base <= Base.PLACE)
        self.address_of: U8 = (self.width + RELATIVE * self.base) * by_symbol
        """The width of fields that are a symbol's address, and RELATIVE more if it counts from the field; else 0."""

    def having(self, operands: Sequence[int]) -> Bool:
        """Return a lookup column by kind number:

        True if the kind writes a field, and its operand is one of `operands`.
        """
        key = tuple(operands)
        if key not in self._having:
            wanted = np.zeros(OPERANDS, np.bool_)
            wanted[list(key)] = True
            self._having[key] = wanted[self.operand] & (self.width > 0)
        return self._having[key]

    def displacement(self, kind: U8, value: I64, place: I64) -> I64:
        """Return values less the place, or pages less the place's page, where the kinds count from there."""
        # A product with a mask: no selection of rows, which most batches would have to make for nearly all.
        difference = value - place * self.from_place.take(kind)
        if self.has_pages:
            rows = true_rows(self.paged.take(kind))
            difference[rows] = (value[rows] & ~PAGE_MASK) - (place[rows] & ~PAGE_MASK)
        return difference

    def __getitem__(self, number: int) -> EdgeKind:
        return self.kinds[number]

    def __len__(self) -> int:
        return len(self.kinds)
