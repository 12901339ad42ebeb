"""Adds to a dylib in one step: all that a call adds, or nothing, if an error or Ctrl-C ends the call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from uruk.errors import InvalidType
from uruk.formats.interface import Span
from uruk.graph.arena import Arena
from uruk.graph.graph import Binding, Graph, Visibility
from uruk.orc.registry import defining
from uruk.orc.registry.defining import add_graph as add_graph
from uruk.orc.registry.entries import Contents, ObjectEntry, Unit, UnitEntry
from uruk.orc.registry.symbols import UndoEntry, encode_name

if TYPE_CHECKING:
    from uruk.formats.archive import Archive
    from uruk.orc.registry.registry import Registry
    from uruk.orc.registry.search import ArchiveEntry
    from uruk.orc.registry.tracker import ResourceTracker

T = TypeVar("T")


def add(
    session: Registry,
    dylib: Contents,
    tracker: ResourceTracker | None,
    name: str,
    work: Callable[[ResourceTracker], object],
) -> ResourceTracker:
    """Call `work` with the tracker that is to own what it adds: the given one, or a new one. Returns that.

    If the call ends in any other way, nothing was added; but what belongs to a given tracker by then, stays with it.
    """
    own: ResourceTracker | None = None
    try:
        with session.lock:
            if session.closed or dylib.removed:
                session.check_dylib(dylib)
            own = session.new_tracker(dylib, name) if tracker is None else defining.checked(dylib, tracker)
            # The lock is held for all of the step, so that no lookup sees half of what is added.
            atomically(session, partial(work, own))
            return own
    except BaseException:
        if tracker is None and own is not None:
            # Without the lock, as the removal of a tracker runs finalisers, which may look names up.
            _drop(session, dylib, own)
        raise


def _drop(session: Registry, dylib: Contents, tracker: ResourceTracker) -> None:
    """Remove a tracker that no caller has, which may own all that was added, or nothing."""
    with session.lock:
        # A tracker without entries has no code: it goes without the steps of a removal.
        if not session.entries_of(tracker):
            dylib.search.remove_archives(tracker)
            session.trackers.pop(tracker.number, None)
            return
    tracker.remove(force=True)


def default_tracker(session: Registry, dylib: Contents) -> ResourceTracker:
    """Return the tracker for additions without a tracker, where these do not get one of their own."""
    with session.lock:
        if dylib.default_tracker is None or dylib.default_tracker.removed:
            dylib.default_tracker = session.create_tracker(dylib, dylib.name)
        return dylib.default_tracker


def owner(session: Registry, dylib: Contents, tracker: ResourceTracker | None) -> ResourceTracker:
    """Return the given tracker, or the default one.

    Raises UrukError for one that was removed, or is another dylib's.
    """
    return default_tracker(session, dylib) if tracker is None else defining.checked(dylib, tracker)


def define(
    session: Registry,
    dylib: Contents,
    name: str | bytes,
    address: int,
    *,
    function: bool = False,
    tracker: ResourceTracker | None = None,
) -> None:
    """See `JITDylib.define`."""
    with session.lock:
        session.check_dylib(dylib)
        text, own = encode_name(name), owner(session, dylib, tracker)
        atomically(session, lambda: defining.define(session, dylib, text, address, own, function=function))


def add_unit(
    session: Registry,
    dylib: Contents,
    unit: Unit,
    *,
    tracker: ResourceTracker | None = None,
    implementation: Callable[[], Contents] | None = None,
) -> ResourceTracker:
    """See `JITDylib.add_unit`; `implementation` gives the dylib for its bodies if it is lazy."""
    if not hasattr(unit, "materialize"):
        raise InvalidType(f"{unit!r} is not a materialization unit: derive its class from uruk.MaterializationUnit")

    def work(own: ResourceTracker) -> None:
        if implementation is None:
            defining.add_unit(session, dylib, unit, own)
        else:
            from uruk.orc.registry import lazy_definitions  # programs without lazy functions start without it

            lazy_definitions.add_unit_lazily(session, dylib, implementation(), unit, own)

    return add(session, dylib, tracker, unit.name or type(unit).__name__, work)


def atomically(session: Registry, work: Callable[[], T]) -> T:
    """Call `work` under the session's lock; if it raises, the entries and definitions that it made are taken back."""
    table, first = session.table, session.next_number
    before, log = table.undo, list[UndoEntry]()
    try:
        # Notes are switched on inside of `try`: Ctrl-C may come at any line, and the handler restores either state.
        table.undo = log
        result = work()
        # A step inside another one leaves its notes to that: if the outer step fails, both are taken back.
        if before is not None:
            before += log
        table.undo = before
        return result
    except BaseException:
        table.undo = before
        # The notes are off by now, so that taking back is not noted itself.
        _take_back(session, first, log)
        raise


def add_members(
    session: Registry, dylib: Contents, entry: ArchiveEntry, offsets: list[int], *, roots: bool = False
) -> None:
    """Add archive members, given by header offset, as one graph; with `roots` they are inputs like objects.

    Members that are imports from shared libraries give these their names.
    """
    imports, objects = entry.divided(offsets, session.target)
    # Members are read first: a member that is damaged fails before anything was recorded.
    graph = _read_members(session, dylib, entry.archive, objects) if objects else None
    if graph is not None and entry.hides:
        graph.forget_rows()
        graph.symbols.visibility[graph.symbols.binding != Binding.LOCAL] = Visibility.HIDDEN

    def work() -> None:
        if imports:
            defining.add_imports(session, dylib, entry, imports)
        if graph is not None:
            orders = [] if roots else [entry.order] * len(objects)
            added = defining.add_graph(session, dylib, graph, entry.tracker, roots=roots, orders=orders)
            if roots:
                return
            if graph.fallbacks.symbol.size:
                defining.add_alternatives(session, dylib, graph, entry.tracker)
            for object_entry, offset in zip(added, objects, strict=True):
                object_entry.archive, object_entry.member = entry, offset
        # Last, as members that count as taken are never asked for again.
        entry.taken.update(offsets)

    try:
        # A lookup itself pulls these members: it must not search again because of them.
        with session.unchanged():
            atomically(session, work)
    except BaseException:  # a member that could not be read is asked for again, and so are those with it
        entry.taken.difference_update(offsets)
        raise


class _Differs(Exception):
    """Members are not what the archives' indexes say of them."""


def add_members_together(
    session: Registry,
    dylib: Contents,
    members: Sequence[tuple[ArchiveEntry, int]],
    graphs: Sequence[Graph],
    sure: Mapping[int, int],
) -> list[ObjectEntry] | None:
    """Add members of several archives, (archive, header offset) each, that were read as `graphs`, in this order.

    `sure` are rows of `members` with a name that each defines; returns None, with nothing added, where it does not.
    """

    def work() -> list[ObjectEntry]:
        added: list[ObjectEntry] = []
        for graph in graphs:
            archives = [entry for entry, _ in members[len(added) : len(added) + len(graph.files)]]
            orders, trackers = [entry.order for entry in archives], [entry.tracker for entry in archives]
            added += defining.add_graph(
                session, dylib, graph, trackers[0], roots=False, orders=orders, trackers=trackers
            )
            if graph.fallbacks.symbol.size or dylib.redirections:
                raise _Differs
        owner = session.table.owner
        for row, name in sure.items():
            if owner.item(name) != added[row].number:
                raise _Differs
        for object_entry, (entry, offset) in zip(added, members, strict=True):
            object_entry.archive, object_entry.member = entry, offset
        # Last, as members that count as taken are never asked for again.
        for entry, offset in members:
            entry.taken.add(offset)
        return added

    before = dict(dylib.redirections)
    try:
        # A lookup itself pulls these members: it must not search again because of them.
        with session.unchanged():
            return atomically(session, work)
    except _Differs:
        dylib.redirections.clear()
        dylib.redirections.update(before)
        return None
    except BaseException:
        for entry, offset in members:
            entry.taken.discard(offset)
        raise


def _read_members(session: Registry, dylib: Contents, archive: Archive, offsets: list[int]) -> Graph:
    """Return archive members as one graph."""
    members = [archive.member(offset) for offset in offsets]
    names = [f"{archive.name}({member.name})" for member in members]
    if archive.thin:  # its header's sizes are checked against the files when these are read, not before
        sources = list(zip(names, map(archive.read, members), strict=True))
        return session.parse(sources, dylib, check_relocations=False)
    # The members are read into the arena directly, which saves a copy of all bytes.
    arena, starts = Arena.of_sizes([member.size for member in members])
    view = memoryview(arena.buffers[0])
    for member, start in zip(members, starts, strict=True):
        archive.read_into(member, view[start : start + member.size])
    spans = [Span(name, start, member.size) for name, start, member in zip(names, starts, members, strict=True)]
    return session.parse_arena(arena, spans, dylib, check_relocations=False)


def _take_back(session: Registry, first: int, log: list[UndoEntry]) -> None:
    new = list(takewhile(lambda number: number >= first, reversed(session.objects)))  # numbers ascend
    for number in new:
        defining.withdraw(session, session.objects[number])
    # After the entries are withdrawn: that makes their names undefined, and the notes give them to their former owners.
    session.table.restore(log)
    for entry in list(session.objects.values()) if log else ():
        if isinstance(entry, UnitEntry):
            _forget_discarded(session, entry)
    session.changed()


def _forget_discarded(session: Registry, entry: UnitEntry) -> None:
    """Make names undefined that a unit got back and has discarded since: it does not define them any more."""
    table = session.table
    announced = entry.dylib.names.intern(name.encode() for name in entry.unit.symbols)
    gone = [name for name in announced if name not in entry.names and table.owner[name] == entry.number]
    if gone:
        table.forget(np.array(gone, np.int64))
