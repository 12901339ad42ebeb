"""A graph that was added to a session, indexed by object: the names that each one defines or needs."""

from __future__ import annotations

import numpy as np

from uruk.graph.graph import HOLDS_FUNCTIONS, Binding, Graph, SymbolKind, Visibility
from uruk.graph.types import I32, I64, Bool, true_rows
from uruk.orc.registry.definitions import Definitions, definitions_of
from uruk.records import record


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
    definitions: Definitions
    hidden: dict[int, list[int]]
    """Names that an object, by its index, wants from code that it is linked with: no library's will do."""

    @classmethod
    def of(cls, graph: Graph, first: int) -> Added:
        """Index a graph."""
        symbols = graph.symbols
        outer = true_rows(symbols.name >= 0)
        weak = (symbols.kind[outer] == SymbolKind.UNDEFINED) & (symbols.binding[outer] == Binding.WEAK)
        # `outer` ascends, so that bounds in symbol rows become bounds in it by a search.
        start: list[int] = outer.searchsorted(graph.ranges.symbols).tolist()
        return cls(graph, first, symbols.name[outer], weak, start, definitions_of(graph, outer), _hidden(graph, outer))

    def names_of(self, index: int) -> tuple[I32, Bool]:
        """Return names that object `index` defines or needs, and which of them it needs only weakly."""
        part = slice(self.start[index], self.start[index + 1])
        return self.names[part], self.weak[part]

    def signatures_of(self, index: int) -> I32:
        """Return the signatures of the section groups of object `index`."""
        start = self.graph.ranges.groups
        return self.graph.groups.name[start[index] : start[index + 1]]


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


def has_initializers(graph: Graph) -> Bool:
    """Mark the objects of a graph that have initialisers or finalisers."""
    blocks = graph.blocks
    special = true_rows(HOLDS_FUNCTIONS.take(blocks.role) & (blocks.size > 0))
    marks = np.zeros(len(graph.files), np.bool_)
    marks[blocks.object[special]] = True
    return marks
