"""Headers of C as compilers take them: what changes a layout or a call is not read as plain C, and is said."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest
from places import compiled, session

import uruk

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

HEADER = """
#ifndef WIDTH
#error WIDTH must be defined
#endif
#include <outside.h>
typedef struct { char c; int x; } plain;
typedef struct __attribute__((__packed__)) { char c; int x; } packed;
#pragma pack(push, 1)
struct narrow { char c; int x; };
typedef struct tag { char c; int x; } *narrow_pointer;
#pragma pack(pop)
struct again { char c; int x; };
struct wide { char c; int x __attribute__((aligned(16))); };
struct most { char c; _Alignas(16) int x; };
typedef int eight __attribute__((mode(DI)));
int of_plain(const plain *p) __attribute__((nonnull(1), deprecated("use (another")));
int of_packed(packed *p);
int of_narrow(struct narrow *p);
int of_pointer(narrow_pointer p);
int of_again(struct again *p);
int of_wide(struct wide *p);
int of_most(struct most *p);
long of_eight(eight x);
int __attribute__((ms_abi)) other_call(int a, int b);
int of_outside(outside *p, int b);
static inline __attribute__((always_inline)) int inside(int x) { return x; }
extern int (*chosen(int which))(int);
"""
SOURCE = """
#define WIDTH 1
typedef int outside;
%s
int of_plain(const plain *p) { return p->c + p->x; }
int of_packed(packed *p) { return p->c + p->x; }
int of_narrow(struct narrow *p) { return p->c + p->x; }
int of_pointer(narrow_pointer p) { return p->c + p->x; }
int of_again(struct again *p) { return p->c + p->x; }
int of_wide(struct wide *p) { return p->c + p->x; }
int of_most(struct most *p) { return p->c + p->x; }
long of_eight(eight x) { return x / 2; }
int __attribute__((ms_abi)) other_call(int a, int b) { return a - b; }
int of_outside(outside *p, int b) { return *p + b; }
static int twice(int x) { return 2 * x; }
int (*chosen(int which))(int) { return which ? twice : 0; }
"""


@pytest.fixture
def header(tmp_path: Path) -> Path:
    """A header that wants a flag and a folder; what the other folder's declares is not its own."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "outside.h").write_text("#pragma once\ntypedef int outside;\n")
    path = tmp_path / "own" / "wanted.h"
    path.parent.mkdir()
    path.write_text(HEADER)
    return path


@pytest.mark.parametrize("place", ["here", "shared"])
def test_a_header_with_attributes(place: str, header: Path, tmp_path: Path) -> None:
    """Each value that comes back is the one that C computes; what would not be is refused, with the reason."""
    body = "\n".join(line for line in HEADER.splitlines() if "outside.h" not in line)
    flags = ["-DWIDTH=1", f"-I{tmp_path / 'outside'}"]
    with session(place) as jit:
        jit.add_object(compiled(place, tmp_path, SOURCE % body))
        with pytest.raises(uruk.CompileError, match="WIDTH must be defined"):
            jit.cdef(header)
        jit.cdef(header, flags=flags)
        assert jit.of_plain([(1, 2)]) == jit.of_again([(1, 2)]) == 3
        for name in ("of_packed", "of_narrow", "of_pointer"):
            with pytest.raises(uruk.InvalidType, match="does not say what a list is of"):
                jit.lookup(name)([(1, 2)])
            assert jit.lookup(name)(np.array([1, 2, 0, 0, 0], np.uint8)) == 3
        for name in ("of_wide", "of_most"):
            with pytest.raises(uruk.InvalidType, match="does not say what a list is of"):
                jit.lookup(name)([(1, 2)])
        for name, reason in (
            ("of_eight", "cannot be read: `eight' is no type that is declared"),
            ("other_call", "how it is called, in a way of its own"),
            ("of_outside", r"`of_outside' has no type.*its declaration in .*wanted\.h cannot be read: .*outside"),
        ):
            with pytest.raises(uruk.InvalidType, match=reason):
                jit.lookup(name)(1, 2)
        assert jit.chosen(0) == 0


def test_texts_do_not_say_layouts(jit: uruk.LLJIT) -> None:
    """What cffi reads without heeding it is refused."""
    jit.define("f", 16)
    for text in (
        "#pragma pack(1)\nstruct a { char c; int x; };",
        "struct b { char c; _Alignas(16) int x; };",
        "struct c { char c; int x; } __attribute__((packed));",
    ):
        with pytest.raises(uruk.InvalidValue, match="says how a type lies in memory or is called"):
            jit.cdef(text)
        with pytest.raises(uruk.InvalidValue, match="says how a type lies in memory or is called"):
            jit.lookup("f").function(f"{text} int(void)")
    with pytest.raises(uruk.InvalidValue, match="a text is not preprocessed"):
        jit.cdef("int f(void);", flags=["-DA"])


def test_pushed_packing(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """Packing goes by names of pushes, and back to what compilers do by themselves; one of 16 changes nothing."""
    header = tmp_path / "pushed.h"
    header.write_text(
        "#pragma pack(push, outer, 2)\n#pragma pack(push)\n#pragma pack(4)\nstruct a { int x; };\n"
        "#pragma pack(pop, outer)\nstruct b { int x; };\n#pragma pack(1)\nstruct c { int x; };\n"
        '#pragma pack()\nstruct d { int x; };\n_Pragma("pack(16)")\nstruct e { int x; };\n'
        "void f(struct a *, struct b *, struct c *, struct d *, struct e *);\n"
    )
    jit.cdef(header)
    jit.define("f", 16)
    f = jit.lookup("f")
    for at, known in enumerate((False, True, False, True, True)):
        values = [[(1,)] if each == at else None for each in range(5)]
        if not known:
            with pytest.raises(uruk.InvalidType, match=f"argument {at + 1} .* does not say what a list is of"):
                f(*values)


def test_most_of_a_header_is_read_once(jit: uruk.LLJIT, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Declarations that cannot be read cost little: cffi reads each of the others a few times."""
    import cffi

    lines = [f"int g{at}(int);" if at % 40 else f"int g{at}(nosuch x{at}, int);" for at in range(1, 801)]
    header = tmp_path / "many.h"
    header.write_text("\n".join(lines))
    read: list[int] = []
    original = cffi.FFI.cdef

    def counted(self: cffi.FFI, text: str, **options: bool) -> None:
        read.append(text.count("\n"))
        original(self, text, **options)

    monkeypatch.setattr(cffi.FFI, "cdef", counted)
    jit.cdef(header)
    assert sum(read) < 6 * len(lines)
    jit.define("g799", 16)
    assert "int g799(int)" in (jit.lookup("g799").__doc__ or "")


@pytest.mark.parametrize("place", ["here", "shared"])
def test_help(place: str, tmp_path: Path) -> None:
    """`help` shows the type by which a call goes: a declaration's, or that of the last prototype."""
    with session(place) as jit:
        jit.add_object(compiled(place, tmp_path, "int f(const char *text, int n) { return text[n]; }"))
        assert "has no type" in (jit.lookup("f").__doc__ or "")
        jit.cdef("int f(const char *text, int n); int (*g(int))(char);")
        jit.define("g", 16)
        assert (jit.f.__doc__ or "").splitlines()[0] == "int f(const char *, int)"
        assert [each.annotation for each in inspect.signature(jit.f).parameters.values()] == ["const char *", "int"]
        assert (jit.lookup("g").__doc__ or "").splitlines()[0] == "int(* g(int))(char)"
        symbol = jit.lookup("f")
        by_prototype = symbol.function("int(void *, long)")
        assert (symbol.__doc__ or "").splitlines()[0] == "int(void *, long)"
        assert by_prototype.__doc__ == "int(void *, long)"
        assert symbol(np.arange(97, 100, dtype=np.uint8), 2) == ord("c")
