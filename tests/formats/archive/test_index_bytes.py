"""Indexes of archives, written byte by byte: each field on both sides of its bound."""

from __future__ import annotations

import struct

import pytest

from uruk.errors import ObjectFormatError
from uruk.formats.archive_index import parse_index

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

SIZE = 200
"""Bytes of the archive; a member's header has 60, so that the last one begins at 140."""
SYSTEM_V = {"/": 4, "/SYM64/": 8}
BSD = {"__.SYMDEF": 4, "__.SYMDEF SORTED": 4, "__.SYMDEF_64": 8}


def parsed(kind: str, data: bytes) -> tuple[list[bytes], list[int]]:
    names, members = parse_index("x.a", kind, data, 68, SIZE)
    return names, members.tolist()


def problem(kind: str, data: bytes) -> tuple[str, int | None]:
    with pytest.raises(ObjectFormatError) as caught:
        parsed(kind, data)
    assert (caught.value.file, caught.value.structure) == ("x.a", "archive index")
    return caught.value.problem, caught.value.offset


def system_v(width: int, members: list[int], names: bytes, count: int | None = None) -> bytes:
    letter = "Q" if width == 8 else "I"
    return struct.pack(f">{1 + len(members)}{letter}", len(members) if count is None else count, *members) + names


def bsd(width: int, pairs: list[tuple[int, int]], names: bytes) -> bytes:
    """The array's size, the array, the size of the names, the names."""
    letter = "Q" if width == 8 else "I"
    body = b"".join(struct.pack(f"<2{letter}", *pair) for pair in pairs)
    return struct.pack(f"<{letter}", len(body)) + body + struct.pack(f"<{letter}", len(names)) + names


@pytest.mark.parametrize("kind", SYSTEM_V)
def test_system_v(kind: str) -> None:
    width = SYSTEM_V[kind]
    assert parsed(kind, system_v(width, [], b"")) == ([], [])
    assert parsed(kind, system_v(width, [8], b"a\0")) == ([b"a"], [8])
    assert parsed(kind, system_v(width, [140, 8, 140, 8], b"a\0b\0\0dd\0pad")) == (
        [b"b", b"dd", b"a", b""],
        [8, 8, 140, 140],
    )
    assert parsed(kind, system_v(width, [8, 8, 9], b"a\0b\0c\0")) == ([b"a", b"b", b"c"], [8, 8, 9])
    assert problem(kind, bytes(width - 1)) == (f"0 entries do not fit in {width - 1} bytes", 68)
    assert problem(kind, b"") == ("0 entries do not fit in 0 bytes", 68)
    cut = system_v(width, [8, 9], b"")[:-1]
    assert problem(kind, cut) == (f"2 entries do not fit in {3 * width - 1} bytes", 68)
    assert problem(kind, system_v(width, [8, 9], b"a\0b")) == ("2 entries, but 1 names", 68 + 3 * width)
    assert problem(kind, system_v(width, [8], b"")) == ("1 entries, but 0 names", 68 + 2 * width)
    assert problem(kind, system_v(width, [8, 7], b"a\0b\0")) == (
        "entry 1 names a member at 0x7, outside the archive",
        68,
    )
    assert problem(kind, system_v(width, [141], b"a\0")) == ("entry 0 names a member at 0x8d, outside the archive", 68)


@pytest.mark.parametrize("kind", BSD)
def test_bsd(kind: str) -> None:
    width = BSD[kind]
    assert parsed(kind, bsd(width, [], b"")) == ([], [])
    pairs = [(3, 140), (0, 8), (4, 140), (0, 9)]
    assert parsed(kind, bsd(width, pairs, b"ab\0cd\0")) == ([b"ab", b"ab", b"cd", b"d"], [8, 9, 140, 140])
    assert parsed(kind, bsd(width, [(2, 8)], b"ab\0") + b"behind") == ([b""], [8])
    whole = bsd(width, [(0, 8)], b"ab\0")
    message = f"{2 * width} bytes of entries and 3 of names do not fit in {len(whole) - 1} bytes"
    assert problem(kind, whole[:-1]) == (message, 68)
    assert "do not fit in" in problem(kind, bytes(2 * width - 1))[0]
    assert parsed(kind, bytes(2 * width)) == ([], [])
    odd = bytes([2 * width - 1]) + whole[1:]
    assert f"{2 * width - 1} bytes of entries" in problem(kind, odd)[0]
    half = bytes([width]) + bytes(width - 1) + bytes(4 * width)
    assert f"{width} bytes of entries and 0 of names" in problem(kind, half)[0]
    strings = 68 + 4 * width
    assert problem(kind, bsd(width, [(3, 8)], b"ab\0")) == ("a name has no end", strings)
    assert problem(kind, bsd(width, [(1, 8)], b"ab")) == ("a name has no end", strings)
    assert problem(kind, bsd(width, [(0, 8)], b"")) == ("a name has no end", strings)
    assert problem(kind, bsd(width, [(0, 7)], b"a\0"))[0] == "entry 0 names a member at 0x7, outside the archive"


def test_numbers_that_no_file_has() -> None:
    last = (1 << 63) - 1
    assert "outside the archive" in problem("/SYM64/", system_v(8, [last], b"a\0"))[0]
    assert problem("/SYM64/", system_v(8, [8, last + 1], b"a\0b\0")) == (f"number {last + 1:#x} is too large", 68)
    assert problem("__.SYMDEF_64", bsd(8, [(last + 1, 8)], b"a\0")) == (f"number {last + 1:#x} is too large", 68)
    assert problem("__.SYMDEF_64", bsd(8, [(0, 1 << 63)], b"a\0")) == (f"number {1 << 63:#x} is too large", 68)
    assert parsed("/", system_v(4, [8], b"a\0")) == ([b"a"], [8])
    assert "outside the archive" in problem("/", system_v(4, [0xFFFFFFFF], b"a\0"))[0]


@pytest.mark.parametrize("letters", [32, 33])
def test_names_that_share_their_ends(letters: int) -> None:
    """Together at most 16 times as long as their table: n (n + 1) / 2 letters in n + 1 bytes are so up to n = 32."""
    pairs = [(start, 8) for start in range(letters + 1)]
    data = bsd(4, pairs, b"n" * letters + b"\0")
    if letters == 32:
        assert [len(name) for name in parsed("__.SYMDEF", data)[0]] == list(range(32, -1, -1))
    else:
        assert problem("__.SYMDEF", data)[0] == "names overlap"
