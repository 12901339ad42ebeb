"""Fixups of one object: each edge's value computed, checked and written, by the rows of the same table of kinds.

What takes columns even here is done by the functions that whole batches use: instructions are filled by their
encodings, and loads through the GOT relaxed by the instruction set.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

from uruk.graph.kinds import PAGE_MASK, Operand
from uruk.graph.types import ADDRESSES, HALF, U8, some
from uruk.isa.interface import GOTLoads, InstructionSet
from uruk.passes.fields import fill_instructions
from uruk.passes.rows.imports import is_plain
from uruk.passes.rows.kinds import KindRow
from uruk.passes.rows.work import LeftToColumns, Stub, Work


class Field:
    """An edge at its place: what is written there, and how."""

    __slots__ = ("addend", "kind", "place", "position", "stub", "target", "value")

    def __init__(self, kind: int, target: int, addend: int, place: int, position: int) -> None:
        self.kind = kind
        self.target = target
        self.addend = addend
        self.place = place
        self.position = position
        self.value = 0
        self.stub: Stub | None = None


def wrapped(value: int) -> int:
    """Return a number modulo 2^64 in the range of int64, as columns have it."""
    return (value + HALF) % ADDRESSES - HALF


def fix_up(work: Work, image: U8, view: memoryview, isa: InstructionSet) -> None:
    """Write every edge into an image, and its view.

    Leaves to the columns, with no field written, values that are out of range.
    """
    fields: list[Field] = []
    loads: list[tuple[int, Field]] = []
    kinds, address, blocks, stubs = work.kind_rows, work.address, work.blocks, work.stubs
    for number, (block, offset, kind, target, addend) in enumerate(work.edges):
        home, row = blocks[block], kinds[kind]
        field = Field(kind, target, addend, home.address + offset, home.position + offset)
        if row.operand == Operand.GOT:
            field.value = work.slots[target, False].address
            if row.relaxable:
                loads.append((number, field))
        else:
            field.value = address[target]
            if target in stubs:
                field.stub = _stub_of(work, row, target, addend)
        fields.append(field)
    if loads:
        _relax(work, image, view, isa, loads)
    for field in fields:
        row = kinds[field.kind]
        value = field.value + field.addend
        if row.from_place and not row.paged:
            value -= field.place
        # What `displacement` has to round, or to wrap.
        if row.paged or not -HALF <= value < HALF:
            value = displacement(row, field.value + field.addend, field.place)
        if field.stub is not None and row.width == 4 and not row.low <= value <= row.last:
            value = displacement(row, field.stub.address + field.addend, field.place)
        if not row.low <= value <= row.last or value & (row.align - 1):
            raise LeftToColumns
        field.value = value
    if fields:
        _write(work, image, view, fields)


def displacement(row: KindRow, value: int, place: int) -> int:
    """See `KindTable.displacement`."""
    if row.paged:
        return wrapped((value & ~PAGE_MASK) - (place & ~PAGE_MASK))
    if row.from_place:
        value -= place
    # As `wrapped` has it, without a call for what need not be wrapped.
    return value if -HALF <= value < HALF else wrapped(value)


def _stub_of(work: Work, row: KindRow, target: int, addend: int) -> Stub | None:
    """Return the stub that an edge may go through; see `uruk.passes.rows.imports`."""
    is_branch = row.operand == Operand.BRANCH
    if not is_branch and (not row.narrow or work.external[target][1]):
        return None
    return work.stubs[target] if is_plain(row, addend) else None


def _relax(work: Work, image: U8, view: memoryview, isa: InstructionSet, loads: list[tuple[int, Field]]) -> None:
    """Turn loads through the GOT into direct ones where that fits; their fields then mean the symbol itself."""
    if isa.relax_got_load is not None:
        _relax_each(work, view, isa.relax_got_load, loads)
        return
    rows = [(work.edges[number], field.place, field.position, work.address[field.target]) for number, field in loads]
    edges = np.array([edge for edge, _, _, _ in rows], np.int64).T
    places = np.array([row[1:] for row in rows], np.int64).T
    block, target = edges[[0, 3]].astype(np.int32)
    kind = edges[2].astype(np.uint8)
    relaxed = isa.relax_got_loads(
        GOTLoads(image, kind, block, edges[1], places[1], places[0], target, places[2], edges[4])
    )
    kinds = (kind if relaxed.kind is None else relaxed.kind).tolist()
    changes = zip(loads, relaxed.changed.tolist(), relaxed.moved_back.tolist(), kinds, strict=True)
    for (_, field), changed, moved_back, now in changes:
        field.kind = now
        if changed:
            field.value = work.address[field.target]
        # A `jmp *slot(%rip)` becomes a direct jump and a nop, so that its field begins one byte earlier.
        field.place -= moved_back
        field.position -= moved_back


def _relax_each(
    work: Work,
    image: memoryview,
    relax: Callable[[memoryview, int, bytes, int], tuple[bool, bool]],
    loads: list[tuple[int, Field]],
) -> None:
    """Relax loads one by one."""
    for number, field in loads:
        # Other fields than the last of their instruction, whose addend is its size, stay.
        if field.addend != -4:
            continue
        block, offset, _, _, _ = work.edges[number]
        # From the input: what is written for one load must not be read for another one.
        start = work.rows.blocks[block][1] + offset
        before = bytes(work.buffer[start - min(offset, 3) : start])
        target = work.address[field.target]
        changed, moved_back = relax(image, field.position, before, wrapped(target - field.place - 4))
        if changed:
            field.value = target
        field.place -= moved_back
        field.position -= moved_back


def _write(work: Work, image: U8, view: memoryview, fields: list[Field]) -> None:
    """Write all fields, in the order in which columns do: instructions, then data by width."""
    kinds, order = work.kind_rows, work.kinds.order
    if work.kinds.encodings.any:
        _write_instructions(work, image, [field for field in fields if kinds[field.kind].encoded])
    elif len(fields) == 1:  # unwind data of the only function of a module
        field = fields[0]
        size = kinds[field.kind].width
        _LAYOUTS[order, size].pack_into(view, field.position, field.value & ((1 << 8 * size) - 1))
        return
    by_width: dict[int, list[Field]] = {}
    for field in fields:
        row = kinds[field.kind]
        if not row.encoded:
            by_width.setdefault(row.width, []).append(field)
    for size, _ in work.kinds.fields:
        if size in by_width:
            layout, mask = _LAYOUTS[order, size], (1 << 8 * size) - 1
            for field in by_width[size]:
                layout.pack_into(view, field.position, field.value & mask)


_LAYOUTS = {
    (order, size): struct.Struct(order + letter)
    for order in "<>"
    for size, letter in ((1, "B"), (2, "H"), (4, "I"), (8, "Q"))
}


def _write_instructions(work: Work, image: U8, fields: list[Field]) -> None:
    for size in work.kinds.encodings.sizes:
        chosen = [field for field in fields if work.kind_rows[field.kind].width == size]
        if not chosen:
            continue
        kind = np.array([field.kind for field in chosen], np.uint8)
        places = np.array([(field.position, field.value) for field in chosen], np.int64).T
        wrong, _ = fill_instructions(image, work.kinds, size, kind, places[0], places[1])
        if some(wrong):
            raise LeftToColumns
