"""What edge kinds can say beyond what x86-64 and AArch64 need; every expected byte is worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from uruk.graph.arena import Arena
from uruk.graph.encodings import Encoding
from uruk.graph.graph import Blocks, Edges, Graph, Groups, Ranges, Relocations, Symbols
from uruk.graph.kinds import MOST_KINDS, Action, Base, EdgeKind, KindTable, Operand, change, field, kind
from uruk.graph.names import Names
from uruk.passes.faults import LinkFaults
from uruk.passes.fields import write_values
from uruk.passes.layout import lay_out
from uruk.passes.state import State

pytestmark = pytest.mark.quick

NOTHING = EdgeKind("None", Operand.NOTHING, Base.ZERO, 0, 0, 1)
# RISC-V's conditional branch (B type), jump of 16 bits (CJ type), and call by auipc and jalr (R_RISCV_CALL).
BRANCH = Encoding(((12, 1, 31), (5, 6, 25), (1, 4, 8), (11, 1, 7)), ((0x7F, 0x63),), 2)
SHORT_JUMP = Encoding(
    ((11, 1, 12), (4, 1, 11), (8, 2, 9), (10, 1, 8), (6, 1, 7), (7, 1, 6), (1, 3, 3), (5, 1, 2)),
    ((0xE003, 0xA001),), 2, size=2,
)  # fmt: skip
CALL = Encoding(((12, 20, 12), (0, 12, 52)), ((0x0000007F_00000FFF, 0x00000067_00000097),), size=8, rounds=0x800)
HIGH = Encoding(((12, 20, 12),), ((0x7F, 0x37), (0x7F, 0x17), (0xFF, 0xF3)), rounds=0x800)


def table(*kinds: EdgeKind, order: str = "<", pointer: int = 8) -> KindTable:
    return KindTable((NOTHING, *kinds), "compile it otherwise", order=order, pointer=pointer)


def state_of(kinds: KindTable, content: bytes, edges: Sequence[tuple[int, int]]) -> State:
    """A state whose image is one block with this content; edges are (offset, kind)."""
    arena, starts = Arena.join([content, b".data\0"])
    row = np.zeros(1, np.int32)
    blocks = Blocks(
        row, np.array([starts[1]]), np.array([starts[0]]), np.array([len(content)]), np.ones(1, np.int64),
        np.zeros(1, np.uint8), np.zeros(1, np.uint8), np.full(1, -1, np.int32),
    )  # fmt: skip
    offset = np.array([at for at, _ in edges], np.int64)
    which = np.array([number for _, number in edges], np.uint8)
    none = np.zeros(offset.size, np.int32)
    one = np.array([0, 1], np.int64)
    graph = Graph(
        kinds, arena, ["made.o"], blocks, Symbols.empty(), Relocations.empty(), Groups.empty(),
        Ranges(one, 0 * one, 0 * one, 0 * one), Edges(none, offset, which, none, np.zeros(offset.size, np.int64)),
    )  # fmt: skip
    state = State(graph, Names(), row, ["made"])
    state.image = np.frombuffer(content, np.uint8).copy()
    return state


def written(kinds: KindTable, content: bytes, edges: Sequence[tuple[int, str, int]]) -> bytes:
    """The content with values written to it: edges are (offset, name of a kind, value), in order."""
    state = state_of(kinds, content, [(at, kinds.number[name]) for at, name, _ in edges])
    value = np.array([value for _, _, value in edges], np.int64)
    write_values(state, state.edges.kind, state.edges.offset, value)
    return state.image.tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
def test_fields_of_many_pieces_and_of_all_sizes(order: str) -> None:
    kinds = table(
        field("Branch", Operand.SYMBOL, Base.PLACE, BRANCH), field("Short", Operand.SYMBOL, Base.PLACE, SHORT_JUMP),
        field("Call", Operand.SYMBOL, Base.PLACE, CALL), field("High", Operand.SYMBOL, Base.ZERO, HIGH), order=order,
    )  # fmt: skip
    endian = "little" if order == "<" else "big"

    def code(*words: tuple[int, int]) -> bytes:
        return b"".join(word.to_bytes(size, endian) for word, size in words)

    # The fields hold garbage, which must be cleared.
    before = code((0xFE000FE3, 4), (0xBFFD, 2), (0xFFFFF097, 4), (0x000080E7, 4), (0x00000537, 4), (0x13, 2))
    after = written(
        kinds, before, [(0, "Branch", 0xAB4), (4, "Short", 0x554), (6, "Call", 0x12345FFF), (14, "High", -1)]
    )
    assert after == code((0x2A000AE3, 4), (0xAB91, 2), (0x12346097, 4), (0xFFF080E7, 4), (0x00000537, 4), (0x13, 2))


def test_the_third_pattern_counts_and_a_fourth_does_not() -> None:
    kinds = table(field("High", Operand.SYMBOL, Base.ZERO, HIGH))
    for word in (0x37, 0x17, 0xF3):
        after = written(kinds, word.to_bytes(4, "little"), [(0, "High", 0x7FF)])
        assert after == word.to_bytes(4, "little")
    with pytest.raises(LinkFaults) as caught:
        written(kinds, (0x73).to_bytes(4, "little"), [(0, "High", 1)])
    error = caught.value.faults[0].error(np.array([True]))
    assert str(error).startswith("made.o:(.data+0x0): ")
    assert "0x00000073" in str(error)


CHANGES = (
    kind("Set32", Operand.SYMBOL, Base.ZERO, 32), kind("Set8", Operand.SYMBOL, Base.ZERO, 8, signed=None),
    change("Add8", Action.ADD, 8), change("Sub8", Action.SUBTRACT, 8), change("Add32", Action.ADD, 32),
    change("Sub32", Action.SUBTRACT, 32), change("Set6", Action.SET, 6), change("Sub6", Action.SUBTRACT, 6),
    change("SetLEB", Action.SET, 8, leb=True), change("SubLEB", Action.SUBTRACT, 8, leb=True),
    change("Add64", Action.ADD, 64),
)  # fmt: skip


@pytest.mark.parametrize("order", ["<", ">"])
def test_edges_change_what_is_there_in_their_order(order: str) -> None:
    kinds = table(*CHANGES, order=order)
    endian = "little" if order == "<" else "big"

    def word(number: int) -> bytes:
        return number.to_bytes(4, endian)

    both = [(0, "Add32", 0x1_0000_0005), (0, "Sub32", 3)]
    assert written(kinds, word(0xFFFF_FFFF), both) == word(1)
    assert written(kinds, word(0xFFFF_FFFF), both[::-1]) == word(1)
    # A replacement wipes out what came before it, and not what comes after.
    assert written(kinds, word(9), [(0, "Add32", 1), (0, "Set32", 100), (0, "Sub32", 1)]) == word(99)
    assert written(kinds, word(9), [(0, "Set32", 100), (0, "Sub32", 1), (0, "Add32", 1)]) == word(100)
    assert written(kinds, word(9), [(0, "Sub32", 1), (0, "Add32", 1), (0, "Set32", 7)]) == word(7)
    eight = (5).to_bytes(8, endian)
    assert written(kinds, eight, [(0, "Add64", -6)]) == b"\xff" * 8


def test_parts_of_bytes_keep_the_rest() -> None:
    kinds = table(*CHANGES)
    assert written(kinds, b"\xc1", [(0, "Set6", 0x3F)]) == b"\xff"
    assert written(kinds, b"\x81", [(0, "Sub6", 2)]) == b"\xbf"
    assert written(kinds, b"\x01\xff", [(1, "Add8", 2), (0, "Sub8", 2)]) == b"\xff\x01"


def test_numbers_keep_their_length() -> None:
    kinds = table(*CHANGES)
    assert written(kinds, b"\x80\x80\x00\xee", [(0, "SetLEB", 300), (0, "SubLEB", 44)]) == b"\x80\x82\x00\xee"
    assert written(kinds, b"\xee\x7f", [(1, "SetLEB", 5)]) == b"\xee\x05"
    for content, offset, value, text in (
        (b"\x80\x00", 0, 1 << 14, "does not fit into the 2 bytes"),
        (b"\x05", 0, -1, "does not fit into the 1 bytes"),
        (b"\x80\x80", 0, 1, "is on no LEB128 number"),
    ):
        with pytest.raises(LinkFaults) as caught:
            written(kinds, content, [(offset, "SetLEB", value)])
        assert text in str(caught.value.faults[0].error(np.array([True])))


def test_what_does_not_fit_a_table_is_refused() -> None:
    everything = ((0, 0),)
    for pieces, fits, options, text in (
        (tuple((at, 1, at) for at in range(9)), everything, {}, "at most 8 pieces"),
        (((0, 17, 0),), everything, {"size": 2}, "does not lie in a word of 2 bytes"),
        (((0, 4, 0), (4, 4, 3)), everything, {}, "overlaps"),
        (((0, 4, 0),), ((0xFF, 0x100),), {}, "outside its mask"),
        (((0, 4, 0),), (), {}, "at least one pattern"),
        (((0, 4, 0),), everything, {"size": 3}, "2, 4 or 8 bytes"),
        (((0, 4, 0),), everything, {"align": 3}, "power of two"),
        (((0, 4, 0),), everything, {"rounds": 3}, "power of two"),
    ):
        with pytest.raises(ValueError, match=text):
            Encoding(pieces, fits, **options)
    with pytest.raises(ValueError, match="1 to 256 kinds, got 257"):
        table(*(kind(f"Kind{number}", Operand.SYMBOL, Base.ZERO, 8) for number in range(MOST_KINDS)))
    with pytest.raises(ValueError, match="same name"):
        table(kind("Twice", Operand.SYMBOL, Base.ZERO, 8), kind("Twice", Operand.SYMBOL, Base.ZERO, 8))
    with pytest.raises(ValueError, match="pointers of 2 bytes"):
        table(pointer=2)
    with pytest.raises(ValueError, match="does not exist"):
        EdgeKind("Odd", 99, Base.ZERO, 4, 0, 1)
    with pytest.raises(ValueError, match="has 4 bytes, and its encoding 2"):
        EdgeKind("Odd", Operand.SYMBOL, Base.ZERO, 4, 0, 1, encoding=SHORT_JUMP)


def test_eight_zones_get_segments_of_their_own() -> None:
    kinds = table()
    state = state_of(kinds, bytes(8), [])
    blocks = state.blocks
    state.blocks = Blocks.concat([blocks.replaced(zone=np.array([zone], np.uint8)) for zone in (7, 0, 5, 2)])
    state.live, state.block_module = np.ones(4, np.bool_), np.zeros(4, np.int32)
    plan = lay_out(state)
    assert sorted(segment.zone for segment in plan.segments) == [0, 2, 5, 7]
    assert {segment.module for segment in plan.segments} == {0}
    assert [plan.segments[row].zone for row in plan.segment.tolist()] == [7, 0, 5, 2]
