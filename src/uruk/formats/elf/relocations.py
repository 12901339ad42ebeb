"""Relocation tables: bytes to edges, for all objects of a graph at once, checked."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from uruk.formats.elf.reader import Pair
from uruk.formats.elf.small_reader import read_few_relocations
from uruk.formats.gather import gather_runs
from uruk.formats.interface import Report
from uruk.formats.relocation_checks import UNKNOWN, check_kinds, check_rows, refuse
from uruk.graph.graph import Edges, Graph, Relocations
from uruk.graph.types import I64, U8, Bool, count_true


@lru_cache(maxsize=8)
def _kind_column(pair: Pair) -> U8:
    """Return the kind of every relocation number, UNKNOWN if the map has none; the last row is for all larger
    numbers."""
    column = np.full(max(pair.RELOCATIONS) + 2, UNKNOWN, np.uint8)
    for number, (_, kind) in pair.RELOCATIONS.items():
        column[number] = pair.KINDS.number[kind]
    return column


def read_relocations(graph: Graph, pair: Pair, wanted: Bool | None = None, report: Report = refuse) -> Edges:
    """Return the edges of the blocks that are `wanted` (a row a block; None for all), ordered by block.

    Raises ObjectFormatError for fields outside their section and symbols that do not exist, UnsupportedRelocation for
    types that the ISA's map does not have. With a `report` these faults go to it instead; edges of objects at fault are
    then of no use. R_*_NONE rows leave no edge.
    """
    edges = read_few_relocations(graph, pair, wanted)
    return read_columns(graph, pair, wanted, report) if edges is None else edges


def read_columns(graph: Graph, pair: Pair, wanted: Bool | None = None, report: Report = refuse) -> Edges:
    """Read the relocations of any graph as columns; see `read_relocations`."""
    tables = graph.relocations
    # Pruned blocks are never read: most of an archive's relocations are theirs.
    if wanted is not None:
        tables = tables.rows(wanted[tables.block])
    raw, tables = _gather(graph, tables)
    # An entry is 24 bytes: r_offset, r_info, r_addend. Of the six half words of a row the third is the low half of
    # r_info, the type, and the fourth its high half, the symbol (gABI, ELF64_R_TYPE and ELF64_R_SYM).
    words = raw.view(np.uint32)
    home = tables.block.astype(np.int64)
    owner = graph.blocks.object[home].astype(np.int64)
    # From a row a table to a row a relocation.
    block = tables.block.repeat(tables.count)
    # Copies: views would be strided, and would keep all of `raw` in memory for as long as the edges live.
    offset, addend = raw[:, 0].copy(), raw[:, 2].copy()
    # "clip" takes the last row, UNKNOWN, for numbers past the table: no check of their range is needed.
    kind = _kind_column(pair).take(words[:, 2], mode="clip")
    check_kinds(graph, pair.NAME, block, offset, kind, words[:, 2], report)
    room = graph.blocks.size[home].repeat(tables.count) - pair.KINDS.width.take(kind)
    # Offsets from 2^63 on are negative in int64. `room` is negative where the field is larger than its section.
    bad = (offset < 0) | (offset > room)
    check_rows(graph, block, bad, "its field lies outside the section", offset.view(np.uint64), report)
    # Symbol numbers count from the first symbol of the object; symbol 0 is its null symbol.
    base = graph.ranges.symbols[owner]
    limit = graph.ranges.symbols[owner + 1] - base
    symbol = words[:, 3]
    bad = symbol >= limit.repeat(tables.count)
    check_rows(graph, block, bad, "names a symbol that does not exist", symbol, report)
    target = symbol.astype(np.int32)
    target += base.astype(np.int32).repeat(tables.count)
    edges = Edges(block, offset, kind, target, addend)
    nothing = kind == pair.KINDS.number["None"]
    return edges.rows(~nothing) if count_true(nothing) else edges


def _gather(graph: Graph, tables: Relocations) -> tuple[I64, Relocations]:
    """Return the entries of all tables as rows of (offset, info, addend), and the tables in the order of these rows."""
    arena = graph.arena
    if len(arena.buffers) == 1:
        return gather_runs(arena.buffers[0], tables.content, tables.count * 24, 24).view(np.int64).reshape(
            -1, 3
        ), tables
    # Several buffers: tables of SHT_CREL are written out to one of their own. Rows are gathered a buffer at a time; the
    # last base that is not above a place is that of its buffer.
    buffer_of = np.searchsorted(np.array(arena.bases), tables.content, "right") - 1
    order = buffer_of.argsort(kind="stable")
    ordered = tables.rows(order)
    pieces: list[U8] = []
    bounds = buffer_of[order].searchsorted(np.arange(len(arena.buffers) + 1)).tolist()
    for index, buffer in enumerate(arena.buffers):
        rows = slice(bounds[index], bounds[index + 1])
        pieces.append(gather_runs(buffer, ordered.content[rows] - arena.bases[index], ordered.count[rows] * 24, 24))
    raw = np.concatenate(pieces).view(np.int64).reshape(-1, 3)
    # The tables were ordered by buffer already: so rows are still ordered by block.
    if (order[1:] > order[:-1]).all():
        return raw, ordered
    # Rows go back to the order of their blocks; a stable sort keeps that of each table.
    entry_order = np.argsort(ordered.block.repeat(ordered.count), kind="stable")
    return raw[entry_order], tables
