"""Structures and arrays of variables are the memory itself: the same line sets a member in every process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import uruk

from support.coff_objects import compiled_text
from support.compiling import Compile
from support.executors import MAPPED_OR_NOT, session_in
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

TEXT = """
struct point { int x, y; };
struct bits { unsigned a : 3; int b : 5; _Bool c : 1; };
struct config {
    int x; double ratio; struct point at; struct point list[3]; int values[4]; char name[8];
    struct point *to; int (*f)(int); struct bits bits; union { int number; float fraction; }; long size, data;
};
struct config config = {1, 2.5, {3, 4}, {{5, 6}, {7, 8}, {9, 10}}, {1, 2, 3, 4}, "abc", 0, 0, {5, -3, 1}, {7}, 11, 12};
short numbers[2][3];
struct point table[4] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}};
struct point grid[2][2] = {{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}};
struct bits many[2] = {{1, 2, 0}, {3, 4, 1}};
const struct point fixed = {1, 2};
const struct point fixed_list[2] = {{1, 2}, {3, 4}};
int add(int x) { return x + 1; }
int get(int what) {
    switch (what) {
    case 0: return config.x; case 1: return config.at.y; case 2: return config.list[2].x;
    case 3: return config.values[1];
    case 4: return config.to ? config.to->x : -1; case 5: return config.f ? config.f(1) : -1;
    case 6: return config.bits.a * 10000 + config.bits.b * 100 + config.bits.c;
    case 7: return config.number;
    case 8: return table[3].x; case 9: return grid[1][0].y; case 10: return many[1].b; case 11: return config.size;
    case 12: return config.name[0]; case 13: return numbers[1][2]; }
    return -2;
}
int sum(struct point p) { return p.x + p.y; }
int sum_at(const struct point *p) { return p->x + p->y; }
void clear(struct point *p) { p->x = p->y = 0; }
void touch(void *p) { *(int *)p = 77; }
"""


def set_members(jit: Any) -> None:
    """Set what lies in variables, and ask linked code what it sees."""
    jit.config.x = 30
    jit.config.at.y = 40
    jit.config.list[2].x = 50
    jit.config.values = [7, 8]
    jit.config.to = jit.lookup("table")
    jit.config.number = 9
    jit.config.size = 10
    jit.config.name = b"xyz"
    jit.table[3].x = 60
    jit.grid[1, 0].y = 70
    jit.grid[1][0].x = 1
    assert [jit.get(what) for what in (0, 1, 2, 3, 4, 7, 8, 9, 11, 12)] == [30, 40, 50, 8, 1, 9, 60, 70, 10, ord("x")]
    assert (jit.config.x, jit.config.at.y, jit.config.list[2].x, jit.config.number) == (30, 40, 50, 9)
    assert list(jit.config.values) == [7, 8, 0, 0]
    jit.config.values[1] = 9
    jit.numbers[1, 2] = 5
    assert (jit.get(3), jit.get(13), jit.config.values[1], jit.numbers[1, 2]) == (9, 5, 9, 5)
    assert (jit.numbers[1, 2].dtype, jit.numbers[1].tolist(), (jit.numbers + 1).tolist()[1]) == (
        "int16",
        [0, 0, 5],
        [1, 1, 6],
    )
    assert (jit.table[-1].x, jit.table["x"].tolist(), jit.grid.shape) == (60, [1, 3, 5, 60], (2, 2))
    assert (jit.grid[1, 0].x, jit.config.data, jit.config.ratio) == (1, 12, 2.5)
    kept = jit.config  # no copy
    jit.config.x = 31
    assert kept.x == 31
    kept.at = {"x": 1, "y": 2}
    assert (jit.sum(kept.at), jit.sum(jit.table[0]), jit.sum_at(kept.at)) == (3, 3, 3)
    jit.clear(kept.at)
    assert (kept.at.x, kept.at.y) == (0, 0)
    jit.touch(kept.at)
    assert jit.config.at.x == 77
    jit.table = [{"x": 9}, (8, 7)]
    assert [(each.x, each.y) for each in jit.table] == [(9, 0), (8, 7), (0, 0), (0, 0)]


def refuse(jit: Any) -> None:
    """What is no value of a member is an error, and constants are not written."""
    with pytest.raises(OverflowError):
        jit.config.x = 1 << 31
    with pytest.raises(TypeError):
        jit.config.ratio = "text"
    with pytest.raises(AttributeError):
        jit.config.absent = 1
    with pytest.raises(AttributeError):
        jit.table[0].absent = 1
    with pytest.raises(IndexError):
        jit.table[4].x = 1
    with pytest.raises(uruk.InvalidType, match="`x' is not set: it is constant: const struct point fixed"):
        jit.fixed.x = 5
    with pytest.raises((ValueError, uruk.InvalidType)):
        jit.fixed_list[0].x = 5
    with pytest.raises(
        uruk.InvalidType, match=r"may be written, and this structure is not .it is constant: const struct point fixed"
    ):
        jit.clear(jit.fixed)
    assert (jit.fixed.x, jit.fixed_list[1].y, jit.sum(jit.fixed), jit.sum_at(jit.fixed)) == (1, 4, 3, 3)


def set_bits(jit: Any) -> None:
    """Bit-fields are where cffi has them, in processes that lay structures out as this one."""
    jit.config.f = jit.lookup("add")
    jit.config.bits.a = 6
    jit.config.bits.c = False
    jit.many[1].b = -7
    assert (jit.get(5), jit.get(6), jit.get(10)) == (2, 60000 - 300, -7)
    bits = jit.config.bits
    assert (bits.a, bits.b, bool(bits.c), jit.many[0].b) == (6, -3, False, 2)
    with pytest.raises(OverflowError):
        bits.a = 8
    assert (bits.a, bits.b) == (6, -3)


@pytest.mark.quick
@pytest.mark.parametrize("place", MAPPED_OR_NOT)
def test_members_are_set_where_they_lie(cc: Compile, place: str) -> None:
    with session_in(place) as jit:
        jit.add_object(cc(TEXT, "-g"))
        set_members(jit)
        set_bits(jit)
        refuse(jit)


PLAIN = TEXT.replace("struct bits bits;", "").replace(", {5, -3, 1}, {7}", ", {7}").replace("case 6:", "//")
"""Without bit-fields, which other processes may have elsewhere."""


def test_aarch64(cc: Compile) -> None:
    require_tool("qemu-aarch64")
    with uruk.LLJIT(executor=uruk.spawn(target="aarch64-linux")) as jit:
        jit.add_object(cc(PLAIN, "-g", "-O1", family="aarch64-gcc"))
        set_members(jit)
        refuse(jit)


def test_windows(wine: Path, tmp_path: Path) -> None:
    plain = PLAIN.replace("union { int number; float fraction; }; long", "int number; long")
    plain = plain.replace("{7}, 11", "7, 11")
    with uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows")) as jit:
        jit.add_object(compiled_text(tmp_path, "gcc-O2", "live.c", plain, "-g"))
        set_members(jit)
        refuse(jit)
