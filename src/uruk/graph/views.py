"""Views: a graph as objects, for people. A view holds a row number; its properties read the columns.

    graph = GraphView(session.parse([("main.o", data)], dylib))
    for edge in graph.symbols["main"].block.edges:
        print(edge)                         # <edge main.o:(.text+0xa): BranchPCRel32 to puts - 0x4>

Views show the tables as they were when the `GraphView` was made. Passes use the columns themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Generic, TypeVar, overload

import numpy as np

from uruk.graph.graph import (
    Binding,
    Blocks,
    Edges,
    Graph,
    Role,
    SymbolKind,
    Symbols,
    SymbolType,
    Visibility,
    Zone,
)
from uruk.graph.kinds import EdgeKind
from uruk.graph.running import Link, as_graph
from uruk.graph.types import I64, unsigned


def _texts(numbers: type, **texts: str) -> dict[int, str]:
    """Return number -> text of the constants of a class: the lower-case name, or the one in `texts`."""
    rows = {number: name.lower() for name, number in vars(numbers).items() if isinstance(number, int)}
    return {number: texts.get(name, name) for number, name in rows.items()}


ZONES = {Zone.RX: "RX", Zone.R: "R", Zone.RW: "RW", Zone.TLS: "TLS"}
ROLES = _texts(Role, plain="", unwind="unwind data")
KINDS = _texts(SymbolKind, dropped="not loaded")
BINDINGS = _texts(Binding)
TYPES = _texts(SymbolType, notype="", func="function", ifunc="ifunc", tls="thread-local")
VISIBILITIES = _texts(Visibility)


def signed(value: int) -> str:
    """Return a number behind its sign, ``+ 0x10`` or ``- 0x4``; empty for 0."""
    return "" if value == 0 else f" {'-' if value < 0 else '+'} {abs(value):#x}"


class GraphView:
    """A graph, or a link in a hook, as objects: `blocks`, `sections`, `symbols`, `edges`, `files`."""

    def __init__(self, source: Graph | Link) -> None:
        self.graph = as_graph(source)
        self.link = None if isinstance(source, Graph) else source
        none = np.empty(0, np.int64)
        self.block_addresses: I64 = none if isinstance(source, Graph) else source.address
        """The address of each block once a link has placed them; else empty."""
        self.symbol_addresses: I64 = none if isinstance(source, Graph) else source.symbol_address

    @property
    def files(self) -> list[str]:
        """Names of the inputs."""
        return self.graph.files

    @cached_property
    def made(self) -> dict[int, str]:
        """The blocks that a link made, without a section: row -> ``got``, ``stubs``, ``common``, ..."""
        blocks = self.graph.blocks
        rows: list[int] = np.flatnonzero(blocks.text < 0).tolist()
        names = {row: ROLES[int(blocks.role[row])] or "(synthetic)" for row in rows}
        for name, column in self.link.synthetic.items() if self.link else ():
            names |= {row: name for row in column.tolist() if row in names}
        return names

    def block_name(self, row: int) -> str:
        """Return the name of a block's section, or of the kind of block that the link made."""
        return self.made.get(row) or self.graph.section_name(row)

    @cached_property
    def blocks(self) -> Rows[BlockView]:
        """All blocks in row order; `blocks[".text"]` is the first of that name."""
        names = [self.block_name(row) for row in range(len(self.graph.blocks))]
        return Rows([BlockView(self, row) for row in range(len(names))], names)

    @cached_property
    def sections(self) -> dict[str, list[BlockView]]:
        """Section name -> its blocks."""
        blocks: dict[str, list[BlockView]] = {}
        for block in self.blocks:
            blocks.setdefault(block.name, []).append(block)
        return blocks

    @cached_property
    def symbols(self) -> Rows[SymbolView]:
        """All symbol rows; `symbols["main"]` is the row that other objects see, else the first one of that name."""
        columns = self.graph.symbols
        views = [SymbolView(self, row) for row in range(len(columns))]
        # Global definitions come first, then global references, then locals (which have no interned name).
        rank = (columns.name < 0) * 2 + (columns.kind == SymbolKind.UNDEFINED)
        return Rows(views, [view.name for view in views], np.argsort(rank, kind="stable").tolist())

    @cached_property
    def edges(self) -> Rows[EdgeView]:
        """All edges in row order; none before relocations are read (`has_edges`)."""
        count = len(self.graph.edges) if self.graph.edges is not None else 0
        return Rows([EdgeView(self, row) for row in range(count)])

    @property
    def has_edges(self) -> bool:
        """True if relocations have been read."""
        return self.graph.edges is not None

    @cached_property
    def edges_by_block(self) -> tuple[I64, I64]:
        """Edge rows ordered by block and offset, and the place in them of each block's first one."""
        edges = self.graph.edges
        if edges is None:
            return np.empty(0, np.int64), np.zeros(len(self.graph.blocks) + 1, np.int64)
        order = np.lexsort((edges.offset, edges.block))
        return order, np.searchsorted(edges.block[order], np.arange(len(self.graph.blocks) + 1))

    @cached_property
    def symbols_by_block(self) -> tuple[I64, I64]:
        """Symbol rows ordered by block and offset, and the place in them of each block's first one."""
        columns = self.graph.symbols
        # Rows without a block have -1 there: they come first, and block 0 begins behind them.
        order = np.lexsort((columns.value, columns.block))
        return order, np.searchsorted(columns.block[order], np.arange(len(self.graph.blocks) + 1))

    def __repr__(self) -> str:
        counts = f"{len(self.graph.blocks)} blocks, {len(self.graph.symbols)} symbols"
        edges = f"{len(self.edges)} edges" if self.has_edges else "edges not read"
        return f"<graph of {', '.join(self.files[:3])}{', ...' * (len(self.files) > 3)}: {counts}, {edges}>"


ViewT = TypeVar("ViewT")


class Rows(Sequence[ViewT], Generic[ViewT]):
    """Views in row order, found by row number or by name."""

    def __init__(self, views: list[ViewT], names: Sequence[str] = (), order: Sequence[int] | None = None) -> None:
        self._views = views
        self._by_name: dict[str, ViewT] = {}
        for row in range(len(names)) if order is None else order:
            self._by_name.setdefault(names[row], views[row])

    def __len__(self) -> int:
        return len(self._views)

    def __iter__(self) -> Iterator[ViewT]:
        return iter(self._views)

    @overload
    def __getitem__(self, key: int | str) -> ViewT: ...
    @overload
    def __getitem__(self, key: slice) -> list[ViewT]: ...
    def __getitem__(self, key: int | str | slice) -> ViewT | list[ViewT]:
        return self._by_name[key] if isinstance(key, str) else self._views[key]

    def __contains__(self, key: object) -> bool:
        return key in self._by_name if isinstance(key, str) else key in self._views

    def names(self) -> list[str]:
        """Return all names, each once."""
        return list(self._by_name)

    def __repr__(self) -> str:
        return f"<{len(self)} rows: {', '.join(map(repr, self._views[:3]))}{', ...' * (len(self) > 3)}>"


class RowView:
    """A row of one of a graph's tables."""

    __slots__ = ("row", "view")

    def __init__(self, view: GraphView, row: int) -> None:
        self.view = view
        self.row = row

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RowView):
            return NotImplemented
        return (type(other), other.row, other.view) == (type(self), self.row, self.view)

    def __hash__(self) -> int:
        return hash((type(self), self.row, id(self.view)))


class BlockView(RowView):
    """A block: one loaded section of one object. Sizes and offsets in bytes."""

    __slots__ = ()

    @property
    def _columns(self) -> Blocks:
        return self.view.graph.blocks

    @property
    def name(self) -> str:
        """The section's name, or the kind of block that a link made: ``got``, ``stubs``, ``common``, ..."""
        return self.view.block_name(self.row)

    @property
    def file(self) -> str:
        """The input that it comes from; ``uruk`` for a block that the link made."""
        owner = int(self._columns.object[self.row])
        return self.view.graph.files[owner] if owner >= 0 else "uruk"

    @property
    def zone(self) -> str:
        """``RX``, ``R``, ``RW`` or ``TLS``."""
        return ZONES[int(self._columns.zone[self.row])]

    @property
    def role(self) -> str:
        """The purpose that the linker knows; empty for most blocks."""
        return ROLES[int(self._columns.role[self.row])]

    @property
    def size(self) -> int:
        """Size in bytes."""
        return int(self._columns.size[self.row])

    @property
    def align(self) -> int:
        """Alignment in bytes."""
        return int(self._columns.align[self.row])

    @property
    def is_zero_fill(self) -> bool:
        """True if the input has no bytes for it."""
        return int(self._columns.content[self.row]) < 0

    @property
    def content(self) -> bytes:
        """The bytes of the input, before any fixup; empty for zero-fill."""
        at = int(self._columns.content[self.row])
        return b"" if at < 0 or not self.size else self.view.graph.arena.bytes_at(at, self.size)

    @property
    def is_live(self) -> bool:
        """True if a link keeps it."""
        return self.view.link is None or bool(self.view.link.live[self.row])

    @property
    def group(self) -> int:
        """Row of its section group, or -1."""
        return int(self._columns.group[self.row])

    @property
    def address(self) -> int | None:
        """The address that a link has given it; None before."""
        return unsigned(int(self.view.block_addresses[self.row])) if self.view.block_addresses.size else None

    @property
    def edges(self) -> list[EdgeView]:
        """Its edges, by offset."""
        order, begin = self.view.edges_by_block
        return [self.view.edges[int(row)] for row in order[begin[self.row] : begin[self.row + 1]]]

    @property
    def symbols(self) -> list[SymbolView]:
        """Symbols that lie in it, by offset."""
        order, begin = self.view.symbols_by_block
        return [self.view.symbols[int(row)] for row in order[begin[self.row] : begin[self.row + 1]]]

    def __repr__(self) -> str:
        return f"<block {self.file}:({self.name}): {self.zone}, {self.size:#x} bytes, align {self.align}>"


class SymbolView(RowView):
    """A symbol table row, undefined ones included."""

    __slots__ = ()

    @property
    def _columns(self) -> Symbols:
        return self.view.graph.symbols

    @property
    def name(self) -> str:
        """The name; a section symbol has its section's."""
        return self.view.graph.symbol_name(self.row)

    @property
    def file(self) -> str:
        """The input that it comes from; ``uruk`` for a symbol that a pass made."""
        owner = self.view.graph.object_of_symbol(self.row)
        return self.view.graph.files[owner] if owner >= 0 else "uruk"

    @property
    def block(self) -> BlockView | None:
        """The block that it lies in; None if it is undefined, absolute, common or not loaded."""
        row = int(self._columns.block[self.row])
        return self.view.blocks[row] if row >= 0 else None

    @property
    def offset(self) -> int:
        """Offset in the block; address of an absolute symbol; alignment of a common one."""
        return int(self._columns.value[self.row])

    @property
    def size(self) -> int:
        """Size in bytes, as the input says."""
        return int(self._columns.size[self.row])

    @property
    def kind(self) -> str:
        """``undefined``, ``defined``, ``absolute``, ``common`` or ``not loaded``."""
        return KINDS[int(self._columns.kind[self.row])]

    @property
    def binding(self) -> str:
        """``local``, ``global``, ``weak`` or ``unique``."""
        return BINDINGS[int(self._columns.binding[self.row])]

    @property
    def type(self) -> str:
        """``function``, ``object``, ``thread-local``, ...; empty where the input says nothing."""
        return TYPES[int(self._columns.type[self.row])]

    @property
    def visibility(self) -> str:
        """``default``, ``hidden``, ``protected`` or ``internal``."""
        return VISIBILITIES[int(self._columns.visibility[self.row])]

    @property
    def definition(self) -> SymbolView | None:
        """The row that stands for its name in a link, which may be itself; None before names are bound."""
        link = self.view.link
        if link is None or not link.canonical.size:
            return None
        return self.view.symbols[int(link.canonical[self.row])]

    @property
    def provider(self) -> str:
        """The definer of the symbol in a link: a file, ``outside``, ``the link``, ``nobody``; empty if unknown."""
        link, row = self.view.link, self.definition
        if link is None or row is None:
            return ""
        if row.is_defined:
            return row.file
        # `undefined` ascends; the answers are in its order.
        at = int(np.searchsorted(link.undefined, row.row))
        if link.external is None or at == link.undefined.size or link.undefined[at] != row.row:
            return ""
        return "the link" if link.external.own[at] else "outside" if link.external.found[at] else "nobody"

    @property
    def is_defined(self) -> bool:
        """True if its object defines it, in loaded sections."""
        return int(self._columns.kind[self.row]) in (
            SymbolKind.DEFINED,
            SymbolKind.ABSOLUTE,
            SymbolKind.COMMON,
        )

    @property
    def place(self) -> str:
        """``.text+0x10`` for a symbol in a block; else its kind."""
        block = self.block
        return f"{block.name}+{self.offset:#x}" if block else self.kind

    @property
    def address(self) -> int | None:
        """The address that a link has given it; None before."""
        return unsigned(int(self.view.symbol_addresses[self.row])) if self.view.symbol_addresses.size else None

    def __repr__(self) -> str:
        attributes = " ".join(filter(None, (self.binding, self.type)))
        return f"<symbol {self.name}: {attributes}, {self.place}>"


class EdgeView(RowView):
    """An edge: a field to fill in."""

    __slots__ = ()

    @property
    def _columns(self) -> Edges:
        edges = self.view.graph.edges
        assert edges is not None
        return edges

    @property
    def block(self) -> BlockView:
        """The block that has the field."""
        return self.view.blocks[int(self._columns.block[self.row])]

    @property
    def offset(self) -> int:
        """The offset of the field in the block."""
        return int(self._columns.offset[self.row])

    @property
    def kind(self) -> EdgeKind:
        """The kind of the edge: name, formula (`text`), width and range."""
        return self.view.graph.kinds[int(self._columns.kind[self.row])]

    @property
    def target(self) -> SymbolView:
        """The symbol that it refers to."""
        return self.view.symbols[int(self._columns.target[self.row])]

    @property
    def addend(self) -> int:
        """A of the formula."""
        return int(self._columns.addend[self.row])

    @property
    def place(self) -> str:
        """``file:(section+0xoffset)``."""
        return self.view.graph.place(self.block.row, self.offset)

    def __repr__(self) -> str:
        return f"<edge {self.place}: {self.kind.name} to {self.target.name}{signed(self.addend)}>"
