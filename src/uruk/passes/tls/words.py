"""The words that slots and code get for thread-locals, once their storage is loaded."""

from __future__ import annotations

import numpy as np

from uruk.errors import TLSError
from uruk.graph.kinds import Operand
from uruk.graph.types import I32, I64, some, true_rows, unique, windows
from uruk.isa.interface import InstructionSet
from uruk.passes.faults import Faults
from uruk.passes.fixup import LATE, check_ranges, write_values
from uruk.passes.state import State, TLSHome
from uruk.passes.tls.interface import Storage, TLSLoader
from uruk.passes.tls.plan import own_module
from uruk.records import record


@record
class TLSWords:
    """The homes that slots are filled from: a TLSHome a canonical row, made once each."""

    state: State
    storage: dict[int, Storage]
    loader: TLSLoader

    def home(self, row: int) -> TLSHome:
        """Return where a canonical row lives."""
        state = self.state
        module = own_module(state, row)
        if module >= 0:
            storage = self.storage.get(module)
            return TLSHome(storage, int(state.tls_offset[row])) if storage is not None else TLSHome()
        # `undefined` is sorted, and has every row that the batch does not define (`uruk.passes.tls.checks`).
        index = int(state.undefined.searchsorted(row)) if state.undefined.size else -1
        home = state.external.tls.get(index) if state.external else None
        return home or TLSHome()

    def tp_offset(self, row: int, home: TLSHome) -> int:
        """Return the thread-pointer offset of a symbol; TLSError if its storage is dynamic."""
        if home.library:
            # ld.so computes it, as it would for an initial-exec slot of a shared object that names the symbol.
            return self.loader.bind(self._name(row), home.library, Operand.TLS_IE)[0]
        if home.storage is None:
            return 0  # a weak one that nothing defines, as ld.so has it
        # A symbol's thread-pointer offset is its block's and its own offset in that.
        return home.storage.make_static(f"`{self.state.graph.symbol_name(row)}'") + home.offset

    def fixed_offset(self, row: int) -> int | None:
        """Return the thread-pointer offset of a symbol with a descriptor, where its storage is static already; else
        None."""
        home = self.home(row)
        if home.library:
            return self.loader.offset_of(self._name(row), home.library)
        if home.storage is None or home.storage.tp_offset is None:
            return None
        return home.storage.tp_offset + home.offset

    def module_id(self, row: int, home: TLSHome) -> int:
        """Return the module id for `__tls_get_addr`; 0 where nothing defines the symbol."""
        if home.library:
            return self.loader.bind(self._name(row), home.library, Operand.TLS_GD)[0]
        return home.storage.module_id if home.storage is not None else 0

    def pair(self, row: int, operand: int) -> tuple[int, int]:
        """Return the two words of a general-dynamic or descriptor slot."""
        home = self.home(row)
        if home.library:
            words = self.loader.bind(self._name(row), home.library, operand)
            return words[0], words[1]
        # The two words are the `tls_index` that `__tls_get_addr` gets: ti_module, ti_offset.
        if operand == Operand.TLS_GD:
            return self.module_id(row, home), home.offset
        return self.loader.descriptor(home.storage, home.offset)

    def _name(self, row: int) -> bytes:
        return self.state.graph.symbol_name(row).encode("utf-8", "surrogateescape")


def write(state: State, words: TLSWords, isa: InstructionSet) -> None:
    """Write all that depends on where thread-local storage is: slots, descriptors, and fields of code."""
    # Slots come first: one of initial-exec code may make its storage static, of which descriptors then make use.
    fill_slots(state, words)
    relax_descriptors(state, words, isa)
    fix_up_late(state, words)


def fill_slots(state: State, words: TLSWords) -> None:
    """Write the words of thread-local slots.

    Raises LinkFaults of TLSError for what no word can be had for, the fault of the objects that refer to it.
    """
    slots = state.slots
    if slots.row.size == 0:
        return
    position = state.position[state.synthetic["got"][slots.module]] + slots.offset
    pointer = state.graph.kinds.word
    word = windows(state.image, pointer)
    # Slots of addresses are written already (`uruk.passes.stubs.fill_slots`).
    local = true_rows((slots.operand != Operand.GOT) & (slots.operand != Operand.NOTHING))
    faults = Faults()
    for index in local.tolist():
        row, operand, at = int(slots.row[index]), int(slots.operand[index]), int(position[index])
        try:
            values = _slot_words(words, row, operand, int(slots.module[index]))
        except TLSError as error:
            faults.add_error(state.objects_of(state.slot_edges[state.slot_of_edge == index]), error)
            continue
        for step, value in enumerate(values):
            # A list as index, so that one row of the column of overlapping windows is assigned.
            word[[at + pointer.itemsize * step]] = np.array([_signed(value)]).astype(pointer)
    faults.raise_any()


def _slot_words(words: TLSWords, row: int, operand: int, module: int) -> tuple[int, ...]:
    """Return the one or two words of a thread-local slot."""
    if operand == Operand.TLS_IE:
        return (words.tp_offset(row, words.home(row)),)
    if operand == Operand.TLS_LD:
        # The second word is 0: the code adds each variable's offset itself (local-dynamic model).
        storage = words.storage.get(module)
        return (storage.module_id if storage else 0), 0
    return words.pair(row, operand)


def _signed(value: int) -> int:
    # A number from 2^63 on does not fit into numpy's int64, from which the word is cast.
    return value - (1 << 64) if value >= 1 << 63 else value


def relax_descriptors(state: State, words: TLSWords, isa: InstructionSet) -> None:
    """Let code that asks descriptors of static storage compute the address itself, where the instruction set can."""
    if isa.relax_descriptors is None:
        return
    edges, kinds = state.edges, state.graph.kinds
    rows = true_rows(kinds.having((Operand.TLS_DESC,)).take(edges.kind))
    if rows.size == 0:
        return
    target: I32 = state.canonical[edges.target[rows]]
    # Indexing by rows copies, so that the edges keep their addends.
    offset: I64 = edges.addend[rows]
    fixed = np.zeros(rows.size, np.bool_)
    for symbol in unique(target).tolist():
        of_symbol = words.fixed_offset(symbol)
        if of_symbol is not None:
            to_symbol = target == symbol
            offset[to_symbol] += of_symbol
            # Only where storage is static does a constant offset stand in for the call.
            fixed |= to_symbol
    rows, offset = rows[fixed], offset[fixed]
    position = state.position[edges.block[rows]] + edges.offset[rows]
    done = isa.relax_descriptors(state.image, edges.kind[rows], position, offset)
    state.graph.notes["relaxed descriptors"] = int(done.sum())


def fix_up_late(state: State, words: TLSWords) -> None:
    """Write the edges whose value is an offset from the thread pointer, or a module id.

    Raises LinkFaults: TLSError for storage that stays dynamic, OutOfRange.
    """
    edges, kinds = state.edges, state.graph.kinds
    rows = true_rows(kinds.having(LATE).take(edges.kind))
    if rows.size == 0:
        return
    operand = kinds.operand[edges.kind]
    target: I32 = state.canonical[edges.target[rows]]
    value: I64 = np.zeros(rows.size, np.int64)
    faults = Faults()
    for symbol in unique(target).tolist():
        home = words.home(symbol)
        for wanted in LATE:
            chosen = (target == symbol) & (operand[rows] == wanted)
            if not some(chosen):
                continue
            try:
                value[chosen] = (
                    words.tp_offset(symbol, home) if wanted == Operand.TP_OFFSET else words.module_id(symbol, home)
                )
            except TLSError as error:
                faults.add_error(state.objects_of(rows[chosen]), error)
    # `check_ranges` and `write_values` take columns of all edges; kind 0, None, keeps the others out.
    everything = np.zeros(len(edges), np.int64)
    everything[rows] = value + edges.addend[rows]
    kind = np.zeros(len(edges), np.uint8)
    kind[rows] = edges.kind[rows]
    place = state.address[edges.block] + edges.offset
    check_ranges(state, kind, everything, place, faults)
    faults.raise_any()
    write_values(state, kind, state.position[edges.block] + edges.offset, everything)
