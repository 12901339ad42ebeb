"""The columns of a table of kinds, for kinds that differ in one respect each; expected sets are written out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from uruk.graph.encodings import Encoding
from uruk.graph.kinds import (
    OPERANDS,
    UNLIMITED,
    Action,
    Base,
    EdgeKind,
    KindTable,
    Operand,
    change,
    field,
    kind,
)

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

IMMEDIATE = Encoding(((0, 16, 0),), ((0, 0),))
NONE = kind("None", Operand.NOTHING, Base.ZERO, 0)
MIB, MIB128 = 1 << 20, 1 << 27
ROWS = [
    NONE,
    kind("P64", Operand.SYMBOL, Base.ZERO, 64),
    kind("P32", Operand.SYMBOL, Base.ZERO, 32, signed=False),
    kind("P16", Operand.SYMBOL, Base.ZERO, 16, signed=None),
    kind("D64", Operand.SYMBOL, Base.PLACE, 64),
    kind("D32", Operand.SYMBOL, Base.PLACE, 32),
    kind("D32relaxable", Operand.SYMBOL, Base.PLACE, 32, relaxable=True),
    EdgeKind("D32unlimited", Operand.SYMBOL, Base.PLACE, 4, -UNLIMITED, UNLIMITED),
    kind("B32", Operand.BRANCH, Base.PLACE, 32),
    kind("G32", Operand.GOT, Base.PLACE, 32),
    kind("L32", Operand.STUB, Base.PLACE, 32),
    kind("Z32", Operand.SIZE, Base.ZERO, 32),
    kind("GOT32", Operand.GOT_BASE, Base.PLACE, 32),
    kind("fromGOT32", Operand.SYMBOL, Base.GOT_BASE, 32),
    kind("fromGOTPage32", Operand.SYMBOL, Base.GOT_PAGE, 32),
    kind("I32", Operand.SYMBOL, Base.IMAGE, 32, signed=False),
    kind("I64", Operand.SYMBOL, Base.IMAGE, 64),
    kind("S32", Operand.SYMBOL, Base.SECTION, 32),
    change("add32", Action.ADD, 32),
    change("sub8", Action.SUBTRACT, 8),
    change("set6", Action.SET, 6),
    change("set12", Action.SET, 12),
    change("leb", Action.SET, 8, leb=True),
    field("absolute", Operand.SYMBOL, Base.ZERO, IMMEDIATE, 0, 1 << 16),
    field("page", Operand.SYMBOL, Base.PAGE, IMMEDIATE, -(1 << 32), 1 << 32),
    field("literal", Operand.SYMBOL, Base.PLACE, IMMEDIATE, -MIB, MIB),
    field("literal4", Operand.GOT, Base.PLACE, IMMEDIATE, -MIB, MIB + 4),
    field("longer", Operand.SYMBOL, Base.PLACE, IMMEDIATE, -MIB - 1, MIB + 1),
    field("branch", Operand.BRANCH, Base.PLACE, IMMEDIATE, -MIB128, MIB128),
    field("shorter", Operand.BRANCH, Base.PLACE, IMMEDIATE, -MIB128, MIB128 - 1),
    field("far", Operand.BRANCH, Base.PLACE, IMMEDIATE, -2 * MIB128, 2 * MIB128),
    field("tls", Operand.TLS_IE, Base.PAGE, IMMEDIATE),
]
TABLE = KindTable(ROWS, "compile it otherwise")
COLUMNS = {
    "narrow_absolute": "P32",
    "narrow_relative": "D32 D32relaxable page literal longer",
    "narrow": "P32 D32 D32relaxable page literal longer I32",
    "paged": "page tls",
    "from_place": "D64 D32 D32relaxable D32unlimited B32 G32 L32 GOT32"
    " page literal literal4 longer branch shorter far tls",
    "short": "literal literal4",
    "near_branch": "branch far",
    "special": "Z32 GOT32 fromGOT32 fromGOTPage32 I32 I64 S32 tls",
    "from_got": "fromGOT32 fromGOTPage32",
    "needs_got": "GOT32 fromGOT32 fromGOTPage32",
    "plain": "None P64 P32 P16 D64 D32 D32unlimited B32 G32 L32",
    "accumulates": "add32 sub8",
    "subtracts": "sub8",
    "leb": "leb",
    "changes": "add32 sub8 set6 set12 leb",
    "relaxable": "D32relaxable",
}
"""Column -> the kinds for which it is true."""


@pytest.mark.parametrize("column", COLUMNS)
def test_kinds_of_a_column(column: str) -> None:
    names = [row.name for row, chosen in zip(ROWS, getattr(TABLE, column).tolist(), strict=True) if chosen]
    assert sorted(names) == sorted(COLUMNS[column].split())


def test_addresses_of_symbols() -> None:
    """The width, and 16 more where it counts from the field."""
    found = {row.name: number for row, number in zip(ROWS, TABLE.address_of.tolist(), strict=True) if number}
    assert found == {"P64": 8, "P32": 4, "P16": 2, "D64": 24, "D32": 20, "D32unlimited": 20}


RANGES = {
    "P64": (-(1 << 63), (1 << 63) - 1, (1 << 63) - 1), "P32": (0, (1 << 32) - 1, 0),
    "P16": (-(1 << 15), (1 << 16) - 1, 1 << 15), "D32": (-(1 << 31), (1 << 31) - 1, 1 << 31),
    "D32unlimited": (-(1 << 63), (1 << 63) - 1, (1 << 63) - 1), "add32": (-(1 << 63), (1 << 63) - 1, (1 << 63) - 1),
    "literal": (-MIB, MIB - 1, MIB), "literal4": (-MIB, MIB + 3, MIB), "longer": (-MIB - 1, MIB, MIB + 1),
    "shorter": (-MIB128, MIB128 - 2, MIB128 - 1), "absolute": (0, (1 << 16) - 1, 0),
}  # fmt: skip
"""The first and the last value, and how far a value may be from 0 on either side."""


@pytest.mark.parametrize("name", RANGES)
def test_ranges(name: str) -> None:
    number = TABLE.number[name]
    assert (int(TABLE.low[number]), int(TABLE.last[number]), int(TABLE.reach[number])) == RANGES[name]


def test_widths_and_bits() -> None:
    number = TABLE.number
    rows = [number[name] for name in ("None", "P64", "set6", "set12", "sub8", "leb", "add32", "literal")]
    assert TABLE.width[rows].tolist() == [0, 8, 1, 2, 1, 1, 4, 4]
    assert TABLE.bits[rows].tolist() == [0, 64, 6, 12, 8, 8, 32, 32]
    assert TABLE.branch_reach == MIB128
    assert (TABLE.has_pages, TABLE.has_changes, TABLE.counts_from_starts) == (True, True, True)
    plain = KindTable([NONE, kind("D32", Operand.SYMBOL, Base.PLACE, 32)], "")
    assert (plain.has_pages, plain.has_changes, plain.counts_from_starts, plain.branch_reach) == (
        False,
        False,
        False,
        0,
    )


@pytest.mark.parametrize(
    ("operand", "base", "counts"),
    [
        (Operand.SYMBOL, Base.IMAGE, True), (Operand.SYMBOL, Base.SECTION, True),
        (Operand.SYMBOL, Base.GOT_PAGE, False), (Operand.SECTION_INDEX, Base.ZERO, True),
        (Operand.DTP_MODULE, Base.ZERO, False),
    ],
)  # fmt: skip
def test_what_counts_from_starts(operand: int, base: int, counts: bool) -> None:
    assert KindTable([NONE, kind("K", operand, base, 32)], "").counts_from_starts is counts


def test_kinds_that_have_operands() -> None:
    """Kinds that write nothing have none."""
    table = KindTable([NONE, *ROWS[1:4], EdgeKind("hint", Operand.SYMBOL, Base.ZERO, 0, 0, 1), ROWS[9]], "")
    assert table.having([Operand.SYMBOL, Operand.GOT]).tolist() == [False, True, True, True, False, True]
    assert table.having([Operand.GOT]).tolist() == [False] * 5 + [True]
    assert table.having([Operand.NOTHING]).tolist() == [False] * 6
    assert table.having([]).tolist() == [False] * 6
    assert table.having([Operand.SYMBOL]).tolist() == [False, True, True, True, False, False]


def test_displacements() -> None:
    """Values less the place, or pages less its page; others stay."""
    names = ("P64", "D32", "page", "page", "literal")
    numbers = np.array([TABLE.number[name] for name in names], np.uint8)
    value = np.array([0x5FFF, 0x5FFF, 0x5FFF, 0x6000, 0x10])
    place = np.array([0x1800, 0x1800, 0x1800, 0x1FFF, 0x20])
    assert TABLE.displacement(numbers, value, place).tolist() == [0x5FFF, 0x47FF, 0x4000, 0x5000, -0x10]


def test_kinds_with_limits() -> None:
    limited = {row.name for row in ROWS if row.is_limited}
    assert {"P32", "D32", "absolute", "branch"} <= limited
    assert not {"None", "D32unlimited", "add32", "tls"} & limited
    assert EdgeKind("K", Operand.SYMBOL, Base.ZERO, 1, 0, UNLIMITED - 1).is_limited


@pytest.mark.parametrize(
    "rows",
    [[], [ROWS[1]], [kind("K", Operand.SYMBOL, Base.ZERO, 0)], [NONE, ROWS[1], ROWS[1]],
     [NONE, *(kind(f"K{row}", Operand.SYMBOL, Base.ZERO, 8) for row in range(256))]],
)  # fmt: skip
def test_tables_that_are_refused(rows: list[EdgeKind]) -> None:
    with pytest.raises(ValueError, match=r"a table has 1 to 256 kinds|two kinds have the same name"):
        KindTable(rows, "")


def test_the_largest_table() -> None:
    rows = [NONE, *(kind(f"K{row}", Operand.SYMBOL, Base.ZERO, 8) for row in range(255))]
    assert len(KindTable(rows, "", pointer=4, order=">")) == 256
    for pointer, order in ((2, "<"), (8, "="), (5, ">")):
        with pytest.raises(ValueError, match="are not supported"):
            KindTable([NONE], "", pointer=pointer, order=order)


def test_kinds_that_are_refused() -> None:
    EdgeKind("K", OPERANDS - 1, Base.SECTION, 4, 0, 1)
    for operand in (-1, OPERANDS):
        with pytest.raises(ValueError, match="that does not exist"):
            EdgeKind("K", operand, Base.ZERO, 4, 0, 1)
    with pytest.raises(ValueError, match="that does not exist"):
        EdgeKind("K", Operand.SYMBOL, Base.SECTION + 1, 4, 0, 1)
    with pytest.raises(ValueError, match="that does not exist"):
        EdgeKind("K", Operand.SYMBOL, Base.ZERO, 4, 0, 1, action=Action.SUBTRACT + 1)
    with pytest.raises(ValueError, match="has 2 bytes, and its encoding 4"):
        EdgeKind("K", Operand.SYMBOL, Base.ZERO, 2, 0, 1, encoding=IMMEDIATE)
    for options in ({"leb": True}, {"bits": 6}, {"action": Action.ADD}):
        with pytest.raises(ValueError, match="which is always replaced"):
            EdgeKind("K", Operand.SYMBOL, Base.ZERO, 4, 0, 1, encoding=IMMEDIATE, **options)


def test_encodings_at_their_limits() -> None:
    Encoding(tuple((bit, 1, bit) for bit in range(8)), ((0, 0),), rounds=1)
    Encoding(((0, 64, 0),), (((1 << 64) - 1, (1 << 64) - 1),), size=8, align=2, rounds=0x800)
    Encoding(((32, 32, 0),), ((0xFFFFFFFF, 1),))
    for pieces, problem in (
        (tuple((bit, 1, bit) for bit in range(9)), "at most 8 pieces, not 9"),
        (((33, 32, 0),), "does not lie in a word"), (((0, 9, 0), (9, 8, 8)), "overlaps another piece"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=problem):
            Encoding(pieces, ((0, 0),))
    Encoding(((0, 8, 0), (8, 8, 8)), ((0, 0),))
    for fits in (((1 << 32, 0),), ((-1, 0),), ((1, 2),), ((0, 1),)):
        with pytest.raises(ValueError, match="outside its mask"):
            Encoding(((0, 1, 0),), fits)
    with pytest.raises(ValueError, match="at least one pattern"):
        Encoding(((0, 1, 0),), ())
    for align in (0, -1, 3, 6):
        with pytest.raises(ValueError, match=f"a power of two, not {align}"):
            Encoding(((0, 1, 0),), ((0, 0),), align=align)
    for rounds in (-1, 3, 6):
        with pytest.raises(ValueError, match=f"not by {rounds}"):
            Encoding(((0, 1, 0),), ((0, 0),), rounds=rounds)
    for size in (0, 1, 3, 16):
        with pytest.raises(ValueError, match=f"2, 4 or 8 bytes, not {size}"):
            Encoding(((0, 1, 0),), ((0, 0),), size=size)
