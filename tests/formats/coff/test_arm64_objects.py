"""COFF objects for AArch64: bytes as lld-link writes them, and functions that run in Linux's executor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import uruk
from uruk.errors import OutOfRange, UnsupportedRelocation
from uruk.target import Target

from support.coff_objects import ARM_COMPILERS, ARM_MSVC, IS_GNU, SOURCES, assembled, compiled, others, run
from support.placed_by_lld import compare_with_lld, linked_by_lld
from support.requirements import require_tool
from support.windows_links import windows_session

pytestmark = pytest.mark.any_interpreter

LEAST = 3
"""Sections that even the smallest set has."""
EVERY_FIELD = """
    .text
    .globl all_fields, other
all_fields:
    bl other
    b other
    b.ne other
    cbz x0, other
    tbz x1, #3, other
    adr x2, other
    adrp x3, table
    add x3, x3, :lo12:table
    adrp x4, table+0x1234
    ldrb w5, [x4, :lo12:bytes]
    ldrsh x5, [x4, :lo12:table+2]
    strh w5, [x4, :lo12:table+6]
    ldr w6, [x4, :lo12:table+4]
    ldrsw x6, [x4, :lo12:table+4]
    ldr x7, [x4, :lo12:table+16]
    ldr q0, [x4, :lo12:table]
    str b1, [x4, :lo12:bytes]
    ldr h1, [x4, :lo12:table+2]
    ldr s1, [x4, :lo12:table+4]
    str d1, [x4, :lo12:table+8]
    ldr x7, [x4]
    .secrel32 table+3
    .secidx table
    .p2align 2
    add x8, x8, :secrel_hi12:table
    add x8, x8, :secrel_lo12:table
    ldr x9, [x8, :secrel_lo12:table+8]
    ldr w9, [x8, :secrel_lo12:table+4]
    .rva table+5
    .word other-.
    ret
    .section .text$other,"xr"
other: ret
    .data
    .p2align 12
    .zero 0x1230
    .p2align 4
    .globl table, bytes
table: .quad table+8, other
    .word table
    .rva other
    .word other-.
bytes: .byte 1, 2, 3
"""


@pytest.mark.parametrize("compiler", ARM_COMPILERS)
@pytest.mark.parametrize("name", SOURCES)
def test_sections_have_the_bytes_of_lld(tmp_path: Path, name: str, compiler: str) -> None:
    objects = [compiled(tmp_path, name, compiler)]
    objects.append(others(tmp_path, objects, ARM_MSVC))
    options = ["-lldmingw", "/exclude-all-symbols"] if IS_GNU[compiler] else []
    assert compare_with_lld(linked_by_lld(tmp_path, objects, *options), objects, "aarch64") >= LEAST


@pytest.mark.quick
def test_every_field(tmp_path: Path) -> None:
    path = assembled(tmp_path, "fields", EVERY_FIELD, ARM_MSVC)
    listed = run([require_tool("llvm-readobj-19"), "-r", str(path)])
    for name in (
        "ADDR32 ", "ADDR32NB", "ADDR64", "BRANCH26", "BRANCH19", "BRANCH14", "PAGEBASE_REL21", "REL21", "REL32",
        "PAGEOFFSET_12A", "PAGEOFFSET_12L", "SECREL ", "SECREL_LOW12A", "SECREL_HIGH12A", "SECREL_LOW12L", "SECTION",
    ):  # fmt: skip
        assert f"IMAGE_REL_ARM64_{name}" in listed, name
    assert compare_with_lld(linked_by_lld(tmp_path, [path]), [path], "aarch64") >= LEAST


PLAIN = """
    typedef struct { double x; int count; } Part;
    static const short steps[] = {1, 20, 300, 4000};
    long long total = 5;
    double weights[3] = {0.5, 1.5, 2.5};
    static int square(int x) { return x * x; }
    static int cube(int x) { return x * x * x; }
    int (*table[])(int) = {square, cube};
    __declspec(noinline) int chosen(int kind, int x) {
        switch (kind) {
        case 0: return x + 1; case 1: return x * 7; case 2: return table[0](x); case 3: return table[1](x);
        case 4: return steps[x & 3]; case 5: return x ^ 0x55; case 6: return -x; case 7: return (int)total + x;
        }
        return (int)(weights[x % 3] * 10);
    }
    int run(int count) {
        int all = 0;
        char room[9000];
        for (int i = 0; i < 9000; i++) room[i] = (char)i;
        for (int i = 0; i < count; i++) { all += chosen(i % 9, i) + room[(i * 77) % 9000]; total++; }
        return all;
    }
    double mixed(double a, int b, float c) { Part part = {a, b}; return part.x * part.count + c; }
    int apply(int (*f)(int), int x) { return f(x) + 1; }
"""
CHKSTK = ".globl __chkstk\n__chkstk: ret\n"
"""Windows grows a stack page by page, in the order of addresses (x15 has the number of bytes / 16); Linux does not."""


@pytest.fixture
def linux() -> Iterator[uruk.LLJIT]:
    require_tool("qemu-aarch64")
    with uruk.LLJIT(executor=uruk.spawn(target="aarch64-linux")) as jit:
        yield jit


@pytest.mark.parametrize("compiler", ARM_COMPILERS)
def test_plain_functions_run_under_linux(tmp_path: Path, linux: uruk.LLJIT, compiler: str) -> None:
    """The results are those of the same source as an ELF object, in the same process."""
    source = tmp_path / "plain.c"
    source.write_text(PLAIN)
    program, *options = ARM_COMPILERS[compiler]
    windows, elf = tmp_path / "plain.obj", tmp_path / "plain.o"
    run([require_tool(program), *options, "-c", str(source), "-o", str(windows)])
    options = ["--target=aarch64-linux-gnu", "-fms-extensions", "-fsigned-char", "-fPIC", "-O1"]
    run([program, *options, "-c", str(source), "-o", str(elf)])
    native = linux.create_dylib("native")
    linux.add_object(elf, dylib=native)
    linux.add_objects([windows, assembled(tmp_path, "chkstk", CHKSTK, ARM_MSVC)])
    results: list[list[float]] = []
    for dylib in (linux.main, native):
        count = linux.lookup("run", dylib=dylib).function("int(int)")
        mixed = linux.lookup("mixed", dylib=dylib).function("double(double, int, float)")
        callback = linux.executor.callback("int(int)", lambda x: x * 3)
        apply = linux.lookup("apply", dylib=dylib).function("int(void *, int)")
        results.append([count(100), count(1000), mixed(1.5, 4, 0.25), apply(callback, 5)])
    assert results[0] == results[1]
    assert results[0][2:] == [6.25, 16]


@pytest.mark.parametrize(
    ("text", "error", "problem"),
    [
        ("f: adr x0, far", OutOfRange, "Literal21"),
        ("f: ldr x0, [x1, :lo12:odd]", OutOfRange, "no multiple of 8"),
        ("f: bl near", UnsupportedRelocation, "an instruction that has no such field"),
    ],
)
def test_refused(tmp_path: Path, text: str, error: type[Exception], problem: str) -> None:
    data = ".data\n.globl near, odd\n.p2align 3\nnear: .word 0\nodd: .word 0\n"
    path = assembled(tmp_path, "bad", f".globl f\n{text}\n{data}", ARM_MSVC)
    if error is UnsupportedRelocation:  # the call becomes an addition
        path.write_bytes(path.read_bytes().replace(bytes.fromhex("00000094"), bytes.fromhex("00000091")))
    with windows_session(Target("coff", "aarch64", "windows")) as jit:
        jit.define("far", 0x170000000)
        jit.add_object(path)
        with pytest.raises(error, match=problem):
            jit.lookup("f")
