"""Inputs of other formats and machines are refused by their names, and the session stays usable."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

import uruk
from uruk.errors import ObjectFormatError

from support.compiling import Compile, require_tool

pytestmark = pytest.mark.quick

MACHO = struct.pack("<IIII", 0xFEEDFACF, 0x0100000C, 0, 1) + bytes(16)


def elf(machine: int, kind: int = 1, size: int = 2) -> bytes:
    return (b"\x7fELF" + bytes((size, 1, 1)) + bytes(9) + struct.pack("<HH", kind, machine)).ljust(64, b"\0")


@pytest.mark.parametrize(
    ("data", "text", "offset"),
    [
        (MACHO, "not an ELF object: it is a Mach-O object for arm64; uruk links COFF and ELF", 0),
        (elf(243), "an ELF object for RISC-V", 18),
        (elf(3, size=1), "it is a 32-bit ELF object for i386", 4),
        (elf(62, kind=2), "an executable, a program that is linked already", 16),
        (elf(62, kind=3), "a shared object (use add_library)", 16),
        (b"", "it is an empty file", 0),
    ],
    ids=["mach-o", "risc-v", "i386", "program", "library", "empty"],
)
def test_an_object_that_is_none(data: bytes, text: str, offset: int, jit: uruk.LLJIT, cc: Compile) -> None:
    with pytest.raises(ObjectFormatError) as caught:
        jit.add_object(data, "input.o")
    assert (caught.value.file, caught.value.offset) == ("input.o", offset)
    assert text in caught.value.problem
    jit.add_object(cc("int f(void) { return 3; }"))
    assert jit.lookup("f").function("int(void)")() == 3


def test_a_source_given_as_an_object(tmp_path: Path, jit: uruk.LLJIT) -> None:
    source = tmp_path / "x.c"
    source.write_text("int f(void) { return 3; }\n")
    with pytest.raises(ObjectFormatError, match=r"x\.c: .*: it is a C source file: use add_source$"):
        jit.add_object(source)


def test_a_linked_program(tmp_path: Path, cc: Compile, jit: uruk.LLJIT) -> None:
    program = tmp_path / "program"
    for flags in (("-pie",), ("-no-pie",)):
        command = [require_tool("gcc"), *flags, "-x", "c", "-", "-o", program]
        subprocess.run(command, input=b"int main(void) { return 0; }", check=True)
        with pytest.raises(ObjectFormatError, match="a program that is linked already"):
            jit.add_object(program)
        with pytest.raises(uruk.UrukError, match="a program that is linked already"):
            jit.add_library(program)


def test_a_member_of_an_archive(tmp_path: Path, jit: uruk.LLJIT, cc: Compile) -> None:
    good = cc("int wanted(void) { return 4; }", name="good")
    archive = tmp_path / "lib.a"
    subprocess.run([require_tool("ar"), "rcS", archive, good], check=True)
    subprocess.run([require_tool("ar"), "s", archive], check=True)
    data = bytearray(archive.read_bytes())
    at = data.index(b"\x7fELF")
    data[at : at + 16] = MACHO[:16]
    jit.add_archive(bytes(data), "lib.a")
    with pytest.raises(ObjectFormatError, match=r"lib\.a\(good\.o\): .* a Mach-O object for arm64"):
        jit.lookup("wanted")


def test_a_library_that_is_none(tmp_path: Path, jit: uruk.LLJIT) -> None:
    foreign = tmp_path / "libforeign.so"
    foreign.write_bytes(MACHO)
    with pytest.raises(ObjectFormatError, match="it is a Mach-O object for arm64"):
        jit.add_library(foreign)
