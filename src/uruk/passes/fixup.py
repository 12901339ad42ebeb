"""Fixups: every edge's value computed, checked and written, as whole columns.

A kind is ``operand + A - base``: one gather for the operand, one for the place, one mask for the range, and one
scatter for each field width. Nothing is written when any value is out of range.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from uruk.errors import OutOfRange, UnsupportedRelocation
from uruk.graph.graph import SymbolKind
from uruk.graph.kinds import PAGE_MASK, Base, Operand
from uruk.graph.types import I32, I64, U8, AnyArray, Bool, some, true_rows, unique, unsigned
from uruk.isa.interface import GOTLoads, Relaxed
from uruk.passes.faults import Faults
from uruk.passes.fields import write_values
from uruk.passes.resolve import count_from_images, dead_references
from uruk.passes.state import State

LATE = (Operand.TP_OFFSET, Operand.DTP_MODULE)
"""Operands whose value is known only once thread-local storage is there."""
OTHERS = (Operand.SIZE, Operand.GOT_BASE, Operand.DTP_OFFSET, Operand.SECTION_INDEX)
Relaxer = Callable[[GOTLoads], Relaxed]


def stub_addresses(state: State) -> I64:
    """Return the address of every stub."""
    stubs = state.stubs
    return state.address[state.synthetic["stubs"][stubs.island]] + stubs.offset


def slot_addresses(state: State) -> I64:
    """Return the address of every GOT slot."""
    slots = state.slots
    return state.address[state.synthetic["got"][slots.module]] + slots.offset


def fix_up(state: State, relax: Relaxer | None, dead_data: tuple[str, ...]) -> None:
    """Write every edge except the thread-local ones of `LATE`; relax GOT loads where `relax` is given.

    `dead_data`: beginnings of the names of sections whose references into discarded ones are dead themselves.
    Raises LinkFaults: OutOfRange for values that do not fit, UnsupportedRelocation for references into a discarded
    section or to the size of a symbol from elsewhere.
    """
    edges, kinds = state.edges, state.graph.kinds
    faults = Faults()
    kind = _without_dead_references(state, dead_data, faults)
    # `take` gathers faster than indexing does, which matters in columns of all edges.
    place = state.address.take(edges.block) + edges.offset
    # The column has the address of the canonical row in every row of its name.
    value = state.symbol_address.take(edges.target)
    # Most links have no such kind, and skip the columns that it takes.
    special = some(kinds.special.take(kind))
    if special:
        kind = _other_operands(state, kind, value, faults)
    if state.slot_edges.size:
        # An edge to a slot means the slot's address, not the symbol's.
        value[state.slot_edges] = slot_addresses(state)[state.slot_of_edge]
    position = place - state.base
    if relax is not None:
        kind = _relax(state, kind, value, place, position, relax)
    value += edges.addend
    # Whether a branch reaches its target is known only from its value with the addend.
    _use_stubs(state, kind, value, place)
    value = kinds.displacement(kind, value, place)
    if special:
        from_got = true_rows(kinds.from_got.take(kind))
        value[from_got] -= _got_base(state, edges.block[from_got], kinds.base[kind[from_got]] == Base.GOT_PAGE)
        if kinds.counts_from_starts:
            _count_from_starts(state, kind, value)
        # These edges are written by `uruk.passes.tls.words`, when storage has been loaded.
        kind = kind * ~kinds.having(LATE).take(kind)
    check_ranges(state, kind, value, place, faults)
    # A slot of 8 bytes holds every address.
    if state.graph.kinds.pointer < 8:
        _check_slots(state, faults)
    faults.raise_any()
    write_values(state, kind, position, value)


def _check_slots(state: State, faults: Faults) -> None:
    """Add references through slots of 4 bytes that would hold an address beyond 4 GiB."""
    slots = state.slots
    # Other slots hold offsets and module ids, which are small.
    plain = slots.operand[state.slot_of_edge] == Operand.GOT
    rows = np.concatenate([state.slot_edges[plain], state.stub_edges])
    loaded = state.symbol_address[slots.row[state.slot_of_edge[plain]]]
    address = np.concatenate([loaded, state.stub_target[state.stub_of_edge]])
    # The shift keeps the sign: an address from 2^63 on gives -1 or less, which is wide, too.
    wide = true_rows(address >> 32 != 0)

    def make_error(bad: AnyArray) -> OutOfRange:
        row = int(bad[0])
        at = unsigned(int(address[rows == row][0]))
        kind, name = (
            state.graph.kinds[int(state.edges.kind[row])],
            state.graph.symbol_name(int(state.edges.target[row])),
        )
        hint = "an address has 64 bits, and a slot here 32: link at lower addresses"
        return OutOfRange(state.place_of(row), kind.name, name, at, 0, 1 << 32, "S, in a slot", "", hint, bad.size - 1)

    faults.add(rows[wide], state.objects_of(rows[wide]), make_error)


def _without_dead_references(state: State, dead_data: tuple[str, ...], faults: Faults) -> U8:
    """Return edge kinds, with None for references into discarded sections: from dead data harmless, else a fault."""
    edges = state.edges
    kind = edges.kind
    dead = dead_references(state)
    if dead.size == 0:
        return kind
    kind = kind.copy()
    kind[dead] = 0
    # The step "unwind" may have moved edges to new blocks; only the blocks as read have the sections' names.
    read, graph = state.read_edges or edges, state.now()
    block = read.block[dead]
    names = {row: graph.section_name(row) for row in unique(block).tolist()}
    harmful = np.array([not names[row].startswith(dead_data) for row in block.tolist()], np.bool_)

    def make_error(rows: AnyArray) -> UnsupportedRelocation:
        row = int(rows[0])
        return UnsupportedRelocation(
            state.place_of(row),
            graph.kinds[int(edges.kind[row])].name,
            f"refers to `{graph.symbol_name(int(edges.target[row]))}' in a discarded section",
            "the object breaks the rule that only the group's global symbols may be used from outside it",
        )

    faults.add(dead[harmful], state.objects_of(dead[harmful]), make_error)
    return kind


def _other_operands(state: State, kind: U8, value: I64, faults: Faults) -> U8:
    """Fill in sizes, the GOT's address and offsets in thread-local images; return the kinds, None for unknown sizes."""
    edges, symbols = state.edges, state.symbols
    rows = true_rows(state.graph.kinds.having(OTHERS).take(edges.kind))
    if rows.size == 0:
        return kind
    operand = state.graph.kinds.operand[edges.kind[rows]]
    sized = rows[operand == Operand.SIZE]
    target = state.canonical[edges.target[sized]]
    foreign = symbols.kind[target] == SymbolKind.UNDEFINED
    if some(foreign):
        kind = kind.copy()
        kind[sized[foreign]] = 0
        faults.add(sized[foreign], state.objects_of(sized[foreign]), partial(_unknown_size, state))
    # R_X86_64_SIZE32 and SIZE64 (psABI, table 4.9) want st_size, which only the defining object knows.
    value[sized] = symbols.size[target]
    got = rows[operand == Operand.GOT_BASE]
    value[got] = _got_base(state, edges.block[got])
    tls = rows[operand == Operand.DTP_OFFSET]
    value[tls] = state.tls_offset[state.canonical[edges.target[tls]]]
    numbered = rows[operand == Operand.SECTION_INDEX]
    block = symbols.block[state.canonical[edges.target[numbered]]]
    value[numbered] = np.where(block >= 0, state.section_number[block], 0)
    return kind


def _unknown_size(state: State, rows: AnyArray) -> UnsupportedRelocation:
    row = int(rows[0])
    return UnsupportedRelocation(
        state.place_of(row),
        state.graph.kinds[int(state.edges.kind[row])].name,
        f"the size of `{state.graph.symbol_name(int(state.edges.target[row]))}' is not known to its user",
    )


def _got_base(state: State, block: I32, page: Bool | None = None) -> I64:
    """Return the address of the GOT of each block's module; of its page, where that is wanted."""
    got = state.address[state.synthetic["got"][state.block_module[block]]]
    # PAGE_MASK clears the low 12 bits where `page` is true; elsewhere the mask is 0 and changes nothing.
    return got if page is None else got & ~(page * np.int64(PAGE_MASK))


def _count_from_starts(state: State, kind: U8, value: I64) -> None:
    """Subtract where the module's image, or the symbol's section, begins from the values of kinds that count so."""
    count_from_images(state, state.edges.block, kind, value)
    rows = true_rows(state.graph.kinds.base.take(kind) == Base.SECTION)
    if rows.size:
        block = state.symbols.block[state.canonical[state.edges.target[rows]]]
        value[rows] -= np.where(block >= 0, state.section_address[block], 0)


def _relax(state: State, kind: U8, value: I64, place: I64, position: I64, relax: Relaxer) -> U8:
    """Turn GOT loads into direct ones where that fits; their edges then mean the symbol itself. Returns the kinds."""
    edges = state.edges
    if not state.slot_edges.size:
        return kind
    # Only GOTPCRELX and REX_GOTPCRELX promise an instruction that may be rewritten (x86-64 psABI, B.2).
    rows = state.slot_edges[state.graph.kinds.relaxable[kind[state.slot_edges]]]
    direct = state.symbol_address[edges.target[rows]]
    relaxed = relax(
        GOTLoads(
            state.image, kind[rows], edges.block[rows], edges.offset[rows], position[rows], place[rows],
            state.canonical[edges.target[rows]], direct, edges.addend[rows],
        )
    )  # fmt: skip
    state.relaxed = rows[relaxed.changed]
    value[state.relaxed] = direct[relaxed.changed]
    back = rows[relaxed.moved_back]
    # A `jmp *slot(%rip)` becomes a direct jump and a nop, so that its field begins one byte earlier.
    place[back] -= 1
    position[back] -= 1
    state.graph.notes["relaxed"] = state.relaxed.size
    if relaxed.kind is not None:
        kind = kind.copy()
        kind[rows] = relaxed.kind
    return kind


def _use_stubs(state: State, kind: U8, value: I64, place: I64) -> None:
    """Redirect what is out of reach to its stub; a branch's stub means the same as its target."""
    rows = state.stub_edges
    if rows.size == 0:
        return
    kinds = state.graph.kinds
    which = kind[rows]
    # The columns of all edges stay as they are; this is a trial for the edges that have a stub.
    direct = kinds.displacement(which, value[rows], place[rows])
    if kinds.counts_from_starts:
        count_from_images(state, state.edges.block[rows], which, direct)
    far = (kinds.width[which] == 4) & ((direct < kinds.low[which]) | (direct > kinds.last[which]))
    # Edges to discarded code have become None edges, and need no stub.
    far &= which != 0
    state.through_stubs = through = rows[far]
    stub = stub_addresses(state)[state.stub_of_edge[far]]
    # The addend stays: it is what the field's own place asks for, whatever the target is.
    value[through] = stub + state.edges.addend[through]
    state.graph.notes["through stubs"] = int(far.sum())


def check_ranges(state: State, kind: U8, value: I64, place: I64, faults: Faults) -> None:
    """Add the values outside their kind's interval to the faults, as OutOfRange for the first."""
    kinds = state.graph.kinds
    bad = (value < kinds.low.take(kind)) | (value > kinds.last.take(kind))
    if kinds.encodings.any:
        # Alignments are powers of two. A branch of AArch64 holds a quarter of the distance: its low two bits must be 0.
        bad |= value & (kinds.encodings.align.take(kind) - 1) != 0
    if some(bad):

        def make_error(rows: AnyArray) -> OutOfRange:
            first = int(rows[0])
            return out_of_range(state, first, int(value[first]), int(place[first]), rows.size - 1)

        # None edges have the interval [0, 1), and are not written.
        rows = true_rows(bad & (kind != 0))
        faults.add(rows, state.objects_of(rows), make_error)


def out_of_range(state: State, row: int, value: int, place: int, more: int) -> OutOfRange:
    """Return the error for one edge, with all that is known of it."""
    graph, edges = state.graph, state.edges
    kind = graph.kinds[int(edges.kind[row])]
    target = int(edges.target[row])
    symbol = int(state.symbol_address[target])
    letters = f"S = {unsigned(symbol):#x}  A = {int(edges.addend[row])}  P = {unsigned(place):#x}"
    from uruk.passes.range_hints import hint_of  # for errors only

    hint = hint_of(state, row, value)
    placed = state.symbols.block[state.canonical[target]] >= 0
    if placed and symbol < 0 and kind.operand == Operand.SYMBOL and kind.base == Base.ZERO:
        value = unsigned(value)  # an address, not a number below zero
    return OutOfRange(
        state.place_of(row), kind.name, graph.symbol_name(target), value, kind.low, kind.high,
        kind.text, letters, hint, more, kind.encoding.align if kind.encoding else 1, unsigned(symbol), unsigned(place),
    )  # fmt: skip
