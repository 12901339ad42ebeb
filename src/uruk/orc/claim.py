"""Who defines a name: strong definitions win over common ones, these over weak ones, and the first of equals stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from uruk.errors import DuplicateDefinition
from uruk.graph.graph import Graph
from uruk.graph.names import Names
from uruk.graph.types import I32, I64, NONE, U8, Bool, some, true_rows, unique
from uruk.orc.definitions import Definitions
from uruk.orc.objects import Added
from uruk.orc.symbols import Rank, SymbolTable

FileOf = Callable[[int], str]
"""What errors call the entry of a number."""
NOBODY: I32 = np.empty(0, np.int32)


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


@dataclass(eq=False, repr=False)
class Claims:
    """Definitions that want their names; row columns. `owner`: the entry's number; `rank`, `flags`: Rank, Flag bits."""

    name: I64
    owner: I64
    rank: U8
    flags: U8


def claim(added: Added, table: SymbolTable, names: Names, file_of: FileOf) -> I32:
    """Record what the objects of a graph define; returns the entries that lost names to them.

    Raises DuplicateDefinition, with nothing recorded, for two strong definitions of one name.
    """
    return claim_some(added, added.definitions, table, names, file_of)


def claim_some(added: Added, definitions: Definitions, table: SymbolTable, names: Names, file_of: FileOf) -> I32:
    """`claim` for some of the definitions of a graph."""
    graph, first = added.graph, added.first
    table.grow(len(names.ids))
    dropped = drop_groups(graph, first, table)
    found = definitions.without(graph, dropped)
    losers = take_names(Claims(found.name, found.object + first, found.rank, found.flags), table, names, file_of)
    if dropped.size:
        if some(dropped):
            table.contested[graph.groups.name[dropped]] = 1
            lost = table.owner[definitions.name] != definitions.object + first
            table.contested[definitions.name[lost]] = 1
        kept = true_rows(~dropped)[::-1]
        table.group[graph.groups.name[kept]] = graph.groups.object[kept] + first
    return losers


def take_names(claims: Claims, table: SymbolTable, names: Names, file_of: FileOf) -> I32:
    """Give names to those who define them best; returns the entries that lost names.

    Raises DuplicateDefinition, with nothing recorded, for two strong definitions of one name.
    """
    name, rank = claims.name, claims.rank
    strong = true_rows(rank == Rank.STRONG)
    if strong.size:
        _refuse_duplicates(name[strong], claims.owner[strong], table, names, file_of)
    before: list[I32] = []
    for level in (Rank.STRONG, Rank.COMMON, Rank.WEAK):
        all_of_level = strong if level == Rank.STRONG else true_rows(rank == level)
        if all_of_level.size == 0:
            continue
        ids = name[all_of_level]
        mine = all_of_level[(table.rank[ids] < level) & (table.ready[ids] == 0)][::-1]
        ids = name[mine]
        had = table.owner[ids]
        if some(had >= 0):
            before.append(had[had >= 0])
            table.contested[ids[had >= 0]] = 1
        table.owner[ids] = claims.owner[mine]
        table.flags[ids] = claims.flags[mine]
        table.rank[ids] = level
        if level != Rank.STRONG:  # of strong ones none loses: a second one is refused
            wanted = name[all_of_level]
            table.contested[wanted[table.owner[wanted] != claims.owner[all_of_level]]] = 1
    return unique(np.concatenate(before)) if before else NOBODY


def _refuse_duplicates(name: I64, owner: I64, table: SymbolTable, names: Names, file_of: FileOf) -> None:
    scratch = names.scratch()
    order: I64 = np.arange(name.size)
    scratch[name[::-1]] = order[::-1]
    first = scratch[name]
    again = (first != order) | (table.rank[name] == Rank.STRONG) | (table.ready[name] != 0)
    if some(again):
        row = int(np.argmax(again))
        other = int(owner[first[row]]) if first[row] != row else int(table.owner[name[row]])
        text = names.text(int(name[row])).decode("utf-8", "replace")
        raise DuplicateDefinition(text, file_of(other), file_of(int(owner[row])), int(again.sum()) - 1)
