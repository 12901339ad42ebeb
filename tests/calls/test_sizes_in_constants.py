"""`sizeof`, `_Alignof`, `offsetof` and casts in constants of declarations, compared with compilers of two systems."""

from __future__ import annotations

import subprocess

import pytest

import uruk
from uruk.c_types.declarations import Types

from support.requirements import require_tool

pytestmark = pytest.mark.quick

TYPES = """
    typedef struct { char a; double b; int c[3]; } inner;
    typedef union { short s; inner i; long l; } either;
    typedef struct node {
        struct node *next;
        struct { int q; union { long r; char t[20]; }; };
        either u;
        char open[];
    } node;
    enum below { LOW = -1, HIGH = 3 };
    enum large { LARGE = 0x100000000 };
    typedef int (*function)(int);
    typedef double _Complex number;
"""
HERE = ["sizeof(long double)", "sizeof(wchar_t)", "sizeof(int_fast16_t)", "sizeof(enum large)"]
EVERYWHERE = """
    sizeof(int), sizeof(inner), sizeof(either), sizeof(node), sizeof(struct node *), sizeof(struct absent *),
    sizeof(long), _Alignof(node), __alignof__(inner), offsetof(node, u), __builtin_offsetof(node, u.i.c),
    offsetof(node, r), sizeof(enum below), sizeof(function), sizeof(int[3][5]), sizeof 1L, sizeof(1),
    sizeof('a'), sizeof 1ll, (unsigned char)300, (signed char)200 + 1000, (short)-1 & 0xffff, (unsigned)-1 > 0,
    (long long)1 << 40, (_Bool)17, (enum below)2, (enum below)-1 < 0, sizeof(int) - 5 > 0, (char)65, -1 <
    sizeof(int), ~(unsigned short)0 < 0, sizeof(float _Complex), sizeof(number), _Alignof(number), sizeof(int) *
    2 + (int)3, ~sizeof(int) >> 60, (uint8_t)-1, (size_t)-1 == ~0ull, sizeof(sizeof(int)), sizeof(int8_t),
    sizeof(char16_t), (long)0xffffffff < 0, sizeof(inner) / sizeof(int), sizeof((char)1), sizeof((short)1),
    sizeof((_Bool)3), sizeof(+(char)1), sizeof((void *)0), sizeof((long long)1)
"""


@pytest.mark.parametrize(("compiler", "long_size"), [("gcc", 8), ("x86_64-w64-mingw32-gcc", 4)])
def test_they_are_those_of_compilers(compiler: str, long_size: int) -> None:
    expressions = [each.strip() for each in " ".join(EVERYWHERE.split()).replace("node, ", "node% ").split(",")]
    expressions = [each.replace("%", ",") for each in expressions] + (HERE if long_size == 8 else [])
    lines = ["#include <stddef.h>", "#include <stdint.h>", "#include <uchar.h>", TYPES]
    types = Types(long_size)
    types.declare(TYPES)
    for at, expression in enumerate(expressions):
        kind = types.function(f"struct s{at} {{ char x[1 + ({expression})]; }}; int(struct s{at} *)").arguments[0].kind
        length = kind.item.fields[0][1].type.length
        lines.append(f'_Static_assert(1 + ({expression}) == {length}, "{length} for {expression}");')
    command = [require_tool(compiler), "-fsyntax-only", "-x", "c", "-w", "-"]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=False)
    assert done.stderr == ""


REFUSED = {
    "struct s { int a[sizeof(struct s)]; };": r"line 1: `struct s' has no members that are known before this line",
    "struct o;\nint f(char (*)[sizeof(struct o)]);": r"line 2: `struct o' has no members that are known before",
    "struct b { int x : 3; }; int f(char (*)[sizeof(struct b)]);": r"line 1: `struct b' has bit-fields",
    "enum { A = sizeof(void) };": "line 1: `void' has no size",
    "enum { A = sizeof(int[]) };": "`int.*' has no size, as its length is not said",
    "enum { A = sizeof(absent) };": "`absent' is no type and no constant that is known here",
    "enum { A = (double)3 };": "`double' is no type of whole numbers",
    "enum { A = (int *)3 };": r"`int \*' is no type of whole numbers",
    "enum { A = (char)200 };": "a cast to `char' has a sign on some systems",
    "enum { A = offsetof(struct { int a; }, b) };": "`a structure without a name' has no member `b'",
    "enum { A = offsetof(int, b) };": "`int' is no structure",
    "typedef char big[0x7fffffffffffffff]; enum { A = sizeof(big[2]) };": "more bytes than there are addresses",
    "".join(f"struct s{at} {{ struct s{at - 1} a, b; }};" if at else "struct s0 { int x; };" for at in range(70))
    + "enum { A = sizeof(struct s69) };": "more bytes than there are addresses",
}


@pytest.mark.parametrize(("text", "words"), REFUSED.items(), ids=map(str, range(len(REFUSED))))
def test_what_has_no_size_is_an_error(text: str, words: str) -> None:
    with pytest.raises(uruk.InvalidValue, match=words):
        Types().declare(text)


def test_sizes_that_systems_differ_in() -> None:
    for kind in ("wchar_t", "long double", "struct { int_fast32_t x; }"):
        with pytest.raises(uruk.InvalidValue, match="is not the same in all processes: write a number"):
            Types(4).declare(f"enum {{ A = sizeof({kind}) }};")


def test_a_structure_that_was_asked_for_is_complete() -> None:
    """What only a pointer leads to may be declared later, in a text or in another."""
    with uruk.LLJIT() as jit:
        jit.cdef("struct a { struct b *b; char x[sizeof(struct b *)]; }; struct b { int x[sizeof(struct a)]; };")
        jit.add_source(text="struct b { int x[16]; }; int f(struct b b) { return b.x[0] + b.x[15]; }", language="c")
        jit.cdef("int f(struct b);")
        assert jit.f({"x": [1, *[0] * 14, 2]}) == 3
