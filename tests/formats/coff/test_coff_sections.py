"""Headers and sections of COFF objects, written byte by byte: where tables may lie, and what sections become."""

from __future__ import annotations

import struct
import time
from itertools import pairwise

import pytest

from uruk.errors import ObjectFormatError
from uruk.formats.coff.head import machine_of, target_of_head
from uruk.formats.registry import read_objects
from uruk.graph.arena import Arena
from uruk.graph.graph import Binding, Graph, Role, Selection, SymbolKind, SymbolType, Visibility, Zone
from uruk.graph.names import Names
from uruk.graph.verify import verify
from uruk.target import Target

from support.coff_writer import (
    AMD64,
    ARM64,
    CODE,
    COMDAT,
    EXTERNAL,
    INFO,
    READ,
    STATIC,
    WRITE,
    ZEROS,
    Named,
    Part,
    coff_object,
    graph_of,
    put,
    section_symbol,
)

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

ADDRESS, SIZE, START, TABLE, COUNT = 12, 16, 20, 24, 32
"""Offsets in a section's header: of its size, of the places of content and relocations, and of their number."""
OTHER = coff_object([Part(b".other", bytes(7))], [Named(b"other", 1)])


def refused(*objects: bytes) -> ObjectFormatError:
    with pytest.raises(ObjectFormatError) as caught:
        graph_of(*objects)
    return caught.value


def whole(sections: int, size: int, *, big: bool = False) -> bytes:
    """A file of so many bytes with empty headers of sections and no symbol table."""
    data = put(coff_object([Part(b".a")] * sections, big=big), 48 if big else 8, "<2I", 0, 0)
    return data[: (56 if big else 20) + 40 * sections].ljust(size, b"\0")


@pytest.mark.parametrize("big", [False, True])
def test_as_many_sections_as_fit(big: bool) -> None:
    head, at = (56, 44) if big else (20, 2)
    assert len(graph_of(OTHER, whole(3, head + 120, big=big)).blocks) == 4
    for count, size in ((4, head + 120), (3, head + 119), (0xFFFF, head + 120)):
        data = put(whole(3, head + 120, big=big)[:size], at, "<I" if big else "<H", count)
        error = refused(OTHER, data)
        assert (error.file, error.structure, error.offset) == ("1.obj", "section header table", head)


@pytest.mark.parametrize("big", [False, True])
def test_symbol_tables_up_to_the_end(big: bool) -> None:
    """A file may end behind its symbols, or with the size of the string table."""
    entry, at = (20, 48) if big else (18, 8)
    data = coff_object([Part(b".a", b"1234")], [Named(b"s", 1), Named(b"t", 1)], big=big)
    (table,) = struct.unpack_from("<I", data, at)
    assert table + 2 * entry + 4 == len(data)
    for size in (0, 3, 4):  # what is less than the size's own four bytes is none
        assert len(graph_of(OTHER, put(data, len(data) - 4, "<I", size)).symbols) == 3
    assert len(graph_of(OTHER, data[:-4]).symbols) == 3
    strings = put(data, len(data) - 4, "<I", 6) + b"x\0"
    assert len(graph_of(OTHER, strings, OTHER).symbols) == 4
    beyond = table + 2 * entry
    cases = [
        (data[:-5], "symbol table", "2 entries do not fit", table),
        (data[:-3], "string table", "its size lies outside the file", beyond),
        (data[:-1], "string table", "its size lies outside the file", beyond),
        (put(data, len(data) - 4, "<I", 5), "string table", "5 bytes do not fit into the file", beyond),
        (strings[:-1], "string table", "6 bytes do not fit into the file", beyond),
        (strings[:-1] + b"y", "string table", "does not end in NUL", beyond + 5),
        (put(data, at, "<2I", len(data) + 1, 0), "symbol table", "0 entries do not fit", len(data) + 1),
        (put(data, at, "<2I", len(data), 1), "symbol table", "1 entries do not fit", len(data)),
    ]
    for broken, structure, problem, offset in cases:
        for before in ([], [OTHER]):
            error = refused(*before, broken)
            assert (error.file, error.structure, error.offset) == (f"{len(before)}.obj", structure, offset)
            assert problem in error.problem
    assert len(graph_of(put(data, at, "<2I", len(data), 0)).symbols) == 0


HEAD = struct.pack("<2H3I2H", AMD64, 1, 0, 0, 0, 0, 0)
BIG_HEAD = coff_object([], big=True)[:56]


@pytest.mark.parametrize(
    ("head", "machine"),
    [
        (HEAD, AMD64), (HEAD[:-1], None), (HEAD + b"more", AMD64), (put(HEAD, 0, "<H", ARM64), ARM64),
        (put(HEAD, 0, "<H", 0x14C), 0x14C), (put(HEAD, 0, "<H", 0x8665), None), (put(HEAD, 0, "<H", 0x64), None),
        (put(HEAD, 16, "<H", 1), None), (put(HEAD, 16, "<H", 0xF0), None), (put(HEAD, 16, "<H", 0x100), None),
        (put(HEAD, 18, "<H", 2), None), (put(HEAD, 18, "<H", 0xFFFD), AMD64), (put(HEAD, 18, "<H", 0x200), AMD64),
        (BIG_HEAD, AMD64), (BIG_HEAD[:20], AMD64), (BIG_HEAD[:19], None), (put(BIG_HEAD, 6, "<H", 0x8764), None),
        (put(BIG_HEAD, 16, "<2H", 9, 2), AMD64), (put(BIG_HEAD, 0, "<H", 1), None),
    ],
)  # fmt: skip
def test_what_a_file_of_coff_is(head: bytes, machine: int | None) -> None:
    assert machine_of(head) == machine_of(memoryview(head)) == machine
    names = {None: None, AMD64: "x86_64", ARM64: "aarch64", 0x14C: ""}
    name = names[machine]
    assert target_of_head(head) == (None if name is None else Target("coff", name, "windows"))


@pytest.mark.parametrize(
    ("data", "problem", "offset"),
    [
        (put(OTHER, 0, "<H", ARM64), "machine 0xaa64, expected 0x8664 (x86-64)", 0),
        (put(BIG_HEAD, 6, "<H", ARM64), "machine 0xaa64, expected 0x8664 (x86-64)", 6),
        (bytes([7]) * 64, "not a COFF object: uruk does not know what it is", 0),
        (put(BIG_HEAD, 4, "<H", 0), "a short import", 4),
        (put(BIG_HEAD[:55], 4, "<H", 1), "cut short", 55),
        (put(BIG_HEAD[:55], 4, "<H", 0x100), "cut short", 55),
        (put(BIG_HEAD, 12, "<B", 0), "without /GL or -flto", 12),
        (put(BIG_HEAD, 27, "<B", 0), "without /GL or -flto", 12),
    ],
)
def test_what_is_no_object_for_the_target(data: bytes, problem: str, offset: int) -> None:
    error = refused(OTHER, data)
    assert (error.file, error.structure, error.offset) == ("1.obj", "COFF header", offset)
    assert problem in error.problem


CONTENT = bytes(range(1, 17))


@pytest.mark.parametrize("flags", [READ, WRITE, CODE])
@pytest.mark.parametrize(
    ("start", "size", "stored"),
    [(-16, 16, True), (-1, 1, True), (-16, 1, True), (0, 0, False), (1, 0, False), (0, 5, False)],
)
def test_content_that_fits(start: int, size: int, stored: bool, flags: int) -> None:
    """A place counts from the file's end here. Without a place, or without a size, there is no content."""
    data = coff_object([Part(b".a", CONTENT, flags)], [Named(b"s", 1)])
    place = len(data) + start if size or start else 0
    place = 0 if (start, size) == (0, 5) else place
    graph = graph_of(OTHER, put(put(data, 20 + SIZE, "<I", size), 20 + START, "<I", place))
    assert (graph.blocks.size[1], graph.blocks.content[1] >= 0) == (size, stored)
    if stored:
        text = data[place : place + size]
        assert graph.arena.bytes_at(int(graph.blocks.content[1]), size) == text


@pytest.mark.parametrize(("start", "size"), [(-16, 17), (0, 1), (1, 1), (-1, 2), (2**31, 2**32 - 1)])
def test_content_that_does_not_fit(start: int, size: int) -> None:
    data = coff_object([Part(b".first", CONTENT), Part(b".second", CONTENT)])
    data = put(put(data, 60 + SIZE, "<I", size), 60 + START, "<I", len(data) + start)
    error = refused(OTHER, data)
    assert (error.file, error.structure, error.offset) == ("1.obj", "section 2 `.second'", 60)
    assert error.problem == "lies outside the file"


@pytest.mark.parametrize("start", [0, 5, 2**31])
def test_zeros_lie_nowhere(start: int) -> None:
    graph = graph_of(put(coff_object([Part(b".a", b"", ZEROS, size=77)]), 20 + START, "<I", start))
    assert (graph.blocks.content.tolist(), graph.blocks.size.tolist()) == ([-1], [77])


def test_an_address_that_relocations_would_count_from() -> None:
    """lld ignores it, GNU ld subtracts it; without relocations it is nothing to anyone."""
    parts = [Part(b".data", bytes(8), WRITE), Part(b".text", bytes(8), CODE, [(4, 0, 4)])]
    data = bytearray(coff_object(parts, [Named(b"s", 2)]))
    struct.pack_into("<I", data, 20 + ADDRESS, 0x1000)
    graph_of(bytes(data))
    struct.pack_into("<I", data, 20 + 40 + ADDRESS, 0x2000)
    with pytest.raises(ObjectFormatError, match=r"section 2 `\.text' .*: has relocations and an address, .* must be 0"):
        graph_of(bytes(data))


@pytest.mark.parametrize(("third", "fits"), [(2, True), (3, False)])
def test_sections_over_each_other(third: int, fits: bool) -> None:
    """Twice the size of the file is let pass; two of these sections are all of it but a byte."""
    data = coff_object([Part(b".a"), Part(b".b"), Part(b".c"), Part(b".d", b"", ZEROS, size=1 << 20)])
    for row, size in enumerate((len(data) - 1, len(data) - 1, third)):
        data = put(data, 20 + 40 * row + SIZE, "<2I", size, 1)
    if fits:
        assert len(graph_of(OTHER, data).blocks) == 5
        return
    error = refused(OTHER, data)
    assert (error.file, error.structure, error.offset) == ("1.obj", "section header table", 20)
    total = 2 * len(data) + 1
    assert error.problem == f"sections overlap: {total:#x} bytes in a file of {len(data):#x}"


NAMES = {
    b".text": True, b".debug_info": False, b".debug$S": False, b".debu": True, b".xdebug$S": True, b".llvm.x": False,
    b".llvm_addrsig": False, b".llvmaddrsig": True, b".gfids$y": False, b".gfids": True, b".giats$y": False,
    b".gljmp$y": False, b".gehcont$y": False, b".gehcont$": False, b".gehcont": True, b".gehconty": True,
    b".gehcontxyz": True, b".reloc": False, b".sxdata": False, b".idata$55": True, b".idata$": True, b".tls$": True,
}  # fmt: skip
"""Names of sections, and whether they are loaded."""


@pytest.mark.parametrize("name", NAMES)
def test_which_sections_are_loaded(name: bytes) -> None:
    parts = [Part(b".first", b"1"), Part(name, b"22"), Part(b".last", b"333")]
    graph = graph_of(coff_object(parts, [Named(b"s", 2), Named(b"t", 3)]))
    assert graph.blocks.size.tolist() == ([1, 2, 3] if NAMES[name] else [1, 3])
    assert graph.section_name(1) == (name.decode() if NAMES[name] else ".last")
    kinds = [SymbolKind.DEFINED if NAMES[name] else SymbolKind.DROPPED, SymbolKind.DEFINED]
    assert graph.symbols.kind.tolist() == kinds
    assert graph.symbols.block.tolist() == ([1, 2] if NAMES[name] else [-1, 1])


ROLES = {
    b".CRT$XIA": Role.INIT, b".CRT$XCU": Role.INIT, b".CRT$XPX": Role.FINI, b".CRT$XTZ": Role.FINI,
    b".CRT$XLB": Role.RETAINED, b".CRT$": Role.RETAINED, b".CRT": Role.PLAIN, b".ctors": Role.CTORS,
    b".ctors.65535": Role.CTORS, b".dtors": Role.DTORS, b".dtor": Role.PLAIN, b".data": Role.PLAIN,
}  # fmt: skip


@pytest.mark.parametrize("name", ROLES)
def test_roles_of_sections(name: bytes) -> None:
    graph = graph_of(coff_object([Part(b".a", b"1"), Part(name, b"22"), Part(b".b", b"3")]))
    assert graph.blocks.role.tolist() == [Role.PLAIN, ROLES[name], Role.PLAIN]


def test_zones_and_what_may_not_be() -> None:
    """Code that can be written to is refused, with the section's number and place."""
    flags = {READ: Zone.R, WRITE: Zone.RW, CODE: Zone.RX, 0x20: Zone.RX, 0x20000000: Zone.RX, 0x80000000: Zone.RW}
    graph = graph_of(coff_object([Part(b".a", b"1", flag) for flag in flags]))
    assert graph.blocks.zone.tolist() == list(flags.values())
    for flag in (CODE | WRITE, 0x80000020, 0xA0000000):
        error = refused(OTHER, coff_object([Part(b".fine", b"1"), Part(b".both", b"2", flag)]))
        assert (error.structure, error.offset) == ("section 2 `.both'", 60)
        assert "is both writable and executable" in error.problem


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b".a", ".a"), (b"eight888", "eight888"), ("éééé".encode(), "éééé"), (b".sixteen_letters", ".sixteen_letters"),
        (b".more_than_sixteen_letters", ".more_than_sixte"), (b"1234567\xc3", "1234567\ufffd"),
        (b".name_with_a_nul\0behind", ".name_with_a_nul"),
    ],
)  # fmt: skip
def test_names_in_errors(name: bytes, shown: str) -> None:
    """An error shows 16 bytes of a section's name at most."""
    error = refused(OTHER, coff_object([Part(b".x"), Part(name, b"2", CODE | WRITE)]))
    assert error.structure == f"section 2 `{shown}'"


@pytest.mark.parametrize(
    ("text", "fits"), [(b"/4", True), (b"/3", False), (b"/9", True), (b"/10", False), (b"/x", False)]
)
def test_names_in_the_string_table(text: bytes, fits: bool) -> None:
    """The table has 10 bytes, its own size among them."""
    data = coff_object([Part(b".fine"), Part(text, b"1")], [Named(b"s", 2)])
    data = data[:-4] + struct.pack("<I6s", 10, b"hello\0")
    if fits:
        assert graph_of(OTHER, data).arena.string_at(graph_of(OTHER, data).blocks.text.tolist()[2]) in (b"hello", b"")
        return
    error = refused(OTHER, data)
    assert (error.structure, error.offset) == ("section 2", 60)
    assert error.problem == "has a name that is no place in the string table"


def test_a_part_of_an_import_library() -> None:
    assert "is a part of an import library" in refused(coff_object([Part(b".idata$5", bytes(8))])).problem


OVERFLOW = 0x01000000
"""IMAGE_SCN_LNK_NRELOC_OVFL: the first relocation holds the number of all, itself included."""
ABSOLUTE = [(0, 0, 0)]


@pytest.mark.parametrize(("flags", "count", "number", "meant"), [
    (OVERFLOW, 0xFFFF, 3, 2), (OVERFLOW, 0xFFFF, 1, 0), (OVERFLOW, 0xFFFF, 4, 3), (OVERFLOW, 3, 2, 3), (0, 4, 9, 4),
])  # fmt: skip
def test_numbers_of_relocations(flags: int, count: int, number: int, meant: int) -> None:
    parts = [Part(b".a", CONTENT, READ), Part(b".b", CONTENT, WRITE | flags, [(number, 0, 0), *ABSOLUTE * 3])]
    data = coff_object(parts, [Named(b"s", 1)])
    data = put(data, 60 + COUNT, "<H", count)
    graph = graph_of(OTHER, data, edges=False)
    (table,) = struct.unpack_from("<I", data, 60 + TABLE)
    assert graph.relocations.count.tolist() == ([meant] if meant else [])
    if meant:
        first = table + 10 * (count == 0xFFFF)
        assert graph.arena.bytes_at(int(graph.relocations.content[0]), 20) == data[first : first + 20]
        assert graph.relocations.block.tolist() == [2]


@pytest.mark.parametrize(
    ("place", "flags", "count", "number", "problem"),
    [
        (-10, OVERFLOW, 0xFFFF, 1, ""), (-10, 0, 1, 9, ""), (-10, OVERFLOW, 0xFFFF, 0, "that does not count itself"),
        (-9, OVERFLOW, 0xFFFF, 1, "has a number of relocations that lies outside the file"),
        (-10, OVERFLOW, 0xFFFF, 2, "relocations that lie"), (-9, 0, 1, 1, "relocations that lie"),
        (-10, 0, 2, 1, "relocations that lie"), (-10, 0, 0xFFFF, 1, "relocations that lie"),
        (1, 0, 1, 1, "relocations that lie"), (0, 0, 1, 1, "relocations that lie"), (5, 0, 0, 1, ""), (0, 0, 0, 1, ""),
    ],
)  # fmt: skip
def test_relocations_up_to_the_end(place: int, flags: int, count: int, number: int, problem: str) -> None:
    """The table begins so many bytes behind the end of the file."""
    data = whole(2, 20 + 80) + struct.pack("<10sI6s", b"", number, b"")
    data = put(put(data, 60 + TABLE, "<I", len(data) + place - 10 + 10), 60 + COUNT, "<HHI", count, 0, READ | flags)
    if place == -10:
        data = put(data, len(data) - 10, "<I", number)
    if not problem:
        meant = count - (number == 1) * (count == 0xFFFF) * 0xFFFF
        assert graph_of(OTHER, data, edges=False).relocations.count.tolist() == [meant] * (meant > 0)
        return
    error = refused(OTHER, data)
    assert (error.file, error.structure, error.offset) == ("1.obj", "section 2 `.a'", 60)
    assert problem in error.problem


@pytest.mark.parametrize(("last", "fits"), [(4, True), (5, False)])
def test_relocations_over_each_other(last: int, fits: bool) -> None:
    """Tables of twice the file's size are let pass; here its 1,000 bytes."""
    data = whole(3, 1000)
    for row, count in enumerate((98, 98, last)):
        data = put(put(data, 20 + 40 * row + TABLE, "<I", 20), 20 + 40 * row + COUNT, "<HHI", count, 0, READ)
    if fits:
        assert graph_of(OTHER, data, edges=False).relocations.count.tolist() == [98, 98, 4]
    else:
        assert "has relocations that overlap those of other sections" in refused(OTHER, data).problem


def test_a_section_without_content_has_no_relocations() -> None:
    for size in (1, 8):
        error = refused(OTHER, coff_object([Part(b".a", b"", ZEROS, [(0, 0, 1)], size=size)], [Named(b"s", 1)]))
        assert (error.structure, error.problem) == ("section 1 `.a'", "relocates a section without content")
    graph_of(coff_object([Part(b".a", b"", READ, ABSOLUTE, size=0)], [Named(b"s", 1)]), edges=False)


def edges_of(graph: Graph, owner: int) -> list[tuple[int, str, int, int]]:
    """(offset, kind, symbol of the object, addend) of an object's edges."""
    assert graph.edges is not None
    first = int(graph.ranges.symbols[owner])
    columns = (graph.edges.block, graph.edges.offset, graph.edges.kind, graph.edges.target, graph.edges.addend)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [
        (offset, graph.kinds[kind].name, target - first, addend)
        for block, offset, kind, target, addend in rows
        if graph.blocks.object[block] == owner
    ]


FIELDS = bytes.fromhex("fefffffffeffffff 11223384 80ff fe 05")
WORDS = {
    (0, 1): "Pointer64",
    (4, 2): "Pointer32",
    (8, 4): "Delta32",
    (12, 10): "SectionNumber16",
    (14, 12): "SectionOffset7",
}


def test_addends_are_in_the_fields() -> None:
    """With a sign, of each width; the upper bit of the byte of a SECREL7 is not the field's."""
    relocations = [(0, 0, 1), (4, 0, 2), (8, 1, 4), (12, 1, 10), (14, 2, 12), (0, 0, 0), (12, 2, 11), (7, 0, 3)]
    data = coff_object([Part(b".a", FIELDS, WRITE, relocations)], [Named(b"s", 1), Named(b"t", 1), Named(b"u")])
    expected = [
        (0, "Pointer64", 0, -0x100000002), (4, "Pointer32", 0, -2), (8, "Delta32", 1, -0x7BCCDDEF - 4),
        (12, "SectionNumber16", 1, -0x80), (14, "SectionOffset7", 2, 0x7E),
        (12, "SectionOffset32", 2, 0x05FEFF80), (7, "ImageOffset32", 0, 0x332211FF),
    ]  # fmt: skip
    for objects in ([data], [data, OTHER, data]):
        graph = graph_of(*objects)
        for owner, text in enumerate(objects):
            assert edges_of(graph, owner) == (expected if text is data else [])


OUTSIDE, ABSENT = "its field lies outside the section", "names a symbol that does not exist"


@pytest.mark.parametrize(
    ("relocation", "problem"),
    [
        ((8, 0, 1), ""), ((9, 0, 1), OUTSIDE), ((12, 0, 2), ""), ((13, 0, 2), OUTSIDE), ((2**32 - 1, 0, 2), OUTSIDE),
        ((14, 0, 10), ""), ((15, 0, 10), OUTSIDE), ((16, 0, 0), ""), ((0, 2, 1), ""), ((0, 3, 1), ABSENT),
        ((0, 1, 1), ABSENT), ((0, 2**32 - 1, 1), ABSENT),
    ],
)  # fmt: skip
def test_fields_and_symbols_of_relocations(relocation: tuple[int, int, int], problem: str) -> None:
    """Symbol 1 is an auxiliary record, and symbol 3 would be the next object's first."""
    symbols = [Named(b"s", 1, auxiliary=[b""]), Named(b"t", 1)]
    data = coff_object([Part(b".a", CONTENT, WRITE, [relocation])], symbols)
    for objects in ([data], [OTHER, data, OTHER]):
        if not problem:
            graph = graph_of(*objects)
            assert len(edges_of(graph, objects.index(data))) == (relocation[2] != 0)
            continue
        error = refused(*objects)
        assert (error.file, problem in error.problem) == (f"{objects.index(data)}.obj", True)


def directive(text: bytes) -> Part:
    return Part(b".drectve", text, INFO)


def test_directives_of_several_sections_and_objects() -> None:
    """Sections of one object are one text, with a blank between; flags and name both say that it is one."""
    one = [
        directive(b"/include:a"),
        directive(b"/include:b"),
        Part(b".drectve", b"/include:x"),
        Part(b".drect", b"/include:y", INFO),
    ]
    two = [
        directive(
            b"-aligncomm:c,4 -aligncomm:d,13 /alternatename:e=f /alternatename:g=g /alternatename:h= /alternatename:=i"
        )
    ]
    three = [
        directive(b"-exclude-symbols:c,n -aligncomm:d,x -aligncomm:c,014 -aligncomm:,4 /alternatename:j=k /include:l")
    ]
    commons = [Named(b"c", value=8), Named(b"n", 1, 0), Named(b"d", value=64)]
    empty = Part(b".drectve", b"", INFO)
    objects = [
        coff_object(parts, commons) for parts in ([*one, empty], [Part(b".q", b"1"), *two], [Part(b".q", b"1"), *three])
    ]
    plain = coff_object([Part(b".q", b"1")], commons)
    graph = graph_of(*objects, plain)
    columns, starts = graph.symbols, graph.ranges.symbols.tolist()
    names = [graph.arena.string_at(at) for at in columns.text.tolist()]
    added = [names[begin + 3 : end] for begin, end in pairwise(starts)]
    assert added == [[b"a", b"b"], [b"e", b"f"], [b"l", b"j", b"k"], []]
    pairs = zip(graph.fallbacks.symbol.tolist(), graph.fallbacks.instead.tolist(), strict=True)
    assert [(names[row], names[instead]) for row, instead in pairs] == [(b"e", b"f"), (b"j", b"k")]
    for row, name in enumerate(names):
        if name in b"abefljk":
            weak = name in b"ej"
            assert columns.binding[row] == (Binding.WEAK if weak else Binding.GLOBAL)
            assert (columns.kind[row], columns.block[row], columns.value[row]) == (SymbolKind.UNDEFINED, -1, 0)
            assert (columns.type[row], columns.visibility[row]) == (SymbolType.NOTYPE, Visibility.DEFAULT)
    aligns = [columns.value[[begin, begin + 2]].tolist() for begin in starts[:-1]]
    assert aligns == [[8, 32], [16, 8192], [8, 32], [8, 32]]
    hidden = [row for row in range(len(names)) if columns.visibility[row] == Visibility.HIDDEN]
    assert hidden == [starts[2], starts[2] + 1]
    assert len({int(columns.name[begin]) for begin in starts[:-1]}) == 1


def test_names_of_directives_of_all_lengths() -> None:
    """Each ends in a NUL of its own, wherever the next one begins."""
    names = [b"n" * length for length in range(1, 50)]
    text = b" ".join(b"/include:" + name for name in names)
    graph = graph_of(coff_object([directive(text)]), coff_object([directive(text)]))
    assert [graph.arena.string_at(at) for at in graph.symbols.text.tolist()] == names * 2


def test_no_objects() -> None:
    graph = read_objects(Arena.join([])[0], [], Target("coff", "x86_64", "windows"), Names())
    assert [len(graph.blocks), len(graph.symbols), len(graph.groups), len(graph.relocations)] == [0] * 4
    verify(graph)


def comdat(name: bytes, content: bytes = b"12345678", flags: int = READ) -> Part:
    return Part(name, content, flags | COMDAT)


@pytest.mark.parametrize(("number", "selection"), [
    (1, Selection.SINGLE), (2, Selection.ANY), (3, Selection.SAME_SIZE), (4, Selection.EXACT), (6, Selection.LARGEST),
])  # fmt: skip
@pytest.mark.parametrize("leads", [False, True], ids=["leader behind", "leader in front"])
def test_selections_and_leaders(number: int, selection: Selection, leads: bool) -> None:
    """The leader is the first symbol but the section's own, wherever that is."""
    symbols = [section_symbol(b".c", 2, number), Named(b"other", 1), Named(b"lead", 2), Named(b"second", 2, 4)]
    order = [2, 0, 3, 1] if leads else [0, 1, 2, 3]
    data = coff_object([Part(b".a", b"1"), comdat(b".c")], [symbols[row] for row in order])
    for before in ([], [OTHER]):
        graph = graph_of(*before, data)
        assert graph.groups.selection.tolist() == [selection]
        assert graph.groups.object.tolist() == [len(before)]
        (lead,) = [row for row in range(len(graph.symbols)) if graph.symbol_name(row) == "lead"]
        assert graph.groups.name.tolist() == [graph.symbols.name[lead]]
        assert graph.blocks.group.tolist() == [*[-1] * len(before), -1, 0]
        block = len(before) + 1
        assert graph.groups.leader.tolist() == [block if number in (3, 4, 6) else -1]


FALSE = struct.pack("<12xHBB", 0, 6, 0)
"""An auxiliary record that would be a section's, of the largest."""


@pytest.mark.parametrize(
    "false",
    [
        Named(b"x", section, value, storage, kind, [FALSE])
        for section, value, storage, kind in [
            (1, 4, STATIC, 0), (1, 0, STATIC, 0x20), (1, 0, STATIC, 0x21), (0, 0, STATIC, 0), (-1, 0, STATIC, 0),
            (0, 0, EXTERNAL, 0), (1, 0, 101, 0), (1, 0, 6, 0),
        ]
    ]
    + [Named(b"x", 1, 0, STATIC)],
)  # fmt: skip
def test_what_does_not_stand_for_a_section(false: Named) -> None:
    """It is in front of what does, or all that there is; then any section is as good as another."""
    with_definition = graph_of(coff_object([comdat(b".c")], [false, section_symbol(b".c", 1, 3), Named(b"lead", 1)]))
    without = graph_of(coff_object([comdat(b".c")], [Named(b"lead", 1), false]))
    assert without.groups.selection.tolist() == [Selection.ANY]
    is_leader = false.section == 1
    assert with_definition.groups.selection.tolist() == ([] if is_leader else [Selection.SAME_SIZE])
    assert with_definition.blocks.group.tolist() == ([-1] if is_leader else [0])


def test_a_comdat_section_without_symbols_is_chosen_by_its_name() -> None:
    data = coff_object([comdat(b".one"), comdat(b".two"), comdat(b".a_longer_name")], [section_symbol(b".one", 1, 2)])
    graph = graph_of(data, data)
    signatures = graph.groups.name.tolist()
    assert signatures[:3] == signatures[3:]
    assert len(set(signatures)) == 3
    assert graph.blocks.group.tolist() == list(range(6))


@pytest.mark.parametrize("big", [False, True])
def test_associations(big: bool) -> None:
    """Of the last section with the first one, and the other way round; the upper half counts in `/bigobj` only."""
    for leader, follower in ((1, 3), (3, 1)):
        parts = [comdat(b".a"), Part(b".b", b"1"), comdat(b".c")]
        symbols = [
            section_symbol(b".x", leader, 2), Named(b"lead", leader), section_symbol(b".y", follower, 5, leader)
        ]  # fmt: skip
        graph = graph_of(OTHER, coff_object(parts, symbols, big=big))
        assert graph.blocks.group.tolist() == [-1, 0, -1, 0]
        upper = section_symbol(b".y", follower, 5, leader | 0x10000)
        data = coff_object(parts, [*symbols[:2], upper], big=big)
        if big:
            assert "is associated with a section that does not exist" in refused(OTHER, data).problem
        else:
            assert graph_of(data).blocks.group.tolist() == [0, -1, 0]
        for number in (0, 4):
            broken = coff_object(parts, [*symbols[:2], section_symbol(b".y", follower, 5, number)], big=big)
            assert "is associated with a section that does not exist" in refused(OTHER, broken).problem


def test_an_association_with_itself() -> None:
    parts, symbols = [comdat(b".a"), comdat(b".b")], [section_symbol(b".a", 1, 2), section_symbol(b".b", 2, 5, 2)]
    error = refused(OTHER, coff_object(parts, symbols))
    assert (error.structure, error.problem) == ("section 2 `.b'", "is associated with other sections in a circle")


def test_unwind_data_goes_with_code_of_its_suffix() -> None:
    """It has no leader that others see; data of that suffix, or a table of other functions, stays by itself."""
    names = [b".pdata$f", b".text$f", b".xdata$f", b".rdata$f", b".pdata$g", b".xdata$h", b".text$h", b".pdata$f"]
    parts = [comdat(name) for name in names[:-1]] + [Part(names[-1], b"1")]
    symbols = [Named(b"label", 1, storage=6), Named(b"f", 2), Named(b"h", 7), Named(b"led", 6)]
    symbols += [section_symbol(name, row + 1, 2) for row, name in enumerate(names[:-1])]
    data = coff_object(parts, symbols)
    led_first = coff_object(parts, [symbols[3], *symbols[:3], *symbols[4:]])
    assert len({*graph_of(led_first).blocks.group.tolist()}) == 6
    alone = coff_object([comdat(b".xdata$f")], [section_symbol(b".xdata$f", 1, 2)])
    graph = graph_of(alone, data, data)
    groups = graph.blocks.group.tolist()
    assert groups[0] == 0
    for first in (1, 9):
        pdata, text, xdata, rdata, other, led, code, plain = groups[first : first + 8]
        assert pdata == text == xdata
        assert len({text, rdata, other, led, code}) == 5
        assert plain == -1
    assert not set(groups[1:9]) & set(groups[9:]) - {-1}


def test_as_many_directives_as_symbols() -> None:
    """A directive costs a look at one symbol, not at all of them."""
    many = 60_000
    text = b" ".join(b"-aligncomm:c%d,%d" % (row, row % 14) for row in range(many))
    times: list[float] = []
    for parts in ([directive(b" " * len(text))], [directive(text)]):
        data = coff_object(parts, [Named(b"c%d" % row, value=4) for row in range(many)])
        before = time.process_time()
        graph = graph_of(data)
        times.append(time.process_time() - before)
    assert times[1] < 6 * times[0] + 0.1
    assert graph.symbols.value[:14].tolist() == [4, 4, *(1 << bits for bits in range(2, 14))]
