"""Link the objects that one lookup chose: build the request, answer for outside names, record what came out."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from uruk.executor.link_only import LinkOnly
from uruk.graph.graph import Binding, Graph, SymbolType, Visibility, Zone, assemble
from uruk.graph.types import I32, I64, NONE, Bool, distinct, some, true_rows, unique
from uruk.link import Linked, Request, link
from uruk.orc.lifetime.lifetime import Lifetime
from uruk.orc.lookup.externals import find_externals, hints, load_needed
from uruk.orc.registry.definitions import definitions_of
from uruk.orc.registry.entries import AbsoluteEntry, Contents, ImportEntry, ObjectEntry, ObjectState
from uruk.orc.registry.symbols import Flag, final_names
from uruk.orc.registry.tracker import FunctionArray, Resources, ResourceTracker
from uruk.passes.state import Externals, StandIn, State, TLSHome


def link_batch(session: Lifetime, entries: list[ObjectEntry], wanted: I32, arrays: list[FunctionArray]) -> None:
    """Link `entries` as one batch and record their symbols; `arrays` gets their initialisers, which have not run.

    On an error nothing is recorded and all memory is given back. Raises LinkFaults for what is some object's fault.
    """
    request, trackers, numbers = _request(session, entries, wanted)
    platform = session.platform
    host = LinkOnly(session.executor.memory) if session.only_links or platform is None else platform.host
    platform = platform if session.options.execute else None
    before = [_Lengths(tracker.resources) for tracker in trackers]
    linked, count = link(request, host), len(arrays)
    try:
        session.times = linked.times
        if platform is not None:
            platform.loaded(linked, trackers)
        rows = _record(session, linked, request, trackers, entries, numbers)
        if platform is not None and session.options.names_for_loader:
            platform.register_names(linked, trackers, rows)
        if platform is not None:
            arrays += platform.arrays(linked, trackers, [(entry.order, entry.place) for entry in entries])
    except BaseException as error:  # no unwinder: code without unwind data is of no use; or Ctrl-C
        del arrays[count:]
        _take_back(session, request, entries)
        safe = isinstance(error, Exception) or platform is None or session.executor.lost is not None
        _give_back(session, linked, before, safe=safe)
        raise


class _Lengths:
    """The length of each list of a tracker before linking adds to it."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        names = ("module_handles", "memory", "frames", "entries", "names", "storage")
        self.count = {name: len(getattr(resources, name)) for name in names}

    def new(self, name: str) -> list[Any]:
        """Take out what came since."""
        column = getattr(self.resources, name)
        new = column[self.count[name] :]
        del column[self.count[name] :]
        return new


def _take_back(session: Lifetime, request: Request, entries: list[ObjectEntry]) -> None:
    """Make objects of a batch wait to be linked again; none of their names has an address then."""
    table, symbols = session.table, request.graph.symbols
    numbers = np.array([entry.number for entry in entries], np.int32)
    names = symbols.name[true_rows(request.defines)].astype(np.int64)
    names = names[np.isin(table.owner[names], numbers)]
    table.ready[names] = 0
    table.address[names] = 0
    for entry in entries:
        entry.state = ObjectState.PENDING
        session.pending[entry.number] = entry
        session.storage_of.pop(entry.number, None)
    session.changed()


def _give_back(session: Lifetime, linked: Linked, before: list[_Lengths], *, safe: bool) -> None:
    """Give back what a link took. Unless it is `safe`, unwind data may be registered that nobody noted.

    Then its memory is kept: an unwinder must not read what others have written there.
    """
    state = linked.state
    lost = session.executor.lost is not None
    noted = [address for lengths in before for address in lengths.new("frames")]
    platform = session.platform
    if platform is not None:  # nothing is noted without one
        for address in noted if not lost else ():
            platform.deregister_frames(address)
    named = [pair for lengths in before for pair in lengths.new("names")]
    for names, symbols in named if not lost else ():
        names.remove(symbols)
    entries = [entry for lengths in before for entry in lengths.new("entries")]
    for table, start in entries if not lost else ():
        table.retract(start)
    for lengths in before:
        lengths.new("memory")
        lengths.new("storage")
        lengths.new("module_handles")
    for storage in linked.storage.values():
        storage.close()
    if session.stand_ins is not None:
        for address in (*(copied.address for copied in state.copies), *state.stub_of_function):
            session.stand_ins.pop(address, None)
    if safe or len(noted) + len(entries) == np.count_nonzero(state.synthetic["unwind"] >= 0):
        linked.allocation.free()


def _request(session: Lifetime, entries: list[ObjectEntry], wanted: I32) -> tuple[Request, list[ResourceTracker], I32]:
    pieces: list[tuple[object, int, int]] = []
    for entry in entries:  # neighbours of one graph become one piece
        graph = entry.added.graph
        if pieces and pieces[-1][0] is graph and pieces[-1][2] == entry.index:
            pieces[-1] = (graph, pieces[-1][1], entry.index + 1)
        else:
            pieces.append((graph, entry.index, entry.index + 1))
    graph = assemble(pieces)  # pyright: ignore[reportArgumentType]
    numbers = np.array([entry.number for entry in entries], np.int32)
    trackers = list({entry.tracker.number: entry.tracker for entry in entries}.values())
    module = {tracker.number: row for row, tracker in enumerate(trackers)}
    session.table.grow(len(session.ids))
    defines, dropped = _definers(session, graph, entries, numbers)
    _leave_to_libraries(session, graph, entries, defines)
    if session.displaced:
        from uruk.orc.lookup.displaced import place_displaced  # --defsym with an offset, seldom used

        graph = place_displaced(session, graph, defines)
    if session.has_imports:
        graph = _with_final_names(session, graph, defines)
    request = Request(
        graph,
        entries[0].dylib.names,
        [tracker.name for tracker in trackers],
        np.array([module[entry.tracker.number] for entry in entries], np.int32),
        defines,
        dropped,
        _Resolver(session, entries[0].dylib),
        session.private_ids,
        [tracker.resources.module_handle for tracker in trackers],
        [id(tracker.dylib) for tracker in trackers],
        phony_externals=session.options.phony_externals,
        execute=session.options.execute,
        hints=partial(hints, session, entries[0].dylib),
        copy_data=session.stand_ins is not None,
        in_child=not session.executor.process.is_here,
        hooks=session.hooks,
    )
    if session.options.prune:
        final = session.stands_for(wanted)
        request.prune_from = true_rows(defines & np.isin(graph.symbols.name, final)).astype(np.int32)
    return request, trackers, numbers


def _with_final_names(session: Lifetime, graph: Graph, defines: Bool) -> Graph:
    """Return the graph with every reference by the name of the definition that it stands for, in whatever dylib that
    is.

    A definition keeps its own name: what it stands for elsewhere is no matter of the object that defines it.
    """
    name = graph.symbols.name
    rows = true_rows((name >= 0) & ~defines)
    final = final_names(session.table, name[rows])
    if np.array_equal(final, name[rows]):
        return graph
    name = name.copy()
    name[rows] = final
    return replace(graph, symbols=replace(graph.symbols, name=name))


def _definers(session: Lifetime, graph: Graph, entries: list[ObjectEntry], numbers: I32) -> tuple[Bool, Bool]:
    """Return masks of the symbol rows that are their name's definition, and of the groups that were dropped."""
    table = session.table
    private = np.array([entry.private for entry in entries], np.bool_)
    groups = graph.groups
    dropped = np.zeros(groups.name.size, np.bool_)
    if dropped.size:
        dropped = (table.group[groups.name] != numbers[groups.object]) & ~private[groups.object]
    added = entries[0].added
    definitions = added.definitions if graph is added.graph else definitions_of(graph)
    definitions = definitions.without(graph, dropped)
    is_owner = table.owner.take(definitions.name) == numbers.take(definitions.object)
    if some(private):
        is_owner |= private[definitions.object]
    defines = np.zeros(len(graph.symbols), np.bool_)
    defines[definitions.row[is_owner]] = True
    return defines, dropped


def _leave_to_libraries(session: Lifetime, graph: Graph, entries: list[ObjectEntry], defines: Bool) -> None:
    """Leave variables of inline functions and templates to an added library that has them, too.

    C++ wants one object of them in the whole program. Natively the library's references are bound to the program's;
    a library that is loaded already cannot be bound again, so it is the other way round here.
    """
    handles = {dylib: _libraries(dylib) for dylib in {entry.dylib for entry in entries}}
    if not any(handles.values()):
        return
    symbols = graph.symbols
    shared = (symbols.binding == Binding.WEAK) | (symbols.binding == Binding.UNIQUE)
    shared &= defines & (symbols.type == SymbolType.OBJECT) & (symbols.visibility == Visibility.DEFAULT)
    rows_of: dict[Contents, list[int]] = {}
    for row in true_rows(shared).tolist():
        rows_of.setdefault(entries[graph.object_of_symbol(row)].dylib, []).append(row)
    for dylib, rows in rows_of.items():
        texts = [session.ids.text(int(symbols.name[row])) for row in rows]
        defines[rows] = ~session.executor.libraries.find_symbols(handles[dylib], texts).found


def _libraries(dylib: Contents) -> list[int]:
    """Return handles of the libraries that code of a dylib sees."""
    return [library.handle for searched, _ in dylib.order_for_code() for library in searched.search.libraries]


class _Resolver:
    """Answers for names that the batch does not define: the session's, then libraries', then the process's."""

    def __init__(self, session: Lifetime, dylib: Contents) -> None:
        self.session = session
        self.dylib = dylib

    def __call__(self, names: I32, weak: Bool, tls: Bool, hidden: Bool) -> Externals:
        """See `uruk.link.ResolveNames`."""
        session, table = self.session, self.session.table
        table.grow(len(session.ids))
        session.bind_imports(names)
        is_found = table.ready[names] != 0
        address = np.where(is_found, table.address[names], 0)
        is_data = is_found & (table.flags[names] & Flag.FUNCTION == 0)
        homes: dict[int, TLSHome] = {}
        for row in true_rows(is_found & (table.flags[names] & Flag.TLS != 0)).tolist():
            homes[row] = TLSHome(session.storage_of[int(table.owner[names[row]])], int(address[row]))
        if any(searched.search.deferred for searched, _ in self.dylib.order_for_code()):
            load_needed(
                session,
                self.dylib,
                [session.ids.text(number) for number in names[~is_found & ~hidden & ~weak].tolist()],
            )
        for row in true_rows(~is_found & ~hidden & tls).tolist():
            name, dylib = session.ids.text(int(names[row])), session.home(int(names[row]), self.dylib)
            name = name.partition(b"@")[0]
            library = session.platform.find_tls(name, _libraries(dylib)) if session.platform else ""
            if library:
                is_found[row], homes[row] = True, TLSHome(library=library)
        rows = true_rows(~is_found & ~hidden & ~tls)
        is_found[rows], address[rows], is_data[rows] = self._externals(names[rows])
        return Externals(is_found, address, is_data, homes, origin=self._origin)

    def _externals(self, names: I32) -> tuple[Bool, I64, Bool]:
        """Return names in libraries and in the process, asked for at once; see `find_externals`."""
        session = self.session
        address = np.zeros(names.size, np.int64)
        is_found, is_data = np.zeros((2, names.size), np.bool_)
        rows_of: dict[Contents, list[int]] = {}
        numbers: list[int] = names.tolist()
        for row, number in enumerate(numbers):
            rows_of.setdefault(session.home(number, self.dylib), []).append(row)
        for dylib, rows in rows_of.items():
            texts = [session.ids.text(numbers[row]) for row in rows]
            is_found[rows], address[rows], is_data[rows] = find_externals(session, dylib, texts)
        if session.stand_ins:
            for row, place in enumerate(address.tolist()):
                if place in session.stand_ins:
                    address[row] = session.stand_ins[place].address
        return is_found, address, is_data

    def _origin(self, number: int) -> str:
        """See `Externals.origin`."""
        owner = int(self.session.table.owner[number])
        if owner < 0:
            return "library"
        entry = self.session.objects.get(owner)
        if isinstance(entry, ImportEntry):
            return "library"
        return "absolute" if isinstance(entry, AbsoluteEntry) else "linked"


def _record(
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
