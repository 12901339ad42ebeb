"""Unwind records written byte by byte: how they are walked, filled up and looked through, each bound on both sides."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from uruk.errors import ObjectFormatError
from uruk.passes.elf.eh_frame import _walk as walk  # pyright: ignore[reportPrivateUsage]
from uruk.passes.elf.frame_checks import _number as number_of  # pyright: ignore[reportPrivateUsage]
from uruk.passes.elf.small_frames import Field, is_sound
from uruk.passes.elf.unaligned_frames import WholeWords, whole_words

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

REGISTERS = 17
CIE = struct.pack("<IIB3sBBBBB3x", 16, 0, 1, b"zR", 1, 0x78, 16, 1, 0x1B)
"""20 bytes: FDEs have 4-byte offsets, and a length of augmentation data at 16."""
LSDA_CIE = struct.pack("<IIB4sBBBBBB1x", 16, 0, 1, b"zLR", 1, 0x78, 16, 2, 0x1B, 0x1B)
PERSONALITY_CIE = struct.pack("<IIB4sBBBBBIB5x", 24, 0, 1, b"zPR", 1, 0x78, 16, 6, 0x1B, 0, 0x1B)
"""28 bytes; the personality routine's pointer has 4 of them at 18."""
PLAIN_CIE = struct.pack("<IIB1sBBB3x", 12, 0, 1, b"", 1, 0x78, 16)


def fde(at: int, *, size: int = 50, tail: bytes = bytes(4), cie: int = 0, more: int = 0) -> bytes:
    """A record at a place, for a function of `size` bytes; `more` is added to the distance to the CIE."""
    return struct.pack("<IIii", 12 + len(tail), at + 4 - cie + more, 0, size) + tail


def function(at: int, *, home: int = 0, form: int = 20, value: int = 0, room: int = 100, width: int = 4) -> Field:
    """The field with the function's address of the record at a place: 4 bytes that count from themselves."""
    return Field(at + 8, at + 8 + width, home, form, True, value, room)


def extra(begin: int, end: int, *, plain: bool = True) -> Field:
    return Field(begin, end, 0, 4, plain, 0, 100)


def sound(content: bytes, *fields: Field) -> bool:
    return is_sound(content, sorted(fields), REGISTERS)


def test_sound_records() -> None:
    assert sound(CIE + fde(20), function(20))
    assert sound(CIE + fde(20) + fde(40), function(20), function(40))
    assert sound(CIE + CIE + fde(40, cie=20) + fde(60), function(40), function(60))
    assert sound(CIE)
    assert sound(b"")
    assert sound(PERSONALITY_CIE + fde(28), extra(18, 22), function(28))
    assert sound(LSDA_CIE + fde(20, tail=b"\4" + bytes(7)), function(20), extra(37, 41))
    wide = struct.pack("<IIqq", 20, 16 + 4, 0, 50)
    assert sound(PLAIN_CIE + wide, function(16, form=8, width=8))


@pytest.mark.parametrize(
    ("size", "room", "good"), [(0, 0, True), (100, 100, True), (101, 100, False), (-1, 100, False)]
)
def test_sizes_of_functions(size: int, room: int, good: bool) -> None:
    assert sound(CIE + fde(20, size=size), function(20, room=room)) is good


@pytest.mark.parametrize(
    "field",
    [
        function(20, home=-1), function(20, form=4), function(20, form=24), function(20, value=-1),
        function(19), function(21), extra(36, 40),
    ],
)  # fmt: skip
def test_what_does_not_name_a_function(field: Field) -> None:
    assert not sound(CIE + fde(20), field)
    assert not sound(CIE + fde(20))
    assert sound(CIE + fde(20), function(20, home=0, value=1))


@pytest.mark.parametrize(
    ("begin", "end", "good"),
    [
        (36, 40, False),
        (37, 41, True),
        (38, 44, True),
        (40, 44, True),
        (41, 45, False),
        (32, 36, False),
        (44, 48, False),
    ],
)
def test_fields_behind_the_function(begin: int, end: int, good: bool) -> None:
    """Instructions, which begin at 37, may have some; the size and the length of the data may not."""
    content = CIE + fde(20, tail=bytes(8))
    assert sound(content, function(20), extra(begin, end)) is good
    assert not sound(content, function(20), extra(begin, end, plain=False))


@pytest.mark.parametrize(
    ("cie", "tail", "good"),
    [
        (CIE, b"\3\0\0\0", True), (CIE, b"\4\0\0\0", False), (CIE, b"\x7f" + bytes(127), True),
        (CIE, b"\x80" + bytes(131), False), (LSDA_CIE, b"\4" + bytes(7), True), (LSDA_CIE, b"\3" + bytes(7), False),
        (CIE, b"", False), (LSDA_CIE, b"\0" + bytes(7), False),
    ],
)  # fmt: skip
def test_data_of_records(cie: bytes, tail: bytes, good: bool) -> None:
    """It fits into the record, has room for what the CIE announces, and a length of one byte."""
    assert sound(cie + fde(20, tail=tail), function(20)) is good


def test_data_that_a_field_changes() -> None:
    """Only the pointer to language-specific data, at the beginning of it."""
    for cie, place, good in ((LSDA_CIE, 37, True), (LSDA_CIE, 38, False), (CIE, 37, False), (LSDA_CIE, 41, True)):
        content = cie + fde(20, tail=b"\4" + bytes(11))
        assert sound(content, function(20), extra(place, place + 4)) is good, place


@pytest.mark.parametrize(
    ("begin", "end", "plain", "good"),
    [(18, 22, True, True), (18, 22, False, False), (17, 21, True, False), (19, 23, True, False), (18, 26, True, False),
     (18, 20, True, False)],
)  # fmt: skip
def test_the_personality_routine(begin: int, end: int, plain: bool, good: bool) -> None:
    assert sound(PERSONALITY_CIE + fde(28), extra(begin, end, plain=plain), function(28)) is good
    assert not sound(CIE + fde(20), extra(begin, end, plain=plain), function(20))
    assert not sound(CIE + fde(20), extra(0, 4, plain=plain), function(20))


def test_records_that_the_general_way_looks_at() -> None:
    good = CIE + fde(20)
    assert not sound(bytes(4) + good, function(24))
    assert not sound(good + bytes(4), function(20))
    assert not sound(CIE + fde(20, more=4), function(20))
    assert not sound(CIE + fde(20, more=1), function(20))
    assert not sound(fde(0, cie=-20), function(0))
    assert not sound(CIE + struct.pack("<II", 4, 0))
    assert not sound(CIE[:4] + CIE[4:16] + b"\xff" + CIE[17:])
    assert not sound(struct.pack("<I", 20) + CIE[4:])
    assert not sound(struct.pack("<I", 17) + CIE[4:])
    assert not sound(CIE + fde(20)[:-4], function(20))
    assert not sound(good, function(20), extra(40, 44))
    assert not sound(good, extra(60, 64), function(20))


def walked(*numbers: int, blocks: tuple[tuple[int, int], ...] | None = None):
    words = memoryview(np.array(numbers, np.uint32))
    spans = blocks or ((0, len(numbers)),)
    found = walk(words, [begin for begin, _ in spans], [size for _, size in spans])
    return found.starts, found.counts, found.unaligned, found.broken


def test_walks() -> None:
    assert walked() == ([], [0], [], [])
    assert walked(8, 1, 2) == ([0], [1], [], [])
    assert walked(0, 8, 1, 2, 0, 0, 12, 1, 2, 3, 0) == ([1, 6], [2], [], [])
    assert walked(8, 1, 2, 8, 1, 2, blocks=((0, 3), (3, 3))) == ([0, 3], [1, 1], [], [])
    assert walked(9, 1, 2, 8, 1, 2, blocks=((0, 3), (3, 3))) == ([3], [0, 1], [0], [])
    assert walked(8, 1, 2, 10, 1, 2) == ([0], [1], [0], [])
    assert walked(8, 1, 2, 4, 1) == ([0], [1], [], [(0, 12, "frame record of 0x4 bytes")])
    assert walked(0xFFFFFFEC, 1)[3] == [(0, 0, "frame record ends behind its section")]
    assert walked(0xFFFFFFF0, 1)[3] == [(0, 0, "frame record of 0xfffffff0 bytes")]
    assert walked(0xFFFFFFFC, 1)[3] == [(0, 0, "frame record of 0xfffffffc bytes")]
    assert walked(8, 1) == ([0], [1], [], [(0, 0, "frame record ends behind its section")])
    second = walked(8, 1, 2, 8, 1, 2, 12, 1, 2, blocks=((0, 3), (3, 6)))
    assert second == ([0, 3, 6], [1, 2], [], [(1, 12, "frame record ends behind its section")])
    assert walked(8, 1, 2, 0, 4, blocks=((0, 3), (3, 2)))[3] == [(1, 4, "frame record of 0x4 bytes")]


def test_numbers_of_several_bytes() -> None:
    assert number_of(b"\0") == (0, 1)
    assert number_of(b"\x7f\xff") == (127, 1)
    assert number_of(b"\x80\1") == (128, 2)
    assert number_of(b"\xe5\x8e\x26") == (624485, 3)
    assert number_of(b"\xff" * 7 + b"\1") == ((1 << 50) - 1, 8)
    assert number_of(b"\xff" * 8 + b"\0") == (1 << 62, 1)
    assert number_of(b"\xff") == (1 << 62, 1)
    assert number_of(b"") == (1 << 62, 1)


def filled_up(content: bytes) -> WholeWords:
    def malformed(offset: int, problem: str) -> ObjectFormatError:
        return ObjectFormatError("x.o", "section", problem, offset)

    return whole_words(content, malformed)


def test_records_are_filled_up_to_whole_words() -> None:
    """13 bytes of a CIE become 16, and what follows moves; a zero word between records goes."""
    cie = struct.pack("<II5s", 9, 0, b"abcde")
    first = struct.pack("<II4s", 8, 13 + 4, b"1234")
    second = struct.pack("<II6s", 10, 13 + 12 + 4 + 4, b"123456")
    whole = filled_up(cie + first + bytes(4) + second)
    expected = struct.pack("<II8s", 12, 0, b"abcde") + struct.pack("<II4s", 8, 20, b"1234")
    expected += struct.pack("<II8s", 12, 32, b"123456")
    assert whole.words.tobytes() == expected
    assert (whole.start.tolist(), whole.moved.tolist()) == ([0, 13, 29], [0, 16, 28])
    offsets = np.array([0, 4, 12, 13, 17, 24, 29, 37])
    assert whole.place(offsets).tolist() == [0, 4, 12, 16, 20, 27, 28, 36]


def test_places_before_and_without_records() -> None:
    offsets = np.array([0, 3, 4, 12])
    assert filled_up(bytes(4) + struct.pack("<II1s", 5 + 4, 0, b"a") + bytes(4)).place(offsets).tolist() == [0, 3, 0, 8]
    assert filled_up(bytes(8)).place(offsets).tolist() == [0, 3, 4, 12]


@pytest.mark.parametrize(
    ("content", "offset", "problem"),
    [
        (b"\0\0\0\0\0\0\0", 4, "section ends within the length of a frame record"),
        (struct.pack("<II", 7, 0) + bytes(3), 0, "frame record of 0x7 bytes"),
        (bytes(4) + struct.pack("<II", 0xFFFFFFF0, 0), 4, "frame record of 0xfffffff0 bytes"),
        (struct.pack("<II", 0xFFFFFFEF, 0), 0, "frame record ends behind its section"),
        (struct.pack("<II4s", 9, 0, b"1234"), 0, "frame record ends behind its section"),
        (struct.pack("<II4s", 8, 0, b"1234") + struct.pack("<II5s", 9, 15, b"12345"), 12, "frame record names no CIE"),
        (struct.pack("<II5s", 9, 4, b"12345"), 0, "frame record names no CIE"),
        (
            struct.pack("<II4s", 8, 0, b"1234") + struct.pack("<II4s", 8, 16, b"1234") * 2,
            24,
            "frame record names no CIE",
        ),
    ],
)
def test_records_that_cannot_be_filled_up(content: bytes, offset: int, problem: str) -> None:
    with pytest.raises(ObjectFormatError) as caught:
        filled_up(content)
    assert (caught.value.offset, caught.value.problem) == (offset, problem)


def test_the_shortest_record() -> None:
    content = struct.pack("<II4s", 8, 0, b"1234")
    assert filled_up(content).words.tobytes() == content
