"""Edge kinds: what a relocation means, as rows of one table.

Every kind is ``operand + A - base``, written to a field of `width` bytes, or into an instruction as its `encoding`
says, and must lie in the half-open interval [low, high). Computing, range checks, error texts and documentation all
come from these rows.
The letters are those of the psABIs: S symbol, A addend, P place, G the symbol's GOT slot, GOT the table's start,
L the symbol's stub (PLT entry), Z the symbol's size; Page(x) is x without its low 12 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from uruk.graph.encodings import Encoding, EncodingTable
from uruk.graph.types import I64, U8, Bool, some, true_rows


class Operand:
    """What stands in front of ``+ A``."""

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


OPERANDS = 14


class Base:
    """What is subtracted at the end."""

    ZERO: Final = 0
    PLACE: Final = 1
    GOT_BASE: Final = 2
    PAGE: Final = 3
    """The page of the place; what stands in front is cut to its page, too."""
    GOT_PAGE: Final = 4
    """The page of the GOT's start."""


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
}
SLOT_TEXTS = {
    Operand.NOTHING: "the function of the stub for",
    Operand.GOT: "address of",
    Operand.TLS_GD: "module id and offset of",
    Operand.TLS_LD: "module id of this module",
    Operand.TLS_DESC: "descriptor of",
    Operand.TLS_IE: "thread-pointer offset of",
}
"""What a GOT slot of each operand holds, for people."""
BASE_TEXT = {
    Base.ZERO: "",
    Base.PLACE: " - P",
    Base.GOT_BASE: " - GOT",
    Base.PAGE: " - Page(P)",
    Base.GOT_PAGE: " - Page(GOT)",
}
UNLIMITED: Final = 1 << 63
RELATIVE: Final = 16
"""See `KindTable.address_of`."""
PAGE_MASK: Final = 0xFFF


@dataclass(frozen=True)
class EdgeKind:
    """One kind of edge; `width` in bytes, 0 for kinds that write nothing."""

    name: str
    operand: int
    base: int
    width: int
    low: int
    high: int
    relaxable: bool = False
    encoding: Encoding | None = None

    @property
    def is_limited(self) -> bool:
        """Whether there are values that are refused."""
        return self.width > 0 and self.high < UNLIMITED

    @property
    def text(self) -> str:
        """The formula, for people."""
        front = f"{LETTERS[self.operand]} + A"
        return (f"Page({front})" if self.base == Base.PAGE else front) + BASE_TEXT[self.base]


def kind(
    name: str, operand: int, base: int, bits: int, *, signed: bool | None = True, relaxable: bool = False
) -> EdgeKind:
    """A row of a table; `signed` None accepts both readings of the field, as ld does for 8 and 16 bits."""
    low = 0 if signed is False else -(1 << max(bits - 1, 0))
    high = 1 << (max(bits - 1, 0) if signed else bits)
    return EdgeKind(name, operand, base, bits // 8, low, high, relaxable)


def field(
    name: str,
    operand: int,
    base: int,
    encoding: Encoding,
    low: int = -UNLIMITED,
    high: int = UNLIMITED,
    *,
    relaxable: bool = False,
) -> EdgeKind:
    """A row whose value goes into an instruction; without `low` and `high` whatever does not fit is cut off."""
    return EdgeKind(name, operand, base, 4, low, high, relaxable, encoding)


class KindTable:
    """The kinds of one ISA, with their properties as lookup columns indexed by kind number.

    `wider` says how to compile code whose references reach farther, for errors.
    """

    def __init__(self, kinds: Sequence[EdgeKind], wider: str) -> None:
        self.kinds = tuple(kinds)
        self.wider = wider
        self.number = {row.name: number for number, row in enumerate(kinds)}
        self.operand: U8 = np.array([row.operand for row in kinds], np.uint8)
        self.base: U8 = np.array([row.base for row in kinds], np.uint8)
        self.width: U8 = np.array([row.width for row in kinds], np.uint8)
        self.relaxable = np.array([row.relaxable for row in kinds], np.bool_)
        self.encodings = EncodingTable([row.encoding for row in kinds])
        limit = UNLIMITED - 1
        self.low: I64 = np.array([max(row.low, -limit - 1) for row in kinds], np.int64)
        self.last: I64 = np.array([min(row.high - 1, limit) for row in kinds], np.int64)
        plain = (self.width == 4) & (self.operand == Operand.SYMBOL) & (self.last < limit)
        self.narrow_absolute: Bool = plain & (self.base == Base.ZERO) & ~self.encodings.used
        """32-bit references that nothing can stand in for, unless it has the symbol's address."""
        self.paged: Bool = self.base == Base.PAGE
        self.has_pages = some(self.paged)
        self.from_place: Bool = (self.base == Base.PLACE) | self.paged
        self.narrow_relative: Bool = plain & self.from_place
        self.reach: I64 = np.minimum(self.last, -1 - np.maximum(self.low, -limit)) + 1
        """How far a value may be from 0 in either direction, in bytes."""
        self.short: Bool = (self.reach <= 1 << 20) & self.from_place & (self.width == 4)
        """References that reach a MiB or less."""
        self.near_branch: Bool = (self.operand == Operand.BRANCH) & self.encodings.used & (self.reach >= 1 << 27)
        """Calls and jumps that need not reach all of a large module."""
        self.branch_reach = int(self.reach[self.near_branch].min()) if some(self.near_branch) else 0
        """How far all of those reach, in bytes; 0 if there are none."""
        self.special: Bool = (self.operand > Operand.STUB) | (self.base == Base.GOT_BASE) | (self.base == Base.GOT_PAGE)
        """Kinds that are more than the address of a symbol, GOT slot or stub, less the place or nothing."""
        self.from_got: Bool = (self.base == Base.GOT_BASE) | (self.base == Base.GOT_PAGE)
        self.needs_got: Bool = (self.operand == Operand.GOT_BASE) | self.from_got
        self.plain: Bool = ~(self.special | self.relaxable | self.encodings.used)
        """Kinds that write an address as data, and change nothing around their field."""
        by_symbol = self.plain & (self.operand == Operand.SYMBOL) & (self.base <= Base.PLACE)
        self.address_of: U8 = (self.width + RELATIVE * self.base) * by_symbol
        """The width of fields that are a symbol's address, and RELATIVE more if it counts from the field; else 0."""
        self._having: dict[tuple[int, ...], Bool] = {}

    def having(self, operands: Sequence[int]) -> Bool:
        """Lookup column by kind number: whether its operand is one of `operands`."""
        key = tuple(operands)
        if key not in self._having:
            wanted = np.zeros(OPERANDS, np.bool_)
            wanted[list(key)] = True
            self._having[key] = wanted[self.operand] & (self.width > 0)
        return self._having[key]

    def displacement(self, kind: U8, value: I64, place: I64) -> I64:
        """Values less the place, or pages less the place's page, where the kinds count from there."""
        found = value - place * self.from_place.take(kind)
        if self.has_pages:
            rows = true_rows(self.paged.take(kind))
            found[rows] = (value[rows] & ~PAGE_MASK) - (place[rows] & ~PAGE_MASK)
        return found

    def __getitem__(self, number: int) -> EdgeKind:
        return self.kinds[number]

    def __len__(self) -> int:
        return len(self.kinds)
