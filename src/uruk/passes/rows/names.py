"""Names of one object: which symbols it defines itself, and which it needs from elsewhere."""

from __future__ import annotations

from uruk.graph.graph import Binding, Role, SymbolKind, SymbolType, Visibility, Zone
from uruk.passes.rows.work import LeftToColumns, Work

_DEFINES = (SymbolKind.DEFINED, SymbolKind.ABSOLUTE, SymbolKind.COMMON)
_ODD_TYPES = (SymbolType.TLS, SymbolType.IFUNC)


def find_undefined(work: Work) -> None:
    """Fill `defined`, `undefined` and `commons`. The session's table has said that all definitions of the object stand.

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
    for block in work.blocks:
        if block.zone == Zone.TLS:
            raise LeftToColumns


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
    for row in work.rows.blocks:  # noqa: SIM110 (any() makes a generator, which costs more than the few rows)
        if Role.PREINIT <= row[5] <= Role.DTORS:
            return True
    return False
