"""Calls that C makes without Python code in between, beside the same calls in Python: they behave alike."""

from __future__ import annotations

import array
import gc
import inspect
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType
from typing import Any

import numpy as np
import pytest

import uruk
from uruk.executor.native_calls import NativeCalls

from support.compiling import Compile

SOURCE = """
#include <stddef.h>
#include <unistd.h>
signed char i8(signed char a) { return a; }
unsigned char u8(unsigned char a) { return a; }
short i16(short a) { return a; }
unsigned short u16(unsigned short a) { return a; }
int i32(int a) { return a; }
unsigned u32(unsigned a) { return a; }
long i64(long a) { return a; }
unsigned long u64(unsigned long a) { return a; }
_Bool truth(_Bool a) { return a; }
float single(float a) { return a; }
double number(double a) { return a; }
void *place(void *a) { return a; }
long both(long a, long b) { return a - b; }
int two(int a, int b) { return a - b; }
double sum(const double *p, size_t n) { double s = 0; for (size_t i = 0; i < n; i++) s += p[i]; return s; }
int first(const unsigned char *p) { return p ? p[0] : -1; }
void fill(int *p, size_t n) { for (size_t i = 0; i < n; i++) p[i] = 7; }
long words(long a, long b, long c, long d, long e, long f, long g, long h)
{ return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h; }
double mixed(int a, double b, float c, long d, double e, short f, float g, const char *h)
{ return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + (h ? *h : 0); }
double numbers(double a, float b, double c, double d, double e, double f, double g, double h)
{ return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h; }
float ratio(float a, float b) { return a / b; }
int call(int (*f)(int), int a) { return f(a); }
static void (*kept)(void);
void keep(void (*f)(void)) { kept = f; }
void call_kept(void) { kept(); }
double call_kept_number(double x) { kept(); return x; }
int call_kept_two(int a, int b) { kept(); return a + b; }
float call_kept_single(long a, double b) { kept(); return a + b; }
static volatile int ready;
void wait_for_thread(void) { while (!ready) usleep(100); }
void set_ready(void) { ready = 1; }
"""
PROTOTYPES = {
    "i8": "signed char(signed char)", "u8": "unsigned char(unsigned char)", "i16": "short(short)",
    "u16": "unsigned short(unsigned short)", "i32": "int(int)", "u32": "unsigned(unsigned)", "i64": "long(long)",
    "u64": "unsigned long(unsigned long)", "truth": "_Bool(_Bool)", "single": "float(float)",
    "number": "double(double)", "place": "void *(void *)", "both": "long(long, long)", "two": "int(int, int)",
    "sum": "double(const double *, size_t)", "first": "int(const unsigned char *)", "fill": "void(int *, size_t)",
    "words": f"long({', '.join(['long'] * 8)})", "numbers": "double(double, float, double, double, double, double,"
    " double, double)", "ratio": "float(float, float)",
    "mixed": "double(int, double, float, long, double, short, float, const char *)",
}  # fmt: skip
EDGES = [
    0,
    1,
    -1,
    -5,
    -6,
    *(sign * (1 << bits) + more for bits in (7, 8, 15, 16, 31, 32, 63, 64) for sign in (1, -1) for more in (-1, 0, 1)),
]
VALUES: list[Any] = [
    *EDGES, True, False, None, 1.5, -0.0, float("inf"), 1e40, 10**400, "text", b"bytes", b"", bytearray(b"xy"),
    object(), np.int32(5), np.float64(2.5), np.float32(1.5), np.arange(3), np.arange(4.0), np.arange(4.0)[::2],
    np.arange(4, dtype="i4"), np.arange(3, dtype=">f8"), memoryview(b"ab"), array.array("i", [1, 2]), [1, 2],
    (1.0, 2.0), {}, print,
]  # fmt: skip


@pytest.fixture(scope="module")
def jit(cc: Compile) -> Iterator[uruk.LLJIT]:
    with uruk.LLJIT() as jit:
        jit.add_object(cc(SOURCE, "-O1"))
        yield jit


def pair(jit: uruk.LLJIT, name: str, prototype: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The same function as C calls it, and as Python does."""
    native = jit.lookup(name).function(prototype)
    assert isinstance(native, BuiltinFunctionType), name
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NativeCalls, "make", lambda self, plan, call, **_: None)
        other = jit.lookup(name).function(prototype)
    assert not isinstance(other, BuiltinFunctionType)
    return native, other


def outcome(function: Callable[..., Any], values: tuple[Any, ...]) -> tuple[str, str]:
    """What a call returns, or the class and text of its error."""
    try:
        result = function(*values)
    except Exception as error:
        return type(error).__name__, str(error)
    return type(result).__name__, repr(result)


@pytest.mark.parametrize("name", PROTOTYPES)
def test_both_ways_do_the_same_with_anything(jit: uruk.LLJIT, name: str) -> None:
    native, other = pair(jit, name, PROTOTYPES[name])
    count = PROTOTYPES[name].count(",") + 1
    fitting: dict[str, tuple[Any, ...]] = {
        "sum": (np.arange(5.0), 5), "first": (b"a",), "fill": (np.zeros(4, "i4"), 4),
        "mixed": (1, 2.5, 3.5, 4, 5, 6, 7, b"8"),
    }  # fmt: skip
    start = fitting.get(name, (3,) * count)
    for position in range(count):
        for value in VALUES:
            if name in ("sum", "fill", "first") and (
                hasattr(value, "__index__") or (position == 1 and not isinstance(value, str))
            ):
                continue  # any number would be taken for an address, or for a size
            if name == "mixed" and position == 7 and hasattr(value, "__index__"):
                continue
            if name in ("sum", "fill") and position == 0:
                start = (value, 0)
            values = (*start[:position], value, *start[position + 1 :])
            assert outcome(native, values) == outcome(other, values), values
    for values in ((), start[1:], (*start, 1)):
        assert outcome(native, values) == outcome(other, values), values


def test_integers_that_an_interpreter_has_once(jit: uruk.LLJIT) -> None:
    same, other = pair(jit, "two", PROTOTYPES["two"])
    long, _ = pair(jit, "i64", PROTOTYPES["i64"])
    before = [sys.getrefcount(number) for number in range(-5, 257)]
    for _ in range(100):
        for number in range(-20, 300):
            assert same(number, 7) == number - 7
            assert long(number) == number
    assert [same(number, 0) for number in range(-20, 300)] == [other(number, 0) for number in range(-20, 300)]
    after = [sys.getrefcount(number) for number in range(-5, 257)]
    assert all(abs(new - old) < 100 for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("fails", [False, True])
def test_a_function_that_is_called_while_it_runs(jit: uruk.LLJIT, fails: bool) -> None:
    call = jit.lookup("call").function("int(int (*)(int), int)")

    def again(depth: int) -> int:
        if depth:
            return call(callback, depth - 1) + 1
        if fails:
            raise ValueError("the last one")
        return 0

    callback = jit.callback("int(int)", again)
    for _ in range(3):
        if not fails:
            assert call(callback, 9) == 9
            continue
        with pytest.raises(ValueError, match="the last one"):
            call(callback, 9)
    callback.release()


def test_arguments_reach_the_function(jit: uruk.LLJIT) -> None:
    words, _ = pair(jit, "words", PROTOTYPES["words"])
    assert words(*range(1, 9)) == sum(number * number for number in range(1, 9))
    mixed, _ = pair(jit, "mixed", PROTOTYPES["mixed"])
    assert mixed(1, 2.0, 3.0, 4, 5.0, 6, 7.0, b"A") == 140 + 65
    numbers, _ = pair(jit, "numbers", PROTOTYPES["numbers"])
    assert numbers(*map(float, range(1, 9))) == sum(number * number for number in range(1, 9))
    fill, _ = pair(jit, "fill", PROTOTYPES["fill"])
    filled = np.zeros(3, "i4")
    fill(filled, 3)
    assert filled.tolist() == [7, 7, 7]


def test_a_buffer_is_free_again_after_a_call_that_fails(jit: uruk.LLJIT) -> None:
    total, _ = pair(jit, "sum", PROTOTYPES["sum"])
    data = bytearray(16)
    for values in ((data, 1), (memoryview(data).cast("d"), "x")):
        with pytest.raises(TypeError):
            total(*values)
    del values
    data.extend(b"more")  # BufferError while anything has it


@pytest.mark.parametrize(
    ("name", "prototype", "values"),
    [
        ("call_kept", "void(void)", ()),
        ("call_kept_number", "double(double)", (1.0,)),
        ("call_kept_two", "int(int, int)", (1, 2)),
        ("call_kept_single", "float(long, double)", (1, 2.0)),
    ],
)
@pytest.mark.parametrize("hold", [False, True])
def test_an_exception_of_a_callback_is_raised_by_the_innermost_call(
    jit: uruk.LLJIT, name: str, prototype: str, values: tuple[Any, ...], hold: bool
) -> None:
    called = jit.lookup(name).function(prototype, hold_gil=hold)
    keep = jit.lookup("keep").function("void(void (*)(void))")
    seen: list[str] = []

    def fail() -> None:
        raise KeyError("inner")

    def nest() -> None:
        keep(fail)
        try:
            called(*values)
        except KeyError as error:
            seen.append(str(error))
        raise ValueError("outer")

    keep(nest)
    with pytest.raises(ValueError, match="outer"):
        called(*values)
    assert seen == ["'inner'"]
    keep(lambda: None)
    called(*values)


def test_a_function_may_wait_for_a_thread_of_pythons(jit: uruk.LLJIT) -> None:
    set_ready = jit.lookup("set_ready").function("void(void)")
    thread = threading.Thread(target=lambda: (time.sleep(0.05), set_ready()))
    thread.start()
    jit.lookup("wait_for_thread").function("void(void)")()
    thread.join()


def test_calls_from_many_threads(jit: uruk.LLJIT) -> None:
    two = jit.lookup("two").function("int(int, int)")
    wrong: list[int] = []

    def work(number: int) -> None:
        wrong.extend(step for step in range(3000) if two(number, step) != number - step)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("force", [False, True])
def test_a_call_of_removed_code_is_an_error(cc: Compile, force: bool) -> None:
    with uruk.LLJIT() as jit:
        tracker = jit.add_object(cc("int gone(int a, int b) { return a + b; }"))
        gone = jit.lookup("gone").function("int(int, int)")
        if force:
            jit.add_object(cc("int gone(int, int); int user(int a, int b) { return gone(a, b); }"))
            user = jit.lookup("user").function("int(int, int)")
            number = jit.lookup("user").function("double(double)")
            assert user(1, 2) == 3
        assert gone(1, 2) == 3
        tracker.remove(force=force)
        for values in ((1, 2),) if force else ((1, 2), ("x",)):
            with pytest.raises(uruk.RemovedCode, match="gone"):
                gone(*values)
        if force:
            for called, values in ((user, (1, 2)), (number, (1.0,))):
                with pytest.raises(uruk.RemovedCode, match="gone"):
                    called(*values)
    with pytest.raises(uruk.RemovedCode, match="gone"):
        gone(1, 2)


def test_a_call_of_removed_code_by_python_is_an_error(cc: Compile) -> None:
    kinds = {"nine": f"int({', '.join(['int'] * 9)})", "large": "struct pair { long a, b; }; long(struct pair)"}
    source = f"""
struct pair {{ long a, b; }};
int nine({", ".join(f"int a{number}" for number in range(9))}) {{ return a0 + a8; }}
long large(struct pair p) {{ return p.a + p.b; }}
"""
    with uruk.LLJIT() as jit:
        tracker = jit.add_object(cc(source))
        nine, large = (jit.lookup(name).function(kind) for name, kind in kinds.items())
        assert (nine(*range(9)), large((3, 4))) == (8, 7)
        tracker.remove()
        for called, values in ((nine, tuple(range(9))), (large, ((3, 4),))):
            with pytest.raises(uruk.RemovedCode):
                called(*values)


def test_a_function_object_can_be_passed_and_goes_with_its_last_reference(jit: uruk.LLJIT) -> None:
    call = jit.lookup("call").function("int(int (*)(int), int)")
    i32 = jit.lookup("i32").function("int(int)")
    assert call(i32, 5) == 5
    calls = jit.session.calls
    assert calls is not None
    gc.collect()
    before = len(calls)
    del i32
    assert len(calls) == before - 1


def test_help_shows_name_and_prototype(jit: uruk.LLJIT) -> None:
    two = jit.lookup("two").function("int(int, int)")
    assert (two.__name__, two.__doc__) == ("two", "int(int, int)")
    assert str(inspect.signature(two)) == "(argument_1, argument_2, /)"
    jit.define("o(d).ü", jit.lookup("two").address)
    odd = jit.lookup("o(d).ü").function("void(void)")
    assert (str(inspect.signature(odd)), odd.__doc__) == ("()", "void(void)")


def test_what_a_handler_of_a_signal_raises_is_not_lost(jit: uruk.LLJIT) -> None:
    """A callable that goes with its call runs no code of Python's then, in which the handler's exception would end."""

    two = jit.lookup("two").function("int(int, int)")

    def ring(number: int, frame: object) -> None:
        raise TimeoutError(f"it rang {two(20, 2)}")

    before = signal.signal(signal.SIGALRM, ring)
    try:
        for _ in range(3):
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            with pytest.raises(TimeoutError, match="it rang"):
                jit.lookup("usleep").function("int(unsigned)")(900_000)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
