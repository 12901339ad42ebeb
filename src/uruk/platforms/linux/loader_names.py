"""Names of linked functions and data for `dladdr`, in the symbol table of the slab's object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from uruk.graph.graph import SymbolType, Visibility
from uruk.graph.types import I64, Bool, true_rows
from uruk.memory.symbol_table import Columns
from uruk.orc.registry.tracker import ResourceTracker

if TYPE_CHECKING:
    from uruk.link import Linked

_NAMED = np.zeros(256, np.bool_)
"""By type: what natively has a name and one address. An IFUNC's address is that of a stub, of another size."""
_NAMED[[SymbolType.NOTYPE, SymbolType.OBJECT, SymbolType.FUNC, SymbolType.COMMON]] = True
_SHOWN = np.zeros(256, np.bool_)
"""By visibility."""
_SHOWN[[Visibility.DEFAULT, Visibility.PROTECTED]] = True


def tell(linked: Linked, trackers: Sequence[ResourceTracker], rows: I64) -> None:
    """Have `dladdr` name what symbol rows of a batch define and show to others, until their tracker is removed.

    A slab that the loader does not know has no names.
    """
    table = linked.allocation.names
    if table is None:
        return
    state, symbols = linked.state, linked.state.symbols
    block = symbols.block.take(rows)
    shown: Bool = (block >= 0) & _NAMED.take(symbols.type.take(rows)) & _SHOWN.take(symbols.visibility.take(rows))
    rows = rows[shown]
    if not rows.size:
        return
    names = state.names.ids.texts(symbols.name.take(rows).tolist())
    # Versions are rare: one search of the joined text spares a look at each name.
    if b"@" in b"".join(names):
        names, rows = _without_versions(names, rows, state.symbol_address)
    module = state.block_module.take(symbols.block.take(rows))
    if len(trackers) > 1:
        order = module.argsort(kind="stable")
        places: list[int] = order.tolist()
        rows, module, names = rows[order], module[order], [names[place] for place in places]
    # Rows are sorted by module here; each run of equal modules is one range of the table.
    starts = true_rows(np.diff(module, prepend=-1) != 0)
    modules: list[int] = module.take(starts).tolist()
    lengths = np.fromiter(map(len, names), np.int64, rows.size)
    ranges = table.take(lengths, np.diff(starts, append=rows.size).tolist())
    for number, part in zip(modules, ranges, strict=False):  # a full table has none for the last ones
        trackers[number].resources.names.append((table, part))
    columns = Columns(state.symbol_address.take(rows), symbols.size.take(rows), symbols.type.take(rows))
    table.fill(ranges, names, lengths, columns)


def _without_versions(names: list[bytes], rows: I64, address: I64) -> tuple[list[bytes], I64]:
    """Return names without ``@V`` or ``@@V``, as dladdr shows them.

    One with several versions at an address is there once.
    """
    row_of: dict[tuple[bytes, int], int] = {}
    for name, row, place in zip(names, rows.tolist(), address.take(rows).tolist(), strict=True):
        row_of.setdefault((name.partition(b"@")[0] or name, place), row)
    return [name for name, _ in row_of], np.array(list(row_of.values()), np.int64)
