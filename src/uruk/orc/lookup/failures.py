"""The consequences of a failure: the dependents of what failed, those that can go on, and the error that says so."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import MaterializationError, UrukError
from uruk.graph.types import I32, I64, unique
from uruk.orc.registry.symbols import SymbolTable, final_names

if TYPE_CHECKING:
    from uruk.orc.dispatch import Task
    from uruk.orc.registry.entries import ObjectEntry
    from uruk.passes.faults import LinkFaults


def needed_owners(table: SymbolTable, entry: ObjectEntry, *, strongly: bool) -> I32 | I64:
    """Return numbers of the entries whose definitions an object needs; `strongly`: those that it cannot do without."""
    ids, weak = entry.added.names_of(entry.index)
    if strongly:
        # An object can go on without what it needs weakly: that becomes 0.
        ids = ids[~weak]
    owner = table.owner[final_names(table, ids)]
    return unique(owner[owner >= 0])


def poisoned(table: SymbolTable, chosen: Mapping[int, ObjectEntry], failed: set[int]) -> set[int]:
    """Return those of `chosen` that failed, or need something that failed, directly or not."""
    users: dict[int, list[int]] = {}
    for number, entry in chosen.items():
        for provider in needed_owners(table, entry, strongly=True).tolist():
            users.setdefault(provider, []).append(number)
    affected: dict[int, None] = {}
    queue = sorted(failed)
    for number in queue:  # grows on the way
        if number in affected:
            continue
        # A dict is an ordered set here, so that errors list objects in the same order each time.
        affected[number] = None
        queue += users.get(number, ())
    return {number for number in affected if number in chosen}


def reachable(table: SymbolTable, chosen: Mapping[int, ObjectEntry], starts: Iterable[int]) -> dict[int, ObjectEntry]:
    """Return those of `chosen` that the objects in `starts` need."""
    reached: dict[int, ObjectEntry] = {}
    queue = [number for number in starts if number in chosen]
    for number in queue:  # grows on the way
        if number in reached:
            continue
        entry = reached[number] = chosen[number]
        queue += [owner for owner in needed_owners(table, entry, strongly=False).tolist() if owner in chosen]
    # Parts that each module has for itself belong to no name: they stay with their tracker's objects.
    trackers = {entry.tracker.number for entry in reached.values()}
    private = {n: e for n, e in chosen.items() if e.private and e.tracker.number in trackers}
    return {**reached, **private}


def errors_of(faults: LinkFaults, count: int) -> list[UrukError]:
    """Return the errors of a link of `count` objects, each for all objects at fault."""
    everything = np.ones(count, np.bool_)
    return [fault.error(everything) for fault in faults.faults]


def error_of(task: Task) -> BaseException:
    """Return a failed task's error for one of those who wait for it: its own copy, as each has other consequences.

    An interruption (KeyboardInterrupt, SystemExit) is one for the thread that ran the task; for others it is a failure.
    """
    error = task.error
    assert error is not None
    if not isinstance(error, UrukError):
        if not isinstance(error, Exception) and task.thread == threading.get_ident():
            return error
        copy = MaterializationError(task.title.partition(",")[0], task.names, f"raised {error!r}")
        copy.__cause__ = error
        return copy
    kind = type(error)
    # Without __init__, whose parameters differ from class to class; the attributes are copied next.
    copy = kind.__new__(kind, *error.args)
    copy.__dict__.update(error.__dict__)
    copy.__cause__ = error.__cause__
    return copy.with_traceback(error.__traceback__)


def first_of(errors: Sequence[UrukError]) -> UrukError:
    """Return the first error, which knows the others."""
    first = errors[0]
    first.others = tuple(error for error in dict.fromkeys(errors) if error is not first)
    return first
