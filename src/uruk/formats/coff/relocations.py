"""Relocation tables of COFF objects: bytes to edges, for all objects of a graph at once, checked.

Addends are in the fields, and are gathered from there as columns.
Source: the PE/COFF specification, "COFF Relocations (Object Only)".
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from uruk.formats.coff import constants as coff
from uruk.formats.coff.reader import Pair
from uruk.formats.gather import gather_at
from uruk.formats.interface import Report
from uruk.formats.relocation_checks import UNKNOWN, check_kinds, check_rows, refuse
from uruk.graph.graph import Edges, Graph, Zone
from uruk.graph.types import I64, U8, Bool, ranges, some, true_rows


@lru_cache(maxsize=8)
def _columns(pair: Pair) -> tuple[U8, I64, U8]:
    """By relocation number: kind (UNKNOWN for none; the last row stands for all larger numbers), what is added to the
    addend; and by kind the kind on a branch."""
    kind = np.full(max(pair.RELOCATIONS) + 2, UNKNOWN, np.uint8)
    extra = np.zeros(kind.size, np.int64)
    branch = np.arange(len(pair.KINDS), dtype=np.uint8)
    for number, (_, name, more) in pair.RELOCATIONS.items():
        kind[number], extra[number] = pair.KINDS.number[name], more
    for name, other in pair.BRANCHES.items():
        branch[pair.KINDS.number[name]] = pair.KINDS.number[other]
    return kind, extra, branch


def read_relocations(graph: Graph, pair: Pair, wanted: Bool | None = None, report: Report = refuse) -> Edges:
    """The edges of the blocks that are `wanted` (a row a block; None for all), ordered by block.

    Raises ObjectFormatError for fields outside their section and symbols that do not exist, UnsupportedRelocation for
    types that the ISA's map does not have; they are passed to a `report` instead, and the edges are then of no use.
    ABSOLUTE rows leave no edge.
    """
    tables = graph.relocations
    if wanted is not None:
        tables = tables.rows(wanted[tables.block])
    step = coff.RELOCATION_SIZE
    places = ranges(tables.content, tables.count) + (step - 1) * _turns(tables.count)
    raw = gather_at(graph.arena, places, coff.RELOCATION)
    block = tables.block.repeat(tables.count)
    kind_of_number, extra, branch = _columns(pair)
    number, offset = raw["type"], raw["offset"].astype(np.int64)
    kind = kind_of_number.take(number, mode="clip")
    check_kinds(graph, pair.NAME, block, offset, kind, number, report)
    outside = offset > graph.blocks.size[block] - pair.KINDS.width.take(kind)
    check_rows(graph, block, outside, "its field lies outside the section", offset, report)
    symbol = raw["symbol"].astype(np.int64)
    base = graph.ranges.symbols[graph.blocks.object[block]]
    absent = symbol >= graph.ranges.symbols[graph.blocks.object[block] + 1] - base
    target = np.where(absent, 0, symbol) + base
    if target.size:
        absent |= graph.symbols.text[target] < 0
    check_rows(graph, block, absent, "names a symbol that does not exist", symbol, report)
    edges = Edges(block, offset, kind, target.astype(np.int32), extra.take(number, mode="clip"))
    skipped = outside | (kind == pair.KINDS.number["None"])
    if some(skipped):
        edges = edges.rows(~skipped)
    edges.addend = edges.addend + _addends(graph, pair, edges)
    _find_branches(graph, edges, branch)
    return edges


def _turns(count: I64) -> I64:
    """The place of each entry in its table."""
    end = count.cumsum()
    return np.arange(int(count.sum())) - (end - count).repeat(count)


def _addends(graph: Graph, pair: Pair, edges: Edges) -> I64:
    """Return what the fields hold, as signed numbers of their width."""
    addend = np.zeros(len(edges), np.int64)
    place = graph.blocks.content[edges.block] + edges.offset
    width, bits = pair.KINDS.width.take(edges.kind), pair.KINDS.bits.take(edges.kind)
    for size, dtype in pair.KINDS.fields:
        rows = true_rows(width == size)
        if rows.size:
            addend[rows] = gather_at(graph.arena, place[rows], dtype)
    part = true_rows(bits < 8 * width)
    if part.size:
        addend[part] &= (1 << bits[part].astype(np.int64)) - 1
    return addend


def _find_branches(graph: Graph, edges: Edges, branch: U8) -> None:
    """Change the kinds of fields that are a call's, a jump's or a conditional jump's: a stub may stand for its target.

    COFF has one relocation for data and for calls. In x86-64 code the byte in front of a field tells: that of no other
    instruction with a displacement that counts from its end is E8, E9 or, behind 0F, 80 to 8F (Intel SDM, volume 2).
    """
    block, kind = edges.block, edges.kind
    rows = true_rows((branch.take(kind) != kind) & (edges.offset >= 2))
    rows = rows[graph.blocks.zone[block[rows]] == Zone.RX]
    if not rows.size:
        return
    place = graph.blocks.content[block[rows]] + edges.offset[rows] - 2
    code = gather_at(graph.arena, place, np.dtype("<u2"))
    first, second = code & 0xFF, code >> 8
    found = (second & 0xFE == 0xE8) | ((first == 0x0F) & (second & 0xF0 == 0x80))
    rows = rows[found]
    kind[rows] = branch[kind[rows]]
