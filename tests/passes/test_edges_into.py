"""What refers to a static function: its section and an offset, as compilers and assemblers write it."""

from __future__ import annotations

from pathlib import Path

import pytest

import uruk
from uruk.passes import editing
from uruk.passes.state import State

from support.compiling import Compile
from support.leading import leads_to

pytestmark = pytest.mark.any_interpreter

TEXT = """
    __attribute__((noinline)) static int other(int x) { return x * 5 + 1; }
    __attribute__((noinline)) static int helper(int x) { return x * 3 + 1; }
    int (*pointer)(int) = helper;
    int first(int x) { return helper(x) + other(x) + 2; }
    int second(int x) { return helper(x) + 4; }
"""


@pytest.mark.parametrize("family", ["gcc", "clang"])
@pytest.mark.parametrize("sections", [["-ffunction-sections"], []], ids=["sections", "one section"])
def test_calls_of_static_functions(cc: Compile, jit: uruk.LLJIT, family: str, sections: list[str]) -> None:
    unit = cc(TEXT, "-O1", *sections, family=family)
    found: dict[str, list[str]] = {}

    def look(state: State) -> None:
        row = editing.symbol_row(state, "helper", str(unit))
        if row is None:
            return
        for name, edges in (
            ("calls", editing.edges_into(state, row, branches=True)),
            ("all", editing.edges_into(state, row)),
        ):
            places = [state.place_of(int(edge)) for edge in edges.tolist()]
            found[name] = [Path(place.partition(":(")[0]).name + place.partition(":(")[2] for place in places]

    jit.add_pass("post-prune", look)
    jit.add_object(unit)
    assert jit.lookup("first").function("int(int)")(1) == 12
    calls = {place.partition("+")[0].removeprefix("unit.o") for place in found["calls"]}
    if sections:  # in one section the assembler resolves calls by itself
        assert calls == {".text.first", ".text.second"}
        assert len(found["calls"]) == 2
    else:
        assert calls == set()
    rest = [place for place in found["all"] if place not in found["calls"]]
    assert [place.removeprefix("unit.o").startswith(".data") for place in rest] == [True]


@pytest.mark.parametrize("point", ["pre-prune", "post-prune"])
def test_unwind_data_stays_with_its_function(cc: Compile, point: str) -> None:
    """All that means a function is led elsewhere, and exceptions still go through it."""
    thrower = cc.cpp(
        """
        extern "C" __attribute__((noinline)) int may_throw(int x) { if (x > 3) throw x; return x; }
        extern "C" int caught(int x) { try { return may_throw(x); } catch (int got) { return -got; } }
        """,
        "-O1", "-fPIC", "-ffunction-sections",
    )  # fmt: skip
    wrapper = cc.cpp(
        'extern "C" { int may_throw(int); int counted(int x) { return may_throw(x) + 1000; } }',
        "-O1", "-fPIC", name="wrapper",
    )  # fmt: skip

    with uruk.LLJIT(executor=uruk.spawn()) as jit:
        jit.add_pass(point, leads_to(wrapper, "may_throw", "counted"))
        jit.add_library("stdc++")
        jit.add_objects([thrower, wrapper])
        jit.lookup("counted")
        caught = jit.lookup("caught").function("int(int)")
        assert [caught(1), caught(5)] == [1001, -5]
