"""Writes compact relocation tables (SHT_CREL), for tests that read and break them. Apart from uruk's reader."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from support.elf_picture import CREL, RELA_TYPE, Picture

Entry = tuple[int, int, int, int]
"""Offset, symbol, type, addend."""


def uleb(value: int, *, pad: int = 0) -> bytes:
    """ULEB128, with `pad` bytes more than it needs."""
    data = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        more = value or pad > 0
        data.append(low | 0x80 if more else low)
        if not more:
            return bytes(data)
        pad -= not value


def sleb(value: int) -> bytes:
    """SLEB128."""
    data = bytearray()
    while not -0x40 <= value < 0x40:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value & 0x7F)
    return bytes(data)


def first(delta: int, flags: int) -> bytes:
    """How an entry begins."""
    if delta < 16:
        return bytes([delta << 3 | flags])
    return bytes([delta << 3 & 0x7F | flags | 0x80]) + uleb(delta >> 4)


def encode(entries: Iterable[Entry], shift: int = 0, *, addends: bool = True, count: int | None = None) -> bytes:
    """A table; `count` is what its header says, by default the truth."""
    rows = list(entries)
    data = bytearray(uleb((len(rows) if count is None else count) * 8 + 4 * addends + shift))
    before = (0, 0, 0, 0)
    for row in rows:
        delta = (row[0] - before[0]) % (1 << 64) >> shift
        steps = [new - old for new, old in zip(row[1:], before[1:], strict=True)]
        steps[2] = (steps[2] + (1 << 63)) % (1 << 64) - (1 << 63)
        data += first(delta, sum(1 << bit for bit, step in enumerate(steps) if step))
        data += b"".join(sleb(step) for step in steps if step)
        before = row
    return bytes(data)


def rela_entries(data: bytes) -> list[Entry]:
    """The entries of an SHT_RELA table."""
    rows = struct.iter_unpack("<QIIq", data)
    return [(offset, symbol, kind, addend) for offset, kind, symbol, addend in rows]


def table(picture: Picture, name: str) -> bytes:
    """The content of a section."""
    index = picture.find(name)
    return bytes(picture.data[picture.offset(index) : picture.offset(index) + picture.get(index, "size")])


def put_table(picture: Picture, name: str, content: bytes) -> int:
    """Give a relocation section this content, as SHT_CREL; returns where it lies."""
    start = picture.append(content)
    picture.set(picture.find(name), type=CREL, offset=start, size=len(content), entsize=1, align=1)
    return start


def compacted(data: bytes, shift: int = 0) -> bytes:
    """An object with all its relocation tables made compact."""
    picture = Picture(data)
    for index in picture.of_type(RELA_TYPE):
        name = picture.section_name(index)
        put_table(picture, name, encode(rela_entries(table(picture, name)), shift))
    return picture.bytes()
