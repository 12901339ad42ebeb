"""Fields: values, which are in range by now, written into the working image as their kinds have it.

Data is written by one scatter for each width, instructions by reading, filling and writing columns of words. A few
kinds depend on what is there (`KindTable.changes`): these come last, and in the order of their relocations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from uruk.errors import UnsupportedRelocation
from uruk.graph.encodings import HALF
from uruk.graph.kinds import KindTable
from uruk.graph.types import I64, U8, AnyArray, Bool, some, true_rows, windows
from uruk.passes.faults import Faults
from uruk.passes.state import State

LONGEST_LEB = 10
"""Bytes of a LEB128 number of 64 bits."""


def write_values(state: State, kind: U8, position: I64, value: I64) -> None:
    """Write each value at its position, as its kind has it.

    Raises LinkFaults of UnsupportedRelocation for instructions that do not have the field, and for numbers that are
    too short.
    """
    kinds = state.graph.kinds
    width = kinds.width.take(kind)
    if kinds.encodings.any:
        inside = kinds.encodings.used.take(kind)
        _write_instructions(state, true_rows(inside), kind, position, value)
        # Width 0 takes the edge out of the scatter of data.
        width = width * ~inside
    changing = true_rows(kinds.changes.take(kind)) if kinds.has_changes else None
    if changing is None or not changing.size:
        scatter(state.image, width, position, value, kinds.fields)
        return
    # All that is written at such a place is written in order, as each change depends on what is there. Edges without a
    # width write nothing.
    ordered = np.isin(position, position[changing]) & (width > 0)
    scatter(state.image, width * ~ordered, position, value, kinds.fields)
    _write_in_order(state, true_rows(ordered), kind, position, value)


def _write_instructions(state: State, rows: I64, kind: U8, position: I64, value: I64) -> None:
    """Fill the fields of instructions; `rows` are the edges that have an encoding."""
    kinds = state.graph.kinds
    encodings = kinds.encodings
    for size in encodings.sizes:
        chosen = rows if len(encodings.sizes) == 1 else rows[encodings.size[kind[rows]] == size]
        if chosen.size:
            wrong, words = fill_instructions(state.image, kinds, size, kind[chosen], position[chosen], value[chosen])
            if some(wrong):
                _refuse_instructions(state, chosen[wrong], words[wrong], 2 * size)


def fill_instructions(
    image: U8, kinds: KindTable, size: int, kind: U8, position: I64, value: I64
) -> tuple[Bool, AnyArray]:
    """Fill the fields of instruction words of `size` bytes, unless some word has no field of its kind.

    Returns which have none, and the words as they were.
    """
    encodings = kinds.encodings
    # Two instructions are two words of 4 bytes, the first of which has the low bits in either byte order.
    words = windows(image, f"{kinds.order}u{min(size, 4)}")
    old = words[position].astype(encodings.word)
    if size == 8:
        old |= words[position + 4].astype(encodings.word) << encodings.word.type(HALF)
    wrong = ~encodings.fits(kind, old)
    if not some(wrong):
        new = encodings.encode(kind, old, value)
        words[position] = new.astype(words.dtype)
        if size == 8:
            words[position + 4] = (new >> encodings.word.type(HALF)).astype(words.dtype)
    return wrong, old


def _refuse_instructions(state: State, rows: I64, words: AnyArray, digits: int) -> None:
    faults = Faults()

    def make_error(bad: AnyArray) -> UnsupportedRelocation:
        first = int(bad[0])
        word = int(words[rows.searchsorted(first)])
        kind = state.graph.kinds[int(state.edges.kind[first])]
        return UnsupportedRelocation(
            state.place_of(first), kind.name, f"is on an instruction that has no such field ({word:#0{digits + 2}x})"
        )

    faults.add(rows, state.objects_of(rows), make_error)
    faults.raise_any()


def scatter(image: U8, width: U8, position: I64, value: I64, fields: Sequence[tuple[int, np.dtype[Any]]]) -> None:
    """Write each value's low `width` bytes at its position, by (size, dtype) of fields; width 0 writes nothing."""
    left = width.size
    for size, dtype in fields:
        rows = true_rows(width == size)
        if rows.size:
            windows(image, dtype)[position[rows]] = value[rows].astype(dtype)
            # Few batches have fields of every width: the loop ends as soon as all edges are written.
            left -= rows.size
            if not left:
                return


def _write_in_order(state: State, rows: I64, kind: U8, position: I64, value: I64) -> None:
    """Write the edges `rows`, those at one place one after the other: all first ones, then all second ones, ..."""
    order = position[rows].argsort(kind="stable")
    place = position[rows][order]
    begins = np.empty(place.size, np.bool_)
    begins[:1] = True
    np.not_equal(place[1:], place[:-1], out=begins[1:])
    first = true_rows(begins)
    count = np.diff(np.append(first, place.size))
    # The number of each edge among those at its place.
    turn = np.arange(place.size) - first.repeat(count)
    for number in range(int(count.max())):
        _change(state, rows[order[turn == number]], kind, position, value)


def _change(state: State, rows: I64, kind: U8, position: I64, value: I64) -> None:
    """Change the fields of edges, no two of which are at one place."""
    kinds = state.graph.kinds
    leb = kinds.leb[kind[rows]]
    for size, _ in kinds.fields:
        chosen = rows[(kinds.width[kind[rows]] == size) & ~leb]
        if not chosen.size:
            continue
        which, at = kind[chosen], position[chosen]
        fields = windows(state.image, f"{kinds.order}u{size}")
        # Sums are made in 64 bits, where they cannot overflow, and cut off afterwards.
        old = fields[at].astype(np.uint64)
        # As many ones as the field has bits; the bits above keep what is there.
        mask = np.uint64(0xFFFFFFFFFFFFFFFF) >> (64 - kinds.bits[which]).astype(np.uint64)
        new = _combined(kinds.accumulates[which], kinds.subtracts[which], old, value[chosen].view(np.uint64))
        fields[at] = (old & ~mask | new & mask).astype(fields.dtype)
    if some(leb):
        _change_numbers(state, rows[leb], kind, position, value)


def _combined(accumulates: Bool, subtracts: Bool, old: AnyArray, value: AnyArray) -> AnyArray:
    """Return the values themselves, or what is there with them added or subtracted, modulo 2^64."""
    return np.where(accumulates, np.where(subtracts, old - value, old + value), value)


def _change_numbers(state: State, rows: I64, kind: U8, position: I64, value: I64) -> None:
    """Write LEB128 numbers over those that are there, of the same length. They are few, and of any length."""
    kinds, edges, faults = state.graph.kinds, state.edges, Faults()
    for row in rows.tolist():
        begin, which = int(position[row]), int(kind[row])
        room = int(state.blocks.size[edges.block[row]] - edges.offset[row])
        old = state.image[begin : begin + min(room, LONGEST_LEB)].tolist()
        length = next((index + 1 for index, byte in enumerate(old) if byte < 0x80), 0)
        number = sum((byte & 0x7F) << 7 * index for index, byte in enumerate(old[:length]))
        change = int(value[row])
        if kinds.accumulates[which]:
            change = number - change if kinds.subtracts[which] else number + change
        # Numbers are taken modulo 2^64, as an assembler computes them.
        change &= (1 << 64) - 1
        if not length or change >> 7 * length:
            faults.add_error(state.objects_of(np.array([row])), _refused_number(state, row, length, change))
            continue
        # The number keeps its length: every byte but the last has its high bit set, zeros in front included.
        last = length - 1
        state.image[begin : begin + length] = [change >> 7 * at & 0x7F | 0x80 * (at < last) for at in range(length)]
    faults.raise_any()


def _refused_number(state: State, row: int, length: int, number: int) -> UnsupportedRelocation:
    """Return the error for an edge on a LEB128 number of `length` bytes (0: of none) that does not take a new
    number."""
    problem = f"does not fit into the {length} bytes of the number there ({number:#x})"
    if not length:
        problem = "is on no LEB128 number that ends in its section"
    return UnsupportedRelocation(state.place_of(row), state.graph.kinds[int(state.edges.kind[row])].name, problem)
