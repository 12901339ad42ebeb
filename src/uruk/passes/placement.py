"""The range in which a graph's memory must lie, from the 32-bit references that leave it."""

from __future__ import annotations

import numpy as np

from uruk.errors import OutOfRange
from uruk.graph.graph import SymbolKind
from uruk.graph.types import I64, AnyArray, some, true_rows, unique
from uruk.memory.mapper import Reach
from uruk.passes.faults import Faults
from uruk.passes.got_plt import SLOT_OPERANDS
from uruk.passes.state import State

ROOM = 1 << 26
"""The least room in which it is worth looking for a slab."""
FIXED_END = 1 << 32
"""Behind the last absolute symbol that code is placed for."""
HIGHEST_END = 1 << 47
"""Behind all addresses that a process of Linux gets unasked, on x86-64 (48 bits, half of them the kernel's)."""
SLACK = 1 << 16
"""Addends and field offsets move a reference by less than this in ordinary code; the range check has the last word."""


def reach_of(state: State) -> Reach:
    """Return the addresses from which every 32-bit reference of the batch can be met.

    References to data of libraries (and of other slabs) must be in reach directly, as there can be no stub for data;
    32-bit absolute references need addresses that fit into their fields. Raises LinkFaults of OutOfRange if no place
    satisfies all of them.
    """
    edges, kinds = state.edges, state.graph.kinds
    # An address of 4 bytes fits below 4 GiB, a signed one below 2 GiB: such code bounds its own place from above.
    absolute, high = true_rows(kinds.narrow_absolute.take(edges.kind)), 0
    if absolute.size:
        absolute, high = wants_low(state, absolute)
    together = _is_short(state)
    rows, address = data_references(state, true_rows(kinds.narrow_relative.take(edges.kind)))
    if rows.size == 0:
        return Reach(0, high, together)
    bottom, top = window(state, rows, address, high)
    if top - bottom < ROOM:
        _refuse(state, rows, address, absolute, high)
    return Reach(bottom, top, together)


def _is_short(state: State) -> bool:
    """Return True if code refers to other blocks, or to slots, by fields that reach a MiB or less."""
    edges, kinds = state.edges, state.graph.kinds
    if not some(kinds.short):
        return False
    rows = true_rows(kinds.short.take(edges.kind))
    if rows.size == 0:
        return False
    home = state.symbols.block[state.canonical[edges.target[rows]]]
    # Within one block distances are known to the assembler already; slots always lie in another block.
    leaves_block = (home != edges.block[rows]) | kinds.having(SLOT_OPERANDS).take(edges.kind[rows])
    return some(leaves_block)


def window(state: State, rows: I64, address: I64, high: int) -> tuple[int, int]:
    """Return where code must lie whose references `rows` reach these addresses, below `high` if that is given."""
    # The code's place P must satisfy address - reach <= P <= address + reach for every reference at once.
    reach = state.graph.kinds.reach[state.edges.kind[rows]] - SLACK
    return max(0, int((address - reach).max())), min(high or HIGHEST_END, int((address + reach).min()))


def wants_low(state: State, rows: I64) -> tuple[I64, int]:
    """Return absolute 32-bit references to what this link places: blocks, copies, stubs of functions.

    And the end of the addresses that all their fields can hold; 0 where there are none.
    """
    target = state.canonical[state.edges.target[rows]]
    placed_before = np.zeros(len(state.symbols), np.bool_)
    if state.external is not None:
        placed_before[state.undefined[state.external.is_data]] = True
    placed_before |= state.symbols.kind == SymbolKind.ABSOLUTE
    # An address that is given already does not depend on where this batch lies.
    rows = rows[~placed_before[target]]
    return rows, int(state.graph.kinds.last[state.edges.kind[rows]].min()) + 1 if rows.size else 0


def data_references(state: State, rows: I64) -> tuple[I64, I64]:
    """Return 32-bit references to data from elsewhere and to low absolute symbols, with the addresses they need.

    Such symbols are what code of a program at a fixed address, which lies low natively, reaches by relative fields.
    """
    external, symbols = state.external, state.symbols
    # By symbols first, which are fewer than edges. Higher absolute ones are left to the range check: low code natively
    # refers to low addresses only.
    known = (symbols.kind == SymbolKind.ABSOLUTE) & (symbols.value < FIXED_END)
    # An absolute symbol's value is its address.
    address = symbols.value.view(np.int64)
    if external is not None and state.undefined.size:
        # Functions have stubs, and what the link provides itself lies in this batch: neither bounds the place.
        known[state.undefined] = external.found & external.is_data & ~external.own
        address = address.copy()
        address[state.undefined] = external.address
    if not some(known):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    rows = rows[known.take(state.canonical).take(state.edges.target[rows])]
    place = address[state.canonical[state.edges.target[rows]]]
    if rows.size:  # where no slab can lie within reach, the range check has the last word
        reach = state.graph.kinds.reach[state.edges.kind[rows]]
        # Addresses that no slab could come close to would leave an empty window, and refuse the whole batch for one
        # edge.
        near = (place + reach >= ROOM) & (place - reach <= HIGHEST_END - ROOM)
        rows, place = rows[near], place[near]
    return rows, place


def _refuse(state: State, rows: I64, address: I64, absolute: I64, end: int) -> None:
    """Raise LinkFaults for references that no single place can satisfy; `absolute` ones want one below `end`.

    At fault is the code that must lie low, if there is any; otherwise the objects that reach one end of the data, the
    end that fewer of them reach.
    """
    faults = Faults()
    if absolute.size and int(address.max()) >= end:
        last = int(rows[address.argmax()])
        high = int(address.max())
        faults.add(absolute, state.objects_of(absolute), lambda bad: _too_high(state, last, high, int(bad[0]), end))
        faults.raise_any()
    reach = int(state.graph.kinds.reach[state.edges.kind[rows]].min())
    # Code that reaches both ends lies at most `reach` from each, with room for itself in between.
    span = max(2 * reach - 2 * SLACK - ROOM, 0)
    owner = state.objects_of(rows)
    # Either the upper data or the lower data is too far from the rest; whichever fewer objects use is called the fault.
    above, below = address - address.min() > span, address.max() - address > span
    ends = [true_rows(above), true_rows(below)]
    bad = min(ends, key=lambda end: unique(owner[end]).size)
    faults.add(bad, owner[bad], lambda far: _apart(state, rows, address, far))
    faults.raise_any()


def _too_high(state: State, edge: int, address: int, absolute: int, end: int) -> OutOfRange:
    """Return the error for data at `address` that some code refers to while `absolute` wants a place below `end`."""
    owner = int(state.objects_of(np.array([absolute]))[0])
    rest = f"the low {end >> 30} GiB, where the -fno-pie code of {state.graph.files[owner]} must lie,"
    return _far(state, edge, address, address, rest, "compile that with -fPIE or -fPIC")


def _apart(state: State, rows: I64, address: I64, bad: AnyArray) -> OutOfRange:
    """Return the error for data too far apart; `bad` are the places in `rows` to tell of."""
    first, last = int(address.argmin()), int(address.argmax())
    if address[bad[0]] - address[first] > address[last] - address[bad[0]]:
        last = int(bad[address[bad].argmax()])
    else:
        first = int(bad[address[bad].argmin()])
    low, high = int(address[first]), int(address[last])
    rest = f"`{state.graph.symbol_name(int(state.edges.target[rows[first]]))}' at {low:#x}"
    from uruk.passes.range_hints import hint_of  # for errors only

    reach = int(state.graph.kinds.reach[int(state.edges.kind[rows[last]])])
    return _far(state, int(rows[last]), high, high - low, rest, hint_of(state, int(rows[last]), reach))


def _far(state: State, edge: int, address: int, distance: int, rest: str, hint: str) -> OutOfRange:
    graph = state.graph
    name = graph.symbol_name(int(state.edges.target[edge]))
    reach = int(graph.kinds.reach[int(state.edges.kind[edge])])
    return OutOfRange(
        state.place_of(edge), graph.kinds[int(state.edges.kind[edge])].name, name,
        distance, -reach, reach, f"distance between {rest} and `{name}' at {address:#x}", "", hint,
    )  # fmt: skip
