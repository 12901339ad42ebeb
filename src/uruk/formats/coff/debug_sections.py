"""DWARF's debug sections of one COFF object: joined by name, and with their relocations applied.

MinGW's compilers write them; those of MSVC have CodeView instead (``.debug$S``), which is not DWARF.
"""

from __future__ import annotations

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.coff import constants as coff
from uruk.formats.coff.format import pair_of
from uruk.formats.coff.headers import Header, read_header
from uruk.formats.coff.names import ShortNames
from uruk.formats.coff.sections import Sections, read_sections
from uruk.formats.coff.symbols import section_numbers
from uruk.formats.compressed import inflated_gnu, is_debug, is_gnu, most_of, plain_name
from uruk.formats.gather import strings_at
from uruk.formats.interface import Span
from uruk.graph.arena import Arena
from uruk.graph.types import I64, U8, AnyArray

_WIDTHS = {"Pointer64": 8, "Pointer32": 4, "SectionOffset32": 4, "ImageOffset32": 4}
"""The kinds of relocations that debug sections have, with the bytes of their fields."""


def debug_sections(file: str, data: U8, architecture: str) -> dict[str, bytes]:
    """Return the sections of an object that begin with ``.debug_``, by name, as they are where all begin at 0.

    Those that GNU's assembler has compressed (``.zdebug_``) are among them, decompressed.

    Raises ObjectFormatError.
    """
    pair = pair_of(architecture)
    # An arena of its own, as the reader of sections writes short names behind its buffer.
    arena, [start] = Arena.join([bytes(data)])
    buffer, span = arena.buffers[0], Span(file, start, data.size)
    header = read_header(memoryview(buffer), span, pair.MACHINE, pair.NAME)
    short = ShortNames(arena)
    sections = read_sections(buffer, [span], [header], short)
    short.finish()
    names = [text.decode("utf-8", "replace") for text in strings_at(arena, sections.text.tolist(), sections.crowded)]
    pieces: dict[str, list[bytearray]] = {}
    contents: dict[int, bytearray] = {}
    base = np.zeros(len(names) + 1, np.int64)
    left = most_of(data.size)
    for row, name in enumerate(names):
        if is_debug(name) and sections.start[row] >= 0:
            contents[row] = _content(sections, row, name, left)
            left -= len(contents[row])
            known = pieces.setdefault(plain_name(name), [])
            base[row + 1] = sum(map(len, known))
            known.append(contents[row])
    value = _values(buffer, header, base)
    widths = {number: _WIDTHS[kind] for number, (_, kind, _) in pair.RELOCATIONS.items() if kind in _WIDTHS}
    for row, content in contents.items():
        _apply(file, names[row], sections, row, content, value, widths)
    return {name: b"".join(known) for name, known in pieces.items()}


def _content(sections: Sections, row: int, name: str, most: int) -> bytearray:
    """Return the content of a section, decompressed: of `most` bytes then."""
    at, size = int(sections.start[row]), int(sections.size[row])
    raw = sections.buffer[at : at + size].tobytes()
    if not is_gnu(name, raw):
        return bytearray(raw)
    try:
        return inflated_gnu(raw, most)
    except ValueError as error:
        offset = at - int(sections.origin[0])
        raise ObjectFormatError(sections.files[0], f"section {row + 1} `{name}'", str(error), offset) from error


def _values(buffer: U8, header: Header, base: I64) -> I64:
    """Return the offset of each symbol in its section; sections of one name follow each other."""
    kind = coff.BIG_SYMBOL if header.big else coff.SYMBOL
    end = header.symbols + header.symbol_count * kind.itemsize
    symbols: AnyArray = buffer[header.symbols : end].view(kind)
    section = section_numbers(symbols)
    section[(section < 0) | (section >= base.size)] = 0
    return symbols["value"].astype(np.int64) + base[section]


def _apply(
    file: str, name: str, sections: Sections, row: int, content: bytearray, value: I64, widths: dict[int, int]
) -> None:
    """Add to the fields of a section what their relocations refer to."""
    at, count = int(sections.relocations[row]), int(sections.relocation_count[row])
    rows: AnyArray = sections.buffer[at : at + count * coff.RELOCATION_SIZE].view(coff.RELOCATION)
    target = np.frombuffer(content, np.uint8)
    for number, width in widths.items():
        mine = rows[rows["type"] == number]
        place, symbol = mine["offset"].astype(np.int64), mine["symbol"].astype(np.int64)
        if not place.size:
            continue
        if int(place.max()) > target.size - width or int(symbol.max()) >= value.size:
            problem = "has a relocation outside its section, or one whose symbol does not exist"
            raise ObjectFormatError(file, f"section {row + 1} `{name}'", problem, at - int(sections.origin[0]))
        places = place[:, None] + np.arange(width)
        fields = np.zeros((place.size, 8), np.uint8)
        fields[:, :width] = target[places]
        result = fields.view("<i8")[:, 0] + value[symbol]
        target[places] = np.ascontiguousarray(result).view(np.uint8).reshape(-1, 8)[:, :width]
