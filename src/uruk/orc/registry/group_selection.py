"""COMDAT selections that compare groups of one signature: by size, by content, or that allow one only.

What was kept is remembered by its leader's size and a digest of its content, as the object that has it may be gone;
the largest of several by its size, as nothing is compared with its content.
Source: the PE/COFF specification, "COMDAT Sections (Object Only)".
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import DuplicateDefinition
from uruk.graph.graph import Graph, Selection
from uruk.graph.types import I64, Bool, true_rows

if TYPE_CHECKING:
    from uruk.graph.names import Names
    from uruk.orc.registry.symbols import GroupFacts as Facts
    from uruk.orc.registry.symbols import SymbolTable

_PROBLEMS = {
    Selection.SAME_SIZE: "their sections must have the same size, and do not",
    Selection.EXACT: "their sections must have the same content, and do not",
    Selection.SINGLE: "only one object may define it",
}


def leader_sizes(graph: Graph) -> I64:
    """Return the size of each group's leader in bytes; 0 for groups whose selection compares nothing."""
    leader = graph.groups.leader
    return np.where(leader >= 0, graph.blocks.size[leader], 0) if leader.size else np.empty(0, np.int64)


def check(
    graph: Graph, first: int, dropped: Bool, table: SymbolTable, names: Names, file_of: Callable[[int], str]
) -> None:
    """Raise DuplicateDefinition for a group that is dropped and may not be: the kept one differs, or allows no other.

    Nothing is recorded. The kept one is in the same graph, or was recorded before; one that was not (an ELF group of
    that signature) is compared with nothing.
    """
    groups = graph.groups
    lost = true_rows(dropped & (groups.selection != Selection.ANY) & (groups.selection != Selection.LARGEST))
    if not lost.size:
        return
    facts = _facts_of_kept(graph, first, dropped, set(groups.name[lost].tolist()), table)
    for row in lost.tolist():
        name, how = int(groups.name[row]), int(groups.selection[row])
        kept = facts.get(name)
        if kept is None:
            continue
        number, size, digest = _facts(graph, first, row)
        if how == Selection.SINGLE or size != kept[1] or (how == Selection.EXACT and kept[2] not in (None, digest)):
            text = names.text(name).decode("utf-8", "replace")
            raise DuplicateDefinition(text, file_of(kept[0]), file_of(number), problem=_PROBLEMS[how])


def _facts_of_kept(graph: Graph, first: int, dropped: Bool, wanted: set[int], table: SymbolTable) -> dict[int, Facts]:
    """Return the facts of the groups that are kept, here or from before, of those names that are wanted."""
    groups = graph.groups
    known = ((name, table.group_facts.get(name)) for name in wanted)
    # Facts of a group that lost its signature since are void: `table.group` says which one has it.
    facts = {name: fact for name, fact in known if fact is not None and table.group[name] == fact[0]}
    kept = true_rows(~dropped & (groups.selection != Selection.ANY))
    for row in kept[np.isin(groups.name[kept], list(wanted))].tolist():
        # What was kept before wins over a group of this graph, as it does for the name.
        facts.setdefault(int(groups.name[row]), _facts(graph, first, row))
    return facts


def record(graph: Graph, first: int, kept: I64, table: SymbolTable) -> None:
    """Remember the facts of groups that stay."""
    groups, sizes = graph.groups, leader_sizes(graph)
    largest = kept[groups.selection[kept] == Selection.LARGEST]  # thousands, in C++: one for each virtual table
    numbers = (groups.object[largest] + first).tolist()
    facts = zip(numbers, sizes[largest].tolist(), repeat(None))
    # Without a digest: nothing is compared with the content of these.
    table.group_facts.update(zip(groups.name[largest].tolist(), facts, strict=True))
    compared = kept[(groups.selection[kept] != Selection.ANY) & (groups.selection[kept] != Selection.LARGEST)]
    for row in compared.tolist():
        table.group_facts[int(groups.name[row])] = _facts(graph, first, row)


def _facts(graph: Graph, first: int, row: int) -> Facts:
    """Return the number of a group's object, the size of its leader, and a digest of the leader's content."""
    number, leader = int(graph.groups.object[row]) + first, int(graph.groups.leader[row])
    if leader < 0:
        return number, 0, b""
    size, content = int(graph.blocks.size[leader]), int(graph.blocks.content[leader])
    data = graph.arena.bytes_at(content, size) if content >= 0 else b""
    return number, size, blake2b(data, digest_size=16).digest()
