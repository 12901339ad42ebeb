"""Where a graph's memory must lie, from the 32-bit references that leave it."""

from __future__ import annotations

import numpy as np

from uruk.errors import OutOfRange
from uruk.graph.kinds import Base, Operand
from uruk.graph.types import I64
from uruk.memory.manager import LOW_END, Reach
from uruk.passes.state import State

REACH = 1 << 31
SLACK = 1 << 16
"""Addends and field offsets move a reference by less than this in ordinary code; the range check has the last word."""


def reach_of(state: State) -> Reach:
    """The addresses from which every 32-bit reference of the batch can be met.

    References to data of libraries (and of other slabs) must be in reach directly, as there can be no stub for data;
    32-bit absolute references need the low 2 GiB. Raises OutOfRange if no place satisfies all of them.
    """
    edges, kinds = state.edges, state.graph.kinds
    operand = kinds.operand[edges.kind]
    narrow = (kinds.width[edges.kind] == 4) & (operand == Operand.SYMBOL)
    base = kinds.base[edges.kind]
    low, high = 0, 0
    absolute = np.flatnonzero(narrow & (base == Base.ZERO))
    if absolute.size and _needs_low(state, absolute):
        low, high = 0, LOW_END
    rows, address = _data_references(state, np.flatnonzero(narrow & (base == Base.PLACE)))
    if rows.size == 0:
        return Reach(low, high)
    first, last = int(address.argmin()), int(address.argmax())
    bottom = max(low, int(address[last]) - REACH + SLACK)
    top = min(high or 1 << 47, int(address[first]) + REACH - SLACK)
    if top - bottom < 1 << 21:
        raise _apart(state, int(rows[first]), int(rows[last]), int(address[first]), int(address[last]), bool(high))
    return Reach(max(bottom, 0), top)


def _needs_low(state: State, rows: I64) -> bool:
    """Whether absolute 32-bit references are to something that this link places (a stub included)."""
    target = state.canonical[state.edges.target[rows]]
    placed = state.symbols.block[target] >= 0
    return bool(placed.any()) or bool(np.isin(rows, state.stub_edges).any())


def _data_references(state: State, rows: I64) -> tuple[I64, I64]:
    """Of 32-bit relative references, those to data from elsewhere, with the addresses they need."""
    external = state.external
    if external is None or not state.undefined.size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    place = np.zeros(len(state.symbols), np.int64)
    place[state.undefined] = np.where(external.found & external.is_data, external.address, 0)
    address = place[state.canonical[state.edges.target[rows]]]
    wanted = address != 0
    return rows[wanted], address[wanted]


def _apart(state: State, first: int, last: int, low: int, high: int, absolute: bool) -> OutOfRange:
    """The error for references that no single place can satisfy."""
    edges, graph = state.edges, state.graph
    name = graph.symbol_name(int(edges.target[last]))
    other = "the low 2 GiB, where -fno-pie code must lie"
    if low != high:
        other = f"`{graph.symbol_name(int(edges.target[first]))}' at {low:#x}"
    hint = "compile with -fPIE or -fPIC" if absolute and low == high else "compile with -fPIC (or use a child executor)"
    return OutOfRange(
        graph.place(int(edges.block[last]), int(edges.offset[last])), graph.kinds[int(edges.kind[last])].name, name,
        high - low, -REACH, REACH, f"distance between {other} and `{name}' at {high:#x}", "", hint,
    )  # fmt: skip
