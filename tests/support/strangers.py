"""Two made-up targets, outside of uruk: instruction sets, and an object format that is JSON behind a first line.

A has pointers of 4 bytes and big-endian words, B pointers of 8 bytes and little-endian words.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from uruk.errors import UnknownTarget
from uruk.formats.interface import FormatFiles, Report, Span
from uruk.graph.arena import Arena
from uruk.graph.encodings import Encoding
from uruk.graph.graph import Edges, Graph, SymbolType, Zone
from uruk.graph.kinds import Action, Base, EdgeKind, KindTable, Operand, change, field, kind
from uruk.graph.names import Names
from uruk.graph.types import Bool
from uruk.isa.interface import InstructionSet, JITLinkTables
from uruk.target import Target

from support.graph_rows import NOWHERE, GraphRows

OWN_ZONE = 4
"""A zone that neither ELF nor uruk's own targets have."""
ZONES = {"code": Zone.RX, "constants": Zone.R, "data": Zone.RW, "zeros": Zone.RW, "own": OWN_ZONE}
NOTHING = EdgeKind("None", Operand.NOTHING, Base.ZERO, 0, 0, 1)
# A branch whose distance lies in four pieces (bits 12, 10-5, 4-1 and 11), a jump in a word of 16 bits, a call whose
# distance lies in two instructions, and a pair whose high part is rounded for the signed low part.
FOUR_PIECES = Encoding(((12, 1, 31), (5, 6, 25), (1, 4, 8), (11, 1, 7)), ((0x7F, 0x63),), 2)
SHORT = Encoding(((1, 10, 0),), ((0xFC00, 0xA000),), 2, size=2)
TWO_WORDS = Encoding(((12, 20, 12), (0, 12, 52)), ((0x7F_0000_007F, 0x67_0000_0017),), size=8, rounds=0x800)
HIGH = Encoding(((12, 20, 12),), ((0x7F, 0x37),), rounds=0x800)
LOW = Encoding(((0, 12, 20),), ((0x7F, 0x13),))


def _kinds(pointer: int, order: str) -> KindTable:
    limit, reach = 1 << 12, 1 << 31
    return KindTable(
        (
            NOTHING,
            kind("Word", Operand.SYMBOL, Base.ZERO, 8 * pointer, signed=False if pointer == 4 else None),
            field("Branch", Operand.SYMBOL, Base.PLACE, FOUR_PIECES, -limit, limit),
            field("Short", Operand.SYMBOL, Base.PLACE, SHORT, -(1 << 10), 1 << 10),
            field("Call", Operand.SYMBOL, Base.PLACE, TWO_WORDS, -reach, reach),
            field("High", Operand.SYMBOL, Base.ZERO, HIGH),
            field("Low", Operand.SYMBOL, Base.ZERO, LOW),
            change("Add", Action.ADD, 32),
            change("Subtract", Action.SUBTRACT, 32),
            change("Set", Action.SET, 32),
        ),
        "place it elsewhere",
        pointer=pointer,
        order=order,
    )


def _instruction_set(pointer: int, order: str) -> InstructionSet:
    made = SimpleNamespace(
        KINDS=_kinds(pointer, order), STUB_SIZE=8, JITLINK_TABLES=JITLinkTables(0, 8, 1, Zone.R, ()),
        UNWIND_REGISTERS=0, relax_descriptors=None, relax_got_load=None, write_stub=None,
    )  # fmt: skip

    def refuse(*_: object) -> Any:
        raise AssertionError("these targets have neither stubs nor loads through a GOT")

    made.write_stubs = made.relax_got_loads = refuse
    return cast("InstructionSet", made)


class StrangeFormat:
    """See `uruk.formats.interface.Format`: objects of both targets, ``STRANGE a`` and ``STRANGE b``."""

    name: str = "strange"
    title: str = "STRANGE"
    rules: type | None = None
    files: FormatFiles | None = None

    def __init__(self) -> None:
        self.sets = {"a": _instruction_set(4, ">"), "b": _instruction_set(8, "<")}

    def sniff(self, head: bytes | memoryview) -> Target | None:
        first = bytes(head).split(b"\n")[0].decode("latin-1")
        return Target("strange", first.removeprefix("STRANGE "), "") if first.startswith("STRANGE ") else None

    def instruction_set(self, architecture: str) -> InstructionSet:
        if architecture not in self.sets:
            raise UnknownTarget(architecture, list(self.sets))
        return self.sets[architecture]

    def read_objects(self, arena: Arena, spans: Sequence[Span], target: Target, names: Names) -> Graph:
        kinds = self.sets[target.architecture].KINDS
        rows = GraphRows(arena, names, kinds)
        for span in spans:
            _read(rows, kinds, bytes(arena.buffers[0][span.start : span.start + span.size]))
        return rows.graph([span.file for span in spans])

    def read_relocations(self, graph: Graph, wanted: Bool | None = None, report: Report | None = None) -> Edges:
        """Each table has rows of five words: offset, kind, symbol row within the object, addend, nothing."""
        tables = graph.relocations
        keep = np.flatnonzero(np.ones(len(tables), np.bool_) if wanted is None else wanted[tables.block])
        count = tables.count[keep]
        data = [graph.arena.bytes_at(int(tables.content[row]), 40 * int(tables.count[row])) for row in keep]
        words = np.frombuffer(b"".join(data), np.int64).reshape(-1, 5)
        block = tables.block[keep].repeat(count)
        first = graph.ranges.symbols[graph.blocks.object[block]]
        target = (first + words[:, 2]).astype(np.int32)
        return Edges(block, words[:, 0].copy(), words[:, 1].astype(np.uint8), target, words[:, 3].copy())


def _read(rows: GraphRows, kinds: KindTable, data: bytes) -> None:
    """Add one object; see `strange_object`."""
    parts = json.loads(data.split(b"\n", 1)[1])
    blocks = {
        section: rows.add_block(
            section, content if isinstance(content, int) else bytes.fromhex(content), align, ZONES[section]
        )
        for section, (content, align) in parts["sections"].items()
    }
    symbols: dict[str, int] = {}
    for name, place in parts["symbols"].items():
        section, offset = place or ("", 0)
        symbols[name] = rows.add_symbol(name, blocks.get(section, NOWHERE), offset, 1, SymbolType.OBJECT)
    for section, block in blocks.items():
        mine = [one for one in parts["relocations"] if one[0] == section]
        words = [[at, kinds.number[kind], symbols[to], addend, 0] for _, at, kind, to, addend in mine]
        if words:
            rows.add_table(block, np.array(words, np.int64).tobytes(), len(words))
    rows.end_object()


def strange_object(
    target: str,
    sections: dict[str, tuple[bytes | int, int]],
    symbols: dict[str, tuple[str, int] | None],
    relocations: Sequence[tuple[str, int, str, str, int]],
) -> bytes:
    """An object: sections with bytes, or a number of zeros, and alignment; symbols by place, None for undefined ones;
    relocations as (section, offset, kind, symbol, addend), in order."""
    parts = {
        "sections": {
            name: (content if isinstance(content, int) else content.hex(), align)
            for name, (content, align) in sections.items()
        },
        "symbols": symbols,
        "relocations": relocations,
    }
    return f"STRANGE {target}\n{json.dumps(parts)}".encode()
