"""Members of structures and unions without a name are reached as in C: as if they were of the structure around them."""

from __future__ import annotations

from typing import Any

import pytest

import uruk
from uruk.c_types.declarations import prototype
from uruk.errors import InvalidValue
from uruk.executor.layouts import layout_of
from uruk.isa.abi import convention_of

from support.compiling import Compile
from support.executors import MAPPED_OR_NOT, session_in

pytestmark = [pytest.mark.any_interpreter, pytest.mark.quick]

UNNAMED = """
struct value {
    int tag;
    union { int number; double real; struct { short low, high; }; };
    const char *name;
};
struct mixed { char c; const struct { unsigned a : 3; int b : 5; }; union { float f; int i; }; };
struct pair { struct { int first; }; long second; };
union any { struct { int x, y; }; long whole; };
struct value current = {1, {.number = 70000}, "current"};
struct mixed mixed = {'h', {5, -3}, {1.0f}};
struct value table[2] = {{1, {.number = 9}}, {2}};
union any any = {{1, 2}};
int number(struct value v) { return v.number + v.tag; }
struct value made(int n) { struct value v = {n, {.real = n / 2.0}, "made"}; return v; }
int low(const struct value *v) { return v->low; }
long sum(struct pair p, union any a) { return p.first + p.second + a.x + a.y; }
double called(double (*f)(const struct value *), double x) { struct value v = {1, {.real = x}, 0}; return f(&v); }
double real(const struct value *v) { return v->real; }
"""


@pytest.mark.parametrize("family", ["gcc", "clang", "g++"])
@pytest.mark.parametrize("place", MAPPED_OR_NOT)
def test_members_without_a_name(cc: Compile, place: str, family: str) -> None:
    language = "cpp" if family == "g++" else "c"
    text = UNNAMED if language == "c" else f'extern "C" {{ {UNNAMED} }}'
    with session_in(place) as jit:
        jit.add_object(cc(text, "-g", "-O1", language=language, family="clang" if family == "clang" else "gcc"))
        check(jit)


def check(jit: Any) -> None:
    assert (jit.current.number, jit.current.low, jit.current.high) == (70000, 4464, 1)
    assert (jit.mixed.c, jit.mixed.a, jit.mixed.b, jit.mixed.f, jit.mixed.i) == (b"h", 5, -3, 1, 0x3F800000)
    assert (jit.any.x, jit.any.y, jit.any.whole) == (1, 2, 1 + (2 << 32))
    assert jit.table["number"].tolist() == [9, 0]
    assert jit.number({"tag": 1, "number": 5}) == 6
    assert jit.number({"tag": 1, "low": 2, "high": 1}) == 0x10003
    assert jit.number((1, 6, None)) == 7  # in order as in C: the first member of a union alone
    assert jit.number(jit.current) == 70001
    made = jit.made(9)
    assert (made.tag, made.real, jit.string(made.name)) == (9, 4.5, "made")
    assert (jit.number(made), jit.low([{"low": 7}])) == (9, 7)
    assert jit.sum((1, 2), {"x": 3, "y": 4}) == jit.sum({"first": 3, "second": 3}, (3, 1)) == 10
    jit.current = {"tag": 3, "real": 2.0}
    assert (jit.current.tag, jit.current.real) == (3, 2.0)
    assert jit.called(jit.lookup("real"), 1.5) == 1.5
    assert jit.number.__doc__.startswith("int number(struct value v)")
    for wrong, told in (({"tag": 1, "unnamed_1": 2}, "has no member `unnamed_1'"), ((1, 2, 3, 4), "more members")):
        with pytest.raises(uruk.InvalidType, match=told):
            jit.number(wrong)


@pytest.mark.parametrize("place", ["here", "child"])
def test_members_without_a_name_in_declarations_of_ones_own(cc: Compile, place: str) -> None:
    with uruk.LLJIT(executor=uruk.spawn() if place == "child" else None) as jit:
        jit.add_object(cc(UNNAMED))
        kind = "struct v { int tag; union { int number; double real; }; const char *name; }; "
        assert jit.lookup("number").function(kind + "int(struct v)")({"tag": 1, "number": 4}) == 5
        assert jit.lookup("made").function(kind + "struct v(int)")(3).real == 1.5


def test_structures_of_one_name_that_differ_in_such_members_are_two(cc: Compile, jit: uruk.LLJIT) -> None:
    text = "struct both {{ union {{ int {0}; float {1}; }}; }} {2} = {{ {{ 7 }} }};"
    jit.add_object(cc(text.format("x", "y", "first"), "-g"))
    jit.add_object(cc(text.format("p", "q", "second"), "-g"))
    assert (jit.first.x, jit.second.p) == (7, 7)
    with pytest.raises(AttributeError):
        _ = jit.second.x


def test_a_process_with_other_sizes_is_refused_what_is_not_known() -> None:
    function = prototype("struct l { char c; union { long x; char y; }; }; void(struct l)")
    windows = convention_of("x86_64-pc-windows-gnu")
    with pytest.raises(InvalidValue, match=r"has a member without a name, and `x' has another size in that process"):
        layout_of(function.kind.args[0], windows)
    same = prototype("struct s { char c; union { int x; char y; }; }; void(struct s)").kind.args[0]
    assert [(name, at) for name, at, _ in layout_of(same, windows).members] == [("c", 0), ("x", 4), ("y", 4)]
