"""Plug-ins in a link: at every point, over columns and views; what they do is what the code then does."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import uruk
from uruk.graph.graph import Zone
from uruk.graph.verify import verify
from uruk.graph.views import GraphView
from uruk.passes import editing
from uruk.passes.faults import Fault, LinkFaults
from uruk.passes.state import State
from uruk.passes.steps import NAMED, POINTS, STEPS, check_point

from support.compiling import Compile

pytestmark = pytest.mark.quick

F = "int f(int x) { return x * 3; }"
CALLERS = """
    extern int f(int);
    int once(int x) { return f(x); }
    int twice(int x) { return f(x) + f(x + 1); }
    int (*taken(void))(int) { return f; }
"""
COUNTER = """
    extern int f(int);
    int calls;
    int counted_f(int x) { calls++; return f(x); }
    int count(void) { return calls; }
"""
FLAGS = [("-O0",), ("-O2", "-fPIC"), ("-O2", "-fno-pie"), ("-O1", "-mcmodel=large")]


def plug_in(jit: uruk.LLJIT, point: str, hook: Callable[[State], None]) -> None:
    jit.session.hooks.setdefault(point, []).append(hook)


def call(jit: uruk.LLJIT, name: str, *arguments: int) -> int:
    types = ", ".join(["int"] * len(arguments)) or "void"
    return jit.lookup(name).function(f"int({types})")(*arguments)


def count_calls(state: State) -> None:
    """Send every call of `f` to `counted_f`, except its own."""
    row = editing.symbol_row(state, "f")
    if row is None:
        return
    edges = editing.edges_to(state, row, branches=True)
    files = np.array([Path(file).name for file in state.graph.files])
    edges = edges[files[state.objects_of(edges)] != "counter.o"]
    if edges.size:
        editing.redirect(state, edges, editing.add_reference(state, "counted_f"))


@pytest.mark.parametrize("point", ["pre-prune", "post-prune", "before provided names"])
@pytest.mark.parametrize("flags", FLAGS[:3], ids=" ".join)
@pytest.mark.parametrize("apart", [False, True], ids=["one batch", "counter first"])
def test_count_calls(cc: Compile, jit: uruk.LLJIT, point: str, flags: tuple[str, ...], apart: bool) -> None:
    """`f` is in another object, linked before with the counter or together with it."""
    plug_in(jit, point, count_calls)
    objects = [cc(F, *flags, name="f"), cc(CALLERS, *flags, name="callers"), cc(COUNTER, *flags, name="counter")]
    if apart:
        jit.add_objects([objects[0], objects[2]])
        jit.lookup("counted_f")
        jit.add_object(objects[1])
    else:
        jit.add_objects(objects)
        jit.lookup_all(["once", "counted_f"])
    assert [call(jit, "once", 5), call(jit, "twice", 2)] == [15, 15]
    assert call(jit, "count") == 3
    assert call(jit, "counted_f", 4) == 12
    assert call(jit, "count") == 4
    taken = jit.lookup("taken").function("uintptr_t(void)")()
    assert ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(taken)(7) == 21
    assert call(jit, "count") == 4  # only calls were redirected


def test_a_name_that_a_pass_brings_in_is_asked_for_like_any_other(cc: Compile, jit: uruk.LLJIT) -> None:
    def to(name: str) -> Callable[[State], None]:
        def send(state: State) -> None:
            row = editing.symbol_row(state, "nobody")
            assert row is not None
            editing.redirect(state, editing.edges_to(state, row), editing.add_reference(state, name))

        return send

    jit.add_object(cc("extern int nobody(int); int f(int x) { return nobody(x); }", "-fno-builtin", name="f"))
    plug_in(jit, "post-prune", to("no_such_function"))
    with pytest.raises(uruk.UndefinedSymbols) as caught:
        jit.lookup("f")
    (missing,) = caught.value.symbols
    assert missing.name == "no_such_function"
    assert "f.o:(.text+" in missing.places[0]
    jit.session.hooks["post-prune"] = [to("abs")]
    assert call(jit, "f", -4) == 4  # and `nobody' is no longer missed


def test_bytes_patched_in_the_image(cc: Compile, jit: uruk.LLJIT) -> None:
    """At post-fixup the image has the final bytes: change the 7 in `mov $7, %eax` to 9."""

    def patch(state: State) -> None:
        view = GraphView(state)
        if "seven" not in view.symbols:
            return
        symbol = view.symbols["seven"]
        assert symbol.block is not None
        at = int(state.position[symbol.block.row]) + symbol.offset
        code = state.image[at : at + symbol.size]
        code[np.flatnonzero(code == 7)] = 9

    plug_in(jit, "post-fixup", patch)
    jit.add_object(cc("int seven(void) { return 7; }", "-O2"))
    assert call(jit, "seven") == 9


def test_edges_patched_as_columns(cc: Compile, jit: uruk.LLJIT) -> None:
    """Every reference to `numbers` means its fourth element on."""

    def skip(state: State) -> None:
        row = editing.symbol_row(state, "numbers")
        assert row is not None
        addend = state.edges.addend.copy()
        addend[editing.edges_to(state, row)] += 12
        state.edges = state.edges.replaced(addend=addend)

    plug_in(jit, "before got, stubs", skip)
    jit.add_object(
        cc("int numbers[] = {1, 2, 3, 4, 5}; int at(int n) { return numbers[n]; }", "-O1", "-fno-pie", "-mcmodel=large")
    )
    assert [call(jit, "at", 0), call(jit, "at", 1)] == [4, 5]


def test_a_block_made_zero(cc: Compile, jit: uruk.LLJIT) -> None:
    def clear(state: State) -> None:
        for block in GraphView(state).sections.get(".data.secret", []):
            editing.zero_fill(state, block.row)
        verify(state)

    source = """
        int here;
        __attribute__((section(".data.secret"))) struct { int *to; int x; } secret = {&here, 7};
        int sum(void) { return (secret.to != 0) + secret.x; }
    """
    plug_in(jit, "post-prune", clear)
    jit.add_object(cc(source))
    assert call(jit, "sum") == 0


def test_blocks_of_several_additions_that_lie_together(cc: Compile, jit: uruk.LLJIT) -> None:
    """Each addition has a buffer of its own, even where blocks lie as far apart as their contents."""
    contents = [bytes([number]) * 5 for number in range(1, 41)]  # with the name ".r", 8 bytes of the arena
    placed: list[bytes] = []

    def add(state: State) -> None:
        if editing.symbol_row(state, "f") is None:
            return
        added = [editing.add_block(state, content, Zone.R, owner=0, align=8, name=".r") for content in contents]

        def look(later: State) -> None:
            begins = later.position[added].tolist()
            placed.extend(later.image[begin : begin + 5].tobytes() for begin in begins)

        plug_in(jit, "pre-fixup", look)

    plug_in(jit, "post-prune", add)
    jit.add_object(cc(F))
    assert call(jit, "f", 5) == 15
    assert placed == contents


@pytest.mark.parametrize("flags", FLAGS[:3], ids=" ".join)
def test_a_trampoline_of_the_passes_own(cc: Compile, jit: uruk.LLJIT, flags: tuple[str, ...]) -> None:
    """A block of machine code with an edge and a symbol: calls of `f` come in with twice the argument."""

    def double(state: State) -> None:
        row = editing.symbol_row(state, "f")
        if row is None or not (calls := editing.edges_to(state, row, branches=True)).size:
            return
        code = bytes((0x01, 0xFF, 0xE9, 0, 0, 0, 0))  # add %edi,%edi; jmp f
        owner = int(state.objects_of(calls)[0])
        block = editing.add_block(state, code, Zone.RX, owner=owner, name=".text.double")
        entry = editing.add_symbol(state, block, name="double_f")
        editing.redirect(state, calls, entry)
        editing.add_edges(state, block, [3], "BranchPCRel32", [row], [-4])
        seen.append(block)
        verify(state)

    seen: list[int] = []
    plug_in(jit, "post-prune", double)
    plug_in(jit, "post-fixup", verify)
    jit.add_objects([cc(F, *flags), cc(CALLERS, *flags)])
    assert [call(jit, "once", 5), call(jit, "f", 5)] == [30, 15]
    assert seen


def test_a_static_function_is_found_in_its_file(cc: Compile, jit: uruk.LLJIT) -> None:
    path = cc("static int inner(void) { return 1; } int outer(void) { return inner(); }", "-O0", name="inner")
    rows: list[int | None] = []

    def look(state: State) -> None:
        rows.extend(
            [
                editing.symbol_row(state, "inner"),
                editing.symbol_row(state, "inner", str(path)),
                editing.symbol_row(state, "inner", "other.o"),
                editing.symbol_row(state, "never heard of"),
            ]
        )
        row = rows[1]
        assert row is not None
        assert GraphView(state).symbols[row].name == "inner"

    plug_in(jit, "pre-prune", look)
    jit.add_object(path)
    assert call(jit, "outer") == 1
    assert [row is None for row in rows] == [True, False, True, True]


def test_points_come_in_order_with_the_names_of_the_times(cc: Compile, jit: uruk.LLJIT) -> None:
    seen: list[str] = []
    for point in POINTS:
        plug_in(jit, point.name, lambda state: seen.append(state.point))
    jit.add_object(cc(F))
    jit.lookup("f")
    names = [point.name for point in POINTS]
    assert seen == names
    assert len(set(names)) == len(names) == 2 * len(STEPS) + len(NAMED)
    steps = [name for name, _ in jit.session.times if name not in names]
    assert steps == [step.name for step in STEPS]


def test_views_show_the_link_as_it_goes(cc: Compile, jit: uruk.LLJIT) -> None:
    who: dict[str, str] = {}

    def look(state: State) -> None:
        view = GraphView(state)
        who[state.point] = view.symbols["f"].provider + " / " + view.symbols["abs"].provider
        (block,) = view.sections[".text"][:1]
        assert (block.address is not None) == ("addresses" in state.passed)

    for point in ("before bind names", "pre-prune", "after resolve names", "post-fixup"):
        plug_in(jit, point, look)
    source = "extern int abs(int); int f(int x) { return abs(x); }"
    path = cc(source, "-fno-builtin", name="f")
    jit.add_object(path)
    jit.lookup("f")
    assert who == {
        "before bind names": " / ",
        "pre-prune": f"{path} / ",
        "after resolve names": f"{path} / outside",
        "post-fixup": f"{path} / outside",
    }


def test_a_point_that_is_none(cc: Compile, jit: uruk.LLJIT) -> None:
    with pytest.raises(uruk.UrukError, match=r"`after lay out' is not a point of a link; there are pre-prune.*layout"):
        check_point("after lay out")
    plug_in(jit, "post-mortem", lambda state: None)
    jit.add_object(cc(F))
    with pytest.raises(uruk.UrukError, match="`post-mortem' is not a point"):
        jit.lookup("f")
    del jit.session.hooks["post-mortem"]
    assert call(jit, "f", 2) == 6


def used(jit: uruk.LLJIT) -> int:
    return sum(slab.used for slab in jit.session.executor.memory.slabs)


@pytest.mark.parametrize("point", [point.name for point in POINTS])
def test_a_plug_in_that_raises_anywhere(cc: Compile, jit: uruk.LLJIT, point: str) -> None:
    def broken(state: State) -> None:
        raise ZeroDivisionError("in a plug-in")

    plug_in(jit, point, broken)
    jit.add_object(cc("static __thread int t = 2; int g(void) { return t; }", "-fPIC"))
    for _ in range(2):
        with pytest.raises(uruk.PassError, match="nothing of this link was kept") as caught:
            jit.lookup("g")
        assert caught.value.point == point
        assert caught.value.plugin.endswith("broken")
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert used(jit) == 0
    del jit.session.hooks[point]
    assert call(jit, "g") == 2


def test_errors_of_uruk_pass_through(cc: Compile, jit: uruk.LLJIT) -> None:
    own = uruk.LinkError("the house has rules")

    def refuse(state: State) -> None:
        raise own

    def blame(state: State) -> None:
        raise LinkFaults([Fault(np.array([0]), lambda mask: own)])

    jit.add_object(cc(F))
    for hook in (refuse, blame):
        jit.session.hooks["post-prune"] = [hook]
        with pytest.raises(uruk.LinkError) as caught:
            jit.lookup("f")
        assert caught.value is own


TOO_LATE: list[tuple[str, Callable[[State], object], str]] = [
    ("before provided names", lambda state: editing.add_reference(state, "__dso_handle"), "each module has for itself"),
    ("after provided names", lambda state: editing.add_reference(state, "abs"), "too late at `after provided names'"),
    ("after groups", lambda state: editing.symbol_row(state, "f"), "use it after `bind names'"),
    ("after got, stubs", lambda state: editing.redirect(state, np.array([0]), 1), "before `got, stubs'"),
    ("after layout", lambda state: editing.add_block(state, b"\x90"), "before `layout'"),
    ("pre-prune", lambda state: editing.add_edges(state, 0, [], "Delta32", [], []), "use it after `unwind'"),
]


@pytest.mark.parametrize(("point", "edit", "problem"), TOO_LATE, ids=[row[0] for row in TOO_LATE])
def test_edits_out_of_time(
    cc: Compile, jit: uruk.LLJIT, point: str, edit: Callable[[State], object], problem: str
) -> None:
    plug_in(jit, point, edit)  # pyright: ignore[reportArgumentType]
    jit.add_object(cc(CALLERS))
    jit.add_object(cc(F))
    with pytest.raises(uruk.PassError) as caught:
        jit.lookup("once")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("old", "now"), [("comdat", "groups"), ("eh_frame", "unwind"), ("boundaries", "provided names")]
)
@pytest.mark.parametrize("side", ["before", "after"])
def test_old_names_of_steps(cc: Compile, jit: uruk.LLJIT, side: str, old: str, now: str) -> None:
    """They mean the same points, whichever way a plug-in is added, and whoever adds it hears of the new name."""
    seen: list[str] = []

    def look(state: State) -> None:
        seen.append(state.point)

    with pytest.warns(DeprecationWarning, match=f"`{side} {old}' is called `{side} {now}' now") as caught:
        jit.add_pass(f"{side} {old}", look)
    assert caught[0].filename == __file__
    jit.add_pass(f"{side} {now}", look)
    jit.add_object(cc(F))
    assert call(jit, "f", 2) == 6
    assert seen == [f"{side} {now}"] * 2
    with pytest.warns(DeprecationWarning, match=now):
        jit.session.remove_pass(f"{side} {old}", look)
    jit.session.remove_pass(f"{side} {now}", look)
    assert not any(jit.session.hooks.values())


def test_old_and_new_names_among_hooks(cc: Compile, jit: uruk.LLJIT) -> None:
    seen: list[str] = []
    for point in ("after eh_frame", "after unwind", "post-prune"):
        plug_in(jit, point, lambda state: seen.append(state.point))
    jit.add_object(cc(F))
    with pytest.warns(DeprecationWarning, match="`after eh_frame' is called `after unwind' now"):
        jit.lookup("f")
    assert seen == ["after unwind", "after unwind", "post-prune"]


def test_a_step_that_never_was(jit: uruk.LLJIT) -> None:
    with pytest.raises(uruk.UrukError, match="`within eh_frame' is not a point"):
        jit.add_pass("within eh_frame", lambda state: None)
