"""Where a graph's memory must lie, from the 32-bit references that leave it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from uruk.errors import OutOfRange
from uruk.graph.graph import SymbolKind, Zone
from uruk.graph.kinds import Base, Operand
from uruk.graph.names import Names
from uruk.graph.types import I64, NONE, true_rows
from uruk.memory.manager import LOW_END, Reach
from uruk.passes.state import State, synthetic_blocks

REACH = 1 << 31
ROOM = 1 << 26
"""The least room in which it is worth looking for a slab."""
STREAMS = (b"stdin", b"stdout", b"stderr")
TYPE_DATA = (b"_ZTI", b"_ZTV", b"_ZTS", b"_ZTT")
"""Itanium C++ ABI, 5.1.4: type information, virtual tables, type names, VTTs."""
SLACK = 1 << 16
"""Addends and field offsets move a reference by less than this in ordinary code; the range check has the last word."""


def reach_of(state: State) -> Reach:
    """The addresses from which every 32-bit reference of the batch can be met.

    References to data of libraries (and of other slabs) must be in reach directly, as there can be no stub for data;
    32-bit absolute references need the low 2 GiB. Raises OutOfRange if no place satisfies all of them.
    """
    edges, kinds = state.edges, state.graph.kinds
    absolute = true_rows(kinds.narrow_absolute.take(edges.kind))
    low, high = (0, LOW_END) if absolute.size and _needs_low(state, absolute) else (0, 0)
    if not state.undefined.size:
        return Reach(low, high)
    rows, address = _data_references(state, true_rows(kinds.narrow_relative.take(edges.kind)))
    if rows.size == 0:
        return Reach(low, high)
    first, last = int(address.argmin()), int(address.argmax())
    bottom, top = _window(int(address[first]), int(address[last]), low, high)
    if top - bottom < ROOM:
        raise _apart(
            state,
            int(rows[first]),
            int(rows[last]),
            int(address[first]),
            int(address[last]),
            int(absolute[0]) if high else NONE,
        )
    return Reach(bottom, top)


def _window(first: int, last: int, low: int, high: int) -> tuple[int, int]:
    """Where code must lie that reaches `first` and `last`, within [low, high) if `high` is given."""
    return max(low, last - REACH + SLACK), min(high or 1 << 47, first + REACH - SLACK)


def copy_constants(state: State, names: Names, read_object: Callable[[int], bytes]) -> None:
    """Give the batch its own copy of library data that never changes, where the library's cannot all be reached.

    That is `stdin`, `stdout` and `stderr`, which are pointers that programs leave alone, and C++ type information and
    virtual tables, which the C++ library compares by name. No other data is ever copied (a copied `optind` would stay
    1 while libc's becomes 4).
    """
    edges, kinds, external = state.edges, state.graph.kinds, state.external
    if external is None or not external.is_data.any():
        return
    constant = _constant_rows(state, names)
    if constant.size == 0:
        return
    narrow = (kinds.width[edges.kind] == 4) & (kinds.operand[edges.kind] == Operand.SYMBOL)
    absolute = true_rows(narrow & (kinds.base[edges.kind] == Base.ZERO))
    rows, address = _data_references(state, true_rows(narrow))
    if rows.size == 0:
        return
    low_end = LOW_END if _needs_low(state, absolute) else 0
    bottom, top = _window(int(address.min()), int(address.max()), 0, low_end)
    if top - bottom >= ROOM and not (np.isin(rows, absolute) & (address >= LOW_END)).any():
        return
    narrowly_used = np.zeros(len(state.symbols), np.bool_)
    narrowly_used[state.canonical[edges.target[rows]]] = True
    for row in constant[narrowly_used[state.undefined[constant]]].tolist():
        _copy(state, row, read_object(int(external.address[row])))


def _constant_rows(state: State, names: Names) -> I64:
    """Undefined rows that mean library data of the kinds that may be copied."""
    assert state.external is not None
    rows = true_rows(state.external.is_data & state.external.found)
    ids = state.symbols.name[state.undefined[rows]].tolist()
    texts = (names.text(one) for one in ids)
    return rows[np.array([text in STREAMS or text.startswith(TYPE_DATA) for text in texts], np.bool_)]


def _copy(state: State, row: int, content: bytes) -> None:
    """Make a block with a copy of an external's content; it belongs to the first module that refers to it."""
    assert state.external is not None
    if not content:
        return
    using = true_rows(state.canonical[state.edges.target] == state.undefined[row])
    module = state.block_module[state.edges.block[using[:1]]]
    new = synthetic_blocks(np.full(1, len(content)), np.full(1, 16), Zone.RW)
    state.boundaries.copies.append((row, int(state.add_blocks(new, module)[0]), content))
    state.external.is_data[row] = False
    state.external.address[row] = 0


def _needs_low(state: State, rows: I64) -> bool:
    """Whether absolute 32-bit references are to something that this link places: blocks, copies, stubs of functions."""
    target = state.canonical[state.edges.target[rows]]
    elsewhere = np.zeros(len(state.symbols), np.bool_)
    if state.external is not None:
        elsewhere[state.undefined[state.external.is_data]] = True
    elsewhere |= state.symbols.kind == SymbolKind.ABSOLUTE
    return bool((~elsewhere[target]).any())


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


def _apart(state: State, first: int, last: int, low: int, high: int, absolute: int) -> OutOfRange:
    """The error for references that no single place can satisfy; `absolute` is one that wants the low 2 GiB, or -1."""
    edges, graph = state.edges, state.graph
    name = graph.symbol_name(int(edges.target[last]))
    hint = "compile with -fPIC (or use a child executor)"
    if absolute >= 0 and high >= LOW_END:
        low, owner = 0, int(state.blocks.object[edges.block[absolute]])
        other = f"the low 2 GiB, where the -fno-pie code of {graph.files[owner]} must lie,"
        hint = "compile that with -fPIE or -fPIC"
    else:
        other = f"`{graph.symbol_name(int(edges.target[first]))}' at {low:#x}"
    return OutOfRange(
        state.place_of(last), graph.kinds[int(edges.kind[last])].name, name,
        high - low, -REACH, REACH, f"distance between {other} and `{name}' at {high:#x}", "", hint,
    )  # fmt: skip
