"""Names for places a number of bytes behind another symbol (ld's --defsym=NAME=OTHER+NUMBER).

An object's reference to such a name becomes a local symbol: in the block of the other one, or, where that is not of the
same batch, at an address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import UrukError
from uruk.graph.graph import Graph, SymbolKind
from uruk.graph.types import NONE, Bool, true_rows
from uruk.orc.lookup.externals import find_externals
from uruk.records import replace

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime


def place_displaced(session: Lifetime, graph: Graph, defines: Bool) -> Graph:
    """Return the graph with its references to displaced names as symbols of their own.

    Raises UrukError for common symbols.
    """
    symbols = graph.symbols
    rows_of = {name: true_rows((symbols.name == name) & ~defines) for name in session.displaced}
    if not any(rows.size for rows in rows_of.values()):
        return graph
    name, block, kind, value = (column.copy() for column in (symbols.name, symbols.block, symbols.kind, symbols.value))
    for number, rows in rows_of.items():
        if not rows.size:
            continue
        final = int(session.stands_for(np.array([number], np.int32))[0])
        definers = true_rows(defines & (symbols.name == final))
        if definers.size and symbols.kind[definers[0]] == SymbolKind.COMMON:
            raise UrukError(f"{_text(session, number)} is to lie behind a common symbol, which has no place of its own")
        offset = session.displaced[number]
        # In the same block, so that layout moves both together.
        block[rows] = symbols.block[definers[0]] if definers.size else NONE
        kind[rows] = symbols.kind[definers[0]] if definers.size else SymbolKind.ABSOLUTE
        start = int(symbols.value[definers[0]]) if definers.size else _address(session, final)
        value[rows] = np.uint64((start + offset) & ((1 << 64) - 1))
        # Without a name the row is resolved no more: its place says all.
        name[rows] = NONE
    return replace(graph, symbols=replace(symbols, name=name, block=block, kind=kind, value=value))


def _address(session: Lifetime, final: int) -> int:
    """Return the address of a symbol that the batch does not define. Raises UrukError."""
    if session.table.ready[final]:
        return int(session.table.address[final]) & ((1 << 64) - 1)
    home = session.ids.home(final).owner
    is_found, address, _ = find_externals(session, home, [session.ids.text(final)])
    if not is_found[0]:
        raise UrukError(f"{_text(session, final)} is not defined, and another name is to lie behind it")
    return int(address[0]) & ((1 << 64) - 1)


def _text(session: Lifetime, number: int) -> str:
    return session.ids.text(number).decode("utf-8", "replace")
