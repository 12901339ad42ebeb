"""What a link does that only COFF has, by batches of objects that are written byte by byte."""

from __future__ import annotations

import numpy as np
import pytest

from uruk.errors import ObjectFormatError
from uruk.formats.interface import Span
from uruk.formats.registry import read_objects
from uruk.graph.arena import Arena
from uruk.graph.graph import Binding, SymbolKind, SymbolType, Zone
from uruk.graph.names import Names
from uruk.graph.types import I64
from uruk.passes.coff.grouped_sections import sections_together, unwind_blocks, unwind_tables
from uruk.passes.coff.per_object_helpers import keep_own_copies
from uruk.passes.coff.rules import COFFRules
from uruk.passes.editing import add_reference, add_symbol
from uruk.passes.state import State
from uruk.target import Target

from support.coff_linking import BASE, Batch
from support.coff_writer import CODE, COMDAT, READ, WRITE, Named, Part, coff_object, graph_of, section_symbol

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

TARGET = Target("coff", "x86_64", "windows")
POINTER, IMAGE_OFFSET, DELTA, NUMBER, OFFSET = 1, 3, 4, 10, 11
"""Relocations of x86-64."""


def names_of(state: State, rows: I64) -> list[tuple[int, str]]:
    """(object, section name) of blocks."""
    return [(int(state.blocks.object[row]), state.graph.section_name(row)) for row in rows.tolist()]


PARTS = [
    Part(b".my$b", b"1"), Part(b".my$a", b"2", WRITE), Part(b".my", b"3"), Part(b".my$c", b"4", CODE),
    Part(b".my$a", b"5", CODE), Part(b".plain", b"6"), Part(b".tls", b"7", WRITE), Part(b".text$z", b"8", CODE),
    Part(b".text", b"9", CODE), Part(b".rdata$z", b"a"), Part(b".data$q", b"b", WRITE), Part(b".data", b"c", WRITE),
    Part(b".bss$q", b"d", WRITE), Part(b".xdata$q", b"e"), Part(b".pdata$q", b"f"), Part(b".datax$k", b"g", WRITE),
    Part(b".tlsfoo", b"h", WRITE), Part(b".dead$a", b"i", READ | COMDAT),
]  # fmt: skip
MY, CODE_OF_MY = [".my", ".my$a", ".my$b"], [".my$a", ".my$c"]


def test_sections_with_suffixes_lie_together() -> None:
    """By their suffixes, then in the order of the objects. Code is apart, and so are modules but for thread-locals."""
    data = coff_object(PARTS, [section_symbol(b".dead$a", 18, 2), Named(b"once", 18)])
    found: list[list[tuple[int, str, list[tuple[int, str]]]]] = []

    def note(state: State) -> None:
        groups = sections_together(state)
        found.append([(module, name, names_of(state, rows)) for module, name, rows in groups])

    image = Batch([data, data, data], modules=[0, 0, 1], hooks={"after layout": [note]}).link()
    expected = [(0, ".my", [(row, name) for name in MY for row in (0, 1)])]
    expected += [(0, ".my of code", [(row, name) for name in CODE_OF_MY for row in (0, 1)])]
    expected += [(0, ".tls", [(row, ".tls") for row in range(3)]), (0, ".datax", [(0, ".datax$k"), (1, ".datax$k")])]
    expected += [(0, ".dead", [(0, ".dead$a")]), (1, ".my", [(2, name) for name in MY])]
    expected += [(1, ".my of code", [(2, name) for name in CODE_OF_MY]), (1, ".datax", [(2, ".datax$k")])]
    assert found[0] == expected
    for _, _, rows in sections_together(image.linked.state):
        addresses = image.linked.state.address[rows].tolist()
        assert addresses == list(range(addresses[0], addresses[0] + 16 * rows.size, 16))


def test_unwind_data_is_of_the_code_that_it_names() -> None:
    """Tables have entries for functions, and refer to other things as well."""
    parts = [
        Part(b".text", bytes(16), CODE), Part(b".xdata", bytes(4)),
        Part(b".pdata", bytes(24), READ, [(0, 0, IMAGE_OFFSET), (4, 1, IMAGE_OFFSET), (8, 2, IMAGE_OFFSET)]),
        Part(b".pdata$f", bytes(12), READ, [(0, 4, IMAGE_OFFSET), (4, 3, IMAGE_OFFSET)]),
        Part(b".pdata.startup", bytes(12), READ), Part(b".pdata", bytes(12), CODE, [(0, 0, IMAGE_OFFSET)]),
        Part(b".rdata", bytes(8), READ, [(0, 0, POINTER)]), Part(b".pdata$d", bytes(12), READ | COMDAT),
        Part(b".text$f", bytes(16), CODE),
    ]  # fmt: skip
    symbols = [
        Named(b"f", 1),
        Named(b"g", 1, 8),
        Named(b"data", 2),
        Named(b"absent"),
        Named(b"last", 9),
        Named(b"led", 8),
    ]
    found: list[tuple[list[int], list[tuple[int, int]]]] = []

    def note(state: State) -> None:
        pairs = unwind_blocks(state)
        found.append((unwind_tables(state).tolist(), list(zip(*(side.tolist() for side in pairs), strict=True))))

    loser = coff_object([Part(b".pdata$d", bytes(12), READ | COMDAT)], [Named(b"led", 1)])
    objects = [coff_object(parts, symbols), loser]
    Batch(objects, addresses={b"absent": BASE}, hooks={"after bind names": [note]}).link()
    assert found == [([2, 3, 4, 7], [(0, 2), (0, 2), (8, 3)])]
    Batch([coff_object([Part(b".rdata", b"1")])], hooks={"after bind names": [note]}).link()
    assert found[1] == ([], [])


def test_pruning_keeps_the_unwind_data_of_what_stays() -> None:
    parts = [Part(b".text$f", bytes(16), CODE), Part(b".pdata$f", bytes(12), READ, [(0, 0, IMAGE_OFFSET)])]
    parts += [Part(b".text$g", bytes(16), CODE), Part(b".pdata$g", bytes(12), READ, [(0, 1, IMAGE_OFFSET)])]
    batch = Batch([coff_object(parts, [Named(b"f", 1), Named(b"g", 3)])], keep=[b"g"])
    assert batch.link().linked.state.live.tolist() == [False, False, True, True]


def pointers(*symbols: int, name: bytes = b".data", kind: int = POINTER) -> Part:
    """Pointers to symbols, one behind the other."""
    places = [(8 * row, symbol, kind) for row, symbol in enumerate(symbols)]
    return Part(name, bytes(8 * len(symbols)), WRITE, places)


def test_slots_of_imports() -> None:
    """A slot holds the address of the name without the prefix, whoever has it; slots that somebody has are taken."""
    names = [b"__imp_here", b"__imp_far", b"__imp_other", b"__imp_given", b"__imp_far2", b"far2", b"__imp_seen"]
    user = coff_object([pointers(*range(1, 8))], [Named(b"use", 1), *map(Named, names)])
    other = coff_object([Part(b".text", bytes(9), CODE)], [Named(b"here", 1, 4), Named(b"seen"), Named(b"f", 1)])
    addresses = {b"far": 0x1111, b"other": 0x2222, b"__imp_given": 0x3333, b"far2": 0x4444, b"seen": 0x5555}
    facts: list[tuple[bytes, int, int, int]] = []

    def note(state: State) -> None:
        for row in range(11, len(state.symbols)):  # behind those of the objects
            text = state.graph.arena.string_at(int(state.symbols.text[row]))
            columns = state.symbols
            facts.append((text, int(columns.kind[row]), int(columns.binding[row]), int(columns.block[row])))

    batch = Batch([user, other], addresses=addresses, hooks={"after resolve names": [note]})
    image = batch.link()
    slots = [image.word(b"use", 8 * row) for row in range(7)]
    assert (slots[3], slots[5]) == (0x3333, 0x4444)
    held = [image.word_at(slot) for row, slot in enumerate(slots) if row not in (3, 5)]
    assert held == [image.address(b"here"), 0x1111, 0x2222, 0x4444, 0x5555]
    assert len(set(slots)) == 7
    assert all(slot % 8 == 0 for row, slot in enumerate(slots) if row not in (3, 5))
    added = [b"far", b"other", b"given"]
    assert sorted(facts) == sorted((text, SymbolKind.UNDEFINED, Binding.GLOBAL, -1) for text in added)
    zones = image.linked.state.blocks.zone[len(image.linked.state.graph.blocks) :].tolist()
    assert zones == [Zone.R] * 6


@pytest.mark.parametrize("names", [[b"absent"], [b"given", b"absent"], [b"absent", b"given"]])
def test_what_nobody_has(names: list[bytes]) -> None:
    """A slot of the session's makes its name needless, and no other one."""
    user = coff_object(
        [pointers(*range(1, 1 + len(names)))], [Named(b"use", 1), *(Named(b"__imp_" + n) for n in names)]
    )
    faults = Batch([user], addresses={b"__imp_given": 0x3333}).faults()
    assert faults.keys() == {0}
    assert "absent" in faults[0]
    assert "given" not in faults[0]
    given = coff_object([pointers(1)], [Named(b"use", 1), Named(b"__imp_given")])
    assert Batch([given], addresses={b"__imp_given": 0x3333}).link().word(b"use") == 0x3333


def test_the_base_of_the_image() -> None:
    """Values that are image-relative count from it, in every module."""
    parts = [pointers(1, 2), Part(b".rdata", bytes(8), READ, [(0, 2, IMAGE_OFFSET), (4, 1, IMAGE_OFFSET)])]
    data = coff_object(parts, [Named(b"use", 1), Named(b"__ImageBase"), Named(b"rdata", 2, storage=3)])
    other = coff_object([pointers(1)], [Named(b"other", 1), Named(b"__ImageBase")])
    for objects in ([data], [other, data], [data, other]):
        image = Batch(objects).link()
        assert image.word(b"use") == BASE
        table = image.word(b"use", 8)
        assert (image.word_at(table, 4), image.word_at(table + 4, 4)) == (table - BASE, 0)
        assert len(objects) == 1 or image.word(b"other") == BASE
    assert [COFFRules.is_own_name(text) for text in (b"__ImageBase", b"_tls_index", b"f")] == [True, True, False]


def test_sections_by_number_and_offset() -> None:
    """A section is all of one protection, or what lies together by its name; numbers count from 1."""
    where = [(0, 1, NUMBER), (2, 1, OFFSET), (6, 2, NUMBER), (8, 2, OFFSET), (12, 3, NUMBER), (14, 3, OFFSET)]
    where += [(18, 4, NUMBER), (20, 4, OFFSET), (24, 5, NUMBER), (26, 5, OFFSET), (30, 6, NUMBER), (32, 6, OFFSET)]
    where += [(36, 7, NUMBER), (38, 7, OFFSET)]
    parts = [
        Part(b".rdata", bytes(48), READ, where), Part(b".text", bytes(32), CODE), Part(b".data", bytes(32), WRITE),
        Part(b".my$b", bytes(16), WRITE), Part(b".my$a", bytes(16), WRITE), Part(b".own$x", bytes(16), READ),
    ]  # fmt: skip
    symbols = [
        Named(b"use", 1), Named(b"constant", 1, 40), Named(b"code", 2, 20), Named(b"data", 3, 24), Named(b"b", 4, 3),
        Named(b"a", 5, 5), Named(b"own", 6, 7), Named(b"absolute", -1, 9),
    ]  # fmt: skip
    image = Batch([coff_object(parts, symbols)]).link()
    numbers = [image.word(b"use", 6 * row, 2) for row in range(7)]
    offsets = [image.word(b"use", 6 * row + 2, 4) for row in range(7)]
    state = image.linked.state
    starts = {
        zone: min(state.address[np.flatnonzero(state.blocks.zone == zone)].tolist())
        for zone in (Zone.R, Zone.RX, Zone.RW)
    }
    assert offsets[3:6] == [16 + 3, 5, 7]
    names = (b"constant", b"code", b"data")
    zones = (Zone.R, Zone.RX, Zone.RW)
    segments = image.linked.layout.segment
    assert [offset % 4096 for offset in offsets[:3]] == [
        (image.address(name) - starts[zone] + (starts[zone] % 4096)) % 4096
        for name, zone in zip(names, zones, strict=True)
    ]
    assert numbers[:3] == [int(segments[row]) + 1 for row in (0, 1, 2)]
    count = max(segments.tolist()) + 1
    assert numbers[3] == numbers[4]
    assert sorted({numbers[3], numbers[5]}) == [count + 1, count + 2]
    assert numbers[6] == 0


OWN = (b".refptr.thing", b"__real@3ff0000000000000", b"__xmm@0123456789", b"__ymm@0123456789", b"__zmm@0123456789",
       b"??_C@_05CJBACGMB@hello", b"__clang_call_terminate")  # fmt: skip
SHARED = (b".refptrx.thing", b"__reals@3ff0000000", b"??_D@_05CJBACGMB@hello", b"__clang_call_terminated", b"f")


@pytest.mark.parametrize("name", [*OWN, *SHARED])
def test_small_data_that_each_object_has_for_itself(name: bytes) -> None:
    """It has no name and no group then; the other groups stay."""
    flags = CODE if name.startswith(b"__clang") else READ
    parts = [
        Part(b".a", b"1"),
        Part(b".c", b"22", READ | COMDAT),
        Part(b".d", b"333", flags | COMDAT),
        Part(b".e", b"4", COMDAT),
    ]
    symbols = [
        section_symbol(b".c", 2, 2),
        Named(b"other", 2),
        section_symbol(b".d", 3, 2),
        Named(name, 3),
        Named(b"in", 3, 1),
    ]
    data = coff_object(parts, [*symbols, Named(b"last_of_all", 4), Named(b"elsewhere", 1)])
    names = Names()
    arena, starts = Arena.join([data, data])
    graph = read_objects(arena, [Span("x.o", at, len(data)) for at in starts], TARGET, names)
    before = graph.symbols.name.tolist()
    keep_own_copies(graph, names)
    is_own = name in OWN
    assert graph.blocks.group.tolist() == [-1, 0, -1 if is_own else 1, 2, -1, 3, -1 if is_own else 4, 5]
    assert [old == new for old, new in zip(before, graph.symbols.name.tolist(), strict=True)] == [
        True, True, True, True, True, not is_own, True, True, True
    ] * 2  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "selection", "section"), [(WRITE, 2, 2), (READ, 3, 2), (READ, 2, 0), (CODE, 2, 2), (READ, 2, 1)]
)
def test_what_is_shared_in_spite_of_its_name(flags: int, selection: int, section: int) -> None:
    """Data that is written to, what is compared with others, and names that no group is chosen by."""
    parts = [Part(b".a", b"1"), Part(b".c", b"22", flags | COMDAT)]
    symbols = [section_symbol(b".c", 2, selection), Named(b".refptr.thing", section)]
    data = coff_object(parts, [*symbols, Named(b"other", 2, 1)])
    names = Names()
    arena, [start] = Arena.join([data])
    graph = read_objects(arena, [Span("x.o", start, len(data))], TARGET, names)
    before = graph.symbols.name.tolist()
    keep_own_copies(graph, names)
    assert graph.symbols.name.tolist() == before
    assert graph.blocks.group.tolist() == [-1, 0]
    plain = graph_of(coff_object([Part(b".a", b"1")], [Named(b".refptr.thing", 1)]), edges=False)
    keep_own_copies(plain, Names())
    assert plain.symbols.name.tolist() == [0]


def test_symbols_that_plug_ins_add() -> None:
    """A name makes one global, and a place in code makes it a function."""
    data = coff_object([Part(b".text", bytes(16), CODE), Part(b".data", bytes(16), WRITE)], [Named(b"f", 1)])
    facts: list[tuple[int, int, int, int, int]] = []

    def add(state: State) -> None:
        rows = [add_symbol(state, 0, 8), add_symbol(state, 1, 4, "data"), add_reference(state, "given")]
        columns = state.symbols
        for row in rows:
            kind, block, value = int(columns.kind[row]), int(columns.block[row]), int(columns.value[row])
            facts.append((kind, block, value, int(columns.binding[row]), int(columns.type[row])))

    Batch([data], addresses={b"given": BASE}, hooks={"after bind names": [add]}).link()
    assert facts == [
        (SymbolKind.DEFINED, 0, 8, Binding.LOCAL, SymbolType.FUNC),
        (SymbolKind.DEFINED, 1, 4, Binding.LOCAL, SymbolType.NOTYPE),
        (SymbolKind.UNDEFINED, -1, 0, Binding.GLOBAL, SymbolType.NOTYPE),
    ]


@pytest.mark.parametrize("text", [b"my$", b".tls$", b".CRT$XL"])
def test_names_of_sections_that_overlap_without_end(text: bytes) -> None:
    """All sections have one name of 200 KB: read one by one, a small file would stand for any amount of text."""
    parts = [Part(b"/4", b"12345678", READ, [(0, 0, POINTER)]) for _ in range(40)]
    data = coff_object(parts, [Named(text + b"x" * 200_000, 1)])
    with pytest.raises(ObjectFormatError, match="overlaps too many others") as caught:
        Batch([data]).link()
    assert caught.value.structure.startswith(f"section `{text.decode()}")
