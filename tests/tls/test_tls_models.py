"""Thread-locals in every access model, from both compilers: right in this thread, a running one and a new one."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import uruk

from support.compiling import Compile, RunChild

BASIC = """
    __thread int x = 41;
    __thread int w;
    static __thread long y = 7;
    static __thread long z[3];
    long f(void) { w++, z[1] += y; return x++ + z[1] + w; }
"""


def in_all_threads(jit: uruk.LLJIT, add: Callable[[], Any], name: str = "f") -> list[list[int]]:
    """Two results of a function in this thread, in one that ran before the code came, and in a new one."""
    go, results = threading.Event(), list[list[int]]()

    def look() -> None:
        function = jit.lookup(name).function("long(void)")
        results.append([function(), function()])

    def wait() -> None:
        go.wait()
        look()

    running = threading.Thread(target=wait)
    running.start()
    try:
        add()
        look()
    finally:
        go.set()
        running.join()
    fresh = threading.Thread(target=look)
    fresh.start()
    fresh.join()
    return results


def agree(objects: list[Path], *expected: int) -> None:
    """Link objects, call `f` in all threads, and take everything out again."""
    with uruk.LLJIT() as jit:
        codes: list[uruk.ResourceTracker] = []
        found = in_all_threads(jit, lambda: codes.append(jit.add_objects([str(one) for one in objects])))
        wanted = list(expected) if len(expected) == 2 else [*expected, *expected]
        assert found == [wanted] * 3
        assert codes[0].remove().tls_not_recovered == 0


@pytest.mark.parametrize("model", ["global-dynamic", "local-dynamic", "initial-exec", "local-exec"])
@pytest.mark.parametrize("code", ["small", "medium", "large"])
@pytest.mark.parametrize("place", ["-fPIC", "-fPIE", "-fno-pie"])
@pytest.mark.parametrize("family", ["gcc", "clang"])
def test_every_model(cc: Compile, family: str, place: str, code: str, model: str) -> None:
    flags = [place, f"-mcmodel={code}", f"-ftls-model={model}"]
    agree([cc(BASIC, "-O1", *flags, family=family)], 49, 58)


@pytest.mark.parametrize(
    "flags", ["-mtls-dialect=gnu2", "-fno-plt", "-g", "-O0", "-O3 -g -ffunction-sections -fdata-sections"]
)
@pytest.mark.parametrize("code", ["small", "medium", "large"])
@pytest.mark.parametrize("place", ["-fPIC", "-fPIE", "-fno-pie"])
@pytest.mark.parametrize("family", ["gcc", "clang"])
def test_more_flags(cc: Compile, family: str, place: str, code: str, flags: str) -> None:
    agree([cc(BASIC, "-O1", place, f"-mcmodel={code}", *flags.split(), family=family)], 49, 58)


@pytest.mark.parametrize(
    "flags", ["-g -gdwarf-4", "-g -gdwarf-5", "-g -gdwarf-5 -gz", "-g -gsplit-dwarf", "-g3 -gdwarf64"]
)
@pytest.mark.parametrize("family", ["gcc", "clang"])
def test_debug_sections_name_offsets(cc: Compile, family: str, flags: str) -> None:
    agree([cc(BASIC, "-fPIC", *flags.split(), family=family)], 49, 58)


SHAPES = ["", "-fPIC", "-fPIC -mtls-dialect=gnu2", "-fPIC -fno-plt", "-fno-pie"]
both = pytest.mark.parametrize("family", ["gcc", "clang"])
shapes = pytest.mark.parametrize("shape", SHAPES)


@both
@shapes
def test_an_image_with_addresses(cc: Compile, family: str, shape: str) -> None:
    source = """
        int d = 5;
        int six(void) { return 6; }
        static __thread int *p = &d;
        static __thread int (*q)(void) = six;
        static __thread const char *s = "abc";
        static __thread void *both[2] = {&d, (void *)six};
        long f(void) { return *p * 100 + q() * 10 + (s[1] == 'b') + (both[1] == (void *)six); }
    """
    agree([cc(source, "-O1", *shape.split(), family=family)], 562)


@both
@shapes
@pytest.mark.parametrize("joined", [False, True])
def test_hidden_and_public_ones_of_another_object(cc: Compile, family: str, shape: str, joined: bool) -> None:
    one = """
        __thread int hid __attribute__((visibility("hidden"))) = 7;
        __thread int pub = 8;
        static __thread int zero;
        long g(void) { return hid + pub + zero; }
    """
    other = """
        extern __thread int hid __attribute__((visibility("hidden"))), pub;
        long g(void);
        long f(void) { long sum = g() * 100; return sum + hid * 10 + pub; }
    """
    objects = [cc(source, "-O1", *shape.split(), family=family) for source in (one, other)]
    if joined:
        whole = objects[0].with_suffix(".joined.o")
        cc.tool("ld", "-r", "-o", str(whole), *map(str, objects))
        objects = [whole]
    agree(objects, 1578)


@both
@shapes
def test_weak_common_and_aliased_ones(cc: Compile, family: str, shape: str) -> None:
    flags = ["-O1", "-fcommon", *shape.split()]
    one = """
        __thread int weak __attribute__((weak)) = 1;
        __thread int common[2];
        __thread int base = 4;
        extern __thread int second __attribute__((alias("base")));
        long h(void) { return weak * 10 + common[1] + second; }
    """
    other = """
        __thread int weak = 2;
        extern __thread int common[2];
        long h(void);
        long f(void) { common[1] = 3; return h(); }
    """
    agree([cc(source, *flags, family=family) for source in (one, other)], 27)


@both
@pytest.mark.parametrize("shape", SHAPES[1:4])
def test_large_and_widely_aligned_ones(cc: Compile, family: str, shape: str) -> None:
    source = """
        __thread char big[3 << 20] = {[2 << 20] = 9};
        __thread char wide[100] __attribute__((aligned(4096))) = {1};
        __thread int end = 1;
        long f(void)
        {
            char *p = wide;
            __asm__("" : "+r"(p));
            return ((long)p & 4095) * 1000 + big[2 << 20] * 10 + wide[0] + end;
        }
    """
    agree([cc(source, "-O1", *shape.split(), family=family)], 92)


@both
@shapes
def test_cpp_wrappers(cc: Compile, family: str, shape: str) -> None:
    head = "struct D { int v; D(); ~D(); }; extern int gone;"
    user = """
        extern thread_local D d;
        extern thread_local int plain;
        extern "C" long f() { return d.v * 100 + plain * 10; }
    """
    owner = """
        int gone;
        D::D() : v(4) {}
        D::~D() { __atomic_add_fetch(&gone, 1, 5); }
        thread_local D d;
        thread_local int plain = 3;
        extern "C" long count() { return gone; }
    """
    objects = [cc.cpp(head + text, "-O1", *shape.split(), family=family) for text in (user, owner)]
    with uruk.LLJIT() as jit:
        found = in_all_threads(jit, lambda: jit.add_objects([str(one) for one in objects]))
        assert found == [[430, 430]] * 3
        count = jit.lookup("count").function("long(void)")
        deadline = time.monotonic() + 30
        while count() < 2 and time.monotonic() < deadline:  # Python joins a thread before its destructors have run
            time.sleep(0.001)
        assert count() == 2  # this thread's is still there


FORMS = r"""
        .section .tdata,"awT",@progbits
        .balign 8
        .globl tv
        .type tv, @object
tv:     .quad 11
        .size tv, 8
        .type tc, @object
        .tls_common tc, 16, 8
        .text
        .globl f
        .type f, @function
f:      subq $8, %rsp
        data16 leaq tv@tlsgd(%rip), %rdi
        .value 0x6666
        rex64 call __tls_get_addr@PLT
        movq (%rax), %rcx
        movq %rcx, (%rsp)
        data16 leaq tv@tlsgd(%rip), %rdi
        .byte 0x66
        rex64 call *__tls_get_addr@GOTPCREL(%rip)
        movq (%rax), %rcx
        addq %rcx, (%rsp)
        leaq tv@tlsld(%rip), %rdi
        call __tls_get_addr@PLT
        movq tv@dtpoff(%rax), %rcx
        addq %rcx, (%rsp)
        leaq tv@tlsld(%rip), %rdi
        call *__tls_get_addr@GOTPCREL(%rip)
        movabsq $tv@dtpoff, %rcx
        movq (%rax,%rcx), %rcx
        addq %rcx, (%rsp)
        leaq tv@tlsdesc(%rip), %rax
        call *tv@tlscall(%rax)
        movq %fs:(%rax), %rcx
        movq tv@gottpoff(%rip), %rdx
        addq %fs:(%rdx), %rcx
        addq %fs:tv@tpoff, %rcx
        movabsq $tv@tpoff, %rdx
        addq %fs:(%rdx), %rcx
        movq $.tdata@tpoff, %rdx
        addq %fs:(%rdx), %rcx
        movq tc@gottpoff(%rip), %rdx
        addq %fs:8(%rdx), %rcx
        popq %rax
        addq %rcx, %rax
        ret
        .size f, .-f
        .section .note.GNU-stack,"",@progbits
"""


def test_every_form_in_assembly(cc: Compile) -> None:
    agree([cc(FORMS, "-x", "assembler", language="asm")], 99)


LIBRARIES = """
    import sys, uruk
    with uruk.LLJIT() as jit:
        jit.add_object(sys.argv[1])
        f = jit.lookup("f").function("long(void)")
        print(f())
        jit.add_library("gomp")
        jit.add_library("gfortran")
        jit.add_object(sys.argv[2])
        print(jit.lookup("g").function("long(void)")())
        print(f())
"""


def test_fortran_and_openmp_beside_thread_locals(cc: Compile, child: RunChild, tmp_path: Path) -> None:
    """The libraries come after static storage is taken, and need some themselves."""
    source = tmp_path / "threads.f90"
    source.write_text(
        "integer(8) function g() bind(c)\n  integer, save :: n = 3\n  !$omp threadprivate(n)\n  integer(8) :: s\n"
        "  s = 0\n  !$omp parallel num_threads(3) reduction(+:s)\n  n = n + 1\n  s = s + n\n  !$omp end parallel\n"
        "  g = s\nend function\n"
    )
    path = tmp_path / "threads.o"
    subprocess.run(["gfortran", "-fopenmp", "-c", "-o", path, source], check=True)
    assert child.ok(LIBRARIES, cc(BASIC), path).split() == ["49", "12", "58"]
