"""COFF objects written byte by byte from what a test says of them: no tool runs, and each number is where it was put.

Written apart from uruk's own readers on purpose. Source: the PE/COFF specification.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from uruk.formats.interface import Span
from uruk.formats.registry import read_objects, read_relocations
from uruk.graph.arena import Arena
from uruk.graph.graph import Graph
from uruk.graph.names import Names
from uruk.graph.verify import verify
from uruk.target import Target

AMD64, ARM64 = 0x8664, 0xAA64
CODE, READ, WRITE, ZEROS, INFO, COMDAT = 0x60000020, 0x40000040, 0xC0000040, 0xC0000080, 0xA00, 0x1000
"""Flags of sections: of code, constants, data, zero-fill and directives; `COMDAT` is added to others."""
EXTERNAL, STATIC, LABEL, SECTION, WEAK = 2, 3, 6, 104, 105
"""Storage classes."""
BIGOBJ = bytes.fromhex("c7a1bad1eebaa94baf20faf66aa4dcb8")


@dataclass
class Part:
    """A section: its content, and relocations as (offset, symbol, type)."""

    name: bytes
    content: bytes = b""
    flags: int = READ
    relocations: Sequence[tuple[int, int, int]] = ()
    size: int | None = None
    """The size that the header gives, if it is not the content's."""


@dataclass
class Named:
    """A symbol, its section counted from 1, and the bytes of its auxiliary records."""

    name: bytes
    section: int = 0
    value: int = 0
    storage: int = EXTERNAL
    type: int = 0
    auxiliary: Sequence[bytes] = field(default=())
    more: int | None = None
    """The number of auxiliary records that the record gives, if it is not theirs."""


def section_symbol(name: bytes, number: int, selection: int = 0, associated: int = 0) -> Named:
    """The symbol that stands for a section, whose auxiliary record says how it is selected."""
    record = struct.pack("<IHHIHBBH", 0, 0, 0, 0, associated & 0xFFFF, selection, 0, associated >> 16)
    return Named(name, number, storage=STATIC, auxiliary=[record])


def weak_symbol(name: bytes, default: int, search: int = 3) -> Named:
    """A weak external whose default is the symbol of this number."""
    return Named(name, storage=WEAK, auxiliary=[struct.pack("<2I", default, search)])


def coff_object(
    parts: Sequence[Part], symbols: Sequence[Named] = (), *, machine: int = AMD64, big: bool = False
) -> bytes:
    """The bytes of an object: header, section headers, contents with relocations behind each, symbols, strings."""
    strings, body = bytearray(4), bytearray()
    place = (56 if big else 20) + 40 * len(parts)
    headers = b""
    for part in parts:
        start = place + len(body) if part.content else 0
        body += part.content
        table = place + len(body) if part.relocations else 0
        body += b"".join(struct.pack("<2IH", *relocation) for relocation in part.relocations)
        size = len(part.content) if part.size is None else part.size
        name = part.name
        if len(name) > 8:
            name = b"/%d" % len(strings)
            strings += part.name + b"\0"
        headers += struct.pack("<8s6I2HI", name, 0, 0, size, start, table, 0, len(part.relocations), 0, part.flags)
    records = b"".join(_records(symbol, strings, big) for symbol in symbols)
    strings[:4] = struct.pack("<I", len(strings))
    at, count = place + len(body), len(records) // (20 if big else 18)
    if big:
        head = struct.pack("<4HI16s4I3I", 0, 0xFFFF, 2, machine, 0, BIGOBJ, 0, 0, 0, 0, len(parts), at, count)
    else:
        head = struct.pack("<2H3I2H", machine, len(parts), 0, at, count, 0, 0)
    return head + headers + bytes(body) + records + bytes(strings)


def _records(symbol: Named, strings: bytearray, big: bool) -> bytes:
    name = symbol.name
    if len(name) > 8:
        name = struct.pack("<2I", 0, len(strings))
        strings += symbol.name + b"\0"
    more = len(symbol.auxiliary) if symbol.more is None else symbol.more
    layout, size = ("<8sIiH2B", 20) if big else ("<8sIhH2B", 18)
    record = struct.pack(layout, name, symbol.value, symbol.section, symbol.type, symbol.storage, more)
    return record + b"".join(text.ljust(size, b"\0") for text in symbol.auxiliary)


def written(folder: Path, name: str, data: bytes) -> Path:
    """An object as a file."""
    path = folder / f"{name}.obj"
    path.write_bytes(data)
    return path


def put(data: bytes, offset: int, layout: str, *values: int | bytes) -> bytes:
    """The same bytes with others at an offset."""
    changed = bytearray(data)
    struct.pack_into(layout, changed, offset, *values)
    return bytes(changed)


def graph_of(*objects: bytes, architecture: str = "x86_64", edges: bool = True) -> Graph:
    """Objects `0.obj`, `1.obj`, ... as a graph, verified; with edges, if they can be read."""
    arena, starts = Arena.join(objects)
    spans = [Span(f"{row}.obj", at, len(data)) for row, (at, data) in enumerate(zip(starts, objects, strict=True))]
    graph = read_objects(arena, spans, Target("coff", architecture, "windows"), Names())
    if edges:
        graph.edges = read_relocations(graph)
    verify(graph)
    return graph
