"""Reads `.a` archives on demand: System V/GNU, BSD/Darwin and thin, without reading the archive whole.

An archive is an 8-byte magic and members: a 60-byte header of text fields (name 16, date 12, user 6, group 6,
mode 8, size 10, then "`\\n"), the member's bytes, a pad to an even offset. Special members come first: an
index (archive_index.py) and `//`, the table of long names. A member's name is one of
    `name/`      System V: ends at the slash
    `/123`       System V: long, at offset 123 of `//`, up to a slash and newline (COFF: up to a NUL)
    `name`       BSD: ends at the padding
    `#1/20`      BSD: long, the first 20 bytes of the member's bytes
    `/123:4567`  GNU thin: the member with its header at 4567 of the archive that is named at offset 123
A thin archive (`!<thin>`) holds the special members only; other members are files, named from its own folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.archive_index import INDEX_NAMES, Entries, parse_index
from uruk.formats.byte_source import ByteSource

if TYPE_CHECKING:
    from typing_extensions import Buffer

MAGIC = b"!<arch>\n"
THIN_MAGIC = b"!<thin>\n"

_HEADER = 60
_HEAD = 64
_LONGEST_NAME = 4096  # as long as a path may be on Linux; bounds the work that a hostile name table can cause
_NAME = re.compile(rb"([^\n\0]{1,%d})[\n\0]" % (_LONGEST_NAME + 1))
_DEEPEST = 8  # archives within thin archives


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its name, where its header is, and where its `size` bytes are (thin: not in this file).

    `nested_offset` is, for a member of an archive that a thin archive names, the place of its header there;
    else -1.
    """

    name: str
    header_offset: int
    data_offset: int
    size: int
    nested_offset: int = -1


class Archive:
    """An open archive. Nothing but the first few members' headers is read until it is asked for."""

    def __init__(self, source: ByteSource) -> None:
        """Read the magic and the special members' headers. Raises ObjectFormatError if this is no archive."""
        self._source = source
        self.name = source.name
        self.size = source.size
        magic = source.read(0, min(8, source.size), "archive magic")
        if magic not in (MAGIC, THIN_MAGIC):
            from uruk.formats.foreign import kind_of  # seldom needed, and not at start-up

            named = kind_of(source.start, source.name)
            raise source.error("archive magic", f"not an archive: it is {named}" if named else "not an archive", 0)
        self.thin = magic == THIN_MAGIC
        self._identity = source.identity() if self.thin else None
        self._index_at: tuple[str, int, int] | None = None  # which kind, offset, size
        self._long_names_at = (0, 0)
        self._long_names: bytes | None = None
        self._names: dict[int, str] = {}
        self._entries: Entries | None = None
        self._index: dict[bytes, int] | None = None
        self._holders: dict[bytes, list[int]] | None = None
        self.make_entries: Callable[[Archive], Entries] | None = None
        """Makes the index of an archive that has none."""
        self._start = self._read_special_members()

    @classmethod
    def open(cls, source: str | os.PathLike[str] | Buffer, name: str | None = None) -> Archive:
        """Open a path or a buffer; `name` is what errors call it (and where a thin archive in a buffer
        lies).
        """
        opened = ByteSource(source, name)
        try:
            return cls(opened)
        except BaseException:
            opened.close()
            raise

    def identity(self) -> object:
        """The same for archives of one file, another one for any other archive."""
        return self._source.identity() or id(self)

    @property
    def has_index(self) -> bool:
        """True if the archive has a symbol index; if not, `make_entries` can make one from the members' symbols."""
        return self._index_at is not None

    def entries(self) -> Entries:
        """The index as columns: names, and the header offset of the member for each; earlier members
        first.
        """
        if self._entries is None:
            if self._index_at is None:
                self._entries = self.make_entries(self) if self.make_entries else ([], np.empty(0, np.int64))
            else:
                kind, offset, size = self._index_at
                data = self._source.read(offset, size, "archive index")
                self._entries = parse_index(self.name, kind, data, offset, self.size)
                if b"@" in data and b"@@" in data:
                    from uruk.formats.registry import index_names  # seldom needed

                    self._entries = index_names(self._head_of_members(), self._entries)
        return self._entries

    def _head_of_members(self) -> bytes:
        """The first bytes of the first member that the index names; empty where they cannot be read."""
        if self._entries is None or not self._entries[1].size:
            return b""
        try:
            member = self.member(int(self._entries[1][0]))
            return self.start_of(member, min(member.size, _HEAD))
        except ObjectFormatError:  # whoever needs the member hears of that
            return b""

    def index(self) -> dict[bytes, int]:
        """Name -> header offset of the first member that defines it. Raises ObjectFormatError."""
        if self._index is None:
            names, members = self.entries()
            # Built backwards, so that the first of several members is the one that stays.
            self._index = dict(zip(reversed(names), members[::-1].tolist(), strict=True))
        return self._index

    def holders(self, name: bytes) -> list[int]:
        """Header offsets of all members that define a name, in order. Raises ObjectFormatError."""
        if name not in self.index():
            return []
        if self._holders is None:
            self._holders = {}
            names, members = self.entries()
            for one, member in zip(names, members.tolist(), strict=True):
                self._holders.setdefault(one, []).append(member)
        return self._holders[name]

    def members(self) -> Iterator[Member]:
        """Every member that is not special, in order. Raises ObjectFormatError at the first one that is
        malformed.
        """
        offset = self._start
        while offset < self.size:
            member, following, special = self._header_at(offset)
            if not special:
                yield member
            offset = following

    def member(self, header_offset: int) -> Member:
        """The member whose header is at `header_offset`. Raises ObjectFormatError if there is none."""
        member, _, special = self._header_at(header_offset)
        if special:
            raise self._source.error("archive member", f"`{member.name}' is not a file", header_offset)
        return member

    def read(self, member: Member) -> bytes:
        """The member's bytes. Raises ObjectFormatError."""
        return self.start_of(member, member.size)

    def start_of(self, member: Member, size: int) -> bytes:
        """The first `size` bytes of the member, fewer if it is smaller. Raises ObjectFormatError."""
        size = min(size, member.size)
        if not self.thin:
            return self._source.read(member.data_offset, size, "archive member")
        source, offset = self._locate(member)
        with source:
            return source.read(offset, size, "archive member")

    def read_into(self, member: Member, target: memoryview) -> None:
        """Fill `target`, which has `member.size` bytes. Raises ObjectFormatError, ValueError for another
        size.
        """
        if len(target) != member.size:
            raise ValueError(f"member `{member.name}' has {member.size} bytes, the target {len(target)}")
        if self.thin:
            source, offset = self._locate(member)
            with source:
                source.read_into(offset, target, "archive member")
        else:
            self._source.read_into(member.data_offset, target, "archive member")

    def path_of(self, member: Member) -> str:
        """Return where the file of a thin archive's member is. Raises ObjectFormatError if the archive's place is
        unknown.
        """
        place = self._source.path or self.name
        if place.startswith("<"):
            raise self._source.error("thin archive", "in a buffer without a name its members cannot be found")
        return os.path.join(os.path.dirname(place), member.name)

    def close(self) -> None:
        """Close the file; an index that was read stays."""
        self._source.close()

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Headers and names

    def _read_special_members(self) -> int:
        """Note where index and long names are; returns the offset of the first other member."""
        offset = 8
        while offset < self.size:
            raw = self._source.read(offset, 16, "archive member header")
            if raw[:1] not in b"/_#" or (raw[:1] == b"/" and raw[1:2].isdigit()):
                break
            member, following, special = self._header_at(offset)
            if not special:
                break
            place = (member.data_offset, member.size)
            if member.name == "//":
                self._long_names_at = place
            elif member.name in INDEX_NAMES and self._index_at is None:
                # A second `/` is COFF's little-endian index of the same symbols.
                self._index_at = (member.name, *place)
            offset = following
        return offset

    def _header_at(self, offset: int) -> tuple[Member, int, bool]:
        """The member at `offset`, where the next one begins (always further on), and whether it is
        special.
        """
        raw = self._source.read(offset, _HEADER, "archive member header")
        digits = raw[48:58].rstrip(b" ")
        if offset < 8 or raw[58:] != b"`\n" or not digits.isdigit():
            raise self._source.error("archive member header", "malformed", offset)
        size = int(digits)
        data = offset + _HEADER
        name, inside, nested = self._name(raw[:16], data, size, offset)
        special = _is_special(name) and not (raw[:1] == b"/" and raw[1:2].isdigit())
        held = not self.thin or special
        if held and data + size > self.size:
            problem = f"`{name}' has {size} bytes, the archive {self.size - data} more"
            raise self._source.error("archive member header", problem, offset)
        end = data + size if held else data
        return Member(name, offset, data + inside, size - inside, nested), end + (end & 1), special

    def _name(self, field: bytes, data: int, size: int, offset: int) -> tuple[str, int, int]:
        """Name of a member, how many of its bytes the name takes, and its place in a nested archive or -1."""
        if field.startswith(b"#1/") and field[3:].rstrip().isdigit():
            length = int(field[3:])
            if length > min(size, _LONGEST_NAME):
                raise self._source.error("archive member header", f"a name of {length} bytes does not fit", offset)
            return os.fsdecode(self._source.read(data, length, "member name").rstrip(b"\0")), length, -1
        text = field.rstrip(b" ")
        if not text.startswith(b"/"):
            return os.fsdecode(text[:-1] if text.endswith(b"/") else text), 0, -1
        place, colon, nested = text[1:].partition(b":")
        if not place.isdigit():
            return os.fsdecode(text), 0, -1
        if colon and not (self.thin and nested.isdigit()):
            raise self._source.error("archive member header", f"malformed name {os.fsdecode(text)!r}", offset)
        return self._long_name(int(place), offset), 0, int(nested) if colon else -1

    def _long_name(self, place: int, offset: int) -> str:
        """The name that begins at `place` of the long names; kept, so that members share one copy."""
        if self._long_names is None:
            self._long_names = self._source.read(*self._long_names_at, "long names")
        name = self._names.get(place)
        if name is None:
            text = _NAME.match(self._long_names, place)
            if text is None or (place > 0 and self._long_names[place - 1] not in b"\n\0"):
                problem = f"no name begins at {place} of the {len(self._long_names)} bytes of long names"
                raise self._source.error("archive member header", problem, offset)
            name = self._names[place] = os.fsdecode(text[1].removesuffix(b"/"))
        return name

    # Thin archives

    def _locate(self, member: Member) -> tuple[ByteSource, int]:
        """The file that holds a thin archive's member, open, and where in it the member's bytes begin."""
        archive, wanted = self, member
        for _ in range(_DEEPEST):
            source = archive._open_thin(wanted)
            try:
                if wanted.nested_offset < 0:
                    return source, 0
                archive = Archive(source)
                inner, _, _ = archive._header_at(wanted.nested_offset)
                if inner.size != member.size:
                    problem = f"`{inner.name}' in `{wanted.name}' has {inner.size} bytes, not {member.size}"
                    raise self._source.error("thin archive", problem, member.header_offset)
                if not archive.thin:
                    return source, inner.data_offset
            except BaseException:
                source.close()
                raise
            wanted = inner
        raise self._source.error("thin archive", f"archives nested {_DEEPEST} deep", member.header_offset)

    def _open_thin(self, member: Member) -> ByteSource:
        path = self.path_of(member)
        source = ByteSource(path, f"{self.name}({member.name})")
        problem = ""
        if source.identity() == self._identity:
            problem = "the archive contains itself"
        elif member.nested_offset < 0 and source.size != member.size:
            problem = f"`{path}' has {source.size} bytes, not {member.size}: make the archive anew"
        if problem:
            source.close()
            raise self._source.error("thin archive", problem, member.header_offset)
        return source


def _is_special(name: str) -> bool:
    """Index, long names, and COFF's further tables (`/<ECSYMBOLS>/`)."""
    return name in INDEX_NAMES or name == "//" or name.startswith("/<")


def is_archive(magic: bytes) -> bool:
    """True if a file that begins with these 8 bytes is an archive that this module reads."""
    return magic in (MAGIC, THIN_MAGIC)
