"""Addresses of symbols, slots and stubs of one object, once its blocks have theirs; and the content of its tables."""

from __future__ import annotations

import numpy as np

from uruk.graph.graph import SymbolKind
from uruk.graph.kinds import Operand
from uruk.graph.types import ADDRESSES, HALF, U8, signed
from uruk.isa.interface import InstructionSet
from uruk.passes.rows.fixup import displacement
from uruk.passes.rows.imports import is_plain
from uruk.passes.rows.work import Work


def assign(work: Work, stub_size: int) -> None:
    """Fill in the addresses of symbols, slots and stubs."""
    blocks = work.blocks
    address = work.address = [0] * len(work.rows.symbols)
    for row, (_, _, kind, block, _, _, _, value) in enumerate(work.rows.symbols):
        if block >= 0:
            place = blocks[block].address + value
            # Without a call for the addresses that programs have.
            address[row] = place if -HALF <= place < HALF else signed(place)
        elif kind == SymbolKind.ABSOLUTE:
            address[row] = signed(value)
    for row, (place, _) in work.external.items():
        address[row] = place
    for row, block in work.commons.items():
        address[row] = block.address
    if work.got is not None:
        for number, slot in enumerate(work.slots.values()):
            slot.address = work.got.address + number * work.kinds.pointer
    if work.stub_block is not None:
        for number, stub in enumerate(work.stubs.values()):
            stub.address = work.stub_block.address + number * stub_size
            stub.target = address[stub.row]
        _use_stubs_as_addresses(work)


def _use_stubs_as_addresses(work: Work) -> None:
    """Make its stub a function's address everywhere, where some 32-bit reference can reach only the stub."""
    far: set[int] = set()
    for block, offset, kind, target, addend in work.edges:
        row, stub = work.kind_rows[kind], work.stubs.get(target)
        if stub is None or not stub.taken or row.operand != Operand.SYMBOL or not row.narrow:
            continue
        value = displacement(row, stub.target + addend, work.blocks[block].address + offset)
        if is_plain(row, addend) and not row.low <= value <= row.last:
            far.add(target)
    for target in far:
        work.address[target] = work.stubs[target].address


def write_tables(work: Work, image: U8, view: memoryview, isa: InstructionSet) -> None:
    """Write stubs, slots and the module's handle into an image, and its view."""
    pointer = work.kinds.pointer
    order = "little" if work.kinds.order == "<" else "big"
    if work.stub_block is not None:
        rows = [(stub.address, stub.slot.address) for stub in work.stubs.values() if stub.slot is not None]
        begin = work.stub_block.position - work.stub_block.address
        if isa.write_stub is not None:
            for place, target in rows:
                isa.write_stub(view, place + begin, place, target)
        else:
            address, slot = np.array(rows, np.int64).T
            isa.write_stubs(image, address + begin, address, slot)
    if work.got is not None:
        at = work.got.position
        for slot in work.slots.values():
            target = work.stubs[slot.row].target if slot.own else work.address[slot.row]
            view[at : at + pointer] = (target % ADDRESSES).to_bytes(pointer, order)
            at += pointer
    if work.handle is not None:
        at = work.handle.position
        view[at : at + pointer] = (work.handle.address % ADDRESSES).to_bytes(pointer, order)


def copy_content(work: Work, view: memoryview) -> None:
    """Copy the content of every block to its position in an image."""
    arena = work.buffer
    for block in work.blocks:
        at, start, size = block.position, block.content, block.size
        if start >= 0 and size:
            view[at : at + size] = arena[start : start + size]
    if work.unwind is not None:
        view[work.unwind.position : work.unwind.position + work.unwind.size] = work.unwind_content
