"""Texts of C that are wrong, endless or hostile: an error in plain words in little time, and never another layout."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import uruk

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

WRONG = {
    "int " + "(" * 10_000 + "f": "nested too deeply",
    "int f" + "[1]" * 2_000 + ";": "nested too deeply",
    "struct a {" * 10_000: "nested too deeply",
    "enum e { A = 1 << 100000000000 };": "32 bits or more",
    "enum e { A = 1LL << 60, B = A * A * A };": "does not fit a signed number of 64 bits",
    "struct s { char a[99999999999999999999999]; };": "more than 64 bits",
    "DWORD f(HANDLE h);": "line 1: `DWORD' is no type that is declared",
    "typedef int known;\nknown f(known a, wanted *b);": "line 2: `wanted' is no type that is declared",
    "int f(char *s, va_list a);": "`va_list' is no type that is declared",
    "class A { int x; };": "`class' is of C\\+\\+",
    "int f(int &x);": "`&' is of C\\+\\+",
    'extern "C" { int f(int); }': "is of C\\+\\+",
    "#include <stdio.h>\n": "directives are a preprocessor's",
    "#define TEXT \"abc\"\n": "a macro has to be a whole number",
    "int f(int a) { return a; }": "declare it, with a semicolon",
    '_Static_assert(1, "");': "`_Static_assert' is not evaluated",
    "int f(\x00);": "C has no .* there",
    "int x;\n/* int f(int);": "comment that begins in line 2 has no end",
    "int x;\nint f(int\n\n": "line 2: it ends too early",
    '_Pragma("pack(1)") struct s { char c; int x; };': "says how a type lies in memory",
    "struct s { char c; int x; } __attribute((packed));": "says how a type lies in memory",
    "int a;\nstruct s { int b:-1; };": "line 2: .*`b' has a width of -1",
    "struct s {\n int :-2; };": "line 2: .*width of -2",
    "struct s { int b:0; };": "line 1: .*`b' has no bits",
    "struct s { _Bool b:2; };": "line 1: .*_Bool has 2 bits",
    "struct s { char b:3; };": "line 1: .*`b' of type char has a sign on some systems",
    "struct s { int a;\n wchar_t b:3; };": "line 2: .*write int or unsigned",
    "struct s { char a[3 - 4]; };": "line 1: an array of -1 items",
    "struct s { char a[1 << 31]; };": "line 1: an array of -2147483648 items",
    "struct s { char a[65536 * 65536]; };": "line 1: .*does not fit a signed number of 32 bits",
    "struct s { char a[1 / 0]; };": "line 1: `/' divides by zero",
    "struct s { char a[N]; };": "line 1: `N' is no constant that is known",
    "struct s { char a['\\xff']; };": "line 1: .*is no character of ASCII",
    "struct s { };": "line 1: `struct s' has no bytes",
    "struct s { int n; union { char a[0]; long b[0]; }; };": "line 1: `union' has no bytes",
    "struct s { struct t { int x; }; int y; };": "line 1: `struct t' declares no member",
    "struct s { enum e x; };": "line 1: `x' is of an enumeration whose constants are not declared",
    "struct q { char c[3]; };\nstruct s { _Atomic struct q x; };": "line 2: `_Atomic' of a structure",
    "struct q { char c[3]; };\nstruct s { _Atomic(struct q) x; };": "line 2: `_Atomic' of a structure",
    "struct s { _Atomic double _Complex x; };": "line 1: `_Atomic' of .* a complex number",
    "#define N -3u\n": "`N' does not fit its type",
    "struct s { char c; alignas(16) int x; };": "says how a type lies in memory",
}  # fmt: skip


@pytest.fixture
def jit() -> Iterator[uruk.LLJIT]:
    with uruk.LLJIT() as session:
        session.define("f", 16)
        yield session


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_wrong_texts(jit: uruk.LLJIT, text: str) -> None:
    with pytest.raises(uruk.InvalidValue, match=WRONG[text]):
        jit.cdef(text)


def test_texts_that_are_long_take_little_time(jit: uruk.LLJIT) -> None:
    """Each took time that grows with the square of its length: minutes."""
    begin = time.process_time()
    jit.cdef("int g(int);" + "\n" * 200_000 + "int h(int);")
    for text in ("int x; " + "/* " * 200_000, '"\\' * 200_000 + ";"):
        with pytest.raises(uruk.InvalidValue):
            jit.cdef(text)
    assert time.process_time() - begin < 10


@pytest.mark.parametrize("size", ["1 << 24", "0x7fffffffffffffff"])
def test_what_no_stack_has_room_for_is_not_passed_by_value(jit: uruk.LLJIT, size: str) -> None:
    """libffi would take sixteen bytes for each of ours, or end this process."""
    jit.cdef(f"struct large {{ char bytes[{size}]; }}; struct larger {{ struct large a, b, c, d; }};")
    for prototype in ("void(struct large)", "struct larger(int)", "void(void (*)(struct large))"):
        with pytest.raises(uruk.InvalidValue, match="too many to be passed: pass a pointer"):
            jit.lookup("f").function(prototype)
    jit.lookup("f").function("void(struct larger *)")


def test_words_of_compilers_and_comments(jit: uruk.LLJIT) -> None:
    """Their keywords with underscores are read as ISO C's, and words in comments count for nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jit.cdef("__extension__ int g(char *__restrict to, __const char *from /* no __attribute__ here */);")
        assert jit.lookup("f").function("int(char *__restrict to, enum later)").__doc__


def test_lines_of_prototypes(jit: uruk.LLJIT) -> None:
    for text, line in (("int(int:3)", 1), ("typedef int a;\nint(\na:3)", 3)):
        with pytest.raises(uruk.InvalidValue, match=f"line {line}: "):
            jit.lookup("f").function(text)
    for text in ("time_t(int)", "time_t *(time_t *)", "typedef int a; time_t(a)"):
        with pytest.raises(uruk.InvalidValue, match="line 1: `time_t' is no type that is declared"):
            jit.lookup("f").function(text)


LATER = "struct t { int x, y; }; int sum(struct t);"


def test_members_that_another_text_declares(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """Structures are complete from then on, in texts, prototypes and headers; a text that fails leaves them."""
    jit.add_source(
        text="struct t { int x, y; }; int sum(struct t t) { return t.x + t.y; } struct t *none(void) { return 0; }"
    )
    jit.cdef("struct t; union u; typedef struct t t; struct t *none(void);")
    assert jit.none() == 0
    for wrong in ("struct t { int x; absent y; };", "struct t { int x; }; int f(struct t) nonsense;"):
        with pytest.raises(uruk.InvalidValue):
            jit.cdef(wrong)
    own = jit.lookup("sum").function("struct t { int x, y; }; int(struct t)")
    assert own((1, 2)) == 3
    with pytest.raises(uruk.InvalidValue, match="incomplete type"):
        jit.lookup("sum").function("int(t)")
    header = tmp_path / "later.h"
    header.write_text(LATER)
    jit.cdef(header)
    assert (jit.sum((2, 3)), jit.lookup("sum").function("int(t)")((4, 5)), own((1, 1)), jit.none()) == (5, 9, 2, 0)
    with pytest.raises(uruk.InvalidValue, match="line 1: duplicate declaration of struct t"):
        jit.cdef("struct t { int x, y; };")
    jit.cdef("union u { int x; double y; }; int f(union u);")
