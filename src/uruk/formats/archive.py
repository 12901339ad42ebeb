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
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.byte_source import ByteSource
from uruk.named_tuples import NamedTuple

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from uruk.formats.archive_index import Entries
    from uruk.regular_files import FileState

MAGIC = b"!<arch>\n"
THIN_MAGIC = b"!<thin>\n"
INDEX_NAMES = frozenset(
    ("/", "/SYM64/", "__.SYMDEF", "__.SYMDEF SORTED", "__.SYMDEF_64", "__.SYMDEF_64 SORTED"),
)
"""Names of members that are an index."""

_HEADER = 60  # bytes of a member's header (<ar.h>, struct ar_hdr)
_HEAD = 64  # bytes of a member that say which format it has
_LONGEST_NAME = 4096  # as long as a path may be on Linux; bounds the work that a hostile name table can cause
# A long name ends in a newline (GNU) or a NUL (COFF). One byte more: GNU's slash before the newline is not part of it.
_NAME = rb"([^\n\0]{1,%d})[\n\0]" % (_LONGEST_NAME + 1)
_IMPORTS = (b"__imp_", b"_$dll$")
"""Beginnings of the names of imports: the second is Free Pascal's."""
_DEEPEST = 8  # archives within thin archives: two that name each other would nest without end


class Member(NamedTuple):
    """One member: its name, and the offsets of its header and of its `size` bytes, which a thin archive does not hold.

    A thin archive may name a member of another archive: `nested_offset` is the offset of its header there, else -1.
    """

    name: str
    header_offset: int
    data_offset: int
    size: int
    nested_offset: int = -1


class Archive:
    """An open archive. Only the headers of the special members are read before something is asked for."""

    def __init__(self, source: ByteSource) -> None:
        """Read the magic and the special members' headers. Raises ObjectFormatError if this is not an archive."""
        self._source = source
        self.name = source.name
        self.size = source.size
        # A shorter file is said to be no archive, not to lack bytes of one.
        magic = source.read(0, min(8, source.size), "archive magic")
        if magic not in (MAGIC, THIN_MAGIC):
            from uruk.formats.foreign import kind_of  # seldom needed, and not at start-up

            named = kind_of(source.start, source.name)
            raise source.error("archive magic", f"not an archive: it is {named}" if named else "not an archive", 0)
        self.thin = magic == THIN_MAGIC
        # Only a thin archive opens further files, and may find itself among them.
        self._identity = source.identity() if self.thin else None
        self._index_at: tuple[str, int, int] | None = None  # the name of its member, offset, size
        self._long_names_at = (0, 0)
        self._long_names: bytes | None = None
        self._names: dict[int, str] = {}
        self._entries: Entries | None = None
        self._index: dict[bytes, int] | None = None
        self._holders: dict[bytes, list[int]] | None = None
        self._has_imports = False
        self.make_entries: Callable[[Archive], Entries] | None = None
        """Makes the index of an archive that was written without one; None: such an archive defines no names."""
        self._start = self._read_special_members()

    @classmethod
    def open(cls, source: str | os.PathLike[str] | Buffer, name: str | None = None) -> Archive:
        """Open a path or a buffer. Errors call it `name`, which is also the path of a thin archive in a buffer."""
        opened = ByteSource(source, name)
        try:
            return cls(opened)
        except BaseException:  # Ctrl-C included: no archive owns the source yet, so that nothing else would close it
            opened.close()
            raise

    def identity(self) -> object:
        """Return a value that is equal for archives of one file, and differs for all others."""
        return self._source.identity() or id(self)

    def state(self) -> FileState | None:
        """See `ByteSource.state`."""
        return self._source.state()

    @property
    def has_index(self) -> bool:
        """True if the archive has a symbol index; if not, `make_entries` can make one from the members' symbols."""
        return self._index_at is not None

    def entries(self) -> Entries:
        """Return the index as columns, in the order of the members: names, and the header offset of the member of
        each."""
        if self._entries is None:
            if self._index_at is None:
                self._entries = self.make_entries(self) if self.make_entries else ([], np.empty(0, np.int64))
                self._has_imports = any(name.startswith(_IMPORTS) for name in self._entries[0])
                if self._has_imports:
                    from uruk.formats.registry import index_names  # seldom needed

                    self._entries = index_names(self._head_of_members(), self._entries)
            else:
                kind, offset, size = self._index_at
                data = self._source.read(offset, size, "archive index")
                from uruk.formats.archive_index import parse_index  # of many archives a name is asked for, or nothing

                self._entries = parse_index(self.name, kind, data, offset, self.size)
                from uruk.formats.registry import index_names, may_import

                # Indices of large libraries have megabytes of names: they are searched for what there can be only.
                self._has_imports = may_import(self._head_of_members()) and any(text in data for text in _IMPORTS)
                # One byte is found ten times as fast as two, and most indices have no versions (GNU's `f@@V`).
                if self._has_imports or (b"@" in data and b"@@" in data):
                    self._entries = index_names(self._head_of_members(), self._entries)
        return self._entries

    def has_in_index(self, name: bytes) -> bool:
        """Return True if the index has a name, found without reading it row by row."""
        kind_and_place = self._index_at
        return kind_and_place is not None and b"\0" + name + b"\0" in self._source.read(
            *kind_and_place[1:], "archive index"
        )

    def _head_of_members(self) -> bytes:
        """Return the first bytes of the first member that the index names; empty where they cannot be read."""
        if self._entries is None or not self._entries[1].size:
            return b""
        try:
            member = self.member(int(self._entries[1][0]))
            return self.start_of(member, min(member.size, _HEAD))
        except ObjectFormatError:  # a lookup that needs the member will raise it
            return b""

    @property
    def has_imports(self) -> bool:
        """True if the index has names of imports from shared libraries (`uruk.formats.interface.Import`)."""
        return bool(self.entries()) and self._has_imports

    def index(self) -> dict[bytes, int]:
        """Return by name the header offset of the first member that defines it. Raises ObjectFormatError."""
        if self._index is None:
            names, members = self.entries()
            # A dict keeps the last value of a key: from the end on, the first member that defines a name stays.
            self._index = dict(zip(reversed(names), members[::-1].tolist(), strict=True))
        return self._index

    def names_of(self, header_offset: int) -> list[bytes]:
        """Return the names that the index has for the member whose header is at an offset. Raises ObjectFormatError."""
        names, members = self.entries()
        first, end = members.searchsorted([header_offset, header_offset + 1]).tolist()
        return names[first:end]

    def holders(self, name: bytes) -> list[int]:
        """Return the header offsets of all members that define a name, in order. Raises ObjectFormatError."""
        if name not in self.index():
            return []
        if self._holders is None:
            self._holders = {}
            names, members = self.entries()
            for defined, member in zip(names, members.tolist(), strict=True):
                self._holders.setdefault(defined, []).append(member)
        return self._holders[name]

    def members(self) -> Iterator[Member]:
        """Yield all members that are not special, in order. Raises ObjectFormatError at the first malformed one."""
        offset = self._start
        while offset < self.size:
            member, following, special = self._header_at(offset)
            if not special:
                yield member
            offset = following

    def member(self, header_offset: int) -> Member:
        """Return the member whose header is at `header_offset`. Raises ObjectFormatError if there is none."""
        member, _, special = self._header_at(header_offset)
        if special:
            raise self._source.error("archive member", f"`{member.name}' is not a file", header_offset)
        return member

    def read(self, member: Member) -> bytes:
        """Return the member's bytes. Raises ObjectFormatError."""
        return self.start_of(member, member.size)

    def content_of(self, header_offset: int) -> tuple[str, bytes]:
        """Return ``archive(member)`` and the bytes of the member whose header is at an offset.

        Raises ObjectFormatError.
        """
        member = self.member(header_offset)
        return f"{self.name}({member.name})", self.read(member)

    def start_of(self, member: Member, size: int) -> bytes:
        """Return the first `size` bytes of the member, fewer if it is smaller. Raises ObjectFormatError."""
        size = min(size, member.size)
        if not self.thin:
            return self._source.read(member.data_offset, size, "archive member")
        source, offset = self._locate(member)
        with source:
            return source.read(offset, size, "archive member")

    def read_into(self, member: Member, target: memoryview) -> None:
        """Fill `target`. Raises ObjectFormatError; ValueError if `target` has not `member.size` bytes."""
        if len(target) != member.size:
            raise ValueError(f"member `{member.name}' has {member.size} bytes, the target {len(target)}")
        if self.thin:
            source, offset = self._locate(member)
            with source:
                source.read_into(offset, target, "archive member")
        else:
            self._source.read_into(member.data_offset, target, "archive member")

    def path_of(self, member: Member) -> str:
        """Return the path of the file of a thin archive's member.

        Raises ObjectFormatError if the archive's own is unknown.
        """
        place = self._source.path or self.name
        if place.startswith("<"):
            raise self._source.error("thin archive", "in a buffer without a name its members cannot be found")
        # Names are relative to the archive's folder (GNU ar, "thin"); join keeps an absolute one.
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
        """Record where the index and the long names are; return the offset of the first other member."""
        # Behind the magic.
        offset = 8
        while offset < self.size:
            # The first 16 bytes are the name. Special members have one of `/`, `__.SYMDEF` or, written out, BSD's
            # `#1/20`; `/` and a digit is a long name, which ordinary members have.
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
                # A second `/` is COFF's little-endian index of the same symbols (PE/COFF, "Second Linker Member").
                self._index_at = (member.name, *place)
            offset = following
        return offset

    def _header_at(self, offset: int) -> tuple[Member, int, bool]:
        """Return the member at `offset`, the offset of the next one, and True for a special member."""
        raw = self._source.read(offset, _HEADER, "archive member header")
        # ar_size (decimal, padded with spaces) and ar_fmag. An index may name any offset, also one in the magic.
        digits = raw[48:58].rstrip(b" ")
        if offset < 8 or raw[58:] != b"`\n" or not digits.isdigit():
            raise self._source.error("archive member header", "malformed", offset)
        size = int(digits)
        data = offset + _HEADER
        name, inside, nested = self._name(raw[:16], data, size, offset)
        # The table of long names may spell `/` or `//`, too: that is a file of this name, no special member.
        special = _is_special(name) and not (raw[:1] == b"/" and raw[1:2].isdigit())
        # A thin archive has the header of an ordinary member only; `size` is that of the file it names.
        held = not self.thin or special
        if held and data + size > self.size:
            problem = f"`{name}' has {size} bytes, the archive {self.size - data} more"
            raise self._source.error("archive member header", problem, offset)
        end = data + size if held else data
        # Headers begin at even offsets; the pad byte is not in `size`. The next one lies at least 60 bytes further on,
        # so that a walk over hostile members ends.
        return Member(name, offset, data + inside, size - inside, nested), end + (end & 1), special

    def _name(self, field: bytes, data: int, size: int, offset: int) -> tuple[str, int, int]:
        """Return a member's name, the number of its bytes that hold the name, and its offset in a nested archive or
        -1."""
        if field.startswith(b"#1/") and field[3:].rstrip().isdigit():
            # BSD: the name lies before the content and counts in its size, padded with NULs to an alignment.
            # Decimal, in a field of 13 characters: a number of bounded length.
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
        # Only thin archives name members of other archives.
        if colon and not (self.thin and nested.isdigit()):
            raise self._source.error("archive member header", f"malformed name {os.fsdecode(text)!r}", offset)
        return self._long_name(int(place), offset), 0, int(nested) if colon else -1

    def _long_name(self, place: int, offset: int) -> str:
        """Return the name that begins at `place` of the long names."""
        if self._long_names is None:
            self._long_names = self._source.read(*self._long_names_at, "long names")
        name = self._names.get(place)
        if name is None:
            text = re.compile(_NAME).match(self._long_names, place)
            # A name begins behind the end of another. From the middle of names, too, a small table would give very
            # many.
            if text is None or (place > 0 and self._long_names[place - 1] not in b"\n\0"):
                problem = f"no name begins at {place} of the {len(self._long_names)} bytes of long names"
                raise self._source.error("archive member header", problem, offset)
            # GNU ends a name in a slash, so that it may have spaces. It is kept: members of one name share the text.
            name = self._names[place] = os.fsdecode(text[1].removesuffix(b"/"))
        return name

    # Thin archives

    def _locate(self, member: Member) -> tuple[ByteSource, int]:
        """Open the file that holds a thin archive's member; return it, and the offset of the member's bytes in it."""
        archive, wanted = self, member
        for _ in range(_DEEPEST):
            source = archive._open_thin(wanted)
            try:
                if wanted.nested_offset < 0:
                    return source, 0
                archive = Archive(source)
                nested, _, _ = archive._header_at(wanted.nested_offset)
                if nested.size != member.size:
                    problem = f"`{nested.name}' in `{wanted.name}' has {nested.size} bytes, not {member.size}"
                    raise self._source.error("thin archive", problem, member.header_offset)
                if not archive.thin:
                    return source, nested.data_offset
            except BaseException:
                source.close()
                raise
            wanted = nested
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
    """Return True for the name of an index, of the long names, or of one of COFF's further tables (`/<ECSYMBOLS>/`)."""
    return name in INDEX_NAMES or name == "//" or name.startswith("/<")


def is_archive(magic: bytes) -> bool:
    """Return True if a file that begins with these 8 bytes is an archive that this module reads."""
    return magic in (MAGIC, THIN_MAGIC)
