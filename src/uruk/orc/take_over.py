"""Copies of templates and inline functions: an object that is linked uses its own rather than pull another object in.

Of several weak definitions the first added has the name. If that object is not going to be linked, and one that is has
a copy, too, the name and its section group go to the latter: a lookup links what it needs, not whoever happened to be
added first, and an object that cannot be linked harms only those that really refer to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from uruk.graph.types import I32, I64, Bool, some, true_rows
from uruk.orc.objects import ObjectEntry
from uruk.orc.symbols import Rank, SymbolTable


def take_over(table: SymbolTable, wave: Sequence[ObjectEntry], is_idle: Callable[[int], bool]) -> None:
    """Give weak names and groups whose owner `is_idle` to the first object of `wave` that has them as well."""
    entries = [entry for entry in wave if not entry.private]
    parts = [entry.added.definitions_of(entry.index) for entry in entries]
    names, owners = _columns([part.name for part in parts], entries)
    flags = np.concatenate([part.flags for part in parts]) if parts else np.empty(0, np.uint8)
    weak = (table.rank[names] == Rank.WEAK) & (table.ready[names] == 0)
    rows = _from_idle(table.owner[names], owners, weak, is_idle)
    table.owner[names[rows]] = owners[rows]
    table.flags[names[rows]] = flags[rows]
    groups, owners = _columns([entry.added.groups_of(entry.index) for entry in entries], entries)
    rows = _from_idle(table.group[groups], owners, np.ones(groups.size, np.bool_), is_idle)
    table.group[groups[rows]] = owners[rows]


def _columns(parts: Sequence[I64 | I32], entries: Sequence[ObjectEntry]) -> tuple[I64, I64]:
    """Names of all parts, and the object number of each."""
    sizes = [part.size for part in parts]
    numbers = np.array([entry.number for entry in entries], np.int64).repeat(sizes)
    return (np.concatenate(parts).astype(np.int64) if parts else np.empty(0, np.int64)), numbers


def _from_idle(owner: I32, taker: I64, may: Bool, is_idle: Callable[[int], bool]) -> I64:
    """Rows whose owner is idle, last ones first, so that the first taker of a name is written last."""
    other = may & (owner >= 0) & (owner != taker)
    if not some(other):
        return np.empty(0, np.int64)
    idle = [number for number in set(owner[other].tolist()) if is_idle(number)]
    if not idle:
        return np.empty(0, np.int64)
    gives = np.zeros(int(owner.max()) + 1, np.bool_)
    gives[idle] = True
    rows = true_rows(other)
    return rows[gives[owner[rows]]][::-1]
