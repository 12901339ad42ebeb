"""Objects of a dylib: what was added, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from uruk.graph.graph import Graph, Role, SymbolKind
from uruk.graph.types import I32, I64, Bool, true_rows
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
    outer: I64
    """Symbol rows with a name that others can see, in row order."""
    outer_start: I64
    """Where each object's part of `outer` begins."""

    @classmethod
    def of(cls, graph: Graph, first: int) -> Added:
        """Index a graph."""
        outer = true_rows(graph.symbols.name >= 0)
        return cls(graph, first, outer, outer.searchsorted(graph.ranges.symbols))

    def names_of(self, index: int) -> tuple[I32, Bool]:
        """Names that object `index` defines or needs, and which of them it needs only weakly."""
        rows = self.outer[self.outer_start[index] : self.outer_start[index + 1]]
        symbols = self.graph.symbols
        weak = (symbols.kind[rows] == SymbolKind.UNDEFINED) & (symbols.binding[rows] == 2)
        return symbols.name[rows], weak


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
    special = (graph.blocks.role >= Role.PREINIT) & (graph.blocks.role <= Role.DTORS) & (graph.blocks.size > 0)
    found = np.zeros(len(graph.files), np.bool_)
    found[graph.blocks.object[special]] = True
    return found


@dataclass(eq=False, repr=False)
class Batch:
    """Objects that one lookup links together."""

    entries: list[ObjectEntry] = field(default_factory=list[ObjectEntry])
    wanted: I32 = field(default_factory=lambda: np.empty(0, np.int32))
