"""Edges as JITLink names them: every kind of every table has a name, and LLVM's tool prints the same."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from jitlink.running import Done, llvm_jitlink, uruk_jitlink
from uruk.graph.kinds import Base, KindTable, Operand
from uruk.isa import aarch64, aarch64_images, x86_64, x86_64_images

from support.requirements import require_tool

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

ABSENT = (Operand.TP_OFFSET, Operand.DTP_OFFSET, Operand.DTP_MODULE)
"""JITLink 19 has no edges for offsets in thread-local storage, nor for the kinds of the names below."""
ABSENT_NAMES = re.compile(r"SectionOffset(7|Low12|High12|Load\w+)|TLSDescCall|GOTLoad64(Page)?Offset15")
EDGE = re.compile(r" +0x\w+ \(block \+ (0x\w+)\), addend = (\S+), kind = (\S+), target = (.*)")
X86_64 = """
        .text
        .globl  main, near, data
main:   call    near
        call    far
        movq    near@GOTPCREL(%rip), %rax
        movq    far@GOTPCREL(%rip), %rax
        movl    near@GOTPCREL(%rip), %eax
        movl    far@GOTPCREL(%rip), %eax
        call    *far@GOTPCREL(%rip)
        jmp     *far@GOTPCREL(%rip)
slot:   .long   0
        .reloc  slot, R_X86_64_GOTPCREL, near - 4
        leaq    _GLOBAL_OFFSET_TABLE_(%rip), %rax
        movabsq $_GLOBAL_OFFSET_TABLE_ - main, %rax
        movabsq $near@GOTOFF, %rax
        movabsq $near@GOT, %rax
wide:   .quad   0
        .reloc  wide, R_X86_64_GOTPCREL64, near
        leaq    local@TLSGD(%rip), %rdi
        leaq    data(%rip), %rax
near:   ret
        .data
data:   .quad   main
        .long   low
signed: .long   0
        .reloc  signed, R_X86_64_32S, low
        .long   near - .
        .quad   near - .
        .byte   low
        .short  low
        .section .tdata, "awT", @progbits
        .globl  local
local:  .quad   1
"""
AARCH64 = """
        .text
        .globl  main, near, data
main:   bl      near
        b       far
        adrp    x0, near
        add     x0, x0, :lo12:near
        ldrb    w0, [x0, :lo12:near]
        ldrh    w0, [x0, :lo12:near]
        ldr     w0, [x0, :lo12:near]
        ldr     x0, [x0, :lo12:near]
        ldr     q0, [x0, :lo12:near]
        adr     x0, near
        ldr     x0, near
        b.eq    near
        cbz     x0, near
        tbz     x0, #1, near
        movk    x0, #:abs_g0_nc:near
        movk    x0, #:abs_g1_nc:near
        movk    x0, #:abs_g2_nc:near
        movk    x0, #:abs_g3:near
        adrp    x0, :got:far
        ldr     x0, [x0, :got_lo12:far]
        adrp    x0, :tlsdesc:local
        ldr     x1, [x0, :tlsdesc_lo12:local]
        add     x0, x0, :tlsdesc_lo12:local
        adrp    x0, data
        .balign 16
near:   ret
        .data
data:   .xword  main
        .word   low
        .word   near - .
        .xword  near - .
        .section .tdata, "awT", %progbits
        .globl  local
local:  .xword  1
"""
COFF = """
        .text
        .globl  main, near, data
main:   call    near
        leaq    data(%rip), %rax
        .section .other, "xr"
near:   ret
        .data
data:   .quad   main
        .rva    main
        .secrel32 main
        .secidx main
"""
ASSEMBLERS = {
    "x86_64": (["as", "--64", "-mrelax-relocations=yes"], X86_64, 23),
    "aarch64": (["aarch64-linux-gnu-as"], AARCH64, 28),
    "coff": (["clang-19", "--target=x86_64-pc-windows-msvc", "-c", "-x", "assembler"], COFF, 6),
}
"""By target: the assembler, the text, and its number of edges."""


def library() -> bytes:
    """LLVM's code, where JITLink's names stand."""
    tool = require_tool("llvm-jitlink-19")
    libraries = subprocess.run(["ldd", tool], capture_output=True, text=True, check=True).stdout
    path = next(line.split()[2] for line in libraries.splitlines() if "libLLVM" in line)
    return Path(path).read_bytes()


def test_every_kind_has_a_name_of_jitlink() -> None:
    code = library()
    known: dict[str, bool] = {}
    for module in (x86_64, x86_64_images, aarch64, aarch64_images):
        table: KindTable = module.KINDS
        assert len(table.jitlink) == len(table)
        for kind, named in zip(table.kinds, table.jitlink, strict=True):
            absent = kind.operand in ABSENT or ABSENT_NAMES.fullmatch(kind.name)
            assert named.name in (kind.name, "MoveWide16") or not absent, kind.name
            for name in {named.name, named.direct, named.stub} - {""}:
                if name not in known:
                    known[name] = name.encode() + b"\0" in code
                assert known[name] == (not absent or name == "MoveWide16"), (module.__name__, kind.name, name)
            # The names after a relaxation or through a stub are where such edges exist.
            assert bool(named.stub) <= (kind.operand == Operand.BRANCH and kind.base == Base.PLACE), kind.name
            assert bool(named.direct) <= kind.relaxable, kind.name


def edges(done: Done) -> list[tuple[str, ...]]:
    """Offset, addend, kind and target of the edges of code and data, in order; tables may lie elsewhere."""
    assert done.status == 0, done.err
    text = done.out.partition("section $__")[0]
    found = sorted(match.groups() for match in map(EDGE.match, text.splitlines()) if match)
    return [(*row[:3], re.sub("0x[0-9a-f]{2,}", "", row[3])) for row in found]


@pytest.mark.parametrize("target", ASSEMBLERS)
def test_edges_as_the_tool_prints_them(tmp_path: Path, target: str) -> None:
    (assembler, *options), text, count = ASSEMBLERS[target]
    path = tmp_path / "unit.o"
    subprocess.run([require_tool(assembler), *options, "-", "-o", path], input=text, text=True, check=True)
    words = ["-noexec", "-phony-externals", "-slab-allocate=64Kb", "-slab-address=0x10000000", "-slab-page-size=4096"]
    words += ["-abs=far=0x123456789abc", "-abs=low=0x10", "-show-graphs=.", path]
    theirs, ours = edges(llvm_jitlink(*words)), edges(uruk_jitlink(*words))
    if target == "coff":
        # JITLink counts from a section by an addend, and its number is an absolute symbol: only kinds are the same.
        theirs, ours = ([row[::2] for row in rows] for rows in (theirs, ours))
    assert ours == theirs
    assert len(ours) == count
