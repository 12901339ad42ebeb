"""Fixups: every edge's value computed, checked and written, as whole columns.

A kind is ``operand + A - base``: one gather for the operand, one for the place, one mask for the range, and one
scatter for each field width. Nothing is written when any value is out of range.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from uruk.errors import LinkError, OutOfRange, UnsupportedRelocation
from uruk.graph.graph import SymbolKind
from uruk.graph.kinds import Base, Operand
from uruk.graph.types import I32, I64, U8, some, true_rows, windows
from uruk.isa.relaxation import Relaxed
from uruk.passes.resolve import dead_references
from uruk.passes.state import State

LATE = (Operand.TP_OFFSET, Operand.DTP_MODULE)
"""Operands whose value is known only once thread-local storage is there."""
OTHERS = (Operand.SIZE, Operand.GOT_BASE, Operand.DTP_OFFSET)
SILENT = (".gcc_except_table", ".eh_frame")
"""Sections whose references to discarded code are dead themselves, as for ld."""

Relaxer = Callable[[U8, I64, I64, I64, I64, I64], Relaxed]


def stub_addresses(state: State) -> I64:
    """The address of every stub."""
    stubs = state.stubs
    return state.address[state.synthetic["stubs"][stubs.module]] + stubs.offset


def slot_addresses(state: State) -> I64:
    """The address of every GOT slot."""
    slots = state.slots
    return state.address[state.synthetic["got"][slots.module]] + slots.offset


def fix_up(state: State, relax: Relaxer | None) -> None:
    """Write every edge except the thread-local ones of `LATE`; relax GOT loads where `relax` is given.

    Raises OutOfRange for the first value that does not fit, UnsupportedRelocation for a reference into a discarded
    section or the size of a symbol from elsewhere.
    """
    edges, kinds = state.edges, state.graph.kinds
    kind = _without_dead_references(state)
    place = state.address.take(edges.block) + edges.offset
    value = state.symbol_address.take(edges.target)
    special = some(kinds.special.take(kind))
    if special:
        _other_operands(state, value)
    if state.slot_edges.size:
        value[state.slot_edges] = slot_addresses(state)[state.slot_of_edge]
    position = place - state.base
    if relax is not None:
        _relax(state, kind, value, place, position, relax)
    value += edges.addend
    _use_stubs(state, kind, value, place)
    value -= place * kinds.from_place.take(kind)
    if special:
        from_got = true_rows(kinds.base.take(kind) == Base.GOT_BASE)
        value[from_got] -= _got_base(state, edges.block[from_got])
        kind = kind * ~kinds.having(LATE).take(kind)
    check_ranges(state, kind, value, place)
    scatter(state.image, kinds.width.take(kind), position, value)


def _without_dead_references(state: State) -> U8:
    """Edge kinds, with None for references from dead data into discarded sections; any other such reference raises."""
    edges = state.edges
    kind = edges.kind
    dead = dead_references(state)
    if dead.size == 0:
        return kind
    kind = kind.copy()
    kind[dead] = 0
    read = state.read_edges or edges
    for row in dead.tolist():
        if not state.graph.section_name(int(read.block[row])).startswith(SILENT):
            raise UnsupportedRelocation(
                state.place_of(row),
                state.graph.kinds[int(edges.kind[row])].name,
                f"refers to `{state.graph.symbol_name(int(edges.target[row]))}' in a discarded section",
                "the object breaks the rule that only the group's global symbols may be used from outside it",
            )
    return kind


def _other_operands(state: State, value: I64) -> None:
    """Sizes, the GOT's own address, offsets in the thread-local image."""
    edges, symbols = state.edges, state.symbols
    rows = true_rows(state.graph.kinds.having(OTHERS).take(edges.kind))
    if rows.size == 0:
        return
    operand = state.graph.kinds.operand[edges.kind[rows]]
    sized = rows[operand == Operand.SIZE]
    target = state.canonical[edges.target[sized]]
    foreign = symbols.kind[target] == SymbolKind.UNDEFINED
    if some(foreign):
        row = int(sized[int(np.argmax(foreign))])
        raise UnsupportedRelocation(
            state.place_of(row),
            state.graph.kinds[int(edges.kind[row])].name,
            f"the size of `{state.graph.symbol_name(int(edges.target[row]))}' is not known to its user",
        )
    value[sized] = symbols.size[target]
    got = rows[operand == Operand.GOT_BASE]
    value[got] = _got_base(state, edges.block[got])
    tls = rows[operand == Operand.DTP_OFFSET]
    value[tls] = state.tls_offset[state.canonical[edges.target[tls]]]


def _got_base(state: State, block: I32) -> I64:
    """Address of the GOT of each block's module."""
    got = state.synthetic["got"][state.block_module[block]]
    return state.address[got]


def _relax(state: State, kind: U8, value: I64, place: I64, position: I64, relax: Relaxer) -> None:
    """Turn GOT loads into direct ones where that fits; their edges then mean the symbol itself."""
    edges = state.edges
    if not state.slot_edges.size:
        return
    rows = state.slot_edges[state.graph.kinds.relaxable[kind[state.slot_edges]]]
    direct = state.symbol_address[edges.target[rows]]
    relaxed = relax(state.image, position[rows], edges.offset[rows], direct, place[rows], edges.addend[rows])
    value[rows[relaxed.changed]] = direct[relaxed.changed]
    back = rows[relaxed.moved_back]
    place[back] -= 1
    position[back] -= 1
    state.graph.notes["relaxed"] = int(relaxed.changed.sum())


def _use_stubs(state: State, kind: U8, value: I64, place: I64) -> None:
    """Redirect what is out of reach to its stub; a branch's stub means the same as its target."""
    rows = state.stub_edges
    if rows.size == 0:
        return
    kinds = state.graph.kinds
    which = kind[rows]
    base = kinds.base[which] == Base.PLACE
    direct = value[rows] - np.where(base, place[rows], 0)
    far = (kinds.width[which] == 4) & ((direct < kinds.low[which]) | (direct > kinds.last[which]))
    far &= which != 0
    through = rows[far]
    stub = stub_addresses(state)[state.stub_of_edge[far]]
    value[through] = stub + state.edges.addend[through]
    state.graph.notes["through stubs"] = int(far.sum())


def check_ranges(state: State, kind: U8, value: I64, place: I64) -> None:
    """Raise OutOfRange for the first value outside its kind's interval."""
    kinds = state.graph.kinds
    bad = (value < kinds.low.take(kind)) | (value > kinds.last.take(kind))
    if some(bad):
        rows = true_rows(bad & (kind != 0))
        if rows.size:
            raise out_of_range(state, int(rows[0]), int(value[rows[0]]), int(place[rows[0]]), rows.size - 1)


def out_of_range(state: State, row: int, value: int, place: int, more: int) -> LinkError:
    """The error for one edge, with all that is known of it."""
    graph, edges = state.graph, state.edges
    kind = graph.kinds[int(edges.kind[row])]
    target = int(edges.target[row])
    letters = f"S = {int(state.symbol_address[target]):#x}  A = {int(edges.addend[row])}  P = {place:#x}"
    hint = "compile with -fPIC, or with -mcmodel=large"
    if kind.operand == Operand.SYMBOL and state.canonical[target] in state.undefined:
        hint = "the symbol lies in a library too far away: compile with -fPIC (or use a child executor)"
    return OutOfRange(
        state.place_of(row), kind.name, graph.symbol_name(target), value, kind.low, kind.high,
        kind.text, letters, hint, more,
    )  # fmt: skip


def scatter(image: U8, width: U8, position: I64, value: I64) -> None:
    """Write each value's low `width` bytes, little-endian, at its position; width 0 writes nothing."""
    left = width.size
    for size, dtype in ((4, "<i4"), (8, "<i8"), (2, "<i2"), (1, "i1")):
        rows = true_rows(width == size)
        if rows.size:
            windows(image, dtype)[position[rows]] = value[rows].astype(dtype)
            left -= rows.size
            if not left:
                return
