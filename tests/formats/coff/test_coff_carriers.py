"""PE images that make Windows's loader own thread-locals: every field that is not 0."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from uruk.errors import TLSError
from uruk.formats.coff.carrier import LARGEST, MOST_ALIGNMENT, build_carrier

from support.coff_objects import run
from support.requirements import require_tool

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]


def carrier(
    architecture: str = "x86_64", *, stored: int = 24, zeros: int = 8, align: int = 16, callbacks: int = 0x600000
) -> bytes:
    """A carrier whose pointers are all different."""
    return build_carrier(
        architecture, template=0x1234567890, stored=stored, zeros=zeros, align=align, index=0xABCDEF012345,
        callbacks=callbacks, module="part.obj",
    )  # fmt: skip


HEADERS = """
    ImageFileHeader { | Machine: MACHINE | SectionCount: 1 | TimeDateStamp: 1970-01-01 00:00:00 (0x0)
    OptionalHeaderSize: 240 | Characteristics [ (0x2022) | IMAGE_FILE_DLL (0x2000) | IMAGE_FILE_EXECUTABLE_IMAGE (0x2)
    IMAGE_FILE_LARGE_ADDRESS_AWARE (0x20)
    ImageOptionalHeader { | Magic: 0x20B | MajorLinkerVersion: 14 | SizeOfInitializedData: 512 | BaseOfCode: 0x1000
    ImageBase: 0x180000000 | SectionAlignment: 4096 | FileAlignment: 512 | MajorOperatingSystemVersion: 6
    MajorSubsystemVersion: 6 | SizeOfImage: 8192 | SizeOfHeaders: 512 | Subsystem: IMAGE_SUBSYSTEM_WINDOWS_GUI (0x2)
    Characteristics [ (0x160) | IMAGE_DLL_CHARACTERISTICS_DYNAMIC_BASE (0x40)
    IMAGE_DLL_CHARACTERISTICS_HIGH_ENTROPY_VA (0x20) | IMAGE_DLL_CHARACTERISTICS_NX_COMPAT (0x100)
    SizeOfStackReserve: 1048576 | SizeOfStackCommit: 4096 | SizeOfHeapReserve: 1048576 | SizeOfHeapCommit: 4096
    NumberOfRvaAndSize: 16 | DataDirectory { | TLSTableRVA: 0x1000 | TLSTableSize: 0x28
    DOSHeader { | Magic: MZ | AddressOfNewExeHeader: 64
    Sections [ | Section { | Number: 1 | Name: .tls (2E 74 6C 73 00 00 00 00) | VirtualSize: 0x28
    VirtualAddress: 0x1000 | RawDataSize: 512 | PointerToRawData: 0x200 | Characteristics [ (0x40000040)
    IMAGE_SCN_CNT_INITIALIZED_DATA (0x40) | IMAGE_SCN_MEM_READ (0x40000000)
"""
"""The lines of llvm-readobj, but for the numbers that are 0."""


@pytest.mark.parametrize(("architecture", "machine"), [("x86_64", "AMD64 (0x8664)"), ("aarch64", "ARM64 (0xAA64)")])
def test_headers(architecture: str, machine: str, tmp_path: Path) -> None:
    """A library of one section, which the loader may put anywhere."""
    path = tmp_path / "carrier.dll"
    path.write_bytes(carrier(architecture))
    lines = map(
        str.strip, run([require_tool("llvm-readobj-19"), "--file-headers", "--sections", str(path)]).split("\n")
    )
    printed = [line for line in lines if not re.fullmatch(r"[]})]*|.*: (0|0x0)", line)]
    expected = HEADERS.replace("MACHINE", f"IMAGE_FILE_MACHINE_{machine}").strip()
    assert printed[printed.index("ImageFileHeader {") :] == [line.strip() for line in re.split(r"\||\n", expected)]


@pytest.mark.parametrize(("align", "coded"), [(1, 1), (2, 2), (4, 3), (8, 4), (16, 5)])
def test_directory(align: int, coded: int) -> None:
    """The pointers lead to the template's begin and end, to the index and to the list of functions."""
    data = carrier(align=align)
    assert len(data) == 1024
    found = struct.unpack_from("<4Q2I", data, 512)
    assert found == (0x1234567890, 0x1234567890 + 24, 0xABCDEF012345, 0x600000, 8, coded << 20)
    assert not any(data[512 + 40 :])


def test_what_the_loader_cannot_give() -> None:
    carrier(align=MOST_ALIGNMENT)
    carrier(stored=LARGEST, zeros=0)
    carrier(stored=1, zeros=LARGEST - 1)
    with pytest.raises(TLSError, match=r"part\.obj.* aligned to 32 bytes, and Windows's loader aligns them to 16"):
        carrier(align=2 * MOST_ALIGNMENT)
    for stored, zeros in ((LARGEST, 1), (0, LARGEST + 1)):
        with pytest.raises(TLSError, match=f"take {LARGEST + 1} bytes of each thread"):
            carrier(stored=stored, zeros=zeros)


FIELDS = {
    0: ("2s", b"MZ"), 60: ("I", 64), 64: ("4s", b"PE\0\0"), 70: ("H", 1), 84: ("H", 240), 86: ("H", 0x2022),
    88: ("H", 0x20B), 90: ("B", 14), 96: ("I", 512), 108: ("I", 0x1000), 112: ("Q", 0x180000000),
    120: ("I", 0x1000), 124: ("I", 512), 128: ("H", 6), 136: ("H", 6), 144: ("I", 0x2000), 148: ("I", 512),
    156: ("H", 2), 158: ("H", 0x160), 160: ("Q", 1 << 20), 168: ("Q", 1 << 12), 176: ("Q", 1 << 20),
    184: ("Q", 1 << 12), 196: ("I", 16), 272: ("I", 0x1000), 276: ("I", 40), 328: ("4s", b".tls"), 336: ("I", 40),
    340: ("I", 0x1000), 344: ("I", 512), 348: ("I", 512), 364: ("I", 0x40000040),
}  # fmt: skip
"""By offset: what is not 0 in front of the section (PE Format; the optional header begins at 88, its directories at
200, of which the tenth is the TLS table's, and the section's header at 328)."""


@pytest.mark.parametrize(("architecture", "machine"), [("x86_64", 0x8664), ("aarch64", 0xAA64)])
def test_every_byte_in_front_of_the_section(architecture: str, machine: int) -> None:
    expected = bytearray(512)
    for offset, (layout, value) in {**FIELDS, 68: ("H", machine)}.items():
        struct.pack_into(f"<{layout}", expected, offset, value)
    assert carrier(architecture)[:512] == expected
