"""A plain reading of an ELF64 object for tests that break one: where each field lies, and how to change it.

Written apart from uruk's own reader on purpose, one struct at a time, for objects that compilers made.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

EHDR = (
    ("class", 4, 1), ("data", 5, 1), ("version byte", 6, 1), ("type", 16, 2), ("machine", 18, 2), ("version", 20, 4),
    ("entry", 24, 8), ("phoff", 32, 8), ("shoff", 40, 8), ("flags", 48, 4), ("ehsize", 52, 2), ("phentsize", 54, 2),
    ("phnum", 56, 2), ("shentsize", 58, 2), ("shnum", 60, 2), ("shstrndx", 62, 2),
)  # fmt: skip
SHDR = (
    ("name", 0, 4), ("type", 4, 4), ("flags", 8, 8), ("addr", 16, 8), ("offset", 24, 8), ("size", 32, 8),
    ("link", 40, 4), ("info", 44, 4), ("align", 48, 8), ("entsize", 56, 8),
)  # fmt: skip
SYM = (("name", 0, 4), ("info", 4, 1), ("other", 5, 1), ("shndx", 6, 2), ("value", 8, 8), ("size", 16, 8))
RELA = (("offset", 0, 8), ("type", 8, 4), ("symbol", 12, 4), ("addend", 16, 8))
FORMATS = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}
SYMTAB, STRTAB, RELA_TYPE, NOBITS, GROUP, CREL = 2, 3, 4, 8, 17, 0x40000014


@dataclass(frozen=True)
class Field:
    """One number of the file: what it is, where, and how many bytes."""

    what: str
    offset: int
    width: int

    def get(self, data: bytes | bytearray) -> int:
        """Its value."""
        return struct.unpack_from(FORMATS[self.width], data, self.offset)[0]

    def put(self, data: bytearray, value: int) -> None:
        """Write the low bytes of `value`."""
        struct.pack_into(FORMATS[self.width], data, self.offset, value & ((1 << (8 * self.width)) - 1))


class Picture:
    """An object under the knife: `data` is changed in place."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)
        (self.table,) = struct.unpack_from("<Q", data, 40)
        self.count, self.names = struct.unpack_from("<HH", data, 60)

    def section_field(self, index: int, name: str) -> Field:
        """A field of a section header."""
        offset, width = next((at, size) for what, at, size in SHDR if what == name)
        return Field(f"section {index} {name}", self.table + 64 * index + offset, width)

    def get(self, index: int, name: str) -> int:
        """A section header field's value."""
        return self.section_field(index, name).get(self.data)

    def set(self, index: int, **values: int) -> None:
        """Change fields of a section header."""
        for name, value in values.items():
            self.section_field(index, name).put(self.data, value)

    def header(self, name: str, value: int) -> None:
        """Change a field of the ELF header."""
        offset, width = next((at, size) for what, at, size in EHDR if what == name)
        Field(name, offset, width).put(self.data, value)

    def section_name(self, index: int) -> str:
        """A section's name."""
        start = self.get(self.names, "offset") + self.get(index, "name")
        return self.data[start : self.data.index(0, start)].decode()

    def find(self, name: str) -> int:
        """The index of the first section of this name."""
        return next(index for index in range(1, self.count) if self.section_name(index) == name)

    def of_type(self, number: int) -> list[int]:
        """Indexes of the sections of a type."""
        return [index for index in range(1, self.count) if self.get(index, "type") == number]

    def offset(self, index: int) -> int:
        """Where a section's content begins."""
        return self.get(index, "offset")

    def symbol_index(self, name: str) -> int:
        """The index of a symbol."""
        table = self.of_type(SYMTAB)[0]
        strings = self.offset(self.get(table, "link"))
        for index in range(self.get(table, "size") // 24):
            start = strings + struct.unpack_from("<I", self.data, self.offset(table) + 24 * index)[0]
            if bytes(self.data[start : self.data.index(0, start)]) == name.encode():
                return index
        raise KeyError(name)

    def set_entry(self, section: int, index: int, **values: int) -> None:
        """Change fields of a symbol or relocation."""
        layout = SYM if self.get(section, "type") == SYMTAB else RELA
        for name, offset, width in layout:
            if name in values:
                Field(name, self.offset(section) + 24 * index + offset, width).put(self.data, values[name])

    def append(self, content: bytes) -> int:
        """Add bytes at the end of the file, aligned to 8; returns where they begin."""
        self.data += b"\0" * (-len(self.data) % 8)
        self.data += content
        return len(self.data) - len(content)

    def put32(self, offset: int, value: int) -> None:
        """Write a 32-bit word."""
        struct.pack_into("<I", self.data, offset, value & 0xFFFFFFFF)

    def bytes(self) -> bytes:
        """The object as it is now."""
        return bytes(self.data)


def fields_of(data: bytes) -> list[Field]:
    """Every number of an object that says something about its structure."""
    picture = Picture(data)
    found = [Field(f"ELF header {name}", offset, width) for name, offset, width in EHDR]
    for index in range(picture.count):
        name = picture.section_name(index) if index else "null"
        base = picture.table + 64 * index
        found += [Field(f"section {index} {name} {what}", base + offset, width) for what, offset, width in SHDR]
        found += _content_fields(picture, index)
    return found


def _content_fields(picture: Picture, index: int) -> list[Field]:
    kind, base, size = (picture.get(index, name) for name in ("type", "offset", "size"))
    name = picture.section_name(index) if index else "null"
    if kind in (SYMTAB, RELA_TYPE):
        layout = SYM if kind == SYMTAB else RELA
        return [
            Field(f"{name} entry {entry} {what}", base + 24 * entry + offset, width)
            for entry in range(size // 24)
            for what, offset, width in layout
        ]
    if kind == GROUP:
        return [Field(f"group {index} word {word}", base + 4 * word, 4) for word in range(size // 4)]
    if kind == CREL:
        return [Field(f"{name} byte {at}", base + at, 1) for at in range(size)]
    if name == ".eh_frame":
        return _frame_fields(picture, base, size)
    return []


def _frame_fields(picture: Picture, base: int, size: int) -> list[Field]:
    found: list[Field] = []
    at = base
    while at + 8 <= base + size:
        length, cie = struct.unpack_from("<II", picture.data, at)
        end, place = at + 4 + length, f".eh_frame+{at - base:#x}"
        found += [Field(f"{place} length", at, 4), Field(f"{place} CIE", at + 4, 4)]
        if cie:
            found += [Field(f"{place} begin", at + 8, 4), Field(f"{place} code", at + 12, 4)]
        first = at + 16 if cie else at + 8
        found += [Field(f"{place} byte {byte - at}", byte, 1) for byte in range(first, min(end, base + size))]
        at = end
    return found


def headers_first(data: bytes) -> bytes:
    """The same object with its section headers right behind the ELF header, so that cutting its end cuts content."""
    picture = Picture(data)
    size = 64 * picture.count
    table = data[picture.table : picture.table + size]
    moved = Picture(data[:64] + table + data[64:])
    moved.header("shoff", 64)
    moved.table = 64
    for index in range(1, moved.count):
        moved.set(index, offset=moved.get(index, "offset") + size)
    return moved.bytes()
