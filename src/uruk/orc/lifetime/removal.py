"""Removing a tracker: names first, then finalisers, then unwind data and thread-local storage, then memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import InUse, InvalidType, InvalidValue, UrukError
from uruk.graph.graph import assemble
from uruk.graph.types import I32, NONE
from uruk.orc.registry.defining import withdraw
from uruk.orc.registry.definitions import definitions_of
from uruk.orc.registry.entries import AliasEntry, Contents, Entry, LazyEntry, ObjectEntry, contents_of
from uruk.orc.registry.ownership import drop_groups
from uruk.orc.registry.tracker import Released, Removal, ResourceTracker

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.platform import Platform


def remove_tracker(session: Lifetime, tracker: ResourceTracker, force: bool) -> Released:
    """See `ResourceTracker.remove`. Memory under pending thread destructors is retired: `sweep` frees it later.

    Three steps: under the lock its names go; without it the code's finalisers run, which may look
    other names up; under the lock again its memory goes. Ctrl-C comes between the steps, or ends finalisers; then the
    next call goes on.
    """
    from uruk.executor.interruption import deferred  # takes time to import

    with session.lock:
        if session.closed or _is_over(tracker):
            return Released()
        session.executor.check_calls()  # before anything is gone: the next call removes the whole
        # Threads may have ended since the last removal: code that waited for them is freed first.
        if session.retired or _closed_with_retired:
            with deferred(once=True):
                sweep(session)
    removal: Removal | None = None
    try:
        with session.initializers.at_rest(tracker) as rest:
            if not rest:
                raise InUse(tracker.name, ["its own initialisers or finalisers, which run in this thread"])
            if session.closed or _is_over(tracker):
                return Released()
            # A removal that was interrupted has passed this check, and must not be refused when it goes on.
            users, begun = [user.name for user in _users(tracker)], tracker.removal
            if users and not force and begun is None:
                raise InUse(tracker.name, users)
            with deferred(once=True):
                removal = tracker.removal = begun or Removal()
                removal.running = True
                if users and begun is None:  # now, as `_retract` forgets the entries that have the names
                    session.withheld.note(tracker)
                _retract(session, tracker, removal.released)
                if begun is None and not tracker.resources.has_finalizers and tracker.replaceable is None:
                    # Nothing runs in between: the steps are one, under one hold of the lock.
                    _free(session, tracker, removal.released)
                    return removal.released
        _finalize(session, tracker, again=begun is not None)
        with session.lock, deferred(once=True):
            if not session.closed:
                _free(session, tracker, removal.released)
        return removal.released
    finally:
        if removal is not None:
            removal.running = False


def _finalize(session: Lifetime, tracker: ResourceTracker, *, again: bool) -> None:
    """Run finalisers; `again`: an interrupted call may still have a thread in one, whose code must not go."""
    session.finalize([tracker])
    platform = session.platform
    if again and platform is not None and session.options.execute:
        platform.await_finalizers(tracker)


def remove_at_once(session: Lifetime, tracker: ResourceTracker) -> None:
    """Remove a tracker at the session's end, under the lock, whose finalisers ran before: those that came since run."""
    released = Released()
    _retract(session, tracker, released)
    session.finalize([tracker])
    _free(session, tracker, released)


def _is_over(tracker: ResourceTracker) -> bool:
    """Return True where nothing is left to do: all of a tracker is removed, or a call of `remove` is at it."""
    return tracker.removed and (tracker.removal is None or tracker.removal.running)


def _retract(session: Lifetime, tracker: ResourceTracker, released: Released) -> None:
    """Do the first step of a removal: names become other definitions' that wait for them, or undefined."""
    tracker.removed = True
    session.initializers.forget(tracker)
    if tracker.replaceable is not None and session.executor.lost is None and not session.closing:
        tracker.replaceable.lead_all()
    session.lazy.retract(tracker)
    lost: list[int] = []
    dylibs = {contents_of(tracker)}
    for entry in session.entries_of(tracker):
        dylibs.add(entry.dylib)
        released.objects += isinstance(entry, ObjectEntry) and not entry.private
        if isinstance(entry, LazyEntry) and session.calls is not None:
            tracker.resources.called += entry.stubs.tolist()
        lost += _forget(session, entry, released)
    for dylib in dylibs:
        dylib.search.remove_archives(tracker)
    session.changed()
    if lost:
        _redefine(session, np.array(sorted(set(lost)), np.int32))


def _free(session: Lifetime, tracker: ResourceTracker, released: Released) -> None:
    """Do the last step of a removal: give back memory and what else linking took, now or when threads have ended."""
    platform = session.platform
    _end_calls(session, tracker)  # first: no call begins behind the count
    if platform is not None and session.options.execute:
        released.calls_under_way = _under_way(session, tracker)
        released.pending_thread_destructors = _pending(platform, tracker)
        if released.deferred:
            # For its user the tracker is gone: only sweeps of later calls deal with its memory.
            session.retired.append(tracker)
            _note_end(session, tracker)
            return
    _release(session, tracker, released)
    _note_end(session, tracker)


def _end_calls(session: Lifetime, tracker: ResourceTracker) -> None:
    """Have calls of a tracker's functions that begin from now on raise RemovedCode, and views of its variables."""
    if session.calls is not None:
        session.calls.remove(_ranges(tracker), tracker.name)
    if session.presences is not None:
        session.presences.remove(_ranges(tracker), tracker.name)


def _note_end(session: Lifetime, tracker: ResourceTracker) -> None:
    """Note that nothing is left for another call of `remove` to do."""
    session.trackers.pop(tracker.number, None)
    tracker.removal = None


_closed_with_retired: list[Lifetime] = []
"""Closed sessions that some thread keeps from giving their memory back; the next session at work does it for them."""


def sweep(session: Lifetime, released: Released | None = None) -> None:
    """Free retired code that no thread and no call needs any more, that of closed sessions, too.

    What goes of this session is added to `released`.
    """
    _sweep_one(session, released)
    for closed in list(_closed_with_retired):
        with closed.lock:
            _sweep_one(closed)
            if not closed.retired and closed in _closed_with_retired:
                _closed_with_retired.remove(closed)
                _close_executor(closed)


def _pending(platform: Platform, tracker: ResourceTracker) -> int:
    """Return thread destructors that have yet to run in a tracker's code, or in code that refers to it."""
    if not tracker.resources.users:
        return platform.pending(tracker)
    holders = {tracker: None}
    queue = [tracker]
    for holder in queue:  # grows on the way
        # Users count, too, as a destructor in their code may call into this one.
        new = [user for user in holder.resources.users if user not in holders]
        holders.update(dict.fromkeys(new))
        queue += new
    return sum(platform.pending(holder) for holder in holders)


def _under_way(session: Lifetime, tracker: ResourceTracker) -> int:
    """Return how many calls that Python made are in a tracker's code, or in removed code that refers to it."""
    calls = session.calls
    if calls is None:
        return 0
    removed = [tracker, *(user for user in tracker.resources.users if user.removed)]
    return sum(calls.under_way(_ranges(each)) for each in removed)


def _ranges(tracker: ResourceTracker) -> list[tuple[int, int]]:
    """Return where functions of a tracker's may begin: all of its memory, and stubs."""
    resources = tracker.resources
    ranges: list[tuple[int, int]] = []
    for allocation, rows in resources.memory:
        for row in rows:
            _, start, size = allocation.segments[row]
            ranges.append((start, start + size))
    for stubs in (resources.called, *(some.tolist() for some in resources.stubs)):
        ranges += [(stub, stub + 1) for stub in stubs]
    return ranges


def _users(tracker: ResourceTracker) -> list[ResourceTracker]:
    """Return trackers whose code refers to a tracker's, as they were made."""
    return sorted(tracker.resources.users, key=lambda user: user.number)


def sweep_now(session: Lifetime, released: Released) -> None:
    """Do what the next removal would do for code that was removed before; see `sweep`."""
    from uruk.executor.interruption import deferred  # takes time to import

    with session.lock:
        if session.retired or _closed_with_retired:
            with deferred(once=True):
                sweep(session, released)


def _sweep_one(session: Lifetime, released: Released | None = None) -> None:
    platform = session.platform
    if platform is None:
        return
    for tracker in list(session.retired):
        if not _pending(platform, tracker) and not _under_way(session, tracker):
            _end_calls(session, tracker)  # of callables that were made since
            _release(session, tracker, Released() if released is None else released)
            session.retired.remove(tracker)  # last, so that what was interrupted is done again


def give_memory_back(session: Lifetime) -> None:
    """Release the memory of a closed session, now or once the threads that still need it have ended."""
    _sweep_one(session)
    if session.retired:
        _closed_with_retired.append(session)
    else:
        _close_executor(session)


def _close_executor(session: Lifetime) -> None:
    if session.platform is not None:
        session.platform.close()
    session.executor.close()


def _release(session: Lifetime, tracker: ResourceTracker, released: Released) -> None:
    resources = tracker.resources
    if session.executor.lost is not None:  # its memory went with it
        resources.forget()
        tracker.forget_uses()
        return
    if session.platform is not None:
        session.platform.unload(tracker, released)
    for stubs in resources.stubs:
        session.lazy.give(stubs)
    resources.stubs.clear()
    # At the end of the session the users go as well, so that nothing is kept from reuse.
    withhold = bool(resources.users) and not session.closing
    if withhold:
        released.memory += session.withheld.take(tracker)
    else:
        for allocation, segments in resources.memory:
            released.memory += allocation.free_segments(segments)
    resources.memory.clear()
    resources.arrays.clear()
    _drop_callbacks(session, contents_of(tracker))
    tracker.forget_uses(users=not withhold)
    session.withheld.sweep()


def _drop_callbacks(session: Lifetime, dylib: Contents) -> None:
    """Release the callbacks that calls of a dylib's functions made, where none of its code is left."""
    home = session.calls.callbacks if session.calls is not None else None
    if home is None or session.closing:
        return
    trackers = (tracker for tracker in (*session.trackers.values(), *session.retired) if contents_of(tracker) is dylib)
    if not any(tracker.resources.memory or tracker.resources.stubs for tracker in trackers):
        home.drop(id(dylib))


def _forget(session: Lifetime, entry: Entry, released: Released) -> list[int]:
    """Take an entry out; returns the names and group signatures that are free now."""
    names, groups = withdraw(session, entry, released)
    released.symbols += len(names)
    return groups + names


def _redefine(session: Lifetime, lost: I32) -> None:
    """Give free names to pending objects and aliases that define them, too."""
    table = session.table
    # Names that only one entry ever defined need no search of what is pending.
    lost = lost[table.contested[lost] != 0]
    if lost.size == 0:
        return
    for entry in list(session.pending.values()):
        if not entry.private and np.isin(entry.added.names_of(entry.index)[0], lost).any():
            _redefine_from(session, entry, lost)
    if session.aliases:
        free = {name for name in lost.tolist() if table.owner[name] == NONE}
        for entry in session.objects.values() if free else ():
            if isinstance(entry, AliasEntry):
                for name in free & entry.targets.keys():
                    # 1 is Rank.WEAK.
                    table.owner[name], table.rank[name] = entry.number, 1
                    free.discard(name)
    # Nothing else defines what is still undefined now, so that the next removal need not look for it again.
    table.contested[lost[(table.owner[lost] == NONE) & (table.group[lost] == NONE)]] = 0


def _redefine_from(session: Lifetime, entry: ObjectEntry, wanted: I32) -> None:
    """Give names that became free to a pending object that defines them, too."""
    table = session.table
    # The graph of one object alone: indexes and groups are then its own.
    graph = assemble([(entry.added.graph, entry.index, entry.index + 1)])
    definitions = definitions_of(graph).without(graph, drop_groups(graph, entry.number, table))
    definitions = definitions.rows(
        np.isin(definitions.name, wanted) & (table.rank[definitions.name] < definitions.rank)
    )
    table.owner[definitions.name] = entry.number
    table.rank[definitions.name] = definitions.rank
    table.flags[definitions.name] = definitions.flags
    groups = graph.groups.name[table.group[graph.groups.name] == NONE]
    table.group[groups] = entry.number


def transfer(session: Lifetime, source: ResourceTracker, target: ResourceTracker) -> None:
    """See `ResourceTracker.transfer_to`."""
    if not isinstance(target, ResourceTracker):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidType(f"{target!r} is not a tracker, which takes what another one owns")
    for tracker in (source, target):
        if tracker.removed:
            raise UrukError(f"tracker {tracker.name} was removed")
        if tracker.replaceable is not None:
            raise InvalidValue(f"tracker {tracker.name} is replaceable: what it owns stays with it")
    if source.dylib is not target.dylib:
        raise InvalidValue(f"{source.name} belongs to dylib {source.dylib.name}, {target.name} to {target.dylib.name}")
    if source is target:
        return
    for entry in session.entries_of(source):
        session.move(entry, target)
    for archive in contents_of(source).search.archives:
        archive.tracker = target if archive.tracker is source else archive.tracker
    for array in (*session.initializers.waiting, *source.resources.arrays):
        array.tracker = target if array.tracker is source else array.tracker
    for run in session.initializers.running:
        if source.number in run.trackers:
            # The new owner must not be removed while initialisers of the old one run.
            run.trackers.add(target.number)
    session.lazy.transfer(source, target)
    target.ir_functions.update(source.ir_functions)
    target.ir_variables.update(source.ir_variables)
    ours, theirs = target.resources, source.resources
    for column in ("module_handles", "memory", "frames", "entries", "names", "storage", "arrays"):
        getattr(ours, column).extend(getattr(theirs, column))
        getattr(theirs, column).clear()
    for neighbour in theirs.uses:
        target.use(neighbour)
    for neighbour in theirs.users:
        neighbour.use(target)
    source.forget_uses()
    session.changed()


def remove_dylib(session: Lifetime, dylib: Contents, *, force: bool) -> None:
    """See `Session.remove_dylib`."""
    with session.lock:
        if session.closed or (dylib.removed and session.dylibs.get(dylib.name) is not dylib):
            return  # where an interrupted call has begun to remove it, this one goes on
        trackers = [tracker for tracker in session.trackers.values() if tracker.dylib is dylib]
        foreign = {user for tracker in trackers for user in tracker.resources.users if user.dylib is not dylib}
        users = [user.name for user in sorted(foreign, key=lambda user: user.number) if not user.removed]
        if users and not force and not dylib.removed:
            raise InUse(f"dylib {dylib.name}", users)
        dylib.removed = True
        dylibs: Iterable[Contents] = session.dylibs.values()
        for neighbour in dylibs:
            if neighbour is not dylib:
                neighbour.drop_from_order(dylib)
        session.changed()
    for tracker in sorted(trackers, key=lambda tracker: -tracker.number):
        # Without the lock, as finalisers run in each.
        tracker.remove(force=True)
    with session.lock:
        dylib.search.close()
        for part in (dylib, *((dylib.implementation,) if dylib.implementation is not None else ())):
            session.dylibs.pop(part.name, None)
            part.removed = True
            part.private.clear()
            session.spare_names(part)
