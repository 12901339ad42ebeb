"""Small helpers that compilers put into every object as a shared group: each object keeps its own.

``DW.ref.X`` is a pointer to X for unwind data, which reaches it by 32 bits; ``__clang_call_terminate`` is what clang's
landing pads call. Natively one copy serves a whole program. Here objects come and go one by one: one copy would lie
out of reach of some, and could not be removed before all of them. They have no state, and no code compares their
addresses, so that a copy each is the same.
"""

from __future__ import annotations

import numpy as np

from uruk.graph.graph import Binding, Graph, SymbolType, Visibility
from uruk.graph.names import Names
from uruk.graph.row_graph import RowGraph
from uruk.graph.rows import ObjectRows
from uruk.graph.types import NONE, true_rows

_POINTERS = b"DW.ref."
_FUNCTION = b"__clang_call_terminate"


def keep_own_copies(graph: Graph, names: Names) -> None:
    """Make such helpers local to their objects."""
    if isinstance(graph, RowGraph) and graph.rows is not None:
        _keep_in_rows(graph, graph.rows, names)
        return
    if not graph.groups.name.size:
        return
    symbols, group = graph.symbols, graph.blocks.group
    # Facts that columns tell come first, so that few names have to be looked at.
    maybe = (symbols.visibility == Visibility.HIDDEN) & (symbols.binding == Binding.WEAK) & (symbols.name >= 0)
    maybe &= symbols.block >= 0
    maybe &= (symbols.type == SymbolType.OBJECT) | (symbols.name == names[_FUNCTION])
    rows = true_rows(maybe)
    ids: list[int] = symbols.name[rows].tolist()
    texts = zip(ids, names.ids.texts(ids), strict=True)
    helpers = {name for name, text in texts if text.startswith((_POINTERS, _FUNCTION))}
    rows = rows[np.array([name in helpers for name in ids], np.bool_)]
    own = group[symbols.block[rows]]
    rows, own = rows[own >= 0], own[own >= 0]
    if rows.size:
        # Without a name, a symbol is its own object's only.
        symbols.name[rows] = NONE
        shared = np.ones(graph.groups.name.size + 1, np.bool_)  # the last one: no group
        shared[own] = False
        # Index -1, no group, picks the last row of `shared`, which is true.
        group[~shared[group]] = NONE


def _keep_in_rows(graph: RowGraph, rows: ObjectRows, names: Names) -> None:
    """Make such helpers local in the rows of one object."""
    own: set[int] = set()
    for row, (_, _, _, block, binding, type, visibility, _) in enumerate(rows.symbols if rows.groups else ()):
        if visibility != Visibility.HIDDEN or binding != Binding.WEAK or block < 0 or rows.names[row] < 0:
            continue
        group, text = rows.block_groups[block], names.text(rows.names[row])
        is_helper = text == _FUNCTION or (type == SymbolType.OBJECT and text.startswith((_POINTERS, _FUNCTION)))
        if group >= 0 and is_helper:
            # Without a name, a symbol is its own object's only.
            rows.names[row] = NONE
            own.add(group)
    if own:
        rows.block_groups[:] = [NONE if group in own else group for group in rows.block_groups]
        graph.forget_tables()
