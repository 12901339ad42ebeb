"""The symbol index of an archive: which member defines a name.

Four layouts, distinguished by the name of the member that holds them:
- `/`: 32-bit big-endian count, as many member offsets, as many NUL-terminated names (System V, GNU, COFF);
- `/SYM64/`: the same with 64-bit numbers (GNU, for archives past 4 GiB);
- `__.SYMDEF`, `__.SYMDEF SORTED`: byte size of an array of (name offset, member offset), the array, byte size
  of the names, the names; 32-bit little-endian on every machine still made (BSD, Darwin);
- `__.SYMDEF_64`, `__.SYMDEF_64 SORTED`: the same with 64-bit numbers.
An offset is that of the member's header in the archive.
"""

from __future__ import annotations

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.gather import NAME_SHARING
from uruk.graph.types import I64

Entries = tuple[list[bytes], I64]
"""Names, and for each the offset of its member's header."""


def parse_index(file: str, kind: str, data: bytes, offset: int, archive_size: int) -> Entries:
    """Return entries of the index `data` that lies at `offset`, in the order of the members; `kind` is one of
    `uruk.formats.archive.INDEX_NAMES`.

    Raises ObjectFormatError if the tables do not fit, or a member offset is not inside the archive.
    """
    if kind.startswith("__.SYMDEF"):
        names, members = _bsd(file, data, offset, 8 if "_64" in kind else 4)
    else:
        names, members = _system_v(file, data, offset, 8 if kind == "/SYM64/" else 4)
    # An offset is that of a member's header: 60 bytes, somewhere behind the magic's 8.
    bad = (members < 8) | (members > archive_size - 60)
    if bad.any():
        row = int(np.argmax(bad))
        problem = f"entry {row} names a member at {int(members[row]):#x}, outside the archive"
        raise ObjectFormatError(file, "archive index", problem, offset)
    # Most indices are in the members' order already. A stable sort keeps the order of the names of one member.
    if members.size > 1 and bool((members[1:] < members[:-1]).any()):
        order = np.argsort(members, kind="stable")
        members = members[order]
        rows: list[int] = order.tolist()
        names = [names[row] for row in rows]
    return names, members


def _system_v(file: str, data: bytes, offset: int, width: int) -> Entries:
    # Sizes are Python's numbers: what a hostile file says cannot overflow before it is compared with the size.
    count = int.from_bytes(data[:width], "big")
    end = width + count * width
    # An empty member has no count; `int.from_bytes` makes 0 of it.
    if len(data) < width or end > len(data):
        problem = f"{count} entries do not fit in {len(data)} bytes"
        raise ObjectFormatError(file, "archive index", problem, offset)
    # Big-endian on every machine (System V), whatever the members are.
    members = np.frombuffer(data, f">u{width}", count, width)
    # At most `count` splits give count + 1 pieces: the last one is what lies behind the names, such as padding.
    names = data[end:].split(b"\0", count)
    if len(names) != count + 1:
        problem = f"{count} entries, but {len(names) - 1} names"
        raise ObjectFormatError(file, "archive index", problem, offset + end)
    names.pop()
    return names, _signed(file, members, offset)


def _bsd(file: str, data: bytes, offset: int, width: int) -> Entries:
    size = int.from_bytes(data[:width], "little")
    # The first size is that of the array in bytes, not in entries (BSD's `struct ranlib`).
    names_at = width + size
    strings_size = int.from_bytes(data[names_at : names_at + width], "little")
    if len(data) < 2 * width or names_at + width + strings_size > len(data) or size % (2 * width):
        problem = f"{size} bytes of entries and {strings_size} of names do not fit in {len(data)} bytes"
        raise ObjectFormatError(file, "archive index", problem, offset)
    pair = np.dtype([("name", f"<u{width}"), ("member", f"<u{width}")])
    pairs = np.frombuffer(data, pair, size // pair.itemsize, width)
    strings = data[names_at + width : names_at + width + strings_size]
    starts = _signed(file, pairs["name"], offset)
    return _names_at(file, strings, starts, offset + names_at + width), _signed(file, pairs["member"], offset)


def _names_at(file: str, strings: bytes, starts: I64, offset: int) -> list[bytes]:
    """Return the NUL-terminated strings at `starts`. Raises ObjectFormatError for one without an end."""
    # BSD's entries may share a string; each is cut out once.
    unique, inverse = np.unique(starts, return_inverse=True)
    nuls = np.flatnonzero(np.frombuffer(strings, np.uint8) == 0)
    # The row of the first NUL at or behind each start; past the last row where no NUL follows, or the start lies
    # outside the table. Starts ascend, so that the last one is the furthest.
    end_rows = np.searchsorted(nuls, unique)
    if end_rows.size and int(end_rows[-1]) >= nuls.size:
        raise ObjectFormatError(file, "archive index", "a name has no end", offset)
    ends = nuls[end_rows]
    # Strings may share their ends. Were the sum not bounded, n entries into one long string would be n copies of it.
    if int((ends - unique).sum()) > NAME_SHARING * len(strings):
        raise ObjectFormatError(file, "archive index", "names overlap", offset)
    texts = [strings[start:end] for start, end in zip(unique.tolist(), ends.tolist(), strict=True)]
    return [texts[row] for row in inverse.tolist()]


def _signed(file: str, values: np.ndarray[tuple[int, ...], np.dtype[np.unsignedinteger]], offset: int) -> I64:
    """Return `values` as int64. Raises ObjectFormatError for one that does not fit: no file is that large."""
    # A conversion of 2^63 or more would wrap to a negative number without an error.
    if values.dtype.itemsize == 8 and values.size and int(values.max()) >= 1 << 63:
        raise ObjectFormatError(file, "archive index", f"number {int(values.max()):#x} is too large", offset)
    return values.astype(np.int64)
