"""A graph that was added to a session, indexed by object: the names that each one defines or needs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from uruk.graph.graph import HOLDS_FUNCTIONS, Binding, Graph, Role, SymbolKind, Visibility
from uruk.graph.types import I32, I64, Bool, true_rows
from uruk.orc.registry.definitions import Definitions, definitions_of
from uruk.records import record

if TYPE_CHECKING:
    from uruk.graph.rows import ObjectRows, SymbolRow


@record
class Added:
    """A graph that was added as one, with what lookups need to know of it."""

    graph: Graph
    first: int
    """The number of its first object in the session; the others follow."""
    names: I32
    """Names that its objects define or need, in the order of symbol rows."""
    weak: Bool
    """Marks those that it needs only weakly."""
    start: list[int]
    """The index at which each object's part of `names` begins."""
    hidden: dict[int, list[int]]
    """Names that an object, by its index, wants from code that it is linked with: no library's will do."""
    outer: I64 | None = None
    """The symbol rows that have a name, where they are known."""
    named: Sequence[tuple[int, SymbolRow]] = ()
    """Names with the symbol row of each, where one object was read row by row."""

    @classmethod
    def of(cls, graph: Graph, first: int) -> Added:
        """Index a graph."""
        if graph.rows is not None:
            return _AddedRows(graph, graph.rows, first)
        symbols = graph.symbols
        outer = true_rows(symbols.name >= 0)
        weak = (symbols.kind[outer] == SymbolKind.UNDEFINED) & (symbols.binding[outer] == Binding.WEAK)
        # `outer` ascends, so that bounds in symbol rows become bounds in it by a search.
        start: list[int] = outer.searchsorted(graph.ranges.symbols).tolist()
        return cls(graph, first, symbols.name[outer], weak, start, _hidden(graph, outer), outer)

    @cached_property
    def definitions(self) -> Definitions:
        """The definitions of all objects."""
        return definitions_of(self.graph, self.outer)

    def names_of(self, index: int) -> tuple[I32, Bool]:
        """Return names that object `index` defines or needs, and which of them it needs only weakly."""
        part = slice(self.start[index], self.start[index + 1])
        return self.names[part], self.weak[part]

    def ids_of(self, index: int) -> list[int]:
        """Return names that object `index` defines or needs, as numbers."""
        return self.names_of(index)[0].tolist()

    def signatures_of(self, index: int) -> list[int]:
        """Return the signatures of the section groups of object `index`."""
        start = self.graph.ranges.groups
        return self.graph.groups.name[start[index] : start[index + 1]].tolist()


class _AddedRows(Added):
    """One object that was read row by row: columns are made when something asks for them."""

    def __init__(self, graph: Graph, rows: ObjectRows, first: int) -> None:
        self.graph = graph
        self.first = first
        self.outer = None
        self._rows = rows
        named: list[tuple[int, SymbolRow]] = []
        for name, row in zip(rows.names, rows.symbols, strict=True):
            if name >= 0:
                named.append((name, row))
        self.named = named

    @cached_property
    def names(self) -> I32:  # pyright: ignore[reportIncompatibleVariableOverride] (a field there)
        """See `Added.names`."""
        return np.array(self.ids_of(0), np.int32)

    @cached_property
    def weak(self) -> Bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """See `Added.weak`."""
        marks = [row[2] == SymbolKind.UNDEFINED and row[4] == Binding.WEAK for _, row in self.named]
        return np.array(marks, np.bool_)

    @cached_property
    def hidden(self) -> dict[int, list[int]]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """See `Added.hidden`."""
        found = [
            name
            for name, (_, _, kind, _, _, _, visibility, _) in self.named
            if kind == SymbolKind.UNDEFINED and visibility in (Visibility.HIDDEN, Visibility.INTERNAL)
        ]
        return {0: found} if found else {}

    def names_of(self, index: int) -> tuple[I32, Bool]:
        """See `Added.names_of`; there is one object."""
        return self.names, self.weak

    def ids_of(self, index: int) -> list[int]:
        """See `Added.ids_of`."""
        return [name for name, _ in self.named]

    def signatures_of(self, index: int) -> list[int]:
        """See `Added.signatures_of`."""
        return self._rows.groups


def _hidden(graph: Graph, outer: I64) -> dict[int, list[int]]:
    """See `Added.hidden`; `outer` are the symbol rows with a name."""
    symbols = graph.symbols
    hidden = outer[_HIDDEN.take(symbols.visibility[outer])]
    if hidden.size == 0:
        return {}
    hidden = hidden[symbols.kind[hidden] == SymbolKind.UNDEFINED]
    # "right", as an object without symbols begins where the next one does: the last of equal bounds has the row.
    owner: list[int] = (graph.ranges.symbols.searchsorted(hidden, "right") - 1).tolist()
    names: dict[int, list[int]] = {}
    # Undefined hidden symbols are few, and most graphs have none: a loop is enough.
    for index, name in zip(owner, symbols.name[hidden].tolist(), strict=True):
        names.setdefault(index, []).append(name)
    return names


_HIDDEN = np.zeros(4, np.bool_)
_HIDDEN[[Visibility.HIDDEN, Visibility.INTERNAL]] = True


def has_initializers(graph: Graph) -> list[bool]:
    """Mark the objects of a graph that have initialisers or finalisers."""
    if graph.rows is not None:
        for row in graph.rows.blocks:
            if Role.PREINIT <= row[5] <= Role.DTORS and row[2]:
                return [True]
        return [False]
    blocks = graph.blocks
    special = true_rows(HOLDS_FUNCTIONS.take(blocks.role) & (blocks.size > 0))
    marks = np.zeros(len(graph.files), np.bool_)
    marks[blocks.object[special]] = True
    return marks.tolist()
