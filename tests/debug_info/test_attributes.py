"""Functions and globals as attributes of a JIT and of what `uruk.load` returns; their help; overloads of C++."""

from __future__ import annotations

import inspect
import pydoc
import sys
from pathlib import Path
from typing import Any

import cffi
import numpy as np
import pytest

import uruk
from uruk.c_types.declarations import function_in

from support.coff_objects import compiled_text
from support.compiling import Compile
from support.executors import MAPPED_OR_NOT, session_in
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

SHAPES = """
#include <stdint.h>
struct point { int x, y; };
struct pair { char tag; struct point at[2]; float weight; };
int counter = 7;
static int hidden = 1;
double table[2][3] = {{1, 2, 3}, {4, 5, 6}};
struct point origin = {3, 4};
struct pair pairs[2] = {{'a', {{1, 2}, {3, 4}}, 0.5f}, {'b'}};
const int limit = 9;
const struct point *const fixed = &origin;
unsigned char text[8] = "hey";
_Bool flags[2] = {1, 0};
uint64_t large = 0xfedcba9876543210;
long wide = -5;
float ratio = 0.25f;
const char *name = "shapes";
int close(int x) { return x + 1; }
int count(void) { return counter += hidden; }
int sum(struct point p) { return p.x + p.y; }
double total(void) { double s = 0; for (int i = 0; i < 6; i++) s += (&table[0][0])[i]; return s; }
"""


def check(jit: uruk.LLJIT) -> None:
    """What holds in every process."""
    assert jit.counter == 7
    jit.counter = 40
    assert jit.count() == 41
    assert jit.counter == 41
    with pytest.raises(OverflowError):
        jit.counter = 1 << 31
    assert (jit.large, jit.wide, jit.ratio, jit.limit) == (0xFEDCBA9876543210, -5, 0.25, 9)
    with pytest.raises(uruk.InvalidType, match="constant: const int limit"):
        jit.limit = 1
    assert jit.table.shape == (2, 3)
    assert jit.table.dtype == np.float64
    assert jit.table.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert jit.flags.tolist() == [True, False]
    assert bytes(jit.text) == b"hey\0\0\0\0\0"
    assert jit.pairs["at"]["y"].tolist() == [[2, 4], [0, 0]]
    assert jit.pairs["weight"][0] == 0.5
    assert (jit.origin.x, jit.origin.y) == (3, 4)
    jit.origin = (8, 9)
    assert jit.sum(jit.origin) == 17
    assert jit.string(jit.name) == "shapes"


VARIABLES = """
struct point { int x; double y; };
struct bits { unsigned a : 3; int b : 5; };
struct point origin = {1, 2.5};
struct bits bits = {5, -3};
int (*chosen)(void);
int seven(void) { return 7; }
int call(void) { return chosen ? chosen() : -1; }
const char *name = "a";
char text[8] = "longer";
_Bool flag = 1;
double number;
int matrix[2][2];
long double wide;
"""


@pytest.mark.parametrize("place", MAPPED_OR_NOT)
def test_variables_take_the_same_values_everywhere(cc: Compile, place: str) -> None:
    with session_in(place) as jit:
        jit.add_object(cc(VARIABLES, "-g"))
        jit.origin = {"x": 8}  # the other member is zero, as in C
        assert (jit.origin.x, jit.origin.y) == (8, 0)
        assert jit.call() == -1
        jit.chosen = jit.seven
        assert jit.call() == 7
        jit.chosen = None
        assert jit.call() == -1
        jit.text = b"bye"
        assert bytes(jit.text) == b"bye\0\0\0\0\0"
        jit.matrix = [[1, 2], [3, 4]]
        assert jit.matrix.tolist() == [[1, 2], [3, 4]]
        for name, value, text in REFUSED:
            with pytest.raises(uruk.InvalidType, match=text):
                setattr(jit, name, value)
        with pytest.raises(OverflowError, match="2 does not fit `_Bool'"):
            jit.flag = 2
        assert (jit.flag, jit.origin.x, bytes(jit.text[:3])) == (True, 8, b"bye")


PASSED = """
struct point { int x, y; };
struct hook { int (*f)(int); const char *name; };
union word { int number; float fraction; };
struct point origin = {3, 4};
static int next(int x) { return x + 1; }
struct hook hook = {next, "next"};
union word word = {.fraction = 1.0f};
struct point moved(struct point p) { p.x++; return p; }
int sum(const struct point *p) { return p->x + p->y; }
void clear(struct point *p) { p->x = p->y = 0; }
int run(struct hook h, int x) { return h.f(x); }
int bits(union word w) { return w.number; }
"""


@pytest.mark.parametrize("place", ["here", "child"])
def test_structures_that_variables_and_calls_give_are_passed(cc: Compile, place: str) -> None:
    with uruk.LLJIT(executor=uruk.spawn() if place == "child" else None) as jit:
        jit.add_object(cc(PASSED, "-g"))
        assert jit.run(jit.hook, 4) == 5
        assert jit.bits(jit.word) == 0x3F800000
        assert jit.sum(jit.moved(jit.origin)) == 8
        with pytest.raises(uruk.InvalidType, match="may be written, and this structure is a copy"):
            jit.clear(jit.moved(jit.origin))
        with pytest.raises(uruk.InvalidType, match="is no value of `struct point'"):
            jit.moved(jit.hook)
        with pytest.raises(uruk.InvalidType, match="is no value of `struct point'"):
            jit.sum([jit.hook])


@pytest.mark.parametrize("place", ["here", "child"])
def test_an_attribute_is_looked_up_once_until_names_change(cc: Compile, place: str) -> None:
    with uruk.LLJIT(executor=uruk.spawn() if place == "child" else None) as jit:
        code = jit.add_object(cc(PASSED, "-g"))
        loaded = uruk.Loaded(jit, "passed")
        assert jit.sum(jit.origin) == loaded.sum(loaded.origin) == 7

        def calls_of(take: Any) -> int:
            """The number of uruk's functions that run for it."""
            names: list[str] = []
            sys.setprofile(lambda frame, event, _: names.append(frame.f_code.co_name) if event == "call" else None)
            try:
                take()
            finally:
                sys.setprofile(None)
            return len(names)

        assert calls_of(lambda: jit.sum) <= 4
        assert calls_of(lambda: loaded.sum) <= 6
        typed = jit.sum.function("long(const void *)")  # of that symbol alone
        assert typed(jit.lookup("origin")) == jit.sum(jit.lookup("origin")) == 7
        with pytest.raises(uruk.InvalidType, match="const struct point"):
            jit.sum(1.5)
        code.remove()
        with pytest.raises(AttributeError, match="neither an attribute nor a symbol: `sum'"):
            _ = jit.sum
        jit.add_object(cc("int sum(int a, int b) { return a - b; }", "-g"))
        assert jit.sum(5, 2) == 3
        jit.cdef("double sum(double, double, double);")
        with pytest.raises(uruk.InvalidType, match="takes 3 arguments, not 2"):
            jit.sum(5, 2)
    with pytest.raises(uruk.SessionClosed):
        _ = jit.sum


@pytest.mark.parametrize("place", ["here", "child"])
def test_pointers_are_addresses_and_structures_take_functions(cc: Compile, place: str) -> None:
    text = (
        PASSED.replace("static ", "")
        + "struct point *at = &origin; int (*chosen)(int) = next; int many(const struct hook *h, int n, int x)"
    )
    text += "{ int s = 0; for (int i = 0; i < n; i++) s += h[i].f(x); return s; } struct other { double d; } other;"
    with uruk.LLJIT(executor=uruk.spawn() if place == "child" else None) as jit:
        jit.add_object(cc(text, "-g"))
        assert jit.at == jit.lookup("origin").address
        assert jit.sum(jit.at) == 7
        assert jit.run((lambda x: x * 10,), 4) == 40
        assert jit.run({"f": jit.lookup("next").function("int(int)")}, 4) == jit.run((jit.chosen,), 4) == 5
        assert jit.many([(lambda x: x,), (lambda x: x * 2,)], 2, 5) == 15
        with pytest.raises(ZeroDivisionError):
            jit.run((lambda x: x // 0,), 4)
        with pytest.raises(uruk.InvalidType, match="takes a function or the address of one, not float"):
            jit.run((5.5,), 4)
        with pytest.raises(uruk.InvalidType, match="struct other"):
            jit.sum(jit.other)


def test_memory_of_cffi_is_of_the_type_that_a_pointer_points_to(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(PASSED))
    declared = "struct point { int x, y; }; "
    total = jit.lookup("sum").function(declared + "int(const struct point *)")
    ffi: Any = cffi.FFI()
    ffi.cdef(declared + "struct other { double d; };")
    point = ffi.new("struct point *", (4, 5))
    assert total(point) == total(point[0]) == total(ffi.new("struct point[]", [(4, 5)])) == 9
    assert total(ffi.new("char[8]")) == total(ffi.cast("void *", point)) - 9 == 0
    for wrong in (ffi.new("struct other *"), ffi.new("struct other *")[0], ffi.new("int[2]"), ffi.new("char[4]")):
        with pytest.raises(uruk.InvalidType, match=r"was given for `const struct point \*'"):
            total(wrong)


def test_a_type_is_read_once(cc: Compile, jit: uruk.LLJIT, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call by an attribute looks its symbol up; the type is not parsed again."""
    jit.add_object(cc(VARIABLES, "-g"))
    read: list[str] = []

    def counted(ffi: Any, text: str) -> Any:
        read.append(text)
        return function_in(ffi, text)

    monkeypatch.setattr("uruk.debug_info.declared.function_in", counted)
    assert [jit.seven() for _ in range(20)] == [7] * 20
    assert jit.call() == -1  # of the same type
    assert read == ["int (*)(void)"]


REFUSED: list[tuple[str, object, str]] = [
    ("flag", None, "`_Bool' takes an integer, not NoneType"),
    ("number", "x", "`double number' does not take this value: `double' takes a number, not str"),
    ("origin", {"x": 1, "z": 1}, "has no member `z'"),
    ("origin", (1, 2, 3), "more members than"),
    ("name", "new", "is an address, not str"),
    ("text", b"123456789", r"`char text\[8\]' does not take 9 bytes"),
    ("matrix", [1, 2, 3], r"`int matrix\[2\]\[2\]' does not take this value"),
]


@pytest.mark.parametrize("shared", [True, False])
def test_variables_that_cffi_lays_out_are_stored_in_a_child(cc: Compile, shared: bool) -> None:
    with uruk.LLJIT(executor=uruk.spawn(shared_memory=shared)) as jit:
        jit.add_object(cc(VARIABLES + "int sum(void) { return bits.a * 100 + bits.b; }", "-g"))
        found = jit.bits
        assert (found.a, found.b) == (5, -3)
        with pytest.raises(AttributeError, match="no member `c'"):
            _ = found.c
        kept = bytes(found)
        jit.bits = {"a": 1, "b": 7}
        assert (jit.sum(), found.a) == (107, 1)
        jit.bits = found
        assert jit.sum() == 107
        jit.write(jit.lookup("bits"), kept)
        assert jit.sum() == 497
        with pytest.raises(uruk.InvalidType, match="does not take this value"):
            jit.bits = "text"
        jit.wide = 2.5
        assert float(jit.wide) == 2.5


def test_variables_of_types_that_only_this_process_has(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(VARIABLES, "-g"))
    jit.bits = {"a": 1}
    assert (jit.bits.a, jit.bits.b) == (1, 0)
    jit.wide = 2.5
    assert float(jit.wide) == 2.5
    jit.chosen = jit.seven
    jit.chosen = jit.chosen
    assert jit.call() == 7
    for name, value in (("bits", {"z": 1}), ("bits", None), ("wide", "x")):
        with pytest.raises((uruk.InvalidType, uruk.InvalidValue)):
            setattr(jit, name, value)


def test_here(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(SHAPES, "-g"))
    check(jit)
    jit.table[1, 2] += 10
    jit.origin.x = 1
    assert (jit.total(), jit.origin.x) == (31, 1)
    jit.table = np.ones((2, 3))
    assert jit.total() == 6


def test_in_a_child(cc: Compile) -> None:
    with uruk.LLJIT(executor=uruk.spawn()) as jit:
        jit.add_object(cc(SHAPES, "-g"))
        check(jit)
        jit.table[0, 0] = 11  # memory that both processes have
        assert jit.total() == 31
        jit.origin.x = 1
        assert jit.sum(jit.origin) == 10
        jit.add_object(cc("struct form { int layout, rest; } form = {3, 4};", "-g"))
        assert jit.form.layout == 3


def test_aarch64(cc: Compile) -> None:
    require_tool("qemu-aarch64")
    with uruk.LLJIT(executor=uruk.spawn(target="aarch64-linux")) as jit:
        jit.add_object(cc(SHAPES, "-g", "-O1", family="aarch64-gcc"))
        check(jit)


def test_windows(wine: Path, tmp_path: Path) -> None:
    """MinGW writes DWARF into COFF objects, where ``long`` has 32 bits."""
    with uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows")) as jit:
        jit.add_object(compiled_text(tmp_path, "gcc-O2", "shapes.c", SHAPES, "-g"))
        check(jit)


def test_names_that_are_no_symbols(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(SHAPES, "-g"))
    with pytest.raises(AttributeError, match=r"`coutner'; did you mean counter"):
        _ = jit.coutner
    with pytest.raises(AttributeError, match="did you mean lookup"):
        jit.lookpu("f")
    with pytest.raises(AttributeError, match="did you mean auto_initialize"):
        jit.auto_initialise = False
    with pytest.raises(AttributeError, match="is not set: it is a function"):
        jit.sum = 3
    assert not hasattr(jit, "_repr_html_")
    assert jit.hidden == 1  # a static variable
    assert callable(jit.close)  # its own, not that of the object
    jit.auto_initialize = True
    assert {"counter", "sum", "table", "lookup"} <= set(dir(jit))


def test_what_a_symbol_needs_is_no_attribute_error(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("int missing(void); int f(void) { return missing(); }", "-g"))
    with pytest.raises(uruk.UndefinedSymbols, match="missing"):
        _ = jit.f


def test_functions_of_libraries_and_data_without_types(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("int counter = 3; int f(void) { return counter; }"))
    assert jit.abs.function("int(int)")(-3) == 3
    assert int.from_bytes(jit.read(jit.counter, 4), "little") == 3
    with pytest.raises(AttributeError, match="no type from debug information"):
        jit.counter = 3
    with pytest.raises(uruk.InvalidType, match="has no debug information"):
        jit.f()


def test_a_class_of_its_own_may_have_attributes() -> None:
    class Mine(uruk.LLJIT):
        def __init__(self) -> None:
            super().__init__()
            self.notes = ["a"]

    with Mine() as mine:
        mine.more = 1
        assert (mine.notes, mine.more) == (["a"], 1)
        assert mine.abs.name == "abs"


def test_help(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc(SHAPES, "-g"))
    shown = pydoc.plain(pydoc.render_doc(jit.lookup("sum")))
    assert "int sum(struct point p)" in shown
    assert str(inspect.signature(jit.sum)) == "(p: 'struct point', /) -> 'int'"
    assert jit.sum.__name__ == "sum"
    assert "not defined by an object" in pydoc.plain(pydoc.render_doc(jit.lookup("abs")))
    assert "It stands for its address" in str(uruk.Symbol.__doc__)
    assert list(inspect.signature(uruk.Symbol).parameters)[:2] == ["name", "address"]


@pytest.fixture(params=["here", "child"])
def executor(request: pytest.FixtureRequest) -> Any:
    return uruk.spawn() if request.param == "child" else None


def test_load(cc: Compile, executor: Any) -> None:
    more = cc("extern int counter; int twice(void) { return 2 * counter; }", "-g")
    with uruk.load(cc(SHAPES, "-g"), more.read_bytes(), executor=executor) as shapes:
        check(shapes.jit)
        shapes.counter = 5
        assert shapes.twice() == 10
        assert shapes["close"](1) == 2
        shapes["counter"] = 6
        assert shapes.counter == 6
        assert {"counter", "twice"} <= set(dir(shapes))
        with pytest.raises(AttributeError, match="did you mean twice"):
            shapes.twise()
        with pytest.raises(AttributeError, match="own"):
            shapes.jit = 1
    assert shapes.jit.session.closed
    shapes.close()


def test_load_what_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(uruk.InputNotFound):
        uruk.load(tmp_path / "none.o")


CPP = """
#include <string>
struct plain { int x; };
namespace geo {
struct point { double x, y; double norm(double k) const; };
double point::norm(double k) const { return k * (x * x + y * y); }
double area(double r) { return 3 * r * r; }
int area(int w, int h) { return w * h; }
point middle(const point &a, point b) { return {(a.x + b.x) / 2, (a.y + b.y) / 2}; }
}
int kind(int) { return 1; }
int kind(double) { return 2; }
int kind(const char *) { return 3; }
int kind(plain) { return 4; }
int kind(const std::string &) { return 5; }
int width(float) { return 4; }
int width(double) { return 8; }
int width(const float *) { return 40; }
int width(const double *) { return 80; }
int alike(long) { return 1; }
int alike(int) { return 2; }
bool flip(bool b) { return !b; }
enum class small : unsigned char { a, b = 7 };
small next(small s) { return s == small::a ? small::b : small::a; }
int through(int &to, int &&from) { to = from; return to + 1; }
int global_number = 1;
namespace geo { int inside = 5; }
"""


@pytest.mark.parametrize("family", ["gcc", "clang"])
def test_overloads(cc: Compile, jit: uruk.LLJIT, family: str) -> None:
    jit.add_library("stdc++")
    jit.add_object(cc(CPP, "-g", "-O1", language="cpp", family=family))
    assert [jit.kind(value) for value in (1, 1.5, b"text", (3,))] == [1, 2, 3, 4]
    with pytest.raises(uruk.InvalidType, match=r"several functions take.*\n.*alike\(int\)"):
        jit.alike(1)
    with pytest.raises(uruk.InvalidType, match=r"kind\(int, int\): no function takes"):
        jit.kind(1, 2)
    assert jit.lookup("alike(long)")(1) == 1
    assert jit.lookup("geo::area(int, int)")(2, 3) == 6
    with pytest.raises(uruk.InvalidType, match=r"several functions.*\n  geo::area\(double\)"):
        jit.lookup("geo::area")
    named = uruk.load(cc(CPP, "-g", "-O1", language="cpp", family=family), libraries=["stdc++"])
    with named:
        assert (named["geo::area"](2.0), named["geo::area"](2, 3), named["geo::inside"]) == (12.0, 6, 5)
    assert [jit.kind(value) for value in (np.int64(1), np.int8(1), np.float64(1.5))] == [1, 1, 2]
    assert [jit.width(value) for value in (1.5, np.float32(1.5), np.ones(1), np.ones(1, np.float32))] == [8, 4, 80, 40]
    with pytest.raises(uruk.InvalidType, match="no function takes"):
        jit.width(np.ones(1, np.int64))
    with pytest.raises(uruk.InvalidType, match="no function takes"):
        jit.width(1j)
    assert jit.flip(True) is False
    assert (jit.next(0), jit.next(7)) == (7, 0)
    middle = jit.lookup("geo::middle")
    assert "geo::middle(const struct geo__point *a, struct geo__point b)" in str(middle.__doc__)
    through = jit.lookup("through(int&, int&&)")
    assert "int through(int *to, int *from)" in str(through.__doc__)
    assert jit.lookup("geo::point::norm")._signature().parameters[0][1].show() == "const struct geo__point *"
    assert jit.lookup("geo::inside").address
