"""One small object, read row by row in plain Python, which costs less there than columns do.

It reads sound objects with few sections, symbols and relocations, without symbol versions. Everything else,
every error included, is left to the columns of `uruk.formats.elf.reader` and `uruk.formats.elf.relocations`, so that no
check has two texts. Whatever is read here, the columns would read alike.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Protocol

import numpy as np

from uruk.formats.elf import constants as elf
from uruk.formats.elf.sections import MAX_ALIGN, MAX_SIZE
from uruk.formats.elf.small_sections import SECTION, SectionRow, read_sections, string_table
from uruk.formats.elf.symbols import UNKNOWN_BINDING, UNKNOWN_TYPE
from uruk.formats.gather import NAME_SHARING
from uruk.graph.graph import Binding, Edges, Graph, SymbolKind, SymbolType
from uruk.graph.kinds import KindTable
from uruk.graph.names import Names
from uruk.graph.row_graph import edges_of
from uruk.graph.rows import EdgeRow, ObjectRows, SymbolRow
from uruk.graph.types import NONE, Bool

FEW_SECTIONS = 64
FEW_SYMBOLS = 256
FEW_RELOCATIONS = 256
"""The number of rows, in all tables of one object together, up to which this is faster than columns."""

# Elf64_Sym and Elf64_Rela; r_info is read as its two halves, of which the type comes first.
_SYMBOL = struct.Struct("<IBBHQQ")
_SymbolEntry = tuple[int, int, int, int, int, int]
_RELOCATION = struct.Struct("<QIIq")

_SIZE = itemgetter(2)
"""Of a `BlockRow`."""

_LARGEST_SIZE = (1 << 62) - 1
"""The columns cut larger sizes of symbols to this number."""


class FormatPair(Protocol):
    """The members of an ISA's map of relocations that are needed here."""

    KINDS: KindTable
    RELOCATIONS: dict[int, tuple[str, str]]


def read_small(
    buffer: memoryview, begin: int, extent: int, table: tuple[int, int, int], pair: FormatPair, names: Names
) -> ObjectRows | None:
    """Return the rows of the object in `buffer` at `begin`, of `extent` bytes.

    Returns None for one that is left to the columns. Relocations that are left to them have no rows.

    `table` says where its section headers begin in the buffer, how many there are, and which has their names. Only
    names of an object that is read are interned.
    """
    start, count, name_table = table
    # All bounds are checked before the tables are looked at: a large object costs next to nothing here.
    if count > FEW_SECTIONS:
        return None
    sections: list[SectionRow] = [*SECTION.iter_unpack(buffer[start : start + 64 * count])]
    strings = string_table(buffer, begin, extent, sections, name_table)
    if not strings:
        return None
    # Symbols come last: they intern names, which must not happen for an object that is left to the columns after all.
    sections_read = read_sections(sections, strings, begin, extent, begin + sections[name_table][4])
    if sections_read is None:
        return None
    blocks, block_of, symtabs, group_sections, linked = sections_read
    if len(symtabs) != 1:
        return None
    symtab = symtabs[0]
    tables = _find_tables(linked, sections, block_of, begin, symtab)
    groups = _read_groups(buffer, begin, extent, sections, symtab, group_sections) if group_sections else []
    if tables is None or groups is None:
        return None
    link = sections[symtab][6]
    # Often the names of sections and of symbols are in one table.
    texts = strings if link == name_table else string_table(buffer, begin, extent, sections, link)
    symbols_read = _read_symbols(buffer, begin, sections, symtab, block_of, texts, names)
    if symbols_read is None:
        return None
    symbols, numbers = symbols_read
    edges = _read_edges(buffer, tables, [*map(_SIZE, blocks)], len(symbols), pair)
    block_groups = [NONE] * len(blocks)
    if not groups:
        return ObjectRows(blocks, symbols, numbers, tables, edges, [], block_groups)
    # Local signatures have no number among the symbols.
    signatures = [numbers[symbol] if numbers[symbol] >= 0 else names[text] for symbol, text, _ in groups]
    for number, (_, _, members) in enumerate(groups):
        for section in members:
            if block_of[section] >= 0:
                block_groups[block_of[section]] = number
    return ObjectRows(blocks, symbols, numbers, tables, edges, signatures, block_groups)


def _read_groups(
    buffer: memoryview, begin: int, extent: int, sections: Sequence[SectionRow], symtab: int, groups: Sequence[int]
) -> list[tuple[int, bytes, list[int]]] | None:
    """Return the COMDAT groups: signature symbol, its name where it is local, and the members' section numbers.

    `groups` are the indexes of the sections of groups.
    """
    found: list[tuple[int, bytes, list[int]]] = []
    seen: set[int] = set()
    _, _, _, _, table, room, strings_index, _, _, _ = sections[symtab]
    strings = b""
    for index in groups:
        _, _, _, _, offset, size, link, info, _, _ = sections[index]
        if size < 4 or size % 4:
            return None
        flags, *members = buffer[begin + offset : begin + offset + size].cast("I")
        if not flags & elf.GRP_COMDAT:
            continue
        if link != symtab or not 0 < info < room // 24:
            return None
        for section in members:
            # A member that is none, is a group itself, or is in two groups.
            if not 0 < section < len(sections) or sections[section][1] == elf.SHT_GROUP or section in seen:
                return None
            seen.add(section)
        strings = strings or string_table(buffer, begin, extent, sections, strings_index)
        text = _local_name(buffer, begin + table + 24 * info, strings)
        if text is None:
            return None
        found.append((info, text, members))
    return found


def _local_name(buffer: memoryview, at: int, strings: bytes) -> bytes | None:
    """Return the name of a local signature symbol; None if it is a section's, or has none. Empty for other symbols."""
    name, info, _, _, _, _ = _SYMBOL.unpack_from(buffer, at)
    if info >> 4 != Binding.LOCAL:
        return b""
    # A section's symbol has no name of its own: the columns take that of the section.
    if info & 15 == SymbolType.SECTION or not 0 < name < len(strings):
        return None
    return strings[name : strings.index(b"\0", name)]


def _find_tables(
    linked: Sequence[int], sections: Sequence[SectionRow], block_of: Sequence[int], begin: int, symtab: int
) -> list[tuple[int, int, int]] | None:
    """Return the relocation tables of loaded sections, ordered by block: block, content, count.

    `linked` are the indexes of the sections that may be some.
    """
    rows: list[tuple[int, int, int]] = []
    for index in linked:
        _, kind, _, _, offset, size, link, info, _, entry = sections[index]
        # sh_info of a relocation table is the section to which it applies (gABI, "sh_link and sh_info Interpretation").
        block = block_of[info] if info < len(sections) else NONE
        if kind > elf.SHT_SYMTAB_SHNDX and block >= 0 and link == symtab:
            return None  # an unknown type that refers to both, as relocations do: the columns refuse it
        if kind != elf.SHT_RELA:
            continue
        if info >= len(sections):
            return None
        if block < 0:
            continue
        without_content = sections[info][1] == elf.SHT_NOBITS and size
        if entry != 24 or size % 24 or link != symtab or without_content:
            return None
        rows.append((block, begin + offset, size // 24))
    if len(rows) > 1:
        # By block only: the sort is stable, and several tables of one section stay in order.
        rows.sort(key=itemgetter(0))
    return rows


def _read_symbols(
    buffer: memoryview,
    begin: int,
    sections: Sequence[SectionRow],
    symtab: int,
    block_of: Sequence[int],
    strings: bytes,
    names: Names,
) -> tuple[list[SymbolRow], list[int]] | None:
    """Return all rows of the symbol table, and the interned name of each, -1 for locals.

    `strings` is its string table. Names are interned after the last check.
    """
    _, _, _, _, offset, size, link, _, _, entry = sections[symtab]
    if entry != 24 or size % 24 or size > 24 * FEW_SYMBOLS or not strings or b"@@" in strings:
        return None
    rows: list[SymbolRow] = []
    named: list[tuple[int, bytes]] = []
    strings_at, room, count, used = begin + sections[link][4], len(strings), len(block_of), 0
    entries: Iterator[_SymbolEntry] = _SYMBOL.iter_unpack(buffer[begin + offset : begin + offset + size])
    for name, info, visibility, section, value, length in entries:
        # The usual cases, without a call.
        if not _ORDINARY[info] or length > _LARGEST_SIZE:
            place = _place(info, section, value, length, sections, block_of)
            if place is None:
                return None
            kind, block = place
        elif 0 < section < count and value <= sections[section][5]:
            block = block_of[section]
            kind = SymbolKind.DEFINED if block >= 0 else SymbolKind.DROPPED
        elif section == elf.SHN_UNDEF:
            kind, block = SymbolKind.UNDEFINED, NONE
        elif section == elf.SHN_ABS:
            kind, block = SymbolKind.ABSOLUTE, NONE
        else:
            place = _place(info, section, value, length, sections, block_of)
            if place is None:
                return None
            kind, block = place
        if name >= room:
            return None
        # Row 0 is no symbol, whatever binding it has (gABI, "STN_UNDEF").
        if info >> 4 != Binding.LOCAL and rows:
            # The string table ends in NUL, so that every name in it ends.
            text = strings[name : strings.index(b"\0", name)]
            used += len(text)
            named.append((len(rows), text))
        rows.append((strings_at + name, length, kind, block, info >> 4, info & 15, visibility & 3, value))
    # The columns' bound on names that share bytes.
    if used > NAME_SHARING * room:
        return None
    numbers = [NONE] * len(rows)
    for row, text in named:
        numbers[row] = names[text]
    return rows, numbers


_PLAIN_INFO = frozenset(np.flatnonzero(~(UNKNOWN_BINDING | UNKNOWN_TYPE)).tolist())
_ORDINARY = bytes(info in _PLAIN_INFO and info & 15 not in (SymbolType.TLS, SymbolType.IFUNC) for info in range(256))
"""By `st_info`: 1 for symbols whose definitions may be in any section."""
_COMMON = (elf.SHN_COMMON, elf.SHN_X86_64_LCOMMON)
_NEEDED_FLAGS = {
    SymbolType.TLS: (elf.SHF_TLS, elf.SHF_TLS),
    SymbolType.IFUNC: (elf.SHF_EXECINSTR | elf.SHF_TLS, elf.SHF_EXECINSTR),
}
"""Type of symbol -> mask and value of the flags that its section must have."""


def _place(
    info: int, section: int, value: int, size: int, sections: Sequence[SectionRow], block_of: Sequence[int]
) -> tuple[int, int] | None:
    """Return the kind and the block of a symbol; None if it is malformed, or needs the columns."""
    if info not in _PLAIN_INFO or size > _LARGEST_SIZE:
        return None
    special = _NEEDED_FLAGS.get(info & 15)
    if section == elf.SHN_UNDEF:
        return SymbolKind.UNDEFINED, NONE
    if section == elf.SHN_ABS:
        return None if special else (SymbolKind.ABSOLUTE, NONE)
    if section in _COMMON:
        # st_value of a common symbol is its alignment (gABI, SHN_COMMON).
        sound = value and not value & (value - 1) and value <= MAX_ALIGN and size < MAX_SIZE
        return (SymbolKind.COMMON, NONE) if sound else None
    # Reserved indexes, SHN_XINDEX among them, are past the few sections.
    if section >= len(block_of):
        return None
    block = block_of[section]
    if block < 0:
        return SymbolKind.DROPPED, NONE
    # A symbol may mark the end of its section.
    if value > sections[section][5] or (special and sections[section][2] & special[0] != special[1]):
        return None
    return SymbolKind.DEFINED, block


@lru_cache(maxsize=8)
def _kinds_of(pair: FormatPair) -> dict[int, tuple[int, int]]:
    """Return relocation number -> number of its kind, and width of its field in bytes."""
    number, width = pair.KINDS.number, pair.KINDS.width
    return {type: (number[kind], int(width[number[kind]])) for type, (_, kind) in pair.RELOCATIONS.items()}


def _read_edges(
    buffer: memoryview, tables: list[tuple[int, int, int]], sizes: list[int], symbols: int, pair: FormatPair
) -> list[EdgeRow] | None:
    """Return the edges of one object's tables; `sizes` has that of each block. None if they are left to the columns.

    The buffer begins where the offsets of the arena do, and symbol numbers are rows of the graph.
    """
    kinds, nothing = _kinds_of(pair), pair.KINDS.number["None"]
    rows: list[EdgeRow] = []
    room = FEW_RELOCATIONS
    for block, start, count in tables:
        size = sizes[block]
        room -= count
        if room < 0:
            return None
        for offset, type, symbol, addend in _RELOCATION.iter_unpack(buffer[start : start + 24 * count]):
            # Any row at fault leaves all of them to the columns, which report it.
            kind, width = kinds.get(type, (NONE, 0))
            if kind < 0 or offset > size - width or symbol >= symbols:
                return None
            # R_*_NONE leaves no edge.
            if kind != nothing:
                rows.append((block, offset, kind, symbol, addend))
    return rows


def read_few_relocations(graph: Graph, pair: FormatPair, wanted: Bool | None) -> Edges | None:
    """Return the edges of a graph of one object that has few; None if the graph is left to the columns.

    See `uruk.formats.elf.relocations.read_relocations`.
    """
    if len(graph.files) != 1 or len(graph.arena.buffers) != 1:
        return None
    rows = graph.rows.edges if graph.rows is not None else None
    if rows is not None:
        return edges_of(rows if wanted is None else [row for row in rows if wanted[row[0]]])
    chosen = graph.relocations
    if wanted is not None:
        chosen = chosen.rows(wanted[chosen.block])
    tables = list(zip(chosen.block.tolist(), chosen.content.tolist(), chosen.count.tolist(), strict=True))
    buffer, sizes = memoryview(graph.arena.buffers[0]), graph.blocks.size.tolist()
    rows = _read_edges(buffer, tables, sizes, len(graph.symbols), pair)
    return None if rows is None else edges_of(rows)
