"""Section header tables of many objects as columns, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats import elf_constants as elf
from uruk.graph.types import I32, I64, NONE, U8, AnyArray, Bool, true_rows, windows

MAX_SIZE = 1 << 40
MAX_ALIGN = 1 << 21


class SpanLike(Protocol):
    """File name, first byte and size of one object in the buffer."""

    @property
    def file(self) -> str:
        """The input's name."""
        ...

    @property
    def start(self) -> int:
        """Offset of its first byte."""
        ...

    @property
    def size(self) -> int:
        """Its size in bytes."""
        ...


@dataclass(eq=False, repr=False)
class Sections:
    """All section headers of all objects, one row each; objects one after the other."""

    buffer: U8
    files: list[str]
    base: I64
    """First row of each object."""
    counts: I64
    table: I64
    """Where each object's header table begins in the buffer."""
    origin: I64
    """Where each object begins in the buffer."""
    object: I32
    type: I64
    flags: I64
    start: I64
    """Where the content begins in the buffer."""
    size: I64
    link: I64
    info: I64
    align: I64
    entsize: I64
    text: I64
    """Where the name begins in the buffer."""
    loaded: I64
    """Rows of the sections that become blocks."""
    symtab: I64
    """Section index of each object's symbol table; -1 if it has none."""

    def index(self, row: int) -> int:
        """The section index within its object."""
        return row - int(self.base[self.object[row]])

    def name(self, row: int) -> str:
        """The section's name, for errors; empty before names are known."""
        at = int(self.text[row])
        data = self.buffer[at : at + 256].tobytes() if at >= 0 else b""
        return data.split(b"\0", 1)[0].decode("utf-8", "replace")

    def check(self, bad: Bool, rows: I64, problem: str) -> None:
        """Raise ObjectFormatError for the first of `rows` that is `bad`."""
        if np.count_nonzero(bad):
            row = int(rows[int(np.argmax(bad))])
            owner = int(self.object[row])
            index = self.index(row)
            offset = int(self.table[owner] - self.origin[owner]) + index * 64
            name = self.name(row)
            structure = f"section {index} `{name}'" if name else f"section {index}"
            raise ObjectFormatError(self.files[owner], structure, problem, offset)

    def name_words(self, rows: I64) -> tuple[I64, I64]:
        """The first 16 bytes of each name as two little-endian words (what follows the NUL is arbitrary)."""
        pairs = windows(self.buffer, np.dtype("V16"))[self.text[rows]].view(np.int64).reshape(-1, 2)
        return _cut_at_nul(pairs[:, 0]), pairs[:, 1]


def _cut_at_nul(words: I64) -> I64:
    """Clear the bytes behind the first NUL of each word, so that short names compare equal."""
    columns = np.ascontiguousarray(words).view(np.uint8).reshape(-1, 8)
    alive = np.logical_and.accumulate(columns != 0, axis=1)
    return (columns * alive).view(np.int64).ravel()


def read_sections(buffer: U8, spans: Sequence[SpanLike], headers: Sequence[tuple[int, int, int]]) -> Sections:
    """Gather the header tables at (start, count, index of the name table), one a span, and check every row."""
    table = np.array([start for start, _, _ in headers], np.int64)
    counts = np.array([count for _, count, _ in headers], np.int64)
    raw = np.concatenate([buffer[start : start + count * 64] for start, count, _ in headers]).view(elf.SECTION_HEADER)
    owner = np.repeat(np.arange(len(spans), dtype=np.int32), counts)
    base = counts.cumsum() - counts
    origin = np.array([span.start for span in spans], np.int64)
    extent = np.array([span.size for span in spans], np.int64)
    files = [span.file for span in spans]
    kind = raw["type"].astype(np.int64)
    flags = raw["flags"].astype(np.int64)
    offset, size, align = (_clamped(raw[field]) for field in ("offset", "size", "align"))
    sections = Sections(
        buffer, files, base, counts, table, origin, owner, kind, flags, offset + origin[owner], size,
        raw["link"].astype(np.int64), raw["info"].astype(np.int64), align, raw["entsize"].astype(np.int64),
        np.full(kind.size, NONE, np.int64), np.empty(0, np.int64), np.full(len(spans), NONE, np.int64),
    )  # fmt: skip
    rows = np.arange(kind.size)
    stored = (kind != elf.SHT_NOBITS) & (kind != 0)
    available = extent[owner]
    sections.check(stored & ((offset > available) | (size > available - offset)), rows, "lies outside the file")
    _check_overlap(sections, np.where(stored, size, 0), extent)
    _locate_names(sections, raw["name"], np.array([index for _, _, index in headers], np.int64))
    sections.check((kind != 0) & (align & (align - 1) != 0), rows, "alignment is not a power of two")
    loaded = (flags & (elf.SHF_ALLOC | elf.SHF_EXCLUDE) == elf.SHF_ALLOC) & (kind != 0) & (kind != elf.SHT_GROUP)
    sections.loaded = true_rows(loaded)
    sections.check(flags[loaded] & elf.SHF_COMPRESSED != 0, sections.loaded, "is loaded, yet compressed")
    sections.check(size[loaded] >= MAX_SIZE, sections.loaded, f"{MAX_SIZE:#x} bytes or more cannot be loaded")
    sections.check(align[loaded] > MAX_ALIGN, sections.loaded, f"alignment over {MAX_ALIGN:#x} is not supported")
    _find_symtabs(sections)
    return sections


def _check_overlap(sections: Sections, stored: I64, extent: I64) -> None:
    """Refuse tables laid over each other, from which a small file could ask for any amount of work.

    In a sound object the stored sections together are no larger than the file; twice that is let pass.
    """
    total = np.add.reduceat(stored, sections.base)
    bad = true_rows(total > 2 * extent)
    if bad.size:
        owner = int(bad[0])
        problem = f"sections overlap: {int(total[owner]):#x} bytes in a file of {int(extent[owner]):#x}"
        offset = int(sections.table[owner] - sections.origin[owner])
        raise ObjectFormatError(sections.files[owner], "section header table", problem, offset)


def _clamped(column: AnyArray) -> I64:
    """uint64 as int64, with everything that does not fit at the largest value; the bounds checks refuse those."""
    return np.minimum(column, np.uint64((1 << 62) - 1)).astype(np.int64)


def _locate_names(sections: Sections, name: AnyArray, table_index: I64) -> None:
    """Where each section's name begins; the name table must hold it, and end in NUL."""
    names = sections.base + table_index
    sections.check(sections.type[names] != elf.SHT_STRTAB, names, "is no string table, but e_shstrndx names it")
    sections.check(sections.size[names] == 0, names, "the section name table is empty")
    last = sections.start[names] + sections.size[names] - 1
    sections.check(sections.buffer[last] != 0, names, "the section name table does not end in NUL")
    outside = name >= sections.size[names].repeat(sections.counts)
    sections.check(outside, np.arange(name.size), "name outside its table")
    sections.text = sections.start[names].repeat(sections.counts) + name


def _find_symtabs(sections: Sections) -> None:
    """The symbol table of each object: at most one (gABI, "Sections")."""
    rows = true_rows(sections.type == elf.SHT_SYMTAB)
    owner = sections.object[rows]
    repeated = np.zeros(rows.size, np.bool_)
    repeated[1:] = owner[1:] == owner[:-1]
    sections.check(repeated, rows, "is a second symbol table")
    sections.symtab[owner] = rows - sections.base[owner]
