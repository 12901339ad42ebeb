"""The definition that a name stands for.

Strong definitions win over common ones, these over weak ones, and the first of equals stays.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from uruk.errors import DuplicateDefinition
from uruk.graph.graph import Graph, Selection, Table
from uruk.graph.names import Names
from uruk.graph.types import I32, I64, NONE, U8, Bool, every, some, true_rows, unique
from uruk.orc.registry.added import Added
from uruk.orc.registry.definitions import Definitions
from uruk.orc.registry.symbols import Rank, SymbolTable
from uruk.records import record

FileOf = Callable[[int], str]
"""The name in errors of the entry of a number."""
NOBODY: I32 = np.empty(0, np.int32)


def drop_groups(graph: Graph, first: int, table: SymbolTable) -> Bool:
    """Mark the groups of a graph that lose to one of the same signature, here or added before. Nothing is recorded."""
    name = graph.groups.name
    if name.size == 0:
        return np.empty(0, np.bool_)
    number = graph.groups.object + first
    owner = table.group[name]
    fresh = true_rows(owner == NONE)
    if fresh.size:
        first_of = fresh[::-1]
        if some(graph.groups.selection == Selection.LARGEST):
            from uruk.orc.registry import group_selection as selection

            first_of = first_of[selection.leader_sizes(graph)[first_of].argsort(kind="stable")]
        winner = dict(zip(name[first_of].tolist(), number[first_of].tolist(), strict=True))
        owner[fresh] = [winner[signature] for signature in name[fresh].tolist()]
    return owner != number


@record
class Claims(Table):
    """Definitions that want their names. `owner`: the entry's number; `rank`, `flags`: Rank, Flag bits."""

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
    compares = dropped.size > 0 and some(graph.groups.selection != Selection.ANY)
    if compares:
        from uruk.orc.registry import group_selection as selection  # other formats than ELF need it

        selection.check(graph, first, dropped, table, names, file_of)
    kept = definitions.without(graph, dropped)
    losers = take_names(Claims(kept.name, kept.object + first, kept.rank, kept.flags), table, names, file_of)
    if dropped.size:
        if some(dropped):
            table.contested[graph.groups.name[dropped]] = 1
            lost = table.owner[definitions.name] != definitions.object + first
            table.contested[definitions.name[lost]] = 1
        kept = true_rows(~dropped)[::-1]
        table.note(graph.groups.name[kept], "group")
        table.group[graph.groups.name[kept]] = graph.groups.object[kept] + first
        if compares:
            from uruk.orc.registry import group_selection as selection

            selection.record(graph, first, kept, table)
    return losers


def take_names(claims: Claims, table: SymbolTable, names: Names, file_of: FileOf) -> I32:
    """Give names to those who define them best; returns the entries that lost names.

    Raises DuplicateDefinition, with nothing recorded, for two strong definitions of one name.
    """
    strong = claims.rank == Rank.STRONG
    if every(strong):
        _refuse_duplicates(claims.name, claims.owner, table, names, file_of)
        return _take(claims, Rank.STRONG, table)
    strong = true_rows(strong)
    first = claims.rows(strong)
    _refuse_duplicates(first.name, first.owner, table, names, file_of)
    before = [_take(first, Rank.STRONG, table)]
    for level in (Rank.COMMON, Rank.WEAK):
        wanted = claims.rows(true_rows(claims.rank == level))
        better = true_rows((table.rank[wanted.name] < level) & (table.ready[wanted.name] == 0))[::-1]
        before.append(_take(wanted.rows(better), level, table))
        table.contested[wanted.name[table.owner[wanted.name] != wanted.owner]] = 1
    return unique(np.concatenate(before))


def _take(claims: Claims, rank: int, table: SymbolTable) -> I32:
    """Give names to claims that are to have them; returns the owners that they had."""
    ids = claims.name
    before = table.owner.take(ids)
    had = before >= 0
    table.note(ids, "owner", "flags", "rank")
    table.owner[ids] = claims.owner
    table.flags[ids] = claims.flags
    table.rank[ids] = rank
    if not some(had):
        return NOBODY
    table.contested[ids[had]] = 1
    return unique(before[had])


def _refuse_duplicates(name: I64, owner: I64, table: SymbolTable, names: Names, file_of: FileOf) -> None:
    first = order = np.arange(name.size)
    again = (table.rank.take(name) == Rank.STRONG) | table.ready.take(name)
    if name.size > 1:
        scratch = names.scratch()
        scratch[name[::-1]] = order[::-1]
        first = scratch.take(name)
        again |= first != order
    if some(again):
        row = int(np.argmax(again))
        holder = int(owner[first[row]]) if first[row] != row else int(table.owner[name[row]])
        text = names.text(int(name[row])).decode("utf-8", "replace")
        raise DuplicateDefinition(text, file_of(holder), file_of(int(owner[row])), int(again.sum()) - 1)
