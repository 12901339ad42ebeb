"""Relocation numbers and fields of COFF objects, written byte by byte: what they mean, and how they are shown."""

from __future__ import annotations

import pytest

from uruk.errors import UnsupportedRelocation
from uruk.formats.coff.files import FILES
from uruk.graph.graph import Graph

from support.coff_writer import ARM64, CODE, WRITE, Named, Part, coff_object, graph_of

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

OTHER = coff_object([Part(b".other", bytes(7))], [Named(b"other", 1)])


def edges_of(graph: Graph) -> list[tuple[int, str, int]]:
    """(offset, kind, addend) of all edges."""
    assert graph.edges is not None
    columns = (graph.edges.offset, graph.edges.kind, graph.edges.addend)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [(offset, graph.kinds[kind].name, addend) for offset, kind, addend in rows]


INSTRUCTIONS = {
    (0x97FFFFFF, 3): ("Branch26", -4), (0x94000001, 3): ("Branch26", 4), (0x95FFFFFF, 3): ("Branch26", 0x7FFFFFC),
    (0xB0000020, 4): ("Page21", 5), (0xF0FFFFE0, 4): ("Page21", -1), (0x90800000, 4): ("Page21", -(1 << 20)),
    (0x50FFFFE0, 5): ("Literal21", -2), (0x70000000, 5): ("Literal21", 3), (0x913FFC00, 6): ("PageOffset12", 4095),
    (0xF9400C00, 7): ("PageLoad64Offset12", 24), (0xF947FC00, 7): ("PageLoad64Offset12", 4088),
    (0x397FFC00, 7): ("PageLoad8Offset12", 4095), (0x79400C00, 7): ("PageLoad16Offset12", 6),
    (0xB9400C00, 7): ("PageLoad32Offset12", 12), (0x3DC00C00, 7): ("PageLoad128Offset12", 48),
    (0x91000C00, 9): ("SectionOffsetLow12", 3), (0x91400C00, 10): ("SectionOffsetHigh12", 3 << 12),
    (0xF9400C00, 11): ("SectionOffsetLoad64Low12", 24), (0x39400C00, 11): ("SectionOffsetLoad8Low12", 3),
    (0x79400C00, 11): ("SectionOffsetLoad16Low12", 6), (0xB9400C00, 11): ("SectionOffsetLoad32Low12", 12),
    (0x3DC00C00, 11): ("SectionOffsetLoad128Low12", 48), (0x54FFFFE0, 15): ("ConditionalBranch19", -4),
    (0x54000020, 15): ("ConditionalBranch19", 4), (0x3607FFE0, 16): ("TestAndBranch14", -4),
    (0x36000020, 16): ("TestAndBranch14", 4), (0xFFFFFFFF, 17): ("Delta32", -5), (0xFFFFFFFF, 1): ("Pointer32", -1),
    (0x80000000, 2): ("ImageOffset32", -(1 << 31)), (0x7FFFFFFF, 8): ("SectionOffset32", (1 << 31) - 1),
    (0xFFFF8000, 13): ("SectionNumber16", -(1 << 15)),
}  # fmt: skip
"""(word, relocation number) -> kind and addend. What counts from the place has a sign."""


@pytest.mark.parametrize("case", INSTRUCTIONS)
def test_fields_of_aarch64(case: tuple[int, int]) -> None:
    word, number = case
    content = word.to_bytes(4, "little")
    parts = [Part(b".a", b"1"), Part(b".text", content + bytes(12) + content, CODE, [(16, 0, number), (0, 1, number)])]
    data = coff_object(parts, [Named(b"s", 2), Named(b"t")], machine=ARM64)
    kind, addend = INSTRUCTIONS[case]
    for objects in ([data], [data.replace(b".a", b".b"), data]):
        graph = graph_of(*objects, architecture="aarch64")
        assert edges_of(graph) == [(16, kind, addend), (0, kind, addend)] * len(objects)


CALLS = {
    bytes.fromhex("90 e8 feffffff"): ("BranchPCRel32", 2), bytes.fromhex("90 e9 feffffff"): ("BranchPCRel32", 2),
    bytes.fromhex("0f 80 feffffff"): ("BranchPCRel32", 2), bytes.fromhex("0f 8f feffffff"): ("BranchPCRel32", 2),
    bytes.fromhex("0f 90 feffffff"): ("Delta32", 2), bytes.fromhex("0e 80 feffffff"): ("Delta32", 2),
    bytes.fromhex("90 ea feffffff"): ("Delta32", 2), bytes.fromhex("90 e7 feffffff"): ("Delta32", 2),
    bytes.fromhex("e8 90 feffffff"): ("Delta32", 2), bytes.fromhex("e8 feffffff"): ("BranchPCRel32", 1),
    bytes.fromhex("80 feffffff"): ("Delta32", 1), bytes.fromhex("feffffff"): ("Delta32", 0),
}  # fmt: skip
"""Bytes of code -> kind and place of the field: what is in front of it says whether it belongs to a call or a jump."""


@pytest.mark.parametrize("content", CALLS)
def test_calls_of_x86_64(content: bytes) -> None:
    """Only in code, and only by bytes of the same section: the one in front of it ends in a call's first byte."""
    kind, place = CALLS[content]
    for flags in (CODE, WRITE):
        parts = [Part(b".e", b"\x0f\x80\xe8", CODE), Part(b".a", content, flags, [(place, 0, 4)])]
        graph = graph_of(OTHER, coff_object(parts, [Named(b"s")]))
        assert edges_of(graph) == [(place, kind if flags == CODE else "Delta32", -6)]


@pytest.mark.parametrize(("machine", "architecture", "numbers"), [(0x8664, "x86_64", {*range(13), 14}),
                         (ARM64, "aarch64", {*range(18)} - {12})])  # fmt: skip
def test_numbers_that_mean_nothing(machine: int, architecture: str, numbers: set[int]) -> None:
    for number in [*range(25), 255, 256, 0xFFFF]:
        part = Part(b".a", bytes(8), CODE, [(0, 0, number)])
        data = coff_object([part], [Named(b"s")], machine=machine)
        if number in numbers:
            graph_of(data, architecture=architecture)
            continue
        with pytest.raises(UnsupportedRelocation, match=f"relocation type {number}\\b"):
            graph_of(data, architecture=architecture)


def test_fields_of_aarch64_as_they_are_shown() -> None:
    """As whole words with a sign; REL32 counts from the field's end, 4 bytes on."""
    numbers = [number for number in range(18) if number != 12]
    data = coff_object(
        [Part(b".t", bytes(16), CODE, [(0, 0, number) for number in numbers])], [Named(b"s")], machine=ARM64
    )
    shown = FILES.relocation_rows(graph_of(data, architecture="aarch64", edges=False))
    assert [row.addend for row in shown] == [-4 if number == 17 else 0 for number in numbers]
    assert not any(row.problem for row in shown)


def test_tables_as_they_are_shown() -> None:
    """Also what cannot be linked, with the reason; of an object that is not the first."""
    relocations = [
        (0, 0, 1), (12, 2, 2), (8, 2, 4), (0, 0, 0), (13, 0, 2), (0, 1, 2), (0, 3, 2), (0, 4, 2), (0, 0, 77),
        (99, 9, 77), (16, 0, 0), (17, 2, 0),
    ]  # fmt: skip
    content = bytes.fromhex("feffffffffffffff 01000080 0a000000")
    symbols = [Named(b"s", 2, auxiliary=[b""]), Named(b"t"), Named(b"u")]
    data = coff_object([Part(b".a", b"123"), Part(b".b", content, WRITE, relocations)], symbols)
    graph = graph_of(OTHER, data, data, edges=False)
    shown = FILES.relocation_rows(graph)
    assert [row.block for row in shown] == [2] * 12 + [4] * 12
    for rows, first in ((shown[:12], 1), (shown[12:], 5)):
        outside, absent = "lies outside its section", "names symbol {}, which is none of 4"
        unknown = "is not one that x86-64 objects have"
        assert [(row.offset, row.relocation, row.kind and row.kind.name, row.addend) for row in rows] == [
            (0, "ADDR64", "Pointer64", -2), (12, "ADDR32", "Pointer32", 10), (8, "REL32", "Delta32", -0x7FFFFFFF - 4),
            (0, "ABSOLUTE", "None", 0), (13, "ADDR32", "Pointer32", 0), (0, "ADDR32", "Pointer32", -2),
            (0, "ADDR32", "Pointer32", -2), (0, "ADDR32", "Pointer32", -2), (0, "type 77", None, 0),
            (99, "type 77", None, 0), (16, "ABSOLUTE", "None", 0), (17, "ABSOLUTE", "None", 0),
        ]  # fmt: skip
        places = [0, 2, 2, 0, 0, None, 3, None, 0, None, 0, 2]
        assert [row.target for row in rows] == [-1 if place is None else first + place for place in places]
        assert [row.has_target for row in rows] == [place is not None for place in places]
        assert [row.problem for row in rows] == [
            "", "", "", "", outside, absent.format(1), "", absent.format(4), unknown, f"{unknown}; {absent.format(9)}",
            "", outside,
        ]  # fmt: skip
