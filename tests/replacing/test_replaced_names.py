"""The names of a replaceable object: what new versions may define, and what becomes of those that they leave out."""

from __future__ import annotations

from typing import Any

import pytest

import uruk

from support.compiling import Compile
from support.replacing import call


def test_a_function_that_is_gone_is_undefined(jit: uruk.LLJIT) -> None:
    """For what is linked from then on: weak references are null, others an error; it may come back."""
    code = jit.add_source(text="int f(void) { return 1; } int g(void) { return f(); }", replaceable=True)
    asks = "__attribute__((weak)) int f(void); int {name}(void) {{ return f ? f() : -1; }}"
    jit.add_source(text=asks.format(name="before"))
    assert call(jit, "before") == 1
    held = jit.lookup("f")
    code.replace(text="__attribute__((weak)) int f(void); int g(void) { return f ? 2 : -2; }")
    jit.add_source(text=asks.format(name="after"))
    assert (call(jit, "after") & 0xFFFFFFFF, call(jit, "g") & 0xFFFFFFFF) == (0xFFFFFFFF, 0xFFFFFFFE)
    with pytest.raises(uruk.UndefinedSymbols, match="f"):
        jit.lookup("f")
    with pytest.raises(uruk.UndefinedSymbols, match="missing"):  # a failure leaves it undefined
        code.replace(text="int missing(void); int f(void) { return missing(); } int g(void) { return f(); }")
    with pytest.raises(uruk.UndefinedSymbols, match="f"):
        jit.lookup("f")
    code.replace(text="int f(void) { return 3; } int g(void) { return f(); }")
    assert (jit.lookup("f"), call(jit, "before"), call(jit, "g")) == (held, 3, 3)


def test_a_function_that_is_gone_may_be_others(jit: uruk.LLJIT) -> None:
    code = jit.add_source(text="int f(void) { return 1; } int g(void) { return f(); }", replaceable=True)
    assert call(jit, "g") == 1
    code.replace(text="int g(void) { return 2; }")
    jit.add_source(text="int f(void) { return 10; }")
    assert call(jit, "f") == 10
    with pytest.raises(uruk.DuplicateDefinition, match="`f' is defined twice"):
        code.replace(text="int f(void) { return 3; } int g(void) { return f(); }")
    assert (call(jit, "f"), call(jit, "g")) == (10, 2)
    code.replace(text="int f(void); int g(void) { return f() + 1; }")
    assert call(jit, "g") == 11


def test_functions_and_variables_are_not_exchanged(jit: uruk.LLJIT) -> None:
    code = jit.add_source(text="int v = 3; int f(void) { return 1; }", replaceable=True)
    assert call(jit, "f") == 1
    for text, problem in (
        ("int v = 3; int f = 4;", "`f' is a variable, and was a function"),
        ("int v(void) { return 4; } int f(void) { return 2; }", "`v' is a function, and was a variable"),
    ):
        for statics in ("keep", "new"):
            with pytest.raises(uruk.InvalidValue, match=problem):
                code.replace(text=text, statics=statics)
    assert call(jit, "f") == 1


def test_wrong_replacements_are_refused(jit: uruk.LLJIT) -> None:
    code = jit.add_source(text="int v = 3; int f(void) { return 1; }", replaceable=True)
    wrong: Any = 5
    for refused in (
        lambda: code.replace(wrong),
        lambda: code.replace(text=wrong),
        lambda: code.replace(text="int f(void) { return 2; }", name=wrong),
        lambda: jit.replace("f", text=wrong),
        lambda: jit.add_source(text=wrong),
        lambda: jit.add_source(wrong),
        lambda: jit.add_object(wrong),
    ):
        with pytest.raises(uruk.InvalidType, match="5"):
            refused()
    with pytest.raises(uruk.InvalidValue, match=r"`v' is a variable, and jit\.replace\(\) is for functions: set it"):
        jit.replace("v", text="int v = 4;")
    with pytest.raises(uruk.InvalidValue, match=r"two\.c does not define the function `f', which it is to replace"):
        jit.replace("f", text="int g(void) { return 2; }", name="two.c")
    assert call(jit, "f") == 1


def test_beside_members_of_archives(jit: uruk.LLJIT, cc: Compile) -> None:
    """Members are read later than objects: what is linked together with one is led through stubs all the same."""
    jit.add_archive(cc.archive("libmember.a", cc("int member(int x) { return x + 100; }", "-fPIC")))
    text = """
        #include <stdlib.h>
        int member(int);
        static int count;
        static void end(void) {{ count = 0; }}
        int f(void) {{ return member({value}) + 1000 * ++count; }}
        int (*own)(void) = f;
        int through(void) {{ return own(); }}
        void begin(void) {{ atexit(end); }}
    """
    code = jit.add_source(text=text.format(value=1), replaceable=True)
    assert call(jit, "through") == 1101
    code.replace(text=text.format(value=2))
    assert call(jit, "through") == 2102
