"""The error for names that nobody defines: all at once, who needs them, demangled, and which library has them."""

from __future__ import annotations

import pytest

import uruk
from compiling import Compile


def caught_by(jit: uruk.LLJIT, name: str) -> uruk.UndefinedSymbols:
    with pytest.raises(uruk.UndefinedSymbols) as caught:
        jit.lookup(name)
    return caught.value


def test_all_names_in_one_error(cc: Compile, jit: uruk.LLJIT) -> None:
    source = """
        extern int one(void), two(void); extern int three;
        int a(void) { return one() + two(); }
        int b(void) { return one() + one() + three; }
    """
    jit.add_object(cc(source, "-ffunction-sections", name="needy"))
    error = caught_by(jit, "a")
    found = {symbol.name: symbol for symbol in error.symbols}
    assert sorted(found) == ["one", "three", "two"]
    assert (found["one"].count, found["two"].count, found["three"].count) == (3, 1, 1)
    assert "needy.o:(.text.a+0x" in found["two"].places[0]
    text = str(error)
    assert text.startswith("3 symbols that nothing defines:\n")
    assert "and 2 more places" in text


def test_names_are_demangled(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc.cpp("int foo(int); namespace n { struct S { void m(const char *) const; }; } "
                          'extern "C" int f() { n::S().m(""); return foo(1); }'))  # fmt: skip
    error = caught_by(jit, "f")
    assert {(symbol.name, symbol.demangled) for symbol in error.symbols} == {
        ("_Z3fooi", "foo(int)"),
        ("_ZNK1n1S1mEPKc", "n::S::m(char const*) const"),
    }
    assert "foo(int)  (_Z3fooi)" in str(error)


def test_the_hint_is_the_cure(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(
        cc("extern int omp_get_max_active_levels(void); int f(void) { return omp_get_max_active_levels(); }")
    )
    error = caught_by(jit, "f")
    assert error.symbols[0].hint == "defined in libgomp.so.1: add -l gomp"
    assert "add -l gomp" in str(error)
    jit.add_library(":libgomp.so.1")
    assert jit.lookup("f").function("int(void)")() > 0


def test_a_name_that_is_only_looked_up(jit: uruk.LLJIT) -> None:
    error = caught_by(jit, "_Z3barv")
    assert str(error) == "1 symbol that nothing defines:\n  bar()  (_Z3barv)  looked up"
    assert error.symbols[0].places == ()


def test_a_hidden_name(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(
        cc('__attribute__((visibility("hidden"))) int inner(void) { return 3; } int outer(void) { return inner(); }')
    )
    jit.add_object(cc("extern int inner(void); int friend_(void) { return inner(); }"))
    assert jit.lookup("outer").function("int(void)")() == 3
    assert "hidden" in str(caught_by(jit, "inner"))
    assert jit.lookup("friend_").function("int(void)")() == 3


def test_a_long_list_is_shortened(cc: Compile, jit: uruk.LLJIT) -> None:
    names = [f"missing_{number:03}" for number in range(120)]
    declarations = "".join(f"extern int {name}(void);" for name in names)
    calls = "+".join(f"{name}()" for name in names)
    jit.add_object(cc(f"{declarations} int f(void) {{ return {calls}; }}"))
    error = caught_by(jit, "f")
    assert len(error.symbols) == 120
    assert "and 70 more" in str(error)


def test_dead_code_needs_nothing(cc: Compile, jit: uruk.LLJIT) -> None:
    template = (
        'template <class T> T twice(T x) {{ return x + {extra}; }} extern "C" int {name}(int x) {{ return twice(x); }}'
    )
    jit.add_object(cc.cpp(template.format(extra="x", name="one")))
    jit.add_object(cc.cpp("extern int nobody(int);" + template.format(extra="nobody(x)", name="two")))
    assert jit.lookup("two").function("int(int)")(4) == 8
