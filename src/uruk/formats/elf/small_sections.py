"""The section headers of one small object, read row by row; see `uruk.formats.elf.small_reader`."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from uruk.formats.elf import constants as elf
from uruk.formats.elf.linkonce import named_linkonce
from uruk.formats.elf.section_roles import WX, classify
from uruk.formats.elf.sections import MAX_ALIGN, MAX_SIZE
from uruk.graph.graph import HOLDS_FUNCTIONS, Zone
from uruk.graph.rows import BlockRow
from uruk.graph.types import NONE
from uruk.named_tuples import NamedTuple

SectionRow = tuple[int, int, int, int, int, int, int, int, int, int]
"""A section header: name, type, flags, address, offset, size, link, info, alignment, size of entries."""
SECTION = struct.Struct("<IIQQQQIIQQ")
"""Elf64_Shdr."""

_NULL, _NOTE, _LLVM_ADDRSIG, _X86_64_UNWIND = 0, 7, 0x6FFF4C03, 0x70000001
# A section of another type may have a meaning that the columns know, or refuse.
_PLAIN_TYPES = frozenset(
    {
        _NULL, elf.SHT_PROGBITS, elf.SHT_SYMTAB, elf.SHT_GROUP, elf.SHT_STRTAB, elf.SHT_RELA, _NOTE, elf.SHT_NOBITS,
        elf.SHT_INIT_ARRAY, elf.SHT_FINI_ARRAY, elf.SHT_PREINIT_ARRAY, _LLVM_ADDRSIG, _X86_64_UNWIND,
    }
)  # fmt: skip


class _Class(NamedTuple):
    """The zone and role of a loaded section, by its flags, type and name."""

    zone: int
    role: int
    whole_pointers: bool
    """True if its size must be a multiple of 8."""
    needs_columns: bool
    """True if only the columns read it, or refuse it."""


@lru_cache(maxsize=1024)
def _class_of(flags: int, kind: int, head: bytes) -> _Class:
    """Classify a section by the columns' own rules; `head` is its name, or the first 16 bytes of that."""
    # Objects of one compiler have few different sections, so that the cache nearly always has the answer: the small
    # columns that are made here cost more than all else that is done for a section.
    first, second = np.frombuffer(head.ljust(16, b"\0"), np.int64).reshape(2, 1)
    zone, role = (int(column[0]) for column in classify(np.array([flags]), np.array([kind]), (first, second)))
    needs_columns = bool(flags & elf.SHF_COMPRESSED) or head in (b".init", b".fini")
    needs_columns |= flags & WX == WX and zone == Zone.RX
    needs_columns |= bool(named_linkonce(first, second)[0])
    return _Class(zone, role, bool(HOLDS_FUNCTIONS[role]), needs_columns)


_BYTES, _LOADED, _SYMBOLS, _GROUP, _LINKED = 1, 2, 4, 8, 16
"""Bits of `_sort_of`: the section has bytes in the file; it is loaded; it is a symbol table, or a group; it is a table
of relocations, or of an unknown type that may refer to others as those do."""
_SPECIAL = _SYMBOLS | _GROUP | _LINKED
_LEFT = -1


@lru_cache(maxsize=1024)
def _sort_of(kind: int, flags: int, align: int) -> int:
    """Return the kind of section that a header describes, as bits; _LEFT for one that is left to the columns."""
    # A power of two shares no bit with the number below it, and 0 none with any: it means 1 (gABI, "sh_addralign").
    if kind not in _PLAIN_TYPES or flags >> 32 or align & (align - 1) or align > MAX_ALIGN:
        return _LEFT
    # Such a `.note.GNU-stack` marks trampolines, which the columns record.
    if flags & (elf.SHF_ALLOC | elf.SHF_EXECINSTR) == elf.SHF_EXECINSTR:
        return _LEFT
    sort = 0 if kind in (_NULL, elf.SHT_NOBITS) else _BYTES
    # SHF_EXCLUDE: linkers leave the section out, whatever SHF_ALLOC says.
    if flags & (elf.SHF_ALLOC | elf.SHF_EXCLUDE) == elf.SHF_ALLOC and kind not in (_NULL, elf.SHT_GROUP):
        sort |= _LOADED
    if kind == elf.SHT_RELA or kind > elf.SHT_SYMTAB_SHNDX:
        sort |= _LINKED
    return sort | {elf.SHT_SYMTAB: _SYMBOLS, elf.SHT_GROUP: _GROUP}.get(kind, 0)


def string_table(buffer: memoryview, begin: int, extent: int, sections: Sequence[SectionRow], index: int) -> bytes:
    """Return the content of a string table; empty if the section is none, or does not end in NUL."""
    if index >= len(sections) or sections[index][1] != elf.SHT_STRTAB:
        return b""
    _, _, _, _, offset, size, _, _, _, _ = sections[index]
    if offset + size > extent:
        return b""
    strings = buffer[begin + offset : begin + offset + size].tobytes()
    return strings if strings.endswith(b"\0") else b""


def read_sections(
    sections: Sequence[SectionRow], strings: bytes, begin: int, extent: int, names_at: int
) -> tuple[list[BlockRow], list[int], list[int], list[int], list[int]] | None:
    """Make a block for each loaded section of an object of `extent` bytes, which begins in its buffer at `begin`.

    `strings` are the sections' names, and begin at `names_at`. Also returns the block of every section, -1 if it is not
    loaded; and the indexes of symbol tables, of groups, and of what may be relocations. Returns None unless all section
    headers are of types that are read here, and none is malformed.
    """
    block_of: list[int] = []
    rows: list[BlockRow] = []
    symtabs: list[int] = []
    groups: list[int] = []
    linked: list[int] = []
    total, room = 0, len(strings)
    for name, kind, flags, _, offset, size, _, _, align, _ in sections:
        sort = _sort_of(kind, flags, align)
        if sort == _LEFT or size >= MAX_SIZE or name >= room:
            return None
        if sort & _BYTES:
            # Python's numbers do not overflow, whatever a hostile header says.
            if offset + size > extent:
                return None
            total += size
        if sort & _SPECIAL:
            (linked if sort & _LINKED else symtabs if sort & _SYMBOLS else groups).append(len(block_of))
        if not sort & _LOADED:
            block_of.append(NONE)
            continue
        # What follows a name in the table must not be part of the key.
        head = strings[name : name + 16].partition(b"\0")[0]
        zone, role, whole_pointers, needs_columns = _class_of(flags, kind, head)
        if needs_columns or (whole_pointers and size & 7):
            return None
        block_of.append(len(rows))
        # Zero-fill has no bytes in the file: its sh_offset means nothing.
        rows.append((names_at + name, begin + offset if sort & _BYTES else NONE, size, align or 1, zone, role))
    # The columns' bound: sections may overlap, but not without end.
    return (rows, block_of, symtabs, groups, linked) if total <= 2 * extent else None
