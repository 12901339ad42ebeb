"""Static variables of objects as attributes: where they lie beside others, and what is refused, with the reason."""

from __future__ import annotations

import re

import pytest

import uruk

from support.compiling import Compile

pytestmark = [pytest.mark.any_interpreter, pytest.mark.quick]

TEXT = """
struct point { int x, y; };
static int hidden = 3;
static struct point origin = {1, 2};
int counter = 1;
int sum(void) { return ++hidden + origin.x * origin.y * counter; }
static int function(int x) { return x; }
int (*kept)(int) = function;
"""


@pytest.mark.parametrize("place", ["here", "child"])
@pytest.mark.parametrize("language", ["c", "cpp"])
def test_static_variables_of_code_without_optimisation(cc: Compile, place: str, language: str) -> None:
    with uruk.LLJIT(executor=uruk.spawn() if place == "child" else None) as jit:
        jit.add_object(
            cc(TEXT.replace("int sum", 'extern "C" int sum') if language == "cpp" else TEXT, "-g", language=language)
        )
        assert (jit.hidden, jit.origin.y) == (3, 2)
        jit.hidden = 10
        jit.origin.x = 5
        assert (jit.sum(), jit.hidden) == (21, 11)
        with pytest.raises(AttributeError, match="`function' is not set: it is a function"):
            jit.function = 3


@pytest.mark.parametrize(("family", "flag"), [("gcc", "-O2"), ("clang", "-O0")])
def test_what_may_be_a_constant_of_the_code_is_read_and_not_set(cc: Compile, family: str, flag: str) -> None:
    with uruk.load(cc(TEXT, "-g", flag, family=family)) as loaded:
        assert loaded.hidden == 3
        with pytest.raises(
            uruk.InvalidType, match="`hidden' is not set: it is static, and a compiler that optimises may"
        ):
            loaded.hidden = 5
        assert loaded.sum() == 6


def test_static_variables_that_are_not_found(cc: Compile, jit: uruk.LLJIT) -> None:
    one, other = cc(TEXT, "-g"), cc("static int hidden = 4; int shown = 5; int get(void) { return hidden; }", "-g")
    first = jit.add_object(one, "one.o")
    jit.add_object(other, "other.o")
    told = "`hidden' is no attribute: several static functions or variables have this name (one.o, other.o)"
    with pytest.raises(AttributeError, match=re.escape(told)):
        _ = jit.hidden
    with pytest.raises(AttributeError, match=re.escape(told)):
        jit.hidden = 3
    first.remove()
    assert jit.hidden == jit.get() == 4
    jit.add_object(cc("static int apart = 4; int use(void) { return apart; }", "-g", "-fdata-sections"), "apart.o")
    told = "it is static in apart.o, and its address is not known: in its section is no variable that others see"
    with pytest.raises(AttributeError, match=re.escape(told)):
        _ = jit.apart
