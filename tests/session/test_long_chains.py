"""Long chains: no recursion that overflows, nothing quadratic."""

from __future__ import annotations

import time

import pytest

import uruk

from support.compiling import Compile
from support.small import FUNCTION, call, returns

LINK = b"f_0000", b"g_0000"


def template(cc: Compile) -> bytes:
    return cc("extern int g_0000(void); int f_0000(void) { return g_0000() + 1; }", "-O1").read_bytes()


def number(data: bytes, mine: int, other: int) -> bytes:
    return data.replace(LINK[0], b"n_%04d" % mine).replace(LINK[1], b"n_%04d" % other)


def seconds_for_units(cc: Compile, count: int, workers: int) -> float:
    """A lookup of the first of `count` units, each of which needs the next one's symbol."""
    data = template(cc)
    dispatcher = uruk.ThreadPoolDispatcher(workers) if workers else uruk.InlineDispatcher()
    with uruk.LLJIT(dispatcher=dispatcher) as jit:
        jit.add_object(cc(returns(f"n_{count:04}", 0)))
        for one in range(count):
            made = number(data, one, one + 1)
            jit.add_unit(uruk.FunctionUnit({f"n_{one:04}": FUNCTION}, lambda _, made=made: made))
        begin = time.perf_counter()
        first = jit.lookup("n_0000")
        taken = time.perf_counter() - begin
        assert first.function("int(void)")() == count
        return taken


@pytest.mark.parametrize("workers", [0, 2])
def test_a_thousand_units_that_need_each_other_in_a_row(cc: Compile, workers: int) -> None:
    """Ten times the units cost about ten times as much; 25 leaves room for a busy machine, 100 would be quadratic."""
    small = min(seconds_for_units(cc, 100, workers) for _ in range(3))
    large = min(seconds_for_units(cc, 1000, workers) for _ in range(2))
    print(f"100 units: {small:.3f} s, 1000: {large:.3f} s")
    assert large < 25 * small


def test_a_failure_at_the_end_of_a_thousand(cc: Compile, jit: uruk.LLJIT) -> None:
    data = template(cc)

    def fail(responsibility: uruk.MaterializationResponsibility) -> None:
        raise ValueError("the last one")

    for one in range(1000):
        jit.add_object(number(data, one, one + 1))
    jit.add_unit(uruk.FunctionUnit({"n_1000": FUNCTION}, fail))
    with pytest.raises(uruk.MaterializationError, match="the last one") as caught:
        jit.lookup("n_0000")
    assert len(caught.value.poisoned) == 1000
    assert len(str(caught.value)) < 1000


def test_three_thousand_dylibs_in_a_row(cc: Compile, jit: uruk.LLJIT) -> None:
    """Each in the link order of the next; an initialiser at the far end runs first."""
    low = jit.create_dylib("low")
    jit.add_object(cc("static int on; __attribute__((constructor)) static void b(void) { on = 5; } "
                      "int f(void) { return on; }"), dylib=low)  # fmt: skip
    last = low
    for one in range(3000):
        last = jit.create_dylib(f"d{one}", [last])
    jit.add_object(cc(returns("g", 3)), dylib=last)
    assert call(jit, "g", last) == 3
    assert call(jit, "f", low) == 5
    last.initialize()
    last.deinitialize()


def test_a_long_chain_of_aliases(jit: uruk.LLJIT) -> None:
    jit.define("a0", 4096)
    for one in range(1, 500):
        jit.alias({f"a{one}": f"a{one - 1}"})
    assert jit.lookup("a499").address == 4096
