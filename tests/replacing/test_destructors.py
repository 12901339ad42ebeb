"""Destructors and initialisers of versions that go: each is of the version that made the variable."""

from __future__ import annotations

import struct

import pytest

import uruk

CODE = """
    #include <signal.h>
    extern "C" int order[20], at;
    struct Inner {{ int tag; Inner() : tag({value}) {{}} ~Inner(); }};
    Inner::~Inner() {{ order[at++] = 10 * {value} + tag; }}
    struct Outer {{ Inner inner; ~Outer(); }};
    Outer::~Outer() {{ order[at++] = 100 * {value}; }}
    {variables}
    extern "C" int f() {{ return {value}; }}
"""
FAILS = "static struct Fails { Fails() { raise(SIGINT); } } fails;"


def add(jit: uruk.LLJIT, variables: str) -> uruk.ResourceTracker:
    jit.add_source(text="int order[20]; int at;")
    return jit.add_source(text=CODE.format(value=1, variables=variables), language="c++", replaceable=True)


def order(jit: uruk.LLJIT) -> list[int]:
    (count,) = struct.unpack("i", jit.read(jit.lookup("at"), 4))
    return list(struct.unpack(f"{count}i", jit.read(jit.lookup("order"), 4 * count)))


@pytest.mark.parametrize("where", ["here", "wire"])
def test_old_variables_have_old_destructors(where: str) -> None:
    """And these call the old version's functions; afterwards everything leads to the new one."""
    with uruk.LLJIT(executor=None if where == "here" else uruk.spawn(shared_memory=False)) as jit:
        _replace_with_variables(jit)


def _replace_with_variables(jit: uruk.LLJIT) -> None:
    code = add(jit, "static Outer one;")
    f = jit.lookup("f").function("int(void)")
    assert f() == 1
    code.replace(text=CODE.format(value=2, variables="static Outer one;"), statics="new")
    assert (f(), order(jit)) == (2, [100, 11])
    code.replace(text=CODE.format(value=3, variables="static Outer one;"))
    code.remove()
    assert order(jit)[2:] == [300, 32]  # a kept variable has the newest


def test_initialisers_of_old_versions_do_not_run_again(jit: uruk.LLJIT) -> None:
    code = add(jit, "static Outer one;")
    jit.lookup("f")
    code.replace(text=CODE.format(value=2, variables="static Outer one;"), statics="new")
    jit.collect()
    jit.deinitialize()
    jit.initialize()
    assert order(jit) == [100, 11, 200, 22]
    code.remove()
    assert order(jit)[4:] == [200, 22]


@pytest.mark.parametrize(("statics", "variable"), [("new", "static Inner one;"), ("keep", "Inner two;")])
def test_a_version_whose_initialisers_fail(jit: uruk.LLJIT, statics: str, variable: str) -> None:
    """What they have made is destroyed by its own code, and the old version goes on; here by a Ctrl-C that comes."""
    code = add(jit, "static Inner one;" if statics == "new" else "")
    f = jit.lookup("f").function("int(void)")
    assert f() == 1
    with pytest.raises(KeyboardInterrupt):
        code.replace(text=CODE.format(value=2, variables=variable + FAILS), statics=statics)
    assert (f(), order(jit)) == (1, [22])
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("two")
    code.replace(text=CODE.format(value=3, variables=variable), statics=statics)
    assert (f(), order(jit)[1:]) == (3, [11] if statics == "new" else [])
    code.remove()
    assert order(jit)[-1] == 33


def test_a_version_with_initialisers_only(jit: uruk.LLJIT) -> None:
    """It has no name by which it would be found, and is linked all the same."""
    jit.add_source(text="int count; int get(void) { return count; }")
    code = jit.add_source(text="int f(void) { return 1; }", replaceable=True)
    jit.lookup("f")
    only = "extern int count; __attribute__((constructor)) static void begin(void) { count += 5; }"
    code.replace(text=only, statics="new")
    assert jit.lookup("get").function("int(void)")() == 5
    code.replace(text="int f(void) { return 2; }")
    assert jit.lookup("f").function("int(void)")() == 2
