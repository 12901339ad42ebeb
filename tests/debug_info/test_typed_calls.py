"""Functions that know their types from DWARF: what compilers write, in every form, read and called."""

from __future__ import annotations

import io
import random
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

import uruk
from uruk.debug_info.session_types import types_of
from uruk.errors import InvalidType, ObjectFormatError

from support.compiling import Compile
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

SOURCE = """
#include <stddef.h>
#include <stdint.h>
struct point { int x, y; };
typedef struct { double re, im; } cplx;
enum color { RED, GREEN = 5 };
struct node { struct node *next; int value; struct point at[2]; union { int i; float f; } u; };
typedef int (*callback)(int, void *);
struct hidden;

struct point make(int x, int y) { return (struct point){x, y}; }
int sum(struct point p) { return p.x + p.y; }
double norm(const cplx *c) { return c->re * c->re + c->im * c->im; }
cplx conjugate(cplx c) { c.im = -c.im; return c; }
enum color next(enum color c) { return c == RED ? GREEN : RED; }
size_t length(const char *s) { size_t n = 0; while (*s++) n++; return n; }
struct node *linked(struct node *n, struct node *m) { n->next = m; return n; }
int apply(callback f, int x) { return f ? f(x, 0) : -1; }
callback pick(int i) { return (callback)0; }
void (*signal_(int n, void (*f)(int)))(int) { return f; }
long double wide(long double x) { return x + 1; }
uint8_t narrow(uint8_t a, int8_t b, unsigned long c, long long d, _Bool e, char f, short g) { return a + b + g; }
void fill(double to[3], const double (*rows)[2], int n) { to[0] = rows[0][1] * n; }
int opaque(struct hidden *h, const struct hidden *const *list, const volatile int *p) { return h != 0; }
"""
SIGNATURES = """\
struct point make(int x, int y)
int sum(struct point p)
double norm(const cplx *c)
cplx conjugate(cplx c)
enum color next(enum color c)
size_t length(const char *s)
struct node *linked(struct node *n, struct node *m)
int apply(callback f, int x)
callback pick(int i)
void (*signal_(int n, void (*f)(int)))(int)
long double wide(long double x)
uint8_t narrow(uint8_t a, int8_t b, unsigned long c, long long d, _Bool e, char f, short g)
void fill(double *to, const double (*rows)[2], int n)
int opaque(struct hidden *h, void **list, const int *p)
""".splitlines()
NAMES = [line.partition("(")[0].split()[-1].strip("*") for line in SIGNATURES]
NAMES[NAMES.index("void")] = "signal_"


def signatures(jit: uruk.LLJIT) -> list[str]:
    """The types that debug information gives the functions of SOURCE."""
    types = types_of(jit.session)
    return [str(types.signature(name, jit.lookup(name).address)) for name in NAMES]


FORMS = [
    ("gcc", "-g -O2"),
    ("gcc", "-gdwarf-4 -fdebug-types-section -ffunction-sections"),
    ("gcc", "-gdwarf-5 -fdebug-types-section -gz=zlib"),
    ("gcc", "-gdwarf-3 -gz=zlib-gnu"),
    ("gcc", "-gdwarf-5 -gdwarf64"),
    ("clang", "-gdwarf-4 -O1"),
    ("clang", "-gdwarf-5 -fdebug-types-section -gz=zlib"),
    ("aarch64-gcc", "-g -gz=zlib"),
]


@pytest.mark.parametrize(("family", "flags"), FORMS, ids=lambda value: value.replace(" ", ""))
def test_every_form_says_the_same(cc: Compile, family: str, flags: str) -> None:
    path = cc(SOURCE, *flags.split(), family=family)
    options, memory = None, None
    if family == "aarch64-gcc":
        options, memory = uruk.Options(execute=False, architecture="aarch64"), uruk.FixedMemory(0x10000, 1 << 20)
    with uruk.LLJIT(options=options, memory=memory) as jit:
        jit.add_object(path)
        assert signatures(jit) == SIGNATURES


def check_calls(jit: uruk.LLJIT) -> None:
    made = jit.lookup("make")(3, 4)
    assert (made.x, made.y) == (3, 4)
    assert jit.lookup("sum")(made) == 7
    assert jit.lookup("sum")({"x": 5, "y": 6}) == 11
    assert jit.lookup("sum")((1, 2)) == 3
    result = jit.lookup("conjugate")((1.5, 2.5))
    assert (result.re, result.im) == (1.5, -2.5)
    assert jit.lookup("next")(0) == 5
    assert jit.lookup("length")(b"hello") == 5
    assert jit.lookup("narrow")(1, -2, 3, -4, True, b"a", 7) == 6
    with pytest.raises(TypeError):
        jit.lookup("sum")()
    with pytest.raises(OverflowError):
        jit.lookup("narrow")(256, 0, 0, 0, False, b"a", 0)


def test_calls_here(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(SOURCE, "-g", "-O1"))
    check_calls(jit)
    assert float(jit.lookup("wide")(0.5)) == 1.5


def test_calls_in_a_child(cc: Compile) -> None:
    with uruk.LLJIT(executor=uruk.spawn()) as jit:
        jit.add_object(cc(SOURCE, "-g", "-O1"))
        check_calls(jit)
        assert float(jit.lookup("wide")(0.5)) == 1.5


def test_units_of_one_object_and_members_of_an_archive(cc: Compile, tmp_path: Path, jit: uruk.LLJIT) -> None:
    other = "struct point { int x, y; }; struct other { float f; } o; int twice(struct point p) { return 2 * p.x; }"
    objects = [str(cc(SOURCE, "-g", "-fdebug-types-section")), str(cc(other, "-g", "-fdebug-types-section"))]
    subprocess.run([require_tool("ld"), "-r", "-o", tmp_path / "both.o", *objects], check=True)
    jit.add_object(tmp_path / "both.o")
    assert signatures(jit) == SIGNATURES
    assert jit.lookup("twice")(jit.lookup("make")(21, 0)) == 42
    subprocess.run([require_tool("ar"), "rc", tmp_path / "libboth.a", *objects], check=True)
    with uruk.LLJIT() as second:
        second.add_archive(tmp_path / "libboth.a")
        assert signatures(second) == SIGNATURES
        # A structure that two objects have is one type.
        assert second.lookup("twice")(second.lookup("make")(21, 0)) == 42


def test_structures_that_share_a_name_and_differ(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("struct s { int a; }; int first(struct s *p) { return p->a; }", "-g"))
    jit.add_object(cc("struct s { double a, b; }; double second(struct s s) { return s.b; }", "-g"))
    types = types_of(jit.session)
    for name in ("first", "second"):
        types.signature(name, jit.lookup(name).address)
    assert jit.lookup("second")((1.0, 2.5)) == 2.5
    ffi = types.declared.flush()
    assert jit.lookup("first")(ffi.new("struct s *", [3])) == 3


def test_a_file_that_changed_after_the_link(cc: Compile, tmp_path: Path, jit: uruk.LLJIT) -> None:
    """Debug information is that of the bytes that were linked, whatever the file has by now."""
    path = tmp_path / "a.o"
    path.write_bytes(cc("int f(int x) { return x; }", "-g").read_bytes())
    jit.add_object(path)
    jit.lookup("f")
    path.write_bytes(cc("double f(double x, double y) { return x; }", "-g").read_bytes())
    assert jit.lookup("f")(5) == 5


def test_lazy_functions_and_other_names(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("int f(int x) { return x + 1; }", "-g"), lazy=True)
    assert jit.lookup("f")(5) == 6
    jit.alias({"g": "f"})
    assert jit.lookup("g")(6) == 7


def test_functions_that_the_compiler_merged(cc: Compile, jit: uruk.LLJIT) -> None:
    """gcc leaves the code of one of several equal functions, and entries without code for the others."""
    source = """
    int first(const int *p, int n) { return (p[n] * 3 + 7) ^ p[n + 1]; }
    unsigned second(const unsigned *p, int n) { return (p[n] * 3 + 7) ^ p[n + 1]; }
    int third(const int *values, int n) { return (values[n] * 3 + 7) ^ values[n + 1]; }
    """
    jit.add_object(cc(source, "-g", "-O2"))
    values = [5, 9, 2]
    results = {jit.lookup(name)(values, 1) for name in ("first", "second", "third")}
    assert results == {(9 * 3 + 7) ^ 2}
    shown = [str(types_of(jit.session).signature(name, jit.lookup(name).address)) for name in ("second", "third")]
    assert shown == ["unsigned int second(const unsigned int *p, int n)", "int third(const int *values, int n)"]


def test_a_prototype_goes_first(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("int f(int x) { return x + 1; }", "-g"))
    symbol = jit.lookup("f")
    symbol.function("int(unsigned char)")
    assert symbol(255) == 256
    with pytest.raises(OverflowError):
        symbol(256)
    assert symbol.typed()(256) == 257


def test_a_link_that_asks_for_no_types_reads_none(cc: Compile) -> None:
    path = cc("int f(int x) { return x + 1; }", "-g")
    text = f"""if True:
        import sys, uruk
        with uruk.LLJIT() as jit:
            jit.add_object({str(path)!r})
            assert jit.lookup("f").function("int(int)")(1) == 2
            print([name for name in sys.modules if "debug_info" in name or "elftools" in name])
            assert jit.lookup("f")(2) == 3
            print("elftools" in sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "True"]


def test_without_the_library(cc: Compile, jit: uruk.LLJIT, monkeypatch: pytest.MonkeyPatch) -> None:
    jit.add_object(cc("int f(int x) { return x + 1; }", "-g"))
    for name in [name for name in sys.modules if name.startswith("elftools")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "elftools", None)
    with pytest.raises(uruk.UrukError, match=r"pip install 'uruk\[types\]'"):
        jit.lookup("f")(1)


def test_debug_information_that_grows_out_of_all_proportion(cc: Compile, jit: uruk.LLJIT) -> None:
    """It is refused before there is memory for it."""
    zeros = 'asm(".section .debug_zeros\\n.zero 0x4800000\\n.text"); int f(int x) { return x + 1; }'
    path = cc(zeros, "-g", "-gz=zlib")
    assert path.stat().st_size < 1 << 20
    jit.add_object(path)
    with pytest.raises(ObjectFormatError, match=r"`\.debug_zeros'.* has 75497472 bytes when it is decompressed"):
        jit.lookup("f")(1)
    assert jit.lookup("f").function("int(int)")(1) == 2


def test_members_that_share_a_name(cc: Compile, jit: uruk.LLJIT) -> None:
    """What cffi finds wrong when it lays a structure out is told as other broken debug information is."""
    path = cc("struct pair { int first; int other; } pair; struct pair twice(struct pair p) { return p; }", "-g")
    jit.add_object(path.read_bytes().replace(b"other\0", b"first\0"))
    for use in (lambda: jit.pair, lambda: jit.twice(None)):
        with pytest.raises(uruk.UrukError, match=r"cffi refuses .*: give a prototype"):
            use()


def test_broken_debug_information(cc: Compile) -> None:
    """Whatever stands in the section, the answer is a type or an error, and comes soon; the code runs all the same."""
    data = cc(SOURCE, "-g").read_bytes()
    file = ELFFile(io.BytesIO(data))
    sections = [file.get_section_by_name(name) for name in (".debug_info", ".debug_abbrev", ".rela.debug_info")]
    places = [(section["sh_offset"], section["sh_size"]) for section in sections]
    chance = random.Random(1)
    outcomes = {"typed": 0, "refused": 0, "broken": 0}
    for _ in range(60):
        broken = bytearray(data)
        for _ in range(chance.randint(1, 6)):
            start, size = chance.choice(places)
            broken[start + chance.randrange(size)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        with uruk.LLJIT() as jit:
            jit.add_object(bytes(broken))
            types = types_of(jit.session)
            for name in ("make", "linked", "narrow"):
                symbol = jit.lookup(name)
                try:
                    types.signature(name, symbol.address)
                    types.declared.flush()
                    outcomes["typed"] += 1
                except ObjectFormatError:
                    outcomes["broken"] += 1
                except InvalidType:
                    outcomes["refused"] += 1
    assert all(outcomes.values()), outcomes
