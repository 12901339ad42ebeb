"""Thread-local storage: what each module needs, and the words that its slots and code get.

ld.so owns the storage. A module's initial image goes into a carrier (a tiny shared object, see
`uruk.formats.elf_carrier`); loading it yields the module id, the thread-pointer offset if the module's code asks for
static storage (local-exec and initial-exec models), and descriptors. Thread-locals of libraries are bound by name
through a carrier that imports them. Source of the models: "ELF Handling For Thread-Local Storage", Drepper, 2005.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from uruk.graph.kinds import Operand
from uruk.graph.types import I32, I64, some, true_rows, unique, windows
from uruk.passes import tls_checks
from uruk.passes.fixup import LATE, check_ranges, scatter
from uruk.passes.layout import Chunk, Layout
from uruk.passes.state import State, TLSHome
from uruk.passes.tls_storage import Storage, TLSLoader

STATIC = (Operand.TP_OFFSET, Operand.TLS_IE, Operand.TLS_DESC)
"""Operands whose code wants a fixed offset from the thread pointer; a descriptor makes do without where it must."""
USERS = (*STATIC, Operand.TLS_GD, Operand.TLS_LD, Operand.DTP_OFFSET, Operand.DTP_MODULE)


@dataclass(eq=False, repr=False)
class TLSPlan:
    """What the batch's modules need: which want static storage, which symbol rows are thread-local."""

    static: set[int] = field(default_factory=set[int])
    optional: set[int] = field(default_factory=set[int])
    """Modules whose code has descriptors only: static storage is better, dynamic does."""


def plan_tls(state: State, layout: Layout) -> TLSPlan:
    """Fill `tls_offset`; decide which modules ask for static storage. Raises what `uruk.passes.tls_checks` does."""
    edges, symbols = state.edges, state.symbols
    plan = TLSPlan()
    rows = true_rows(state.graph.kinds.having(USERS).take(edges.kind))
    if rows.size == 0 and not layout.tls and not (state.external and state.external.tls):
        return plan
    operand = state.graph.kinds.operand[edges.kind]
    tls_checks.refuse_addresses(state)
    tls_checks.refuse_other_targets(state, rows, operand)
    tls_checks.refuse_foreign_offsets(state, rows, operand)
    for module, chunk in layout.tls.items():
        tls_checks.refuse_alignment(state, rows, operand, module, chunk.align)
    state.tls_offset = np.zeros(len(symbols), np.int64)
    for chunk in layout.tls.values():
        inside = true_rows(np.isin(symbols.block, chunk.rows))
        offset_of = dict(zip(chunk.rows.tolist(), chunk.offset.tolist(), strict=True))
        offsets = np.array([offset_of[row] for row in symbols.block[inside].tolist()], np.int64)
        state.tls_offset[inside] = offsets + symbols.value[inside].view(np.int64)
    for row, home in (state.external.tls if state.external else {}).items():
        state.tls_offset[state.undefined[row]] = home.offset
    static = rows[np.isin(operand[rows], np.array(STATIC, np.uint8))]
    for row in unique(state.canonical[edges.target[static]]).tolist():
        module = _own_module(state, row)
        wants = operand[static[state.canonical[edges.target[static]] == row]]
        (plan.static if (wants != Operand.TLS_DESC).any() else plan.optional).add(module)
    plan.optional -= plan.static
    return plan


def _own_module(state: State, row: int) -> int:
    """The module of this batch that defines a thread-local, or whose block a `_TLS_MODULE_BASE_` row means; else -1."""
    block = int(state.symbols.block[row])
    if block >= 0:
        return int(state.block_module[block])
    if row in state.undefined[state.boundaries.tls_base]:
        return int(state.module_of_object[state.graph.object_of_symbol(row)])
    return -1


@dataclass(eq=False, repr=False)
class TLSWords:
    """What slots get: a TLSHome a canonical row, made once each."""

    state: State
    storage: dict[int, Storage]
    loader: TLSLoader

    def home(self, row: int) -> TLSHome:
        """Where a canonical row lives."""
        state = self.state
        module = _own_module(state, row)
        if module >= 0:
            storage = self.storage.get(module)
            return TLSHome(storage, int(state.tls_offset[row])) if storage is not None else TLSHome()
        index = int(state.undefined.searchsorted(row)) if state.undefined.size else -1
        found = state.external.tls.get(index) if state.external else None
        return found or TLSHome()

    def tp_offset(self, row: int, home: TLSHome) -> int:
        """The thread-pointer offset of a symbol; TLSError if its storage is dynamic."""
        if home.library:
            return self.loader.bind(self._name(row), home.library, Operand.TLS_IE)[0]
        if home.storage is None:
            return 0  # a weak one that nobody defines, as ld.so has it
        return home.storage.make_static(f"`{self.state.graph.symbol_name(row)}'") + home.offset

    def module_id(self, row: int, home: TLSHome) -> int:
        """The module id for `__tls_get_addr`; 0 where nobody defines the symbol."""
        if home.library:
            return self.loader.bind(self._name(row), home.library, Operand.TLS_GD)[0]
        return home.storage.module_id if home.storage is not None else 0

    def pair(self, row: int, operand: int) -> tuple[int, int]:
        """The two words of a general-dynamic or descriptor slot."""
        home = self.home(row)
        if home.library:
            words = self.loader.bind(self._name(row), home.library, operand)
            return words[0], words[1]
        if operand == Operand.TLS_GD:
            return self.module_id(row, home), home.offset
        return self.loader.descriptor(home.storage, home.offset)

    def _name(self, row: int) -> bytes:
        return self.state.graph.symbol_name(row).encode("utf-8", "surrogateescape")


def has_descriptors(state: State, module: int) -> bool:
    """Whether the batch needs descriptors for thread-locals of one of its modules."""
    slots = state.slots
    rows = slots.row[slots.operand == Operand.TLS_DESC].tolist()
    return any(_own_module(state, row) == module for row in rows)


def image_of(state: State, chunk: Chunk) -> bytes:
    """The stored part of a module's initial image, fixed up."""
    start = int(state.position[chunk.rows[0]] - chunk.offset[0])
    return state.image[start : start + chunk.stored].tobytes()


def fill_slots(state: State, words: TLSWords) -> None:
    """Write the GOT: addresses, and the words of thread-local slots."""
    slots = state.slots
    if slots.row.size == 0:
        return
    position = state.position[state.synthetic["got"][slots.module]] + slots.offset
    plain = slots.operand == Operand.GOT
    word = windows(state.image, "<i8")
    word[position[plain]] = state.symbol_address[slots.row[plain]]
    local = true_rows(~plain & (slots.operand != Operand.NOTHING))
    for index in local.tolist():
        row, operand, at = int(slots.row[index]), int(slots.operand[index]), int(position[index])
        if operand == Operand.TLS_IE:
            word[at] = words.tp_offset(row, words.home(row))
        elif operand == Operand.TLS_LD:
            storage = words.storage.get(int(slots.module[index]))
            word[at], word[at + 8] = (storage.module_id if storage else 0), 0
        else:
            word[at], word[at + 8] = (_signed(value) for value in words.pair(row, operand))


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def fix_up_late(state: State, words: TLSWords) -> None:
    """Write the edges whose value is an offset from the thread pointer, or a module id."""
    edges, kinds = state.edges, state.graph.kinds
    rows = true_rows(kinds.having(LATE).take(edges.kind))
    if rows.size == 0:
        return
    operand = kinds.operand[edges.kind]
    target: I32 = state.canonical[edges.target[rows]]
    value: I64 = np.zeros(rows.size, np.int64)
    for one in unique(target).tolist():
        home = words.home(one)
        for wanted in LATE:
            mine = (target == one) & (operand[rows] == wanted)
            if some(mine):
                value[mine] = words.tp_offset(one, home) if wanted == Operand.TP_OFFSET else words.module_id(one, home)
    everything = np.zeros(len(edges), np.int64)
    everything[rows] = value + edges.addend[rows]
    kind = np.zeros(len(edges), np.uint8)
    kind[rows] = edges.kind[rows]
    place = state.address[edges.block] + edges.offset
    check_ranges(state, kind, everything, place)
    scatter(state.image, kinds.width[kind], state.position[edges.block] + edges.offset, everything)
