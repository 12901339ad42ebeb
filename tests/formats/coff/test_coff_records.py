"""Symbol tables of COFF objects, written byte by byte: what each field of a record becomes, and what is refused."""

from __future__ import annotations

import struct

import pytest

from uruk.errors import ObjectFormatError
from uruk.graph.graph import Binding, Graph, SymbolKind, SymbolType

from support.coff_writer import (
    CODE,
    EXTERNAL,
    LABEL,
    SECTION,
    STATIC,
    WEAK,
    WRITE,
    Named,
    Part,
    coff_object,
    graph_of,
    section_symbol,
    weak_symbol,
)

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

DATA = Part(b".data", bytes(range(16)), WRITE)
BOTH_SIZES = pytest.mark.parametrize("big", [False, True])
LONG = b"a_name_of_many_letters"


def refused(*objects: bytes) -> ObjectFormatError:
    with pytest.raises(ObjectFormatError) as caught:
        graph_of(*objects)
    return caught.value


def names_of(graph: Graph) -> list[str]:
    return [graph.arena.string_at(at).decode() for at in graph.symbols.text.tolist() if at >= 0]


@BOTH_SIZES
def test_names_of_all_lengths(big: bool) -> None:
    """Of no letter, up to four, up to seven, eight without a NUL, and more, in the string table."""
    names = [b"", b"a", b"four", b"seven77", b"eight888", LONG, b"nine99999"]
    data = coff_object([DATA], [Named(name, 1, 9, STATIC) for name in names], big=big)
    assert names_of(graph_of(data)) == [name.decode() for name in names]
    outer = coff_object([DATA], [Named(name, 1, row) for row, name in enumerate(names[1:])], big=big)
    graph = graph_of(data, outer, outer.replace(b"four", b"five"))
    rows = slice(*graph.ranges.symbols[1:3].tolist())
    numbers = graph.symbols.name[rows].tolist()
    assert len(set(numbers)) == len(numbers) == 6
    again = graph.symbols.name[slice(*graph.ranges.symbols[2:4].tolist())].tolist()
    assert [left == right for left, right in zip(numbers, again, strict=True)] == [True, False, True, True, True, True]


def test_names_end_at_their_first_nul() -> None:
    """What follows it in the field means nothing; other bytes do, the lowest too."""
    symbols = [Named(b"a\0junk", 1), Named(b"a\0\0\0\0\0\0x", 1), Named(b"a", 1), Named(b"a\1junk", 1)]
    graph = graph_of(*(coff_object([DATA], [symbol]) for symbol in symbols))
    first, *others = graph.symbols.name.tolist()
    assert [number == first for number in others] == [True, True, False]
    assert names_of(graph) == ["a", "a", "a", "a\1junk"]


def test_an_external_symbol_without_a_name() -> None:
    error = refused(coff_object([DATA], [Named(b"", 1)]))
    assert (error.structure, error.problem) == ("symbol 0", "is external, but has no name")


@pytest.mark.parametrize(("offset", "fits"), [(0, True), (1, False), (3, False), (4, True), (9, True), (10, False)])
def test_places_of_names_in_the_string_table(offset: int, fits: bool) -> None:
    """The table has 10 bytes, of which the first four are its size; with offset 0 the name is empty."""
    data = bytearray(coff_object([DATA], [Named(b"inline", 1, storage=STATIC), Named(b"", 1, storage=STATIC)]))
    data[-4:] = struct.pack("<I6s", 10, b"hello\0")
    table = struct.unpack_from("<I", data, 8)[0]
    struct.pack_into("<2I", data, table + 18, 0, offset)
    if fits:
        assert names_of(graph_of(bytes(data))) == ["inline", ["", "hello", ""][[0, 4, 9].index(offset)]]
        return
    error = refused(coff_object([DATA]), bytes(data))
    assert (error.file, error.structure, error.offset) == ("1.obj", "symbol 1", table + 18)
    assert error.problem == "has a name outside the string table"


KINDS = {
    (EXTERNAL, 1, 4): SymbolKind.DEFINED, (EXTERNAL, 0, 4): SymbolKind.COMMON, (EXTERNAL, 0, 1): SymbolKind.COMMON,
    (EXTERNAL, 0, 0): SymbolKind.UNDEFINED, (EXTERNAL, -1, 4): SymbolKind.ABSOLUTE,
    (EXTERNAL, -2, 0): SymbolKind.DROPPED, (STATIC, 1, 4): SymbolKind.DEFINED, (STATIC, 0, 0): SymbolKind.DROPPED,
    (STATIC, 0, 4): SymbolKind.DROPPED, (STATIC, -1, 4): SymbolKind.ABSOLUTE, (STATIC, -2, 0): SymbolKind.DROPPED,
    (LABEL, 1, 4): SymbolKind.DEFINED, (SECTION, 1, 4): SymbolKind.DEFINED, (SECTION, -1, 0): SymbolKind.ABSOLUTE,
    (LABEL, 0, 0): SymbolKind.DROPPED, (103, -2, 0): SymbolKind.DROPPED, (101, 1, 4): SymbolKind.DROPPED,
    (1, 1, 4): SymbolKind.DROPPED, (5, 0, 0): SymbolKind.DROPPED, (107, -1, 0): SymbolKind.DROPPED,
}  # fmt: skip
"""(storage class, section, value) -> what the symbol is."""


@BOTH_SIZES
@pytest.mark.parametrize("case", KINDS)
def test_what_a_record_says_of_its_symbol(case: tuple[int, int, int], big: bool) -> None:
    storage, section, value = case
    names = [Named(b"before", 1), Named(b"it", section, value, storage), Named(b"behind", 2, 8)]
    graph = graph_of(coff_object([DATA, Part(b".text", bytes(9), CODE)], names, big=big))
    symbols, kind = graph.symbols, KINDS[case]
    assert symbols.kind.tolist() == [SymbolKind.DEFINED, kind, SymbolKind.DEFINED]
    assert symbols.block.tolist() == [0, 0 if kind == SymbolKind.DEFINED else -1, 1]
    is_outer = storage == EXTERNAL and kind != SymbolKind.DROPPED
    assert symbols.binding[1] == (Binding.GLOBAL if is_outer else Binding.LOCAL)
    assert (symbols.name[1] >= 0) == is_outer
    here = value if kind in (SymbolKind.DEFINED, SymbolKind.ABSOLUTE) else 0
    if kind == SymbolKind.COMMON:
        assert (symbols.size[1], symbols.value[1]) == (value, value)  # of sizes up to 32 that are a power of two
    else:
        assert (symbols.size[1], symbols.value[1]) == (0, here)


def test_common_symbols_are_aligned_by_their_size() -> None:
    sizes = {1: 1, 2: 2, 3: 4, 8: 8, 9: 16, 17: 32, 32: 32, 33: 32, 5000: 32}
    graph = graph_of(coff_object([], [Named(b"c%d" % size, value=size) for size in sizes]))
    assert graph.symbols.size.tolist() == list(sizes)
    assert graph.symbols.value.tolist() == list(sizes.values())


@BOTH_SIZES
@pytest.mark.parametrize(
    ("symbol", "problem"),
    [
        (Named(b"s", 3), "is defined in a section that does not exist"),
        (Named(b"s", -3), "has a section number that means nothing"),
        (Named(b"s", more=1), "has auxiliary records behind the symbol table's end"),
        (Named(b"s", more=9), "has auxiliary records behind the symbol table's end"),
        (Named(b"s", 1, 17), "lies outside its section"),
        (Named(b"s", storage=WEAK), "is a weak external without an auxiliary record"),
        (Named(b"s", 1, storage=WEAK, auxiliary=[bytes(8)]), "is a weak external, but lies in a section"),
        (weak_symbol(b"s", 3), "has a default that does not exist"),
        (weak_symbol(b"s", 2), "has a default that is not a symbol"),
        (weak_symbol(b"s", 1), "is a weak external whose defaults form a circle"),
    ],
)
def test_refused_records(symbol: Named, problem: str, big: bool) -> None:
    """With the number and the place of the symbol, also in an object that lies between others."""
    plain = coff_object([DATA, DATA], [Named(b"p", 2, 16)], big=big)
    data = coff_object([DATA, DATA], [Named(b"first", 1, 16), symbol], big=big)
    for objects in ([data], [plain, data, plain], [coff_object([DATA], [Named(b"q", 1)], big=not big), data]):
        error = refused(*objects)
        assert (error.file, error.structure) == (f"{objects.index(data)}.obj", "symbol 1")
        assert problem in error.problem
        start = (56 if big else 20) + 2 * 40 + 2 * 16
        assert error.offset == start + (20 if big else 18)


def test_a_section_where_there_is_none() -> None:
    assert "a section that does not exist" in refused(coff_object([], [Named(b"s", 1)])).problem


@BOTH_SIZES
def test_auxiliary_records_are_no_symbols(big: bool) -> None:
    """What lies in them looks like records with auxiliary records of their own, in any arrangement."""
    false_record = struct.pack("<8sIhHBB", b"not_this", 1, 1, 0, EXTERNAL, 200)
    other = struct.pack("<8sIhHBB", b"nor_this", 1, 1, 0, WEAK, 1)
    symbols = [
        section_symbol(b".data", 1), Named(b"f", 1, 1, auxiliary=[false_record]),
        Named(b"g", 1, 2, auxiliary=[other, false_record, other]), Named(b"h", 1, 3), Named(b"i", 1, 4),
        Named(b"j", 1, 5, auxiliary=[false_record]), Named(b"k", 1, 6, auxiliary=[other]),
    ]  # fmt: skip
    data = coff_object([DATA], symbols, big=big)
    for objects in ([data], [data, data], [coff_object([], [Named(b"q")], big=not big), data]):
        graph = graph_of(*objects)
        rows = slice(*graph.ranges.symbols[-2:].tolist())
        shown = [row for row in range(rows.start, rows.stop) if graph.symbols.text[row] >= 0]
        assert [row - rows.start for row in shown] == [0, 2, 4, 8, 9, 10, 12]
        assert [graph.symbol_name(row) for row in shown] == [".data", "f", "g", "h", "i", "j", "k"]
        assert graph.symbols.value[shown].tolist() == list(range(7))
        hidden = [row for row in range(rows.start, rows.stop) if row not in shown]
        assert {int(kind) for kind in graph.symbols.kind[hidden]} == {SymbolKind.DROPPED}
        assert {int(name) for name in graph.symbols.name[hidden]} == {-1}
        assert not graph.symbols.type[hidden].any()


TYPES = {
    (STATIC, 0, 1): SymbolType.SECTION, (STATIC, 0, 0): SymbolType.NOTYPE, (STATIC, 0x30, 1): SymbolType.SECTION,
    (STATIC, 0x20, 1): SymbolType.FUNC, (EXTERNAL, 0x20, 0): SymbolType.FUNC, (EXTERNAL, 0x21, 0): SymbolType.FUNC,
    (STATIC, 0x21, 1): SymbolType.FUNC,
    (EXTERNAL, 0x30, 0): SymbolType.NOTYPE, (EXTERNAL, 0x10, 0): SymbolType.NOTYPE,
    (EXTERNAL, 0, 1): SymbolType.NOTYPE,
}  # fmt: skip
"""(storage class, Type field, auxiliary records) -> the type."""


@pytest.mark.parametrize("case", TYPES)
def test_types_of_symbols(case: tuple[int, int, int]) -> None:
    storage, number, auxiliary = case
    graph = graph_of(coff_object([DATA], [Named(b"s", 1, 0, storage, number, [b""] * auxiliary)]))
    assert graph.symbols.type[0] == TYPES[case]


def test_a_static_symbol_of_no_section_stands_for_none() -> None:
    graph = graph_of(coff_object([DATA], [Named(b"s", storage=STATIC, auxiliary=[b""])]))
    assert (graph.symbols.kind[0], graph.symbols.type[0]) == (SymbolKind.DROPPED, SymbolType.NOTYPE)


@pytest.mark.parametrize("many", [16 * 17, 16 * 17 + 1])
def test_names_that_share_their_letters(many: int) -> None:
    """A byte of a string table may be part of 16 names on average. The table has 17 bytes; each name is the same x."""
    data = bytearray(coff_object([DATA], [Named(b"", 1) for _ in range(many)]))
    data[-4:] = struct.pack("<I13s", 17, b"\0" * 11 + b"x")
    table = struct.unpack_from("<I", data, 8)[0]
    for row in range(many):
        struct.pack_into("<2I", data, table + 18 * row, 0, 15)
    if many == 16 * 17:
        assert len(graph_of(bytes(data)).symbols) == many
    else:
        assert "overlaps too many others" in refused(bytes(data)).problem


def test_weak_externals() -> None:
    """One with a default that is defined is a weak definition; one with absolute 0 is a weak reference."""
    symbols = [
        Named(b"body", 1, 8, type=0x20), Named(b"zero", -1), Named(b"five", -1, 5), Named(b"absent"),
        weak_symbol(b"a", 0), weak_symbol(b"b", 1), weak_symbol(b"c", 2), weak_symbol(b"d", 3), weak_symbol(b"e", 4),
        weak_symbol(b"f", 10), weak_symbol(b"g", 14), section_symbol(b".data", 1), weak_symbol(b"h", 18),
        Named(b"file", -2, storage=103), weak_symbol(b"i", 22),
    ]  # fmt: skip
    data = coff_object([DATA], symbols)
    for objects in ([data], [coff_object([DATA], [Named(b"other", 1)]), data]):
        graph = graph_of(*objects)
        begin, end = graph.ranges.symbols[-2:].tolist()
        rows = {graph.symbol_name(row): row for row in range(begin, end) if graph.symbols.text[row] >= 0}
        weak = [rows[name] for name in "abcdefghi"]
        columns = graph.symbols
        assert {int(binding) for binding in columns.binding[weak]} == {Binding.WEAK}
        defined, absolute, undefined = SymbolKind.DEFINED, SymbolKind.ABSOLUTE, SymbolKind.UNDEFINED
        assert columns.kind[weak].tolist() == [
            defined, undefined, absolute, undefined, defined, undefined, undefined, defined, undefined
        ]  # fmt: skip
        assert columns.value[weak].tolist() == [8, 0, 5, 0, 8, 0, 0, 0, 0]
        assert columns.type[weak].tolist() == [2, 0, 0, 0, 2, 0, 0, 0, 0]
        block = int(columns.block[rows["body"]])
        assert columns.block[weak].tolist() == [block, -1, -1, -1, block, -1, -1, block, -1]
        pairs = zip(graph.fallbacks.symbol.tolist(), graph.fallbacks.instead.tolist(), strict=True)
        assert list(pairs) == [(rows[name], rows["absent"]) for name in "dfg"]


MADE_UP = (b".weak.f", b".weak.", b".weak.ab", b".weak.a_long_name.of_it")
NOT_MADE_UP = (b".wea", b".weakx", b".weakly", b".weak_a_long_name.of_it", b"xweak.a_long_name.of_it", LONG)


@pytest.mark.parametrize("name", [*MADE_UP, *NOT_MADE_UP])
def test_names_made_up_for_defaults(name: bytes) -> None:
    """`.weak.NAME...` of a default may be in several objects: it is the object's own."""
    symbols = [Named(name, 1, 4), weak_symbol(b"f", 0), weak_symbol(b"g", 5), Named(b"", 1, 4, STATIC)]
    graph = graph_of(coff_object([DATA], symbols))
    assert graph.symbols.binding[0] == (Binding.LOCAL if name in MADE_UP else Binding.GLOBAL)
    assert graph.symbols.binding[1] == Binding.WEAK
