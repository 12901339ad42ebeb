"""Lazy functions in a process of Windows: linked when they are called first, by whatever call, from whatever thread."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from native_programs import gxx_folders, wine_path
from windows_processes import address_of

import uruk
from uruk.errors import ExecutorCrashed, UndefinedSymbols, UrukError

from support.coff_objects import COMPILERS, assembled, compiled_text

pytestmark = pytest.mark.any_interpreter

KINDS = ["gcc-O2", "clang-gnu", "clang-msvc-O2"]
SQUARE = "int square(int x) { return x * x; }"
CALLER = """
    typedef unsigned start(void *);
    __declspec(dllimport) void *CreateThread(void *, unsigned long long, start *, void *, unsigned, void *);
    __declspec(dllimport) unsigned WaitForSingleObject(void *, unsigned);
    __declspec(dllimport) int GetExitCodeThread(void *, unsigned *);
    int square(int);
    int twice(int x) { return 2 * square(x); }
    static unsigned run(void *x) { return square((int)(long long)x); }
    int in_a_thread(int x) {
        unsigned result = 0;
        void *thread = CreateThread(0, 0, run, (void *)(long long)x, 0, 0);
        WaitForSingleObject(thread, -1);
        GetExitCodeThread(thread, &result);
        return result;
    }
"""
TYPES = """
    #include <stdarg.h>
    typedef struct { float x, y; } pair;
    typedef struct { char c; } small;
    typedef struct { double a; long long b; int c; } large;
"""
CALLED = (
    "double mixed(int a, double b, float c, long long d, float e, int f, double g) { return a + b*c + d + e*f - g; }",
    "long long packed(pair p, small s, large l, pair q) { return p.x + p.y + s.c + l.a + l.b + l.c + q.x * q.y; }",
    "large made(int a, large l) { l.c += a; return l; }",
    """double sum(int count, ...) {
        double all = 0;
        va_list list;
        va_start(list, count);
        while (count-- > 0) all += count % 2 ? va_arg(list, int) : va_arg(list, double);
        va_end(list);
        return all;
    }""",
    "double room(int x) { volatile char large_frame[20000]; large_frame[x] = 5; return large_frame[x]; }",
)
CALLS = """
    double mixed(int, double, float, long long, float, int, double), sum(int, ...), room(int);
    long long packed(pair, small, large, pair);
    large made(int, large);
    int all(void) {
        large l = made(5, (large){1.5, 1ll << 40, 6});
        return (mixed(1, 2.5, 2, 1ll << 33, 0.5f, 4, 3) == (1ll << 33) + 5) * 1
            + (packed((pair){1, 2}, (small){3}, (large){4, 5, 6}, (pair){7, 8}) == 77) * 2
            + (l.a == 1.5 && l.b == 1ll << 40 && l.c == 11) * 4
            + (sum(6, 1, 0.5, 2, 0.25, 3, 0.125) == 6.875) * 8 + (room(15000) == 5) * 16;
    }
"""
SEEN = """
    .globl seen
seen:
    lea state(%rip), %rax
    mov %rcx, (%rax); mov %rdx, 8(%rax); mov %r8, 16(%rax); mov %r9, 24(%rax); mov %r10, 32(%rax)
    mov 40(%rsp), %rcx
    mov %rcx, 40(%rax)
    stmxcsr 48(%rax)
    fnstcw 52(%rax)
    movups %xmm0, 64(%rax); movups %xmm1, 80(%rax); movups %xmm2, 96(%rax)
    movups %xmm3, 112(%rax); movups %xmm4, 128(%rax); movups %xmm5, 144(%rax)
    ret
"""
SETS = """
    .globl sets, state
sets:
    sub $56, %rsp
    movups vectors(%rip), %xmm0; movups vectors+16(%rip), %xmm1; movups vectors+32(%rip), %xmm2
    movups vectors+48(%rip), %xmm3; movups vectors+64(%rip), %xmm4; movups vectors+80(%rip), %xmm5
    mov $1, %ecx; mov $2, %edx; mov $3, %r8d; mov $4, %r9d; mov $5, %r10d
    movq $6, 32(%rsp)
    stmxcsr 40(%rsp)
    fnstcw 44(%rsp)
    ldmxcsr upwards(%rip)
    fldcw short(%rip)
    call seen
    ldmxcsr 40(%rsp)
    fldcw 44(%rsp)
    add $56, %rsp
    ret
    .data
    .p2align 4
vectors:
    .quad 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21
upwards: .long 0x5f80
short: .long 0x007f
    .p2align 4
state: .zero 160
"""
THROWS = "extern void deeper(int); void thrower(int x) { deeper(x); throw x; }"
CATCHES = """
    extern void thrower(int);
    struct Guard { int *count; ~Guard() { ++*count; } };
    extern "C" int caught(int x) {
        int count = 0;
        try { Guard guard{&count}; thrower(x); } catch (int thrown) { return thrown + count; }
        return -1;
    }
"""
HANDLED = """
    void faulty(int *place);
    int handled(void) { __try { faulty(0); } __except (1) { return 5; } return 0; }
"""


@pytest.fixture(params=[True, False], ids=["shared", "messages"])
def session(wine: Path, request: pytest.FixtureRequest) -> Iterator[uruk.LLJIT]:
    """A session in a process of Windows, which gets code in either way."""
    with uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows", shared_memory=request.param)) as session:
        yield session


@pytest.fixture
def jit(wine: Path) -> Iterator[uruk.LLJIT]:
    """A session in a process of Windows."""
    environment = {**os.environ, "WINEPATH": wine_path(gxx_folders())}
    with uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows", environment=environment)) as session:
        yield session


def states(jit: uruk.LLJIT) -> dict[str, str]:
    return {
        Path(entry.file).name.split(".")[0]: entry.state.value
        for entry in jit.session.objects.values()
        if entry.kind == "object"
    }


@pytest.mark.parametrize("function", ["twice", "in_a_thread"])
def test_made_when_called(session: uruk.LLJIT, tmp_path: Path, function: str) -> None:
    session.add_object(compiled_text(tmp_path, "gcc-O2", "square.c", SQUARE), lazy=True)
    session.add_object(compiled_text(tmp_path, "gcc-O2", "caller.c", CALLER))
    call = session.lookup(function).function("int(int)")
    square = session.lookup("square").address
    assert states(session)["square"] == "pending"
    expected = 98 if function == "twice" else 49
    assert [call(7), call(7)] == [expected, expected]
    assert states(session)["square"] == "linked"
    assert session.lookup("square").address == square  # the function's address stays its stub's


@pytest.mark.parametrize("kind", KINDS)
def test_arguments(jit: uruk.LLJIT, tmp_path: Path, kind: str) -> None:
    """Each first call is the call that its caller made: registers, the stack, structures, results in memory."""
    for number, text in enumerate(CALLED):
        jit.add_object(compiled_text(tmp_path, kind, f"called{number}.c", TYPES + text), lazy=True)
    jit.main.add_shared_library("ucrtbase.dll")
    if "msvc" not in kind:
        jit.add_library("gcc")
    jit.add_object(compiled_text(tmp_path, kind, "calls.c", TYPES + CALLS))
    assert [jit.lookup("all").function("int(void)")() for _ in range(2)] == [31, 31]
    assert set(states(jit).values()) == {"linked"}


def test_registers(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """All of arguments, __vectorcall's and the static chain's too, and the modes of both floating-point units."""
    jit.add_object(assembled(tmp_path, "seen", SEEN), lazy=True)
    jit.add_object(assembled(tmp_path, "sets", SETS))
    jit.lookup("sets").function("void(void)")()
    content = jit.executor.process.read(jit.lookup("state").address, 160)
    assert struct.unpack_from("<6Q", content) == (1, 2, 3, 4, 5, 6)
    assert struct.unpack_from("<IH", content, 48) == (0x5F80, 0x007F)
    assert struct.unpack_from("<12Q", content, 64) == tuple(range(10, 22))


def test_exceptions_pass(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """A throw of a function, and of one that a lazy function calls, while each call is a first one."""
    for name in ("libstdc++-6.dll", "libgcc_s_seh-1.dll", "msvcrt.dll"):
        jit.main.add_shared_library(name)
    deeper = "void deeper(int x) { if (x > 5) throw x + 1; }"
    jit.add_object(compiled_text(tmp_path, "gcc-O2", "deeper.cc", deeper), lazy=True)
    jit.add_object(compiled_text(tmp_path, "gcc-O2", "thrower.cc", THROWS), lazy=True)
    jit.add_object(compiled_text(tmp_path, "gcc-O2", "catches.cc", CATCHES))
    caught = jit.lookup("caught").function("int(int)")
    assert [caught(7), caught(3), caught(8)] == [9, 4, 10]


def test_structured_exceptions_pass(jit: uruk.LLJIT, tmp_path: Path) -> None:
    kind = "clang-msvc-O2"
    assert kind in COMPILERS
    jit.main.add_shared_library("vcruntime140.dll")
    fault = "void faulty(int *place) { *(volatile int *)place = 1; }"
    jit.add_object(compiled_text(tmp_path, kind, "faulty.c", fault), lazy=True)
    jit.add_object(compiled_text(tmp_path, kind, "handled.c", HANDLED))
    assert [jit.lookup("handled").function("int(void)")() for _ in range(2)] == [5, 5]


def test_failure_is_seen(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """What cannot be made ends the process, as abort() does, with the error on its way."""
    text = "int missing(int); int square(int x) { return missing(x); }"
    jit.add_object(compiled_text(tmp_path, "gcc-O2", "square.c", text), lazy=True)
    jit.add_object(compiled_text(tmp_path, "gcc-O2", "caller.c", CALLER))
    with pytest.raises(ExecutorCrashed, match=r"abort\(\)"):
        jit.lookup("twice").function("int(int)")(7)
    ((name, error),) = jit.lazy_errors
    assert name == "square"
    assert isinstance(error, UndefinedSymbols)


def test_a_handler_runs_instead(jit: uruk.LLJIT, tmp_path: Path) -> None:
    text = "int missing(int); int square(int x) { return missing(x); }"
    jit.add_object(compiled_text(tmp_path, "gcc-O2", "instead.c", "int instead(int x) { return -x; }"))
    jit.on_lazy_failure(jit.lookup("instead"))
    jit.add_object(compiled_text(tmp_path, "gcc-O2", "square.c", text), lazy=True)
    square = jit.lookup("square").function("int(int)")
    assert square(7) == -7
    jit.add_object(compiled_text(tmp_path, "gcc-O2", "missing.c", "int missing(int x) { return x + 1; }"))
    assert square(7) == 8  # a later call tries again


def test_removal_gives_the_stubs_back(jit: uruk.LLJIT, tmp_path: Path) -> None:
    path = compiled_text(tmp_path, "gcc-O2", "two.c", "int f(void) { return 1; } int g(void) { return 2; }")
    seen: set[int] = set()
    for _ in range(3):
        code = jit.add_object(path, lazy=True)
        seen.add(jit.lookup("f").address)
        assert jit.lookup("f").function("int(void)")() == 1
        released = code.remove()
        assert (released.lazy_stubs, released.objects) == (2, 1)
        with pytest.raises(UndefinedSymbols):
            jit.lookup("f")
    assert len(seen) == 1


def test_lazy_reexports(jit: uruk.LLJIT, tmp_path: Path) -> None:
    plugin = jit.create_dylib("plugin")
    code = jit.add_object(compiled_text(tmp_path, "gcc-O2", "inner.c", "int inner(void) { return 6; }"), dylib=plugin)
    jit.alias({"outer": "inner"}, plugin, lazy=True)
    outer = jit.lookup("outer").function("int(void)")
    assert (states(jit), outer()) == ({"inner": "pending"}, 6)
    code.remove(force=True)
    jit.add_object(compiled_text(tmp_path, "gcc-O2", "inner.c", "int inner(void) { return 8; }"), dylib=plugin)
    assert outer() == 8  # its stub became lazy again


def test_stubs_are_redirected(jit: uruk.LLJIT) -> None:
    """A stub that is bound goes there without a question; a reset one asks again."""
    asked: list[int] = []
    places = [address_of(jit.executor, name) for name in ("GetCurrentProcessId", "GetCurrentThreadId")]

    def resolve(stub: int) -> int:
        asked.append(stub)
        return places[0]

    process = jit.platform.process
    stubs = process.lazy_stubs(resolve, lambda stub, error: None)
    (address,) = stubs.take(1).tolist()
    call = jit.executor.function("unsigned(void)", address)
    direct = [jit.executor.function("unsigned(void)", place) for place in places]
    assert call() == direct[0]()
    stubs.bind([0], [places[1]])
    assert (call(), asked) == (direct[1](), [0])
    stubs.reset([0])
    assert (call(), asked) == (direct[0](), [0, 0])
    stubs.give([0])
    with pytest.raises(UrukError, match="never taken"):
        stubs.give([0])
