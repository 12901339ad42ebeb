"""Stubs: their code, and the slots of IFUNC stubs, which the resolvers choose once code can run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from uruk.graph.graph import SymbolKind
from uruk.graph.kinds import Operand
from uruk.graph.types import I64, true_rows, windows
from uruk.isa.interface import InstructionSet
from uruk.memory.mapper import Range
from uruk.passes.fixup import slot_addresses, stub_addresses
from uruk.passes.state import State


def write(state: State, isa: InstructionSet) -> None:
    """Write every stub: a jump through its slot."""
    stubs = state.stubs
    if stubs.row.size == 0:
        return
    address = stub_addresses(state)
    position = state.position[state.synthetic["stubs"][stubs.island]] + stubs.offset
    if state.as_jitlink:
        _write_jumps(state, isa, position, address)
        return
    isa.write_stubs(state.image, position, address, slot_addresses(state)[stubs.slot])


def _write_jumps(state: State, isa: InstructionSet, position: I64, address: I64) -> None:
    """Write that part of every stub which jumps, as JITLink's stubs are no more."""
    begin, size, *_ = isa.JITLINK_TABLES
    count = position.size
    whole = np.zeros(count * isa.STUB_SIZE, np.uint8)
    # A whole stub that begins so much earlier has its jump at the address of the short one.
    isa.write_stubs(whole, np.arange(count) * isa.STUB_SIZE, address - begin, slot_addresses(state)[state.stubs.slot])
    jumps = whole.reshape(count, isa.STUB_SIZE)[:, begin : begin + size]
    # A row of positions for each stub, one for each of its bytes.
    state.image[position[:, None] + np.arange(size)] = jumps


def fill_slots(state: State) -> None:
    """Write the slots that hold addresses of symbols."""
    slots = state.slots
    if slots.row.size == 0:
        return
    # Slots of thread-locals hold offsets and module ids, which are known only after their storage is loaded.
    plain = true_rows(slots.operand == Operand.GOT)
    home = state.synthetic["got"][slots.module[plain]]
    word = state.graph.kinds.word
    address = state.symbol_address[slots.row[plain]]
    windows(state.image, word)[state.position[home] + slots.offset[plain]] = address.astype(word)


def fill_own_slots(state: State) -> None:
    """Write the slots that only a stub uses: the function itself, whatever the symbol's address is for the batch."""
    stubs, slots = state.stubs, state.slots
    rows = true_rows(stubs.taken)
    if rows.size:
        slot = stubs.slot[rows]
        position = state.position[state.synthetic["got"][slots.module[slot]]] + slots.offset[slot]
        word = state.graph.kinds.word
        windows(state.image, word)[position] = state.stub_target[rows].astype(word)


def resolve_ifuncs(state: State, call: Callable[[Sequence[int]], list[int]]) -> list[Range]:
    """Call the resolvers, in order, and write what they return into the slots that their stubs jump through.

    Returns the slots that were written.
    """
    stubs, slots = state.stubs, state.slots
    rows = true_rows(stubs.ifunc)
    if rows.size == 0:
        return []
    # What is called below must be code of this batch (`uruk.passes.got_plt`).
    assert (state.symbols.kind[stubs.row[rows]] == SymbolKind.DEFINED).all()
    slot = stubs.slot[rows]
    position = state.position[state.synthetic["got"][slots.module[slot]]] + slots.offset[slot]
    # One call for all: in another process each would be a message.
    chosen = call(state.resolver_address.view(np.uint64).tolist())
    word = state.graph.kinds.word
    windows(state.image, word)[position] = np.array(chosen, np.uint64).astype(word)
    return [(address, word.itemsize) for address in (position + state.base).view(np.uint64).tolist()]
