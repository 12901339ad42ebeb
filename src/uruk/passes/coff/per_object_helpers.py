"""Small data that compilers put into every object as a COMDAT of one public name: each object keeps its own.

`.refptr.X` is a pointer to X, which MinGW's code reaches by 32 bits; `__real@…` and `__xmm@…` are constants of that
value, and `??_C@…` is a string literal. Natively one copy serves a whole program. Here objects come and go one by one:
one copy would have to stay for all that came later, and might lie out of their reach. No code writes to it or
compares its address, so that a copy each is the same. ELF's compilers make such data local.
"""

from __future__ import annotations

import numpy as np

from uruk.graph.graph import Binding, Graph, Selection, Zone
from uruk.graph.names import Names
from uruk.graph.types import I64, NONE, Bool, filled, some, true_rows, windows

_PREFIXES = (b".refptr.", b"__real@", b"__xmm@", b"__ymm@", b"__zmm@", b"??_C@")
"""The beginnings of names, of at most eight bytes. All are longer than eight, so that they lie in the object."""
_FUNCTION = b"__clang_call_terminate"
"""The function that clang's landing pads call, as in ELF."""
_PAIRS = [tuple(int.from_bytes(text, "little") for text in (b"\xff" * len(name), name)) for name in _PREFIXES]
"""A mask and a value for the first eight bytes of a name."""


def keep_own_copies(graph: Graph, names: Names) -> None:
    """Make such data local to its objects."""
    groups, symbols, blocks = graph.groups, graph.symbols, graph.blocks
    if not groups.name.size:
        return
    rows = true_rows((symbols.binding == Binding.GLOBAL) & (symbols.block >= 0))
    block = symbols.block[rows]
    group = blocks.group[block]
    # Only the name by which a COMDAT is chosen, and only where any copy does, as all are equal then.
    is_leader = (group >= 0) & (symbols.name[rows] == groups.name[group]) & (groups.selection[group] == Selection.ANY)
    rows, block, group = rows[is_leader], block[is_leader], group[is_leader]
    # NONE is the number of rows without a name, and must not match a function that no object has.
    own = symbols.name[rows] == names.get(_FUNCTION, NONE - 1)
    # Constants only: code of such a name, or data that is written to, must stay one for the whole program.
    data = true_rows(blocks.zone[block] == Zone.R)
    own[data] |= _begins(graph, rows[data])
    if some(own):
        symbols.name[rows[own]] = NONE  # without a name, a symbol is its own object's only
        shared = filled(groups.name.size + 1, True, np.bool_)  # the last one: no group
        shared[group[own]] = False
        # Blocks without a group have -1, which is the last row.
        blocks.group[~shared[blocks.group]] = NONE


def _begins(graph: Graph, rows: I64) -> Bool:
    """Return which symbols have a name with one of the prefixes."""
    buffer = graph.arena.buffers[0]
    text = graph.symbols.text[rows]
    # Short names lie in a later buffer. They look at place 0 instead, and the mask takes them out again.
    inside = text <= buffer.size - 8
    first = windows(buffer, "<u8")[np.where(inside, text, 0)]
    begins = filled(rows.size, False, np.bool_)
    for mask, value in _PAIRS:
        begins |= first & np.uint64(mask) == np.uint64(value)
    return begins & inside
