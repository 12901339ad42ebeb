"""Debug sections of one ELF object: decompressed, joined by name, and with their relocations applied.

A name may stand for several sections: type units are in section groups, one unit each (DWARF 5, appendix E.2.3).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.compressed import ZLIB, Way, inflated, inflated_gnu, is_debug, is_gnu, most_of, plain_name
from uruk.formats.elf import constants as elf
from uruk.formats.elf import zstd
from uruk.formats.elf.format import pair_of
from uruk.graph.types import I64, U8, AnyArray
from uruk.records import record

_CHDR = 24
"""The size of a compression header (gABI, "Compressed Sections")."""
_WAYS = {1: ZLIB, 2: Way(zstd.MOST_GROWTH, zstd.decompressed)}
"""By the number in the compression header (gABI, "ch_type")."""


@record
class _Tables:
    """The section and symbol tables of an object, and its bytes."""

    file: str
    data: U8
    headers: AnyArray
    names: list[str]
    symbols: AnyArray
    section_of: I64
    """The section that each symbol is defined in; 0 where it is in none."""


def debug_sections(file: str, data: U8, architecture: str, places: Mapping[int, int] | None = None) -> dict[str, bytes]:
    """Return the sections of an object that begin with ``.debug_``, by name, as a linker would write them.

    All other sections lie at address 0, but those that `places` has: by the offset of their content in the file.
    Raises ObjectFormatError.
    """
    tables = _tables(file, data)
    pieces: dict[str, list[tuple[int, bytearray]]] = {}
    left = most_of(data.size)
    base = np.array([(places or {}).get(at, 0) for at in tables.headers["offset"].tolist()], np.int64)
    for number, name in enumerate(tables.names):
        if is_debug(name) and tables.headers["type"][number] != elf.SHT_RELA:
            content = _content(tables, number, left)
            left -= len(content)
            known = pieces.setdefault(plain_name(name), [])
            base[number] = sum(len(piece) for _, piece in known)
            known.append((number, content))
    value = tables.symbols["value"].astype(np.int64) + base[tables.section_of]
    contents = {number: content for known in pieces.values() for number, content in known}
    for number in np.flatnonzero(tables.headers["type"] == elf.SHT_RELA).tolist():
        content = contents.get(int(tables.headers["info"][number]))
        if content is not None:
            _apply(tables, number, content, value, architecture)
    crel = np.flatnonzero(np.isin(tables.headers["type"], (elf.SHT_CREL, elf.SHT_REL))).tolist()
    for number in crel:
        if int(tables.headers["info"][number]) in contents:
            raise _error(tables, number, "has relocations in a form that is not read for debug sections")
    return {name: b"".join(piece for _, piece in known) for name, known in pieces.items()}


def _tables(file: str, data: U8) -> _Tables:
    """Return the tables of an object, which the reader has checked when the object was added."""
    view = memoryview(data)
    start = int.from_bytes(view[0x28:0x30], "little")
    count, names_at = (int.from_bytes(view[at : at + 2], "little") for at in (0x3C, 0x3E))
    first = data[start : start + 64].view(elf.SECTION_HEADER)
    # gABI, "Section Header": what does not fit into the ELF header stands in the first section's.
    count = count or int(first["size"][0])
    names_at = int(first["link"][0]) if names_at == elf.SHN_XINDEX else names_at
    headers = data[start : start + 64 * count].view(elf.SECTION_HEADER)
    strings = bytes(_bytes_of(data, headers, names_at))
    names = [_string(strings, at) for at in headers["name"].tolist()]
    symbols, section_of = np.empty(0, elf.SYMBOL), np.empty(0, np.int64)
    found = np.flatnonzero(headers["type"] == elf.SHT_SYMTAB).tolist()
    if found:
        raw = _bytes_of(data, headers, found[0])
        symbols = raw[: raw.size - raw.size % 24].view(elf.SYMBOL)
        section_of = symbols["section"].astype(np.int64)
        far = section_of == elf.SHN_XINDEX
        for number in np.flatnonzero(headers["type"] == elf.SHT_SYMTAB_SHNDX).tolist():
            words = _bytes_of(data, headers, number).view("<u4")
            section_of[far] = words[: section_of.size][far]
            far[:] = False
        section_of[far | (section_of >= len(names))] = 0
    return _Tables(file, data, headers, names, symbols, section_of)


def _bytes_of(data: U8, headers: AnyArray, number: int) -> U8:
    start, size = int(headers["offset"][number]), int(headers["size"][number])
    return data[start : start + size]


def _string(strings: bytes, start: int) -> str:
    return strings[start : strings.find(b"\0", start)].decode("utf-8", "replace")


def _error(tables: _Tables, number: int, problem: str) -> ObjectFormatError:
    offset = int(tables.headers["offset"][number])
    return ObjectFormatError(tables.file, f"section {number} `{tables.names[number]}'", problem, offset)


def _content(tables: _Tables, number: int, most: int) -> bytearray:
    """Return the content of a section, decompressed: of `most` bytes then."""
    size = int(tables.headers["size"][number])
    raw = bytes(_bytes_of(tables.data, tables.headers, number))
    if len(raw) != size:
        raise _error(tables, number, f"{size} bytes do not fit in the file")
    try:
        if int(tables.headers["flags"][number]) & elf.SHF_COMPRESSED:
            return _inflated(raw, most)
        if is_gnu(tables.names[number], raw):
            return inflated_gnu(raw, most)
    except ValueError as error:
        raise _error(tables, number, str(error)) from error
    return bytearray(raw)


def _inflated(raw: bytes, most: int) -> bytearray:
    """Return the content of a section that has a compression header."""
    kind, whole = int.from_bytes(raw[:4], "little"), int.from_bytes(raw[8:16], "little")
    if kind not in _WAYS:
        raise ValueError(f"is compressed in way {kind}, which uruk does not know")
    try:
        return inflated(raw[_CHDR:], whole, most, _WAYS[kind])
    except ImportError as error:
        problem = "is compressed by zstd, for which a package is not installed: pip install 'uruk[types]'"
        raise ValueError(f"{problem}, or compile with -gz=zlib or -gz=none") from error


def _apply(tables: _Tables, number: int, content: bytearray, value: I64, architecture: str) -> None:
    """Apply a table of relocations to the section it is for: absolute ones; others are of no use to types."""
    raw = _bytes_of(tables.data, tables.headers, number)
    rows = raw[: raw.size - raw.size % elf.RELA.itemsize].view(elf.RELA)
    kinds, symbol = rows["info"] & 0xFFFFFFFF, (rows["info"] >> 32).astype(np.int64)
    if rows.size and int(symbol.max()) >= value.size:
        raise _error(tables, number, "has a relocation whose symbol does not exist")
    target = np.frombuffer(content, np.uint8)
    result = value.take(symbol) + rows["addend"]
    for kind, (_, meaning) in pair_of(architecture).RELOCATIONS.items():
        if not meaning.startswith("Pointer"):
            continue
        width = int(meaning.removeprefix("Pointer").removesuffix("Signed")) // 8
        mine = kinds == kind
        place = rows["offset"][mine].astype(np.int64)
        if place.size and (int(place.max()) > target.size - width or int(place.min()) < 0):
            raise _error(tables, number, "has a relocation outside its section")
        for at in range(width):
            target[place + at] = (result[mine] >> (8 * at)).astype(np.uint8)
