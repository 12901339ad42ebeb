"""Helpers of which every object keeps a copy of its own: which they are, and what becomes of their groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from uruk.graph.graph import Graph
from uruk.graph.types import true_rows
from uruk.passes.elf.per_object_helpers import keep_own_copies

from support.compiling import Compile
from support.golden_files import read_graph

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

HELPER = """
    .section .data.helper,"awG",@progbits,{name},comdat
    .{binding} {name}
    {visibility}
    .type {name}, %{type}
{name}: .quad 0
    .section .data.beside,"awG",@progbits,beside,comdat
    .weak beside
beside: .quad 0
"""


def read(path: Path) -> tuple[Graph, dict[str, tuple[bool, bool]]]:
    """Two objects after the pass, and by name of a symbol: whether both are local, and in no group."""
    data = path.read_bytes()
    graph, names = read_graph(("a.o", data), ("b.o", data))
    keep_own_copies(graph, names)
    symbols, groups = graph.symbols, graph.blocks.group
    facts: dict[str, set[tuple[bool, bool]]] = {}
    for row in true_rows((symbols.binding != 0) & (symbols.block >= 0)).tolist():
        name = graph.arena.string_at(int(symbols.text[row])).decode()
        facts.setdefault(name, set()).add((int(symbols.name[row]) < 0, int(groups[symbols.block[row]]) < 0))
    return graph, {name: fact.pop() for name, fact in facts.items() if len(fact) == 1}


@pytest.mark.parametrize("first", [True, False], ids=["in the first section", "behind others"])
@pytest.mark.parametrize(
    ("name", "binding", "visibility", "type_", "own"),
    [
        ("DW.ref.personality", "weak", "hidden", "object", True),
        ("__clang_call_terminate", "weak", "hidden", "function", True),
        ("DW.ref.personality", "weak", "", "object", False),
        ("DW.ref.personality", "globl", "hidden", "object", False),
        ("DW.ref.personality", "weak", "hidden", "function", False),
        ("helper", "weak", "hidden", "object", False),
        ("helper", "weak", "hidden", "function", False),
    ],
)
def test_which_are_kept(
    name: str, binding: str, visibility: str, type_: str, own: bool, first: bool, cc: Compile, tmp_path: Path
) -> None:
    seen = f".{visibility} {name}" if visibility else ""
    path = cc(HELPER.format(name=name, binding=binding, visibility=seen, type=type_), language="s")
    if first:  # assemblers begin with these three, which other tools leave out where they are empty
        bare = tmp_path / "bare.o"
        cc.tool("objcopy", "-R", ".text", "-R", ".data", "-R", ".bss", str(path), str(bare))
        path = bare
    graph, facts = read(path)
    assert (graph.blocks.group[0] == (-1 if own else 0)) or not first
    assert facts == {name: (own, own), "beside": (False, False)}


def test_objects_without_groups(cc: Compile) -> None:
    assert read(cc("int x = 1; int f(void) { return x; }"))[1] == {"x": (False, True), "f": (False, True)}
