"""The protocol by which views, dumps and checks see a running link; the passes' `State` implements it."""

from __future__ import annotations

from typing import Protocol

from uruk.graph.graph import Graph
from uruk.graph.names import Names
from uruk.graph.types import I32, I64, U8, Bool


class SlotTable(Protocol):
    """GOT entries: one row a (module, symbol, what the entry holds), at an offset of the module's GOT."""

    module: I32
    row: I32
    operand: U8
    offset: I64


class StubTable(Protocol):
    """Jump stubs: one row a (module, symbol). Each jumps through a slot."""

    module: I32
    row: I32
    offset: I64
    slot: I64
    ifunc: Bool


class Answers(Protocol):
    """Masks of the undefined rows that have a definition outside, and of those that the link provides itself."""

    found: Bool
    own: Bool


class Link(Protocol):
    """The columns that a running link has for views (`uruk.passes.state.State`, which says what the columns mean)."""

    @property
    def names(self) -> Names:
        """The session's names."""
        ...

    @property
    def live(self) -> Bool:
        """A mask of the blocks that are kept."""
        ...

    @property
    def block_module(self) -> I32:
        """The module of each block."""
        ...

    @property
    def canonical(self) -> I32:
        """Symbol row -> the row that stands for its name; empty before names are bound."""
        ...

    @property
    def undefined(self) -> I32:
        """Canonical rows that the batch does not define."""
        ...

    @property
    def external(self) -> Answers | None:
        """The answers for `undefined`; None before the session was asked."""
        ...

    @property
    def synthetic(self) -> dict[str, I32]:
        """Kind of block that the link made -> its row for each module, or -1."""
        ...

    @property
    def slots(self) -> SlotTable:
        """The entries of the GOTs."""
        ...

    @property
    def stubs(self) -> StubTable:
        """The jump stubs."""
        ...

    @property
    def segment(self) -> I32:
        """Segment of each block, -1 where it has none; empty before layout."""
        ...

    @property
    def offset(self) -> I64:
        """The offset of each block in its segment."""
        ...

    @property
    def address(self) -> I64:
        """Address of each block; empty before they are assigned."""
        ...

    @property
    def symbol_address(self) -> I64:
        """Address of each symbol; empty before they are assigned."""
        ...

    def now(self) -> Graph:
        """Return the graph with its tables as they are now."""
        ...


def as_graph(source: Graph | Link) -> Graph:
    """Return `source`, or the graph of a running link with the tables as they are now; nothing is copied."""
    return source if isinstance(source, Graph) else source.now()
