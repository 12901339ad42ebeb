"""Adding to a dylib in one step: all that a call adds, or, whatever ends the call (Ctrl-C as well), nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from uruk.orc.registry import defining
from uruk.orc.registry.entries import UnitEntry
from uruk.orc.registry.symbols import UndoEntry
from uruk.orc.registry.tracker import ResourceTracker

if TYPE_CHECKING:
    from uruk.orc.dylib import JITDylib
    from uruk.orc.session import Session

T = TypeVar("T")


def add(
    dylib: JITDylib, tracker: ResourceTracker | None, name: str, work: Callable[[ResourceTracker], object]
) -> ResourceTracker:
    """Call `work` with the tracker that is to own what it adds: the given one, or a new one. Returns that.

    If the call ends in any other way, nothing was added; but what belongs to a given tracker by then, stays with it.
    """
    session = dylib.session
    made: list[ResourceTracker] = []

    def whole() -> ResourceTracker:
        if tracker is None:
            own = dylib.create_tracker(name)
            made.append(own)
        else:
            own = defining.checked(dylib, tracker)
        work(own)
        return own

    try:
        with session.lock:
            dylib.check_open()
            return atomically(session, whole)
    except BaseException:
        for own in made:
            _drop(session, own)
        raise


def _drop(session: Session, tracker: ResourceTracker) -> None:
    """Remove a tracker that nobody has heard of, which may own all or nothing."""
    with session.lock:
        if not session.entries_of(tracker):
            tracker.dylib.search.remove_archives(tracker)
            session.trackers.pop(tracker.number, None)
            return
    tracker.remove(force=True)


def atomically(session: Session, work: Callable[[], T]) -> T:
    """Call `work` under the session's lock; if it raises, the entries and claims that it made are taken back."""
    table, first = session.table, session.next_number
    before, log = table.undo, list[UndoEntry]()
    try:
        table.undo = log
        result = work()
        if before is not None:
            before += log
        table.undo = before
        return result
    except BaseException:
        table.undo = before
        _take_back(session, first, log)
        raise


def _take_back(session: Session, first: int, log: list[UndoEntry]) -> None:
    new = list(takewhile(lambda number: number >= first, reversed(session.objects)))  # numbers ascend
    for number in new:
        defining.withdraw(session, session.objects[number])
    session.table.restore(log)
    for entry in list(session.objects.values()) if log else ():
        if isinstance(entry, UnitEntry):
            _forget_discarded(session, entry)
    session.changed()


def _forget_discarded(session: Session, entry: UnitEntry) -> None:
    """Names that a unit had lost, and has discarded since, are nobody's: it does not define them any more."""
    table = session.table
    announced = entry.dylib.names.intern(name.encode() for name in entry.unit.symbols)
    gone = [one for one in announced if one not in entry.names and table.owner[one] == entry.number]
    if gone:
        table.forget(np.array(gone, np.int64))
