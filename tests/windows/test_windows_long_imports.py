"""Import libraries of objects by other writers than GNU's: each program does what GNU ld's of the same members does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from native_programs import run, run_linked

from support.coff_objects import run as run_tool
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

GCC = "x86_64-w64-mingw32-gcc-posix"
USER = """
#include <stdio.h>
int multiply(int a, int b, int c) __asm__("{name}");
int main(void) {{ printf("%d\\n", multiply(6, 14, 2)); return 3; }}
"""
SLOT = """
    .text
    .globl "{name}"
"{name}": jmp *slot(%rip)
    .section .idata$4,"dw"
    .rva text
    .long 0
    .section .idata$5,"dw"
{label}
slot: .rva text
    .long 0
    .section .idata$6,"dw"
text: .short 0
    .asciz "MulDiv"
    .p2align 1
{reference}
"""
DESCRIPTOR = """
    .section .idata$4,"dw"
numbers:
    .section .idata$5,"dw"
slots:
    .section .idata$2,"dw"
    .globl {name}
{name}: .rva numbers
    .long 0, 0
    .rva {library}
    .rva slots
"""
LAST = '.section .idata$4,"dw"\n.quad 0\n.section .idata$5,"dw"\n.quad 0\n'
WRITERS = {
    "Free Pascal": {
        "name": "_$dll$kernel32$MulDiv",
        "h1": DESCRIPTOR.format(name="impunit_head_kernel32.dll", library="impunit_dll_kernel32.dll"),
        "s2": SLOT.format(
            name="_$dll$kernel32$MulDiv", label="", reference='.section .idata$7,"dw"\n.rva impunit_head_kernel32.dll'
        ),
        "t3": f'{LAST}.section .idata$7,"dw"\n.globl impunit_dll_kernel32.dll\nimpunit_dll_kernel32.dll:'
        '.asciz "kernel32.dll"',
    },
    "Microsoft": {
        "name": "MulDiv",
        "h1": DESCRIPTOR.format(name="__IMPORT_DESCRIPTOR_kernel32", library="library")
        + '.section .idata$6,"dw"\nlibrary: .asciz "kernel32.dll"\n'
        + '.section .rdata,"dr"\n.rva __null_of_kernel32',
        "s2": SLOT.format(
            name="MulDiv",
            label=".globl __imp_MulDiv\n__imp_MulDiv:",
            reference='.section .rdata,"dr"\n.rva __IMPORT_DESCRIPTOR_kernel32',
        ),
        "t3": f"{LAST}.globl __null_of_kernel32\n.set __null_of_kernel32, .-8",
    },
}
"""By writer: the name of the function, and the members, in the order in which ld puts them in a row."""


@pytest.mark.parametrize("writer", WRITERS)
def test_a_program_is_as_natively(wine: Path, tmp_path: Path, writer: str) -> None:
    members = dict(WRITERS[writer])
    (tmp_path / "user.c").write_text(USER.format(name=members.pop("name")))
    run_tool([require_tool(GCC), "-c", str(tmp_path / "user.c"), "-o", str(tmp_path / "user.obj")])
    for name, text in members.items():
        (tmp_path / f"{name}.s").write_text(text)
        run_tool([GCC, "-c", str(tmp_path / f"{name}.s"), "-o", str(tmp_path / f"{name}.o")])
    library = tmp_path / "imports.a"
    run_tool([require_tool("x86_64-w64-mingw32-ar"), "rcs", str(library), *(str(tmp_path / f"{n}.o") for n in members)])
    command = [GCC, tmp_path / "user.obj", library, "-o", tmp_path / "native.exe"]
    subprocess.run(command, check=True)
    expected = run(["wine", tmp_path / "native.exe"])
    assert (expected.stdout.strip(), expected.status) == ("42", 3)
    assert run_linked([tmp_path / "user.obj", library], []) == expected
