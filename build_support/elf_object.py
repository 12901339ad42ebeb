"""Read and write ELF64 little-endian relocatable objects, as far as splitting one needs (gABI chapter 4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_NOBITS = 1, 2, 3, 4, 8
SHF_MERGE, SHF_INFO_LINK = 0x10, 0x40
STB_LOCAL, STB_GLOBAL, STB_WEAK = 0, 1, 2
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELA = struct.Struct("<QQq")


@dataclass(frozen=True)
class Rela:
    """One relocation: `offset` in its section, `symbol` an index into the object's symbols."""

    offset: int
    kind: int
    symbol: int
    addend: int


@dataclass
class Section:
    """One section; `size` counts for SHT_NOBITS, whose `data` is empty."""

    name: str
    kind: int
    flags: int
    align: int
    entry_size: int
    size: int
    data: bytes
    relocations: list[Rela] = field(default_factory=list[Rela])


@dataclass(frozen=True)
class Symbol:
    """One symbol; `section` is 0 for an undefined one."""

    name: str
    info: int
    other: int
    section: int
    value: int
    size: int

    @property
    def binding(self) -> int:
        """STB_LOCAL, STB_GLOBAL or STB_WEAK."""
        return self.info >> 4


@dataclass
class ElfObject:
    """Sections by their index (tables of symbols, strings and relocations stay empty) and all symbols."""

    machine: int
    sections: list[Section]
    symbols: list[Symbol]


def _string(table: bytes, offset: int) -> str:
    return table[offset : table.index(b"\0", offset)].decode()


def read_object(data: bytes) -> ElfObject:
    """Parse an object that this build's own compiler wrote (no checks for hostile input)."""
    header = _HEADER.unpack_from(data)
    if data[:6] != b"\x7fELF\x02\x01" or header[1] != 1:
        raise ValueError("not an ELF64 little-endian relocatable object")
    rows = [_SECTION.unpack_from(data, header[6] + _SECTION.size * i) for i in range(header[12])]
    names = data[rows[header[13]][4] :]
    sections: list[Section] = []
    for row in rows:
        content = b"" if row[1] in (0, SHT_NOBITS) else data[row[4] : row[4] + row[5]]
        sections.append(Section(_string(names, row[0]), row[1], row[2], row[8], row[9], row[5], content))
    table = next(row for row in rows if row[1] == SHT_SYMTAB)
    strings = data[rows[table[6]][4] :]
    symbols = [
        Symbol(_string(strings, name), info, other, section, value, size)
        for name, info, other, section, value, size in _SYMBOL.iter_unpack(data[table[4] : table[4] + table[5]])
    ]
    for row, section in zip(rows, sections, strict=True):
        if row[1] == SHT_RELA:
            sections[row[7]].relocations = [
                Rela(offset, info & 0xFFFFFFFF, info >> 32, addend)
                for offset, info, addend in _RELA.iter_unpack(section.data)
            ]
    return ElfObject(header[2], sections, symbols)


# name, type, flags, alignment, entry size, size, data, link, info
_Row = tuple[str, int, int, int, int, int, bytes, int, int]


class _Strings:
    def __init__(self) -> None:
        self.data = bytearray(b"\0")

    def add(self, name: str) -> int:
        if not name:
            return 0
        offset = len(self.data)
        self.data += name.encode() + b"\0"
        return offset


def write_object(machine: int, sections: list[Section], symbols: list[Symbol]) -> bytes:
    """The bytes of an object; `sections` start at index 1, `symbols` at 1 with all local ones first."""
    strings = _Strings()
    first_global = 1 + sum(symbol.binding == STB_LOCAL for symbol in symbols)
    table = bytes(_SYMBOL.size) + b"".join(
        _SYMBOL.pack(strings.add(s.name), s.info, s.other, s.section, s.value, s.size) for s in symbols
    )
    related = [(i, s) for i, s in enumerate(sections, 1) if s.relocations]
    symtab = 1 + len(sections) + len(related)
    rows: list[_Row] = [(s.name, s.kind, s.flags, s.align, s.entry_size, s.size, s.data, 0, 0) for s in sections]
    for i, s in related:
        data = b"".join(_RELA.pack(r.offset, r.symbol << 32 | r.kind, r.addend) for r in s.relocations)
        rows.append((f".rela{s.name}", SHT_RELA, SHF_INFO_LINK, 8, _RELA.size, len(data), data, symtab, i))
    rows.append((".symtab", SHT_SYMTAB, 0, 8, _SYMBOL.size, len(table), table, symtab + 1, first_global))
    names = [strings.add(row[0]) for row in rows]
    last = strings.add(".strtab")
    rows.append((".strtab", SHT_STRTAB, 0, 1, 0, len(strings.data), bytes(strings.data), 0, 0))
    return _pack(machine, rows, [*names, last])


def _pack(machine: int, rows: list[_Row], names: list[int]) -> bytes:
    body = bytearray(_HEADER.size)
    headers = bytearray(_SECTION.size)
    for (_, kind, flags, align, entry, size, data, link, info), name in zip(rows, names, strict=True):
        body += bytes(-len(body) % max(align, 1))
        headers += _SECTION.pack(name, kind, flags, 0, len(body), size, link, info, align, entry)
        body += data
    body += bytes(-len(body) % 8)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    count = len(rows) + 1
    header = _HEADER.pack(ident, 1, machine, 1, 0, 0, len(body), 0, _HEADER.size, 0, 0, _SECTION.size, count, count - 1)
    body[: _HEADER.size] = header
    return bytes(body + headers)
