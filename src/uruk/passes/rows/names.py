"""Names of one object: which symbols it defines itself, and which it needs from elsewhere."""

from __future__ import annotations

from uruk.graph.graph import Binding, Role, SymbolKind, SymbolType, Visibility, Zone
from uruk.passes.rows.work import LeftToColumns, Work

_DEFINES = (SymbolKind.DEFINED, SymbolKind.ABSOLUTE, SymbolKind.COMMON)
_ODD_TYPES = (SymbolType.TLS, SymbolType.IFUNC)


def find_undefined(work: Work) -> None:
    """Fill `defined`, `undefined`, `commons` and `has_initialisers`.

    The session's table has said that all definitions of the object stand.

    Leaves to the columns: thread-locals, IFUNCs, a name at several rows, kinds of edges that only they know.
    """
    rows, kinds = work.rows, work.kind_rows
    used: set[int] = set()
    for _, _, kind, target, _ in work.edges:
        if not kinds[kind].takes:
            raise LeftToColumns
        used.add(target)
    seen: set[int] = set()
    for row, (name, (_, size, kind, _, _, type, _, value)) in enumerate(zip(rows.names, rows.symbols, strict=True)):
        if type in _ODD_TYPES or name in seen:
            raise LeftToColumns
        if name < 0:
            continue
        seen.add(name)
        if kind in _DEFINES:
            work.defined.append(row)
            if kind == SymbolKind.COMMON:
                work.commons[row] = work.add_block(size, value, Zone.RW, 0)
        elif row in used:  # only names that an edge refers to are needed
            work.undefined.append(row)
    for _, _, _, _, zone, role in rows.blocks:
        if zone == Zone.TLS:
            raise LeftToColumns
        if Role.PREINIT <= role <= Role.DTORS:
            work.has_initialisers = True


def is_weak(work: Work, row: int) -> bool:
    """Return True if an undefined symbol may stay undefined."""
    symbol = work.rows.symbols[row]
    return symbol[2] == SymbolKind.UNDEFINED and symbol[4] == Binding.WEAK


def is_hidden(work: Work, row: int) -> bool:
    """Return True if no library's definition will do for an undefined symbol."""
    symbol = work.rows.symbols[row]
    return symbol[2] == SymbolKind.UNDEFINED and symbol[6] in (Visibility.HIDDEN, Visibility.INTERNAL)
