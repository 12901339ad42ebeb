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
from uruk.graph.graph import (
    Binding,
    Blocks,
    Edges,
    Graph,
    Groups,
    Ranges,
    Relocations,
    Role,
    SymbolKind,
    Symbols,
    SymbolType,
    Zone,
)  # fmt: skip
from uruk.graph.names import Names
from uruk.graph.types import Bool
from uruk.isa import x86_64
from uruk.isa.interface import InstructionSet
from uruk.target import Target

MAGIC = b"LINES "
NOWHERE = -1


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
        reader = _Reader(arena, names)
        for number, span in enumerate(spans):
            reader.read(number, span, target)
        return reader.graph([span.file for span in spans])

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


class _Reader:
    """The rows of several objects, as they are read."""

    def __init__(self, arena: Arena, names: Names) -> None:
        self.arena, self.names = arena, names
        self.blocks: list[tuple[int, ...]] = []
        self.symbols: list[tuple[int, ...]] = []
        self.calls: list[tuple[int, int]] = []
        self.starts = [(0, 0, 0)]

    def read(self, number: int, span: Span, target: Target) -> None:
        text = bytes(self.arena.buffers[0][span.start : span.start + span.size]).decode()
        head, *lines = text.splitlines()
        if head != f"LINES {target.architecture}":
            raise ObjectFormatError(span.file, "first line", f"{head!r} is not for {target.architecture}", 0)
        rows: dict[str, int] = {}
        for line in lines:
            name, code, *call = line.split()
            block = len(self.blocks)
            content = self._keep(bytes.fromhex(code))
            self.blocks.append((number, self._keep(b".text\0"), content, len(code) // 2, 16, Zone.RX, Role.PLAIN, -1))
            self._symbol(rows, name, block, len(code) // 2)
            if call:
                row = self._symbol(rows, call[2], NOWHERE, 0)
                self.calls.append((block, self._keep(np.array([int(call[1]), row], np.int32).tobytes())))
        self.starts.append((len(self.blocks), len(self.symbols), len(self.calls)))

    def _keep(self, data: bytes) -> int:
        return self.arena.append(np.frombuffer(data, np.uint8).copy())

    def _symbol(self, rows: dict[str, int], name: str, block: int, size: int) -> int:
        """The row of a name, within the object."""
        defined = block != NOWHERE
        kind = SymbolKind.DEFINED if defined else SymbolKind.UNDEFINED
        number = self.names.intern([name.encode()])[0]
        kind_of = SymbolType.FUNC if defined else SymbolType.NOTYPE
        text = self._keep(name.encode() + b"\0")
        self.symbols.append((number, text, block, 0, size, kind, Binding.GLOBAL, kind_of, 0))
        return len(self.symbols) - 1 - self.starts[-1][1]

    def graph(self, files: list[str]) -> Graph:
        blocks, symbols = zip(*self.blocks, strict=True), zip(*self.symbols, strict=True)
        types = (np.int32, np.int64, np.int64, np.int64, np.int64, np.uint8, np.uint8, np.int32)
        words = (np.int32, np.int64, np.int32, np.uint64, np.int64, np.uint8, np.uint8, np.uint8, np.uint8)
        block, content = [call[0] for call in self.calls], [call[1] for call in self.calls]
        starts = np.array(self.starts, np.int64)
        return Graph(
            x86_64.KINDS, self.arena, files,
            Blocks(*(np.array(column, kind) for column, kind in zip(blocks, types, strict=True))),
            Symbols(*(np.array(column, kind) for column, kind in zip(symbols, words, strict=True))),
            Relocations(np.array(block, np.int32), np.array(content, np.int64), np.ones(len(block), np.int64)),
            Groups.empty(),
            Ranges(starts[:, 0], starts[:, 1], starts[:, 2], np.zeros(len(starts), np.int64)),
        )  # fmt: skip
