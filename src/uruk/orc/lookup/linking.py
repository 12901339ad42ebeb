"""Links the objects that one lookup chose as one batch, and records what came out, or takes all of it back."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import numpy as np

from uruk.executor.link_only import LinkOnly
from uruk.graph.graph import SymbolType, Zone
from uruk.graph.types import I32, I64, NONE, distinct, true_rows, unique
from uruk.link import Linked, Request, link
from uruk.named_tuples import NamedTuple
from uruk.orc.lookup.one_object import goes_by_rows, note_link
from uruk.orc.lookup.request import make_request
from uruk.orc.lookup.taking_back import Lengths, give_back, take_back
from uruk.orc.registry.entries import ObjectEntry, ObjectState
from uruk.orc.registry.symbols import Flag
from uruk.passes.state import StandIn, State

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.registry.tracker import FunctionArray, ResourceTracker


def link_batch(session: Lifetime, entries: list[ObjectEntry], wanted: I32, arrays: list[FunctionArray]) -> None:
    """Link `entries` as one batch and record their symbols; `arrays` gets their initialisers, which have not run.

    On an error nothing is recorded and all memory is given back. Raises LinkFaults for what is some object's fault.
    """
    if len(entries) == 1 and goes_by_rows(session, entries[0]):
        from uruk.orc.lookup.row_linking import link_one  # the first link of a process goes through the columns

        if link_one(session, entries[0], arrays):
            return
    note_link()
    with session.spending("assemble"):
        request, trackers, numbers = make_request(session, entries, wanted)
    platform = session.platform
    host = LinkOnly(session.executor.memory) if session.only_links or platform is None else platform.host
    platform = platform if session.options.execute else None
    # Lengths, and not copies of lists: what came since is what an error takes out again.
    before = [Lengths(tracker.resources) for tracker in trackers]
    count, is_begun, is_noted = len(arrays), False, False
    linked = link(request, host)
    try:
        with _deferred_for(trackers):
            is_begun = True
            _note(_Batch(session, linked, request, trackers, entries, numbers), before, arrays)
            is_noted = True
    except BaseException as error:  # there is no unwinder, without which code is of no use, or Ctrl-C
        if is_noted:
            raise
        del arrays[count:]
        names = request.graph.symbols.name[true_rows(request.defines)].astype(np.int64)
        take_back(session, names, entries)
        if session.stand_ins is not None:
            for address in (*(copied.address for copied in linked.state.copies), *linked.state.stub_of_function):
                session.stand_ins.pop(address, None)
        # Ctrl-C may come between a registration in the process and the note of it here.
        safe = not is_begun or isinstance(error, Exception) or platform is None or session.executor.lost is not None
        registered = None if safe else int(np.count_nonzero(linked.state.synthetic["unwind"] >= 0))
        give_back(session, linked.allocation, linked.storage.values(), before, registered)
        raise


class _Batch(NamedTuple):
    """Objects that were linked as one batch; `numbers` are those of the objects."""

    session: Lifetime
    linked: Linked
    request: Request
    trackers: list[ResourceTracker]
    entries: list[ObjectEntry]
    numbers: I32


def _note(batch: _Batch, before: list[Lengths], arrays: list[FunctionArray]) -> None:
    """Record what was linked: with the platform, in the session's table, and in the versions of replaceable code."""
    session, linked, _, trackers, entries, _ = batch
    platform = session.platform if session.options.execute else None
    session.times = linked.times
    if platform is not None:
        # Unwind data is registered before any name is known, so that no thread runs code that cannot unwind.
        platform.loaded(linked, trackers)
    rows = _record(batch)
    if platform is not None and session.options.names_for_loader:
        platform.register_names(linked, trackers, rows)
    if platform is not None:
        arrays += platform.arrays(linked, trackers, [(entry.order, entry.place) for entry in entries])
    for tracker, lengths in zip(trackers, before, strict=True):
        if tracker.replaceable is not None:
            own = {entry.number: row for row, entry in enumerate(entries) if entry.tracker is tracker}
            tracker.replaceable.linked(linked.state, own, lengths.since)


def _deferred_for(trackers: list[ResourceTracker]) -> AbstractContextManager[object]:
    """Have Ctrl-C wait where versions of replaceable code are noted: their stubs lead to the new code by then."""
    if all(tracker.replaceable is None for tracker in trackers):
        return nullcontext()
    from uruk.executor.interruption import deferred  # takes time to import

    return deferred(once=True)


def _record(batch: _Batch) -> I64:
    """Write addresses into the session's table and resources into the trackers.

    Returns the symbol rows that define what the table has now.
    """
    session, linked, request, trackers, entries, numbers = batch
    state, table = linked.state, session.table
    rows = true_rows(request.defines)
    # The runtime's parts define names for their module only: the table must not have these.
    private = [row for row, entry in enumerate(entries) if entry.private]
    if private:
        rows = rows[~np.isin(_objects(request, rows), private)]
    block = state.symbols.block.take(rows)
    if state.has_dead:
        stays = (block < 0) | state.live[block]
        rows, block = rows[stays], block[stays]
    names = state.symbols.name.take(rows).astype(np.int64)  # as an index three times as fast as int32
    table.address[names] = state.symbol_address.take(rows)
    # After the address: `addresses.name_address` reads the table without the lock.
    table.ready[names] = 1
    placed = true_rows(block >= 0)
    # Whatever the symbol's type says: assembly often leaves it out, and a jump to code may need a stub.
    code = placed[state.blocks.zone.take(block.take(placed)) == Zone.RX]
    table.flags[names[code]] |= Flag.FUNCTION
    local = true_rows(state.symbols.type.take(rows) == SymbolType.TLS)
    if local.size:
        table.address[names[local]] = state.tls_offset[rows[local]]
        for row in distinct(_objects(request, rows[local])):
            session.storage_of[int(numbers[row])] = linked.storage[int(request.module_of_object[row])]
    for entry in entries:
        entry.state = ObjectState.LINKED
        session.pending.pop(entry.number, None)
    if session.stand_ins is not None:
        _record_stand_ins(session.stand_ins, state)
    for row, storage in linked.storage.items():
        trackers[row].resources.storage.append(storage)
    _record_memory(linked, trackers)
    _record_uses(session, linked, trackers)
    session.changed()
    return rows


def _record_stand_ins(stand_ins: dict[int, StandIn], state: State) -> None:
    """Record the copies of libraries' data and the stubs of their functions that code has in the place of these."""
    for copied in state.copies:
        place = int(state.address[copied.block])
        stand_ins[copied.address] = StandIn(place, len(copied.content), copied.constant)
    stand_ins |= {address: StandIn(stub) for address, stub in state.stub_of_function.items()}


def _objects(request: Request, rows: I64) -> I64:
    """Return the objects of the batch that symbol rows belong to."""
    return request.graph.ranges.symbols.searchsorted(rows, "right") - 1


def _record_memory(linked: Linked, trackers: list[ResourceTracker]) -> None:
    for handle, tracker in zip(linked.state.module_handles, trackers, strict=True):
        # A tracker keeps the first handle, under which all of its code registers finalisers.
        if handle is not None and not tracker.resources.module_handles:
            tracker.resources.module_handles.append(handle)
    segments: dict[int, list[int]] = {}
    for index, segment in enumerate(linked.layout.segments):
        segments.setdefault(segment.module, []).append(index)
    for row, indices in segments.items():
        trackers[row].resources.memory.append((linked.allocation, indices))


def _record_uses(session: Lifetime, linked: Linked, trackers: list[ResourceTracker]) -> None:
    """Record the trackers to whose code each module refers, in this batch or linked before."""
    state = linked.state
    # The common batch refers to nothing but itself.
    if len(trackers) == 1 and not state.undefined.size:
        return
    provider = np.full(len(state.symbols), NONE, np.int32)
    if state.undefined.size:
        owner = session.table.owner[state.symbols.name[state.undefined]]
        known = true_rows(owner >= 0)
        provider[state.undefined[known]] = [session.objects[number].tracker.number for number in owner[known].tolist()]
        for index, module in state.provided_in.items():
            provider[state.undefined[index]] = trackers[module].number
    if len(trackers) > 1:
        block = state.symbols.block
        number = np.array([tracker.number for tracker in trackers], np.int32)
        inside = block >= 0
        provider[inside] = number[state.block_module[block[inside]]]
    elif not (provider >= 0).any():
        return
    _use(session, state, trackers, provider)
    for user, used in state.module_uses:
        trackers[user].use(trackers[used])
    if len(trackers) > 1 and state.stub_modules:
        # The stub that is a function's address is code of one module, whichever one defines the function.
        lender = np.full(len(state.symbols), NONE, np.int32)
        lender[list(state.stub_modules)] = [trackers[module].number for module in state.stub_modules.values()]
        _use(session, state, trackers, lender)


def _use(session: Lifetime, state: State, trackers: list[ResourceTracker], provider: I32) -> None:
    """Record that modules use the trackers whose numbers the rows of symbols have that they refer to; -1 for none."""
    edges = state.edges
    used = provider.take(state.canonical)
    # By symbol first: references are many, and few of them are to code of others.
    rows = true_rows((used >= 0).take(edges.target) & (edges.kind != 0))
    module = state.block_module[edges.block[rows]].astype(np.int64)
    # One key for module and tracker, so that a loop goes over the few distinct pairs only.
    pairs: list[int] = unique(module << 32 | used[edges.target[rows]]).tolist()
    for pair in pairs:
        tracker = trackers[pair >> 32]
        tracker.use(session.trackers[pair & 0xFFFFFFFF])
