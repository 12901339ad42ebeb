"""Symbol tables and section groups of many objects as columns, checked."""

from __future__ import annotations

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.elf import constants as elf
from uruk.formats.elf.sections import LARGEST, MAX_ALIGN, MAX_SIZE, Sections
from uruk.formats.gather import NAME_SHARING, gather_runs
from uruk.graph.arena import Arena
from uruk.graph.graph import Binding, Blocks, Groups, SymbolKind, Symbols, SymbolType, first_wins
from uruk.graph.names import Names
from uruk.graph.types import I32, I64, NONE, U8, AnyArray, Bool, count_true, filled, ranges, true_rows, windows
from uruk.records import record


@record
class _Tables:
    """The symbol tables: one row an object that has one, with the place and size of its string table."""

    rows: I64
    object: I64
    strings: I64
    string_size: I64
    count: I64


def read_symbols(sections: Sections, buffer: U8, block_of_section: I32, names: Names) -> tuple[Symbols, I64]:
    """Return all symbol rows of all objects, and the first row of each object (one more at the end)."""
    tables = _find_tables(sections)
    raw = gather_runs(buffer, sections.start[tables.rows], sections.size[tables.rows]).view(elf.SYMBOL)
    counts = np.zeros(len(sections.files) + 1, np.int64)
    # One row more than objects, and shifted by one, for the running sums.
    counts[tables.object + 1] = tables.count
    # `counts` has a 0 in front: the running sums are the first row of each object, and the end.
    start = np.add.accumulate(counts)
    owner = tables.object.repeat(tables.count)
    # Errors are made from row numbers, once something is wrong; sound objects pay for masks only.
    reporter = _Reporter(sections, start, owner)
    # A member of a record column lies 24 bytes apart; `take` wants its indexes side by side.
    offset, info = raw["name"].astype(np.int64), np.ascontiguousarray(raw["info"])
    reporter.check(
        (offset >= tables.string_size.repeat(tables.count), "name outside the string table"),
        (UNKNOWN_BINDING.take(info), "unknown binding"),
        (UNKNOWN_TYPE.take(info), "unknown type"),
    )
    # From an offset in the string table to a place in the arena.
    text = tables.strings.repeat(tables.count) + offset
    section = _section_indexes(sections, buffer, raw["section"], start, owner, reporter)
    # ELF64_ST_BIND and ELF64_ST_TYPE (gABI, "Symbol Table").
    binding: U8 = info >> np.uint8(4)
    type_: U8 = info & np.uint8(15)
    kind, block, value, size = _place(sections, raw, section, type_, owner, block_of_section, reporter)
    external = true_rows(binding != Binding.LOCAL)
    # Row 0 of a table stands for no symbol, whatever a hostile file writes there.
    external = external[external != start[owner[external]]]
    name = filled(raw.size, NONE, np.int32)
    texts, versions = _texts(buffer, text[external], owner[external], tables, reporter)
    name[external] = names.intern(texts)
    symbols = Symbols(name, text, block, value, size, kind, binding, type_, raw["other"] & np.uint8(3))
    if versions:
        from uruk.formats.elf.versions import with_versions  # seldom needed

        return with_versions(symbols, start, external, texts, names)
    return symbols, start


# A bit for each number that gABI or GNU defines: bindings 0 to 2 and 10 (STB_GNU_UNIQUE), types 0 to 6 and 10
# (STT_GNU_IFUNC). The columns are indexed with all of st_info, so that a check is one `take`.
_INFO = np.arange(256)
UNKNOWN_BINDING = (1 << (_INFO >> 4)) & 0b100_0000_0111 == 0
"""True for each st_info whose upper half is not a Binding."""
UNKNOWN_TYPE = (1 << (_INFO & 15)) & 0b100_0111_1111 == 0
"""True for each st_info whose lower half is not a SymbolType."""


@record
class _Reporter:
    """Makes the error for the first bad row of the symbols; `start` has the first row of each object."""

    sections: Sections
    start: I64
    owner: I64

    def check(self, *checks: tuple[Bool, str], rows: I64 | None = None) -> None:
        """Raise ObjectFormatError for the first bad row; a check is (which are bad, problem)."""
        for bad, problem in checks:
            if count_true(bad):
                first = int(np.argmax(bad))
                raise self._error(first if rows is None else int(rows[first]), problem)

    def _error(self, row: int, problem: str) -> ObjectFormatError:
        owner = int(self.owner[row])
        index = row - int(self.start[owner])
        table = int(self.sections.base[owner] + self.sections.symtab[owner])
        offset = int(self.sections.start[table] - self.sections.origin[owner]) + 24 * index
        return ObjectFormatError(self.sections.files[owner], f"symbol {index}", problem, offset)


def _find_tables(sections: Sections) -> _Tables:
    owner = true_rows(sections.symtab >= 0)
    rows = sections.base[owner] + sections.symtab[owner]
    link = sections.link[rows]
    count, rest = np.divmod(sections.size[rows], 24)
    sections.check(
        rows,
        (sections.entsize[rows] != 24, "symbol entries are not 24 bytes"),
        (rest != 0, "size is not a multiple of its entries"),
        (link >= sections.counts[owner], "its string table does not exist"),
    )
    strings = sections.base[owner] + link
    wrong = sections.type[strings] != elf.SHT_STRTAB
    sections.check(strings, (wrong, "is not a string table, but the symbol table uses it"))
    start, size = sections.start[strings], sections.size[strings]
    sections.check_texts(strings, "string table")
    return _Tables(rows, owner, start, size, count)


def _section_indexes(
    sections: Sections, buffer: U8, short: AnyArray, start: I64, owner: I64, reporter: _Reporter
) -> I64:
    """Return the section index of every symbol; for SHN_XINDEX the one in SHT_SYMTAB_SHNDX (gABI, "Symbol Table")."""
    section = short.astype(np.int64)
    extended = short == elf.SHN_XINDEX
    if not count_true(extended):
        return section
    tables = true_rows(sections.type == elf.SHT_SYMTAB_SHNDX)
    # Rows are ordered by object: a second table follows the first one.
    repeated = sections.object[tables[1:]] == sections.object[tables[:-1]]
    sections.check(tables[1:], (repeated, "is a second table of extended section indexes"))
    # One table an object of more than 65,279 sections: a loop over files.
    for row in tables.tolist():
        file = int(sections.object[row])
        count = int(start[file + 1] - start[file])
        table = np.array([row])
        sections.check(
            table,
            (sections.link[table] != sections.symtab[file], "does not belong to the symbol table"),
            (sections.size[table] != 4 * count, "size does not match the symbol table"),
        )
        # The table has a word for each symbol, in the order of the symbol table.
        begin = int(sections.start[row])
        # A copy: the table may begin at an odd offset, and is read once.
        indexes = np.frombuffer(buffer[begin : begin + 4 * count].tobytes(), np.uint32)
        rows = true_rows(extended[start[file] : start[file + 1]])
        section[start[file] + rows] = indexes[rows]
        # What is left in the end belongs to objects without such a table.
        extended[start[file] + rows] = False
    reporter.check((extended, "has an extended section index, but the object has no table of them"))
    return section


_KIND_OF_INDEX = np.full(1 << 16, SymbolKind.DEFINED, np.uint8)
"""The kind by st_shndx. Extended indexes and those of sections mean a definition."""
_KIND_OF_INDEX[[elf.SHN_UNDEF, elf.SHN_ABS]] = SymbolKind.UNDEFINED, SymbolKind.ABSOLUTE
_KIND_OF_INDEX[[elf.SHN_COMMON, elf.SHN_X86_64_LCOMMON]] = SymbolKind.COMMON


def _place(
    sections: Sections, raw: AnyArray, section: I64, type_: U8, owner: I64, block_of_section: I32, reporter: _Reporter
) -> tuple[U8, I32, AnyArray, I64]:
    """Return the kind, block, value and size of every symbol."""
    short = raw["section"]
    kind = _KIND_OF_INDEX.take(short)
    rows = true_rows(kind == SymbolKind.DEFINED)
    home, owner = section[rows], owner[rows]
    reporter.check((home >= sections.counts[owner], "is defined in a section that does not exist"), rows=rows)
    # With fewer sections in all, a reserved index is past every object's sections, which was refused just now.
    if sections.type.size > elf.SHN_LORESERVE:
        reserved = (short[rows] >= elf.SHN_LORESERVE) & (short[rows] != elf.SHN_XINDEX)
        reporter.check((reserved, "has a section index that is reserved"), rows=rows)
    # From an index in the object to a row of all sections. In place: `home` is a copy.
    home += sections.base[owner]
    block_of_row = block_of_section[home]
    block = filled(raw.size, NONE, np.int32)
    block[rows] = block_of_row
    kept = block_of_row >= 0
    # Their section is not loaded: debug information, notes.
    kind[rows[~kept]] = SymbolKind.DROPPED
    rows, home = rows[kept], home[kept]
    value, size = np.ascontiguousarray(raw["value"]), np.minimum(raw["size"], LARGEST).view(np.int64)
    # A symbol may mark the end of its section. The comparison is unsigned: st_value may be 2^63 or more.
    reporter.check((value[rows] > sections.size[home].view(np.uint64), "lies outside its section"), rows=rows)
    _check_homes(sections, type_, kind, rows, home, reporter)
    common = true_rows(kind == SymbolKind.COMMON)
    if common.size:
        # st_value of a common symbol is its alignment (gABI, SHN_COMMON).
        align = value[common]
        reporter.check(
            ((align == 0) | (align & (align - 1) != 0), "alignment is not a power of two"),
            (align > MAX_ALIGN, "alignment is too large"),
            (size[common] >= MAX_SIZE, "is too large"),
            rows=common,
        )
    return kind, block, value, size


def _check_homes(sections: Sections, type_: U8, kind: U8, rows: I64, home: I64, reporter: _Reporter) -> None:
    """Refuse thread-locals outside thread-local sections, and indirect functions outside code: links rely on both."""
    special = true_rows((type_ == SymbolType.TLS) | (type_ == SymbolType.IFUNC))
    if special.size == 0:
        return
    # Absolute symbols have no flags: neither kind may be one. Undefined and common ones are not looked at.
    flags = np.zeros(type_.size, np.int64)
    flags[rows] = sections.flags[home]
    located = np.zeros(type_.size, np.bool_)
    located[special] = (kind[special] == SymbolKind.DEFINED) | (kind[special] == SymbolKind.ABSOLUTE)
    thread_local = located & (type_ == SymbolType.TLS)
    indirect = located & (type_ == SymbolType.IFUNC)
    # An ifunc's resolver is called: SHF_TLS with SHF_EXECINSTR would be in an image, not in code.
    no_code = flags & (elf.SHF_EXECINSTR | elf.SHF_TLS) != elf.SHF_EXECINSTR
    reporter.check(
        (thread_local & (flags & elf.SHF_TLS == 0), "is thread-local, but does not lie in a thread-local section"),
        (indirect & no_code, "is an indirect function, but does not lie in code"),
    )


def _check_lengths(lengths: I64, owner: I64, tables: _Tables, reporter: _Reporter) -> None:
    """Refuse names that overlap so much that a small file stands for any amount of text."""
    # bincount adds as float64, which is exact up to 2^53: more than any file's names have.
    total = np.bincount(owner, lengths, len(reporter.sections.files))[tables.object]
    bad = total > NAME_SHARING * tables.string_size
    reporter.sections.check(tables.rows, (bad, "the names of its symbols overlap"))


def _texts(buffer: U8, text: I64, owner: I64, tables: _Tables, reporter: _Reporter) -> tuple[list[bytes], bool]:
    """Return the NUL-terminated names at `text`, and True if some may have a default version."""
    if tables.rows.size == 0:
        return [], False
    # All string tables end to end, so that one search finds the ends of all names.
    view = memoryview(buffer)
    spans = zip(tables.strings.tolist(), tables.string_size.tolist(), strict=True)
    strings = b"".join([view[start : start + size] for start, size in spans])
    joined = np.frombuffer(strings, np.uint8)
    table = tables.object.searchsorted(owner)
    # From a place in the arena to one in `joined`: the difference of where a table begins in either.
    at = text - (tables.strings - (np.add.accumulate(tables.string_size) - tables.string_size))[table]
    terminators = true_rows(joined == 0)
    # The first NUL at or behind each name. Tables end in one, so that there always is one, and in the same table.
    stop = terminators[terminators.searchsorted(at)]
    # One sum for all files is enough for sound ones; which one is at fault is looked for only then.
    if int((stop - at).sum()) > NAME_SHARING * joined.size:
        _check_lengths(stop - at, owner, tables, reporter)
    # One byte is found ten times as fast as two, and most tables have no version.
    versions = b"@" in strings and b"@@" in strings
    return [strings[a:b] for a, b in zip(at.tolist(), stop.tolist(), strict=True)], versions


@record
class ReadGroups:
    """COMDAT groups while objects are being read; `intern` names them once there are symbols."""

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
        """Name each group by its signature symbol, which may be a local one or that of a section."""
        if self.rows.size == 0:
            return
        starts, ends = symbol_start[self.object], symbol_start[self.object + 1]
        # sh_info of a group is the row of its signature symbol; row 0 is none.
        missing = (self.symbol >= ends - starts) | (self.symbol == 0)
        self.sections.check(self.rows, (missing, "signature symbol does not exist"))
        row = starts + self.symbol
        self.name = symbols.name[row]
        # Names of local symbols are not interned with the others, so that their bound is not checked there.
        room = NAME_SHARING * self.sections.buffer.size
        # Few groups have a local signature: a loop over them costs less than columns.
        for group in true_rows(self.name < 0).tolist():
            symbol = int(row[group])
            text = arena.string_at(int(symbols.text[symbol]))
            # A section symbol has no name of its own: GNU ld takes that of the section.
            if symbols.type[symbol] == SymbolType.SECTION and symbols.block[symbol] >= 0:
                text = arena.string_at(int(blocks.text[symbols.block[symbol]]))
            room -= len(text)
            self.sections.check(self.rows[group : group + 1], (np.array([room < 0]), "signatures overlap"))
            self.name[group] = names[text]

    def table(self) -> Groups:
        """Return the finished table."""
        return first_wins(self.name, self.object)


def read_groups(sections: Sections, buffer: U8) -> tuple[ReadGroups, I32]:
    """Return COMDAT groups, and the group of every section row, -1 for none (gABI, "Section Groups")."""
    rows = true_rows(sections.type == elf.SHT_GROUP)
    group_of_section = filled(sections.type.size, NONE, np.int32)
    if rows.size == 0:
        none = np.empty(0, np.int32)
        return ReadGroups(sections, rows, none, rows, none), group_of_section
    size = sections.size[rows]
    sections.check(rows, ((size < 4) | (size % 4 != 0), "size is not a whole number of words"))
    # The first word of a group has its flags; the others are indexes of sections. A group without GRP_COMDAT is kept or
    # dropped as a whole by linkers that remove sections: here nothing needs it.
    flags = windows(buffer, "<u4")[sections.start[rows]]
    rows = rows[flags & elf.GRP_COMDAT != 0]
    owner = sections.object[rows]
    foreign = sections.link[rows] != sections.symtab[owner]
    sections.check(rows, (foreign, "does not use the object's symbol table"))
    count = sections.size[rows] // 4 - 1
    # Every fourth byte of each group behind its flags: where its words begin, at any alignment.
    position = ranges(sections.start[rows] + 4, 4 * count)[::4]
    member = windows(buffer, "<u4")[position].astype(np.int64)
    group = np.arange(rows.size, dtype=np.int32).repeat(count)
    # Members are section indexes of the object; 0 is the null section.
    absent = (member >= sections.counts[owner[group]]) | (member == 0)
    sections.check(rows[group], (absent, "member section does not exist"))
    section = sections.base[owner[group]] + member
    # Of several groups with one member the last one is written: the others do not find their number there.
    group_of_section[section] = group
    sections.check(
        rows[group],
        (sections.type[section] == elf.SHT_GROUP, "a member is a section group itself"),
        (group_of_section[section] != group, "a member is in two groups"),
    )
    groups = ReadGroups(sections, rows, owner, sections.info[rows], np.empty(0, np.int32))
    return groups, group_of_section
