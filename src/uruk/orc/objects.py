"""Objects of a dylib: what was added, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from uruk.graph.graph import HOLDS_FUNCTIONS, Binding, Graph, SymbolKind
from uruk.graph.types import I32, Bool, true_rows
from uruk.orc.definitions import Definitions, definitions_of
from uruk.orc.tracker import ResourceTracker


class ObjectState(Enum):
    """How far an object has come."""

    PENDING = "pending"
    LINKED = "linked"
    REMOVED = "removed"


@dataclass(eq=False, repr=False)
class Added:
    """A graph that was added as one, with what lookups need to know of it."""

    graph: Graph
    first: int
    """The number of its first object in the dylib; the others follow."""
    names: I32
    """Names that its objects define or need, in the order of symbol rows."""
    weak: Bool
    """Which of them it needs only weakly."""
    start: list[int]
    """Where each object's part of `names` begins."""
    definitions: Definitions

    @classmethod
    def of(cls, graph: Graph, first: int) -> Added:
        """Index a graph."""
        symbols = graph.symbols
        outer = true_rows(symbols.name >= 0)
        weak = (symbols.kind[outer] == SymbolKind.UNDEFINED) & (symbols.binding[outer] == Binding.WEAK)
        start: list[int] = outer.searchsorted(graph.ranges.symbols).tolist()
        return cls(graph, first, symbols.name[outer], weak, start, definitions_of(graph, outer))

    def names_of(self, index: int) -> tuple[I32, Bool]:
        """Names that object `index` defines or needs, and which of them it needs only weakly."""
        part = slice(self.start[index], self.start[index + 1])
        return self.names[part], self.weak[part]


@dataclass(eq=False, repr=False)
class ObjectEntry:
    """One object of a dylib."""

    added: Added
    index: int
    number: int
    tracker: ResourceTracker
    order: int
    """Where it stands among the inputs; initialisers run in this order."""
    root: bool = False
    """Named by the user and with initialisers: linked by the next lookup even if nothing refers to it."""
    state: ObjectState = ObjectState.PENDING
    failed: bool = False
    """A root whose linking failed: only `initialize()` and lookups that need it try again."""
    doubtful: bool = False
    """A root that was in a batch whose linking failed: the next lookup tries it alone."""
    private: bool = False
    """A part of the runtime that every module has for itself; it defines no name of the dylib."""

    @property
    def file(self) -> str:
        """The input's name."""
        return self.added.graph.files[self.index]


def has_initializers(graph: Graph) -> Bool:
    """Which objects of a graph have initialisers or finalisers."""
    blocks = graph.blocks
    special = true_rows(HOLDS_FUNCTIONS.take(blocks.role) & (blocks.size > 0))
    found = np.zeros(len(graph.files), np.bool_)
    found[blocks.object[special]] = True
    return found
