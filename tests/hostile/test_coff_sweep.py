"""Many broken COFF objects, each read, linked and removed in processes of their own: no crash, no hang, no other error.

URUK_HOSTILE_CASES and URUK_HOSTILE_SEED are those of `test_sweep.py`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.coff_objects import assembled, compiled, run
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

HERE = Path(__file__).parent
CASES = int(os.environ.get("URUK_HOSTILE_CASES", "2000"))
SEED = os.environ.get("URUK_HOSTILE_SEED", "1")
PROCESSES = 2
SLOWEST = 20  # cases a second that even a slow machine does
SEEDS = (
    ("weak.c", "clang-gnu"), ("weak.c", "gcc-O2"), ("virtual.cc", "clang-msvc-O2"), ("thrown.cc", "gcc-O0"),
    ("templates.cc", "gcc-O2"), ("imports.c", "gcc-big"), ("large_frame.c", "clang-msvc-O0"),
    ("switches.c", "arm64-msvc-O2"), ("large_frame.c", "arm64-gnu"), ("templates.cc", "arm64-msvc-O0"),
)  # fmt: skip
CHAIN = """
.section .a,"dr",associative,first
.quad 0
.section .b,"dr",one_only,first
.globl first
first: .quad 1
.section .drectve,"yn"
.ascii " /alternatename:one=two /alternatename:two=first /include:one -aligncomm:both,5"
.comm both, 24
.data
.quad one, both
.secrel32 first
.secidx first
.rva first
"""


IMPORTS = """
LIBRARY parts.dll
EXPORTS
 work
 shared DATA
 numbered @7 NONAME
 renamed == real
 again == work
"""
USER = """
.globl start
start: call work
jmp *__imp_numbered(%rip)
call again
.data
.quad shared, __imp_renamed
"""


def import_libraries(folder: Path) -> None:
    """Import libraries of both kinds, and the object that is linked with them."""
    (folder / "parts.def").write_text(IMPORTS)
    for tool, *options in (("llvm-dlltool-19", "-m", "i386:x86-64"), ("x86_64-w64-mingw32-dlltool",)):
        run([require_tool(tool), *options, "-d", str(folder / "parts.def"), "-l", str(folder / f"{tool}.lib")])
    assembled(folder, "user", USER).rename(folder / "user.o")


def test_broken_coff_objects(tmp_path: Path) -> None:
    for name, compiler in SEEDS:
        compiled(tmp_path, name, compiler)
    assembled(tmp_path, "chain", CHAIN)
    import_libraries(tmp_path)
    command = [sys.executable, str(HERE / "coff_sweep.py"), str(tmp_path)]
    running = [
        subprocess.Popen(
            [*command, str(number), str(PROCESSES), str(CASES), SEED], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for number in range(PROCESSES)
    ]
    try:
        for process in running:
            output, errors = process.communicate(timeout=CASES / SLOWEST + 120)
            assert process.returncode == 0, errors[-2000:].decode()
            result = json.loads(output)
            assert not result["failures"], f"seed {SEED}\n" + "\n\n".join(result["failures"])
            assert result["cases"] == CASES // PROCESSES
            assert result["outcomes"]["linked"] > 0
            assert result["outcomes"]["refused by the reader"] > 0
    finally:
        for process in running:
            process.kill()
            process.wait()
