"""Rows of objects that a made-up format reads, one after the other, and the graph that they make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from uruk.graph.arena import Arena
from uruk.graph.graph import (
    Binding,
    Blocks,
    Graph,
    Groups,
    Ranges,
    Relocations,
    Role,
    SymbolKind,
    Symbols,
    SymbolType,
)  # fmt: skip
from uruk.graph.kinds import KindTable
from uruk.graph.names import Names

NOWHERE = -1
"""The block of an undefined symbol, and the content of zeros."""
_BLOCKS = (np.int32, np.int64, np.int64, np.int64, np.int64, np.uint8, np.uint8, np.int32)
_SYMBOLS = (np.int32, np.int64, np.int32, np.uint64, np.int64, np.uint8, np.uint8, np.uint8, np.uint8)
_TABLES = (np.int32, np.int64, np.int64)


class GraphRows:
    """The rows so far. Content and names are kept in the arena."""

    def __init__(self, arena: Arena, names: Names, kinds: KindTable) -> None:
        self._arena, self._names, self._kinds = arena, names, kinds
        self._blocks: list[tuple[int, ...]] = []
        self._symbols: list[tuple[int, ...]] = []
        self._tables: list[tuple[int, ...]] = []
        self._starts = [(0, 0, 0)]

    def add_block(self, section: str, content: bytes | int, align: int, zone: int) -> int:
        """Add a section with bytes, or with so many zeros; returns its row in the graph."""
        size, at = (content, NOWHERE) if isinstance(content, int) else (len(content), self._keep(content))
        text = self._keep(section.encode() + b"\0")
        self._blocks.append((len(self._starts) - 1, text, at, size, align, zone, Role.PLAIN, -1))
        return len(self._blocks) - 1

    def add_symbol(self, name: str, block: int, value: int, size: int, kind: int = SymbolType.NOTYPE) -> int:
        """Add a global symbol, undefined where `block` is NOWHERE; returns its row within the object."""
        state = SymbolKind.UNDEFINED if block == NOWHERE else SymbolKind.DEFINED
        text, number = self._keep(name.encode() + b"\0"), self._names.intern([name.encode()])[0]
        self._symbols.append((number, text, block, value, size, state, Binding.GLOBAL, kind, 0))
        return len(self._symbols) - 1 - self._starts[-1][1]

    def add_table(self, block: int, content: bytes, count: int) -> None:
        """Add the relocations of a block, `count` in the format's own form."""
        self._tables.append((block, self._keep(content), count))

    def end_object(self) -> None:
        """End an object: what is added from now on is the next one's."""
        self._starts.append((len(self._blocks), len(self._symbols), len(self._tables)))

    def graph(self, files: list[str]) -> Graph:
        """The graph of all objects that are ended."""
        starts = np.array(self._starts, np.int64)
        return Graph(
            self._kinds, self._arena, files, Blocks(*_columns(self._blocks, _BLOCKS)),
            Symbols(*_columns(self._symbols, _SYMBOLS)), Relocations(*_columns(self._tables, _TABLES)), Groups.empty(),
            Ranges(starts[:, 0], starts[:, 1], starts[:, 2], np.zeros(len(starts), np.int64)),
        )  # fmt: skip

    def _keep(self, data: bytes) -> int:
        return self._arena.append(np.frombuffer(data, np.uint8).copy())


def _columns(rows: Sequence[tuple[int, ...]], types: Sequence[Any]) -> list[Any]:
    return [np.array([row[place] for row in rows], kind) for place, kind in enumerate(types)]
