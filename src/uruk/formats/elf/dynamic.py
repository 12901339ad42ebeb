"""Shared libraries of ELF64 as files: their names, what they need, and their dynamic symbols.

Nothing is loaded and the file is not read whole. The program headers say where the dynamic section is (gABI, "Dynamic
Section"), and that says where the symbol, string, hash and version tables are. A lookup of one name reads a few dozen
bytes of these. Thread-local symbols of a library are bound with this: asking the loader (`dlsym`) would make the
library's thread-local storage dynamic for good.
"""

from __future__ import annotations

import os
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.byte_source import ByteSource
from uruk.formats.elf import constants as elf
from uruk.formats.elf import loadable
from uruk.formats.elf.dynamic_hash import gnu_candidates, gnu_symbol_count, sysv_candidates
from uruk.formats.gather import NAME_SHARING
from uruk.formats.interface import LibraryDefinition
from uruk.graph.types import I64, AnyArray
from uruk.machines import OF_ELF
from uruk.named_tuples import NamedTuple

if TYPE_CHECKING:
    from typing_extensions import Buffer

STT_OBJECT = 1
STT_TLS = 6
STT_GNU_IFUNC = 10

_PROGRAM_HEADER = np.dtype(
    [
        ("type", "<u4"),
        ("flags", "<u4"),
        ("offset", "<u8"),
        ("address", "<u8"),
        ("physical", "<u8"),
        ("file_size", "<u8"),
        ("memory_size", "<u8"),
        ("align", "<u8"),
    ]
)
_TAG = np.dtype([("tag", "<i8"), ("value", "<i8")])
_HIDDEN_VERSION = 0x8000  # GNU: in a version number, the version is not the default one
_LONGEST_STRING = 4096  # of names of libraries and versions; bounds the work that a hostile file can cause
_BOUND_BY_NAME = (1, 2, 10)  # STB_GLOBAL, STB_WEAK, STB_GNU_UNIQUE


class DynamicSymbol(NamedTuple):
    """A symbol that a library defines. `value` is relative to the load address, or to the TLS block for STT_TLS.

    `type` and `binding` are gABI's STT_ and STB_ numbers, `size` is in bytes. `default` is true if references without a
    version mean this symbol; `version` is None if the library has no versions, or the symbol is in the base one.
    """

    name: bytes
    type: int
    binding: int
    visibility: int
    section: int
    value: int
    size: int
    version: bytes | None
    default: bool


class SharedLibrary:
    """An open shared library. Close it, or use it in a `with`; what was read stays valid."""

    def __init__(self, source: ByteSource) -> None:
        """Read headers and the dynamic section. Raises ObjectFormatError for any file but an ELF64 shared library."""
        self._source = source
        self.path = source.path
        self.name = source.name
        # A shorter file gets the error below, which names what it is.
        header = source.read(0, min(64, source.size), "ELF header")
        if len(header) < 64 or header[:4] != b"\x7fELF":
            raise _refusal(source, "not an ELF file", 0)
        # EI_CLASS and EI_DATA; 3 is ET_DYN, the type of programs, too.
        if header[4:6] != b"\x02\x01" or int.from_bytes(header[16:18], "little") != 3:
            raise _refusal(source, "not a 64-bit little-endian shared library", 4)
        if int.from_bytes(header[54:56], "little") != 56:
            raise source.error("ELF header", "program headers are not 56 bytes each", 54)
        self.machine = int.from_bytes(header[18:20], "little")
        known = OF_ELF.get(self.machine)
        self.architecture = "" if known is None else known.name
        # e_phoff and e_shoff, from which the tables are read when they are needed.
        self._header = np.frombuffer(header[32:48], "<u8")
        self._loads: list[tuple[int, int, int]] = []  # address, file offset, size in the file
        self._tags = self._dynamic_section(int(self._header[0]), int.from_bytes(header[56:58], "little"))
        self._section_count = int.from_bytes(header[60:62], "little")
        # A library without names has no such tables; looking a name up finds nothing then.
        strings = self._first(loadable.DT_STRTAB)
        self._strings = self._offset(strings, "dynamic string table") if strings is not None else 0
        self._strings_size = self._first(loadable.DT_STRSZ) or 0
        symbols = self._first(loadable.DT_SYMTAB)
        self._symbols = self._offset(symbols, "dynamic symbol table") if symbols is not None else None
        if self._first(loadable.DT_SYMENT) not in (None, elf.SYMBOL.itemsize):
            raise source.error("dynamic section", f"DT_SYMENT is {self._first(loadable.DT_SYMENT)}, not 24")

    @cached_property
    def soname(self) -> str | None:
        """The name by which other files need the library (DT_SONAME)."""
        place = self._first(loadable.DT_SONAME)
        return None if place is None else os.fsdecode(self._string(place))

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """The libraries that this one needs (DT_NEEDED), in order."""
        return tuple(os.fsdecode(self._string(place)) for place in self._all(loadable.DT_NEEDED))

    @cached_property
    def versions(self) -> dict[int, bytes]:
        """Version number -> name, of the versions that the library defines, except the base one."""
        place = self._first(loadable.DT_VERDEF)
        names: dict[int, bytes] = {}
        if place is None:
            return names
        offset = self._offset(place, "version definitions")
        # Version numbers have 15 bits. The count bounds the walk over records, which a hostile file may link in a
        # circle.
        for _ in range(min(self._first(loadable.DT_VERDEFNUM) or 0, 0x7FFF)):
            words = self._source.read(offset, 20, "version definition")
            # Elf64_Verdef: vd_flags, vd_ndx; vd_aux and vd_next are offsets from the record (LSB, "Symbol Versioning").
            _, flags, index, _ = np.frombuffer(words[:8], "<u2").tolist()
            aux, following = np.frombuffer(words[12:20], "<u4").tolist()
            name = int.from_bytes(self._source.read(offset + aux, 4, "version definition"), "little")
            if not flags & 1:  # VER_FLG_BASE, the library's own name
                names[index & 0x7FFF] = self._string(name)
            if following == 0:
                break
            offset += following
        return names

    def find(self, name: bytes, version: bytes | None = None) -> DynamicSymbol | None:
        """Return the definition of `name`: that of `version`; without one the default, else the first.

        Returns None if there is none.

        Reads only the rows that the hash table has for the name. Raises ObjectFormatError if tables contradict each
        other.
        """
        first: DynamicSymbol | None = None
        for row in self._candidates(name):
            symbol = self._symbol(row, name)
            if symbol is None:
                continue
            if symbol.version == version if version is not None else symbol.default:
                return symbol
            first = first or symbol
        return first if version is None else None

    def defines(self, name: bytes) -> bool:
        """Return True if the library defines and exports the name. Raises ObjectFormatError."""
        return self.find(name) is not None

    def is_thread_local(self, name: bytes) -> bool:
        """Return True if the name is a thread-local variable of the library. Raises ObjectFormatError."""
        symbol = self.find(name)
        return symbol is not None and symbol.type == STT_TLS

    def symbols(self) -> list[DynamicSymbol]:
        """Return every symbol that the library defines. It is slow for large libraries: `find` is for single names."""
        table = self._table()
        count = len(table)
        if not count:
            return []
        # SHN_UNDEF is a reference; local symbols are the library's own.
        wanted = (table["section"] != 0) & np.isin(table["info"] >> 4, _BOUND_BY_NAME)
        versions = self._versions_of(count)
        strings = self._source.read(self._strings, self._strings_size, "dynamic string table")
        definitions: list[DynamicSymbol] = []
        room = NAME_SHARING * len(strings)  # names may share their ends, up to a bound
        for row in np.flatnonzero(wanted).tolist():
            place, info, visibility, section, value, size = table[row].item()
            end = strings.find(b"\0", place)
            room -= end - place
            # `find` takes a start past the end without complaint, and finds nothing there.
            if place >= len(strings) or end < 0 or room < 0:
                raise self._source.error("dynamic symbol table", f"symbol {row}: malformed name", self._symbols)
            definition = self._make(strings[place:end], info, visibility, section, value, size, int(versions[row]))
            definitions.append(definition)
        return definitions

    def place_of(self, name: bytes) -> tuple[int, bool]:
        """See `uruk.formats.interface.SharedLibrary.place_of`: libraries begin at 0 in their files."""
        symbol = self.find(name)
        return (0, False) if symbol is None else (symbol.value, symbol.type == STT_OBJECT)

    def definitions(self) -> list[LibraryDefinition]:
        """See `uruk.formats.interface.SharedLibrary.definitions`."""
        return [
            LibraryDefinition(one.name, one.version, one.default, one.type, one.binding, one.size)
            for one in self.symbols()
            # Linkers define each version as an absolute symbol of its name, which no code refers to.
            if not (one.section == elf.SHN_ABS and one.name == one.version)
        ]

    def indirect_functions(self) -> set[bytes]:
        """Return the names of the library's IFUNCs, whose resolvers run while the loader relocates it."""
        table = self._table()
        wanted = (table["section"] != 0) & (table["info"] & 15 == STT_GNU_IFUNC)
        return {self._string(place) for place in table["name"][wanted].tolist()}

    def hidden_bases(self) -> dict[bytes, bytes]:
        """Return names whose base version is not the default, each with the default one as ``f@V``; empty if there is
        none.

        A link never resolves a name to such a base version, but `dlsym` does (glibc, elf/dl-lookup.c).
        """
        if self._first(loadable.DT_VERSYM) is None or self._symbols is None:
            return {}
        # Version 1 is the base one (VER_NDX_GLOBAL).
        hidden = np.flatnonzero(self._versions_of(self._count()) == _HIDDEN_VERSION | 1)
        defaults: dict[bytes, bytes] = {}
        for row in hidden.tolist():
            raw = self._source.read(self._symbols + row * 24, 24, "dynamic symbol table")
            name = self._string(int(np.frombuffer(raw, elf.SYMBOL)["name"][0]))
            default = self.find(name)
            if default is not None:
                defaults[name] = name + b"@" + default.version if default.default and default.version else b""
        return defaults

    def strings(self) -> bytes:
        """Return the dynamic string table: names and versions, each with its NUL.

        A name may be the end of another one.
        """
        return self._source.read(self._strings, self._strings_size, "dynamic string table")

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def __enter__(self) -> SharedLibrary:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Tables

    def _dynamic_section(self, offset: int, count: int) -> AnyArray:
        """Return tags and values of PT_DYNAMIC up to DT_NULL; the loaded segments are recorded, too."""
        headers = np.frombuffer(self._source.read(offset, count * 56, "program headers"), _PROGRAM_HEADER)
        places = headers[["address", "offset", "file_size"]]
        self._loads = places[headers["type"] == loadable.PT_LOAD].tolist()
        dynamic: list[tuple[int, int, int]] = places[headers["type"] == loadable.PT_DYNAMIC].tolist()
        if not dynamic:
            raise self._source.error("program headers", "no dynamic section", offset)
        _, start, size = dynamic[0]
        # Whole entries only. Their tags are signed, and so are values here: addresses stay below 2^63.
        tags = np.frombuffer(self._source.read(start, size // 16 * 16, "dynamic section"), _TAG)
        ends = np.flatnonzero(tags["tag"] == 0)
        return tags[: int(ends[0])] if ends.size else tags

    def _all(self, tag: int) -> list[int]:
        return self._tags["value"][self._tags["tag"] == tag].tolist()

    def _first(self, tag: int) -> int | None:
        values = self._all(tag)
        return values[0] if values else None

    def _offset(self, address: int, structure: str) -> int:
        """Return the offset in the file of the byte at a virtual address.

        Raises ObjectFormatError if no segment has it.
        """
        # Tags of tables hold addresses, not offsets in the file (gABI, "Dynamic Section").
        for start, offset, size in self._loads:
            if start <= address < start + size:
                return offset + address - start
        raise self._source.error(structure, f"address {address:#x} is in no loaded segment")

    def _string(self, place: int) -> bytes:
        """Return the string at `place` of the dynamic string table."""
        # One byte more, for the NUL; the table's size may be a lie, so that the file's bounds the read as well.
        size = min(_LONGEST_STRING + 1, self._strings_size - place)
        if place >= 0 and size > 0:
            end = min(size, self._source.size - self._strings - place)
            text, nul, _ = self._source.read(self._strings + place, end, "dynamic string").partition(b"\0")
            if nul:
                return text
        raise self._source.error("dynamic string table", f"no string at {place}", self._strings)

    def _candidates(self, name: bytes) -> list[int]:
        """Return rows of the symbol table that may have the name, by a hash table; all rows if there is none."""
        if self._symbols is None:
            return []
        for tag, candidates in ((loadable.DT_GNU_HASH, gnu_candidates), (loadable.DT_HASH, sysv_candidates)):
            place = self._first(tag)
            if place is not None:
                return candidates(self._source, self._offset(place, "hash table"), name)
        return list(range(self._count()))

    def _count(self) -> int:
        """Return the number of rows of the symbol table."""
        # No tag holds the count. DT_HASH has a chain word for each row; DT_GNU_HASH ends with the last defined symbol,
        # and has none for undefined ones: the section header knows better, where there is one.
        place = self._first(loadable.DT_HASH)
        if place is not None:
            word = self._source.read(self._offset(place, "hash table") + 4, 4, "hash table")
            return int.from_bytes(word, "little")
        rows = 0
        place = self._first(loadable.DT_GNU_HASH)
        if place is not None:
            rows = gnu_symbol_count(self._source, self._offset(place, "hash table"))
        return max(rows, self._count_in_sections())

    def _count_in_sections(self) -> int:
        if self._section_count == 0:
            return 0
        raw = self._source.read(int(self._header[1]), self._section_count * 64, "section headers")
        table = np.frombuffer(raw, elf.SECTION_HEADER)
        sizes: list[int] = table["size"][table["type"] == elf.SHT_DYNSYM].tolist()
        # A hostile size is cut to the file's, which bounds the list of rows that is made of it.
        return min(sizes[0], self._source.size) // 24 if sizes else 0

    def _table(self) -> AnyArray:
        """Return the symbol table; no row without one."""
        if self._symbols is None or not (size := self._count() * elf.SYMBOL.itemsize):
            return np.empty(0, elf.SYMBOL)
        return np.frombuffer(self._source.read(self._symbols, size, "dynamic symbol table"), elf.SYMBOL)

    def _symbol(self, row: int, name: bytes) -> DynamicSymbol | None:
        """Return the symbol of a row if it is a definition of `name`, else None."""
        assert self._symbols is not None
        raw = self._source.read(self._symbols + row * 24, 24, "dynamic symbol table")
        place, info, visibility, section, value, size = np.frombuffer(raw, elf.SYMBOL)[0].item()
        if section == 0 or info >> 4 not in _BOUND_BY_NAME or place + len(name) >= self._strings_size:
            return None
        # With the NUL, so that a longer name does not match.
        if self._source.read(self._strings + place, len(name) + 1, "dynamic string") != name + b"\0":
            return None
        versions = self._first(loadable.DT_VERSYM)
        # Without a table of versions every symbol is in the base one, VER_NDX_GLOBAL.
        number = 1
        if versions is not None:
            offset = self._offset(versions, "symbol versions") + row * 2
            number = int.from_bytes(self._source.read(offset, 2, "symbol versions"), "little")
        return self._make(name, info, visibility, section, value, size, number)

    def _make(
        self, name: bytes, info: int, visibility: int, section: int, value: int, size: int, number: int
    ) -> DynamicSymbol:
        # The other 15 bits are an index of version definitions; 0 and 1 are local and base, and have no name.
        version = self.versions.get(number & 0x7FFF)
        default = not number & _HIDDEN_VERSION
        return DynamicSymbol(name, info & 15, info >> 4, visibility & 3, section, value, size, version, default)

    def _versions_of(self, count: int) -> I64:
        place = self._first(loadable.DT_VERSYM)
        if place is None:
            return np.ones(count, np.int64)
        raw = self._source.read(self._offset(place, "symbol versions"), count * 2, "symbol versions")
        return np.frombuffer(raw, "<u2").astype(np.int64)


def read_shared_library(source: str | os.PathLike[str] | Buffer, name: str | None = None) -> SharedLibrary:
    """Open a shared library from a path or a buffer. Raises ObjectFormatError."""
    opened = ByteSource(source, name)
    try:
        return SharedLibrary(opened)
    except BaseException:
        opened.close()
        raise


def _refusal(source: ByteSource, problem: str, offset: int) -> ObjectFormatError:
    """Return the error for a file that is not a shared library; it says what it is instead."""
    from uruk.formats.foreign import kind_of  # seldom needed, and not at start-up

    description = kind_of(source.start, source.name)
    return source.error("ELF header", f"{problem}: it is {description}" if description else problem, offset)
