"""Stubs and GOTs as the real tool has them: which there are, where, and by which edges stubs refer to their slots."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from jitlink.running import Done, llvm_jitlink, uruk_jitlink

from support.requirements import require_tool

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

CALLS_FIRST = """
main:   cbz     x0, near
        tbz     x1, #3, near
        b.eq    near
        bl      far
        b       far
        adrp    x3, :got:far
        ldr     x3, [x3, :got_lo12:far]
        ldr     x3, [x3, :got_lo12:other]
"""
GOT_FIRST = """
main:   adrp    x3, :got:other
        ldr     x3, [x3, :got_lo12:other]
        bl      far
"""
BRANCHES = """
main:   cbz     x0, near
        tbnz    x1, #3, near
        b.ne    near
"""
X86_64 = """
main:   call    far
        movq    other@GOTPCREL(%rip), %rax
"""
ARM = ["aarch64-linux-gnu-as"]
CASES = {
    "calls first": (ARM, CALLS_FIRST, 12, 3),
    "got first": (ARM, GOT_FIRST, 12, 3),
    "conditional branches": (ARM, BRANCHES, 0, 0),
    "x86-64": (["as", "--64"], X86_64, 6, 3),
}
"""By name: the assembler, the text, the size of its stubs, and how many stubs and slots it has."""
REST = """
        .globl  main
        .type   main, %function
        .data
        .globl  pointer
pointer: .quad  other
        .section .rodata
        .globl  constant
constant: .long 1
"""
PLACES = ["-abs=far=0x100080000000", "-abs=other=0x100090000000", "-abs=near=0x10002100"]
BLOCK = re.compile(r"  block (0x\w+) size = (0x\w+), align = \d+, alignment-offset = 0.*")
EDGE = re.compile(r" +(0x\w+) \(block \+ 0x\w+\), addend = (\S+), kind = (\S+), target = (addressable)@0x\w+\+0x0+")


def tables(done: Done) -> tuple[list[str], set[tuple[str, ...]]]:
    """All blocks by address, and the edges of stubs; which of two slots comes first is chance in LLVM's tool."""
    assert (done.status, done.err) == (0, "")
    blocks = sorted(line for line in done.out.splitlines() if BLOCK.fullmatch(line))
    stubs = done.out.partition("section $__STUBS")[2].partition("section $__GOT")[0]
    return blocks, {match.groups() for match in map(EDGE.match, stubs.splitlines()) if match}


@pytest.mark.parametrize("case", CASES)
def test_the_tables_are_llvms(tmp_path: Path, case: str) -> None:
    assembler, text, size, count = CASES[case]
    path = tmp_path / "unit.o"
    subprocess.run(
        [require_tool(assembler[0]), *assembler[1:], "-", "-o", path], input=text + REST, text=True, check=True
    )
    words = ["-noexec", "-slab-allocate=64Kb", "-slab-address=0x10000000", "-slab-page-size=4096", *PLACES]
    blocks, edges = tables(uruk_jitlink(*words, path, "-show-graphs=."))
    assert (blocks, edges) == tables(llvm_jitlink(*words, path, "-show-graphs=."))
    assert len(blocks) == 3 + count
    lists = uruk_jitlink(*words, path, "-show-addrs").out
    assert [int(line.split("(")[1].split()[0]) for line in lists.splitlines() if line.startswith("  Stubs")] == (
        [size] if size else []
    )
