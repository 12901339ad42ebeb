"""Decides which definition a name stands for.

Strong definitions take the name from common ones, these from weak ones, and the first of equals stays (as ld does).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import DuplicateDefinition
from uruk.graph.graph import Graph, Selection, Table
from uruk.graph.types import I32, I64, NONE, U8, Bool, every, some, true_rows, unique
from uruk.orc.registry.definitions import Definitions, definition_rows
from uruk.orc.registry.symbols import Rank, SymbolTable
from uruk.records import record

if TYPE_CHECKING:
    from uruk.graph.names import Names
    from uruk.orc.registry.added import Added

FileOf = Callable[[int], str]
"""The name in errors of the entry of a number."""
NO_ENTRIES: I32 = np.empty(0, np.int32)


def drop_groups(graph: Graph, first: int, table: SymbolTable) -> Bool:
    """Mark the groups of a graph that lose to one of the same signature, here or added before. Nothing is recorded."""
    name = graph.groups.name
    if name.size == 0:
        return np.empty(0, np.bool_)
    number = graph.groups.object + first
    owner = table.group[name]
    fresh = true_rows(owner == NONE)
    if fresh.size:
        # Backwards: of several values for one name the last is kept, which is then that of the first group.
        first_of = fresh[::-1]
        if some(graph.groups.selection == Selection.LARGEST):
            from uruk.orc.registry import group_selection as selection

            # A stable sort puts the largest last, and of equal ones the first object's, as the order is backwards.
            first_of = first_of[selection.leader_sizes(graph)[first_of].argsort(kind="stable")]
        winner = np.empty(table.group.size, np.int32)
        winner[name[first_of]] = number[first_of]
        owner[fresh] = winner[name[fresh]]
    return owner != number


@record
class Candidates(Table):
    """Candidate definitions of names. `owner` is the entry's number; `rank` and `flags` are Rank and Flag bits."""

    name: I64
    owner: I64
    rank: U8
    flags: U8


def record_definitions(added: Added, table: SymbolTable, names: Names, file_of: FileOf) -> I32:
    """Record the definitions of a graph's objects; returns the entries that lost names to them.

    Raises DuplicateDefinition, with nothing recorded, for two strong definitions of one name.
    """
    rows = added.graph.rows
    if rows is not None and _record_rows(added, rows.groups, table, names):
        return NO_ENTRIES
    return record_some(added, added.definitions, table, names, file_of)


def _record_rows(added: Added, groups: list[int], table: SymbolTable, names: Names) -> bool:
    """Record the definitions and groups of one object if no other one has their names.

    Returns False, with nothing recorded, for others.
    """
    number, definitions = added.first, definition_rows(added.named)
    # The reader has interned names since the table grew last.
    highest = NONE
    for name, _ in added.named:
        if name > highest:
            highest = name
    if groups or highest >= len(table.cells.owner):
        table.grow(len(names.ids))
    if groups and (len(set(groups)) < len(groups) or any(table.group.item(name) >= 0 for name in groups)):
        return False
    cells, undo = table.cells, table.undo
    owner, all_flags, ranks, ready = cells.owner, cells.flags, cells.rank, cells.ready
    for name, _, _ in definitions:
        if owner[name] >= 0 or ranks[name] or ready[name]:
            return False
    if len(definitions) > 1 and len({name for name, _, _ in definitions}) < len(definitions):
        return False
    for name, rank, flags in definitions:
        if undo is not None:
            # Of a name without a definition.
            undo += (("owner", name, NONE), ("flags", name, all_flags[name]), ("rank", name, Rank.NONE))
        owner[name] = number
        all_flags[name] = flags
        ranks[name] = rank
    for name in groups:
        table.note_group(name)
        table.group[name] = number
    return True


def record_some(added: Added, definitions: Definitions, table: SymbolTable, names: Names, file_of: FileOf) -> I32:
    """Record some of the definitions of a graph, as `record_definitions` does."""
    graph, first = added.graph, added.first
    # The reader has interned names since the table grew last.
    table.grow(len(names.ids))
    dropped = drop_groups(graph, first, table)
    compares = dropped.size > 0 and some(graph.groups.selection != Selection.ANY)
    if compares:
        from uruk.orc.registry import group_selection as selection  # other formats than ELF need it

        selection.check(graph, first, dropped, table, names, file_of)
    # A definition in a group that lost is none (gABI, "Section Groups"), and so no duplicate.
    kept = definitions.without(graph, dropped)
    overridden = assign_names(Candidates(kept.name, kept.object + first, kept.rank, kept.flags), table, names, file_of)
    if dropped.size:
        # Contested names are those that a removal must look for again: all others are free at once.
        if some(dropped):
            table.contested[graph.groups.name[dropped]] = 1
            lost = table.owner[definitions.name] != definitions.object + first
            table.contested[definitions.name[lost]] = 1
        # Backwards, so that of several groups of one signature in one object the first is written last, and stays.
        kept = true_rows(~dropped)[::-1]
        table.note(graph.groups.name[kept], "group")
        table.group[graph.groups.name[kept]] = graph.groups.object[kept] + first
        if compares:
            from uruk.orc.registry import group_selection as selection

            selection.record(graph, first, kept, table)
    return overridden


def assign_names(candidates: Candidates, table: SymbolTable, names: Names, file_of: FileOf) -> I32:
    """Give each name to its strongest candidate; returns the entries that lost names.

    Raises DuplicateDefinition, with nothing recorded, for two strong definitions of one name.
    """
    strong = candidates.rank == Rank.STRONG
    # Most objects of C define strong names only, and need none of the steps by rank.
    if every(strong):
        _refuse_duplicates(candidates.name, candidates.owner, table, names, file_of)
        return _take(candidates, Rank.STRONG, table)
    strong = true_rows(strong)
    first = candidates.rows(strong)
    # Before anything is written: what raises must leave the table as it was.
    _refuse_duplicates(first.name, first.owner, table, names, file_of)
    overridden = [_take(first, Rank.STRONG, table)]
    for level in (Rank.COMMON, Rank.WEAK):
        wanted = candidates.rows(true_rows(candidates.rank == level))
        # Backwards, so that of several candidates of this rank the first is written last, and stays.
        better = true_rows((table.rank[wanted.name] < level) & (table.ready[wanted.name] == 0))[::-1]
        overridden.append(_take(wanted.rows(better), level, table))
        table.contested[wanted.name[table.owner[wanted.name] != wanted.owner]] = 1
    return unique(np.concatenate(overridden))


def _take(candidates: Candidates, rank: int, table: SymbolTable) -> I32:
    """Make candidates the definitions of their names; returns the owners that the names had."""
    ids = candidates.name
    before = table.owner.take(ids)
    had = before >= 0
    table.note(ids, "owner", "flags", "rank")
    table.owner[ids] = candidates.owner
    table.flags[ids] = candidates.flags
    table.rank[ids] = rank
    if not some(had):
        return NO_ENTRIES
    table.contested[ids[had]] = 1
    return unique(before[had])


def _refuse_duplicates(name: I64, owner: I64, table: SymbolTable, names: Names, file_of: FileOf) -> None:
    first = order = np.arange(name.size)
    # A name that is linked stays, whatever its rank: code refers to its address already.
    again = (table.rank.take(name) == Rank.STRONG) | table.ready.take(name)
    if name.size > 1:
        # The scratch column has a row for every name and is not cleared: only rows that were just written are read.
        scratch = names.scratch()
        scratch[name[::-1]] = order[::-1]  # backwards, so that the first row of each name stays
        first = scratch.take(name)
        again |= first != order
    if some(again):
        # argmax finds the first True.
        row = int(np.argmax(again))
        holder = int(owner[first[row]]) if first[row] != row else int(table.owner[name[row]])
        text = names.text(int(name[row])).decode("utf-8", "replace")
        raise DuplicateDefinition(text, file_of(holder), file_of(int(owner[row])), int(again.sum()) - 1)
