"""Lazy stubs: a first call is the call that the caller made, whatever its arguments, its thread and its state."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest
from lazy_names import LazyNames

import uruk

from support.compiling import Compile
from support.register_check import GENERAL, check_source, has_wide_vectors

VARARGS = r"""
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
int real_show(char *out, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int length = vsnprintf(out, 1000, format, list);
    va_end(list);
    return length;
}
"""
CALL_VARARGS = r"""
#include <string.h>
int show(char *, const char *, ...), real_show(char *, const char *, ...);
#define TWENTY_LONGS "%ld %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld"
#define ARGUMENTS "%d %g %Lg %g %s %g %g %g %g %g %g %g %Lf " TWENTY_LONGS, \
    1, 2.5, 3.25L, 4.5, "five", 6., 7., 8., 9., 10., 11., 12., 13.5L, \
    1l, 2l, 3l, 4l, 5l, 6l, 7l, 8l, 9l, 10l, 11l, 12l, 13l, 14l, 15l, 16l, 17l, 18l, 19l, 1l << 62
int same(void)
{
    char direct[1000], lazy[1000];
    int a = show(lazy, ARGUMENTS), b = real_show(direct, ARGUMENTS);
    return a == b && b > 60 && !strcmp(direct, lazy);
}
"""

TYPES = r"""
typedef struct { float x, y, z; } floats;
typedef struct { double a; long b; } mixed;
typedef struct { long a[9]; } large;
typedef struct { long double a; } wide;
"""
STRUCTS = (
    TYPES
    + r"""
mixed real_in_registers(floats f, mixed m, mixed n) { return (mixed){f.x + f.y + f.z + m.a, m.b + n.b}; }
large real_in_memory(large l, int k, wide w) { l.a[k] += (long)w.a; return l; }
_Complex double real_complex(_Complex double z, _Complex float c) { return z * c; }
long double real_x87(long double a, _Complex long double b) { return a * __real__ b; }
__int128 real_int128(int a, __int128 b, __int128 c, __int128 d) { return a * b + c - d; }
"""
)
CALL_STRUCTS = (
    TYPES
    + r"""
mixed in_registers(floats, mixed, mixed);
large in_memory(large, int, wide);
_Complex double complex(_Complex double, _Complex float);
long double x87(long double, _Complex long double);
__int128 int128(int, __int128, __int128, __int128);
int same(void)
{
    mixed m = in_registers((floats){1, 2, 4}, (mixed){8.5, 1l << 40}, (mixed){0, 3});
    large l = in_memory((large){{1, 2, 3, 4, 5, 6, 7, 8, 9}}, 8, (wide){100});
    _Complex double z = complex(2 + 1i, 3);
    long double x = x87(1.5L, 4 + 1i);
    __int128 i = int128(3, (__int128)1 << 100, 5, 6);
    return m.a == 15.5 && m.b == (1l << 40) + 3 && l.a[0] == 1 && l.a[8] == 109 && z == 6 + 3i && x == 6
        && i == 3 * ((__int128)1 << 100) - 1;
}
"""
)

# SIZE 32: %ymm; 64: %zmm. Twelve vectors: four of them on the stack.
VECTORS = r"""
typedef double v __attribute__((vector_size(SIZE)));
v real_sum(v a, v b, v c, v d, v e, v f, v g, v h, v i, v j, v k, v l)
{ return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k + 12 * l; }
"""
CALL_VECTORS = r"""
typedef double v __attribute__((vector_size(SIZE)));
v sum(v, v, v, v, v, v, v, v, v, v, v, v), real_sum(v, v, v, v, v, v, v, v, v, v, v, v);
int same(void)
{
    v a = {1, 2, 3, 4};
    a[SIZE / 8 - 1] = 0.5;
    v lazy = sum(a, a + 1, a + 2, a + 3, a, a * a, a, a - 5, a, a, 3 * a, a);
    v direct = real_sum(a, a + 1, a + 2, a + 3, a, a * a, a, a - 5, a, a, 3 * a, a);
    for (int n = 0; n < SIZE / 8; n++)
        if (lazy[n] != direct[n] || !lazy[n])
            return 0;
    return 1;
}
"""

CHAIN = '__asm__(".globl real_chained; real_chained: lea (%r10,%rdi), %rax; ret");'
# gcc 12 drops the chain of __builtin_call_with_static_chain from -O1 on, so that is written out.
CALL_CHAIN = """
__asm__(".globl through; through: mov $2, %r10d; jmp chained");
long through(long);
int same(void) { return through(40) == 42; }
"""

# A caller that traps on inexact results, rounds upwards, and has an errno that it wants to look at.
STATE = """
#include <errno.h>
#include <fenv.h>
int real_rounding(void) { return errno == 77 && fegetround() == FE_UPWARD && fegetexcept() == FE_INEXACT; }
"""
CALL_STATE = """
#define _GNU_SOURCE
#include <errno.h>
#include <fenv.h>
int rounding(void);
int same(void)
{
    errno = 77;
    fesetround(FE_UPWARD);
    feclearexcept(FE_ALL_EXCEPT);
    feenableexcept(FE_INEXACT);
    int good = rounding() && errno == 77 && !fetestexcept(FE_ALL_EXCEPT);
    fedisableexcept(FE_ALL_EXCEPT);
    fesetround(FE_TONEAREST);
    return good;
}
"""
WIDE = ["-mavx512f"] if has_wide_vectors() else ["-mavx"]
KINDS = {
    "varargs": (VARARGS, CALL_VARARGS, ["show"], []),
    "structs": (STRUCTS, CALL_STRUCTS, ["in_registers", "in_memory", "complex", "x87", "int128"], []),
    "xmm": (VECTORS, CALL_VECTORS, ["sum"], ["-DSIZE=16"]),
    "ymm": (VECTORS, CALL_VECTORS, ["sum"], ["-DSIZE=32", "-mavx"]),
    "zmm": (VECTORS, CALL_VECTORS, ["sum"], ["-DSIZE=64", *WIDE]),
    "static chain": (CHAIN, CALL_CHAIN, ["chained"], []),
    "floating-point state": ("#define _GNU_SOURCE\n" + STATE, CALL_STATE, ["rounding"], ["-frounding-math"]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_and_results(cc: Compile, jit: uruk.LLJIT, kind: str) -> None:
    real, caller, names, flags = KINDS[kind]
    lazy = LazyNames(jit, names)
    jit.add_archive(cc.archive("libreal.a", cc(real, "-O2", *flags)))
    jit.add_object(cc(caller, "-O2", *flags))
    same = jit.lookup("same").function("int(void)")
    assert lazy.asked == []
    assert [same(), same()] == [1, 1]
    assert (sorted(lazy.asked), lazy.errors) == (sorted(names), [])


X87 = """
static unsigned short word(void) { unsigned short now; __asm__("fnstcw %0" : "=m"(now)); return now; }
static void set(unsigned short now) { __asm__("fldcw %0" :: "m"(now)); }
int control(void) { return word(); }
int real_one(void) { return word(); }
int one(void);
int outer(void)
{
    set(0x007f); /* 24 bits of precision */
    int found = one();
    set(0x037f);
    return found;
}
"""


def test_what_answers_has_the_usual_x87_precision(cc: Compile, jit: uruk.LLJIT) -> None:
    def resolve(stub: int) -> int:
        during.append(control())
        return lazy.look_up(stub)

    during: list[int] = []
    lazy = LazyNames(jit, ["one"], resolve)
    jit.add_object(cc(X87))
    control = jit.lookup("control").function("int(void)")
    assert (jit.lookup("outer").function("int(void)")(), during) == (0x007F, [0x037F])


@pytest.mark.parametrize("misalign", [0, 8, 24, 40])
def test_every_register_arrives(cc: Compile, jit: uruk.LLJIT, tmp_path: Path, misalign: int) -> None:
    wide = has_wide_vectors()
    (tmp_path / "check.s").write_text(check_source(wide, ["movl $1234567, %eax", "call *-8(%rbp)"]))
    cc.tool("gcc", "-c", "-o", str(tmp_path / "check.o"), str(tmp_path / "check.s"))
    jit.add_object(tmp_path / "check.o")
    jit.add_archive(cc.archive("libreal.a", cc('__asm__(".globl real_nothing; real_nothing: ret");')))
    lazy = LazyNames(jit, ["nothing"])
    check = ctypes.CFUNCTYPE(ctypes.c_long, *[ctypes.c_void_p] * 3, ctypes.c_long)(jit.lookup("check").address)
    size = 256 + (64 * 32 if wide else 32 * 16)
    before = ctypes.create_string_buffer(bytes((7 * n + 3) % 251 for n in range(size)), size)
    for turn in range(2):
        after = ctypes.create_string_buffer(size)
        assert check(lazy.addresses[0], ctypes.addressof(before), ctypes.addressof(after), misalign) == 1234567
        assert lazy.asked == ["nothing"]
        assert list((ctypes.c_double * 2).from_buffer(after, 112)) == [1.0, 3.141592653589793]
        r11 = 8 * GENERAL.index("r11")  # the linker's
        parts = [slice(0, r11), slice(r11 + 8, 104), *([slice(128, 192)] if wide else []), slice(256, size)]
        assert [before.raw[part] for part in parts] == [after.raw[part] for part in parts], turn


THREADS = """
#include <pthread.h>
enum { COUNT = 8 };
int one(int);
static pthread_barrier_t all;
static int results[COUNT];
static void *body(void *number)
{
    pthread_barrier_wait(&all);
    results[(long)number] = one((long)number);
    return 0;
}
int run(void)
{
    pthread_t threads[COUNT];
    int sum = 0;
    pthread_barrier_init(&all, 0, COUNT);
    for (long i = 0; i < COUNT; i++)
        pthread_create(&threads[i], 0, body, (void *)i);
    for (int i = 0; i < COUNT; i++)
        pthread_join(threads[i], 0), sum += results[i];
    return sum;
}
"""


def test_eight_native_threads_at_once(cc: Compile, jit: uruk.LLJIT) -> None:
    lazy = LazyNames(jit, ["one"])
    jit.add_archive(cc.archive("libreal.a", cc("int real_one(int a) { return a + 100; }")))
    jit.add_object(cc(THREADS))
    run = jit.lookup("run").function("int(void)")
    for _ in range(20):
        assert run() == 828
        assert (lazy.asked, lazy.errors) == (["one"], [])
        lazy.stubs.reset([0])
        lazy.asked.clear()


THROW = """
#include <stdexcept>
#include <string>
struct unwound { int *count; ~unwound() { ++*count; } };
extern "C" int thrower(const char *), real_thrower(const char *text);
int real_thrower(const char *text) { throw std::runtime_error(std::string("from ") + text); }
extern "C" int catcher(void)
{
    int count = 0;
    for (int turn = 0; turn < 3; turn++)
        try {
            unwound one{&count};
            thrower("behind the stub");
        } catch (const std::runtime_error &error) {
            count += 10 * (std::string(error.what()) == "from behind the stub");
        }
    return count;
}
"""


def test_an_exception_passes_a_first_call(cc: Compile, jit: uruk.LLJIT) -> None:
    lazy = LazyNames(jit, ["thrower"])
    jit.add_library("stdc++")
    jit.add_object(cc.cpp(THROW, "-O2"))
    assert jit.lookup("catcher").function("int(void)")() == 33
    assert lazy.asked == ["thrower"]


def test_an_exception_of_the_handler_passes_too(cc: Compile, jit: uruk.LLJIT) -> None:
    lazy = LazyNames(jit, ["thrower"], lambda stub: 0)
    jit.add_library("stdc++")
    jit.add_object(cc.cpp(THROW, "-O2"))
    lazy.stubs.handler = jit.lookup("real_thrower").address
    assert jit.lookup("catcher").function("int(void)")() == 33
    assert lazy.asked == ["thrower"] * 3


WALK = """
#include <unwind.h>
static void **places; static int count;
static _Unwind_Reason_Code note(struct _Unwind_Context *context, void *unused)
{
    if (count < 1000) places[count++] = (void *)_Unwind_GetIP(context);
    return _URC_NO_REASON;
}
int walk(void **into) { places = into; count = 0; _Unwind_Backtrace(note, 0); return count; }
int one(int);
__asm__(".globl after_outer");
int outer(int a) { return one(a) + 1; }
__asm__("after_outer:");
"""


def test_a_walk_of_the_stack_gets_past_a_first_call(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_archive(cc.archive("libreal.a", cc("int real_one(int a) { return a; }")))
    jit.add_object(cc(WALK, "-O1", "-fno-toplevel-reorder"))
    places = (ctypes.c_uint64 * 1000)()

    def resolve(stub: int) -> int:
        walked.append(walk(places))
        return lazy.look_up(stub)

    walked: list[int] = []
    lazy = LazyNames(jit, ["one"], resolve)
    jit.add_library(":libgcc_s.so.1")
    walk = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(jit.lookup("walk").address)
    assert jit.lookup("outer").function("int(int)")(5) == 6
    found = [address for address in places[: walked[0]] if jit.lookup("outer").address < address]
    assert any(address < jit.lookup("after_outer").address for address in found)


def test_lazy_functions_that_a_first_call_runs(cc: Compile, jit: uruk.LLJIT) -> None:
    """The initialiser of what a first call links makes a first call itself."""
    lazy = LazyNames(jit, ["one", "two"])
    one = cc("""
        int two(int); static int kept;
        __attribute__((constructor)) static void begin(void) { kept = two(5); }
        int real_one(int a) { return a + kept; }
    """)
    jit.add_archive(cc.archive("libreal.a", one, cc("int real_two(int a) { return a * 100; }")))
    jit.add_object(cc("int one(int); int outer(int a) { return one(a); }"))
    assert jit.lookup("outer").function("int(int)")(7) == 507
    assert lazy.asked == ["one", "two"]
