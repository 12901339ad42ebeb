"""Arrays of linked code take what their items do in C, as scalars and members do: nothing is cut, parsed or wrapped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import uruk

from support.compiling import Compile

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

SOURCE = """
enum sign { MINUS = -1, PLUS = 1 } signs[3] = {MINUS, PLUS, MINUS};
unsigned small[3] = {1, 2, 3};
_Bool flags[3] = {1, 0, 1};
double numbers[3] = {1, 2, 3};
char text[3];
struct flexible { int count; short items[]; } flexible = {2, {3, 4}};
__attribute__((visibility("hidden"))) int own = 5;
int sum(void) { return signs[0] + signs[1] + signs[2] + own; }
"""
REFUSED: tuple[tuple[str, Any], ...] = (
    ("signs", [1.9, 2, 3]),
    ("signs", 1.9),
    ("signs", "7"),
    ("signs", ["7", 1, 1]),
    ("signs", [None, 1, 1]),
    ("signs", np.array([1.5, 1, 1])),
    ("flags", [0.5, 0, 0]),
    ("flags", "1"),
    ("numbers", ["1", 2, 3]),
    ("text", [b"a", b"b", b"c"]),
)
TOO_LARGE: tuple[tuple[str, Any], ...] = (
    ("signs", np.array([1 << 40, 1, 1])),
    ("signs", [np.int64(1 << 40), 1, 1]),
    ("signs", [1 << 70, 1, 1]),
    ("small", np.array([-1, 0, 0])),
    ("flags", [2, 0, 0]),
)
STORED: tuple[tuple[str, Any], ...] = (
    ("signs", [True, np.int8(-1), 1]),
    ("small", np.array([1, 2, 1 << 31])),
    ("flags", np.array([True, False, False])),
    ("numbers", [1, 2.5, True]),
    ("text", b"ab"),
)


@pytest.mark.parametrize("place", ["here", "messages"])
def test_items_of_arrays(cc: Compile, tmp_path: Path, place: str) -> None:
    executor = None if place == "here" else uruk.spawn(shared_memory=False)
    with uruk.LLJIT(executor=executor) as jit:
        jit.add_object(cc(SOURCE, "-g", "-fPIC"))
        for name, value in REFUSED:
            with pytest.raises(uruk.InvalidType, match=rf"{name}\[3\]' does not take this value: its items are"):
                setattr(jit, name, value)
        for name, value in TOO_LARGE:
            with pytest.raises(OverflowError, match="does not fit items of"):
                setattr(jit, name, value)
        assert jit.sum() == 4  # as it was
        for name, value in STORED:
            setattr(jit, name, value)
        assert jit.sum() == 6
        assert jit.small.tolist() == [1, 2, 1 << 31]
        assert [jit.flags.tolist(), jit.numbers.tolist(), bytes(jit.text)] == [
            [True, False, False],
            [1, 2.5, 1],
            b"ab\0",
        ]
        with pytest.raises(uruk.InvalidType, match=r"`flexible' is not read .*`short\[\]' has no fixed size"):
            jit.flexible  # noqa: B018
        with pytest.raises(AttributeError, match=r"undefined symbol: own .*; it is hidden"):
            jit.own  # noqa: B018


def test_references_are_not_set(cc: Compile) -> None:
    """Their memory cannot be written: that ended the process."""
    with uruk.LLJIT() as jit:
        jit.add_object(cc.cpp("int base = 5; int &name = base; typedef int &ref; ref other = base;", "-g", "-fPIC"))
        for name in ("name", "other"):
            with pytest.raises(uruk.InvalidType, match="is not set: it is a reference, which C"):
                setattr(jit, name, 7)
            assert jit.array(getattr(jit, name), 1, "int32").tolist() == [5]
