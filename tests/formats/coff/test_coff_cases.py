"""What COFF objects say: groups, weak externals, directives, long tables; and what is refused, with its place."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import uruk
from uruk.cli.show_facts import object_facts
from uruk.errors import DuplicateDefinition, ObjectFormatError, UndefinedSymbols
from uruk.formats.coff.directives import read_directives
from uruk.formats.coff.sections import _offsets as offsets_of  # pyright: ignore[reportPrivateUsage]
from uruk.formats.interface import Span
from uruk.formats.registry import read_objects
from uruk.graph.arena import Arena
from uruk.graph.dump import dump_object
from uruk.graph.graph import Binding, Selection, SymbolKind, SymbolType, Zone
from uruk.graph.names import Names
from uruk.graph.views import GraphView
from uruk.memory.fixed import FixedMemory
from uruk.passes.state import State

from support.coff_objects import assembled, compiled, run
from support.coff_writer import Named, Part, coff_object, graph_of
from support.requirements import require_tool
from support.windows_links import TARGET, windows_session, word_at

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]


def comdat(selection: str, content: str) -> str:
    return f'.section .rdata,"dr",{selection},picked\n.globl picked\npicked: {content}\n'


@pytest.mark.parametrize(
    ("selection", "second", "problem"),
    [
        ("discard", ".quad 2, 3", ""),
        ("same_size", ".quad 2", ""),
        ("same_size", ".quad 2, 3", "must have the same size"),
        ("same_contents", ".quad 1", ""),
        ("same_contents", ".quad 2", "must have the same content"),
        ("one_only", ".quad 1", "only one object may define it"),
    ],
)
def test_selections(tmp_path: Path, selection: str, second: str, problem: str) -> None:
    first = assembled(tmp_path, "first", comdat(selection, ".quad 1"))
    other = assembled(tmp_path, "other", comdat(selection, second))
    with windows_session() as jit:
        jit.add_object(first)
        if problem:
            with pytest.raises(DuplicateDefinition, match=problem):
                jit.add_object(other)
        else:
            jit.add_object(other)
        assert word_at(jit, "picked") == 1


def test_the_largest_is_selected(tmp_path: Path) -> None:
    objects = [assembled(tmp_path, f"o{row}", comdat("largest", f".quad {row}" + ", 9" * row)) for row in (1, 3, 2)]
    with windows_session() as jit:
        jit.add_objects(objects)
        assert word_at(jit, "picked") == 3


def test_associated_sections_go_with_their_leader(tmp_path: Path) -> None:
    """Through a chain: c goes with b, b with a."""
    text = """
        .section .a,"dr",discard,first
        .globl first
        first: .quad 1
        .section .b,"dr",associative,first
        .quad 2
    """
    data = assembled(tmp_path, "one", text).read_bytes()
    graph = graph_of(data, data)
    assert graph.groups.selection.tolist() == [Selection.ANY, Selection.ANY]
    groups = {
        (int(graph.blocks.object[row]), graph.section_name(row)): int(graph.blocks.group[row])
        for row in range(len(graph.blocks))
    }
    assert groups[0, ".a"] == groups[0, ".b"] == 0
    assert groups[1, ".a"] == groups[1, ".b"] == 1
    assert groups[0, ".text"] == -1


@pytest.mark.parametrize("prune", [False, True])
@pytest.mark.parametrize("compiler", ["gcc-O2", "clang-gnu"])
def test_unwind_data_goes_with_its_function(tmp_path: Path, compiler: str, prune: bool) -> None:
    """`.pdata$F` is COMDAT of its own in the file; on its own it would keep entries of functions that are gone."""
    (tmp_path / "second").mkdir()
    objects = [
        compiled(folder, "templates.cc", compiler, "-O0").read_bytes() for folder in (tmp_path, tmp_path / "second")
    ]
    with windows_session(phony=True, prune=prune) as jit:
        for row, data in enumerate(objects):
            jit.add_object(data.replace(b"_Z4parti", b"_Z4par" + b"%di" % row), f"{row}.obj")
        live: dict[str, int] = {}

        def count(state: State) -> None:
            for row in np.flatnonzero(state.live[: len(state.graph.blocks)]).tolist():
                name, _, function = state.graph.section_name(row).partition("$")
                if function.startswith("_Z"):
                    live[name] = live.get(name, 0) + 1

        jit.session.hooks["post-fixup"] = [count]
        jit.lookup("_Z4par0i")
        jit.lookup("_Z4par1i")
    assert live[".text"] == live[".pdata"] == live[".xdata"] > 0


def test_weak_externals(tmp_path: Path) -> None:
    """A default that is defined is a weak definition, and names made up for it may be in several objects."""
    weak = compiled(tmp_path, "weak.c", "gcc-O2").read_bytes()
    strong = assembled(tmp_path, "strong", ".globl chosen\nchosen: .quad 77\n").read_bytes()
    graph = graph_of(weak, strong)
    chosen = [
        row for row in range(len(graph.symbols)) if graph.symbol_name(row) == "chosen" and graph.symbols.name[row] >= 0
    ]
    assert graph.symbols.kind[chosen].tolist() == [SymbolKind.DEFINED, SymbolKind.DEFINED]
    with windows_session(phony=True) as jit:
        jit.add_object(weak, "weak.obj")
        jit.add_object(strong, "strong.obj")
        jit.lookup("part")
        assert word_at(jit, "chosen") == 77
    with windows_session(phony=True) as jit:
        jit.add_objects([weak, weak.replace(b"part\0", b"trap\0").replace(b"here\0", b"near\0")])
        jit.lookup("part")


def test_directives(tmp_path: Path) -> None:
    text = """
        .section .drectve,"yn"
        .ascii " /alternatename:absent=present /include:wanted -aligncomm:\\"both\\",8 /defaultlib:libc"
        .data
        .globl present, table
        present: .quad 5
        table: .quad absent
        .comm both, 24
    """
    first = assembled(tmp_path, "first", text)
    graph = graph_of(first.read_bytes())
    names = {graph.symbol_name(row): row for row in range(len(graph.symbols))}
    assert graph.fallbacks.symbol.size == 1
    assert int(graph.symbols.value[names["both"]]) == 256
    with windows_session() as jit:
        jit.add_object(first)
        jit.add_object(assembled(tmp_path, "second", ".globl wanted\\nwanted: .quad 1\\n".replace("\\n", "\n")))
        assert word_at(jit, "table") == jit.lookup("present").address


def test_several_directives_of_several_objects(tmp_path: Path) -> None:
    """Each name that stands for another, and each that is wanted, is of the object that says so."""
    words = '.section .drectve,"yn"\n.ascii " {}"\n'
    text = ".text\n.globl f{0}\nf{0}: ret\n.weak soft{0}\nsoft{0} = f{0}\n"
    one = words.format("/alternatename:a=f1 /include:f2 /alternatename:b=c") + text.format(1)
    two = words.format("/include:x /include:y") + text.format(2)
    three = words.format("-alternatename:a=f3") + text.format(3)
    graph = graph_of(*(assembled(tmp_path, f"o{row}", text).read_bytes() for row, text in enumerate((one, two, three))))
    name = graph.symbol_name
    pairs = zip(graph.fallbacks.symbol.tolist(), graph.fallbacks.instead.tolist(), strict=True)
    assert [
        (name(row), name(instead), graph.object_of_symbol(row), graph.object_of_symbol(instead))
        for row, instead in pairs
    ] == [("a", "f1", 0, 0), ("b", "c", 0, 0), ("a", "f3", 2, 2)]
    starts = graph.ranges.symbols.tolist()
    added = [["a", "f1", "b", "c", "f2"], ["x", "y"], ["a", "f3"]]
    for owner, names in enumerate(added):
        rows = range(starts[owner], starts[owner + 1])
        behind = rows[-len(names) :]
        assert sorted(map(name, behind)) == sorted(names)
        assert {int(graph.symbols.kind[row]) for row in behind} == {SymbolKind.UNDEFINED}
        weak = [name(row) for row in behind if graph.symbols.binding[row] == Binding.WEAK]
        assert weak == [text for text in names if text in "ab"]
        assert f"soft{owner + 1}" in map(name, rows)


def test_words_of_directives() -> None:
    found = read_directives(
        b'\xef\xbb\xbf/DEFAULTLIB:"a b.lib" -export:f,DATA /merge:.a=.b /unknown -exclude-symbols:x,y\0'
    )
    assert found.recorded == {"defaultlib": ["a b.lib"], "export": ["f,DATA"], "merge": [".a=.b"]}
    assert found.hidden == [b"x", b"y"]


def test_directives_are_recorded_and_harmless(tmp_path: Path) -> None:
    """Default libraries, exports and merged sections: `uruk show` names them, and links do without."""
    text = """
        .section .drectve,"yn"
        .ascii " /defaultlib:one.lib /defaultlib:two /export:f=g,DATA /merge:.odd=.text /entry:nobody /stack:1 /export:"
        .section .odd,"dr"
        .globl odd
        odd: .quad f
        .text
        .globl f
        f: ret
    """
    path = assembled(tmp_path, "asks", text)
    graph = graph_of(b"".join([path.read_bytes()]), path.read_bytes().replace(b"/defaultlib:", b"/defaultxxx:"))
    words = {"defaultlib": ["one.lib", "two"], "export": ["f=g,DATA"], "merge": [".odd=.text"]}
    assert graph.linker_words == {0: words, 1: {"export": ["f=g,DATA"], "merge": [".odd=.text"]}}
    assert object_facts("asks.obj", path.read_bytes())["linker_words"] == words
    with windows_session() as jit:
        jit.add_object(path)
        assert word_at(jit, "odd") == jit.lookup("f").address


def test_excluded_symbols_are_hidden(tmp_path: Path) -> None:
    """From other dylibs, and not from code of the same one."""
    words = '.section .drectve,"yn"\n.ascii " -exclude-symbols:inner,other"\n'
    text = f"{words}.text\n.globl inner, outer\ninner: outer: ret\n"
    path = assembled(tmp_path, "own", text)
    user = assembled(tmp_path, "user", ".data\n.globl use\nuse: .quad inner\n")
    with windows_session() as jit:
        jit.add_object(path)
        jit.add_object(user)
        assert word_at(jit, "use") == jit.lookup("outer").address
        other = jit.create_dylib("other", link_order=[jit.main])
        jit.add_object(user, dylib=other)
        with pytest.raises(UndefinedSymbols, match="inner"):
            jit.lookup("use", dylib=other)


def test_a_slot_is_named_in_errors(tmp_path: Path) -> None:
    with windows_session() as jit:
        jit.add_object(assembled(tmp_path, "user", ".globl f\nf: jmp *__imp_nobody(%rip)\n"), "user.obj")
        with pytest.raises(UndefinedSymbols, match=r"nobody  needed by user\.obj:\(__imp_nobody\+0x0\)"):
            jit.lookup("f")


def test_slots_of_imports(tmp_path: Path) -> None:
    """`__imp_X` holds X's address where X is linked in; one that is defined is left as it is."""
    user = assembled(tmp_path, "user", ".data\n.globl use, own\nuse: .quad __imp_f\nown: .quad __imp_g\n")
    other = assembled(tmp_path, "other", ".globl f, __imp_g\nf: ret\n.data\n__imp_g: .quad 9\n")
    with windows_session() as jit:
        jit.add_objects([user, other])
        slot = word_at(jit, "use")
        memory = jit.executor.memory
        assert isinstance(memory, FixedMemory)
        assert int.from_bytes(memory.read(slot, 8), "little") == jit.lookup("f").address
        assert int.from_bytes(memory.read(word_at(jit, "own"), 8), "little") == 9


def test_sections_are_in_the_order_of_their_suffixes(tmp_path: Path) -> None:
    """Whatever their flags: `.CRT$XCA` may be written to, `.CRT$XCU` is constant."""
    parts = [("XCZ", "dw", "last"), ("XCU", "dr", "middle"), ("XCA", "dw", "first")]
    text = "".join(
        f'.section .CRT${suffix},"{flags}"\n.globl {name}\n{name}: .quad 0\n' for suffix, flags, name in parts
    )
    with windows_session() as jit:
        jit.add_object(assembled(tmp_path, "array", text))
        first, middle, last = (jit.lookup(name).address for name in ("first", "middle", "last"))
    assert (middle - first, last - middle) == (8, 8)


def test_more_relocations_than_a_section_counts(tmp_path: Path) -> None:
    text = ".data\n.globl here\nhere: .rept 70000\n.quad here\n.endr\n"
    graph = graph_of(assembled(tmp_path, "many", text).read_bytes())
    assert graph.edges is not None
    assert len(graph.edges) == 70000


@pytest.mark.parametrize(("count", "bytes_of_count"), [(65534, 65534), (65535, 65535), (65536, 65535)])
def test_about_as_many_relocations_as_a_section_counts(tmp_path: Path, count: int, bytes_of_count: int) -> None:
    data = assembled(tmp_path, "many", f".data\n.globl here\nhere: .rept {count}\n.quad here\n.endr\n").read_bytes()
    assert struct.pack("<H", bytes_of_count) in data[20:140]
    graph = graph_of(data)
    assert graph.edges is not None
    assert graph.edges.offset.tolist() == list(range(0, 8 * count, 8))


def test_a_file_without_a_symbol_table(tmp_path: Path) -> None:
    """A pointer of 0 says so, whatever the count is."""
    data = bytearray(assembled(tmp_path, "plain", ".data\n.quad 1, 2\n").read_bytes())
    struct.pack_into("<2I", data, 8, 0, 99)  # PointerToSymbolTable, NumberOfSymbols
    graph = graph_of(bytes(data))
    assert (len(graph.symbols), int(graph.blocks.size.sum())) == (0, 16)


CODE, WRITE, EXECUTE, INFO, REMOVE, UNINITIALIZED, COMDAT = 5, 31, 29, 9, 11, 7, 12
"""Bits of a section's flags (IMAGE_SCN_CNT_CODE, _MEM_WRITE, _MEM_EXECUTE, ...)."""


@pytest.mark.parametrize("bit", [bit for bit in range(32) if not 20 <= bit < 24])
def test_each_flag_of_a_section(bit: int) -> None:
    """What a section becomes if it has this flag alone."""
    graph = graph_of(coff_object([Part(b".first", b"1"), Part(b".odd", bytes(8), 1 << bit)]))
    rows = [row for row in range(len(graph.blocks)) if graph.section_name(row) == ".odd"]
    assert len(rows) == (bit not in (INFO, REMOVE))
    for row in rows:
        zone = Zone.RX if bit in (CODE, EXECUTE) else Zone.RW if bit == WRITE else Zone.R
        assert (graph.blocks.zone[row], graph.blocks.align[row], graph.blocks.size[row]) == (zone, 16, 8)
        assert (graph.blocks.content[row] < 0) == (bit == UNINITIALIZED)
        assert graph.blocks.group[row] == (0 if bit == COMDAT else -1)


def by_hand(size: int, relocations: int, *, short_by: int = 0) -> bytes:
    """An object of a section with content and relocations, both up to the end of the file but for `short_by`."""
    content = 20 + 40 if not relocations else 20 + 40 + 10 * relocations
    table = 60 if relocations else 0
    flags = 0x40000040
    section = struct.pack("<8s6I2HI", b".only", 0, 0, size, content, table, 0, relocations, 0, flags)
    head = struct.pack("<2H3I2H", 0x8664, 1, 0, 0, 0, 0, 0) + section
    return (head + bytes(10 * relocations) + bytes(size))[: content + size - short_by]


@pytest.mark.parametrize(("size", "relocations"), [(8, 0), (0, 1), (0, 3), (8, 2)])
def test_content_and_relocations_up_to_the_end(size: int, relocations: int) -> None:
    """What ends with the file fits, and in a file that is a byte shorter it does not."""
    data = by_hand(size, relocations)
    arena, [start] = Arena.join([data])
    graph = read_objects(arena, [Span("0.obj", start, len(data))], TARGET, Names())
    assert graph.relocations.count.tolist() == ([relocations] if relocations else [])
    with pytest.raises(ObjectFormatError, match="outside the file"):
        graph_of(by_hand(size, relocations, short_by=1))


@pytest.mark.parametrize("bits", range(16))
def test_alignments(bits: int) -> None:
    data = coff_object([Part(b".first", b"1"), Part(b".odd", bytes(8), 0x40000040 | bits << 20)])
    if bits == 15:
        with pytest.raises(ObjectFormatError, match="an alignment that does not exist"):
            graph_of(data)
        return
    assert graph_of(data).blocks.align.tolist() == [16, 1 << bits - 1 if bits else 16]


def test_names_by_offset() -> None:
    letters = np.frombuffer(b"/4\0\0\0\0\0\0/1234567//AAAAAE//AAABAA/\0\0\0\0\0\0\0/12x\0\0\0\0", np.uint8).reshape(
        -1, 8
    )
    assert offsets_of(letters).tolist() == [4, 1234567, 4, 64 * 64, -1, -1]


def section_definition(data: bytearray, section: bytes) -> int:
    """Where the auxiliary record of a section's symbol lies."""
    table, count = struct.unpack_from("<2I", data, 8)
    for row in range(count):
        at = table + 18 * row
        if data[at : at + 8].rstrip(b"\0") == section and data[at + 17]:
            return at + 18
    raise AssertionError(section)


Break = Callable[[bytearray], None]


def associated(section: bytes, number: int) -> Break:
    """A section with another one associated."""

    def change(data: bytearray) -> None:
        at = section_definition(data, section)
        struct.pack_into("<HB", data, at + 12, number, 5)

    return change


def selected(value: int) -> Break:
    """A section with another selection."""

    def change(data: bytearray) -> None:
        data[section_definition(data, b".a") + 14] = value

    return change


def put(offset: int, layout: str, value: int) -> Break:
    """Another value in the file header."""
    return lambda data: struct.pack_into(layout, data, offset, value)


def open_strings(data: bytearray) -> None:
    data[-1] = ord("x")


CHAIN = """
.section .a,"dr",discard,first
.globl first
first: .quad 1
.section .b,"dr",discard,a_name_of_more_than_eight_letters
.globl a_name_of_more_than_eight_letters
a_name_of_more_than_eight_letters: .quad 2
"""


@pytest.mark.parametrize(
    ("change", "structure", "problem"),
    [
        (lambda data: [associated(b".a", 5)(data), associated(b".b", 4)(data)], "section 4 `.a'", "in a circle"),
        (associated(b".a", 4), "section 4 `.a'", "in a circle"),
        (associated(b".a", 99), "section 4 `.a'", "a section that does not exist"),
        (associated(b".a", 0), "section 4 `.a'", "a section that does not exist"),
        (selected(7), "section 4 `.a'", "the newest of several"),
        (selected(8), "section 4 `.a'", "a COMDAT selection that does not exist"),
        (put(0, "<H", 0x14C), "COFF header", "for i386"),
        (put(2, "<H", 0xFFFF), "section header table", "do not fit"),
        (put(8, "<I", 0x7FFFFFFF), "symbol table", "do not fit"),
        (put(12, "<I", 0x7FFFFFFF), "symbol table", "do not fit"),
        (open_strings, "string table", "does not end in NUL"),
    ],
    ids=[
        "circle", "itself", "no section", "section 0", "newest", "selection", "machine", "sections", "symbols", "count",
        "strings",
    ],
)  # fmt: skip
def test_refused(tmp_path: Path, change: Break, structure: str, problem: str) -> None:
    data = bytearray(assembled(tmp_path, "chain", CHAIN).read_bytes())
    graph_of(bytes(data))
    change(data)
    with pytest.raises(ObjectFormatError) as caught:
        graph_of(bytes(data))
    assert caught.value.structure == structure
    assert problem in caught.value.problem
    assert caught.value.offset is not None


@pytest.mark.parametrize("more", [[], ["other"]], ids=["alone", "behind another object"])
def test_relocations_without_any_symbols(tmp_path: Path, more: list[str]) -> None:
    data = bytearray(assembled(tmp_path, "pointer", ".data\n.quad one\n").read_bytes())
    others = [assembled(tmp_path, name, ".data\n.globl a\na: .quad 1\n").read_bytes() for name in more]
    struct.pack_into("<2I", data, 8, 0, 0)  # PointerToSymbolTable, NumberOfSymbols
    with pytest.raises(ObjectFormatError, match="names a symbol that does not exist"):
        graph_of(*others, bytes(data))


def test_defaults_in_a_circle(tmp_path: Path) -> None:
    data = bytearray(assembled(tmp_path, "weak", ".weak one\none = two\n.weak two\ntwo: ret\n").read_bytes())
    table, count = struct.unpack_from("<2I", data, 8)
    weak = [row for row in range(count) if data[table + 18 * row + 16] == 105 and data[table + 18 * row + 17]]
    for row, other in zip(weak, reversed(weak), strict=True):
        struct.pack_into("<I", data, table + 18 * (row + 1), other)
    assert len(weak) == 2
    with pytest.raises(ObjectFormatError, match="defaults form a circle"):
        graph_of(bytes(data))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (struct.pack("<4H12x", 0, 0xFFFF, 0, 0x8664), "a short import"),
        (struct.pack("<4H48x", 0, 0xFFFF, 1, 0x8664), "without /GL or -flto"),
    ],
)
def test_what_is_no_object(data: bytes, problem: str) -> None:
    with pytest.raises(ObjectFormatError, match=problem):
        graph_of(data)


def test_auxiliary_records_are_not_shown(tmp_path: Path) -> None:
    data, names = assembled(tmp_path, "aux", ".text\n.globl f\nf: call g\n").read_bytes(), Names()
    arena, [start] = Arena.join([data])
    graph = read_objects(arena, [Span("aux.obj", start, len(data))], TARGET, names)
    assert (graph.symbols.text < 0).any()  # what a section symbol says of its section
    shown = [symbol["name"] for symbol in dump_object(GraphView(graph), 0, names)["symbols"]]
    assert "g" in shown
    assert not [name for name in shown if name.startswith("symbol ")]


NUMBERS = {
    0: ("None", 0), 1: ("Pointer64", 0), 2: ("Pointer32", 0), 3: ("ImageOffset32", 0), 4: ("Delta32", -4),
    5: ("Delta32", -5), 6: ("Delta32", -6), 7: ("Delta32", -7), 8: ("Delta32", -8), 9: ("Delta32", -9),
    10: ("SectionNumber16", 0), 11: ("SectionOffset32", 0), 12: ("SectionOffset7", 0), 14: ("Delta64", -8),
}  # fmt: skip
"""PE Format, "Type Indicators", x64: REL32 and REL32_1 to _5 count from 0 to 5 bytes behind the end of the field.

14 is what GNU's assembler writes for a distance of 64 bits.
"""


@pytest.mark.parametrize("number", range(20))
def test_relocation_numbers_of_x86_64(number: int) -> None:
    """What each number means, and what it adds to what the field holds."""
    symbols = [Named(b"f", 1), Named(b"g")]
    data = coff_object([Part(b".d", struct.pack("<Q", 16), 0xC0000040, [(0, 1, number)])], symbols)
    if number not in NUMBERS:
        with pytest.raises(uruk.UnsupportedRelocation, match=f"relocation type {number}"):
            graph_of(data)
        return
    graph = graph_of(data)
    assert graph.edges is not None
    edges = zip(graph.edges.kind.tolist(), graph.edges.addend.tolist(), strict=True)
    name, more = NUMBERS[number]
    assert [(graph.kinds[kind].name, addend) for kind, addend in edges] == (
        [] if name == "None" else [(name, 16 + more)]
    )


@pytest.mark.parametrize("base", [0, 1, 4, 15])
def test_a_static_function_is_no_section(base: int, tmp_path: Path) -> None:
    """GCC gives it an auxiliary record, as section definitions have; its type says what it is, whatever it returns."""
    source = (
        "static __attribute__((noinline)) int helper(int x) { return x * 3; } int part(int x) { return helper(x); }"
    )
    path, output = tmp_path / "one.c", tmp_path / "one.obj"
    path.write_text(source)
    run([require_tool("x86_64-w64-mingw32-gcc-posix"), "-O0", "-c", str(path), "-o", str(output)])
    data = bytearray(output.read_bytes())
    table, count = struct.unpack_from("<2I", data, 8)
    (at,) = [at for at in range(table, table + 18 * count, 18) if data[at : at + 8] == b"helper\0\0"]
    assert (data[at + 14], data[at + 16], data[at + 17]) == (0x20, 3, 1)
    data[at + 14] |= base
    graph = graph_of(bytes(data))
    row = [graph.symbol_name(row) for row in range(len(graph.symbols))].index("helper")
    assert graph.symbols.type[row] == SymbolType.FUNC


@pytest.mark.parametrize("name", [".noted", ".drectvex", ".drectv", ".drectve"])
def test_only_one_name_is_that_of_directives(name: str, tmp_path: Path) -> None:
    """Sections of information for linkers (IMAGE_SCN_LNK_INFO) may have any name."""
    text = f'.section {name},"yn"\n.ascii " /alternatename:absent=f"\n.text\n.globl f\nf: call absent\n'
    graph = graph_of(assembled(tmp_path, "info", text).read_bytes())
    assert graph.fallbacks.symbol.size == (1 if name == ".drectve" else 0)


@pytest.mark.parametrize("name", ["__dso_handle", "_end", "_GLOBAL_OFFSET_TABLE_"])
def test_names_that_only_links_of_elf_provide(tmp_path: Path, name: str) -> None:
    """Libraries of Windows may define them, as libmingw32.a does with the first; else they are undefined."""
    user = assembled(tmp_path, "user", f".data\n.globl at\nat: .quad {name}\n")
    member = assembled(tmp_path, "member", f".data\n.globl {name}\n{name}: .quad 0\n")
    run([require_tool("llvm-ar-19"), "rcs", str(tmp_path / "lib.a"), str(member)])
    with windows_session() as jit:
        jit.add_object(user)
        with pytest.raises(UndefinedSymbols, match=name):
            jit.lookup("at")
        jit.add_archive(tmp_path / "lib.a")
        assert word_at(jit, "at") == jit.lookup(name).address != 0
