"""Copies of library data that code reaches by 32-bit references: what a static linker makes copy relocations for.

Data that never changes may be copied at any time: `stdin`, `stdout` and `stderr`, which are pointers that programs
leave alone, and C++ type information and virtual tables, which the C++ library compares by name. Other data is copied
only where the libraries are bound to the copies (else a copied `optind` would stay 1 while libc's becomes 4).
"""

from __future__ import annotations

import numpy as np

from uruk.graph.graph import Zone
from uruk.graph.types import I64, some, true_rows, unique
from uruk.passes.placement import ROOM, data_references, wants_low, window
from uruk.passes.rules import DataSource
from uruk.passes.state import Copy, State, synthetic_blocks

STREAMS = (b"stdin", b"stdout", b"stderr")
TYPE_DATA = (b"_ZTI", b"_ZTV", b"_ZTS", b"_ZTT")
"""Itanium C++ ABI, 5.1.4: type information, virtual tables, type names, VTTs."""
LARGEST_ALIGNMENT = 4096
"""Of a copy, which is aligned as its original is."""


def copy_library_data(state: State, host: DataSource, everything: bool) -> None:
    """Give the batch its own copy of library data, where the library's cannot all be reached.

    With `everything`, of data that changes, too. Some external is data.
    """
    edges, kinds, external = state.edges, state.graph.kinds, state.external
    assert external is not None
    copied = true_rows(external.is_data & external.found) if everything else _constant_rows(state)
    if copied.size == 0:
        return
    # 64-bit references reach data wherever it is.
    narrow = (kinds.narrow_absolute | kinds.narrow_relative)[edges.kind]
    absolute = kinds.narrow_absolute[edges.kind]
    rows, address = data_references(state, true_rows(narrow))
    if rows.size == 0:
        return
    _, high = wants_low(state, true_rows(absolute))
    # Where the references leave room for the code, no copy is needed.
    bottom, top = window(state, rows, address, high)
    # All of it lies in reach of one place, and in the fields that hold addresses: nothing need be copied.
    if top - bottom >= ROOM and not some(absolute[rows] & (address > kinds.last[edges.kind[rows]])):
        return
    narrowly_used = np.zeros(len(state.symbols), np.bool_)
    narrowly_used[state.canonical[edges.target[rows]]] = True
    wanted = external.address[copied[narrowly_used[state.undefined[copied]]]]
    for at in unique(wanted).tolist():
        content = host.read_object(at)
        if content:
            constant = host.is_constant(at, len(content))
            _copy(state, copied[external.address[copied] == at], at, content, constant)


def _constant_rows(state: State) -> I64:
    """Return undefined rows that mean library data of the kinds that may be copied at any time."""
    assert state.external is not None
    rows = true_rows(state.external.is_data & state.external.found)
    ids = state.symbols.name[state.undefined[rows]].tolist()
    texts = (state.names.text(number) for number in ids)
    return rows[np.array([text in STREAMS or text.startswith(TYPE_DATA) for text in texts], np.bool_)]


def _copy(state: State, rows: I64, address: int, content: bytes, constant: bool) -> None:
    """Make a block with a copy of an external's content, read-only if `constant`; the first module that uses it has it.

    `rows` are all undefined rows with that address: a variable may have several names, as `environ` has.
    """
    assert state.external is not None
    # The first edge in input order decides: its module needs the copy near by.
    using = true_rows(np.isin(state.canonical[state.edges.target], state.undefined[rows]))
    module = state.block_module[state.edges.block[using[:1]]]
    # The lowest set bit of the original's address is the most it can have been aligned to.
    align = min(address & -address, LARGEST_ALIGNMENT)
    zone = Zone.R if constant else Zone.RW
    block = int(state.add_blocks(synthetic_blocks(np.full(1, len(content)), np.full(1, align), zone), module)[0])
    state.copies += [Copy(row, block, content, address, constant) for row in rows.tolist()]
    # No longer the library's data: reach and window are not asked about it; its address comes with the layout.
    state.external.is_data[rows] = False
    state.external.address[rows] = 0


def place_copies(state: State) -> None:
    """Let names of copied data resolve to the copies, whose blocks have addresses, and fill in their content."""
    assert state.external is not None
    for copy in state.copies:
        state.external.address[copy.row] = state.address[copy.block]
        at = int(state.position[copy.block])
        state.image[at : at + len(copy.content)] = np.frombuffer(copy.content, np.uint8)
