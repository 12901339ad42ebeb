"""Describes a batch to the linker: its graph, the definer of each name, and answers for names from elsewhere."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from uruk.formats.registry import read_relocations
from uruk.graph.graph import Binding, Graph, SymbolType, Visibility, assemble
from uruk.graph.types import I32, I64, Bool, some, true_rows
from uruk.link import Request
from uruk.orc.lookup.externals import find_externals, hints, load_needed
from uruk.orc.registry.definitions import definitions_of
from uruk.orc.registry.entries import AbsoluteEntry, Contents, ImportEntry, ObjectEntry
from uruk.orc.registry.symbols import Flag, final_names
from uruk.passes.state import Externals, TLSHome
from uruk.records import replace

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.registry.tracker import ResourceTracker

_MANY = 64
"""Pieces from which on objects may be gathered by columns, and not piece by piece."""


def make_request(
    session: Lifetime, entries: list[ObjectEntry], wanted: I32
) -> tuple[Request, list[ResourceTracker], I32]:
    """Return the request to link objects as one batch, the tracker of each module, and the number of each object."""
    pieces = _pieces(entries)
    if any(entry.tracker.replaceable is not None for entry in entries):
        pieces = [_with_edges(piece) for piece in pieces]
    graph = _assembled(pieces)
    numbers = np.array([entry.number for entry in entries], np.int32)
    # A dict keeps the order of first mention: modules are numbered as their first objects come.
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
        # Any number tells dylibs apart: the modules of one dylib are one program.
        [id(tracker.dylib) for tracker in trackers],
        phony_externals=session.options.phony_externals,
        execute=session.options.execute,
        hints=partial(hints, session, entries[0].dylib),
        copy_data=session.stand_ins is not None,
        in_child=not session.executor.process.is_here,
        hooks=session.hooks,
        as_jitlink=session.options.as_jitlink,
    )
    if session.options.prune:
        final = session.stands_for(wanted)
        request.prune_from = true_rows(defines & np.isin(graph.symbols.name, final)).astype(np.int32)
    if session.options.as_jitlink:
        request.prune_from = true_rows(defines).astype(np.int32)
    if session.options.as_jitlink and not session.options.execute:
        request.programs = range(len(trackers))
    return request, trackers, numbers


def _pieces(entries: list[ObjectEntry]) -> list[tuple[Graph, int, int]]:
    """Return the objects as runs of graphs: (graph, first object, end). Neighbours of one graph become one run."""
    pieces: list[tuple[Graph, int, int]] = []
    for entry in entries:
        graph = entry.added.graph
        if pieces and pieces[-1][0] is graph and pieces[-1][2] == entry.index:
            pieces[-1] = (graph, pieces[-1][1], entry.index + 1)
        else:
            pieces.append((graph, entry.index, entry.index + 1))
    return pieces


def _with_edges(piece: tuple[Graph, int, int]) -> tuple[Graph, int, int]:
    """Return a piece with its relocations read: members of archives, whose are not, else have all of a batch read
    again, and the references of replaceable code would not be led through stubs."""
    graph, low, high = piece
    if graph.edges is not None:
        return piece
    chosen = assemble([piece])
    return replace(chosen, edges=read_relocations(chosen)), 0, high - low


def _assembled(pieces: list[tuple[Graph, int, int]]) -> Graph:
    if len(pieces) > _MANY:
        from uruk.graph.reordering import reorder  # for programs from archives

        graph = reorder(pieces)
        if graph is not None:
            return graph
    return assemble(pieces)


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
    # The column is the graph's own, which a link that fails must leave as it was.
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
    # A batch that is one graph as it was added needs no second look for its definitions.
    added = entries[0].added
    definitions = added.definitions if graph is added.graph else definitions_of(graph)
    definitions = definitions.without(graph, dropped)
    is_owner = table.owner.take(definitions.name) == numbers.take(definitions.object)
    if some(private):  # parts of the runtime define their names for their module only, and own none in the table
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
    rows = true_rows(shared)
    number = {dylib: place for place, dylib in enumerate(handles)}
    home = np.array([number[entry.dylib] for entry in entries])[graph.ranges.symbols.searchsorted(rows, "right") - 1]
    for dylib, place in number.items():
        own = rows[home == place]
        texts = session.ids.texts(symbols.name[own].tolist())
        # Undefined from here on: the link asks the library for them, as for any name that no object defines.
        defines[own] = ~session.executor.libraries.find_symbols(handles[dylib], texts).found


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
            name = name.partition(b"@")[0]  # thread-locals of libraries are found by names without versions
            library = session.platform.find_tls(name, _libraries(dylib)) if session.platform else ""
            if library:
                is_found[row], homes[row] = True, TLSHome(library=library)
        # dlsym on a thread-local would make its library's storage dynamic for good: such names are not asked for here.
        rows = true_rows(~is_found & ~hidden & ~tls)
        is_found[rows], address[rows], is_data[rows] = self._externals(names[rows])
        return Externals(is_found, address, is_data, homes, origin=self._origin)

    def _externals(self, names: I32) -> tuple[Bool, I64, Bool]:
        """Return names in libraries and in the process, asked for at once; see `find_externals`."""
        session = self.session
        address = np.zeros(names.size, np.int64)
        is_found, is_data = np.zeros((2, names.size), np.bool_)
        numbers: list[int] = names.tolist()
        every_text, homes = session.ids.texts(numbers), session.ids.homes(numbers)
        # Names that all dylibs share belong to the code that uses them.
        rows_of: dict[Contents, list[int]] = {}
        for home in {id(home): home for home in homes}.values():
            rows = [row for row, other in enumerate(homes) if other is home]
            rows_of.setdefault(home.owner or self.dylib, []).extend(rows)
        for dylib, rows in rows_of.items():
            texts = [every_text[row] for row in rows]
            is_found[rows], address[rows], is_data[rows] = find_externals(session, dylib, texts)
        if session.stand_ins:
            for row, place in enumerate(address.tolist()):
                # The program's copy of a variable is what libraries use by now; code must see the same one.
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
