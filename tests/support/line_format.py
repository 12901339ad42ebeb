"""A made-up object format, outside of uruk: lines of text, each a function of x86-64 code.

    LINES x86_64
    answer 31c0e800000000c3 call 3 other

says that `answer` has this code, in which the four bytes from 3 on are the distance of a call to `other`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from uruk.errors import ObjectFormatError
from uruk.formats.interface import FormatFiles, Report, Span
from uruk.graph.arena import Arena
from uruk.graph.graph import Edges, Graph, SymbolType, Zone
from uruk.graph.names import Names
from uruk.graph.types import Bool
from uruk.isa import x86_64
from uruk.isa.interface import InstructionSet
from uruk.target import Target

from support.graph_rows import NOWHERE, GraphRows

MAGIC = b"LINES "


class LineFormat:
    """See `uruk.formats.interface.Format`."""

    name: str = "lines"
    title: str = "LINES"
    rules: type | None = None
    files: FormatFiles | None = None

    def sniff(self, head: bytes | memoryview) -> Target | None:
        if head[: len(MAGIC)] != MAGIC:
            return None
        return Target("lines", bytes(head[len(MAGIC) :]).split(b"\n")[0].decode(), "")

    def instruction_set(self, architecture: str) -> InstructionSet:
        assert architecture == "x86_64"
        return x86_64

    def read_objects(self, arena: Arena, spans: Sequence[Span], target: Target, names: Names) -> Graph:
        rows = GraphRows(arena, names, x86_64.KINDS)
        for span in spans:
            _read(rows, span, bytes(arena.buffers[0][span.start : span.start + span.size]).decode(), target)
        return rows.graph([span.file for span in spans])

    def read_relocations(self, graph: Graph, wanted: Bool | None = None, report: Report | None = None) -> Edges:
        """All of the calls: each table has the offset in its block and the symbol row, written as two words."""
        tables = graph.relocations
        keep = np.ones(len(tables), np.bool_) if wanted is None else wanted[tables.block]
        rows = [graph.arena.bytes_at(at, 8) for at in tables.content[keep].tolist()]
        words = np.frombuffer(b"".join(rows), np.int32).reshape(-1, 2)
        first = graph.ranges.symbols[graph.blocks.object[tables.block[keep]]]  # rows count within the object
        kind = np.full(len(words), x86_64.KINDS.number["BranchPCRel32"], np.uint8)
        addend = np.full(len(words), -4, np.int64)  # the processor counts from behind the field
        target = (first + words[:, 1]).astype(np.int32)
        return Edges(tables.block[keep], words[:, 0].astype(np.int64), kind, target, addend)


def _read(rows: GraphRows, span: Span, text: str, target: Target) -> None:
    """Add one object."""
    head, *lines = text.splitlines()
    if head != f"LINES {target.architecture}":
        raise ObjectFormatError(span.file, "first line", f"{head!r} is not for {target.architecture}", 0)
    for line in lines:
        name, code, *call = line.split()
        content = bytes.fromhex(code)
        block = rows.add_block(".text", content, 16, Zone.RX)
        rows.add_symbol(name, block, 0, len(content), SymbolType.FUNC)
        if call:
            callee = rows.add_symbol(call[2], NOWHERE, 0, 0)
            rows.add_table(block, np.array([int(call[1]), callee], np.int32).tobytes(), 1)
    rows.end_object()
