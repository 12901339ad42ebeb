"""What only GNU's tools have: distances of 64 bits, compressed debug sections, and names of ld's script."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from native_programs import run, run_linked

import uruk
from uruk.errors import ObjectFormatError
from uruk.executor.remote import RemoteExecutor

from support.requirements import require_tool

GCC = "x86_64-w64-mingw32-gcc-posix"
JUMPS = """
#include <stdio.h>
int main(int count, char **words) {
    for (int at = 0; at < count + 6; at++)
        switch (at) {
        case 0: puts("none"); break;
        case 1: puts("one"); break;
        case 2: puts("two"); break;
        case 3: puts("three"); break;
        case 4: puts("four"); break;
        case 5: puts("five"); break;
        default: printf("%d\\n", at);
        }
    return count;
}
"""
BOUNDS = """
#include <stdint.h>
#include <stdio.h>
typedef void function(void);
extern char __data_start__[], __data_end__[], __bss_start__[], __bss_end__[], etext[], __image_base__[], __ImageBase[];
extern char ___tls_start__[], ___tls_end__[];
extern function *___crt_xc_start__[], *___crt_xc_end__[], *___crt_xt_start__[], *___crt_xt_end__[];
int set = 5, zeros[100];
static void first(void) { puts("first"); }
static void second(void) { puts("second"); }
__attribute__((section(".CRT$XCN"), used)) function *of_second = second;
__attribute__((section(".CRT$XCM"), used)) function *of_first = first;
#define LIES(what, begin, end) ((char *)(what) >= (begin) && (char *)(what) < (end))
int main(void) {
    printf("%d%d", LIES(&set, __data_start__, __data_end__), LIES(zeros, __bss_start__, __bss_end__));
    printf("%d%d", (uintptr_t)main < (uintptr_t)etext, __image_base__ == __ImageBase);
    printf("%d%d\\n", LIES(zeros, __image_base__, __bss_end__), ___tls_end__ >= ___tls_start__);
    for (function **next = ___crt_xc_start__; next < ___crt_xc_end__; next++)
        if (*next == first || *next == second)
            (*next)();
    return ___crt_xt_start__ == ___crt_xt_end__;
}
"""
TYPES = "struct point { int x; double y; }; double f(struct point p) { return p.x * p.y; } int counter = 7;"


def compiled(folder: Path, text: str, *flags: str) -> Path:
    source = folder / "unit.c"
    source.write_text(text)
    subprocess.run([require_tool(GCC), *flags, "-c", source, "-o", folder / "unit.obj"], check=True)
    return folder / "unit.obj"


def test_jump_tables_of_the_large_model(wine: Path, tmp_path: Path) -> None:
    found = compiled(tmp_path, JUMPS, "-O1", "-mcmodel=large")
    shown = subprocess.run([GCC.replace("gcc-posix", "objdump"), "-r", found], capture_output=True, check=True).stdout
    assert b"R_X86_64_PC64" in shown
    subprocess.run([GCC, found, "-o", tmp_path / "native.exe"], check=True)
    expected = run(["wine", tmp_path / "native.exe", "a", "b"])
    assert expected.stdout.count("\n") == 9
    assert run_linked([found], ["a", "b"]) == expected


def test_bounds_that_the_script_of_ld_defines(wine: Path, tmp_path: Path) -> None:
    """A collector of garbage, or start files of its own, ask for them; what has no sections is empty."""
    found = compiled(tmp_path, BOUNDS, "-O1")
    subprocess.run([GCC, found, "-o", tmp_path / "native.exe"], check=True)
    expected = run(["wine", tmp_path / "native.exe"])
    assert expected.stdout.split() == ["first", "second", "111111", "first", "second"]
    assert run_linked([found], []) == expected


@pytest.fixture
def compressed(tmp_path: Path) -> Path:
    found = compiled(tmp_path, TYPES, "-g", "-gz=zlib-gnu")
    assert b"ZLIB\0\0\0\0" in found.read_bytes()
    return found


def test_types_of_compressed_debug_sections(executor: RemoteExecutor, compressed: Path) -> None:
    with uruk.LLJIT(executor=executor) as jit:
        jit.add_object(compressed)
        assert jit.f({"x": 3, "y": 1.5}) == 4.5
        assert jit.counter == 7


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (4, 1 << 60, "compressed bytes cannot have"),
        (4, 3, "has not 3 bytes when it is decompressed"),
        (12, 0, "cannot be decompressed"),
    ],
)
def test_broken_streams(executor: RemoteExecutor, compressed: Path, place: int, value: int, told: str) -> None:
    data = bytearray(compressed.read_bytes())
    at = data.find(b"ZLIB\0\0\0\0") + place
    data[at : at + 8] = value.to_bytes(8, "big")
    with uruk.LLJIT(executor=executor) as jit:
        jit.add_object(bytes(data))
        with pytest.raises(ObjectFormatError, match=told):
            jit.f((1, 2))
