"""Relocation tables of COFF objects: bytes to edges, for all objects of a graph at once, checked.

Addends are in the fields, and are gathered from there as columns.
Source: the PE/COFF specification, "COFF Relocations (Object Only)".
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from uruk.formats.coff import constants as coff
from uruk.formats.coff.pair import Pair
from uruk.formats.gather import gather_at
from uruk.formats.interface import Report
from uruk.formats.relocation_checks import UNKNOWN, check_kinds, check_rows, refuse
from uruk.graph.graph import Edges, Graph, Zone
from uruk.graph.types import I64, U8, Bool, ranges, some, true_rows
from uruk.named_tuples import NamedTuple


class _Columns(NamedTuple):
    """A pair's map as lookup columns."""

    kind: U8
    """By relocation number: UNKNOWN for none; the last row is for all larger numbers."""
    extra: I64
    """By relocation number: what is added to the addend."""
    has_forms: Bool
    """By kind: another kind may be meant."""
    scale: U8
    """By kind: how far the addend in the field is shifted."""


@lru_cache(maxsize=8)
def _columns(pair: Pair) -> _Columns:
    # One row more than there are numbers: `take` clips all larger ones to it.
    kind = np.full(max(pair.RELOCATIONS) + 2, UNKNOWN, np.uint8)
    extra = np.zeros(kind.size, np.int64)
    has_forms, scale = np.zeros(len(pair.KINDS), np.bool_), np.zeros(len(pair.KINDS), np.uint8)
    for number, (_, name, more) in pair.RELOCATIONS.items():
        kind[number], extra[number] = pair.KINDS.number[name], more
    has_forms[[pair.KINDS.number[form.kind] for form in pair.FORMS]] = True
    for name, bits in pair.SCALED.items():
        scale[pair.KINDS.number[name]] = bits
    return _Columns(kind, extra, has_forms, scale)


def read_relocations(graph: Graph, pair: Pair, wanted: Bool | None = None, report: Report = refuse) -> Edges:
    """Return the edges of the blocks that are `wanted` (a row a block; None for all), ordered by block.

    Raises ObjectFormatError for fields outside their section and symbols that do not exist, UnsupportedRelocation for
    types that the ISA's map does not have; they are passed to a `report` instead, and the edges are then of no use.
    ABSOLUTE rows leave no edge.
    """
    tables = graph.relocations
    if wanted is not None:
        tables = tables.rows(wanted[tables.block])
    step = coff.RELOCATION_SIZE
    # `ranges` counts bytes one by one: nine more for each entry in front make steps of ten.
    places = ranges(tables.content, tables.count) + (step - 1) * _turns(tables.count)
    raw = gather_at(graph.arena, places, coff.RELOCATION)
    block = tables.block.repeat(tables.count)
    columns = _columns(pair)
    # An offset counts from the section's address (PE Format, VirtualAddress); `read_sections` has checked that it is 0.
    number, offset = raw["type"], raw["offset"].astype(np.int64)
    kind = columns.kind.take(number, mode="clip")
    check_kinds(graph, pair.NAME, block, offset, kind, number, report)
    outside = offset > graph.blocks.size[block] - pair.KINDS.width.take(kind)
    check_rows(graph, block, outside, "its field lies outside the section", offset, report)
    symbol = raw["symbol"].astype(np.int64)
    base = graph.ranges.symbols[graph.blocks.object[block]]
    absent = symbol >= graph.ranges.symbols[graph.blocks.object[block] + 1] - base
    # An object may have no symbols at all, so that only rows that exist may be looked at.
    target = np.where(absent, 0, symbol + base)
    present = true_rows(~absent)
    absent[present] = graph.symbols.text[target[present]] < 0
    check_rows(graph, block, absent, "names a symbol that does not exist", symbol, report)
    edges = Edges(block, offset, kind, target.astype(np.int32), columns.extra.take(number, mode="clip"))
    # Rows outside their section are taken out before anything reads their fields. ABSOLUTE is ignored by definition.
    skipped = outside | (kind == pair.KINDS.number["None"])
    if some(skipped):
        edges = edges.rows(~skipped)
    # Kinds come before addends: how a field is read depends on the kind that it has in the end.
    _look_at_instructions(graph, pair, edges)
    edges.addend = edges.addend + _addends(graph, pair, edges)
    return edges


def _turns(count: I64) -> I64:
    """Return the place of each entry in its table."""
    end = count.cumsum()
    # Each table begins behind the entries of all tables in front of it.
    return np.arange(int(count.sum())) - (end - count).repeat(count)


def _addends(graph: Graph, pair: Pair, edges: Edges) -> I64:
    """Return what the fields hold, as signed numbers of their width."""
    kinds, addend = pair.KINDS, np.zeros(len(edges), np.int64)
    place = graph.blocks.content[edges.block] + edges.offset
    width, bits = kinds.width.take(edges.kind), kinds.bits.take(edges.kind)
    if kinds.encodings.any:
        inside = kinds.encodings.used.take(edges.kind)
        rows = true_rows(inside)
        addend[rows] = _addends_of_instructions(graph, pair, edges.kind[rows], place[rows])
        # Width 0 takes instructions out of the fields of data.
        width = width * ~inside
    for size, dtype in kinds.fields:
        rows = true_rows(width == size)
        if rows.size:
            addend[rows] = gather_at(graph.arena, place[rows], dtype)
    # SECREL7 has seven bits of its byte; what lies above is no part of the addend.
    part = true_rows((width > 0) & (bits < 8 * width))
    if part.size:
        addend[part] &= (1 << bits[part].astype(np.int64)) - 1
    return addend


def _addends_of_instructions(graph: Graph, pair: Pair, kind: U8, place: I64) -> I64:
    """Return what the fields of instructions hold: with a sign where the value counts from the place, else without."""
    kinds = pair.KINDS
    value = kinds.encodings.decode(kind, gather_at(graph.arena, place, np.dtype("<u4")))
    # The field's highest bit where it has a sign, else 0. To flip this bit and to subtract it extends the sign.
    sign = kinds.from_place.take(kind).astype(np.int64) << np.maximum(kinds.encodings.bits.take(kind), 1) - 1
    # `decode` gives what the instruction means, in bytes. An addend that counts bytes in the field is shifted back.
    return ((value ^ sign) - sign) >> _columns(pair).scale.take(kind)


def _look_at_instructions(graph: Graph, pair: Pair, edges: Edges) -> None:
    """Change the kinds of fields of code that the instruction around them decides; see `Pair.FORMS`."""
    block, kind, numbers = edges.block, edges.kind, pair.KINDS.number
    rows = true_rows(_columns(pair).has_forms.take(kind))
    rows = rows[graph.blocks.zone[block[rows]] == Zone.RX]
    for back in sorted({form.back for form in pair.FORMS}) if rows.size else ():
        # In front of a section's first bytes there is no instruction to look at.
        mine = rows[edges.offset[rows] >= back]
        place = graph.blocks.content[block[mine]] + edges.offset[mine] - back
        # The kinds are copied, so that a form does not see what another one has changed.
        before, words = kind[mine], gather_at(graph.arena, place, np.dtype("<u4"))
        for form in pair.FORMS:
            if form.back == back:
                meant = (before == numbers[form.kind]) & (words & form.mask == form.pattern)
                kind[mine[meant]] = numbers[form.other]
