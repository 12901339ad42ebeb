"""What is no object for here is called by its name, in files, archives and libraries, with what to do."""

from __future__ import annotations

import gzip
import struct

import pytest

from uruk.errors import ObjectFormatError
from uruk.formats.archive import Archive
from uruk.formats.elf.dynamic import read_shared_library
from uruk.formats.foreign import kind_of, linked_kind

pytestmark = pytest.mark.quick


def elf(machine: int, kind: int = 1, size: int = 2, order: int = 1) -> bytes:
    head = b"\x7fELF" + bytes((size, order, 1)) + bytes(9)
    return (head + struct.pack("<HH" if order == 1 else ">HH", kind, machine)).ljust(64, b"\0")


def macho(order: str, magic: int, cpu: int, kind: int) -> bytes:
    return struct.pack(f"{order}IIII", magic, cpu, 0, kind) + bytes(16)


def universal(*cpus: int) -> bytes:
    return struct.pack(">II", 0xCAFEBABE, len(cpus)) + b"".join(struct.pack(">I16x", cpu) for cpu in cpus)


def coff(machine: int, sections: int = 1) -> bytes:
    return struct.pack("<HHIIIHH", machine, sections, 0, 0, 0, 0, 0) + bytes(40)


NAMED = {
    "an empty file": b"",
    "a Mach-O object for arm64": macho("<", 0xFEEDFACF, 0x0100000C, 1),
    "a Mach-O dynamic library for x86_64": macho("<", 0xFEEDFACF, 0x01000007, 6),
    "a Mach-O object for ppc": macho(">", 0xFEEDFACE, 18, 1),
    "a universal Mach-O file for x86_64, arm64: take one part of it with lipo -thin": universal(0x01000007, 0x0100000C),
    "a Java class": struct.pack(">IHH", 0xCAFEBABE, 0, 61),
    "a WebAssembly object": b"\0asm\1\0\0\0",
    "an ELF object for RISC-V": elf(243),
    "a 32-bit ELF object for i386": elf(3, size=1),
    "an ELF object for big-endian S/390": elf(22, order=2),
    "an ELF core file for x86-64": elf(62, kind=4),
    "an ELF object for machine 9999": elf(9999),
    "an ELF file cut short": b"\x7fELF\2\1",
    "a COFF object for x86-64": coff(0x8664),
    "a COFF object for arm64": coff(0xAA64),
    "a COFF import for x86-64": b"\0\0\xff\xff\0\0\x64\x86" + bytes(12),
    "LLVM bitcode": b"BC\xc0\xde" + bytes(16),
    "compressed by gzip": gzip.compress(b"text"),
    "a ZIP file": b"PK\3\4" + bytes(30),
    "a file of resources": bytes.fromhex("0000000020000000ffff0000ffff0000") + bytes(16),
    "a thin archive: use add_archive": b"!<thin>\n",
    "an archive: use add_archive": b"!<arch>\n",
    "a Windows program or DLL": b"MZ" + bytes(62),
    "a file of zeros": bytes(256),
    "LLVM IR text: use add_ir": b"; ModuleID = 'x.c'\nsource_filename = \"x.c\"\n",
    "a C or C++ source file: use add_source": b"/* text */\n#include <stdio.h>\nint main(void) { return 0; }\n",
    "assembly, a source file: use add_source": b"\t.text\n\t.globl f\nf:\n\tret\n",
    "a Python file": b"import os\n\nprint(os.name)\n",
    "a script": b"#!/bin/sh\nexit 0\n",
    "a linker script: use add_library": b"/* GNU ld script */\nGROUP ( libc.so.6 )\n",
    "a text file": b"hello\n",
}


@pytest.mark.parametrize("text", NAMED)
def test_named_by_its_first_bytes(text: str) -> None:
    assert kind_of(NAMED[text]).startswith(text) or text in kind_of(NAMED[text])


@pytest.mark.parametrize(
    ("file", "text"),
    [("f.c", "a C source file"), ("f.cpp", "a C++ source file"), ("f.ll", "LLVM IR text"), ("f.py", "a Python file"),
     ("f.h", "a header"), ("f.rs", "a Rust source file"), ("f.s", "assembly"), ("f.f90", "a Fortran source file")],
)  # fmt: skip
def test_a_text_is_named_by_its_suffix_first(file: str, text: str) -> None:
    assert text in kind_of(b"hello\n", file)


@pytest.mark.parametrize(
    "data", [b"\1\2\3\4" * 40, coff(0x1234), coff(0x8664, 9), b"\xca\xfe"], ids=["bytes", "machine", "sections", "cut"]
)
def test_what_has_no_name_gets_none(data: bytes) -> None:
    assert kind_of(data) == ""


@pytest.mark.parametrize("text", NAMED)
def test_every_cut_has_an_answer(text: str) -> None:
    data = NAMED[text]
    for size in range(min(len(data), 80)):
        assert isinstance(kind_of(data[:size]), str)


@pytest.mark.parametrize("table", [64, 4096, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_a_shared_object_whose_program_headers_lie_anywhere(table: int) -> None:
    data = bytearray(elf(62, kind=3))
    struct.pack_into("<Q", data, 32, table)
    struct.pack_into("<H", data, 56, 3)
    assert linked_kind(bytes(data)) == "a shared object (use add_library)"


def test_archives_and_libraries_that_are_none() -> None:
    with pytest.raises(ObjectFormatError, match="not an archive: it is a WebAssembly object"):
        Archive.open(b"\0asm\1\0\0\0", "x.a")
    with pytest.raises(ObjectFormatError, match="not an ELF file: it is a Mach-O object for arm64"):
        read_shared_library(NAMED["a Mach-O object for arm64"], "x.so")


ONE_PART = "a universal Mach-O file for {}: take one part of it with lipo -thin"
BIG = struct.pack("<4H", 0, 0xFFFF, 2, 0x8664) + bytes(12)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (coff(0x8664)[:20], ""), (coff(0x8664, 0)[:20], "a COFF object for x86-64"), (coff(0x8664, 0)[:19], ""),
        (coff(0x8664, 1)[:60], "a COFF object for x86-64"), (coff(0x8664, 1)[:59], ""),
        (coff(0x8664, 0)[:16] + b"\1\0\0\0", ""), (coff(0x8664, 0)[:16] + b"\0\1\0\0", ""),
        (coff(0x8664, 0)[:16] + b"\0\0\2\0", "a COFF object for x86-64"), (BIG, "a COFF object for x86-64"),
        (BIG[:19], ""), (elf(62)[:20], "an ELF object for x86-64"), (elf(62)[:19], "an ELF file cut short"),
        (macho("<", 0xFEEDFACF, 0x0100000C, 1)[:16], "a Mach-O object for arm64"),
        (macho("<", 0xFEEDFACF, 0x0100000C, 1)[:15], ""),
        (macho("<", 0xFEEDFACF, 5, 99), "a Mach-O file for processor 0x5"),
        (struct.pack(">II", 0xCAFEBABE, 30), "a Java class"), (struct.pack(">II", 0xCAFEBABE, 30)[:7], ""),
        (struct.pack(">4I", 0xCAFEBABE, 1, 7, 0), ONE_PART.format("i386")),
        (struct.pack(">13I", 0xCAFEBABE, 2, 7, 0, 0, 0, 0, 12, *[0] * 5),
         ONE_PART.format("i386, arm")),
        (struct.pack(">17I", 0xCAFEBABF, 2, 7, *[0] * 7, 12, *[0] * 6),
         ONE_PART.format("i386, arm")),
    ],
)  # fmt: skip
def test_the_last_byte_that_is_needed(data: bytes, text: str) -> None:
    assert kind_of(data) == text


def test_letters_of_texts() -> None:
    """Control characters are in no text, but for white space and escape; a character may be cut at the end."""
    for letter in range(256):
        is_control = letter < 9 or 14 <= letter < 27 or 28 <= letter < 32
        is_cut = 0xC2 <= letter < 0xF5
        text = "a text file" if not is_control and (letter < 0x80 or is_cut) else ""
        assert kind_of(b"words " + bytes([letter])) == text, letter
