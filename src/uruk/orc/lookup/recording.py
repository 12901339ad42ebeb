"""Records what a link made: addresses in the session's table, resources and uses in the trackers."""

from __future__ import annotations

import numpy as np

from uruk.graph.graph import SymbolType, Zone
from uruk.graph.types import I32, I64, NONE, distinct, true_rows, unique
from uruk.link import Linked, Request
from uruk.orc.lifetime.lifetime import Lifetime
from uruk.orc.registry.entries import ObjectEntry, ObjectState
from uruk.orc.registry.symbols import Flag
from uruk.orc.registry.tracker import ResourceTracker
from uruk.passes.state import StandIn, State


def record_link(
    session: Lifetime,
    linked: Linked,
    request: Request,
    trackers: list[ResourceTracker],
    entries: list[ObjectEntry],
    numbers: I32,
) -> I64:
    """Write addresses into the session's table and resources into the trackers.

    Returns the symbol rows that define what the table has now.
    """
    state, table = linked.state, session.table
    rows = true_rows(request.defines)
    private = [row for row, entry in enumerate(entries) if entry.private]
    if private:
        rows = rows[~np.isin(_objects(request, rows), private)]
    block = state.symbols.block.take(rows)
    if state.has_dead:
        stays = (block < 0) | state.live[block]
        rows, block = rows[stays], block[stays]
    names = state.symbols.name.take(rows).astype(np.int64)  # as an index three times as fast as int32
    table.address[names] = state.symbol_address.take(rows)
    table.ready[names] = 1
    placed = true_rows(block >= 0)
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
        for copied in state.copies:
            place = int(state.address[copied.block])
            session.stand_ins[copied.address] = StandIn(place, len(copied.content), copied.constant)
        session.stand_ins |= {address: StandIn(stub) for address, stub in state.stub_of_function.items()}
    for row, storage in linked.storage.items():
        trackers[row].resources.storage.append(storage)
    _record_memory(linked, trackers)
    _record_uses(session, linked, trackers)
    session.changed()
    return rows


def _objects(request: Request, rows: I64) -> I64:
    """Return the objects of the batch that symbol rows belong to."""
    return request.graph.ranges.symbols.searchsorted(rows, "right") - 1


def _record_memory(linked: Linked, trackers: list[ResourceTracker]) -> None:
    for handle, tracker in zip(linked.state.module_handles, trackers, strict=True):
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
    if len(trackers) > 1 and state.stub_modules:
        # The stub that is a function's address is code of one module, whoever defines the function.
        lender = np.full(len(state.symbols), NONE, np.int32)
        lender[list(state.stub_modules)] = [trackers[module].number for module in state.stub_modules.values()]
        _use(session, state, trackers, lender)


def _use(session: Lifetime, state: State, trackers: list[ResourceTracker], provider: I32) -> None:
    """Record that modules use the trackers whose numbers the rows of symbols have that they refer to; -1 for none."""
    edges = state.edges
    used = provider[state.canonical[edges.target]]
    rows = true_rows((used >= 0) & (edges.kind != 0))
    module = state.block_module[edges.block[rows]].astype(np.int64)
    pairs: list[int] = unique(module << 32 | used[rows]).tolist()
    for pair in pairs:
        tracker = trackers[pair >> 32]
        tracker.use(session.trackers[pair & 0xFFFFFFFF])
