"""Verify: checks of the invariants of a graph's columns, for tests, and for authors of passes as a hook:

    jit.add_pass("post-prune", verify)

A violation is a bug of a reader or a pass, never of the input: readers refuse malformed input themselves.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from uruk.errors import InternalError
from uruk.graph.graph import DTYPES, Binding, Graph, SymbolKind, Table
from uruk.graph.running import Link, as_graph
from uruk.graph.types import I64, NONE, AnyArray, Bool
from uruk.graph.views import BINDINGS, KINDS, ROLES, TYPES, VISIBILITIES, ZONES


def verify(source: Graph | Link) -> None:
    """Check a graph, or the tables of a running link. Raises InternalError that names the first violation.

    Of a link, blocks and symbols that the link made follow those of the inputs and may belong to no object (-1),
    and edges need not be in order of their blocks, nor stay within their object.
    """
    graph = as_graph(source)
    parsed = isinstance(source, Graph)
    for name in ("blocks", "symbols", "relocations", "groups", "edges"):
        table: Table | None = getattr(graph, name)
        if table is not None:
            _columns(name, table)
    _ranges(graph, parsed)
    _blocks(graph, parsed)
    _fallbacks(graph)
    _groups(graph)
    _symbols(graph)
    _relocations(graph)
    if graph.edges is not None:
        _edges(graph, parsed)
    if not isinstance(source, Graph):
        _link(source, graph)


def _require(good: Bool, table: str, column: str, problem: str, values: AnyArray | None = None) -> None:
    """Raise InternalError for the first row that is not good."""
    if not good.all():
        # argmin of a mask is its first False row.
        row = int(np.argmin(good))
        value = "" if values is None else f" (it is {int(values[row])})"
        raise InternalError(f"{table}.{column}: row {row} {problem}{value}")


def _within(table: str, column: str, values: AnyArray, low: int, high: int, noun: str) -> None:
    """Require every value to be in [low, high); errors call it a `noun`."""
    _require((values >= low) & (values < high), table, column, f"is no {noun} of [{low}, {high})", values)


def _known(table: str, column: str, values: AnyArray, numbers: dict[int, str]) -> None:
    _require(np.isin(values, np.array(list(numbers), values.dtype)), table, column, "is an unknown number", values)


def _columns(name: str, table: Table) -> None:
    """Require columns to be one-dimensional, equally long, and of the width that the table says."""
    for column in fields(table):
        values: AnyArray = getattr(table, column.name)
        wanted = np.dtype(DTYPES.get(column.name, np.int32))
        if values.ndim != 1 or values.size != len(table):
            raise InternalError(f"{name}.{column.name}: shape {values.shape}, not {len(table)} rows")
        if values.dtype != wanted:
            raise InternalError(f"{name}.{column.name}: {values.dtype}, not {wanted}")


def _ranges(graph: Graph, parsed: bool) -> None:
    """Require each object's rows to be contiguous, and the objects' rows to follow each other."""
    for name in ("blocks", "symbols", "relocations", "groups"):
        starts: I64 = getattr(graph.ranges, name)
        total = len(getattr(graph, name))
        if starts.size != len(graph.files) + 1:
            raise InternalError(f"ranges.{name}: {starts.size} rows for {len(graph.files)} files")
        if int(starts[0]) != 0:
            raise InternalError(f"ranges.{name}: row 0 is {int(starts[0])}, not 0")
        # With the last value once more, every row has a difference to the next one, and an error names the right row.
        _require(np.diff(starts, append=starts[-1]) >= 0, "ranges", name, "is larger than the next one", starts)
        last = int(starts[-1])
        if last > total or (last < total and (parsed or name not in ("blocks", "symbols"))):
            raise InternalError(f"ranges.{name}: ends at {last}, the table at {total}")


def _owners(graph: Graph, name: str) -> AnyArray:
    """Return the object of every row of a table, from its ranges; -1 for rows that a link made."""
    starts: I64 = getattr(graph.ranges, name)
    made = np.full(len(getattr(graph, name)) - int(starts[-1]), NONE)
    return np.concatenate([np.repeat(np.arange(len(graph.files)), np.diff(starts)), made])


def _blocks(graph: Graph, parsed: bool) -> None:
    blocks, files = graph.blocks, len(graph.files)
    # Blocks that a pass made lie behind those of the objects, and belong to any object or none.
    read = int(graph.ranges.blocks[-1])
    _require(
        blocks.object[:read] == _owners(graph, "blocks")[:read],
        "blocks",
        "object",
        "contradicts ranges.blocks",
        blocks.object,
    )
    _within("blocks", "object", blocks.object, 0 if parsed else NONE, files, "object")
    _within("blocks", "text", blocks.text, NONE, graph.arena.size, "arena offset")
    _require(blocks.size >= 0, "blocks", "size", "is negative", blocks.size)
    _require(
        (blocks.align > 0) & (blocks.align & (blocks.align - 1) == 0),
        "blocks",
        "align",
        "is no power of two",
        blocks.align,
    )
    _known("blocks", "zone", blocks.zone, ZONES)
    _known("blocks", "role", blocks.role, ROLES)
    _content(graph)


def _fallbacks(graph: Graph) -> None:
    fallbacks = graph.fallbacks
    _within("fallbacks", "symbol", fallbacks.symbol, 0, len(graph.symbols), "symbol")
    _within("fallbacks", "instead", fallbacks.instead, 0, len(graph.symbols), "symbol")
    # Rows count from 0, so that the first difference is positive, too.
    _require(np.diff(fallbacks.symbol, prepend=-1) > 0, "fallbacks", "symbol", "is not above the last row")
    owner = _owners(graph, "symbols")
    alike = owner[fallbacks.symbol] == owner[fallbacks.instead]
    _require(alike, "fallbacks", "instead", "is a symbol of another object", fallbacks.instead)


def _groups(graph: Graph) -> None:
    """Check the groups, and the blocks' column of them."""
    blocks, groups, count = graph.blocks, graph.groups, len(graph.blocks)
    _within("blocks", "group", blocks.group, NONE, len(groups), "group")
    _within("groups", "name", groups.name, 0, 1 << 31, "name")
    _require(
        groups.object == _owners(graph, "groups"),
        "groups",
        "object",
        "contradicts ranges.groups",
        groups.object,
    )
    _within("groups", "leader", groups.leader, NONE, count, "block")
    compares = np.flatnonzero(groups.leader >= 0)
    own = np.ones(len(groups), np.bool_)
    own[compares] = blocks.group[groups.leader[compares]] == compares
    _require(own, "groups", "leader", "is a block of another group", groups.leader)
    member = np.flatnonzero(blocks.group >= 0)
    same = np.ones(count, np.bool_)
    same[member] = groups.object[blocks.group[member]] == blocks.object[member]
    _require(same, "blocks", "group", "is a group of another object", blocks.group)


def _content(graph: Graph) -> None:
    """Require content to lie whole in one buffer of the arena."""
    content, size = graph.blocks.content, graph.blocks.size
    bases = np.array([*graph.arena.bases, graph.arena.size], np.int64)
    _within("blocks", "content", content, NONE, graph.arena.size + 1, "arena offset")
    stored = (content >= 0) & (size > 0)
    at = np.where(stored, content, 0)
    last = len(graph.arena.buffers)
    # The first base above the offset is the end of its buffer; an offset at the very end has none, and takes the last.
    end = bases[np.minimum(np.searchsorted(bases, at, "right"), last)]
    _require(~stored | (size <= end - at), "blocks", "content", "ends behind its buffer", content)


def _symbols(graph: Graph) -> None:
    symbols, blocks = graph.symbols, graph.blocks
    for column, numbers in (
        ("kind", KINDS),
        ("binding", BINDINGS),
        ("type", TYPES),
        ("visibility", VISIBILITIES),
    ):
        _known("symbols", column, getattr(symbols, column), numbers)
    _within("symbols", "name", symbols.name, NONE, 1 << 31, "name")
    local = symbols.binding == Binding.LOCAL
    _require(
        ~local | (symbols.name == NONE),
        "symbols",
        "name",
        "is interned, but the symbol is local",
        symbols.name,
    )
    _within("symbols", "text", symbols.text, NONE, graph.arena.size, "arena offset")
    _within("symbols", "block", symbols.block, NONE, len(blocks), "block")
    _require(symbols.size >= 0, "symbols", "size", "is negative", symbols.size)
    inside = symbols.block >= 0
    defined = symbols.kind == SymbolKind.DEFINED
    placed = defined | (symbols.kind == SymbolKind.COMMON)
    _require(inside | ~defined, "symbols", "block", "is -1, but the symbol is defined")
    _require(~inside | placed, "symbols", "block", "is a block, but the symbol is in none", symbols.block)
    rows = np.flatnonzero(inside)
    home = symbols.block[rows]
    good = np.ones(len(symbols), np.bool_)
    owner = _owners(graph, "symbols")[rows]
    good[rows] = (owner < 0) | (blocks.object[home] == owner)
    _require(good, "symbols", "block", "is a block of another object", symbols.block)
    # A symbol may mark the end of its block. The comparison is of uint64, as values are.
    good[rows] = symbols.value[rows] <= blocks.size[home].astype(np.uint64)
    _require(good, "symbols", "value", "lies behind its block", symbols.value)


def _relocations(graph: Graph) -> None:
    tables = graph.relocations
    _within("relocations", "block", tables.block, 0, len(graph.blocks), "block")
    _within("relocations", "content", tables.content, 0, graph.arena.size + 1, "arena offset")
    _require(tables.count >= 0, "relocations", "count", "is negative", tables.count)
    _ordered("relocations", tables.block)
    owner = graph.blocks.object[tables.block]
    _require(owner == _owners(graph, "relocations"), "relocations", "block", "is of another object", tables.block)


def _ordered(table: str, block: AnyArray) -> None:
    # The slice is empty for an empty column, of which there is no last row to append.
    _require(np.diff(block, append=block[-1:]) >= 0, table, "block", "is larger than the next row's", block)


def _edges(graph: Graph, parsed: bool) -> None:
    edges, blocks = graph.edges, graph.blocks
    assert edges is not None
    _within("edges", "block", edges.block, 0, len(blocks), "block")
    _within("edges", "kind", edges.kind, 0, len(graph.kinds), "kind")
    _within("edges", "target", edges.target, 0, len(graph.symbols), "symbol")
    if parsed:
        _ordered("edges", edges.block)
    width = graph.kinds.width[edges.kind].astype(np.int64)
    written = width > 0
    room = blocks.size[edges.block] - width
    inside = (edges.offset >= 0) & (edges.offset <= room)
    _require(inside | ~written, "edges", "offset", "is a field outside its block", edges.offset)
    _require(
        ~written | (blocks.content[edges.block] >= 0),
        "edges",
        "block",
        "has no content to write to",
        edges.block,
    )
    owner = blocks.object[edges.block]
    same = (owner < 0) | (owner == _owners(graph, "symbols")[edges.target]) | (not parsed)
    _require(same, "edges", "target", "is a symbol of another object", edges.target)


def _link(link: Link, graph: Graph) -> None:
    """Require the columns of a running link to have a row each, and to name rows that there are."""
    for column, table in (
        ("live", "blocks"), ("block_module", "blocks"), ("segment", "blocks"), ("address", "blocks"),
        ("canonical", "symbols"), ("symbol_address", "symbols"),
    ):  # fmt: skip
        size, rows = getattr(link, column).size, len(getattr(graph, table))
        empty = size == 0 and column not in ("live", "block_module")
        if size != rows and not empty:
            raise InternalError(f"{column}: {size} rows for {rows} {table}")
    count = len(graph.symbols)
    _within("link", "canonical", link.canonical, 0, count, "symbol")
    if link.canonical.size:
        _require(
            link.canonical[link.canonical] == link.canonical, "link", "canonical", "is a row that is not canonical"
        )
    _within("link", "undefined", link.undefined, 0, count, "symbol")
    _require(np.diff(link.undefined, prepend=-1) > 0, "link", "undefined", "is not above the last row", link.undefined)
    if link.external is not None and link.external.found.size != link.undefined.size:
        raise InternalError(f"external: {link.external.found.size} answers for {link.undefined.size} undefined rows")
