"""Structures by value, in calls of what compilers make of made-up types: each target's rules, seen by its compilers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import uruk
from uruk.errors import InvalidValue

from support.coff_objects import compiled_text
from support.compiling import Compile
from support.requirements import require_tool
from support.structures import Calls

COUNT = 80


@pytest.mark.parametrize("family", ["gcc", "clang"])
def test_x86_64_linux(cc: Compile, family: str) -> None:
    calls = Calls(1, COUNT)
    with uruk.LLJIT(executor=uruk.spawn()) as jit:
        jit.add_object(cc(calls.source, "-O1", family=family))
        calls.check(jit)
        assert calls.check_callbacks(jit) > COUNT // 2


def test_aarch64_linux(cc: Compile) -> None:
    require_tool("qemu-aarch64")
    calls = Calls(2, COUNT)
    with uruk.LLJIT(executor=uruk.spawn(target="aarch64-linux")) as jit:
        jit.add_object(cc(calls.source, "-O1", family="aarch64-gcc"))
        calls.check(jit)
        assert calls.check_callbacks(jit) == COUNT  # large structures go by reference


def test_x86_64_windows(wine: Path, tmp_path: Path) -> None:
    calls = Calls(3, COUNT)
    for compiler in ("gcc-O2", "clang-msvc-O2", "clang-gnu"):
        with uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows")) as jit:
            jit.add_object(compiled_text(tmp_path, compiler, "calls.c", calls.source))
            calls.check(jit)
            assert calls.check_callbacks(jit) == COUNT


def test_this_process(cc: Compile, jit: uruk.LLJIT) -> None:
    """The same prototypes and values, but for unions and pointers, which cffi takes otherwise or not."""
    calls = Calls(4, COUNT // 2, unions=False, pointers=False)
    jit.add_object(cc(calls.source, "-O1"))
    calls.check(jit)


POINT = "typedef struct { int x, y; } point;"
ROW = "typedef struct { char name[8]; const char *text; point at[2]; union { int i; float f; } u; } row;"
SOURCE = f"""
    {POINT} {ROW}
    row changed(row r) {{ r.name[0] = 'A'; r.at[1] = r.at[0]; r.u.i++; return r; }}
    point next(point p) {{ p.x++; return p; }}
    long long address(row r) {{ return (long long)r.text; }}
"""


@pytest.fixture
def session(cc: Compile) -> Iterator[uruk.LLJIT]:
    with uruk.LLJIT(executor=uruk.spawn()) as jit:
        jit.add_object(cc(SOURCE, "-O1"))
        yield jit


def test_values(session: uruk.LLJIT) -> None:
    """Members are given in order, by name, or as attributes; a result can be passed again."""
    move = session.lookup("next").function(POINT + "point(point)")
    first = move({"x": 4})
    assert (first.x, first.y) == (5, 0)
    assert move(first) == move([5, 0])
    assert repr(move(first)) == "<point: x=6, y=0>"
    assert list(move(type("Point", (), {"x": 1, "y": 2})())) == [2, 2]
    changed = session.lookup("changed").function(POINT + ROW + "row(row)")
    row = changed((b"name", 0x1234, [(1, 2), {"y": 5}], {"f": 0.0}))
    assert row.name == b"Aame\0\0\0\0"
    assert row.text == 0x1234
    assert [list(each) for each in row.at] == [[1, 2], [1, 2]]
    assert row.u.i == 1
    assert session.lookup("address").function(POINT + ROW + "long long(row)")(row) == 0x1234


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ((1, 2, 3), "more members"),
        ({"z": 1}, "no member `z'"),
        (5, "no value of `point'"),
        ("xy", "no value of `point'"),
    ],
)
def test_wrong_values(session: uruk.LLJIT, value: object, problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        session.lookup("next").function(POINT + "point(point)")(value)
    with pytest.raises(OverflowError, match=f"{1 << 31} does not fit `int'"):
        session.lookup("next").function(POINT + "point(point)")((1 << 31,))


@pytest.mark.parametrize(
    ("prototype", "problem"),
    [
        ("int(struct { int a : 3; })", "`a': compilers disagree"),
        ("int(struct { char a; struct { int b : 3; int c; }; })", "`b': compilers disagree"),
        ("int(struct { int a[]; })", "`struct' has no bytes"),
        ("int(struct { int a[0]; })", "`struct' has no bytes"),
        ("int(struct { int n; int a[]; })", "no fixed size"),
        ("int(struct {})", "`struct' has no bytes"),
        ("int(struct unknown)", "incomplete type"),
        ("struct { int a; int(void)", "not a C function type"),
    ],
)
def test_refused_types(session: uruk.LLJIT, prototype: str, problem: str) -> None:
    with pytest.raises(InvalidValue, match=problem):
        session.lookup("next").function(prototype)


def test_an_exception_in_a_callback(session: uruk.LLJIT, cc: Compile) -> None:
    """The result is zeros, in memory, too: the caller reads what the address of the result is of."""
    session.add_object(cc(f"{POINT} {ROW} row apply(row (*f)(point)) {{ return f((point){{1, 2}}); }}"))
    types = POINT + ROW
    apply = session.lookup("apply").function(types + "row(void *)")
    callback = session.executor.callback(types + "row(point)", lambda point: (b"name", 5, [point, point], (7,)))
    assert [list(each) for each in apply(callback).at] == [[1, 2], [1, 2]]
    wrong = session.executor.callback(types + "row(point)", lambda point: point.z)
    with pytest.raises(AttributeError, match="no member `z'"):
        apply(wrong)
    check = f"{POINT} {ROW} int zeros(row (*f)(point)) {{ row r = f((point){{1, 2}}); return r.name[0] | r.at[1].y; }}"
    session.add_object(cc(check))
    seen = session.lookup("zeros").function(types + "int(void *)")
    assert seen(callback) == ord("n") | 2
    with pytest.raises(AttributeError):
        seen(wrong)


def test_a_name_may_be_declared_again(session: uruk.LLJIT) -> None:
    """Each prototype has its own types, whether in front of it or in it."""
    wide = session.lookup("next").function("struct p { int x, y; } (struct p)")
    narrow = session.lookup("next").function("struct p { int x; short y, z; } (struct p)")
    assert wide((1, 0x20003)).y == 0x20003
    assert (narrow((1, 3, 2)).y, narrow((1, 3, 2)).z) == (3, 2)
