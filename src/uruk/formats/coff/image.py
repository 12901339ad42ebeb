"""Linked files of Windows (PE images): headers and sections, and the way from addresses to offsets in the file.

An image is read where it is, at chosen offsets, and never loaded. Its tables refer to each other by relative virtual
addresses (RVA), which count from the address at which the image is loaded.
Source: the PE/COFF specification, "MS-DOS Stub", "Optional Header", "Section Table".
"""

from __future__ import annotations

import struct

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.byte_source import ByteSource
from uruk.formats.coff import constants as coff
from uruk.graph.types import I64, Bool, some, true_rows
from uruk.machines import COFF_TITLES, OF_COFF

HEADER = "PE header"
_MAGIC = 0x20B
"""The magic number of an optional header with 64-bit addresses (PE32+)."""
_BASE, _DIRECTORY_COUNT, _DIRECTORIES = 24, 108, 112
"""Offsets in an optional header of that kind."""
_IS_DLL = 0x2000
_LAST_BASE = 1 << 47
"""The end of the addresses that programs of 64 bits have."""
_GRANULARITY = 1 << 16
"""An image's address is a multiple of this (ImageBase)."""
_EXECUTE = 0x20000000


class Image:
    """The headers of an image of 64 bits."""

    def __init__(self, source: ByteSource) -> None:
        """Read the headers. Raises ObjectFormatError for any file but a DLL of 64 bits."""
        self.source = source
        head = source.read(0, min(64, source.size), HEADER)
        if len(head) < 64 or head[:2] != b"MZ":
            raise source.error(HEADER, "this is an object, not a library, or cut short: it does not begin as a DLL", 0)
        (at,) = struct.unpack_from("<I", head, 60)  # e_lfanew
        header = source.read(at, 24, HEADER)
        if header[:4] != b"PE\0\0":
            raise source.error(HEADER, "neither a DLL nor a library: a program of DOS", at)
        machine, sections, size, flags = struct.unpack_from("<HH12xHH", header, 4)
        if not flags & _IS_DLL:
            raise source.error(HEADER, "a program, and no DLL: give the objects that it is made of", at + 22)
        optional = source.read(at + 24, size, HEADER)
        if size < _DIRECTORIES or int.from_bytes(optional[:2], "little") != _MAGIC:
            title = COFF_TITLES.get(machine, f"machine {machine:#x}")
            raise source.error(HEADER, f"a DLL for {title}, and not one of 64 bits (PE32+)", at + 24)
        known = OF_COFF.get(machine)
        self.architecture = "" if known is None else known.name
        self.base = int.from_bytes(optional[_BASE : _BASE + 8], "little")
        if self.base % _GRANULARITY or self.base >= _LAST_BASE:
            raise source.error(HEADER, f"no image lies at {self.base:#x}", at + 24 + _BASE)
        # The count may be larger than what the header has room for; there are 16 kinds of directories.
        count = min(int.from_bytes(optional[_DIRECTORY_COUNT:_DIRECTORIES], "little"), (size - _DIRECTORIES) // 8)
        self._directories = [struct.unpack_from("<II", optional, _DIRECTORIES + 8 * n) for n in range(count)]
        self._read_sections(at + 24 + size, sections)

    def directory(self, number: int) -> tuple[int, int]:
        """Return the RVA and the size in bytes of a data directory; zeros for one that is not there."""
        return self._directories[number] if number < len(self._directories) else (0, 0)

    def read(self, rva: int, size: int, structure: str) -> bytes:
        """Return `size` bytes from an RVA on, which must lie in one section. Raises ObjectFormatError."""
        row, offset = self._place(rva, structure)
        if size > int(self._address[row] + self._stored[row]) - rva:
            raise self.source.error(structure, f"{size} bytes do not fit into the section that has them", offset)
        return self.source.read(offset, size, structure)

    def text(self, rva: int, longest: int, structure: str) -> bytes:
        """Return the text at an RVA up to its NUL. Raises ObjectFormatError for one without, or above `longest`."""
        row, offset = self._place(rva, structure)
        room = int(self._address[row] + self._stored[row]) - rva
        size = min(longest + 1, room, self.source.size - offset)
        text, nul, _ = self.source.read(offset, size, structure).partition(b"\0")
        if not nul:
            raise self.source.error(structure, f"a text of {longest} bytes has no end", offset)
        return text

    def offsets(self, rvas: I64, structure: str) -> I64:
        """Return the offset in the file of each RVA. Raises ObjectFormatError for one that the file does not have."""
        rows = self._rows(rvas)
        inside = (rows >= 0) & (rvas - self._address[rows] < self._stored[rows])
        if not inside.all():
            (first, *_) = true_rows(~inside).tolist()
            raise self._nowhere(int(rvas[first]), structure)
        return self._start[rows] + rvas - self._address[rows]

    def is_code(self, rvas: I64) -> Bool:
        """Return True for each RVA in a section whose content is run."""
        rows = self._rows(rvas)
        return (rows >= 0) & (rvas - self._address[rows] < self._extent[rows]) & self._runs[rows]

    def _read_sections(self, at: int, count: int) -> None:
        structure = "section table"
        table = np.frombuffer(self.source.read(at, count * coff.SECTION_SIZE, structure), coff.SECTION)
        # The specification has them in the order of their addresses; one row that nothing lies in spares a special case
        # for none.
        order = np.argsort(table["virtual_address"], kind="stable")
        table = table[order] if count else np.zeros(1, coff.SECTION)
        self._address: I64 = table["virtual_address"].astype(np.int64)
        self._start: I64 = table["start"].astype(np.int64)
        self._stored: I64 = table["size"].astype(np.int64)
        beyond = self._start + self._stored > self.source.size
        if some(beyond & (self._stored > 0)):
            row = int(order[true_rows(beyond)[0]])
            problem = f"section {row + 1} does not fit into the file's {self.source.size} bytes"
            raise self.source.error(structure, problem, at + row * coff.SECTION_SIZE)
        self._extent: I64 = np.maximum(self._stored, table["virtual_size"])
        self._runs: Bool = table["flags"] & _EXECUTE != 0

    def _rows(self, rvas: I64) -> I64:
        """Return the last section that begins at or before each RVA; -1 where there is none."""
        return np.searchsorted(self._address, rvas, "right") - 1

    def _place(self, rva: int, structure: str) -> tuple[int, int]:
        """Return the section of an RVA, and the offset in the file."""
        rvas = np.array([rva], np.int64)
        return int(self._rows(rvas)[0]), int(self.offsets(rvas, structure)[0])

    def _nowhere(self, rva: int, structure: str) -> ObjectFormatError:
        return self.source.error(structure, f"the file has nothing for address {rva:#x} of the image")
