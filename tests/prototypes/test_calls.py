"""Typed calls into another process, callbacks out of it, and its memory as arrays."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

import uruk
from uruk.errors import UrukError

SOURCE = r"""
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
#include <sys/syscall.h>
int add(int a, int b) { return a + b; }
double mix(int a, double b, float c, long d, double e) { return a + 2 * b + 3 * c + 4 * d + 5 * e; }
float half(float x) { return x / 2; }
long many(long a, long b, long c, long d, long e, long f, long g, long h, long i) {
    return a + 2*b + 3*c + 4*d + 5*e + 6*f + 7*g + 8*h + 9*i;
}
double floats(double a, double b, double c, double d, double e, double f, double g, double h, double i, double j) {
    return a + 2*b + 3*c + 4*d + 5*e + 6*f + 7*g + 8*h + 9*i + 10*j;
}
signed char narrow(signed char x) { return -x; }
uint16_t wide(uint16_t x) { return x + 1; }
_Bool negate(_Bool x) { return !x; }
uint64_t big(void) { return 0xfedcba9876543210u; }
size_t length(const char *text) { return strlen(text); }
void upper(char *text) { for (; *text; text++) if (*text >= 'a' && *text <= 'z') *text -= 32; }
const char *name(void) { return "a name"; }
int values[4] = {1, 2, 3, 4};
int sum(void) { return values[0] + values[1] + values[2] + values[3]; }
_Thread_local int counter = 5;
int count(void) { return counter++; }
int is_main(void) { return getpid() == (pid_t)syscall(SYS_gettid); }
int apply(int (*f)(int), int x) { return f(x) + 1; }
double apply_wide(double (*f)(int, double, float, const char *), int x) { return f(x, 1.5, 2.5f, "text"); }
long apply_many(long (*f)(long, long, long, long, long, long, long, double, long)) { return f(1,2,3,4,5,6,7,8.5,9); }
"""


@pytest.fixture(scope="module", params=[True, False], ids=["shared", "wire"])
def jit(request: pytest.FixtureRequest) -> Iterator[uruk.LLJIT]:
    with uruk.LLJIT(executor=uruk.spawn(shared_memory=request.param)) as one:
        one.add_source(text=SOURCE, language="c")
        yield one


def test_integers_and_floats(jit: uruk.LLJIT) -> None:
    assert jit.lookup("add").function("int(int, int)")(40, -2) == 38
    mix = jit.lookup("mix").function("double(int, double, float, long, double)")
    assert mix(1, 2.5, 3.5, -4, 5.5) == 1 + 5 + 10.5 - 16 + 27.5
    assert jit.lookup("half").function("float(float)")(5) == 2.5
    assert jit.lookup("many").function("long(long,long,long,long,long,long,long,long,long)")(*range(9)) == 240
    floats = jit.lookup("floats").function("double(" + ",".join(["double"] * 10) + ")")
    assert floats(*range(10)) == sum((at + 1) * at for at in range(10))
    assert jit.lookup("narrow").function("signed char(signed char)")(100) == -100
    assert jit.lookup("wide").function("uint16_t(uint16_t)")(65535) == 0
    assert jit.lookup("negate").function("_Bool(_Bool)")(False) is True
    assert jit.lookup("big").function("uint64_t(void)")() == 0xFEDCBA9876543210


def test_pointers(jit: uruk.LLJIT) -> None:
    assert jit.lookup("length").function("size_t(const char *)")(b"seven..") == 7
    text = bytearray(b"upper case\0")
    assert jit.lookup("upper").function("void(char *)")(text) is None
    assert text == b"UPPER CASE\0"
    address = jit.lookup("name").function("const char *(void)")()
    assert jit.executor.process.read(address, 7) == b"a name\0"


def test_wrong_values_and_types(jit: uruk.LLJIT) -> None:
    add = jit.lookup("add").function("int(int, int)")
    with pytest.raises(TypeError):
        add(1)
    with pytest.raises(OverflowError):
        add(1 << 31, 0)
    for text in ("struct s { int x; } f(int", "void(struct unknown)", "int(int, ...)", "nonsense"):
        with pytest.raises(UrukError):
            jit.lookup("add").function(text)
    assert add(1, 2) == 3


def test_calls_run_in_the_main_thread(jit: uruk.LLJIT) -> None:
    """So thread-locals keep their values from call to call."""
    assert jit.lookup("is_main").function("int(void)")() == 1
    count = jit.lookup("count").function("int(void)")
    first = count()
    assert [count(), count()] == [first + 1, first + 2]


def test_callbacks(jit: uruk.LLJIT) -> None:
    executor = jit.executor
    seen: list[object] = []

    def note(*values: object) -> float:
        seen.append(values)
        return 2.25

    double_it = executor.callback("int(int)", lambda x: 2 * x)
    apply = jit.lookup("apply").function("int(int (*)(int), int)")
    assert apply(double_it, 21) == 43
    wide = executor.callback("double(int, double, float, const char *)", note)
    assert jit.lookup("apply_wide").function("double(void *, int)")(wide, -7) == 2.25
    (first,) = seen
    assert first[:3] == (-7, 1.5, 2.5)
    assert executor.process.read(first[3], 5) == b"text\0"
    many = executor.callback("long(long, long, long, long, long, long, long, double, long)", lambda *v: int(sum(v) * 2))
    assert jit.lookup("apply_many").function("long(void *)")(many) == 91
    double_it.release()


def test_a_callback_may_call_and_link(jit: uruk.LLJIT) -> None:
    """It runs in the thread that made the call, which may use the session again."""
    thread = threading.get_ident()

    def again(x: int) -> int:
        assert threading.get_ident() == thread
        with_more = jit.add_source(text=f"int more_{x}(int a) {{ return a * 3; }}", language="c")
        value = jit.lookup(f"more_{x}").function("int(int)")(x)
        with_more.remove()
        return int(value)

    callback = jit.executor.callback("int(int)", again)
    assert jit.lookup("apply").function("int(void *, int)")(callback, 5) == 16
    callback.release()


def test_exception_in_a_callback(jit: uruk.LLJIT) -> None:
    def fail(x: int) -> int:
        raise ValueError("from the callback")

    callback = jit.executor.callback("int(int)", fail)
    apply = jit.lookup("apply").function("int(void *, int)")
    with pytest.raises(ValueError, match="from the callback"):
        apply(callback, 5)
    assert apply(jit.callback("int(int)", lambda x: x), 5) == 6


def test_arrays(jit: uruk.LLJIT) -> None:
    executor, address = jit.executor, jit.lookup("values").address
    values = executor.array(address, 4, np.int32)
    assert values.tolist() == [1, 2, 3, 4]
    total = jit.lookup("sum").function("int(void)")
    if not executor.shares_memory:
        executor.process.write(address, np.array([5, 6, 7, 8], np.int32).tobytes())
    else:
        values[:] = [5, 6, 7, 8]  # the memory itself
    assert total() == 26
    executor.process.write(address, np.array([1, 2, 3, 4], np.int32).tobytes())


def test_calls_from_many_threads(jit: uruk.LLJIT) -> None:
    add = jit.lookup("add").function("int(int, int)")
    wrong: list[object] = []

    def work(base: int) -> None:
        wrong.extend((base, at) for at in range(200) if add(base, at) != base + at)

    threads = [threading.Thread(target=work, args=(1000 * one,)) for one in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert not wrong
