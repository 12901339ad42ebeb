"""Views of a graph: what the columns say, as objects."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from uruk.graph.graph import Graph
from uruk.graph.views import GraphView
from uruk.lljit import LLJIT
from uruk.passes.state import State

from support.assembly import assemble
from support.golden_files import object_bytes, read_graph

pytestmark = pytest.mark.quick


@pytest.fixture(scope="module")
def graph() -> Graph:
    objects = [(f"{name}.o", object_bytes(name)) for name in ("everything", "minimal")]
    return read_graph(*objects)[0]


@pytest.fixture(scope="module")
def view(graph: Graph) -> GraphView:
    return GraphView(graph)


def test_a_symbol_by_name(view: GraphView) -> None:
    main = view.symbols["main"]
    assert (main.name, main.file, main.kind) == ("main", "everything.o", "defined")
    assert (main.binding, main.visibility, main.type) == ("global", "default", "function")
    assert (main.offset, main.size, main.place) == (0, 0x49, ".text+0x0")
    assert main.is_defined
    assert main.address is None
    assert main.block is not None
    assert main.block.name == ".text"
    assert view.symbols["answer"].file == "minimal.o"
    with pytest.raises(KeyError):
        view.symbols["no such symbol"]


def test_a_name_of_several_symbols() -> None:
    """It is the definition's that others see, else a reference's, and a local symbol's last."""
    parts = {
        "local.o": "shared: nop\nalone: nop\n",
        "user.o": "call shared\ncall alone\n",
        "owner.o": ".globl shared\nshared: nop\n",
    }
    graph, _ = read_graph(*((file, assemble(text)) for file, text in parts.items()))
    view = GraphView(graph)
    assert (view.symbols["shared"].file, view.symbols["shared"].is_defined) == ("owner.o", True)
    assert (view.symbols["alone"].file, view.symbols["alone"].is_defined) == ("user.o", False)


def test_symbols_outside_blocks(view: GraphView) -> None:
    assert view.symbols["puts"].block is None
    assert view.symbols["puts"].place == "undefined"
    assert view.symbols["weak_hook"].binding == "weak"
    assert not view.symbols["weak_hook"].is_defined
    assert (view.symbols["build_number"].kind, view.symbols["build_number"].offset) == ("absolute", 0x1234)
    buffer = view.symbols["shared_buffer"]
    assert (buffer.kind, buffer.offset, buffer.size) == ("common", 32, 64)


def test_blocks(view: GraphView) -> None:
    text = view.blocks[".rodata.str1.1"]
    assert text.content == b"hello\0"
    assert (text.zone, text.role, text.align, text.is_zero_fill, text.address) == ("R", "", 1, False, None)
    room = view.blocks[".bss"]
    assert (room.zone, room.size, room.is_zero_fill, room.content) == ("RW", 96, True, b"")
    assert view.blocks[".init_array"].role == "init"
    assert view.blocks[".tdata"].zone == "TLS"
    assert struct.unpack("<I", view.blocks[".tdata"].content) == (3,)
    assert view.blocks[".text._Z5twiceIiET_S0_"].group >= 0
    assert [block.file for block in view.sections[".text"]] == ["everything.o", "minimal.o"]


def test_edges(view: GraphView) -> None:
    block = view.symbols["main"].block
    assert block is not None
    assert [edge.offset for edge in block.edges] == sorted(edge.offset for edge in block.edges)
    call = next(edge for edge in block.edges if edge.target == view.symbols["puts"])
    assert (call.kind.name, call.kind.text, call.addend) == ("BranchPCRel32", "L + A - P", -4)
    assert call.block == block
    assert call.place == "everything.o:(.text+0x10)"
    assert sum(len(block.edges) for block in view.blocks) == len(view.edges)


def test_symbols_of_a_block_are_in_order(view: GraphView) -> None:
    names = [symbol.name for symbol in view.blocks[".text"].symbols if symbol.type != "section"]
    assert names == ["main", "start_up", "wind_up", "chosen"]


def test_reprs_read_well(view: GraphView) -> None:
    assert repr(view.symbols["main"]) == "<symbol main: global function, .text+0x0>"
    assert repr(view.blocks[".bss"]) == "<block everything.o:(.bss): RW, 0x60 bytes, align 32>"
    call = view.blocks[".text"].edges[2]
    assert repr(call) == "<edge everything.o:(.text+0x10): BranchPCRel32 to puts - 0x4>"
    assert repr(view).startswith("<graph of everything.o, minimal.o: 15 blocks, ")
    assert repr(view.edges).startswith("<17 rows: <edge everything.o:(")


def test_rows_are_a_sequence(view: GraphView) -> None:
    assert "main" in view.symbols
    assert "no such symbol" not in view.symbols
    assert view.blocks[0] in view.blocks
    assert view.blocks[:2] == [view.blocks[0], view.blocks[1]]
    assert len({view.blocks[0], view.blocks[0], view.blocks[1]}) == 2
    assert view.blocks[0] != view.symbols[0]
    assert set(view.blocks.names()) == set(view.sections)


def test_without_edges(graph: Graph) -> None:
    bare = GraphView(replace(graph, edges=None))
    assert not bare.has_edges
    assert len(bare.edges) == 0
    assert bare.blocks[".text"].edges == []
    assert repr(bare).endswith("edges not read>")


def test_a_running_link_has_addresses() -> None:
    seen: dict[str, int | None] = {}

    def look(state: State) -> None:
        view = GraphView(state)
        block = view.symbols["answer"].block
        assert block is not None
        seen.update(symbol=view.symbols["answer"].address, block=block.address)

    with LLJIT() as jit:
        jit.session.hooks["post-fixup"] = [look]
        jit.add_object(object_bytes("minimal"), "minimal.o")
        address = jit.lookup("answer").address
    assert seen == {"symbol": address, "block": address}
