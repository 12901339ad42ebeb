"""File headers of COFF objects: where the tables of each object lie, checked against its size.

Source: the PE/COFF specification, "COFF File Header (Object and Image)", "COFF String Table".
"""

from __future__ import annotations

import struct

from uruk.errors import ObjectFormatError
from uruk.formats.coff import constants as coff
from uruk.formats.coff.head import BIGOBJ, machine_of
from uruk.formats.interface import Span
from uruk.records import record

HEADER = "COFF header"
_EMPTY = 4
"""The size of a string table without strings: that of its own size."""


@record
class Header:
    """The places of one object's tables; all places are offsets in the arena's buffer."""

    big: bool
    """True if it is `/bigobj`, whose symbols have 20 bytes."""
    sections: int
    section_count: int
    symbols: int
    symbol_count: int
    strings: int
    string_size: int
    """Its first four bytes, which hold this number, included; 0 where there is no string table."""


def read_header(view: memoryview, span: Span, machine: int, title: str) -> Header:
    """Return the header of one object for `machine`, which people call `title`.

    Raises ObjectFormatError for what is not an object for it, and for tables outside the file.
    """
    data = view[span.start : span.start + span.size]
    actual = machine_of(data)
    if actual is None:
        raise _refusal(data, span.file)
    big = bytes(data[:4]) == b"\0\0\xff\xff"
    if actual != machine:
        from uruk.formats.foreign import kind_of  # seldom needed

        problem = f"{kind_of(data)} (machine {actual:#x}, expected {machine:#x} ({title}))"
        # Machine is at offset 6 of an anonymous object's header, and the first field of any other.
        raise ObjectFormatError(span.file, HEADER, problem, 6 if big else 0)
    size = coff.FILE_HEADER
    if big:
        _check_kind(data, span.file)
        size = coff.BIG_HEADER
        # The last three fields: NumberOfSections, PointerToSymbolTable and NumberOfSymbols, of 32 bits each.
        section_count, table, count = struct.unpack_from("<3I", data, 44)
    else:
        # Machine and TimeDateStamp are passed over.
        section_count, table, count = struct.unpack_from("<2xH4x2I", data)
    # Section headers follow at once, as objects have no optional header. Columns of this many rows are made later, so
    # that a number that the file cannot hold is refused here.
    if section_count > (span.size - size) // coff.SECTION_SIZE:
        problem = f"{section_count} headers do not fit into the file"
        raise ObjectFormatError(span.file, "section header table", problem, size)
    header = Header(big, span.start + size, section_count, span.start + table, count, 0, 0)
    # The string table has no pointer of its own: without symbols there is none, either.
    if table == 0:
        header.symbol_count = 0
    else:
        _find_strings(data, span, table, header)
    return header


def _find_strings(data: memoryview, span: Span, table: int, header: Header) -> None:
    """Check the symbol table at `table` against the file, and find the string table, which follows it."""
    entry = coff.BIG_SYMBOL_SIZE if header.big else coff.SYMBOL_SIZE
    if table > span.size or header.symbol_count > (span.size - table) // entry:
        problem = f"{header.symbol_count} entries do not fit into the file"
        raise ObjectFormatError(span.file, "symbol table", problem, table)
    # The string table begins where the symbols end.
    strings = table + header.symbol_count * entry
    if strings == span.size:  # a file without any long name may end here
        return
    if span.size - strings < _EMPTY:
        raise ObjectFormatError(span.file, "string table", "its size lies outside the file", strings)
    size = max(struct.unpack_from("<I", data, strings)[0], _EMPTY)  # some writers say 0 for an empty one
    if size > span.size - strings:
        raise ObjectFormatError(span.file, "string table", f"{size} bytes do not fit into the file", strings)
    # Long names are read up to their NUL without a look at the table's end: this byte stops the last one.
    if size > _EMPTY and data[strings + size - 1]:
        raise ObjectFormatError(span.file, "string table", "does not end in NUL", strings + size - 1)
    header.strings, header.string_size = span.start + strings, size


def _check_kind(data: memoryview, file: str) -> None:
    """Raise ObjectFormatError for an anonymous object that is no `/bigobj`."""
    # Version is 0 in short imports, at least 1 in anonymous objects, and at least 2 in `/bigobj`.
    version = data[4] | data[5] << 8
    if version == 0:
        problem = "it is a short import, an entry of an import library: what it imports is in no object"
        raise ObjectFormatError(file, HEADER, problem, 4)
    if len(data) < coff.BIG_HEADER:
        raise ObjectFormatError(file, HEADER, "cut short", len(data))
    # ClassID tells kinds of anonymous objects apart; it follows TimeDateStamp, which ends at 12.
    if bytes(data[12:28]) != BIGOBJ:
        problem = "it holds code of a compiler's own, to be compiled when linking: compile without /GL or -flto"
        raise ObjectFormatError(file, HEADER, problem, 12)


def _refusal(data: memoryview, file: str) -> ObjectFormatError:
    """Return the error for what is not a COFF object; it says what it is instead."""
    from uruk.formats.foreign import kind_of  # seldom needed, and not at start-up

    named = kind_of(data, file)
    problem = f"not a COFF object: it is {named}" if named else "not a COFF object: uruk does not know what it is"
    return ObjectFormatError(file, HEADER, problem, 0)
