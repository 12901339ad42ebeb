"""Section header tables of many objects as columns, checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.elf import constants as elf
from uruk.formats.gather import join
from uruk.formats.interface import Span
from uruk.formats.row_checks import CheckedRows
from uruk.graph.types import I32, I64, NO_ROWS, NONE, U8, Bool, count_true, filled, true_rows, windows
from uruk.records import record

MAX_SIZE = 1 << 40
MAX_ALIGN = 1 << 21


@record
class Sections(CheckedRows):
    """All section headers of all objects, one row each; objects one after the other."""

    buffer: U8
    files: list[str]
    base: I64
    """First row of each object."""
    counts: I64
    table: I64
    """The place where each object's header table begins in the buffer."""
    origin: I64
    """The place where each object begins in the buffer."""
    object: I32
    type: I64
    flags: I64
    start: I64
    """The place where the content begins in the buffer."""
    size: I64
    link: I64
    info: I64
    align: I64
    entsize: I64
    text: I64
    """The place where the name begins in the buffer."""
    loaded: I64
    """Rows of the sections that become blocks."""
    symtab: I64
    """Section index of each object's symbol table; -1 if it has none."""

    def index(self, row: int) -> int:
        """Return the section index within its object."""
        return row - int(self.base[self.object[row]])

    def name(self, row: int) -> str:
        """Return the section's name, for errors; empty before names are known."""
        # An error shows the beginning of a long name: a hostile one may have megabytes.
        at = int(self.text[row])
        data = self.buffer[at : at + 256].tobytes() if at >= 0 else b""
        return data.split(b"\0", 1)[0].decode("utf-8", "replace")

    def check_texts(self, tables: I64, title: str) -> None:
        """Raise ObjectFormatError for a string table that is empty or does not end in NUL; errors call it `title`."""
        size = self.size[tables]
        # A NUL at the end ends every name in the table, so that no search for one leaves it. Of an empty table this is
        # the byte before its start, or the buffer's last one: some byte, which decides nothing.
        last = self.buffer[self.start[tables] + size - 1]
        # Of sound tables all last bytes are 0 and all sizes are not: two counts, and no masks are made.
        if count_true(last) or count_true(size) < size.size:
            self.check(tables, (size == 0, f"the {title} is empty"), (last != 0, f"the {title} does not end in NUL"))

    def error(self, row: int, problem: str) -> ObjectFormatError:
        """See `CheckedRows.error`."""
        owner = int(self.object[row])
        # Offsets in errors count from the object's first byte, not from the arena's.
        index = self.index(row)
        offset = int(self.table[owner] - self.origin[owner]) + index * 64
        name = self.name(row)
        structure = f"section {index} `{name}'" if name else f"section {index}"
        return ObjectFormatError(self.files[owner], structure, problem, offset)

    def name_words(self, rows: I64) -> tuple[I64, I64]:
        """Return the first 16 bytes of each name as two little-endian words; bytes behind the NUL are arbitrary."""
        # The arena keeps INPUT_TAIL bytes behind the last object, so that 16 bytes can be read at the end of a table.
        pairs = windows(self.buffer, _PAIR)[self.text[rows]].view(np.int64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]


_PAIR = np.dtype("V16")


def read_sections(buffer: U8, spans: Sequence[Span], headers: Sequence[tuple[int, int, int]]) -> Sections:
    """Gather the header tables at (start, count, index of the name table), one a span, and check every row."""
    sections, offset, name = _gather(buffer, spans, headers)
    rows: I64 = np.arange(sections.type.size)
    extent = np.array([span.size for span in spans], np.int64)
    # The other members of a header of type SHT_NULL are undefined; those of the first one hold counts (gABI, e_shnum).
    used = sections.type != 0
    _check_extents(sections, rows, used, offset, extent)
    _locate_names(sections, rows, name, np.array([names for _, _, names in headers], np.int64))
    _select_loaded(sections, rows, used)
    _find_symtabs(sections)
    return sections


def _gather(buffer: U8, spans: Sequence[Span], headers: Sequence[tuple[int, int, int]]) -> tuple[Sections, I64, I64]:
    """Return the header tables as columns, unchecked; sh_offset and sh_name of every row."""
    table, counts, _ = np.array(headers, np.int64).T
    # A header is 8 words or 16 half words (gABI, "Section Header"): name and type, flags, address, offset, size, link
    # and info, alignment, size of entries. Two views read all columns; a record type would read one a call.
    raw = join([buffer[start : start + count * 64] for start, count, _ in headers])
    words = raw.view(np.uint64).reshape(-1, 8).T
    # Every number is cut to 2^62 - 1, so that two can be added in int64. "C": `words` is transposed, and only columns
    # whose rows are contiguous can be viewed as another type.
    offset, size, _, align, entsize = np.minimum(words[3:], LARGEST, order="C").view(np.int64)
    flags = words[1].astype(np.int64)
    halves = raw.view(np.uint32).reshape(-1, 16).T
    kind: I64
    name, kind, link, info = (halves[field].astype(np.int64) for field in (0, 1, 10, 11))
    # sh_offset counts from the object's first byte; `start` is a place in the buffer.
    origin = np.array([span.start for span in spans], np.int64)
    # The object of each row.
    owner = np.arange(len(spans), dtype=np.int32).repeat(counts)
    sections = Sections(
        buffer, [span.file for span in spans], counts.cumsum() - counts, counts, table, origin, owner, kind, flags,
        offset + origin.repeat(counts), size, link, info, align, entsize,
        filled(kind.size, NONE, np.int64), NO_ROWS, filled(len(spans), NONE, np.int64),
    )  # fmt: skip
    return sections, offset, name


def _check_extents(sections: Sections, rows: I64, used: Bool, offset: I64, extent: I64) -> None:
    """Refuse sections that lie outside their file, or over each other."""
    size = sections.size
    stored = used & (sections.type != elf.SHT_NOBITS)
    available = extent.repeat(sections.counts)
    outside = stored & ((offset > available) | (size > available - offset))
    sections.check(rows, (outside, "lies outside the file"))
    _check_overlap(sections, size * stored, extent)


def _select_loaded(sections: Sections, rows: I64, used: Bool) -> None:
    """Find the sections that become blocks; refuse those that cannot."""
    kind, flags, size, align = sections.type, sections.flags, sections.size, sections.align
    sections.check(rows, (used & (align & (align - 1) != 0), "alignment is not a power of two"))
    # SHF_EXCLUDE is for linkers (GNU, LLVM's .llvmbc): what has it is in no output, whatever SHF_ALLOC says.
    allocated = flags & (elf.SHF_ALLOC | elf.SHF_EXCLUDE) == elf.SHF_ALLOC
    # SHT_GROUP sections are for linkers, whatever flags they have.
    sections.loaded = loaded = true_rows(allocated & used & (kind != elf.SHT_GROUP))
    sections.check(
        loaded,
        (flags[loaded] & elf.SHF_COMPRESSED != 0, "is loaded, yet compressed"),
        (size[loaded] >= MAX_SIZE, f"{MAX_SIZE:#x} bytes or more cannot be loaded"),
        (align[loaded] > MAX_ALIGN, f"alignment over {MAX_ALIGN:#x} is not supported"),
    )


LARGEST = np.uint64((1 << 62) - 1)
"""Stands for every larger number, so that sums fit int64; no file is that large, so that a bounds check refuses it."""


def _check_overlap(sections: Sections, stored: I64, extent: I64) -> None:
    """Refuse sections that are laid over each other, by which a small file could ask for any amount of work."""
    # The stored sections of a sound object are together no larger than its file; twice that is let pass. Every size is
    # the file's at most by now, so that sums do not overflow. For an object without headers reduceat would give a row
    # of the next one: `read_header` has refused it.
    total = np.add.reduceat(stored, sections.base)
    bad = true_rows(total > 2 * extent)
    if bad.size:
        owner = int(bad[0])
        problem = f"sections overlap: {int(total[owner]):#x} bytes in a file of {int(extent[owner]):#x}"
        offset = int(sections.table[owner] - sections.origin[owner])
        raise ObjectFormatError(sections.files[owner], "section header table", problem, offset)


def _locate_names(sections: Sections, rows: I64, name: I64, table_index: I64) -> None:
    """Find where each section's name begins, which its object's name table must hold."""
    tables = sections.base + table_index
    sections.check(tables, (sections.type[tables] != elf.SHT_STRTAB, "is not a string table, but e_shstrndx names it"))
    start, size = sections.start[tables], sections.size[tables]
    sections.check_texts(tables, "section name table")
    # With the NUL at the table's end, every name that begins in the table ends there.
    sections.check(rows, (name >= size.repeat(sections.counts), "name outside its table"))
    sections.text = start.repeat(sections.counts) + name


def _find_symtabs(sections: Sections) -> None:
    """Find the symbol table of each object, which has one at most (gABI, "Sections")."""
    rows = true_rows(sections.type == elf.SHT_SYMTAB)
    owner = sections.object[rows].astype(np.int64)
    # Rows are ordered by object: a second table follows the first one.
    sections.check(rows[1:], (owner[1:] == owner[:-1], "is a second symbol table"))
    sections.symtab[owner] = rows - sections.base[owner]
