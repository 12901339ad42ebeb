"""Who defines a name: strong definitions win over common ones, these over weak ones, and the first of equals stays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from uruk.errors import DuplicateDefinition
from uruk.graph.graph import Binding, Graph, SymbolKind, SymbolType, Visibility
from uruk.graph.names import Names
from uruk.graph.types import I32, I64, NONE, U8, Bool, some, true_rows
from uruk.orc.symbols import Flag, Rank, SymbolTable

FileOf = Callable[[int], str]
"""The input's name of an object number, for errors."""


def drop_groups(graph: Graph, first: int, table: SymbolTable) -> Bool:
    """Which groups of a graph lose to one of the same signature, here or added before. Nothing is recorded."""
    name = graph.groups.name
    if name.size == 0:
        return np.empty(0, np.bool_)
    number = graph.groups.object + first
    owner = table.group[name]
    fresh = true_rows(owner == NONE)
    if fresh.size:
        winner = dict(zip(name[fresh[::-1]].tolist(), number[fresh[::-1]].tolist(), strict=True))
        owner[fresh] = [winner[one] for one in name[fresh].tolist()]
    return owner != number


def claim(graph: Graph, first: int, table: SymbolTable, names: Names, file_of: FileOf) -> None:
    """Record what the objects of `graph` (numbered from `first`) define.

    Raises DuplicateDefinition, with nothing recorded, for two strong definitions of one name.
    """
    table.grow(len(names))
    dropped = drop_groups(graph, first, table)
    rows, rank = definitions(graph, dropped)
    name = graph.symbols.name[rows]
    owner = (graph.ranges.symbols.searchsorted(rows, "right") - 1 + first).astype(np.int32)
    strong = rank == Rank.STRONG
    if some(strong):
        _refuse_duplicates(name[strong], owner[strong], table, names, file_of)
    if dropped.size:
        kept = true_rows(~dropped)[::-1]
        table.group[graph.groups.name[kept]] = graph.groups.object[kept] + first
    flags = flags_of(graph, rows)
    for level in (Rank.STRONG, Rank.COMMON, Rank.WEAK):
        mine = true_rows(rank == level)
        if mine.size == 0:
            continue
        mine = mine[(table.rank[name[mine]] < level) & (table.ready[name[mine]] == 0)][::-1]
        table.owner[name[mine]] = owner[mine]
        table.flags[name[mine]] = flags[mine]
        table.rank[name[mine]] = level


def definitions(graph: Graph, dropped: Bool) -> tuple[I64, U8]:
    """Rows that define a name others can see, outside dropped groups, with their rank."""
    symbols = graph.symbols
    defines = (symbols.name >= 0) & (symbols.kind != SymbolKind.UNDEFINED) & (symbols.kind != SymbolKind.DROPPED)
    if some(dropped):
        group = np.where(symbols.block >= 0, graph.blocks.group[symbols.block], NONE)
        defines &= ~((group >= 0) & dropped[group])
    rows = true_rows(defines)
    rank = np.full(rows.size, Rank.STRONG, np.uint8)
    binding = symbols.binding[rows]
    rank[(binding == Binding.WEAK) | (binding == Binding.UNIQUE)] = Rank.WEAK
    rank[symbols.kind[rows] == SymbolKind.COMMON] = Rank.COMMON
    return rows, rank


def flags_of(graph: Graph, rows: I64) -> U8:
    """What the table keeps of definitions besides their address."""
    symbols = graph.symbols
    kind, visibility = symbols.type[rows], symbols.visibility[rows]
    flags = np.zeros(rows.size, np.uint8)
    flags[(kind == SymbolType.FUNC) | (kind == SymbolType.IFUNC)] |= Flag.FUNCTION
    flags[(visibility == Visibility.HIDDEN) | (visibility == Visibility.INTERNAL)] |= Flag.HIDDEN
    flags[kind == SymbolType.TLS] |= Flag.TLS
    return flags


def _refuse_duplicates(name: I32, owner: I32, table: SymbolTable, names: Names, file_of: FileOf) -> None:
    scratch = names.scratch()
    order = np.arange(name.size - 1, -1, -1)
    scratch[name[order]] = order
    first = scratch[name]
    again = (first != np.arange(name.size)) | (table.rank[name] == Rank.STRONG) | (table.ready[name] != 0)
    if some(again):
        row = int(np.argmax(again))
        other = int(owner[first[row]]) if first[row] != row else int(table.owner[name[row]])
        text = names.text(int(name[row])).decode("utf-8", "replace")
        raise DuplicateDefinition(text, file_of(other), file_of(int(owner[row])), int(again.sum()) - 1)
