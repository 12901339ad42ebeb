"""Links one object that a lookup chose row by row, and records what came out; see `uruk.row_link`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from uruk.graph.graph import Binding, SymbolKind, SymbolType, Visibility, Zone
from uruk.orc.lookup.externals import find_externals
from uruk.orc.lookup.taking_back import Lengths, give_back, take_back
from uruk.orc.registry.entries import Contents, ObjectEntry, ObjectState
from uruk.orc.registry.symbols import Flag
from uruk.row_link import RowLinked, RowRequest, link

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.platform import RowPlatform
    from uruk.orc.registry.tracker import FunctionArray
    from uruk.passes.rows.work import Work


def link_one(session: Lifetime, entry: ObjectEntry, arrays: list[FunctionArray]) -> bool:
    """Link an object and record its symbols; `arrays` gets its initialisers, which have not run.

    Returns False, with nothing done, if it is left to the columns. On an error nothing is recorded, and all memory is
    given back.
    """
    platform = session.platform
    rows_there = None if platform is None else platform.for_rows()
    if rows_there is None and platform is not None:
        return False
    memory = session.executor.memory if session.only_links or platform is None else platform.host.memory
    request = _request(session, entry, rows_there)
    if request is None:
        return False
    running = rows_there if session.options.execute else None
    before, count = Lengths(entry.tracker.resources), len(arrays)
    linked: RowLinked | None = None
    try:
        linked = link(request, memory)
        if linked is None:
            request.rows.are_left = True
            return False
        session.times = linked.times
        if running is not None:
            # Unwind data is registered before any name is known, so that no thread runs code that cannot unwind.
            running.loaded(linked, entry.tracker)
        _record(session, linked, entry)
        if running is not None and linked.work.has_initialisers:
            arrays += running.arrays(linked, entry.tracker, (entry.order, entry.place))
    except BaseException as error:  # there is no unwinder, without which code is of no use, or Ctrl-C
        del arrays[count:]
        if linked is not None:
            # Ctrl-C may come between a registration in the process and the note of it here.
            safe = isinstance(error, Exception) or running is None or session.executor.lost is not None
            _undo(session, linked, entry, before, safe=safe)
        raise
    return True


def _undo(session: Lifetime, linked: RowLinked, entry: ObjectEntry, before: Lengths, *, safe: bool) -> None:
    """Take a link back. Unless it is `safe`, unwind data may be registered without a note of it."""
    names = [linked.work.rows.names[row] for row in linked.work.defined]
    take_back(session, np.array(names, np.int64), [entry])
    give_back(session, linked.allocation, (), [before], None if safe else int(linked.work.unwind is not None))


def _request(session: Lifetime, entry: ObjectEntry, platform: RowPlatform | None) -> RowRequest | None:
    """Return the order of a link; None if names of the object are not its own to define, or are libraries'."""
    graph, table = entry.added.graph, session.table
    rows = graph.rows
    assert rows is not None
    has_libraries = False
    for dylib, _ in entry.dylib.order_for_code():
        if dylib.search.deferred:
            return None
        has_libraries = has_libraries or bool(dylib.search.libraries)
    # The table has a row for each name of an object that was added.
    for name in rows.groups:
        if table.group.item(name) != entry.number:
            return None
    owner, number = table.cells.owner, entry.number
    for name, (_, _, kind, _, binding, type, visibility, _) in entry.added.named:
        if kind in _DEFINES_NOTHING:
            continue
        if owner[name] != number:
            return None
        # A library that has an inline variable, too, may be the one that defines it.
        if has_libraries and type == SymbolType.OBJECT and binding in _SHARED and visibility == Visibility.DEFAULT:
            return None
    resolve = partial(_resolve, session, entry.dylib, platform)
    return RowRequest(graph, rows, session.ids.text, resolve, entry.tracker.resources.module_handle)


_DEFINES_NOTHING = (SymbolKind.UNDEFINED, SymbolKind.DROPPED)
_SHARED = (Binding.WEAK, Binding.UNIQUE)


def _resolve(
    session: Lifetime, dylib: Contents, platform: RowPlatform | None, names: list[int], weak: list[bool]
) -> list[tuple[int, bool]] | None:
    """See `uruk.row_link.Resolve`: the session's answers, then those of libraries and of the process."""
    table = session.table
    answers: list[tuple[int, bool]] = []
    asked: list[int] = []
    for row, name in enumerate(names):
        flags = table.flags.item(name)
        if table.ready.item(name):
            answers.append((table.address.item(name), not flags & Flag.FUNCTION))
            if flags & Flag.TLS or not answers[-1][0]:
                return None
            continue
        # An import has an owner, and an address when it is asked for.
        if table.owner.item(name) >= 0:
            return None
        answers.append((0, True))
        asked.append(row)
    if not asked:
        return answers
    texts = [session.ids.text(names[row]) for row in asked]
    if platform is not None and any(platform.wants_columns(text) for text in texts):
        return None
    known = platform.known(texts) if platform is not None and _sees_process_alone(dylib) else None
    if known is not None:
        for row, answer in zip(asked, known, strict=True):
            answers[row] = answer
        return answers
    found, address, is_data = find_externals(session, dylib, texts)
    for row, is_found, place, data in zip(asked, found.tolist(), address.tolist(), is_data.tolist(), strict=True):
        if place:
            answers[row] = place, data
        elif is_found or not weak[row]:
            return None
    return answers


def _sees_process_alone(dylib: Contents) -> bool:
    """Return True if names that no linked code defines are those of the process, and of no added library."""
    if dylib.bare or dylib.removed:
        return False
    return not any(searched.search.libraries for searched, _ in dylib.order_for_code())


def _record(session: Lifetime, linked: RowLinked, entry: ObjectEntry) -> None:
    """Write addresses into the session's table and resources into the tracker."""
    work, cells = linked.work, session.table.cells
    names, symbols, blocks = work.rows.names, work.rows.symbols, work.blocks
    for row in work.defined:
        name, block = names[row], symbols[row][3]
        cells.address[name] = work.address[row]
        # After the address: `addresses.name_address` reads the table without the lock.
        cells.ready[name] = 1
        # Whatever the symbol's type says: assembly often leaves it out, and a jump to code may need a stub.
        if block >= 0 and blocks[block].zone == Zone.RX:
            cells.flags[name] |= Flag.FUNCTION
    entry.state = ObjectState.LINKED
    session.pending.pop(entry.number, None)
    resources = entry.tracker.resources
    # A tracker keeps the first handle, under which all of its code registers finalisers.
    if linked.module_handle is not None and not resources.module_handles:
        resources.module_handles.append(linked.module_handle)
    resources.memory.append((linked.allocation, list(range(len(linked.segments)))))
    if work.undefined:
        _record_uses(session, work, entry)
    session.changes += 1  # see `Registry.changed`


def _record_uses(session: Lifetime, work: Work, entry: ObjectEntry) -> None:
    """Record the trackers to whose code the object refers."""
    for row in work.undefined:
        owner = session.table.owner.item(work.rows.names[row])
        if owner >= 0:
            entry.tracker.use(session.objects[owner].tracker)
