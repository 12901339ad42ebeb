"""Symbol tables and section groups of many objects as columns, checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats import elf_constants as elf
from uruk.formats.elf_sections import MAX_ALIGN, MAX_SIZE, Sections
from uruk.graph.arena import Arena
from uruk.graph.graph import Binding, Blocks, Groups, SymbolKind, Symbols, SymbolType
from uruk.graph.names import Names
from uruk.graph.types import I32, I64, NONE, U8, AnyArray, Bool, ranges, true_rows, windows

NAME_SHARING = 16
"""How often, on average, a byte of a string table may be part of a name: suffixes are shared, but not without end."""


def gather_runs(buffer: U8, starts: I64, sizes: I64) -> U8:
    """The bytes of many ranges, end to end. Ranges that touch are copied as one; many small ones by index."""
    if starts.size == 1:
        start = int(starts[0])
        return buffer[start : start + int(sizes[0])].copy()
    keep = sizes > 0
    starts, sizes = starts[keep], sizes[keep]
    if starts.size == 0:
        return np.empty(0, np.uint8)
    first = true_rows(np.concatenate([[True], starts[1:] != starts[:-1] + sizes[:-1]]))
    ends = (starts + sizes)[np.concatenate([first[1:] - 1, [starts.size - 1]])]
    if first.size > 4000:
        return buffer[ranges(starts, sizes)]
    return np.concatenate([buffer[a:b] for a, b in zip(starts[first].tolist(), ends.tolist(), strict=True)])


@dataclass(eq=False, repr=False)
class _Tables:
    """Where the symbol tables are: one row an object that has one."""

    rows: I64
    object: I32
    strings: I64
    string_size: I64
    count: I64


def read_symbols(sections: Sections, buffer: U8, block_of_section: I32, names: Names) -> tuple[Symbols, I64]:
    """All symbol rows of all objects, and the first row of each object (one more at the end)."""
    tables = _find_tables(sections)
    raw = gather_runs(buffer, sections.start[tables.rows], sections.size[tables.rows]).view(elf.SYMBOL)
    counts = np.zeros(len(sections.files), np.int64)
    counts[tables.object] = tables.count
    start = np.concatenate([np.zeros(1, np.int64), counts.cumsum()])
    owner = tables.object.repeat(tables.count)
    reporter = _Reporter(sections, start, owner)
    reporter.check(raw["name"] >= tables.string_size.repeat(tables.count), "name outside the string table")
    text = tables.strings.repeat(tables.count) + raw["name"]
    section = _section_indexes(sections, buffer, raw["section"], start, owner, reporter)
    info, other = np.ascontiguousarray(raw["info"], np.uint8), np.ascontiguousarray(raw["other"], np.uint8)
    binding, type_ = info >> np.uint8(4), info & np.uint8(15)
    _check_numbers(reporter, binding, type_)
    kind, block, value, size = _place(sections, raw, section, type_, owner, block_of_section, reporter)
    name = np.full(raw.size, NONE, np.int32)
    outer = true_rows(binding != Binding.LOCAL)
    outer = outer[outer != start[owner[outer]]]
    name[outer] = names.intern(_texts(buffer, text[outer], owner[outer], tables, reporter))
    symbols = Symbols(name, text, block, value, size, kind, binding, type_, other & np.uint8(3))
    return symbols, start


@dataclass(eq=False, repr=False)
class _Reporter:
    """Turns the first bad symbol row into an error."""

    sections: Sections
    start: I64
    owner: I32

    def check(self, bad: Bool, problem: str) -> None:
        if np.count_nonzero(bad):
            row = int(np.argmax(bad))
            owner = int(self.owner[row])
            index = row - int(self.start[owner])
            table = int(self.sections.base[owner] + self.sections.symtab[owner])
            offset = int(self.sections.start[table] - self.sections.origin[owner]) + 24 * index
            raise ObjectFormatError(self.sections.files[owner], f"symbol {index}", problem, offset)


def _find_tables(sections: Sections) -> _Tables:
    owner = true_rows(sections.symtab >= 0).astype(np.int32)
    rows = sections.base[owner] + sections.symtab[owner]
    sections.check(sections.entsize[rows] != 24, rows, "symbol entries are not 24 bytes")
    sections.check(sections.size[rows] % 24 != 0, rows, "size is not a multiple of its entries")
    link = sections.link[rows]
    sections.check(link >= sections.counts[owner], rows, "its string table does not exist")
    strings = sections.base[owner] + link
    sections.check(
        sections.type[strings] != elf.SHT_STRTAB, strings, "is no string table, but the symbol table uses it"
    )
    sections.check(sections.size[strings] == 0, strings, "the string table is empty")
    last = sections.start[strings] + sections.size[strings] - 1
    sections.check(sections.buffer[last] != 0, strings, "the string table does not end in NUL")
    return _Tables(rows, owner, sections.start[strings], sections.size[strings], sections.size[rows] // 24)


def _check_numbers(reporter: _Reporter, binding: U8, type_: U8) -> None:
    known = np.zeros(16, np.bool_)
    known[[Binding.LOCAL, Binding.GLOBAL, Binding.WEAK, Binding.UNIQUE]] = True
    reporter.check(~known[binding], "unknown binding")
    known[:] = False
    known[[0, 1, 2, 3, 4, 5, 6, 10]] = True
    reporter.check(~known[type_], "unknown type")


def _section_indexes(
    sections: Sections, buffer: U8, short: AnyArray, start: I64, owner: I32, reporter: _Reporter
) -> I64:
    """Section index of every symbol, SHN_XINDEX looked up in SHT_SYMTAB_SHNDX (gABI)."""
    section = short.astype(np.int64)
    extended = section == elf.SHN_XINDEX
    if not np.count_nonzero(extended):
        return section
    tables = true_rows(sections.type == elf.SHT_SYMTAB_SHNDX)
    repeated = sections.object[tables[1:]] == sections.object[tables[:-1]]
    sections.check(repeated, tables[1:], "is a second table of extended section indexes")
    for row in tables.tolist():
        file = int(sections.object[row])
        count = int(start[file + 1] - start[file])
        one = np.array([row])
        sections.check(sections.link[one] != sections.symtab[file], one, "does not belong to the symbol table")
        sections.check(sections.size[one] != 4 * count, one, "size does not match the symbol table")
        begin = int(sections.start[row])
        indexes = np.frombuffer(buffer[begin : begin + 4 * count].tobytes(), np.uint32)
        rows = true_rows(extended[start[file] : start[file + 1]])
        section[start[file] + rows] = indexes[rows]
        extended[start[file] + rows] = False
    reporter.check(extended, "has an extended section index, but the object has no table of them")
    bad = (short == elf.SHN_XINDEX) & (section >= sections.counts[owner])
    reporter.check(bad, "is defined in a section that does not exist")
    section[short == elf.SHN_XINDEX] += 1 << 32  # above every reserved number
    return section


def _place(
    sections: Sections, raw: AnyArray, section: I64, type_: U8, owner: I32, block_of_section: I32, reporter: _Reporter
) -> tuple[U8, I32, AnyArray, I64]:
    """Kind, block, value and size of every symbol."""
    kind = np.full(raw.size, SymbolKind.DEFINED, np.uint8)
    kind[section == elf.SHN_UNDEF] = SymbolKind.UNDEFINED
    kind[section == elf.SHN_ABS] = SymbolKind.ABSOLUTE
    kind[(section == elf.SHN_COMMON) | (section == elf.SHN_X86_64_LCOMMON)] = SymbolKind.COMMON
    inside = kind == SymbolKind.DEFINED
    section = np.where(section >= 1 << 32, section - (1 << 32), section)
    reporter.check(inside & (section >= sections.counts[owner]), "is defined in a section that does not exist")
    reserved = (raw["section"] >= elf.SHN_LORESERVE) & (raw["section"] != elf.SHN_XINDEX)
    reporter.check(inside & reserved, "has a section index that is reserved")
    block = np.full(raw.size, NONE, np.int32)
    block[inside] = block_of_section[sections.base[owner[inside]] + section[inside]]
    kind[inside & (block < 0)] = SymbolKind.DROPPED
    value = np.ascontiguousarray(raw["value"])
    rows = true_rows(block >= 0)
    home = sections.loaded[block[rows]]
    outside = np.zeros(raw.size, np.bool_)
    outside[rows] = value[rows] > sections.size[home].astype(np.uint64)
    reporter.check(outside, "lies outside its section")
    _check_homes(sections, type_, kind, rows, home, reporter)
    size = np.minimum(raw["size"], np.uint64((1 << 62) - 1)).astype(np.int64)
    common = kind == SymbolKind.COMMON
    if np.count_nonzero(common):
        unequal = (value == 0) | (value & (value - np.uint64(1)) != 0)
        reporter.check(common & unequal, "alignment is not a power of two")
        reporter.check(common & (value > np.uint64(MAX_ALIGN)), "alignment is too large")
        reporter.check(common & (size >= MAX_SIZE), "is too large")
    return kind, block, value, size


def _check_homes(sections: Sections, type_: U8, kind: U8, rows: I64, home: I64, reporter: _Reporter) -> None:
    """Thread-locals lie in thread-local sections, indirect functions in code: what links them relies on it."""
    special = true_rows((type_ == SymbolType.TLS) | (type_ == SymbolType.IFUNC))
    if special.size == 0:
        return
    flags = np.zeros(type_.size, np.int64)
    flags[rows] = sections.flags[home]
    here = np.zeros(type_.size, np.bool_)
    here[special] = (kind[special] == SymbolKind.DEFINED) | (kind[special] == SymbolKind.ABSOLUTE)
    wrong = here & (type_ == SymbolType.TLS) & (flags & elf.SHF_TLS == 0)
    reporter.check(wrong, "is thread-local, but does not lie in a thread-local section")
    wrong = here & (type_ == SymbolType.IFUNC) & (flags & (elf.SHF_EXECINSTR | elf.SHF_TLS) != elf.SHF_EXECINSTR)
    reporter.check(wrong, "is an indirect function, but does not lie in code")


def _check_lengths(lengths: I64, owner: I32, tables: _Tables, reporter: _Reporter) -> None:
    """Refuse names that overlap so much that a small file stands for any amount of text."""
    if int(lengths.sum()) <= NAME_SHARING * int(tables.string_size.sum()):
        return
    total = np.bincount(owner, lengths, len(reporter.sections.files))[tables.object]
    bad = total > NAME_SHARING * tables.string_size
    reporter.sections.check(bad, tables.rows, "the names of its symbols overlap")


def _texts(buffer: U8, text: I64, owner: I32, tables: _Tables, reporter: _Reporter) -> list[bytes]:
    """The NUL-terminated names at `text`. String tables end in NUL, so a terminator is always there."""
    if tables.rows.size == 0:
        return []
    spans = zip(tables.strings.tolist(), tables.string_size.tolist(), strict=True)
    joined = np.concatenate([buffer[start : start + size] for start, size in spans])
    table = tables.object.searchsorted(owner)
    at = text - (tables.strings - (tables.string_size.cumsum() - tables.string_size))[table]
    terminators = true_rows(joined == 0)
    stop = terminators[terminators.searchsorted(at)]
    _check_lengths(stop - at, owner, tables, reporter)
    strings = joined.tobytes()
    return [strings[a:b] for a, b in zip(at.tolist(), stop.tolist(), strict=True)]


@dataclass(eq=False, repr=False)
class ReadGroups:
    """COMDAT groups while an object is being read: signature symbols are not named yet."""

    sections: Sections
    rows: I64
    object: I32
    symbol: I64
    name: I32

    def intern(
        self,
        symbols: Symbols,
        symbol_start: I64,
        blocks: Blocks,
        block_of_section: I32,
        arena: Arena,
        names: Names,
    ) -> None:
        """Name each group by its signature symbol, a local one (or a section symbol) included."""
        if self.rows.size == 0:
            return
        starts, ends = symbol_start[self.object], symbol_start[self.object + 1]
        missing = (self.symbol >= ends - starts) | (self.symbol == 0)
        self.sections.check(missing, self.rows, "signature symbol does not exist")
        row = starts + self.symbol
        self.name = symbols.name[row]
        room = NAME_SHARING * self.sections.buffer.size
        for group in true_rows(self.name < 0).tolist():
            symbol = int(row[group])
            text = arena.string_at(int(symbols.text[symbol]))
            if symbols.type[symbol] == SymbolType.SECTION and symbols.block[symbol] >= 0:
                text = arena.string_at(int(blocks.text[symbols.block[symbol]]))
            room -= len(text)
            self.sections.check(np.array([room < 0]), self.rows[group : group + 1], "signatures overlap")
            self.name[group] = names[text]

    def table(self) -> Groups:
        """The finished table."""
        return Groups(self.name, self.object)


def read_groups(sections: Sections, buffer: U8) -> tuple[ReadGroups, I32]:
    """COMDAT groups, and the group of every section row (-1 for none). gABI, "Section Groups"."""
    rows = true_rows(sections.type == elf.SHT_GROUP)
    group_of_section = np.full(sections.type.size, NONE, np.int32)
    if rows.size == 0:
        none = np.empty(0, np.int32)
        return ReadGroups(sections, rows, none, rows, none), group_of_section
    size = sections.size[rows]
    sections.check((size < 4) | (size % 4 != 0), rows, "size is not a whole number of words")
    flags = windows(buffer, "<u4")[sections.start[rows]]
    rows = rows[flags & elf.GRP_COMDAT != 0]
    owner = sections.object[rows]
    sections.check(sections.link[rows] != sections.symtab[owner], rows, "does not use the object's symbol table")
    count = sections.size[rows] // 4 - 1
    position = ranges(sections.start[rows] + 4, 4 * count)[::4]
    member = windows(buffer, "<u4")[position].astype(np.int64)
    group = np.arange(rows.size, dtype=np.int32).repeat(count)
    sections.check(
        (member >= sections.counts[owner[group]]) | (member == 0),
        rows[group],
        "member section does not exist",
    )
    section = sections.base[owner[group]] + member
    sections.check(sections.type[section] == elf.SHT_GROUP, rows[group], "a member is a section group itself")
    group_of_section[section] = group
    sections.check(group_of_section[section] != group, rows[group], "a member is in two groups")
    groups = ReadGroups(sections, rows, owner, sections.info[rows], np.empty(0, np.int32))
    return groups, group_of_section
