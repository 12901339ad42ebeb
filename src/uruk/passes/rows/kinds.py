"""Edge kinds as rows: the columns of a `KindTable`, kind by kind, and which kinds are linked row by row."""

from __future__ import annotations

from functools import lru_cache

from uruk.graph.kinds import Base, KindTable, Operand
from uruk.named_tuples import NamedTuple


class KindRow(NamedTuple):
    """One kind, as far as the passes over rows ask for it; the names are those of the columns."""

    takes: bool
    """False for kinds that only the columns link."""
    operand: int
    width: int
    low: int
    last: int
    from_place: bool
    paged: bool
    narrow: bool
    narrow_absolute: bool
    short: bool
    relaxable: bool
    encoded: bool
    """True if the value fills parts of an instruction."""
    align: int
    """The value must be a multiple of it."""
    address_of: int
    plain: bool


_OPERANDS = (Operand.SYMBOL, Operand.BRANCH, Operand.GOT)
_BASES = (Base.ZERO, Base.PLACE, Base.PAGE)


@lru_cache(maxsize=16)
def kind_rows(kinds: KindTable) -> list[KindRow]:
    """Return the kinds of a table as rows, by number."""
    columns = [
        kinds.operand, kinds.width, kinds.low, kinds.last, kinds.from_place, kinds.paged, kinds.narrow,
        kinds.narrow_absolute, kinds.short, kinds.relaxable, kinds.encodings.used, kinds.encodings.align,
        kinds.address_of, kinds.plain,
    ]  # fmt: skip
    takes = [
        kind.operand in _OPERANDS and kind.base in _BASES and not changes
        for kind, changes in zip(kinds.kinds, kinds.changes.tolist(), strict=True)
    ]
    return [KindRow(*row) for row in zip(takes, *(column.tolist() for column in columns), strict=True)]
