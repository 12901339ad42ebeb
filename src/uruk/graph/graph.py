"""LinkGraph: objects as columns. One row a block, symbol, edge, relocation table or section group.

A graph holds one object or thousands; every pass works on whole columns. Rows of one object are contiguous, so
`Graph.assemble` can put any choice of objects from any graphs together with a few slices.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

import numpy as np

from uruk.errors import LinkError
from uruk.graph.arena import Arena
from uruk.graph.types import I32, I64, NONE, U8, U64, AnyArray, filled, true_rows
from uruk.records import field, field_names, record, replace

if TYPE_CHECKING:
    from uruk.graph.kinds import KindTable
    from uruk.graph.rows import ObjectRows
    from uruk.target import Target

TableT = TypeVar("TableT", bound="Table")


class Zone:
    """The place of a block in memory: one zone for each protection, and one for thread-local images."""

    RX: Final = 0
    R: Final = 1
    RW: Final = 2
    TLS: Final = 3


ZONE_BITS: Final = 3
"""Bits that a zone takes in keys: there may be 8."""


class Role:
    """The purpose of a block, if links treat it in a special way."""

    PLAIN: Final = 0
    UNWIND: Final = 1
    PREINIT: Final = 2
    INIT: Final = 3
    FINI: Final = 4
    CTORS: Final = 5
    DTORS: Final = 6
    COMMON: Final = 7
    RETAINED: Final = 8
    """The block is kept even if nothing refers to it (SHF_GNU_RETAIN)."""


HOLDS_FUNCTIONS = np.zeros(256, np.bool_)
"""True for each Role of blocks that are arrays of initialisers or finalisers."""
# These roles are numbered in a row.
HOLDS_FUNCTIONS[Role.PREINIT : Role.DTORS + 1] = True


class SymbolKind:
    """The way in which a symbol table row says where the symbol is."""

    UNDEFINED: Final = 0
    DEFINED: Final = 1
    ABSOLUTE: Final = 2
    COMMON: Final = 3
    DROPPED: Final = 4
    """Defined in a section that is not loaded (debug information, notes)."""


class Binding:
    """ELF's binding numbers (gABI, "Symbol Table"); other formats map to them."""

    LOCAL: Final = 0
    GLOBAL: Final = 1
    WEAK: Final = 2
    UNIQUE: Final = 10


class SymbolType:
    """ELF's type numbers."""

    NOTYPE: Final = 0
    OBJECT: Final = 1
    FUNC: Final = 2
    SECTION: Final = 3
    FILE: Final = 4
    COMMON: Final = 5
    TLS: Final = 6
    IFUNC: Final = 10


class Visibility:
    """ELF's visibility numbers."""

    DEFAULT: Final = 0
    INTERNAL: Final = 1
    HIDDEN: Final = 2
    PROTECTED: Final = 3


@lru_cache(maxsize=16)
def _columns(table: type[Table]) -> tuple[str, ...]:
    """Return the column names of a table, in order."""
    return field_names(table)


@record
class Table:
    """Columns of equal length."""

    def __len__(self) -> int:
        first: AnyArray = getattr(self, _columns(type(self))[0])
        return first.size

    def rows(self: TableT, selection: slice | AnyArray) -> TableT:
        """Return the selected rows as a table of the same kind: a view for a slice, a copy for a mask or row
        numbers."""
        columns = _columns(type(self))
        if isinstance(selection, slice):
            return type(self)(*[getattr(self, column)[selection] for column in columns])
        # `take` gathers faster than indexing does; a mask would be looked through for each column.
        rows = true_rows(selection) if selection.dtype == np.bool_ else selection
        return type(self)(*[getattr(self, column).take(rows) for column in columns])

    def replaced(self: TableT, **columns: AnyArray) -> TableT:
        """Return a table with some columns replaced; the others are shared."""
        # Passes do this very often: dataclasses.replace would look at every field and call __init__.
        table = object.__new__(type(self))
        table.__dict__.update(self.__dict__, **columns)
        return table

    @classmethod
    def concat(cls: type[TableT], pieces: Sequence[TableT]) -> TableT:
        """Return the rows of all `pieces`, in order."""
        if len(pieces) == 1:
            return pieces[0]
        return cls(*[np.concatenate([getattr(piece, column) for piece in pieces]) for column in _columns(cls)])

    @classmethod
    def empty(cls: type[TableT]) -> TableT:
        """Return a table without rows."""
        return cls(*[np.empty(0, DTYPES.get(column, np.int32)) for column in _columns(cls)])


DTYPES = {
    "content": np.int64,
    "text": np.int64,
    "offset": np.int64,
    "count": np.int64,
    "size": np.int64,
    "align": np.int64,
    "value": np.uint64,
    "addend": np.int64,
    "zone": np.uint8,
    "role": np.uint8,
    "kind": np.uint8,
    "binding": np.uint8,
    "type": np.uint8,
    "visibility": np.uint8,
    "selection": np.uint8,
}
"""Column name -> dtype; all others are int32 row numbers."""


@record
class Blocks(Table):
    """One row a loaded section: the smallest thing that is placed."""

    object: I32
    text: I64
    """Arena offset of the section's name."""
    content: I64
    """Arena offset of the bytes; -1 for zero-fill."""
    size: I64
    align: I64
    zone: U8
    role: U8
    group: I32
    """Row of the section group that it belongs to, or -1."""


@record
class Symbols(Table):
    """One row a symbol table entry, locals and undefined ones included."""

    name: I32
    """Interned name of a global or weak symbol; -1 for locals."""
    text: I64
    """Arena offset of the name."""
    block: I32
    value: U64
    """Offset in the block; address of an absolute symbol; alignment of a common one."""
    size: I64
    kind: U8
    binding: U8
    type: U8
    visibility: U8


@record
class Relocations(Table):
    """One row a relocation table of a loaded section."""

    block: I32
    content: I64
    count: I64


class Selection:
    """The choice among several groups of a signature (PE/COFF, "COMDAT Sections"); ELF has the first only."""

    ANY: Final = 0
    """The first one."""
    SAME_SIZE: Final = 1
    """The first one; it is an error if another one's leader has another size."""
    EXACT: Final = 2
    """The first one; it is an error if another one's leader has another content."""
    LARGEST: Final = 3
    """The first of those whose leader is largest, among the groups that are added together."""
    SINGLE: Final = 4
    """Another one is an error."""


@record
class Groups(Table):
    """One row a COMDAT group, whose name is its signature.

    Sections that are associated with its leader (COFF) are members like all others.
    """

    name: I32
    object: I32
    selection: U8
    """See `Selection`."""
    leader: I32
    """The block whose size and content the selection compares; -1 where it compares nothing."""


@record
class Fallbacks(Table):
    """One row an undefined symbol with a fallback (COFF's weak externals, ``/alternatename``), ascending by `symbol`.

    `instead` is a symbol row of the same object. It stands for the symbol in all of a batch if its name is undefined.
    """

    symbol: I32
    instead: I32


NO_FALLBACKS = Fallbacks(np.empty(0, np.int32), np.empty(0, np.int32))


def first_wins(name: I32, owner: I32) -> Groups:
    """Return groups of which the first one of each signature stays."""
    return Groups(name, owner, filled(name.size, Selection.ANY, np.uint8), filled(name.size, NONE, np.int32))


@record
class Edges(Table):
    """One row a relocation: at `offset` of `block`, of `kind`, to symbol row `target`."""

    block: I32
    offset: I64
    kind: U8
    target: I32
    addend: I64


@record
class Ranges:
    """The first row of each object: row i of object o is starts[o] <= i < starts[o + 1]."""

    blocks: I64
    symbols: I64
    relocations: I64
    groups: I64


def first_rows(owner: I32, count: int) -> I64:
    """Return the first row of each of `count` objects in an ascending column of owners, and the number of rows."""
    if count == 1:
        return np.array([0, owner.size], np.int64)
    # Side "left" finds the first row of each object, and for an object without rows that of the next one.
    return owner.searchsorted(np.arange(count + 1))


NAME_LIMIT = 4096
"""About how many bytes of a section's name an error shows."""


@record
class Graph:
    """Objects as columns; see the tables. `edges` is None until relocations are read."""

    kinds: KindTable
    arena: Arena
    files: list[str]
    blocks: Blocks
    symbols: Symbols
    relocations: Relocations
    groups: Groups
    ranges: Ranges
    edges: Edges | None = None
    fallbacks: Fallbacks = NO_FALLBACKS
    trampolines: frozenset[str] = frozenset()
    """Files of objects whose code makes trampolines on the stack: nested functions (`.note.GNU-stack` says so)."""
    linker_words: dict[int, dict[str, list[str]]] = field(default_factory=dict[int, dict[str, list[str]]])
    """By object: what it asks of whoever links a program (COFF's ``/defaultlib``), by option. No pass acts on it."""
    notes: dict[str, int] = field(default_factory=dict[str, int])
    """Counts that passes leave for `--time` and tests (edges read, relaxed, ...)."""
    target: Target | None = None
    """The target of the objects; `uruk.formats.registry` sets it."""
    spans: Sequence[Any] = ()
    """The place of each object's bytes in the arena (`uruk.formats.interface.Span`); empty for a graph that was made of
    others that have none."""

    rows: ClassVar[ObjectRows | None] = None
    """The graph's one object as rows, where it was read row by row; see `uruk.graph.row_graph`, whose graphs have it
    for themselves."""

    @classmethod
    def empty(cls, kinds: KindTable, arena: Arena) -> Graph:
        """Return the graph of no objects."""
        starts = np.zeros(1, np.int64)
        ranges = Ranges(starts, starts, starts, starts)
        return cls(kinds, arena, [], Blocks.empty(), Symbols.empty(), Relocations.empty(), Groups.empty(), ranges)

    def forget_rows(self) -> None:
        """Note that the tables are about to be changed in place."""

    def object_of_symbol(self, row: int) -> int:
        """Return the object that a symbol row comes from; -1 for a row that a pass has made, behind those of the
        objects."""
        # The last object that begins at or before the row. Rows of a pass lie at or behind the end, which is the last
        # element of `ranges` and would be an object behind all.
        owner = int(np.searchsorted(self.ranges.symbols, row, "right")) - 1
        return owner if owner < len(self.files) else NONE

    def section_name(self, block: int) -> str:
        """Return the name of a block's section, cut after about `NAME_LIMIT` bytes."""
        # All sections of a hostile object may share one name of megabytes, which errors then repeat.
        offset = int(self.blocks.text[block])
        return self.arena.string_at(offset, NAME_LIMIT).decode("utf-8", "replace") if offset >= 0 else "(synthetic)"

    def symbol_name(self, row: int) -> str:
        """Return the name of a symbol; a section symbol has its section's."""
        symbols = self.symbols
        offset = int(symbols.text[row])
        name = self.arena.string_at(offset).decode("utf-8", "replace") if offset >= 0 else ""
        if not name and symbols.block[row] >= 0:
            return self.section_name(int(symbols.block[row]))
        return name or f"symbol {row - int(self.ranges.symbols[self.object_of_symbol(row)])}"

    def place(self, block: int, offset: int) -> str:
        """Return ``file:(section+0xoffset)``, as errors name places."""
        owner = int(self.blocks.object[block])
        file = self.files[owner] if owner >= 0 else "uruk"
        return f"{file}:({self.section_name(block)}+{offset:#x})"


def _shifted(table: TableT, **amounts: int) -> TableT:
    """Return a copy of `table` in which an amount is added to the named columns of row numbers; -1 stays -1."""
    columns: list[AnyArray] = []
    for column in _columns(type(table)):
        values: AnyArray = getattr(table, column)
        amount = amounts.get(column, 0)
        # The amount gets the column's own type: an int64 would make an int64 column of an int32 one.
        columns.append(np.where(values >= 0, values + values.dtype.type(amount), values) if amount else values)
    return type(table)(*columns)


def _bounds(pieces: Sequence[tuple[I64, int, int]]) -> I64:
    """Return the first rows of the chosen objects when their rows follow each other from 0 on, and the end."""
    counts = [np.diff(starts[low : high + 1]) for starts, low, high in pieces]
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(counts))])


def _ranges(pieces: Sequence[tuple[Graph, int, int]]) -> Ranges:
    """Return the ranges of the chosen objects in one graph."""
    return Ranges(
        _bounds([(graph.ranges.blocks, low, high) for graph, low, high in pieces]),
        _bounds([(graph.ranges.symbols, low, high) for graph, low, high in pieces]),
        _bounds([(graph.ranges.relocations, low, high) for graph, low, high in pieces]),
        _bounds([(graph.ranges.groups, low, high) for graph, low, high in pieces]),
    )


def _common_target(pieces: Sequence[tuple[Graph, int, int]]) -> Target | None:
    """Return the target of all pieces. Raises LinkError if they have several."""
    first = pieces[0][0]
    for graph, low, _ in pieces:
        if graph.target != first.target:
            raise LinkError(
                f"one link takes objects of one format and architecture: {first.files[pieces[0][1]]} is "
                f"{_target_text(first)}, {graph.files[low]} is {_target_text(graph)}"
            )
    return first.target


def _target_text(graph: Graph) -> str:
    return f"{graph.target.format} for {graph.target.title}" if graph.target is not None else "of no format"


def assemble(pieces: Sequence[tuple[Graph, int, int]]) -> Graph:
    """Return one graph of the objects low..high-1 of each (graph, low, high), in that order.

    A single whole graph is returned as it is: passes never write into a graph's tables, they replace them.
    """
    first, low, high = pieces[0]
    if len(pieces) == 1 and low == 0 and high == len(first.files):
        return first
    arena = Arena()
    bases: dict[int, int] = {}
    tables: list[tuple[Blocks, Symbols, Relocations, Groups, Edges | None]] = []
    files: list[str] = []
    blocks = symbols = groups = 0
    trampolines: frozenset[str] = frozenset()
    for graph, low, high in pieces:
        if graph.trampolines:
            trampolines |= graph.trampolines.intersection(graph.files[low:high])
        # An arena comes in once, however many pieces have it: its buffers are shared, never copied.
        if id(graph.arena) not in bases:
            bases[id(graph.arena)] = arena.size
            for buffer in graph.arena.buffers:
                arena.append(buffer)
        move = bases[id(graph.arena)]
        tables.append(_piece(graph, low, high, move, len(files), blocks, symbols, groups))
        files += graph.files[low:high]
        blocks += len(tables[-1][0])
        symbols += len(tables[-1][1])
        groups += len(tables[-1][3])
    edges = [piece[4] for piece in tables]
    return Graph(
        first.kinds,
        arena,
        files,
        Blocks.concat([piece[0] for piece in tables]),
        Symbols.concat([piece[1] for piece in tables]),
        Relocations.concat([piece[2] for piece in tables]),
        Groups.concat([piece[3] for piece in tables]),
        _ranges(pieces),
        None
        if any(piece is None for piece in edges)
        else Edges.concat([piece for piece in edges if piece is not None]),
        _fallbacks(pieces),
        trampolines,
        target=_common_target(pieces),
        spans=_spans(pieces, bases),
    )


def _spans(pieces: Sequence[tuple[Graph, int, int]], bases: dict[int, int]) -> Sequence[Any]:
    """Return the places of the chosen objects' bytes in an arena where their arenas begin at `bases`; all, or none."""
    if not all(graph.spans for graph, _, _ in pieces):
        return ()
    spans: list[Any] = []
    for graph, low, high in pieces:
        base = bases[id(graph.arena)]
        # Arenas of most links begin at 0: their spans stay as they are.
        own = graph.spans[low:high]
        spans += [replace(span, start=span.start + base) for span in own] if base else own
    return spans


def _fallbacks(pieces: Sequence[tuple[Graph, int, int]]) -> Fallbacks:
    """Return the fallbacks of the chosen objects, renumbered as their symbols are."""
    if not any(graph.fallbacks.symbol.size for graph, _, _ in pieces):
        return NO_FALLBACKS
    tables: list[Fallbacks] = []
    symbols = 0
    for graph, low, high in pieces:
        begin, end = int(graph.ranges.symbols[low]), int(graph.ranges.symbols[high])
        first, last = np.searchsorted(graph.fallbacks.symbol, [begin, end])
        rows = graph.fallbacks.rows(slice(int(first), int(last)))
        tables.append(_shifted(rows, symbol=symbols - begin, instead=symbols - begin))
        symbols += end - begin
    return Fallbacks.concat(tables)


def _piece(
    graph: Graph, low: int, high: int, move: int, files: int, blocks: int, symbols: int, groups: int
) -> tuple[Blocks, Symbols, Relocations, Groups, Edges | None]:
    """Return the rows of objects low..high-1, renumbered to follow the rows that are assembled already."""
    ranges = graph.ranges

    def cut(starts: I64) -> slice:
        return slice(int(starts[low]), int(starts[high]))

    block, symbol, relocation, group = map(cut, (ranges.blocks, ranges.symbols, ranges.relocations, ranges.groups))
    to_block = blocks - block.start
    edges = graph.edges
    if edges is not None:
        if high - low < len(graph.files):
            # Edges are ordered by block: those of neighbouring blocks are neighbours.
            first, last = np.searchsorted(edges.block, [block.start, block.stop])
            edges = edges.rows(slice(int(first), int(last)))
        edges = _shifted(edges, block=to_block, target=symbols - symbol.start)
    return (
        _shifted(graph.blocks.rows(block), object=files - low, text=move, content=move, group=groups - group.start),
        _shifted(graph.symbols.rows(symbol), text=move, block=to_block),
        _shifted(graph.relocations.rows(relocation), block=to_block, content=move),
        _shifted(graph.groups.rows(group), object=files - low, leader=to_block),
        edges,
    )
