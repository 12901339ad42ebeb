"""The routine that makes code known to the instruction cache is what an assembler makes of its text."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from uruk.isa.interface import architecture_of

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

# Arm ARM, B2.4.4: clean each data line to the point of unification, then invalidate each instruction line. CTR_EL0 has
# the logarithms of both lines' sizes in words.
ROUTINE = """
    mrs  x3, ctr_el0
    mov  x4, #4
    ubfx x2, x3, #16, #4
    lsl  x2, x4, x2
    sub  x5, x2, #1
    bic  x6, x0, x5
0:  dc   cvau, x6
    add  x6, x6, x2
    cmp  x6, x1
    b.lo 0b
    dsb  ish
    and  x3, x3, #15
    lsl  x3, x4, x3
    sub  x5, x3, #1
    bic  x6, x0, x5
1:  ic   ivau, x6
    add  x6, x6, x3
    cmp  x6, x1
    b.lo 1b
    dsb  ish
    isb
    ret
"""


def test_the_routine_is_what_an_assembler_makes(tmp_path: Path) -> None:
    assembler, copier = require_tool("aarch64-linux-gnu-as"), require_tool("aarch64-linux-gnu-objcopy")
    subprocess.run([assembler, "-o", "routine.o", "-"], input=ROUTINE.encode(), cwd=tmp_path, check=True)
    subprocess.run([copier, "-O", "binary", "-j", ".text", "routine.o", "routine"], cwd=tmp_path, check=True)
    assert architecture_of("aarch64-linux").cache_routine == (tmp_path / "routine").read_bytes()
    assert architecture_of("x86_64-linux").cache_routine == b""
