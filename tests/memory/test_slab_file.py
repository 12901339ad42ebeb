"""The file of a slab object: what `readelf` says of it, and the unwind data that is in it before any code is."""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path

import pytest

from uruk.errors import AllocationError
from uruk.formats.elf.slab import MOST_SYMBOLS, ROOM_FOR_NAMES, build_slab
from uruk.memory.slab_object import SlabFile

from support.requirements import require_tool

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

ZONES = (0x90000, 0x30000, 0x50000)
NEEDED = (b"libc.so.6", b"/usr/lib/libother.so")
HEADER, TABLE_ENTRY, SYMBOL = 12, 8, 24
"""Bytes of an `.eh_frame_hdr` before its table, of an entry of that, and of a symbol."""


def written(folder: Path, slab: SlabFile) -> Path:
    (folder / "slab").write_bytes(slab.data)
    return folder / "slab"


def readelf(path: Path, *options: str) -> str:
    command = [require_tool("readelf"), "-W", *options, path]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout


def segments(path: Path) -> list[tuple[str, int, int, int, int, str, int]]:
    """Type, offset, address, size in the file, size in memory, flags and alignment of each segment."""
    row = r"^  ([A-Z_]+) +0x(\w+) 0x(\w+) 0x(\w+) 0x(\w+) 0x(\w+) ([RWE ]{3}) 0x(\w+)$"
    found: list[tuple[str, int, int, int, int, str, int]] = []
    for kind, *numbers, flags, align in re.findall(row, readelf(path, "-l"), re.MULTILINE):
        offset, address, physical, stored, size = (int(number, 16) for number in numbers)
        assert address == physical
        found.append((kind, offset, address, stored, size, flags.replace(" ", ""), int(align, 16)))
    return found


@pytest.mark.parametrize("address", [0, 0x7F0000000000])
@pytest.mark.parametrize(("architecture", "page"), [("x86_64", 4096), ("aarch64", 65536)])
def test_segments(architecture: str, page: int, address: int, tmp_path: Path) -> None:
    """The file's two parts, then what is written while it is loaded, then the zones, without a gap."""
    slab = build_slab(ZONES, architecture, page=page, address=address, needed=NEEDED)
    assert len(slab.data) == slab.front == 2 * page
    starts = [slab.zones + sum(ZONES[:row]) for row in range(3)]
    found = segments(written(tmp_path, slab))
    assert [segment[2] - address for segment in found[:-1]] == [segment[1] for segment in found[:-1]]
    dynamic = (len(NEEDED) + 8) * 16
    assert [(kind, at, stored, size, flags, align) for kind, at, _, stored, size, flags, align in found] == [
        ("LOAD", 0, page, page, "R", page),
        ("LOAD", page, page, page, "RW", page),
        ("LOAD", slab.front, 0, slab.zones - slab.front, "R", page),
        ("LOAD", starts[0], 0, ZONES[0], "RE", page),
        ("LOAD", starts[1], 0, ZONES[1], "R", page),
        ("LOAD", starts[2], 0, ZONES[2], "R", page),
        ("DYNAMIC", page, dynamic, dynamic, "RW", 8),
        ("GNU_EH_FRAME", slab.table, slab.zones - slab.table, slab.zones - slab.table, "R", 4),
        ("GNU_STACK", 0, 0, 0, "RW", 16),
    ]
    assert (slab.size, slab.page, slab.address) == (starts[2] + ZONES[2], page, address)
    assert struct.unpack_from("<I", slab.data, slab.data_flags)[0] == 4
    assert struct.unpack_from("<Q", slab.data, slab.data_size)[0] == ZONES[2]


def name_at(slab: SlabFile, place: int) -> bytes:
    """A name of the string table."""
    start = slab.strings + place
    return slab.data[start : slab.data.index(0, start)]


@pytest.mark.parametrize(("architecture", "machine"), [("x86_64", "X86-64"), ("aarch64", "AArch64")])
def test_header_and_dynamic_section(architecture: str, machine: str, tmp_path: Path) -> None:
    slab = build_slab(ZONES, architecture, page=4096, address=0x10000, needed=NEEDED)
    path = written(tmp_path, slab)
    head = readelf(path, "-h")
    assert "DYN (Shared object file)" in head
    assert machine in head
    assert re.findall(r"^  Version: +(.*)", head, re.MULTILINE) == ["1 (current)", "0x1"]
    numbers = re.findall(r"(?:Size|Number|Start) of (?:\w+ )+headers?: +(\d+)", head)
    assert numbers == ["64", "0", "64", "56", "9", "64", "0"]
    # gABI, "Dynamic Section": NEEDED 1, HASH 4, STRTAB 5, SYMTAB 6, STRSZ 10, SYMENT 11, SONAME 14.
    tags = list(struct.iter_unpack("<QQ", slab.data[4096 : 4096 + 16 * (len(NEEDED) + 8)]))
    names = [name_at(slab, value) for tag, value in tags if tag == 1]
    assert names == list(NEEDED)
    size, found = slab.zones - slab.strings, dict(tags[len(NEEDED) :])
    tables = {4: slab.symbols_count - 4, 5: slab.strings, 6: slab.symbols}
    assert found == {tag: 0x10000 + at for tag, at in tables.items()} | {14: 1, 10: size, 11: 24, 16: 0, 0: 0}
    assert name_at(slab, found[14]) == b"uruk-slab"
    assert struct.unpack_from("<4I", slab.data, slab.symbols_count - 4) == (1, 1, 0, 0)


def test_unwind_data_before_there_is_code() -> None:
    """By LSB, "Exception Frames": one CIE, an FDE of no function, and one of the object's first bytes, 64 on."""
    slab = build_slab(ZONES, "x86_64", page=4096)
    data, cie = slab.data, slab.nothing - 20
    assert data[cie : cie + 20] == struct.pack("<IIB3sBBBBB3x", 16, 0, 1, b"zR", 1, 0x78, 16, 1, 0x1B)
    assert data[slab.nothing : slab.first] == struct.pack("<IIiiB3x", 16, slab.nothing + 4 - cie, 0, 0, 0)
    first = struct.pack("<IIiiB3x", 16, slab.first + 4 - cie, -(slab.first + 8), 64, 0)
    assert data[slab.first : slab.first + 20] == first
    assert data[slab.first + 20 : slab.first + 28] == bytes(8)
    version, *encodings = data[slab.table : slab.table + 4]
    frames, count, function, record = struct.unpack_from("<iIii", data, slab.table + 4)
    assert (version, encodings, count) == (1, [0x1B, 0x03, 0x3B], 1)
    assert not any(data[slab.table + 4 + frames :][:4])
    assert (slab.table + function, slab.table + record) == (0, slab.first)
    assert slab.table + HEADER + TABLE_ENTRY == slab.front


def test_names_and_unwind_data_have_room_up_to_a_page() -> None:
    """Of any length of the names: records are aligned to 8, end before the table, and take no page more than needed."""
    for length in (*range(60), *range(3700, 4000)):
        slab = build_slab(ZONES, "x86_64", page=4096, needed=[b"n" * length])
        names_end = slab.strings + len(b"\0uruk-slab\0") + length + 1
        begin, end = slab.nothing - 20, slab.first + 28
        assert begin % 8 == 0
        assert 0 <= begin - names_end < 8
        assert not any(slab.data[names_end:begin])
        assert end <= slab.table
        assert slab.front == -(-(end + HEADER + TABLE_ENTRY) // 4096) * 4096 == len(slab.data)
        assert slab.symbols_count == 4096 + 16 * 9 + 4 == slab.strings - 12
        assert slab.address == 0


@pytest.mark.parametrize("code", [0, 0x1000, 0x8000, 0x9000, 0x90000, 0x4000000, 0x40000000])
def test_room_grows_with_the_code(code: int) -> None:
    """An entry of the table for 64 bytes of code, a byte of symbols for 4, and two for their names, in whole pages."""
    slab = build_slab((code, 0x1000, 0x1000), "x86_64", page=4096)
    frames = -(-(code // 64 * TABLE_ENTRY) // 4096) * 4096 or 4096
    assert slab.entries == 1 + frames // TABLE_ENTRY
    assert slab.symbols == slab.front + frames
    assert slab.symbols % 4096 == 0
    symbols = min(-(-code // 4 // 4096) * 4096 or 4096, MOST_SYMBOLS)
    assert slab.symbols_room == symbols // SYMBOL
    assert (slab.symbol_names, slab.symbol_names_size) == (slab.symbols + symbols, 2 * symbols)
    assert slab.zones == slab.symbol_names + slab.symbol_names_size


def test_names_that_are_too_long() -> None:
    """The string table begins with a NUL and the object's own name."""
    fitting = b"n" * (ROOM_FOR_NAMES - 1 - len(b"uruk-slab\0") - 1)
    assert build_slab(ZONES, "x86_64", page=4096, needed=[fitting]).data.count(fitting) == 1
    with pytest.raises(AllocationError, match=f"1 loaded objects have names of {ROOM_FOR_NAMES + 1} bytes in all"):
        build_slab(ZONES, "x86_64", page=4096, needed=[fitting + b"n"])
