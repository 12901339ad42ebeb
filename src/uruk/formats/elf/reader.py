"""ELF64 relocatable objects: bytes to columns, many files at once.

`read_objects` reads headers, sections, symbols and section groups of all inputs; `read_relocations` adds the edges
of the blocks that are still wanted. Every offset, size and index is checked as a column before anything is gathered
through it; the first bad row becomes an `ObjectFormatError` that names its file.

Source: System V gABI chapters 4 ("Object Files") and 5; GNU additions where marked.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.elf import constants as elf
from uruk.formats.elf.linkonce import named_linkonce, with_linkonce
from uruk.formats.elf.section_roles import WX, classify
from uruk.formats.elf.sections import Sections, read_sections
from uruk.formats.elf.small_reader import read_small
from uruk.formats.elf.symbols import read_groups, read_symbols
from uruk.formats.interface import Span
from uruk.graph.arena import Arena
from uruk.graph.graph import HOLDS_FUNCTIONS, Blocks, Graph, Ranges, Relocations, Zone, first_rows
from uruk.graph.kinds import KindTable
from uruk.graph.names import Names
from uruk.graph.row_graph import RowGraph
from uruk.graph.types import I32, I64, NONE, Bool, filled, some, true_rows
from uruk.isa.interface import InstructionSet


class Pair(Protocol):
    """The members of a module that maps the relocations of one ISA: number -> (name, name of the edge kind)."""

    MACHINE: int
    NAME: str
    ISA: InstructionSet
    KINDS: KindTable
    RELOCATIONS: dict[int, tuple[str, str]]


Header = tuple[int, int, int]
"""An object's section header table: its arena offset, the count of its rows, and the row of the section names."""
_HEAD = struct.Struct("<6s10xHH20xQ10xHHH")
"""Of Elf64_Ehdr: the first bytes of e_ident, e_type, e_machine, e_shoff, e_shentsize, e_shnum and e_shstrndx."""


def _refusal(data: bytes | memoryview, file: str) -> ObjectFormatError:
    """Return the error for a file that is not a relocatable ELF64 object; it says what it is instead."""
    from uruk.formats.foreign import kind_of, linked_kind  # seldom needed, and not at start-up

    description = kind_of(data, file)
    if len(data) < elf.EHDR_SIZE or bytes(data[:4]) != b"\x7fELF":
        finding = f": it is {description}" if description else " (bad magic): uruk does not know what it is"
        return ObjectFormatError(file, "ELF header", f"not an ELF object{finding}", 0)
    if data[4] != 2 or data[5] != 1:
        problem = f"only 64-bit little-endian objects are supported, and it is {description}"
        return ObjectFormatError(file, "ELF header", problem, 4)
    return ObjectFormatError(file, "ELF header", f"not relocatable: it is {linked_kind(data)}", 16)


def read_header(view: memoryview, span: Span, pair: Pair) -> Header:
    """Find the section header table of an object. Raises ObjectFormatError for what is not an object for `pair`."""
    start = span.start
    if span.size < elf.EHDR_SIZE:
        raise _refusal(view[start : start + span.size], span.file)
    # Numbers are Python's here: no sum overflows.
    magic, kind, machine, table, entry, count, names = _HEAD.unpack_from(view, start)
    # EI_CLASS 2 is ELFCLASS64, EI_DATA 1 is ELFDATA2LSB (gABI, "ELF Identification").
    if magic != b"\x7fELF\2\1" or kind != elf.ET_REL:
        raise _refusal(view[start : start + span.size], span.file)
    if machine != pair.MACHINE:
        from uruk.formats.foreign import kind_of

        problem = (
            f"{kind_of(view[start : start + span.size])} (machine {machine}, expected {pair.MACHINE} ({pair.NAME}))"
        )
        raise ObjectFormatError(span.file, "ELF header", problem, 18)
    # e_shoff is 0 in a file without section headers: a program may have been stripped of them (sstrip).
    if table == 0:
        raise ObjectFormatError(span.file, "ELF header", "no section header table", 40)
    if entry != elf.SECTION_HEADER.itemsize:
        raise ObjectFormatError(span.file, "ELF header", f"section headers of {entry} bytes, expected 64", 58)
    # The first header must be there before the count is known: it may have to say the count.
    if table > span.size or span.size - table < 64:
        raise ObjectFormatError(span.file, "section header table", "begins outside the file", 40)
    if count == 0:  # more than 65,279 sections: the count is in the first header (gABI, e_shnum)
        count = struct.unpack_from("<Q", view, start + table + 32)[0]
    # The section name table's index is in sh_link of the first header where it does not fit (gABI, e_shstrndx).
    if names == elf.SHN_XINDEX:
        names = struct.unpack_from("<I", view, start + table + 40)[0]
    if count > (span.size - table) // 64 or count == 0:
        raise ObjectFormatError(span.file, "section header table", f"{count} headers do not fit into the file", table)
    if names >= count:
        raise ObjectFormatError(span.file, "ELF header", f"section name table {names} of {count} sections", 62)
    return start + table, count, names


def read_objects(arena: Arena, spans: Sequence[Span], pair: Pair, names: Names) -> Graph:
    """Return headers, sections, symbols and groups of every object in `spans`, which lie in the arena's one buffer.

    Relocations are found and checked against the file, but not read: see `read_relocations`.
    Raises ObjectFormatError for the first malformed object.
    """
    if not spans:
        return Graph.empty(pair.KINDS, arena)
    # A memoryview is sliced without a copy, and costs less than an array for single numbers.
    view = memoryview(arena.buffers[0])
    # The most frequent call of a session: one small object, for which columns cost more than plain Python.
    if len(spans) == 1:
        span = spans[0]
        header = read_header(view, span, pair)
        rows = read_small(view, span.start, span.size, header, pair, names)
        if rows is not None:
            return RowGraph.of(pair.KINDS, arena, span.file, rows)
        return read_columns(arena, spans, [header], pair, names)
    # A loop over files.
    return read_columns(arena, spans, [read_header(view, span, pair) for span in spans], pair, names)


def read_columns(arena: Arena, spans: Sequence[Span], headers: Sequence[Header], pair: Pair, names: Names) -> Graph:
    """Read any objects, whose headers are read already, as columns."""
    buffer = arena.buffers[0]
    sections = read_sections(buffer, spans, headers)
    # The order matters: blocks have a column of groups, symbols one of blocks, and groups take their names from
    # symbols, which take theirs from sections where they have none.
    groups, group_of_section = read_groups(sections, buffer)
    blocks, block_of_section, linkonce = _make_blocks(sections, group_of_section)
    symbols, symbol_start = read_symbols(sections, buffer, block_of_section, names)
    groups.intern(symbols, symbol_start, blocks, block_of_section, arena, names)
    group_table = groups.table()
    # Few objects have such sections (gcc before 4): each becomes a group of its own behind those of SHT_GROUP.
    if some(linkonce):
        blocks, group_table = with_linkonce(sections, blocks, linkonce, group_table, arena, names)
    relocations, relocation_start = _find_relocations(sections, blocks, block_of_section, arena)
    count = len(spans)
    return Graph(
        pair.KINDS,
        arena,
        [span.file for span in spans],
        blocks,
        symbols,
        relocations,
        group_table,
        Ranges(
            first_rows(blocks.object, count),
            symbol_start,
            relocation_start,
            first_rows(group_table.object, count),
        ),
        trampolines=_with_trampolines(sections),
    )


def _with_trampolines(sections: Sections) -> frozenset[str]:
    """Return files whose code needs an executable stack."""
    # gcc gives `.note.GNU-stack` the flag SHF_EXECINSTR where it makes trampolines for nested functions.
    rows = true_rows(sections.flags & (elf.SHF_ALLOC | elf.SHF_EXECINSTR) == elf.SHF_EXECINSTR)
    marked = [row for row in rows.tolist() if sections.name(row) == ".note.GNU-stack"]
    return frozenset(sections.files[int(sections.object[row])] for row in marked)


def _make_blocks(sections: Sections, group_of_section: I32) -> tuple[Blocks, I32, Bool]:
    """Make one block a loaded section.

    Return the blocks, the block of every section row (-1 if it is not loaded), and a mask of the blocks that are of
    `.gnu.linkonce` sections.
    """
    loaded = sections.loaded
    # Every section row has an entry: symbols and relocations refer to sections by their index.
    block_of_section = filled(sections.type.size, NONE, np.int32)
    block_of_section[loaded] = np.arange(loaded.size, dtype=np.int32)
    flags, kind, size = sections.flags[loaded], sections.type[loaded], sections.size[loaded]
    words = sections.name_words(loaded)
    zone, role = classify(flags, kind, words)
    sections.check(
        loaded,
        (
            (flags & WX == WX) & (zone == Zone.RX),
            "is both writable and executable; uruk keeps W^X (split it into two sections)",
        ),
        (HOLDS_FUNCTIONS.take(role) & (size & 7 != 0), "is not a whole number of pointers"),
        (
            ((words[0] & _SIX_BYTES == _INIT) | (words[0] & _SIX_BYTES == _FINI)) & (size > 0),
            "is a piece of a function that only crti.o and crtn.o complete; use .init_array or .fini_array",
        ),
    )
    content = sections.start[loaded]
    # Such a section takes no space in the file: its sh_offset means nothing (gABI, SHT_NOBITS).
    content[kind == elf.SHT_NOBITS] = NONE
    # sh_addralign is 0 or 1 where there is no constraint.
    blocks = Blocks(
        sections.object[loaded], sections.text[loaded], content, size, np.maximum(sections.align[loaded], 1),
        zone, role, group_of_section[loaded],
    )  # fmt: skip
    return blocks, block_of_section, named_linkonce(*words)


# Five letters and the NUL: `.init_array` must not match.
_SIX_BYTES = (1 << 48) - 1
_INIT, _FINI = int.from_bytes(b".init", "little"), int.from_bytes(b".fini", "little")


_PACKED = (elf.SHT_RELR, elf.SHT_ANDROID_REL, elf.SHT_ANDROID_RELA, elf.SHT_ANDROID_RELR)


def _refuse_other_relocations(sections: Sections, block_of_section: I32) -> None:
    """Raise ObjectFormatError for relocations of loaded sections in a form that is not read.

    Without them the code would run unrelocated. A section of an unknown type counts as relocations if it refers to the
    symbol table and, by sh_info, to a loaded section.
    """
    # All types up to SHT_SYMTAB_SHNDX are known, and those among them that hold relocations are read.
    rows = true_rows((sections.type > elf.SHT_SYMTAB_SHNDX) & (sections.type != elf.SHT_CREL))
    if rows.size == 0:
        return
    owner, info = sections.object[rows], sections.info[rows]
    inside = info < sections.counts[owner]
    # `info * inside` is 0 where sh_info is not an index: the gather stays within the column; the mask drops its result.
    loaded = inside & (block_of_section[sections.base[owner] + info * inside] >= 0)
    # SHT_RELR applies to the whole file, so that its sh_info is 0.
    packed = np.isin(sections.type[rows], _PACKED) & (loaded | (info == 0))
    unknown = loaded & (sections.link[rows] == sections.symtab[owner])
    sections.check(rows, (packed | unknown, "holds relocations in a form that is not supported; use -Wa,--no-crel"))


def _find_relocations(
    sections: Sections, blocks: Blocks, block_of_section: I32, arena: Arena
) -> tuple[Relocations, I64]:
    """Return the relocation tables of loaded sections, ordered by the block that they apply to.

    Compact ones (SHT_CREL) are written out into a buffer of their own, which the arena gets.
    """
    kind = sections.type
    tables = true_rows((kind == elf.SHT_RELA) | (kind == elf.SHT_REL) | (kind == elf.SHT_CREL))
    _refuse_other_relocations(sections, block_of_section)
    # sh_info is the section to which a table applies; with sh_link it says what a table is about (gABI).
    info, owner = sections.info[tables], sections.object[tables]
    sections.check(tables, (info >= sections.counts[owner], "applies to a section that does not exist"))
    # From an index in the object to a row of all sections, to its block.
    block = block_of_section[sections.base[owner] + info]
    keep = block >= 0
    # Tables of sections that are not loaded (debug information) are not even checked: no link reads them.
    tables, block, owner = tables[keep], block[keep], owner[keep]
    compact = true_rows(kind[tables] == elf.SHT_CREL)
    size, entry = sections.size[tables], sections.entsize[tables]
    content = sections.start[tables]
    # An Elf64_Rela has 24 bytes: r_offset, r_info, r_addend.
    count, rest = np.divmod(size, 24)
    if compact.size:
        # Entries of SHT_CREL have no fixed size (its sh_entsize is 1): the checks below are not for them.
        entry[compact], rest[compact] = 24, 0
    sections.check(
        tables,
        (kind[tables] == elf.SHT_REL, "has no addends (SHT_REL), which 64-bit targets do not use"),
        (entry != 24, "relocation entries are not 24 bytes"),
        (rest != 0, "size is not a multiple of its entries"),
        (sections.link[tables] != sections.symtab[owner], "uses no symbol table"),
        ((blocks.content[block] < 0) & (size > 0), "relocates a section without content"),
    )
    if compact.size:
        from uruk.formats.elf.crel import expand  # seldom needed

        entries, start, count[compact] = expand(sections, tables[compact])
        content[compact] = start + arena.append(entries)
    # A section may have several tables. Their order is kept: relocations at one place may build upon each other.
    order = block.argsort(kind="stable")
    block = block[order]
    # Blocks are in the order of their objects, and so are tables that are ordered by block.
    starts = first_rows(owner[order], len(sections.counts))
    return Relocations(block, content[order], count[order]), starts
