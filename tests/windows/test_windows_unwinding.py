"""Unwinding through linked code in a process of Windows: structured exceptions, setjmp, and C++ of the GNU kind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from native_programs import gxx_folders, wine_path

import uruk

from support.coff_objects import compiled_text
from support.leading import leads_to

pytestmark = pytest.mark.any_interpreter

STRUCTURED = """
    unsigned long __cdecl _exception_code(void);
    void RaiseException(unsigned, unsigned, unsigned, void *);
    int trace;
    __declspec(noinline) void divide(volatile int *place, int by) { *place = 10 / by; }
    __declspec(noinline) void raise(int code) { RaiseException(code, 0, 0, 0); }
    int caught(int how) {
        volatile int cell = 5;
        int seen = 0;
        __try {
            __try {
                if (how == 1) divide(0, 1);
                if (how == 2) divide((int *)&cell, 0);
                if (how == 3) raise(0x12345678);
                cell++;
            } __finally { trace++; }
        } __except (seen = (int)_exception_code(), 1) { return seen; }
        return cell;
    }
    static int filter(unsigned code) { return code == 0x12345678 ? -1 : 1; }
    int resumed(int how) {
        int result = 0;
        __try { raise(how); result = 7; } __except (filter(_exception_code())) { result = -1; }
        return result;
    }
    int traced(int x) { return trace; }
"""
JUMPS = """
    #include <setjmp.h>
    static jmp_buf place;
    static int depth(int n) { if (n == 0) longjmp(place, 42); return depth(n - 1) + 1; }
    int jumps(int n) { int result = setjmp(place); return result ? result : depth(n); }
"""
THROWER = """
    #include <stdexcept>
    #include <string>
    extern int alive;
    struct Noisy { Noisy() { alive++; } ~Noisy() { alive--; } };
    int thrower(int x) {
        Noisy noisy;
        if (x > 2) throw std::runtime_error("over " + std::to_string(x));
        return x;
    }
"""
CATCHER = """
    #include <exception>
    #include <stdexcept>
    #include <string>
    int alive;
    int thrower(int x);
    extern "C" int catches(int x) {
        try { return thrower(x); }
        catch (const std::exception &error) { return 1000 + (int)std::string(error.what()).size() + alive; }
    }
    extern "C" int of_the_library(int x) {
        try { return std::stoi(x ? "none" : "41"); } catch (const std::invalid_argument &) { return -1; }
    }
    extern "C" int kept(int x) {
        std::exception_ptr error;
        try { thrower(x); } catch (...) { error = std::current_exception(); }
        try { if (error) std::rethrow_exception(error); } catch (const std::runtime_error &) { return 1; }
        return 0;
    }
"""

LED = """
    extern "C" __attribute__((noinline)) int may_throw(int x) { if (x > 3) throw x; return x * 3; }
    extern "C" int caught(int x) { try { return may_throw(x); } catch (int got) { return -got; } }
"""
WRAPPER = 'extern "C" { int may_throw(int); int counted(int x) { return may_throw(x) + 1000; } }'


@pytest.fixture
def jit(wine: Path) -> Iterator[uruk.LLJIT]:
    """A session in a process of Windows, which finds the DLLs of g++."""
    environment = {**os.environ, "WINEPATH": wine_path(gxx_folders())}
    executor = uruk.spawn(target="x86_64-windows", environment=environment)
    with uruk.LLJIT(executor=executor) as session:
        yield session


def functions(jit: uruk.LLJIT, *names: str) -> list[Callable[[int], int]]:
    return [symbol.function("int(int)") for symbol in jit.lookup_all(list(names)).values()]


@pytest.mark.parametrize("compiler", ["clang-msvc-O0", "clang-msvc-O2"])
def test_structured_exceptions(jit: uruk.LLJIT, tmp_path: Path, compiler: str) -> None:
    jit.add_object(compiled_text(tmp_path, compiler, "structured.c", STRUCTURED, "-w"))
    caught, resumed, traced = functions(jit, "caught", "resumed", "traced")
    codes = [caught(how) & 0xFFFFFFFF for how in range(4)]
    assert codes == [6, 0xC0000005, 0xC0000094, 0x12345678]
    assert traced(0) == 4
    assert [resumed(0x12345678), resumed(0x1234)] == [7, -1]


def test_jumps_over_frames(jit: uruk.LLJIT, tmp_path: Path) -> None:
    jit.main.add_shared_library("msvcrt.dll")
    jit.add_object(compiled_text(tmp_path, "gcc-O0", "jumps.c", JUMPS))
    assert [functions(jit, "jumps")[0](depth) for depth in (0, 10)] == [42, 42]


def test_exceptions_of_gxx(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """They go from object to object, out of a library, through `std::exception_ptr`, and on when a module is gone."""
    for name in ("libstdc++-6.dll", "libgcc_s_seh-1.dll", "msvcrt.dll"):
        jit.main.add_shared_library(name)
    thrower = compiled_text(tmp_path, "gcc-O2", "thrower.cc", THROWER)
    jit.add_object(compiled_text(tmp_path, "gcc-O2", "catcher.cc", CATCHER))
    tracker = jit.add_object(thrower)
    catches, of_the_library, kept = functions(jit, "catches", "of_the_library", "kept")
    assert [catches(x) for x in (1, 2, 3, 44)] == [1, 2, 1006, 1007]
    assert [of_the_library(x) for x in (0, 1)] == [41, -1]
    assert [kept(x) for x in (1, 3)] == [0, 1]
    tracker.remove(force=True)
    assert [of_the_library(x) for x in (0, 1)] == [41, -1]


@pytest.mark.parametrize("compiler", ["gcc-O2", "clang-gnu"])
@pytest.mark.parametrize("point", ["pre-prune", "post-prune"])
def test_unwind_data_stays_with_its_function(jit: uruk.LLJIT, tmp_path: Path, compiler: str, point: str) -> None:
    """A pass that leads all that means a function elsewhere leaves exceptions a way through it."""

    for name in ("libstdc++-6.dll", "libgcc_s_seh-1.dll", "msvcrt.dll"):
        jit.main.add_shared_library(name)
    wrapper = compiled_text(tmp_path, compiler, "wrapper.cc", WRAPPER)
    jit.add_pass(point, leads_to(wrapper, "may_throw", "counted"))
    jit.add_objects([compiled_text(tmp_path, compiler, "led.cc", LED, "-ffunction-sections"), wrapper])
    caught, counted = functions(jit, "caught", "counted")
    assert [caught(1), caught(5), counted(2)] == [1003, -5, 1006]
