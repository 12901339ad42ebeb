"""DLLs as files: the names and the numbers that they export, and what each of them is.

An export is a function or a variable, told by the section that it lies in, or it is forwarded: the loader then takes
another DLL's export, which a text names (``NTDLL.RtlAllocateHeap``, ``OTHER.#7``).
Source: the PE/COFF specification, "The .edata Section (Image Only)".
"""

from __future__ import annotations

import os
import struct
from functools import cached_property
from types import TracebackType

import numpy as np

from uruk.formats.byte_source import ByteSource
from uruk.formats.coff.image import Image
from uruk.formats.gather import NAME_SHARING
from uruk.formats.interface import LibraryDefinition
from uruk.graph.graph import Binding, SymbolType
from uruk.graph.types import I64, Bool, some, true_rows
from uruk.records import record

_TABLE, _IMPORTS = "export table", "import table"
_LONGEST = 4096
"""The most bytes of a name. It bounds the work that a hostile file can cause."""
_DIRECTORY = struct.Struct("<12xIIIIIII")
"""Export Directory Table: name, ordinal base, how many addresses, how many names, and where these, those and the names'
ordinals are."""

_IMPORT = struct.Struct("<IIIII")
"""A row of the Import Directory Table, which a row of zeros ends; the name is the fourth number."""


@record
class _Exports:
    """The tables of exports as columns: a row an ordinal."""

    base: int
    """The ordinal of the first row."""
    rva: I64
    """0 for a number that is not used."""
    is_forwarded: Bool
    is_data: Bool
    rows: dict[bytes, int]
    """The row of each name."""


class DLL:
    """An open DLL, see `uruk.formats.interface.SharedLibrary`. Close it, or use it in a `with`."""

    def __init__(self, source: ByteSource) -> None:
        """Read the headers. Raises ObjectFormatError for any file but a DLL of 64 bits."""
        self._source = source
        self._image = Image(source)
        self.architecture = self._image.architecture

    def defines(self, name: bytes) -> bool:
        """See `SharedLibrary.defines`; ``#7`` is the export of that number."""
        return self._row(name) >= 0

    def place_of(self, name: bytes) -> tuple[int, bool]:
        """See `SharedLibrary.place_of`.

        A forwarder within the DLL is followed. One to another DLL has the place of its text, and is no data: what it
        means only a loader knows, which has both DLLs.
        """
        exports, passed = self._exports, set[int]()
        row = self._row(name)
        while row >= 0 and exports.is_forwarded[row]:
            if row in passed:
                raise self._source.error(_TABLE, f"export `{_text(name)}' is forwarded to itself")
            passed.add(row)
            library, _, wanted = self._forwarder(row).rpartition(b".")
            if library.lower() != self._stem:
                break
            row = self._row(wanted)
        return (0, False) if row < 0 else (self._image.base + int(exports.rva[row]), bool(exports.is_data[row]))

    @property
    def soname(self) -> str | None:
        """See `SharedLibrary.soname`: the name that the table of exports has."""
        return os.fsdecode(self._name) if self._name else None

    @property
    def needed(self) -> tuple[str, ...]:
        """See `SharedLibrary.needed`: the DLLs of the table of imports."""
        rva, size = self._image.directory(1)
        data = self._image.read(rva, size, _IMPORTS) if rva else b""
        names: list[str] = []
        # Each name is read once, however often a table says it: entries of a hostile file may all lead to a long text.
        known: dict[int, str] = {}
        for *others, name, slots in _IMPORT.iter_unpack(data[: size // _IMPORT.size * _IMPORT.size]):
            if not (name or slots or any(others)):
                break
            if name not in known:
                known[name] = os.fsdecode(self._image.text(name, _LONGEST, _IMPORTS))
                names.append(known[name])
        return tuple(names)

    def definitions(self) -> list[LibraryDefinition]:
        """See `SharedLibrary.definitions`: in the order of numbers."""
        table = self._exports
        names: dict[int, list[bytes]] = {}
        for name, row in table.rows.items():
            names.setdefault(row, []).append(name)
        found: list[LibraryDefinition] = []
        for row in true_rows(table.rva != 0).tolist():
            forwarder = self._forwarder(row) if table.is_forwarded[row] else b""
            # What a forwarder means, only the other library knows.
            kind = SymbolType.NOTYPE if forwarder else SymbolType.OBJECT if table.is_data[row] else SymbolType.FUNC
            found += [
                LibraryDefinition(name, None, True, kind, Binding.GLOBAL, 0, table.base + row, forwarder)
                for name in names.get(row, [b""])
            ]
        return found

    def hidden_bases(self) -> dict[bytes, bytes]:
        """See `SharedLibrary.hidden_bases`: DLLs have no versions."""
        return {}

    def close(self) -> None:
        """See `SharedLibrary.close`."""
        self._source.close()

    def __enter__(self) -> DLL:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _row(self, name: bytes) -> int:
        """Return the row of a name or of a number behind ``#``; -1 where there is none."""
        table = self._exports
        row = table.rows.get(name)
        if row is None:
            number = name[1:]
            # Ordinals have 16 bits: no longer text is one.
            if name[:1] != b"#" or not number.isdigit() or len(number) > 5:
                return -1
            row = int(number) - table.base
        return row if 0 <= row < table.rva.size and table.rva[row] else -1

    def _forwarder(self, row: int) -> bytes:
        return self._image.text(int(self._exports.rva[row]), _LONGEST, "forwarder")

    @cached_property
    def _stem(self) -> bytes:
        """The name of the DLL as forwarders have it: in small letters, without its end."""
        return self._name.lower().removesuffix(b".dll")

    @cached_property
    def _name(self) -> bytes:
        rva = self._directory[0]
        return self._image.text(rva, _LONGEST, _TABLE) if rva else b""

    @cached_property
    def _directory(self) -> tuple[int, ...]:
        """The fields of the export directory; zeros without one."""
        rva, size = self._image.directory(0)
        return _DIRECTORY.unpack(self._image.read(rva, 40, _TABLE)) if rva and size else (0,) * 7

    @cached_property
    def _exports(self) -> _Exports:
        image, (_, base, count, name_count, addresses, names, ordinals) = self._image, self._directory
        rva = np.frombuffer(image.read(addresses, count * 4, _TABLE) if count else b"", "<u4").astype(np.int64)
        start, size = image.directory(0)
        # An address within the table of exports is that of a forwarder's text.
        forwarded = (rva >= start) & (rva < start + size)
        rows = self._names(names, ordinals, name_count, count) if name_count else {}
        return _Exports(base, rva, forwarded, ~forwarded & ~image.is_code(rva), rows)

    def _names(self, names: int, ordinals: int, count: int, functions: int) -> dict[bytes, int]:
        """Return the row of each name: of two exports of one name, the first."""
        image = self._image
        row = np.frombuffer(image.read(ordinals, count * 2, _TABLE), "<u2").astype(np.int64)
        if some(row >= functions):
            (bad, *_) = true_rows(row >= functions).tolist()
            problem = f"name {bad} has number {int(row[bad])}, of {functions} there are"
            raise self._source.error(_TABLE, problem)
        rvas = np.frombuffer(image.read(names, count * 4, _TABLE), "<u4").astype(np.int64)
        texts = self._texts(image.offsets(rvas, _TABLE))
        return dict(zip(reversed(texts), reversed(row.tolist()), strict=True))

    def _texts(self, offsets: I64) -> list[bytes]:
        """Return the texts at offsets in the file, each up to its NUL."""
        low = int(offsets.min())
        data = self._source.read(low, min(int(offsets.max()) + _LONGEST + 1, self._source.size) - low, _TABLE)
        starts = offsets - low
        ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 0)
        which = np.searchsorted(ends, starts)
        if some(which == ends.size):
            raise self._source.error(_TABLE, "a name has no end", int(offsets[true_rows(which == ends.size)[0]]))
        stops = ends[which]
        size = stops - starts
        # Names may share their ends, but not without bounds: copies of all of them are made.
        if int(size.max()) > _LONGEST or int(size.sum()) > NAME_SHARING * len(data):
            at = int(offsets[int(size.argmax())])
            raise self._source.error(_TABLE, f"names overlap, or are longer than {_LONGEST} bytes", at)
        return [data[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")
