"""One function that is replaced, and the copies of its code that would stay."""

from __future__ import annotations

import pytest

import uruk
from uruk.errors import NotReplaced

TEXT = (
    "int f(int x) { static int n; return x * 3 + ++n; } int g(int x) { return f(x) + 1; } int h(int x) { return g(x); }"
)


def test_one_function(jit: uruk.LLJIT) -> None:
    code = jit.add_source(text=TEXT, flags=["-O0", "-g"], replaceable=True)
    g = jit.lookup("g").function("int(int)")
    assert g(10) == 30 + 1 + 1
    for factor in range(4, 8):
        jit.replace("f", text=f"int f(int x) {{ static int n; return x * {factor} + ++n; }}")
    assert g(10) == 70 + 2 + 1
    # The code of three versions of it was given back, the first one is part of code that stays.
    jit.collect()
    assert len(code.retained) <= 1
    code.replace(text=TEXT)
    assert g(10) == 30 + 3 + 1
    with pytest.raises(uruk.InvalidValue, match="`nowhere' is not defined in dylib main"):
        jit.replace("nowhere", text="int nowhere;")
    with pytest.raises(uruk.DuplicateDefinition, match="g"):
        jit.replace("f", text=TEXT)
    assert g(10) == 30 + 4 + 1


@pytest.mark.parametrize("compiler", ["gcc", "clang-19"])
def test_inlined(jit: uruk.LLJIT, compiler: str) -> None:
    jit.add_source(
        text=TEXT,
        flags=["-O2", "-g", "-fno-semantic-interposition"],
        compiler=compiler,
        name="unit.c",
        replaceable=True,
    )
    g = jit.lookup("g").function("int(int)")
    assert g(10) == 32
    with pytest.raises(NotReplaced, match=r"`f' .*unit\.c has copies of its code in g.*: .*-fsemantic-interposition"):
        jit.replace("f", text="int f(int x) { return 0; }")
    assert g(10) == 33


def test_inlined_where_debug_information_has_no_symbols(jit: uruk.LLJIT) -> None:
    """clang's lines alone (-g1) name functions as sources do."""
    text = 'int v; namespace n { int f(int x) { return x + v; } } extern "C" int g(int x) { return n::f(x) * 2; }'
    flags = ["-O2", "-g1", "-fno-semantic-interposition"]
    jit.add_source(text=text, language="c++", compiler="clang++-19", flags=flags, replaceable=True)
    jit.lookup("g")
    with pytest.raises(NotReplaced, match=r"`_ZN1n1fEi' .* has copies of its code in g"):
        jit.replace("_ZN1n1fEi", text="namespace n { int f(int x) { return x; } }")


def test_clones(jit: uruk.LLJIT) -> None:
    text = """
        int out;
        __attribute__((noinline)) int f(int a, int b) { for (int i = 0; i < a; i++) out += b * i; return out; }
        int g(int x) { return f(x, 7) + f(x + 1, 7); }
    """
    jit.add_source(text=text, flags=["-O3", "-fipa-cp-clone", "-fno-semantic-interposition"], replaceable=True)
    jit.lookup("g")
    with pytest.raises(NotReplaced, match=r"f\.constprop\.0"):
        jit.replace("f", text="extern int out; int f(int a, int b) { return out; }")
