"""Relocation tables: bytes to edges, for all objects of a graph at once, checked."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from uruk.errors import ObjectFormatError, UnsupportedRelocation
from uruk.formats.elf.reader import Pair
from uruk.formats.elf.small_reader import read_few_relocations
from uruk.formats.gather import gather_runs
from uruk.formats.interface import Report, Tell
from uruk.graph.graph import Edges, Graph, Relocations
from uruk.graph.types import I64, U8, AnyArray, Bool, count_true

UNKNOWN = 255


def refuse(rows: AnyArray, objects: AnyArray, tell: Tell) -> None:
    """Raise the error of rows at fault: what a `Report` does where nobody gathers faults."""
    raise tell(rows)


@lru_cache(maxsize=8)
def _kind_column(pair: Pair) -> U8:
    """Relocation number -> kind number, UNKNOWN where there is none; the last row stands for all larger numbers."""
    column = np.full(max(pair.RELOCATIONS) + 2, UNKNOWN, np.uint8)
    for number, (_, kind) in pair.RELOCATIONS.items():
        column[number] = pair.KINDS.number[kind]
    return column


def read_relocations(graph: Graph, pair: Pair, wanted: Bool | None = None, report: Report = refuse) -> Edges:
    """The edges of the blocks that are `wanted` (a row a block; None for all), ordered by block.

    Raises ObjectFormatError for fields outside their section and symbols that do not exist, UnsupportedRelocation for
    types that the ISA's map does not have; they are passed to a `report` instead, and the edges are then of no use.
    R_*_NONE rows leave no edge.
    """
    edges = read_few_relocations(graph, pair, wanted)
    return read_columns(graph, pair, wanted, report) if edges is None else edges


def read_columns(graph: Graph, pair: Pair, wanted: Bool | None = None, report: Report = refuse) -> Edges:
    """The same of any graph."""
    tables = graph.relocations
    if wanted is not None:
        tables = tables.rows(wanted[tables.block])
    raw, tables = _gather(graph, tables)
    words = raw.view(np.uint32)
    home = tables.block.astype(np.int64)
    owner = graph.blocks.object[home].astype(np.int64)
    block = tables.block.repeat(tables.count)
    offset, addend = raw[:, 0].copy(), raw[:, 2].copy()
    kind = _kind_column(pair).take(words[:, 2], mode="clip")
    _check_kinds(graph, pair, block, offset, kind, words, report)
    room = graph.blocks.size[home].repeat(tables.count) - pair.KINDS.width.take(kind)
    bad = (offset < 0) | (offset > room)
    _check(graph, block, bad, "its field lies outside the section", offset.view(np.uint64), report)
    base = graph.ranges.symbols[owner]
    limit = graph.ranges.symbols[owner + 1] - base
    symbol = words[:, 3]
    bad = symbol >= limit.repeat(tables.count)
    _check(graph, block, bad, "names a symbol that does not exist", symbol, report)
    target = (symbol + base.repeat(tables.count)).astype(np.int32)
    edges = Edges(block, offset, kind, target, addend)
    nothing = kind == pair.KINDS.number["None"]
    return edges.rows(~nothing) if count_true(nothing) else edges


def _gather(graph: Graph, tables: Relocations) -> tuple[I64, Relocations]:
    """The entries of all tables (offset, info, addend), and the tables in that order (by buffer, then block)."""
    arena = graph.arena
    if len(arena.buffers) == 1:
        return gather_runs(arena.buffers[0], tables.content, tables.count * 24).view(np.int64).reshape(-1, 3), tables
    buffer_of = np.searchsorted(np.array(arena.bases), tables.content, "right") - 1
    order = buffer_of.argsort(kind="stable")
    ordered = tables.rows(order)
    pieces: list[U8] = []
    bounds = buffer_of[order].searchsorted(np.arange(len(arena.buffers) + 1)).tolist()
    for index, buffer in enumerate(arena.buffers):
        rows = slice(bounds[index], bounds[index + 1])
        pieces.append(gather_runs(buffer, ordered.content[rows] - arena.bases[index], ordered.count[rows] * 24))
    raw = np.concatenate(pieces).view(np.int64).reshape(-1, 3)
    if (order[1:] > order[:-1]).all():
        return raw, ordered
    entry_order = np.argsort(ordered.block.repeat(ordered.count), kind="stable")
    return raw[entry_order], tables


def _check(graph: Graph, block: AnyArray, bad: Bool, problem: str, values: AnyArray, report: Report) -> None:
    """Report the `bad` rows as ObjectFormatError of the first; the text ends in that row's value."""
    if not count_true(bad):
        return

    def tell(rows: AnyArray) -> ObjectFormatError:
        row = int(rows[0])
        home = int(block[row])
        entry = row - int(np.argmax(block == home))
        owner = int(graph.blocks.object[home])
        structure = f"relocation {entry} of section `{graph.section_name(home)}'"
        return ObjectFormatError(graph.files[owner], structure, f"{problem} ({int(values[row]):#x})")

    rows = bad.nonzero()[0]
    report(rows, graph.blocks.object[block[rows]], tell)


def _check_kinds(
    graph: Graph, pair: Pair, block: AnyArray, offset: AnyArray, kind: U8, words: AnyArray, report: Report
) -> None:
    """Report rows of an unknown kind as UnsupportedRelocation; they become None rows."""
    unknown = kind == UNKNOWN
    if not count_true(unknown):
        return

    def tell(rows: AnyArray) -> UnsupportedRelocation:
        row = int(rows[0])
        place = graph.place(int(block[row]), int(offset[row]))
        return UnsupportedRelocation(place, f"type {int(words[row, 2])}", f"is not one that {pair.NAME} objects have")

    rows = unknown.nonzero()[0]
    kind[rows] = pair.KINDS.number["None"]
    report(rows, graph.blocks.object[block[rows]], tell)
