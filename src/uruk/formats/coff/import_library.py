"""Import libraries: archives whose members say which names are in which DLLs.

There are two kinds of members. A short import (Microsoft's, LLVM's) is a header and three strings. A long one is an
object with a slot in `.idata$5`, called `__imp_X`, a jump through it, called X, and the name in the DLL in `.idata$6`.
It refers to the member that has the DLL's descriptor (`.idata$2`), from which the DLL's name is found:

| writer | the descriptor's symbol | the DLL's name |
| --- | --- | --- |
| GNU's dlltool and ld | ``_head_...``, ``__tailMerge_...`` | in a third member, whose symbol ends in ``_iname`` |
| Free Pascal (slots without a name; jumps called ``_$dll$LIBRARY$X``) | ``imp..._head_...`` | in a third member |
| Microsoft's old librarians | ``__IMPORT_DESCRIPTOR_...`` | beside the descriptor, in `.idata$6` |

Archives may have ordinary objects beside imports.

Nothing of these is linked: an image's import tables are made for a loader that uruk does not need, and slots and jumps
are made like those of any other name from outside.
Source: the PE/COFF specification, "Import Library Format", "Import Type", "Import Name Type"; binutils' dlltool.c.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable
from functools import cached_property

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.archive_index import Entries
from uruk.formats.coff import constants as coff
from uruk.formats.coff.headers import read_header
from uruk.formats.coff.names import ShortNames
from uruk.formats.coff.pair import Pair
from uruk.formats.coff.sections import Sections, read_sections
from uruk.formats.coff.symbols import Records, read_records, texts_of
from uruk.formats.interface import Import, Members, Span
from uruk.graph.arena import Arena
from uruk.graph.types import NONE, true_rows
from uruk.records import record

SLOT_PREFIX = b"__imp_"
_HEAD, _DELAYED, _NAME = b"_head_", b"__tailMerge_", b"_iname"
"""The beginnings and the end of the names by which GNU members find the DLL's name: `_DELAYED` is the beginning of a
head's name in a library for delayed loading (``dlltool --output-delaylib``)."""
_DESCRIPTOR = b"__IMPORT_DESCRIPTOR_"
_OF_PASCAL = b"_$dll$"
"""The beginning of the names of imports in Free Pascal's libraries."""
_PASCAL_TABLES = re.compile(rb"imp.*_(?:head|names|fixup|dll)_")
"""The names of descriptors and tables there: ``impUNIT_head_kernel32.dll``."""
# A name like "\x7fkernel32_NULL_THUNK_DATA" is that of the member which ends a DLL's slots.
_MACHINERY = (
    SLOT_PREFIX, _HEAD, _DELAYED, b"__nm_", _DESCRIPTOR, b"__NULL_IMPORT_DESCRIPTOR",
    b"__DELAY_IMPORT_DESCRIPTOR_", b"\x7f", _OF_PASCAL,
)  # fmt: skip
"""Beginnings of the names of members that are not ordinary objects, as indexes of import libraries have them."""
# `Sections.begins` compares beginnings: a text that ends in a NUL is a whole name, and `.idata$5` not `.idata$50`.
_TABLES, _SLOTS, _NAMES, _LIBRARY = b".idata$", b".idata$5\0", b".idata$6\0", b".idata$7\0"
_DESCRIPTORS = b".idata$2\0"
_NAME_FIELD = 12
"""The place in a descriptor of the DLL's name (PE Format, "Import Directory Table")."""
_NUMBERS = b".idata$4\0"
"""The same as slots before a loader fills these. Slots of delayed imports begin as addresses of what fills them."""
_SHORT_SIGNATURE = b"\0\0\xff\xff\0\0"
_CODE, _CONST = 0, 2
"""Kinds of imports; 1 is data."""
# IMPORT_OBJECT_NAME_TYPE; EXPORT_AS (4) brings the name in the DLL as a third string.
_BY_ORDINAL, _BY_NAME, _NO_PREFIX, _UNDECORATED, _EXPORT_AS = range(5)
_BY_NUMBER = 1 << 63
"""The bit of a slot that means a number, not a name."""
_HEADER = "import header"


class ImportLibrary:
    """The imports of an archive; see `uruk.formats.interface.ImportLibrary`."""

    def __init__(self, archive: Members, pair_of: Callable[[], Pair]) -> None:
        self._archive = archive
        self._pair_of = pair_of
        self._libraries: dict[bytes, str] = {}
        """The names of DLLs by the symbol through which imports refer to them."""

    @cached_property
    def _candidates(self) -> set[int]:
        """The header offsets of members that define a name as imports do."""
        # The index tells candidates from ordinary objects, so that these are not opened to be looked at.
        names, offsets = self._archive.entries()
        pairs = zip(names, offsets.tolist(), strict=True)
        return {
            offset
            for name, offset in pairs
            if name.startswith(_MACHINERY) or name.endswith(_NAME) or _PASCAL_TABLES.match(name)
        }

    def imports_of(self, offset: int) -> list[Import] | None:
        """See `uruk.formats.interface.ImportLibrary.imports_of`."""
        if offset not in self._candidates:
            return None
        file, data = self._archive.content_of(offset)
        if data[:6] == _SHORT_SIGNATURE:
            return [read_short(data, file, self._pair_of())]
        parts = read_parts(data, file, self._pair_of())
        if parts is None:
            return None
        # A member with tables and no slot, the head or the end of a DLL's, imports nothing and is not linked.
        return [parts.imported(self._library_at(parts.head, file))] if parts.slot else []

    def _library_at(self, head: bytes, file: str) -> str:
        """Return the DLL's name: the member that defines the symbol `head` refers to another one, which has it."""
        known = self._libraries.get(head)
        if known is None:
            # A slot's member names the head, and the head names the text, which is beside it or in a third member.
            parts = self._parts_with(head, file)
            library = parts.described
            if not library:
                library = self._parts_with(parts.refers_to(_NAME, at_end=True) or parts.describes, file).library
            if not library:
                raise ObjectFormatError(file, f"symbol `{_text(head)}'", "refers to no name of a DLL")
            known = self._libraries[head] = os.fsdecode(library)
        return known

    def _parts_with(self, name: bytes, file: str) -> _Parts:
        offset = self._archive.index().get(name) if name else None
        if offset is None:
            problem = "imports from a DLL, but no symbol of its archive refers to the DLL's name"
            raise ObjectFormatError(file, f"symbol `{_text(name)}'" if name else "symbol table", problem)
        owner, data = self._archive.content_of(offset)
        parts = read_parts(data, owner, self._pair_of())
        if parts is None:
            raise ObjectFormatError(owner, f"symbol `{_text(name)}'", "is to refer to a DLL's name, and does not")
        return parts


def read_short(data: bytes, file: str, pair: Pair) -> Import:
    """Return a short import. Raises ObjectFormatError for one that is malformed, or for another machine."""
    if len(data) < 20:
        raise ObjectFormatError(file, _HEADER, "cut short", len(data))
    # Two signature words and Version are passed over, then TimeDateStamp. The hint is an ordinal where the import is by
    # number.
    machine, size, hint, flags = struct.unpack_from("<6xH4xIHH", data)
    if machine != pair.MACHINE:
        problem = f"it is for machine {machine:#x}, expected {pair.MACHINE:#x} ({pair.NAME})"
        raise ObjectFormatError(file, _HEADER, problem, 6)
    # Type has two bits, Name Type the next three; the rest is reserved.
    kind, how = flags & 3, flags >> 2 & 7
    if kind > _CONST or how > _EXPORT_AS:
        raise ObjectFormatError(file, _HEADER, f"imports in a way that does not exist ({flags:#x})", 18)
    # The symbol's name and the DLL's follow, each with its NUL. What `split` gives behind the last NUL is counted
    # below.
    name, *others = data[20 : 20 + size].split(b"\0")
    if len(data) < 20 + size or not name or len(others) < 2 + (how == _EXPORT_AS) or not others[0]:
        raise ObjectFormatError(file, _HEADER, f"{size} bytes of names do not fit, or lack one", 12)
    export = others[1] if how == _EXPORT_AS else _export_name(name, how)
    if not export and how != _BY_ORDINAL:
        raise ObjectFormatError(file, f"import `{_text(name)}'", "its name in the DLL is empty", 20)
    return Import(name, os.fsdecode(others[0]), export, hint, is_data=kind != _CODE)


def names_of_member(data: bytes, file: str, pair: Pair) -> list[bytes]:
    """The names that an index has for a member of an import library; none for an ordinary object.

    A malformed member has none, either: its link says what is wrong with it.
    """
    try:
        if data[:6] == _SHORT_SIGNATURE:
            item = read_short(data, file, pair)
            # Only code has a jump, which has the name without the prefix.
            return [SLOT_PREFIX + item.name] if item.is_data else [SLOT_PREFIX + item.name, item.name]
        parts = read_parts(data, file, pair)
    except ObjectFormatError:
        return []
    return [] if parts is None else [name for name, section in parts.names.items() if section > coff.SYM_UNDEFINED]


def _export_name(name: bytes, how: int) -> bytes:
    """Return the name in the DLL, of a symbol as objects have it."""
    if how == _BY_ORDINAL:
        return b""
    # NAME_NOPREFIX skips a leading ?, @ or _; NAME_UNDECORATE also ends the name at the first @.
    if how in (_NO_PREFIX, _UNDECORATED) and name[:1] in (b"?", b"@", b"_"):
        name = name[1:]
    return name.partition(b"@")[0] if how == _UNDECORATED else name


def read_parts(data: bytes, file: str, pair: Pair) -> _Parts | None:
    """Return a member of a GNU import library; None for an ordinary object. Raises ObjectFormatError."""
    # The arena is this member's own: nothing of it gets into a link.
    arena, [start] = Arena.join([data])
    span = Span(file, start, len(data))
    header = read_header(memoryview(arena.buffers[0]), span, pair.MACHINE, pair.NAME)
    short = ShortNames(arena)
    sections = read_sections(arena.buffers[0], [span], [header], short)
    # Sections come first: for ordinary objects, which many archives have, no symbol is read.
    if not sections.begins(_TABLES).any():
        return None
    records = read_records(sections, short)
    rows = true_rows(records.storage == coff.CLASS_EXTERNAL)
    section: list[int] = records.section[rows].tolist()
    return _Parts(file, sections, dict(zip(texts_of(records, rows), section, strict=True)), records)


@record
class _Parts:
    """The contents of a member of a GNU import library."""

    file: str
    sections: Sections
    names: dict[bytes, int]
    """External symbols, each with the number of its section."""
    records: Records

    @property
    def slot(self) -> bytes:
        """The name of the slot without its prefix, or that of Free Pascal's jump through one; empty without one."""
        for name, section in self.names.items():
            if name.startswith(SLOT_PREFIX):
                return name[len(SLOT_PREFIX) :]
            if name.startswith(_OF_PASCAL) and section > coff.SYM_UNDEFINED:
                return name
        return b""

    @property
    def head(self) -> bytes:
        """The symbol through which this member refers to its DLL; empty if there is none."""
        return (
            self.refers_to(_HEAD)
            or self.refers_to(_DELAYED)
            or self._undefined(self._named_by(_LIBRARY, 0))
            or self.refers_to(_DESCRIPTOR)
        )

    @property
    def library(self) -> bytes:
        """The DLL's name, if it is here."""
        return self._content(_LIBRARY).partition(b"\0")[0]

    @property
    def described(self) -> bytes:
        """The DLL's name to which a descriptor here refers; empty if it is in another member, or there is none."""
        symbol = self._named_by(_DESCRIPTORS, _NAME_FIELD)
        section = NONE if symbol == NONE else int(self.records.section[symbol])
        if not 0 < section <= self.sections.size.size:
            return b""
        return self._content_of(section - 1)[int(self.records.value[symbol]) :].partition(b"\0")[0]

    @property
    def describes(self) -> bytes:
        """The undefined symbol by which a descriptor here refers to its DLL's name; empty if there is none."""
        return self._undefined(self._named_by(_DESCRIPTORS, _NAME_FIELD))

    def _named_by(self, name: bytes, offset: int) -> int:
        """Return the record that the relocation at an offset of a section names; `NONE` without one."""
        sections = self.sections
        for row in true_rows(sections.begins(name)).tolist():
            start, count = int(sections.relocations[row]), int(sections.relocation_count[row])
            table = sections.buffer[start : start + count * coff.RELOCATION_SIZE].view(coff.RELOCATION)
            for symbol in table["symbol"][table["offset"] == offset].tolist():
                if symbol < self.records.section.size:
                    return int(symbol)
        return NONE

    def _undefined(self, symbol: int) -> bytes:
        """Return the name of a record that is an undefined symbol; empty for another, and for `NONE`."""
        rows = np.array([symbol], np.int64)
        is_one = symbol != NONE and self.names.get(texts_of(self.records, rows)[0]) == coff.SYM_UNDEFINED
        return texts_of(self.records, rows)[0] if is_one else b""

    def refers_to(self, mark: bytes, *, at_end: bool = False) -> bytes:
        """Return the undefined symbol whose name begins or ends so; empty if there is none."""
        names = (name for name, section in self.names.items() if section == coff.SYM_UNDEFINED)
        return next((name for name in names if (name.endswith(mark) if at_end else name.startswith(mark))), b"")

    def imported(self, library: str) -> Import:
        """Return the import from a DLL. Raises ObjectFormatError where its slot or name is malformed."""
        name, slots = self.slot, self._content(_SLOTS)
        if len(slots) != 8:
            raise ObjectFormatError(self.file, "section `.idata$5'", f"a slot has 8 bytes, not {len(slots)}")
        is_delayed = self.head.startswith(_DELAYED)
        value = int.from_bytes(self._content(_NUMBERS) if is_delayed else slots, "little")
        # A function's member defines its jump by the bare name; a variable's defines the slot only.
        is_data = self.names.get(name, coff.SYM_UNDEFINED) <= 0
        if value & _BY_NUMBER:
            # The number of an import has 16 bits, whatever else the slot holds.
            return Import(name, library, b"", value & 0xFFFF, is_data)
        named = self._content(_NAMES)
        # A hint of 2 bytes stands in front of the name (PE Format, "Hint/Name Table").
        export, end, _ = named[2:].partition(b"\0")
        if not export or not end:
            raise ObjectFormatError(self.file, "section `.idata$6'", "holds no name, which ends in NUL")
        return Import(name, library, export, int.from_bytes(named[:2], "little"), is_data)

    def _content(self, name: bytes) -> bytes:
        """Return the content of the section of a name; empty without one."""
        rows = true_rows(self.sections.begins(name) & (self.sections.start >= 0))
        return self._content_of(int(rows[0])) if rows.size else b""

    def _content_of(self, row: int) -> bytes:
        start, size = int(self.sections.start[row]), int(self.sections.size[row])
        return self.sections.buffer[start : start + size].tobytes() if start >= 0 else b""


def index_with_imports(entries: Entries) -> Entries:
    """Return an index in which a variable's import also has the variable's own name, in the same order.

    Its member defines ``__imp_X`` only. GNU ld lets code that declares no import refer to X all the same
    ("auto-import"), and so it is here; where a member of the archive has X itself, that one stays it.
    """
    known = set(entries[0])
    names: list[bytes] = []
    rows: list[int] = []
    for row, name in enumerate(entries[0]):
        bare = name.removeprefix(SLOT_PREFIX)
        names += [name] if bare in known else [name, bare]
        rows += [row] * (1 + (bare not in known))
    return names, entries[1][rows]


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")
