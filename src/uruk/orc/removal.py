"""Removing a tracker: finalisers, then unwind data and thread-local storage, then memory, then names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import InUse
from uruk.graph.types import unique
from uruk.orc.objects import ObjectEntry
from uruk.orc.tracker import Released, ResourceTracker

if TYPE_CHECKING:
    from uruk.orc.dylib import JITDylib
    from uruk.orc.platform import Platform
    from uruk.orc.session import Session


def remove_tracker(session: Session, tracker: ResourceTracker, force: bool) -> Released:
    """See `ResourceTracker.remove`. Memory under pending thread destructors is retired: `sweep` frees it later."""
    released = Released()
    if tracker.removed:
        return released
    sweep(session)
    users = [other.name for other in _users(session, tracker)]
    if users and not force:
        raise InUse(tracker.name, users)
    tracker.removed = True
    del session.trackers[tracker.number]
    session.waiting = [array for array in session.waiting if array.tracker is not tracker]
    platform = session.platform
    if platform is not None and session.options.execute:
        platform.finalize(tracker)
    for dylib in session.dylibs.values():
        _forget(session, dylib, tracker, released)
    if platform is not None and session.options.execute:
        released.pending_thread_destructors = _pending(session, platform, tracker)
        if released.deferred:
            session.retired.append(tracker)
            return released
    _release(session, tracker, released)
    return released


_closed_with_retired: list[Session] = []
"""Closed sessions that some thread keeps from giving their memory back; the next session at work does it for them."""


def sweep(session: Session) -> None:
    """Free retired code whose thread destructors have all run, that of closed sessions, too."""
    _sweep_one(session)
    for other in list(_closed_with_retired):
        with other.lock:
            _sweep_one(other)
            if not other.retired and other in _closed_with_retired:
                _closed_with_retired.remove(other)
                other.executor.close()


def _pending(session: Session, platform: Platform, tracker: ResourceTracker) -> int:
    """Thread destructors that have yet to run in a tracker's code, or in code that refers to it."""
    holders = [tracker]
    for one in holders:  # grows on the way
        holders += [other for other in _users(session, one) if other not in holders]
    return sum(platform.pending(one) for one in holders)


def _users(session: Session, tracker: ResourceTracker) -> list[ResourceTracker]:
    """Trackers whose code refers to a tracker's, retired ones included: their destructors may still call it."""
    linked = (*session.trackers.values(), *session.retired)
    return [other for other in linked if tracker.number in other.resources.uses]


def _sweep_one(session: Session) -> None:
    platform = session.platform
    if platform is None:
        return
    for tracker in list(session.retired):
        if not _pending(session, platform, tracker):
            session.retired.remove(tracker)
            _release(session, tracker, Released())


def give_memory_back(session: Session) -> None:
    """The end of a closed session: release its memory, now or once the threads that still need it have ended."""
    _sweep_one(session)
    if session.retired:
        _closed_with_retired.append(session)
    else:
        session.executor.close()


def _release(session: Session, tracker: ResourceTracker, released: Released) -> None:
    resources = tracker.resources
    if session.platform is not None:
        session.platform.unload(tracker, released)
    for allocation, segments in resources.memory:
        released.memory += session.executor.memory.free_segments(allocation, segments)
    resources.memory.clear()


def _forget(session: Session, dylib: JITDylib, tracker: ResourceTracker, released: Released) -> None:
    """Take the tracker's objects out of a dylib; names that another pending object defines go to that."""
    dylib.search.remove_archives(tracker)
    gone = dylib.objects_of(tracker)
    if not gone:
        return
    table = dylib.table
    lost: list[int] = []
    for entry in gone:
        ids, _ = entry.added.names_of(entry.index)
        mine = unique(ids[table.owner[ids] == entry.number])
        lost += mine.tolist()
        groups = entry.added.graph.groups
        held = groups.name[table.group[groups.name] == entry.number]
        table.group[held] = -1
        lost += held.tolist()
        released.objects += 1
        released.symbols += mine.size
        table.forget(mine)
        dylib.forget(entry)
    if lost:
        _claim_again(session, dylib, set(lost))


def _claim_again(session: Session, dylib: JITDylib, lost: set[int]) -> None:
    """Pending objects whose own definitions had lost to removed ones get their names."""
    wanted = np.array(sorted(lost), np.int32)
    graphs: dict[int, list[ObjectEntry]] = {}
    for entry in dylib.pending():
        if not entry.private and np.isin(entry.added.names_of(entry.index)[0], wanted).any():
            graphs.setdefault(id(entry.added), []).append(entry)
    for entries in graphs.values():
        dylib.claim_again(entries, wanted)
