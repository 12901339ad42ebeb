"""Several pieces of code that are replaced in one step: functions and variables move from one to another."""

from __future__ import annotations

import pytest

import uruk
from uruk.errors import StaticsDiffer

from support.replacing import call, compiled

A = """
    static int own = 5;
    int shared = 7;
    int f(void) {{ own += {step}; shared += 100; return own; }}
    int a(void) {{ return shared; }}
"""
B = "extern int shared; int f(void); int b(void) {{ return {value} * f() + shared; }}"
CALLER = "int f(void); int (*pointer)(void) = f; int through(void) { return pointer(); }"


@pytest.fixture(params=["here", "wire"])
def place(request: pytest.FixtureRequest) -> uruk.LLJIT:
    return uruk.LLJIT(executor=None if request.param == "here" else uruk.spawn(shared_memory=False))


def test_functions_and_variables_move(place: uruk.LLJIT) -> None:
    with place as jit:
        first = jit.add_source(text=A.format(step=1), replaceable=True)
        second = jit.add_source(text=B.format(value=1), replaceable=True)
        jit.add_source(text=CALLER)
        held = jit.lookup("f")
        assert [call(jit, "f"), call(jit, "through"), call(jit, "b")] == [6, 7, 8 + 307]
        empty = compiled(first, "int a(void) { return 11; }", "a.c")
        both = compiled(first, A.format(step=1000).replace("int a", "int b"), "b.c")
        jit.replace_together({first: empty, second: both})
        assert [call(jit, "f"), call(jit, "through"), held.function("int(void)")()] == [1008, 2008, 3008]
        assert (jit.lookup("f"), call(jit, "b"), call(jit, "a")) == (held, 607, 11)
        with pytest.raises(uruk.UrukError, match="is in use"):
            first.remove()  # the variables lie there
        back = compiled(first, A.format(step=1), "a.c")
        again = compiled(first, B.format(value=2), "b.c")
        jit.replace_together({second: again, first: back})
        assert [call(jit, "through"), call(jit, "b"), call(jit, "a")] == [3009, 2 * 3010 + 807, 807]
        jit.collect()
        assert not first.retained
        assert not second.retained


def test_all_or_nothing(jit: uruk.LLJIT) -> None:
    first = jit.add_source(text=A.format(step=1), replaceable=True)
    second = jit.add_source(text=B.format(value=1), replaceable=True)
    jit.add_source(text=CALLER)
    assert [call(jit, "f"), call(jit, "b")] == [6, 7 + 207]
    left = compiled(first, "int a(void) { return 11; }", "a.c")
    for text, error, problem in (
        (A.format(step=5) + "int missing(void); int b(void) { return missing(); }", uruk.UndefinedSymbols, "missing"),
        (A.format(step=5).replace("int shared = 7", "long shared = 7"), StaticsDiffer, "`shared' has 8 bytes"),
    ):
        wrong = compiled(first, text.replace("int a(", "int c("), "b.c")
        with pytest.raises(error, match=problem):
            jit.replace_together({first: left, second: wrong})
        assert call(jit, "a") + 100 == call(jit, "b") - call(jit, "f") + 1
    with pytest.raises(uruk.UrukError, match="replaceable"):
        jit.replace_together({first: left, jit.add_source(text="int z;"): left})
    right = compiled(first, A.format(step=5).replace("int a(", "int b("), "b.c")
    before = call(jit, "f")
    jit.replace_together({second: right, first: left})
    assert call(jit, "through") == before + 5
