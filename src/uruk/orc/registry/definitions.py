"""The symbols that the objects of a graph define for others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from uruk.graph.graph import Binding, Graph, SymbolKind, SymbolType, Table, Visibility
from uruk.graph.types import I64, NONE, U8, Bool, some, true_rows
from uruk.orc.registry.symbols import Flag, Rank
from uruk.records import record

if TYPE_CHECKING:
    from uruk.graph.rows import SymbolRow


@record
class Definitions(Table):
    """One row a definition of a name that others can see, in the order of symbol rows."""

    row: I64
    """The symbol row."""
    name: I64
    object: I64
    """The object in the graph."""
    rank: U8
    flags: U8
    """The flags that a dylib's table keeps of it besides its address."""

    def without(self, graph: Graph, dropped: Bool) -> Definitions:
        """Return those outside the groups that are `dropped`."""
        if not some(dropped):
            return self
        block = graph.symbols.block[self.row]
        group = np.where(block >= 0, graph.blocks.group[block], NONE)
        # Group -1 reads the last mark, which the first half of the condition overrules.
        return self.rows((group < 0) | ~dropped[group])


def definitions_of(graph: Graph, outer: I64 | None = None) -> Definitions:
    """Return all definitions of a graph; `outer`, if they are known, are the symbol rows with a name."""
    symbols = graph.symbols
    if outer is None:
        outer = true_rows(symbols.name >= 0)
    row = outer[_DEFINES.take(symbols.kind[outer])]
    rank = _RANK_OF_BINDING.take(symbols.binding[row])
    # Common symbols are global in the file, and weaker than a definition with bytes (gABI, "Symbol Table").
    rank[symbols.kind[row] == SymbolKind.COMMON] = Rank.COMMON
    flags = _FLAG_OF_TYPE.take(symbols.type[row]) | _FLAG_OF_VISIBILITY.take(symbols.visibility[row])
    owner = graph.ranges.symbols.searchsorted(row, "right") - 1
    return Definitions(row, symbols.name[row].astype(np.int64), owner, rank, flags)


_DEFINES = np.ones(8, np.bool_)
"""By SymbolKind."""
_DEFINE_NOTHING = (SymbolKind.UNDEFINED, SymbolKind.DROPPED)
_DEFINES[[*_DEFINE_NOTHING]] = False
_RANK_OF_BINDING = np.full(16, Rank.STRONG, np.uint8)
# STB_GNU_UNIQUE is what g++ gives to inline variables, of which every object has one.
_RANK_OF_BINDING[[Binding.WEAK, Binding.UNIQUE]] = Rank.WEAK
_FLAG_OF_TYPE = np.zeros(16, np.uint8)
_FLAG_OF_TYPE[[SymbolType.FUNC, SymbolType.IFUNC]] = Flag.FUNCTION
_FLAG_OF_TYPE[SymbolType.TLS] = Flag.TLS
_FLAG_OF_VISIBILITY = np.zeros(4, np.uint8)
_FLAG_OF_VISIBILITY[[Visibility.HIDDEN, Visibility.INTERNAL]] = Flag.HIDDEN
# The same for single rows: an index of bytes gives a Python number.
_RANKS, _TYPE_FLAGS, _HIDING = _RANK_OF_BINDING.tobytes(), _FLAG_OF_TYPE.tobytes(), _FLAG_OF_VISIBILITY.tobytes()


def definition_rows(named: Sequence[tuple[int, SymbolRow]]) -> list[tuple[int, int, int]]:
    """Return the definitions of one object that was read row by row: name, rank and flags of each."""
    found: list[tuple[int, int, int]] = []
    for name, (_, _, kind, _, binding, type, visibility, _) in named:
        if kind not in _DEFINE_NOTHING:
            rank = Rank.COMMON if kind == SymbolKind.COMMON else _RANKS[binding]
            found.append((name, rank, _TYPE_FLAGS[type] | _HIDING[visibility]))
    return found
