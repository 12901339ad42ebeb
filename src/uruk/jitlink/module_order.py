"""The order in which files lie in memory: that of the entry first, then what it refers to, breadth first.

LLVM's tool links a file when another one that is linked refers to it. Of the files that one file refers to, it takes
those first whose names its hash table has first; here they go by the symbol table.
"""

from __future__ import annotations

import numpy as np

from uruk.graph.types import NONE, true_rows
from uruk.passes.state import State


def order_modules(state: State, entry: bytes) -> None:
    """Fill `module_order`: modules that are reached from the definition of `entry`, then all others as they come."""
    symbols = state.symbols
    # A row without a block would read the last one, as -1 is a valid index; `where` throws that value away.
    home = np.where(symbols.block >= 0, state.block_module[symbols.block], NONE)[state.canonical]
    owner = state.symbol_objects(np.arange(len(symbols)))
    module = np.where(owner >= 0, state.module_of_object[owner], NONE)
    rows = true_rows((module >= 0) & (home >= 0) & (home != module))
    needs: dict[int, list[int]] = {}
    for user, used in zip(module[rows].tolist(), home[rows].tolist(), strict=True):
        needs.setdefault(user, []).append(used)
    named = state.names.get(entry)
    begins = home[true_rows(symbols.name == (NONE if named is None else named))]
    order = dict.fromkeys(begins[begins >= 0].tolist())
    queue = list(order)
    for reached in queue:  # it grows while it is gone through
        new = [used for used in dict.fromkeys(needs.get(reached, ())) if used not in order]
        order.update(dict.fromkeys(new))
        # `new` is added to `order` first, so that no module is put into the queue twice.
        queue += new
    order.update(dict.fromkeys(range(len(state.modules))))
    places = np.empty(len(state.modules), np.int64)
    # `order` says which module is at a place; the layout wants its inverse, the place of each module.
    places[list(order)] = np.arange(len(state.modules))
    state.module_order = places
