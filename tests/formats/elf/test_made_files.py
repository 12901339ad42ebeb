"""Shared objects that uruk makes for the dynamic loader, number by number, against layouts worked out by hand."""

from __future__ import annotations

import struct

import pytest

from uruk.errors import TLSError
from uruk.formats.elf.carrier import (
    MAX_SIZE,
    CarrierFile,
    ImportModel,
    TLSImport,
    build_carrier,
)
from uruk.formats.elf.exports import build_exports
from uruk.formats.elf.loadable import MACHINES, empty_object
from uruk.formats.elf.slab import build_slab

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

IDENT = b"\x7fELF\2\1\1" + bytes(9)
Rows = list[tuple[int, ...]]


def rows(layout: str, data: bytes, at: int, count: int) -> Rows:
    size = struct.calcsize(layout)
    return [struct.unpack_from(layout, data, at + row * size) for row in range(count)]


def header(data: bytes) -> tuple[bytes | int, ...]:
    return struct.unpack_from("<16sHHIQQQIHHHHHH", data)


def segments(data: bytes) -> Rows:
    """Type, flags, offset, two addresses, two sizes and alignment of each."""
    return rows("<IIQQQQQQ", data, 64, struct.unpack_from("<H", data, 56)[0])


def test_a_carrier_with_everything() -> None:
    """Four headers end at 288; 72 bytes of slots at 360, 13 dynamic entries at 568, five symbols and a hash table of
    32 bytes at 720, 33 bytes of names at 753, seven relocations from 760 to 928; the image is three bytes of it."""
    made = build_carrier(
        b"\1\2\3\0\0", 100, 16, static=True, padding=8, descriptors=(4,), needed=["liba.so", "libb.so"],
        imports=[
            TLSImport("v", ImportModel.DYNAMIC), TLSImport("w"), TLSImport("x", ImportModel.DESCRIPTOR)
        ],
        soname="me.so", export="own",
    )  # fmt: skip
    data = made.data
    assert len(data) == 931
    assert header(data) == (IDENT, 3, 62, 1, 0, 64, 0, 0, 64, 56, 4, 64, 0, 0)
    assert segments(data) == [
        (1, 6, 0, 0, 0, 931, 931, 4096), (2, 6, 360, 360, 360, 208, 208, 8), (0x6474E551, 6, 0, 0, 0, 0, 0, 16),
        (7, 4, 928, 928, 928, 3, 108, 1),
    ]  # fmt: skip
    assert not any(data[288:360])
    assert rows("<QQ", data, 360, 13) == [
        (1, 1), (1, 9), (14, 17), (4, 688), (5, 720), (6, 568), (10, 33), (11, 24), (7, 760), (8, 168), (9, 24),
        (30, 24), (0, 0),
    ]  # fmt: skip
    assert rows("<IBBHQQ", data, 568, 5) == [
        (0,) * 6,
        *((at, 0x16, 0, 0, 0, 0) for at in (23, 25, 27)),
        (29, 0x16, 0, 1, 0, 0),
    ]
    assert rows("<8I", data, 688, 1) == [(1, 5, 4, 0, 0, 0, 0, 0)]
    assert data[720:760] == b"\0liba.so\0libb.so\0me.so\0v\0w\0x\0own\0".ljust(40, b"\0")
    assert rows("<QIIq", data, 760, 7) == [
        (288, 16, 0, 0), (296, 18, 0, 0), (304, 36, 0, 4), (320, 16, 1, 0), (328, 17, 1, 0), (336, 18, 2, 0),
        (344, 36, 3, 0),
    ]  # fmt: skip
    assert data[928:] == b"\1\2\3"
    assert (made.slots, made.slots_size, made.module_slot, made.tp_slot) == (288, 72, 288, 296)
    assert (made.descriptor_slots, made.import_slots) == ((304,), (320, 336, 344))
    assert (made.block_size, made.alignment, made.needed) == (108, 16, ("liba.so", "libb.so"))
    values = made.decode(struct.pack("<QqQQQQqQQ", 5, -64, 7, 8, 9, 10, -11, 12, 13))
    assert (values.module_id, values.tp_offset, values.descriptors) == (5, -64, [(7, 8)])
    assert values.imports == [(9, 10), (-11,), (12, 13)]


def test_a_carrier_of_a_large_alignment() -> None:
    """The image lies at 4096 in the file, and at the first multiple of its alignment in memory: 61440 further on."""
    made = build_carrier(b"\7", 1, 1 << 16, static=False, descriptors=(0, 1), machine=MACHINES["aarch64"])
    data, bias = made.data, 61440
    assert len(data) == 4097
    assert header(data) == (IDENT, 3, 183, 1, 0, 64, 0, 0, 64, 56, 4, 64, 0, 0)
    assert segments(data) == [
        (1, 6, 0, bias, bias, 4097, 4097, 4096), (2, 6, 328, bias + 328, bias + 328, 144, 144, 8),
        (0x6474E551, 6, 0, 0, 0, 0, 0, 16), (7, 4, 4096, 65536, 65536, 1, 1, 65536),
    ]  # fmt: skip
    assert rows("<QQ", data, 328, 9) == [
        (5, bias + 496), (6, bias + 472), (10, 1), (11, 24), (7, bias + 504), (8, 72), (9, 24), (30, 8), (0, 0)
    ]  # fmt: skip
    assert not any(data[472:504])
    assert rows("<QIIq", data, 504, 3) == [
        (bias + 288, 1028, 0, 0), (bias + 296, 1031, 0, 0), (bias + 312, 1031, 0, 1)
    ]  # fmt: skip
    assert not any(data[576:4096])
    assert (made.module_slot, made.tp_slot, made.descriptor_slots) == (bias + 288, None, (bias + 296, bias + 312))
    assert (made.slots, made.slots_size, made.import_slots) == (bias + 288, 40, ())


def test_a_carrier_of_imports_alone() -> None:
    """Three headers, and no storage."""
    made = build_carrier(b"", 0, 1, static=False, imports=[TLSImport("v", ImportModel.INITIAL_EXEC)])
    data = made.data
    assert [row[0] for row in segments(data)] == [1, 2, 0x6474E551]
    assert (made.slots, made.slots_size, made.module_slot, made.import_slots) == (232, 8, None, (232,))
    assert rows("<QQ", data, 240, 9)[-2:] == [(30, 24), (0, 0)]
    assert segments(data)[0][5] == len(data) == 240 + 9 * 16 + 2 * 24 + 8 + 24
    assert made.decode(struct.pack("<q", -8)).module_id == 0
    with pytest.raises(TLSError, match="7 bytes of slots, where 8 were expected"):
        made.decode(bytes(7))


def test_a_hash_table_is_filled_up_to_whole_words() -> None:
    """Two symbols at 456 end at 504; the table has 20 bytes, and the names begin 24 further on."""
    data = build_carrier(b"", 8, 8, static=False, export="own").data
    dynamic = dict(rows("<QQ", data, 296, 10))
    assert [dynamic[tag] for tag in (4, 5, 6, 7)] == [504, 528, 456, 536]
    assert data[504:536] == struct.pack("<5I4x", 1, 2, 1, 0, 0) + b"\0own\0\0\0\0"


@pytest.mark.parametrize(
    ("alignment", "static", "descriptors", "asked"),
    [(64, True, (), 1), (64, False, (), 64), (64, False, (0,), 128), (256, False, (0,), 256), (1, False, (), 1)],
)
def test_alignments_that_are_asked_for(alignment: int, static: bool, descriptors: tuple[int, ...], asked: int) -> None:
    """Storage of zeros has no image in the file."""
    data = build_carrier(b"\0\0", 8, alignment, static=static, descriptors=descriptors).data
    assert segments(data)[3] == (7, 4, 0, 0, 0, 0, 8, asked)
    up = build_carrier(b"", 8, alignment, static=static, descriptors=descriptors, machine=MACHINES["aarch64"])
    assert segments(up.data)[3][7] == (64 if static else asked)


def carrier(size: int = 8, alignment: int = 8, *, image: bytes = b"", static: bool = False, padding: int = 0,
            descriptors: tuple[int, ...] = ()) -> CarrierFile:  # fmt: skip
    return build_carrier(image, size, alignment, static=static, padding=padding, descriptors=descriptors, module="m.o")


def test_the_last_numbers_that_fit() -> None:
    carrier(MAX_SIZE)
    carrier(2, image=b"\1\2")
    carrier(8, 1 << 16)
    carrier(8, 64, static=True, padding=63)
    carrier(8, descriptors=(0, 8))
    with pytest.raises(TLSError, match="at most"):
        carrier(MAX_SIZE + 1)
    with pytest.raises(TLSError, match="at most"):
        carrier(-1)
    with pytest.raises(TLSError, match="an initial image of 2 bytes for 1 bytes"):
        carrier(1, image=b"\1\2")
    for alignment in (0, -1, 3, 12, 1 << 17):
        with pytest.raises(TLSError, match=f"alignment {alignment};"):
            carrier(8, alignment)
    with pytest.raises(TLSError, match="alignment 128 of static"):
        carrier(8, 128, static=True)
    for padding in (-1, 64):
        with pytest.raises(TLSError, match=f"{padding} bytes of padding"):
            carrier(8, 64, static=True, padding=padding)
    with pytest.raises(TLSError, match="padding is for static"):
        carrier(8, padding=1)
    for offset in (-1, 9):
        with pytest.raises(TLSError, match=f"a descriptor for offset {offset} of 8 bytes"):
            carrier(8, descriptors=(offset,))
    for options in ({"static": True}, {"descriptors": (0,)}):
        with pytest.raises(TLSError, match="has no thread-local storage"):
            carrier(0, **options)
    with pytest.raises(TLSError, match="nothing to carry"):
        carrier(0)


def test_an_object_of_a_header_alone() -> None:
    for machine, number in (("x86_64", 62), ("aarch64", 183)):
        data = empty_object(MACHINES[machine])
        assert (len(data), header(data)) == (64, (IDENT, 3, number, 1, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0))


def sysv_hash(name: bytes) -> int:
    """The function of the gABI, "Hash Table"."""
    value = 0
    for letter in name:
        value = (value << 4) + letter
        upper = value & 0xF0000000
        value = (value ^ upper >> 24) & ~upper
    return value


def test_exports_of_everything() -> None:
    """Four headers end at 288, 10 dynamic entries at 448, six symbols at 592, 13 words of a hash table at 644."""
    symbols = {b"first": 0x1234, b"negative": -8, b"a\0b": 1}
    data = build_exports(
        symbols, "aarch64", {b"small": 1, b"large": 17, b"empty": 0}, needed=[b"liba.so", b"/x/libb.so"], search=b"/lib"
    )
    strings = b"\0uruk-program\0first\0negative\0small\0large\0empty\0liba.so\0/x/libb.so\0/lib\0"
    assert data[644:] == strings
    assert header(data) == (IDENT, 3, 183, 1, 0, 64, 0, 0, 64, 56, 4, 64, 0, 0)
    size = 644 + len(strings)
    assert segments(data) == [
        (1, 6, 0, 0, 0, size, size, 4096), (2, 6, 288, 288, 288, 160, 160, 8), (0x6474E551, 6, 0, 0, 0, 0, 0, 16),
        (7, 4, 0, 0, 0, 0, 16 + 32 + 16, 16),
    ]  # fmt: skip
    at = strings.index
    assert rows("<QQ", data, 288, 10) == [
        (1, at(b"liba")), (1, at(b"/x/")), (29, at(b"/lib\0")), (14, 1), (4, 592), (5, 644), (6, 448),
        (10, len(strings)), (11, 24), (0, 0),
    ]  # fmt: skip
    assert rows("<IBBHQQ", data, 448, 6) == [
        (0,) * 6, (at(b"first"), 0x10, 0, 0xFFF1, 0x1234, 0), (at(b"negative"), 0x10, 0, 0xFFF1, (1 << 64) - 8, 0),
        (at(b"small"), 0x16, 0, 1, 0, 0), (at(b"large"), 0x16, 0, 1, 16, 0), (at(b"empty"), 0x16, 0, 1, 48, 0),
    ]  # fmt: skip
    buckets, chains, *table = struct.unpack_from("<13I", data, 592)
    assert (buckets, chains) == (5, 6)
    found = set[int]()
    for bucket in range(5):
        row = table[bucket]
        while row:
            found.add(row)
            name = strings[struct.unpack_from("<I", data, 448 + 24 * row)[0] :].split(b"\0")[0]
            assert sysv_hash(name) % 5 == bucket
            row = table[5 + row]
    assert found == {1, 2, 3, 4, 5}


def test_exports_of_nothing() -> None:
    """Three headers, seven entries, the null symbol, and one bucket that is empty."""
    data = build_exports({}, "x86_64")
    assert [row[0] for row in segments(data)] == [1, 2, 0x6474E551]
    assert [row[0] for row in rows("<QQ", data, 232, 7)] == [14, 4, 5, 6, 10, 11, 0]
    assert not any(data[344:368])
    assert struct.unpack_from("<4I", data, 368) == (1, 1, 0, 0)
    assert data[384:] == b"\0uruk-program\0"


def test_the_header_of_a_slab() -> None:
    """The end that unwinders come to lies behind the last record's word of 0."""
    slab = build_slab((0x10000, 0x1000, 0x1000), "aarch64", page=4096)
    assert header(slab.data) == (IDENT, 3, 183, 1, 0, 64, 0, 0, 64, 56, 9, 64, 0, 0)
    (frames,) = struct.unpack_from("<i", slab.data, slab.table + 4)
    assert slab.table + 4 + frames == slab.first + 24
    assert not any(slab.data[64 + 9 * 56 : 4096])
