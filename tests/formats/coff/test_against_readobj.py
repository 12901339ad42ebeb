"""The reader of COFF objects against llvm-readobj: every section, symbol, group and relocation."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from uruk.formats.interface import Span
from uruk.formats.registry import read_objects, read_relocations
from uruk.graph.arena import Arena
from uruk.graph.graph import Binding, Graph, Role, Selection, SymbolKind, SymbolType, Visibility, Zone
from uruk.graph.names import Names
from uruk.graph.verify import verify
from uruk.graph.views import GraphView
from uruk.target import Target

from support.coff_objects import ARM_MSVC, assembled, compiled, run
from support.coff_writer import graph_of
from support.requirements import require_tool

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

EVERYTHING = """
    .text
    .globl f, a_function_of_more_than_eight_letters, exact___
    .def f; .scl 2; .type 32; .endef
    .space 3
f:  .long 0x12345678
    .rva  outside
    .def hidden_one; .scl 3; .type 32; .endef
hidden_one: .long 1
a_function_of_more_than_eight_letters:
exact___: .long 2
    .section .text$part,"xr"
    .balign 32
    .byte 1
    .section .rdata,"dr"
    .balign 8
table: .quad f + 0x11, table + 1, outside - 2
    .section .a_section_of_more_than_eight,"dw"
    .secrel32 table
    .secidx table
    .short 0
    .long 0x7ffffff0
    .bss
    .balign 64
room: .space 200
    .section .odd,"bw"
    .balign 2
    .space 7
    .section .once,"dr",discard,once
    .globl once
once: .quad 5
    .section .single,"dw",one_only,single_one_with_a_long_name
    .globl single_one_with_a_long_name
single_one_with_a_long_name: .quad 6, 7
    .section .size,"dr",same_size,sized
    .globl sized
sized: .quad 8
    .section .same,"dr",same_contents,same
    .globl same
same: .quad 9
    .section .large,"dr",largest,large
    .globl large
large: .quad 10
    .section .with,"dr",associative,sized
    .quad 11
    .section .pinned,"dr",discard,pinned
pinned: .quad 12
    .section .debug$S,"dr"
    .quad 13
    .section .drectve,"yn"
    .ascii " /defaultlib:c"
    .section .removed,"n"
    .quad 14
    .section .CRT$XCU,"dr"
    .quad f
    .section .CRT$XIA,"dr"
    .quad f
    .section .CRT$XPX,"dr"
    .quad f
    .section .CRT$XTZ,"dr"
    .quad f
    .section .CRT$XLB,"dr"
    .quad f
    .section .ctors.65535,"dw"
    .quad f
    .section .dtors,"dw"
    .quad f
    .weak soft
    .weak firm
    .data
firm: .long 3
    .comm common_1, 1
    .comm common_5, 5
    .comm common_40, 40
    .globl absolute
    .set absolute, 0x1234
    .quad soft, firm, common_5
"""


@dataclass
class Item:
    """A section or a symbol of an object, as llvm-readobj prints it: the text behind each name and colon."""

    words: dict[str, str] = field(default_factory=dict[str, str])

    def number(self, word: str) -> int:
        """The number that a line gives, alone or in brackets."""
        text = self.words[word]
        found = re.search(r"\((-?[0-9A-Fa-fx]+)\)", text)
        return int(found[1] if found else text, 0)

    @property
    def name(self) -> str:
        return self.words["Name"].partition(" (")[0]


@dataclass
class Printed:
    """All that llvm-readobj prints of an object. Auxiliary records are None among the symbols."""

    sections: list[Item]
    symbols: list[Item | None]
    relocations: list[tuple[int, int, str, int]]
    """Number of the section, offset, name of the type, index of the symbol."""


def printed(path: Path) -> Printed:
    """Run llvm-readobj, and read its lines."""
    text = run([require_tool("llvm-readobj-19"), "--sections", "--symbols", "--relocs", str(path)])
    found, section = Printed([], [], []), 0
    item: Item | None = None
    for line in map(str.strip, text.splitlines()):
        if line in ("Section {", "Symbol {"):
            item = Item()
            (found.sections if line.startswith("Section") else found.symbols).append(item)
        elif match := re.fullmatch(r"Section \((\d+)\) .* \{", line):
            section, item = int(match[1]), None
        elif match := re.fullmatch(r"(0x[0-9A-F]+) IMAGE_REL_\w+?_(\w+) .* \((\d+)\)", line):
            found.relocations.append((section, int(match[1], 16), match[2], int(match[3])))
        elif (match := re.fullmatch(r"(\w+)(?: \[)?:? (.*)", line)) and item is not None:
            item.words.setdefault(match[1], match[2])
            if match[1] == "AuxSymbolCount":
                found.symbols += [None] * int(match[2])
    return found


def read(paths: list[Path], architecture: str) -> tuple[Graph, Names]:
    """All objects as one graph."""
    arena, starts = Arena.join([path.read_bytes() for path in paths])
    names = Names()
    spans = [Span(path.name, at, path.stat().st_size) for path, at in zip(paths, starts, strict=True)]
    graph = read_objects(arena, spans, Target("coff", architecture, "windows"), names)
    graph.edges = read_relocations(graph)
    verify(graph)
    return graph, names


NOT_LOADED = (".debug$S", ".drectve", ".removed", ".llvm_addrsig", ".debug_info")
ROLES = {
    ".CRT$XCU": Role.INIT, ".CRT$XIA": Role.INIT, ".CRT$XPX": Role.FINI, ".CRT$XTZ": Role.FINI,
    ".CRT$XLB": Role.RETAINED, ".ctors.65535": Role.CTORS, ".dtors": Role.DTORS,
}  # fmt: skip
SELECTIONS = {1: Selection.SINGLE, 2: Selection.ANY, 3: Selection.SAME_SIZE, 4: Selection.EXACT, 6: Selection.LARGEST}
COMPARED = (Selection.SAME_SIZE, Selection.EXACT, Selection.LARGEST)


def compare_blocks(graph: Graph, owner: int, what: Printed, data: bytes) -> dict[int, int]:
    """Every loaded section is a block, in order; returns the block of each section number."""
    rows = [row for row in range(len(graph.blocks)) if graph.blocks.object[row] == owner]
    loaded = [number for number, section in enumerate(what.sections, 1) if section.name not in NOT_LOADED]
    assert len(rows) == len(loaded)
    for row, number in zip(rows, loaded, strict=True):
        section, blocks = what.sections[number - 1], graph.blocks
        flags = int(re.findall(r"0x[0-9A-F]+", section.words["Characteristics"])[0], 16)
        size, start = section.number("RawDataSize"), section.number("PointerToRawData")
        bits = flags >> 20 & 15
        zone = Zone.RX if flags & 0x20000000 else Zone.RW if flags & 0x80000000 else Zone.R
        assert (graph.section_name(row), blocks.size[row]) == (section.name, size)
        assert (blocks.align[row], blocks.zone[row]) == (1 << bits - 1 if bits else 16, zone), section.name
        assert blocks.role[row] == ROLES.get(section.name, Role.PLAIN), section.name
        if flags & 0x80 or not start or not size:
            assert blocks.content[row] == -1
        else:
            content = graph.arena.bytes_at(int(blocks.content[row]), size)
            assert bytes(content) == data[start : start + size]
    return dict(zip(loaded, rows, strict=True))


def expected_symbol(symbol: Item, blocks: dict[int, int]) -> tuple[int, int, int, int, int]:
    """Kind, binding, block, value and size of a symbol that is no weak external."""
    section, value, storage = (symbol.number(word) for word in ("Section", "Value", "StorageClass"))
    binding = Binding.GLOBAL if storage == 2 else Binding.LOCAL
    if section == -2 or storage not in (2, 3, 6, 104) or (section > 0 and section not in blocks):
        return SymbolKind.DROPPED, Binding.LOCAL, -1, 0, 0
    if section == -1:
        return SymbolKind.ABSOLUTE, binding, -1, value, 0
    if section == 0 and value:
        return SymbolKind.COMMON, binding, -1, min(1 << (value - 1).bit_length(), 32), value
    if section == 0:
        return SymbolKind.UNDEFINED, binding, -1, 0, 0
    return SymbolKind.DEFINED, binding, blocks[section], value, 0


def compare_symbols(graph: Graph, owner: int, what: Printed, blocks: dict[int, int], names: Names) -> None:
    """A row for each record, auxiliary ones included, in the order of the file."""
    first, end = (int(row) for row in graph.ranges.symbols[owner : owner + 2])
    assert end - first == len(what.symbols)
    fallbacks = dict(zip(graph.fallbacks.symbol.tolist(), graph.fallbacks.instead.tolist(), strict=True))
    table = graph.symbols
    for row, symbol in enumerate(what.symbols, first):
        facts = tuple(int(column[row]) for column in (table.kind, table.binding, table.block, table.value, table.size))
        if symbol is None:
            assert (facts[:3], table.text[row], table.type[row]) == ((SymbolKind.DROPPED, Binding.LOCAL, -1), -1, 0)
            continue
        assert graph.symbol_name(row) == symbol.name
        assert table.visibility[row] == Visibility.DEFAULT
        if symbol.number("StorageClass") == 105:
            default = first + symbol.number("Linked")
            instead = what.symbols[default - first]
            assert instead is not None
            kind, _, block, value, size = expected_symbol(instead, blocks)
            assert (kind == SymbolKind.UNDEFINED) == (fallbacks.pop(row, None) == default)
            is_null = kind == SymbolKind.ABSOLUTE and value == 0  # GNU as: undefined and weak
            expected = (kind, Binding.WEAK, block, value, size)
            assert facts == ((SymbolKind.UNDEFINED, Binding.WEAK, -1, 0, 0) if is_null else expected), symbol.name
            named = [symbol] if kind in (SymbolKind.UNDEFINED, SymbolKind.DROPPED) or is_null else [symbol, instead]
            is_function = any(item.number("ComplexType") == 2 for item in named)
            assert table.type[row] == (SymbolType.FUNC if is_function else SymbolType.NOTYPE), symbol.name
        else:
            kind, binding, *rest = expected_symbol(symbol, blocks)
            if symbol.name.startswith(".weak."):
                binding = Binding.LOCAL
            assert facts == (kind, binding, *rest), symbol.name
            stands = symbol.number("StorageClass") == 3 and "Length" in symbol.words
            is_function = symbol.number("ComplexType") == 2
            meant = SymbolType.SECTION if stands else SymbolType.FUNC if is_function else SymbolType.NOTYPE
            assert table.type[row] == meant, symbol.name
        known = table.name[row] >= 0
        assert known == (facts[1] != Binding.LOCAL)
        assert not known or names.text(int(table.name[row])) == symbol.name.encode()
    assert not [row for row in fallbacks if first <= row < end]


def compare_groups(graph: Graph, owner: int, what: Printed, blocks: dict[int, int], names: Names) -> None:
    """A group for each COMDAT section with a leader that others see; associated sections are in their leader's."""
    groups: dict[int, int] = {}
    associated: dict[int, int] = {}
    for row, symbol in enumerate(what.symbols):
        if symbol is None or "Selection" not in symbol.words or symbol.number("Selection") == 0:
            continue
        section, selection = symbol.number("Section"), symbol.number("Selection")
        block = blocks[section]
        if selection == 5:
            associated[block] = blocks[int(re.findall(r"\((\d+)\)", symbol.words["AssocSection"])[0])]
            continue
        leaders = (later for later in what.symbols[row + 1 :] if later is not None)
        leader = next(later for later in leaders if later.number("Section") == section)
        group = int(graph.blocks.group[block])
        if leader.number("StorageClass") != 2 or leader.name.startswith(".weak."):
            assert group == -1, leader.name
            continue
        groups[block] = group
        assert names.text(int(graph.groups.name[group])) == leader.name.encode()
        meant = SELECTIONS[selection]
        assert (graph.groups.object[group], graph.groups.selection[group]) == (owner, meant), leader.name
        assert graph.groups.leader[group] == (block if meant in COMPARED else -1), leader.name
    for block, leader in associated.items():
        assert graph.blocks.group[block] == groups[leader]
        groups[block] = groups[leader]
    for block in blocks.values():
        assert graph.blocks.group[block] == groups.get(block, -1), graph.section_name(block)


def compare_edges(graph: Graph, owner: int, what: Printed, blocks: dict[int, int], names_of: dict[str, str]) -> int:
    """Every relocation of a loaded section is an edge, with the symbol and the kind that it names."""
    first, edges = int(graph.ranges.symbols[owner]), graph.edges
    assert edges is not None
    expected = [
        (blocks[section], offset, names_of[name], first + symbol)
        for section, offset, name, symbol in what.relocations
        if section in blocks and names_of[name] != "None"
    ]
    rows = [row for row in range(len(edges)) if graph.blocks.object[edges.block[row]] == owner]
    found: list[tuple[int, int, str, int]] = []
    for row in rows:
        block, offset, kind = int(edges.block[row]), int(edges.offset[row]), graph.kinds[int(edges.kind[row])].name
        if kind == "BranchPCRel32":  # the file has no number for branches: opcodes E8 and E9 make the difference
            content = int(graph.blocks.content[block]) + offset
            assert graph.arena.bytes_at(content - 1, 1)[0] in (0xE8, 0xE9)
            kind = "Delta32"
        found.append((block, offset, kind, int(edges.target[row])))
    assert found == expected
    return len(expected)


X86_64 = {
    "ABSOLUTE": "None", "ADDR64": "Pointer64", "ADDR32": "Pointer32", "ADDR32NB": "ImageOffset32", "REL32": "Delta32",
    "REL32_1": "Delta32", "REL32_4": "Delta32", "SECTION": "SectionNumber16", "SECREL": "SectionOffset32",
}  # fmt: skip
AARCH64 = {
    "ADDR64": "Pointer64", "ADDR32": "Pointer32", "ADDR32NB": "ImageOffset32", "SECTION": "SectionNumber16",
    "SECREL": "SectionOffset32",
}  # fmt: skip


def compare(paths: list[Path], architecture: str, names_of: dict[str, str]) -> Graph:
    """Read the objects together, and compare each with what llvm-readobj prints; returns the graph."""
    graph, names = read(paths, architecture)
    for owner, path in enumerate(paths):
        what = printed(path)
        blocks = compare_blocks(graph, owner, what, path.read_bytes())
        compare_symbols(graph, owner, what, blocks, names)
        compare_groups(graph, owner, what, blocks, names)
        assert compare_edges(graph, owner, what, blocks, names_of) > 0
    return graph


def by_gnu(folder: Path, name: str, text: str, *options: str) -> Path:
    """An object of assembly, by GNU as, which knows neither associated sections nor the largest of several."""
    text = re.sub(r',"(\w+)",(?:associative|largest),\w+', r',"\1"', text)
    text = re.sub(r',"(\w+)",(\w+),\w+', r',"\1"\n.linkonce \2', text)
    source, output = folder / f"{name}.s", folder / f"{name}.obj"
    source.write_text(text)
    run([require_tool("x86_64-w64-mingw32-as"), *options, str(source), "-o", str(output)])
    return output


def test_both_kinds_of_files_together(tmp_path: Path) -> None:
    """Small and `/bigobj` headers in one batch, so that rows of one kind stand between those of the other."""
    big = by_gnu(tmp_path, "big", EVERYTHING, "-mbig-obj")
    small = by_gnu(tmp_path, "small", EVERYTHING)
    clang = assembled(tmp_path, "clang", EVERYTHING)
    again = tmp_path / "again.obj"
    again.write_bytes(clang.read_bytes())
    compare([clang, big, small, again], "x86_64", X86_64)
    compare([big], "x86_64", X86_64)


def test_objects_of_arm64(tmp_path: Path) -> None:
    compare([assembled(tmp_path, "everything", EVERYTHING, ARM_MSVC)], "aarch64", AARCH64)


@pytest.mark.parametrize("compiler", ["gcc-O2", "gcc-big", "clang-msvc-sections"])
def test_objects_of_compilers(tmp_path: Path, compiler: str) -> None:
    compare([compiled(tmp_path, name, compiler) for name in ("weak.c", "templates.cc")], "x86_64", X86_64)


def test_more_sections_than_signed_numbers_count(tmp_path: Path) -> None:
    """LLVM writes up to 65,279 sections (0xFEFF) into an ordinary object, whose numbers have 16 bits."""
    text = "".join(f'.section .text$f{at},"xr"\n.globl f{at}\nf{at}: .long {at}\n' for at in range(0x8100))
    found = assembled(tmp_path, "many", text)
    assert found.read_bytes()[:2] == b"\x64\x86"
    graph = graph_of(found.read_bytes())
    verify(graph)
    symbols = GraphView(graph).symbols
    for at in (0, 0x7FFE, 0x7FFF, 0x8000, 0x80FF):
        symbol = symbols[f"f{at}"]
        assert symbol.block is not None
        assert bytes(symbol.block.content) == at.to_bytes(4, "little")
