"""Objects of a graph in another order, as columns: what many pieces of a few graphs are assembled with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from uruk.graph.graph import NO_FALLBACKS, Edges, Fallbacks, Graph, Ranges, assemble
from uruk.graph.types import I32, I64, NONE, AnyArray, ranges
from uruk.records import replace

_PIECES = 4
"""Pieces of a graph, on average, from which on it is taken as a whole first."""


def reorder(pieces: Sequence[tuple[Graph, int, int]]) -> Graph | None:
    """Return what `assemble` does, by way of whole graphs; None where piece by piece is better."""
    graphs = list({id(graph): graph for graph, _, _ in pieces}.values())
    first: dict[int, int] = {}
    count = 0
    for graph in graphs:
        first[id(graph)] = count
        count += len(graph.files)
    objects = [first[id(graph)] + number for graph, low, high in pieces for number in range(low, high)]
    # A part of the runtime that several modules have is there several times; of several targets `assemble` tells.
    if len({graph.target for graph in graphs}) > 1:
        return None
    if len(graphs) * _PIECES > len(pieces) or count > 2 * len(objects) or len(set(objects)) < len(objects):
        return None
    return choose_objects(assemble([(graph, 0, len(graph.files)) for graph in graphs]), objects)


def choose_objects(graph: Graph, objects: Sequence[int]) -> Graph:
    """Return a graph of these objects, in this order; the arena is shared."""
    order = np.array(objects, np.int64)
    blocks, block_starts = _rows(graph.ranges.blocks, order)
    symbols, symbol_starts = _rows(graph.ranges.symbols, order)
    relocations, relocation_starts = _rows(graph.ranges.relocations, order)
    groups, group_starts = _rows(graph.ranges.groups, order)
    new_block, new_symbol = _new_rows(blocks, graph.ranges.blocks), _new_rows(symbols, graph.ranges.symbols)
    new_group = _new_rows(groups, graph.ranges.groups)
    new_object = np.full(len(graph.files) + 1, NONE, np.int32)
    new_object[order] = np.arange(order.size)

    old = graph.blocks.rows(blocks)
    chosen_blocks = old.replaced(object=new_object[old.object], group=new_group[old.group])
    table = graph.symbols.rows(symbols)
    chosen_symbols = table.replaced(block=_renumbered(table.block, new_block))
    tables = graph.relocations.rows(relocations)
    tables = tables.replaced(block=new_block[tables.block])
    group = graph.groups.rows(groups)
    group = group.replaced(object=new_object[group.object], leader=_renumbered(group.leader, new_block))
    return replace(
        graph,
        files=[graph.files[number] for number in objects],
        blocks=chosen_blocks,
        symbols=chosen_symbols,
        relocations=tables,
        groups=group,
        ranges=Ranges(block_starts, symbol_starts, relocation_starts, group_starts),
        edges=None if graph.edges is None else _edges(graph, graph.edges, order, new_block, new_symbol),
        fallbacks=_fallbacks(graph, order, new_symbol),
        spans=[graph.spans[number] for number in objects] if graph.spans else (),
    )


def _rows(starts: I64, order: I64) -> tuple[I64, I64]:
    """Return the rows of objects, one object's after the other's, and where each object's begin among them."""
    counts = starts[order + 1] - starts[order]
    bounds = np.zeros(order.size + 1, np.int64)
    np.cumsum(counts, out=bounds[1:])
    return ranges(starts[order], counts), bounds


def _new_rows(rows: I64, starts: I64) -> I32:
    """Return the new row of each old one; the last entry, which -1 picks, is -1."""
    new = np.full(int(starts[-1]) + 1, NONE, np.int32)
    new[rows] = np.arange(rows.size)
    return new


def _renumbered(column: I32, new: I32) -> AnyArray:
    """Return new rows for a column of old ones, in which negative numbers stay."""
    return np.where(column >= 0, new[np.maximum(column, NONE)], column)


def _edges(graph: Graph, edges: Edges, order: I64, new_block: I32, new_symbol: I32) -> Edges:
    """Return the edges of the objects; they are ordered by block, so that each object's are neighbours."""
    rows, _ = _rows(edges.block.searchsorted(graph.ranges.blocks), order)
    chosen = edges.rows(rows)
    return chosen.replaced(block=new_block[chosen.block], target=new_symbol[chosen.target])


def _fallbacks(graph: Graph, order: I64, new_symbol: I32) -> Fallbacks:
    if not graph.fallbacks.symbol.size:
        return NO_FALLBACKS
    rows, _ = _rows(graph.fallbacks.symbol.searchsorted(graph.ranges.symbols), order)
    chosen = graph.fallbacks.rows(rows)
    return chosen.replaced(symbol=new_symbol[chosen.symbol], instead=new_symbol[chosen.instead])
