"""Arguments of every kind, and what is refused: the same values, errors and texts here and in other processes."""

from __future__ import annotations

import ctypes
import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cffi
import numpy as np
import pytest
from places import PLACES, compiled, session

import uruk
from uruk.c_types.declarations import Types
from uruk.executor.plan import Kind, plan_of
from uruk.isa.abi import SYSTEM_V, WIN64

POINT = "typedef struct { int x; double y; } point;"
SOURCE = (
    POINT
    + r"""
int add(int a, int b) { return a + b; }
double total(const double *p, int n) { double s = 0; for (int i = 0; i < n; i++) s += p[i]; return s; }
void scale(double *p, int n, double k) { for (int i = 0; i < n; i++) p[i] *= k; }
int length(const char *s) { int n = 0; if (!s) return -1; while (s[n]) n++; return n; }
int joined(const char *const *w, int n) { int t = 0; for (int i = 0; i < n; i++) t += length(w[i]); return t; }
int apply(int (*f)(int), int x) { return f(x) + 1; }
int twice(int (*f)(int), int x) { return f(x) + f(x + 1); }
double flat(point p) { return p.x + p.y; }
double points(const point *p, int n) { double t = 0; for (int i = 0; i < n; i++) t += flat(p[i]); return t; }
point moved(point p, int by) { p.x += by; return p; }
int same(int *a, const int *b) { *a = 5; return *b; }
int get(const int *p) { return *p; }
unsigned char first(const void *p) { return *(const unsigned char *)p; }
double summed(double (*rows)[3], int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) for (int j = 0; j < 3; j++) sum += rows[i][j] * (i + 1);
    return sum;
}
float half(float x) { return x / 2; }
char next(char c) { return c + 1; }
_Bool negated(_Bool b) { return !b; }
void store(int **out, int *p) { *out = p; }
__WCHAR_TYPE__ same_letter(__WCHAR_TYPE__ c) { return c; }
int wide(const __WCHAR_TYPE__ *s) { int n = 0; while (s[n]) n++; return n * 1000 + s[1]; }
int value = 77;
union word { int number; float fraction; };
typedef struct { union word at[6]; } row;
int bits(union word w, const int *more, int last) { return w.number + *more + last; }
row made(int first, int (*f)(int)) { row r; for (int i = 0; i < 6; i++) r.at[i].number = f(first + i); return r; }
enum color { RED = 1, BLUE }; int is_blue(enum color c) { return c == BLUE; }
double sum_of(int n, ...)
{
    __builtin_va_list rest;
    double sum = 0;
    __builtin_va_start(rest, n);
    for (int i = 0; i < n; i++) sum += __builtin_va_arg(rest, double) * __builtin_va_arg(rest, int);
    __builtin_va_end(rest);
    return sum;
}
"""
)


@pytest.fixture(scope="module", params=PLACES)
def jit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[uruk.LLJIT]:
    if request.param == "windows":
        request.getfixturevalue("wine")
    with session(request.param) as one:
        one.add_object(compiled(request.param, tmp_path_factory.mktemp("arguments"), SOURCE))
        yield one


def function(jit: uruk.LLJIT, name: str, prototype: str) -> Callable[..., Any]:
    return jit.lookup(name).function(prototype)


def test_buffers(jit: uruk.LLJIT) -> None:
    total = function(jit, "total", "double(const double *, int)")
    numbers = np.arange(4.0)
    numbers.flags.writeable = False
    assert total(numbers, 4) == 6
    assert total((ctypes.c_double * 2)(1.5, 2), 2) == 3.5
    assert total([1, 2, 3.5], 3) == 6.5
    room = np.arange(4.0)
    function(jit, "scale", "void(double *, int, double)")(room, 4, 2)
    assert room.tolist() == [0, 2, 4, 6]
    middle = room[1:3]
    function(jit, "scale", "void(double *, int, double)")(middle, 2, 10)
    assert room.tolist() == [0, 20, 40, 6]
    length = function(jit, "length", "int(const char *)")
    assert [length("n\u00e4"), length(b"abc"), length(bytearray(b"ab\0c")), length(None)] == [3, 3, 2, -1]
    assert function(jit, "joined", "int(const char *const *, int)")(["ab", b"cde", "f"], 3) == 6
    first = function(jit, "first", "unsigned char(const void *)")
    assert [first(b"\7"), first(np.array([9], np.uint64)), first(np.float32(0))] == [7, 9, 0]


def test_arrays_of_rows(jit: uruk.LLJIT) -> None:
    summed = function(jit, "summed", "double(double (*)[3], int)")
    rows = np.arange(6.0).reshape(2, 3)
    assert summed(rows, 2) == summed(rows.ravel(), 2) == summed(rows.tolist(), 2) == 27
    cube = np.arange(12.0).reshape(2, 2, 3)
    assert function(jit, "summed", "double(const double (*)[2][3], int)")(cube, 2) == 27


def test_the_same_memory_twice_is_one(jit: uruk.LLJIT) -> None:
    one = np.array([1], np.int32)
    assert function(jit, "same", "int(int *, const int *)")(one, one) == 5
    pair = memoryview(bytearray(8)).cast("i")
    assert function(jit, "same", "int(int *, const int *)")(pair[:1], pair[1:]) == 0
    assert pair.tolist() == [5, 0]


def test_addresses(jit: uruk.LLJIT) -> None:
    value = jit.lookup("value")
    get = function(jit, "get", "int(const int *)")
    assert [get(value), get(value.address), get(np.uint64(value.address))] == [77, 77, 77]
    out = np.zeros(1, np.uint64)
    function(jit, "store", "void(int **, int *)")(out, value)
    assert out[0] == value.address


def test_pointers_of_ctypes(jit: uruk.LLJIT) -> None:
    """They are the addresses that they hold, as in C, and not memory; one without a type may be of any process."""
    get, first = function(jit, "get", "int(const int *)"), function(jit, "first", "unsigned char(const void *)")
    place = ctypes.c_void_p(jit.lookup("value").address)
    assert (get(place), first(place), function(jit, "length", "int(const char *)")(ctypes.c_char_p())) == (77, 77, -1)
    out = ctypes.c_void_p()
    function(jit, "store", "void(void **, int *)")(out, place)
    assert out.value == place.value
    number = ctypes.c_int(9)
    if jit.executor.process.is_here:
        assert (get(ctypes.pointer(number)), first(ctypes.c_char_p(b"A"))) == (9, ord("A"))
        with pytest.raises(uruk.InvalidType, match="an array of int16 was given for `const int"):
            get(ctypes.pointer(ctypes.c_int16()))
    else:
        for given in (ctypes.pointer(number), ctypes.c_char_p(b"A")):
            with pytest.raises(uruk.InvalidType, match="is an address of this process, and the function is in another"):
                first(given)
    with pytest.raises(uruk.InvalidType, match=r"not CArgObject: pass the object itself, not its byref\(\)"):
        get(ctypes.byref(number))


def test_wide_texts(jit: uruk.LLJIT) -> None:
    """They have the letters of the process that they are for: two bytes on Windows."""
    wide = function(jit, "wide", "int(const wchar_t *)")
    assert wide("n\u20ac") == wide([ord("n"), 0x20AC, 0]) == 2000 + 0x20AC
    text = ctypes.create_unicode_buffer("ab")
    if "windows" in jit.executor.process.triple:
        with pytest.raises(uruk.InvalidType, match=r"an array of wide letters was given for .*, which takes uint16"):
            wide(text)
    else:
        assert wide(text) == 2000 + ord("b")
    letter = function(jit, "same_letter", "wchar_t(wchar_t)")
    is_signed = jit.executor.process.triple.startswith("x86_64") and "linux" in jit.executor.process.triple
    assert letter(0xFFFF) == 0xFFFF
    with pytest.raises(OverflowError, match="does not fit `wchar_t'"):
        letter(0xFFFFFFFF if is_signed else -1)
    with pytest.raises(uruk.InvalidValue, match="a str with a NUL in it"):
        wide("a\0b")


def test_structures_and_numbers(jit: uruk.LLJIT) -> None:
    assert function(jit, "flat", POINT + "double(point)")((1, 2.5)) == 3.5
    points = function(jit, "points", POINT + "double(const point *, int)")
    kind = np.dtype([("x", "i4"), ("y", "f8")], align=True)
    rows = np.array([(1, 2.0), (3, 4.0)], kind)
    assert points(rows, 2) == points([(1, 2), {"x": 3, "y": 4}], 2) == points(rows.tobytes(), 2) == 10
    with pytest.raises(uruk.InvalidType, match=r"None, not dict: a structure of the call's own is a list of it"):
        points({"x": 1}, 1)
    moved = function(jit, "moved", POINT + "point(point, int)")
    assert repr(moved(moved(rows[0], 4), 1)) == "<point: x=6, y=2.0>"
    assert function(jit, "half", "float(float)")(np.float32(3)) == 1.5
    assert function(jit, "half", "float(float)")(1e300) == float("inf")
    assert function(jit, "next", "char(char)")(b"a") == function(jit, "next", "char(char)")(97) == b"b"
    assert function(jit, "negated", "_Bool(_Bool)")(1) is False


def test_unions(jit: uruk.LLJIT) -> None:
    union = "union word { int number; float fraction; };"
    bits = function(jit, "bits", union + "int(union word, const int *, int)")
    assert bits({"fraction": 1.0}, np.array([4], np.int32), 3) == 0x3F800000 + 7
    made = function(jit, "made", union + "typedef struct { union word at[6]; } row; row(int, int (*)(int))")
    assert [each.number for each in made(5, lambda x: x * x).at] == [25, 36, 49, 64, 81, 100]
    with pytest.raises(ZeroDivisionError):
        made(5, lambda x: x // 0)


def test_functions(jit: uruk.LLJIT) -> None:
    apply = function(jit, "apply", "int(int (*)(int), int)")
    kept = [apply(lambda x, by=by: x * by, 20) for by in (2, 3)]
    gc.collect()
    assert kept == [41, 61]
    assert apply(jit.callback("int(int)", lambda x: 7), 1) == 8
    assert apply(int, 7) == 8  # a class has the methods of its instances, and is no number
    once = jit.lookup("apply").function("int(int (*)(int), int)", callbacks="call")
    assert {once(lambda x, at=at: x + at, 0) for at in range(300)} == set(range(1, 301))
    with pytest.raises(uruk.InvalidValue, match="not for 'ever'"):
        jit.lookup("apply").function("int(void)", callbacks="ever")


def test_a_raising_callback(jit: uruk.LLJIT, capsys: pytest.CaptureFixture[str]) -> None:
    """The innermost call that led to it raises; calls inside of other callbacks are not confused with it."""
    apply = function(jit, "apply", "int(int (*)(int), int)")
    twice = function(jit, "twice", "int(int (*)(int), int)")

    def fail(x: int) -> int:
        raise KeyError(x)

    with pytest.raises(KeyError, match="5"):
        apply(fail, 5)
    inner: list[object] = []

    def outer(x: int) -> int:
        try:
            apply(fail, x)
        except KeyError as error:
            inner.append(error.args)
        return 1

    assert twice(outer, 1) == 2
    assert inner == [(1,), (2,)]

    def first_fails(x: int) -> int:
        if x == 1:
            raise ZeroDivisionError
        return int(apply(lambda y: y, x))  # this call raises nothing: the exception is the outer one's

    with pytest.raises(ZeroDivisionError):
        twice(first_fails, 1)
    assert apply(lambda x: x, 1) == 2
    with pytest.raises(uruk.InvalidType, match=r"result of .*, a callback of `int.*: `int' takes an integer, not str"):
        apply(lambda x: "text", 1)


def test_a_second_exception_is_reported(jit: uruk.LLJIT, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[Any] = []
    monkeypatch.setattr("sys.unraisablehook", lambda facts: reported.append((facts.exc_value, repr(facts.object))))

    def fail(x: int) -> int:
        raise KeyError(x)

    with pytest.raises(KeyError, match="1"):
        function(jit, "twice", "int(int (*)(int), int)")(fail, 1)
    ((error, text),) = reported
    assert error.args == (2,)
    assert "fail" in text
    assert "which linked code called" in text


def test_raising_callbacks_of_many_threads(jit: uruk.LLJIT) -> None:
    apply = function(jit, "apply", "int(int (*)(int), int)")
    wrong: list[object] = []

    def fail(x: int) -> int:
        raise KeyError(x)

    def work(base: int) -> None:
        for at in range(base, base + 20):
            try:
                apply(fail, at)
            except KeyError as error:
                if error.args != (at,):
                    wrong.append(error)
            else:
                wrong.append(at)

    threads = [threading.Thread(target=work, args=(100 * one,)) for one in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert not wrong


READ_ONLY = np.zeros(3)
READ_ONLY.flags.writeable = False
REFUSED: list[tuple[str, str, tuple[Any, ...], type[Exception], str]] = [
    ("add", "int add(int, int);", (1,), TypeError, "`int add(int, int)' takes 2 arguments, not 1"),
    ("add", "int(int, int)", (1,), TypeError, "add: `int(int, int)' takes 2 arguments, not 1"),
    ("add", "int(int, int)", ("1", 2), TypeError, "add: argument 1 of `int(int, int)': `int' takes an integer"),
    ("add", "int(int, int)", (1, 2.5), TypeError, "argument 2 of `int(int, int)': `int' takes an integer, not float"),
    ("add", "int(int, int)", (1 << 40, 0), OverflowError, "1099511627776 does not fit `int'"),
    ("add", "int(int, int)", (1 << 20000, 0), OverflowError, "an integer of 20001 bits does not fit `int'"),
    ("half", "float(float)", (1 << 20000,), OverflowError, "an integer of 20001 bits does not fit `float'"),
    ("get", "int(const int *)", (1 << 20000,), OverflowError, "an integer of 20001 bits is no address"),
    ("negated", "_Bool(_Bool)", (2,), OverflowError, "2 does not fit `_Bool'"),
    ("next", "char(char)", (b"ab",), TypeError, "`char' takes a byte or an integer, not bytes"),
    ("half", "float(float)", ("x",), TypeError, "half: argument 1 of `float(float)': `float' takes a number, not str"),
    ("total", "double(const double *, int)", (np.zeros(3, np.float32), 3), TypeError,
     "an array of float32 was given for `const double *', which takes float64"),
    ("total", "double(const double *, int)", (np.zeros(3, ">f8"), 3), TypeError, "an array of >f8 was given"),
    ("total", "double(const double *, int)", (np.zeros((4, 4))[:, 1], 4), TypeError, "the array is not contiguous"),
    ("total", "double(const double *, int)", (np.zeros((2, 3), order="F"), 6), TypeError, "its transpose (array.T)"),
    ("total", "double(const double *, int)", (np.zeros(3, "M8[s]"), 3), TypeError, "datetime64[s] has no items of C"),
    ("total", "double(const double *, int)", ("x", 3), TypeError, "`const double *' takes no str"),
    ("total", "double(const double *, int)", (["x"], 1), TypeError, "item 0: `double' takes a number, not str"),
    ("total", "double(const double *, int)", (object(), 1), TypeError, "a list or None, not object"),
    ("total", "double(const double *, int)", (-1, 1), OverflowError, "-1 is no address"),
    ("total", "double(const double *, int)", (print, 1), TypeError, "takes no function"),
    ("scale", "void(double *, int, double)", (READ_ONLY, 3, 2), TypeError, "may be written, and this ndarray cannot"),
    ("scale", "void(double *, int, double)", (np.zeros(1), 1, None), TypeError, "argument 3 of `void(double *, int"),
    ("length", "int(char *)", ("x",), TypeError, "`char *' may be written, and a str cannot"),
    ("length", "int(char *)", (b"x",), TypeError, "`char *' may be written, and this bytes cannot"),
    ("length", "int(const char *)", ("a\0b",), ValueError, "no string of C"),
    ("length", "int(const char *)", (5.5,), TypeError, "not float"),
    ("get", "int(const int *)", (np.zeros(1, np.uint32),), TypeError, "get: argument 1 of `int(const int *)'"),
    ("get", "int(const int *)", (np.zeros(1, np.uint32),), TypeError, "`const int *', which takes int32"),
    ("points", POINT + "double(const point *, int)", (b"123", 1), ValueError, "no whole number of `point' (16 bytes)"),
    ("points", POINT + "double(const point *, int)", (np.zeros(2), 1), TypeError, "structures of 16 bytes"),
    ("summed", "double(double (*)[3], int)", (np.zeros((3, 2)), 2), TypeError, "which takes float64 in rows of 3"),
    ("summed", "double(double (*)[3], int)", (np.zeros((2, 3), np.int64), 2), TypeError, "an array of int64 was given"),
    ("summed", "double(double (*)[3], int)", (np.zeros(5), 2), ValueError, "no whole number of `double[3]' (24 bytes)"),
    ("summed", "double(double (*)[3], int)", ([1], 2), TypeError, "item 0: `double[3]' takes bytes or a sequence"),
    ("apply", "int(int (*)(int), int)", (5.5, 1), TypeError, "takes a function or the address of one, not float"),
    ("apply", "int(int (*)(int), int)", (b"code", 1), TypeError, "takes a function or the address of one, not bytes"),
    ("first", "unsigned char(const void *)", ([1],), TypeError, "does not say what a list is of"),
    ("flat", POINT + "double(point)", ((1, 2, 3),), TypeError, "more members than `point' takes"),
    ("flat", POINT + "double(point)", ({"z": 1},), TypeError, "no member `z'"),
    ("flat", POINT + "double(point)", (((1 << 31), 0.0),), OverflowError, "does not fit `int'"),
]  # fmt: skip


def test_what_is_refused_says_so_in_terms_of_c(jit: uruk.LLJIT) -> None:
    for name, prototype, values, kind, text in REFUSED:
        call = function(jit, name, prototype)
        with pytest.raises(kind) as caught:
            call(*values)
        assert text in str(caught.value)
        assert "cdata" not in str(caught.value)
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_errors_are_the_same_in_process_and_in_a_child(tmp_path: Path) -> None:
    seen: list[list[tuple[str, str]]] = []
    for place in ("here", "shared"):
        with session(place) as jit:
            jit.add_object(compiled(place, tmp_path, SOURCE))
            seen.append([])
            for name, prototype, values, *_ in REFUSED:
                try:
                    function(jit, name, prototype)(*values)
                except Exception as error:
                    seen[-1].append((type(error).__name__, str(error)))
    assert len(seen[0]) == len(REFUSED)
    assert seen[0] == seen[1]


@pytest.mark.quick
def test_a_plan_is_data() -> None:
    types = Types()
    types.declare("typedef const char *text; struct s; typedef int (*handler)(int);")
    plan = plan_of(types.function("long f(text, struct s **, handler, const void *, unsigned short)"), WIN64)
    kinds = [Kind.POINTER, Kind.POINTER, Kind.FUNCTION, Kind.POINTER, Kind.INTEGER]
    assert [step.kind for step in plan.arguments] == kinds
    text, opaque, handler, anything, number = plan.arguments
    assert (text.is_text, text.is_const, text.name) == (True, True, "const char *")
    assert opaque.element is not None
    assert (opaque.element.kind, opaque.element.element) == (Kind.POINTER, None)
    assert handler.function is not None
    assert plan_of(handler.function, WIN64).is_plain
    assert (anything.is_void, anything.is_const) == (True, True)
    assert (number.size, number.is_signed) == (2, False)
    assert (plan.result.size, plan.is_plain) == (4, False)
    assert plan_of(types.function("long f(long)"), SYSTEM_V).result.size == 8


def test_declarations(jit: uruk.LLJIT, tmp_path: Path) -> None:
    """Functions that are declared need no prototype; a header is preprocessed, and its own declarations taken."""
    jit.cdef("int add(int, int);\nenum color { RED = 1, BLUE };\nint is_blue(enum color);")
    jit.cdef("int add(int, int);\nenum color { RED = 1, BLUE };\nint is_blue(enum color);")  # as a notebook does
    assert jit.lookup("add")(40, 2) == 42
    assert [jit.lookup("is_blue")(2), jit.lookup("is_blue").function("int(enum color)")(1)] == [1, 0]
    header = tmp_path / "shapes.h"
    header.write_text(
        "#include <stddef.h>\n#ifndef SHAPES\n#define SHAPES 1\n#define API extern\n"
        "typedef struct { int x; double y; } spot;\n"
        "API double flat(spot) __attribute__((nonnull));\n"
        "static inline int unused(void) { if (1) { return 2; } return 3; }\n"
        "int cannot_be_read(__builtin_va_list);\n"
        "API spot moved(spot p, int by);\n#endif\n"
    )
    jit.cdef(header)
    assert jit.lookup("flat")((1, 2.5)) == 3.5
    assert jit.lookup("moved")((1, 2.5), 3).x == 4
    assert jit.lookup("points").function("double(const spot *, int)")([(1, 2)], 1) == 3
    with pytest.raises(uruk.InvalidType, match="value' has no type"):
        jit.lookup("value")()


def test_variable_arguments(jit: uruk.LLJIT) -> None:
    """Their types are those of a call, and what an error says about them is what can be done."""
    jit.cdef("double sum_of(int n, ...);")
    wanted = r"`double sum_of\(int, \.\.\.\)'.* in place of the dots, as in \"double\(int, "
    with pytest.raises(uruk.UrukError, match=wanted):
        jit.lookup("sum_of")(1, 2.5, 3)
    kind = "double(int, double, int, double, int, double, int)"
    assert jit.lookup("sum_of").function(kind)(3, 2.5, 2, 1.5, 4, -1.25, 4) == 6


def test_variables_that_are_declared_warn_of_nothing(recwarn: pytest.WarningsRecorder) -> None:
    with uruk.LLJIT() as jit:
        jit.cdef("int numbers[3]; int *place; int f(void);")
    assert not [each.message for each in recwarn.list if each.category is UserWarning]


def test_wrong_declarations() -> None:
    with uruk.LLJIT() as jit:
        for text, problem in (
            ("int f(nosuch);", "unknown type 'nosuch'"),
            ("int g(", "line 1"),
            ("int ok(void); struct s { int a; }; struct s { int b; };", "duplicate declaration of struct s"),
        ):
            with pytest.raises(uruk.InvalidValue, match=problem):
                jit.cdef(text)
        with pytest.raises(FileNotFoundError):
            jit.cdef("no/such/header.h")
        jit.cdef("struct s { int c; };")  # nothing of the wrong text was declared
        jit.define("ok", 16)
        with pytest.raises(uruk.InvalidType, match="ok' has no type"):
            jit.lookup("ok")()


THREAD = r"""
#include <pthread.h>
static int (*function)(int); static int result;
static void *begin(void *argument) { result = function(*(int *)argument); return 0; }
int in_a_thread(int (*f)(int), int x) {
    pthread_t thread;
    function = f;
    if (pthread_create(&thread, 0, begin, &x)) return -2;
    pthread_join(thread, 0);
    return result;
}
"""


@pytest.mark.parametrize("place", ["here", "shared"])
def test_an_exception_on_a_thread_of_linked_code(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no call of Python's on that thread: the hook gets it, and the function its zeros."""
    reported: list[BaseException] = []
    monkeypatch.setattr("sys.unraisablehook", lambda facts: reported.append(facts.exc_value))

    def fail(x: int) -> int:
        raise KeyError(x)

    with session(place) as jit:
        jit.add_object(compiled(place, tmp_path, THREAD))
        call = function(jit, "in_a_thread", "int(int (*)(int), int)")
        assert call(lambda x: x + 1, 4) == 5
        assert call(fail, 6) == 0
        assert [error.args for error in reported] == [(6,)]


BY_CFFI = """
long double applied(long double a, int (*f)(int), const int *p) { return a + f(*p); }
int letter(const char *text, ...) { return text[0]; }
"""


def test_functions_that_cffi_alone_calls_take_pointers_as_others_do(tmp_path: Path) -> None:
    def fail(x: int) -> int:
        raise KeyError(x)

    with session("here") as jit:
        jit.add_object(compiled("here", tmp_path, BY_CFFI))
        applied = function(jit, "applied", "long double(long double, int (*)(int), const int *)")
        assert float(applied(1.5, lambda x: x * 2, np.array([4], np.int32))) == 9.5
        assert float(applied(1.5, jit.callback("int(int)", abs), [-4])) == 5.5
        with pytest.raises(KeyError, match="4"):
            applied(1.5, fail, [4])
        letter = function(jit, "letter", "int(const char *, ...)")
        assert [letter("a"), letter(b"b")] == [97, 98]
        for values, text in (
            (("x", abs, None), r"argument 1 of `long double\(long double, .*': `long double' takes a number, not str"),
            ((1, abs), "takes 3 arguments, not 2"),
            ((1, 2.5, None), "argument 2 of `long double.* takes a function or the address of one, not float"),
            ((1, abs, np.zeros(1)), "argument 3 of `long double.*, which takes int32"),
        ):
            with pytest.raises(uruk.InvalidType, match=text):
                applied(*values)
        with pytest.raises(uruk.InvalidType, match=r'argument 2 of letter: `int.* 5, .*"int\(const char \*, int\)"'):
            letter("a", 5)
        with pytest.raises(uruk.InvalidType, match=r"takes at least 1 argument, not 0"):
            letter()


def test_objects_with_methods_of_their_own(jit: uruk.LLJIT) -> None:
    """Integers are their values, what `__float__` raises comes through, and NULL is no address of any process."""

    class Number(int):
        def __index__(self) -> int:
            return 99

        __int__ = __index__

    class Failing:
        def __float__(self) -> float:
            raise ZeroDivisionError("of its own")

    add = jit.lookup("add").function("int(int, int)")
    assert add(Number(2), 3) == 5
    with pytest.raises(ZeroDivisionError, match="of its own"):
        jit.lookup("half").function("float(float)")(Failing())
    assert jit.lookup("length").function("int(const char *)")(cffi.FFI().NULL) == -1
    moved = jit.lookup("moved").function(POINT + " point(point, int)")
    with pytest.raises(TypeError, match=r"argument 1 of .*: multi-dimensional"):
        moved(memoryview(np.zeros((2, 2))), 1)
