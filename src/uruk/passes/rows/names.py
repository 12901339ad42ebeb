"""Names of one object: which symbols it defines itself, and which it needs from elsewhere."""

from __future__ import annotations

from uruk.graph.graph import Binding, Role, SymbolKind, SymbolType, Visibility, Zone
from uruk.passes.rows.work import LeftToColumns, Work

_DEFINES = (SymbolKind.DEFINED, SymbolKind.ABSOLUTE, SymbolKind.COMMON)
_ODD_TYPES = (SymbolType.TLS, SymbolType.IFUNC)


def find_undefined(work: Work) -> None:
    """Fill `undefined` and `commons`. The session's table has said that all definitions of the object stand.

    Leaves to the columns: thread-locals, IFUNCs, a name at several rows, kinds of edges that only they know.
    """
    rows, kinds = work.rows, work.kind_rows
    used: set[int] = set()
    for _, _, kind, target, _ in work.edges:
        if not kinds[kind].takes:
            raise LeftToColumns
        used.add(target)
    seen: set[int] = set()
    for row, (name, symbol) in enumerate(zip(rows.names, rows.symbols, strict=True)):
        if symbol[5] in _ODD_TYPES:
            raise LeftToColumns
        if name < 0:
            continue
        if name in seen:
            raise LeftToColumns
        seen.add(name)
        if symbol[2] not in _DEFINES:
            # Only names that an edge refers to are needed.
            if row in used:
                work.undefined.append(row)
        elif symbol[2] == SymbolKind.COMMON:
            work.commons[row] = work.add_block(symbol[1], symbol[7], Zone.RW, 0)
    if any(row[4] == Zone.TLS for row in rows.blocks):
        raise LeftToColumns


def defined_rows(work: Work) -> list[int]:
    """Return the rows of the names that the object defines."""
    symbols = work.rows.symbols
    return [row for row, name in enumerate(work.rows.names) if name >= 0 and symbols[row][2] in _DEFINES]


def is_weak(work: Work, row: int) -> bool:
    """Return True if nobody need define an undefined symbol."""
    symbol = work.rows.symbols[row]
    return symbol[2] == SymbolKind.UNDEFINED and symbol[4] == Binding.WEAK


def is_hidden(work: Work, row: int) -> bool:
    """Return True if no library's definition will do for an undefined symbol."""
    symbol = work.rows.symbols[row]
    return symbol[2] == SymbolKind.UNDEFINED and symbol[6] in (Visibility.HIDDEN, Visibility.INTERNAL)


def initialisers(work: Work) -> bool:
    """Return True if some block holds functions that run when the module is loaded or unloaded."""
    return any(Role.PREINIT <= row[5] <= Role.DTORS for row in work.rows.blocks)
