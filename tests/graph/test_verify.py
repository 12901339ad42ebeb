"""The invariants of the columns: graphs of real compilers keep them; each violation is found and named."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from uruk.errors import InternalError
from uruk.graph.arena import Arena
from uruk.graph.graph import Fallbacks, Graph, assemble
from uruk.graph.verify import verify
from uruk.lljit import LLJIT
from uruk.passes.state import State
from uruk.passes.steps import POINTS

from support.compiling import Compile
from support.golden_files import OBJECTS, object_bytes, read_graph
from support.linking import batch
from support.requirements import require_tool

pytestmark = pytest.mark.quick

SOURCE = """
#include <stdexcept>
#include <string>
thread_local int counter = 3;
int common[1000];
template <class T> struct Box { T value; Box(T v) : value(v) { if (!v) throw std::runtime_error("zero"); } };
struct Boot { std::string text; Boot() : text("boot") {} ~Boot() {} } boot;
extern "C" int work(int n) {
  try { Box<int> box(n); return box.value + counter++ + common[n]; }
  catch (const std::exception &error) { return -1; }
}
"""


def make() -> Graph:
    return read_graph(*((f"{name}.o", object_bytes(name)) for name in OBJECTS))[0]


def test_read_graphs_are_sound() -> None:
    graph = make()
    verify(graph)
    verify(replace(graph, edges=None))
    verify(read_graph(("minimal.o", object_bytes("minimal")))[0])


def test_assembled_graphs_are_sound() -> None:
    graph = make()
    other = read_graph(*((f"{name}.o", object_bytes(name)) for name in reversed(OBJECTS)))[0]
    verify(assemble([(graph, 1, 2), (other, 0, 2), (graph, 0, 1)]))


@pytest.mark.parametrize("compiler", ["g++", "clang++-19"])
def test_every_stage_of_a_link_is_sound(compiler: str, tmp_path: Path) -> None:
    (tmp_path / "work.cc").write_text(SOURCE)
    for flags in ("-O0", "-O2"):
        command = [require_tool(compiler), flags, "-fPIC", "-ffunction-sections", "-c", "work.cc"]
        subprocess.run(command, check=True, cwd=tmp_path)
        stages: list[str] = []

        def check(state: State, stages: list[str] = stages) -> None:
            verify(state)
            stages.append("checked")

        with LLJIT() as jit:
            for point in POINTS:
                jit.session.hooks[point.name] = [check]
            jit.add_library("stdc++")
            jit.add_object(tmp_path / "work.o")
            work = jit.lookup("work").function(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int))
            assert (work(1), work(0)) == (4, -1)
        assert len(stages) >= len(POINTS)


def broken(table: str, column: str, change: Callable[[np.ndarray], None]) -> Graph:
    """A graph with one column changed."""
    graph = make()
    values = getattr(getattr(graph, table), column).copy()
    change(values)
    return replace(graph, **{table: replace(getattr(graph, table), **{column: values})})


def put(row: int, value: int) -> Callable[[np.ndarray], None]:
    """Write one row of a column."""

    def change(values: np.ndarray) -> None:
        values[row] = value

    return change


VIOLATIONS = [
    ("blocks", "object", put(0, 1), "blocks.object: row 0 contradicts ranges.blocks (it is 1)"),
    ("blocks", "text", put(2, 1 << 40), "blocks.text: row 2 is no arena offset"),
    ("blocks", "content", put(0, 1 << 40), "blocks.content: row 0 is no arena offset"),
    ("blocks", "size", put(0, -1), "blocks.size: row 0 is negative (it is -1)"),
    ("blocks", "size", put(0, 1 << 40), "blocks.content: row 0 ends behind its buffer"),
    ("blocks", "align", put(0, 12), "blocks.align: row 0 is no power of two (it is 12)"),
    ("blocks", "align", put(0, 0), "blocks.align: row 0 is no power of two (it is 0)"),
    ("blocks", "zone", put(1, 9), "blocks.zone: row 1 is an unknown number (it is 9)"),
    ("blocks", "role", put(1, 99), "blocks.role: row 1 is an unknown number (it is 99)"),
    ("blocks", "group", put(-1, 0), "blocks.group: row 14 is a group of another object"),
    ("blocks", "group", put(0, 7), "blocks.group: row 0 is no group of [-1, 1) (it is 7)"),
    ("groups", "name", put(0, -1), "groups.name: row 0 is no name"),
    ("groups", "object", put(0, 1), "groups.object: row 0 contradicts ranges.groups"),
    ("symbols", "kind", put(1, 5), "symbols.kind: row 1 is an unknown number (it is 5)"),
    ("symbols", "binding", put(1, 7), "symbols.binding: row 1 is an unknown number"),
    ("symbols", "type", put(1, 9), "symbols.type: row 1 is an unknown number"),
    ("symbols", "visibility", put(1, 4), "symbols.visibility: row 1 is an unknown number"),
    ("symbols", "name", put(1, 0), "symbols.name: row 1 is interned, but the symbol is local"),
    ("symbols", "name", put(-1, -2), "is no name of [-1, "),
    ("symbols", "block", put(1, 99), "symbols.block: row 1 is no block of [-1, 15) (it is 99)"),
    ("symbols", "block", put(0, 0), "symbols.block: row 0 is a block, but the symbol is in none"),
    ("symbols", "block", put(-1, 0), "is a block of another object"),
    ("symbols", "block", put(-1, -1), "is -1, but the symbol is defined"),
    ("symbols", "value", put(-1, 1 << 20), "lies behind its block (it is 1048576)"),
    ("symbols", "size", put(3, -5), "symbols.size: row 3 is negative (it is -5)"),
    ("relocations", "block", put(0, 99), "relocations.block: row 0 is no block"),
    ("relocations", "block", put(0, 9), "relocations.block: row 0 is larger than the next row's"),
    ("relocations", "block", put(-1, 14), "is of another object"),
    ("relocations", "content", put(0, -1), "relocations.content: row 0 is no arena offset"),
    ("relocations", "count", put(0, -1), "relocations.count: row 0 is negative"),
    ("edges", "block", put(0, -1), "edges.block: row 0 is no block"),
    ("edges", "block", put(0, 6), "edges.block: row 0 is larger than the next row's"),
    ("edges", "offset", put(0, -1), "edges.offset: row 0 is a field outside its block"),
    ("edges", "offset", put(0, 0x50), "edges.offset: row 0 is a field outside its block (it is 80)"),
    ("edges", "kind", put(0, 200), "edges.kind: row 0 is no kind"),
    ("edges", "target", put(0, 999), "edges.target: row 0 is no symbol"),
    ("edges", "target", put(0, 23), "edges.target: row 0 is a symbol of another object"),
    ("blocks", "text", put(2, -2), "blocks.text: row 2 is no arena offset of [-1, 3904) (it is -2)"),
    ("blocks", "text", put(2, 3904), "blocks.text: row 2 is no arena offset of [-1, 3904) (it is 3904)"),
    ("blocks", "content", put(0, 3905), "blocks.content: row 0 is no arena offset of [-1, 3905) (it is 3905)"),
    ("blocks", "content", put(0, -2), "blocks.content: row 0 is no arena offset of [-1, 3905) (it is -2)"),
    ("blocks", "size", put(0, 3904 - 80 + 1), "blocks.content: row 0 ends behind its buffer (it is 80)"),
    ("blocks", "group", put(0, 1), "blocks.group: row 0 is no group of [-1, 1) (it is 1)"),
    ("blocks", "group", put(0, -2), "blocks.group: row 0 is no group of [-1, 1) (it is -2)"),
    ("groups", "leader", put(0, 0), "groups.leader: row 0 is a block of another group (it is 0)"),
    ("groups", "leader", put(0, 15), "groups.leader: row 0 is no block of [-1, 15) (it is 15)"),
    ("groups", "leader", put(0, -2), "groups.leader: row 0 is no block of [-1, 15) (it is -2)"),
    ("symbols", "text", put(1, 3904), "symbols.text: row 1 is no arena offset of [-1, 3904) (it is 3904)"),
    ("symbols", "block", put(1, 15), "symbols.block: row 1 is no block of [-1, 15) (it is 15)"),
    ("symbols", "value", put(3, 84), "symbols.value: row 3 lies behind its block (it is 84)"),
    ("relocations", "block", put(-1, 15), "is no block of [0, 15) (it is 15)"),
    ("relocations", "content", put(-1, 3905), "is no arena offset of [0, 3905) (it is 3905)"),
    ("edges", "block", put(-1, 15), "edges.block: row 16 is no block of [0, 15) (it is 15)"),
    ("edges", "offset", put(-1, 45), "edges.offset: row 16 is a field outside its block (it is 45)"),
    ("edges", "kind", put(0, 32), "edges.kind: row 0 is no kind of [0, 32) (it is 32)"),
    ("edges", "target", put(0, 24), "edges.target: row 0 is no symbol of [0, 24) (it is 24)"),
    ("edges", "target", put(0, -1), "edges.target: row 0 is no symbol of [0, 24) (it is -1)"),
    ("ranges", "blocks", put(-1, 14), "ranges.blocks: ends at 14, the table at 15"),
    ("ranges", "blocks", put(0, 1), "ranges.blocks: row 0 is 1, not 0"),
    ("ranges", "symbols", put(1, 99), "ranges.symbols: row 1 is larger than the next one (it is 99)"),
    ("ranges", "groups", put(-1, 5), "ranges.groups: ends at 5, the table at 1"),
]


@pytest.mark.parametrize(("table", "column", "change", "text"), VIOLATIONS, ids=[one[3] for one in VIOLATIONS])
def test_violations_are_named(table: str, column: str, change: Callable[[np.ndarray], None], text: str) -> None:
    with pytest.raises(InternalError) as caught:
        verify(broken(table, column, change))
    assert text in str(caught.value)


def test_widths_and_lengths() -> None:
    graph = make()
    blocks = replace(graph.blocks, size=graph.blocks.size.astype(np.int32))  # pyright: ignore[reportArgumentType]
    with pytest.raises(InternalError, match=r"blocks\.size: int32, not int64"):
        verify(replace(graph, blocks=blocks))
    with pytest.raises(InternalError, match=r"symbols\.size: shape \(3,\), not \d+ rows"):
        verify(replace(graph, symbols=replace(graph.symbols, size=graph.symbols.size[:3])))
    with pytest.raises(InternalError, match=r"ranges\.blocks: 3 rows for 1 files"):
        verify(replace(graph, files=["one"]))


def test_a_field_in_a_block_without_content() -> None:
    graph = make()
    assert graph.edges is not None
    content = graph.blocks.content.copy()
    content[int(graph.edges.block[0])] = -1
    with pytest.raises(InternalError, match=r"edges\.block: row 0 has no content to write to"):
        verify(replace(graph, blocks=replace(graph.blocks, content=content)))


def test_content_across_two_buffers() -> None:
    graph = make()
    whole = graph.arena.buffers[0]
    cut = int(graph.blocks.content[0]) + 1
    with pytest.raises(InternalError, match=r"blocks\.content: row 0 ends behind its buffer"):
        verify(replace(graph, arena=Arena([whole[:cut], whole[cut:]])))


def test_content_at_the_arenas_first_byte() -> None:
    graph = make()
    content, size = graph.blocks.content.copy(), graph.blocks.size.copy()
    content[0], size[0] = 0, graph.arena.bases[0] + graph.arena.size + 1
    with pytest.raises(InternalError, match=r"blocks\.content: row 0 ends behind its buffer"):
        verify(replace(graph, blocks=replace(graph.blocks, content=content, size=size)))


FALLBACKS = [
    ([0], [7], ""),
    ([0, 7], [7, 9], ""),
    ([24], [0], "fallbacks.symbol: row 0 is no symbol of [0, 24) (it is 24)"),
    ([-1], [0], "fallbacks.symbol: row 0 is no symbol of [0, 24) (it is -1)"),
    ([0], [24], "fallbacks.instead: row 0 is no symbol of [0, 24) (it is 24)"),
    ([0], [-1], "fallbacks.instead: row 0 is no symbol of [0, 24) (it is -1)"),
    ([7, 7], [9, 9], "fallbacks.symbol: row 1 is not above the last row"),
    ([7, 0], [9, 9], "fallbacks.symbol: row 1 is not above the last row"),
    ([0], [23], "fallbacks.instead: row 0 is a symbol of another object (it is 23)"),
]


@pytest.mark.parametrize(("symbol", "instead", "text"), FALLBACKS, ids=str)
def test_fallbacks(symbol: list[int], instead: list[int], text: str) -> None:
    graph = replace(make(), fallbacks=Fallbacks(np.array(symbol, np.int32), np.array(instead, np.int32)))
    if not text:
        verify(graph)
        return
    with pytest.raises(InternalError) as caught:
        verify(graph)
    assert str(caught.value) == text


def test_what_may_be_empty_or_at_an_end_is_sound() -> None:
    """Names, sizes and values of 0; a symbol right behind its block; a group whose leader is its own block."""
    graph = make()
    for table, column, row, value in (
        ("groups", "name", 0, 0), ("groups", "leader", 0, 3), ("blocks", "size", 4, 0), ("symbols", "value", 3, 83),
        ("blocks", "content", 1, 3904), ("relocations", "content", -1, 3904), ("edges", "offset", 0, 83 - 4),
        ("blocks", "align", 0, 1), ("relocations", "count", 0, 0),
    ):  # fmt: skip
        verify(broken(table, column, put(row, value)))
    verify(graph)


class _Columns:
    """A running link with one column changed."""

    def __init__(self, state: State, column: str, values: object) -> None:
        self._state, self._column, self._values = state, column, values

    def __getattr__(self, name: str) -> object:
        return self._values if name == self._column else getattr(self._state, name)


@pytest.fixture
def linked(cc: Compile) -> Iterator[State]:
    """A link of two undefined names."""
    text = "extern int abs(int), atoi(const char *); int f(int x) { return abs(x) + atoi(0); }"
    with batch(cc(text, "-fno-builtin")) as one:
        yield one.link().state


def refusal(state: State, column: str, values: object) -> str:
    """What is said of a link with other values in a column; empty if it is sound."""
    try:
        verify(_Columns(state, column, values))  # pyright: ignore[reportArgumentType]
    except InternalError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("column", ["live", "block_module", "segment", "address", "canonical", "symbol_address"])
def test_columns_of_a_running_link_have_a_row_each(column: str, linked: State) -> None:
    table = "symbols" if column in ("canonical", "symbol_address") else "blocks"
    values, count = getattr(linked, column), len(getattr(linked, table))
    assert refusal(linked, column, values) == ""
    for size in (1, count - 1):
        assert refusal(linked, column, values[:size]) == f"{column}: {size} rows for {count} {table}"
    without = refusal(linked, column, values[:0])  # before a column is filled it is empty
    assert without == (f"{column}: 0 rows for {count} blocks" if column in ("live", "block_module") else "")


def test_undefined_rows_of_a_running_link(linked: State) -> None:
    count, (first, second) = len(linked.symbols), linked.undefined.tolist()
    for rows, text in (
        ([second, first], f"link.undefined: row 1 is not above the last row (it is {first})"),
        ([first, first], f"link.undefined: row 1 is not above the last row (it is {first})"),
        ([first, count], f"link.undefined: row 1 is no symbol of [0, {count}) (it is {count})"),
        ([-1, second], f"link.undefined: row 0 is no symbol of [0, {count}) (it is -1)"),
        ([first], "external: 2 answers for 1 undefined rows"),
        ([0, second], ""),
    ):
        assert refusal(linked, "undefined", np.array(rows, np.int32)) == text


def test_canonical_rows_of_a_running_link(linked: State) -> None:
    count, (first, second) = len(linked.symbols), linked.undefined.tolist()
    for changed, text in (
        ({0: count}, f"link.canonical: row 0 is no symbol of [0, {count}) (it is {count})"),
        ({0: -1}, f"link.canonical: row 0 is no symbol of [0, {count}) (it is -1)"),
        ({first: 0, 0: second}, f"link.canonical: row {first} is a row that is not canonical"),
        ({first: second}, ""),
    ):
        values = linked.canonical.copy()
        values[list(changed)] = list(changed.values())
        assert refusal(linked, "canonical", values) == text
