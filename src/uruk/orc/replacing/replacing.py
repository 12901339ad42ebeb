"""Adds replaceable objects, and replaces them: new code is linked, all stubs lead to it, and it is initialised.

The order is what makes it safe. The names go from the old objects to the new ones, which are linked while everything
still calls the old code. Then the words that the stubs jump through are written, each at once, and initialisers run,
which call their own version's functions. An error gives the names and the stubs back. Who has jumped before is in the
old code, and is found there by `uruk.orc.replacing.collect`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from functools import partial

import numpy as np

from uruk.errors import InUse, InvalidValue
from uruk.formats.registry import read_relocations
from uruk.graph.graph import Graph, Zone
from uruk.graph.types import I64, NONE, AnyArray
from uruk.memory.mapper import Reach
from uruk.orc.lifetime.lifetime import Lifetime
from uruk.orc.lookup.query import Query
from uruk.orc.registry import adding, defining
from uruk.orc.registry.added import has_initializers
from uruk.orc.registry.entries import AliasEntry, Contents, LazyEntry, ObjectEntry, ObjectState
from uruk.orc.registry.inputs import Source
from uruk.orc.registry.lazy_definitions import define_entry_points
from uruk.orc.registry.symbols import Flag
from uruk.orc.registry.tracker import ResourceTracker
from uruk.orc.replacing.checks import check_names, names_of
from uruk.orc.replacing.collect import collect_if_cheap, retire
from uruk.orc.replacing.finalizing import finalize_handles, finalize_versions
from uruk.orc.replacing.functions import give_way, lead_through_stubs
from uruk.orc.replacing.keeping import keep_statics
from uruk.orc.replacing.leading import Leads, lead_to_new, set_names
from uruk.orc.replacing.statics import Statics
from uruk.orc.replacing.versions import Versions
from uruk.passes.layout import Segment
from uruk.records import record

STATICS = ("keep", "new")


def add_replaceable(
    session: Lifetime,
    dylib: Contents,
    bodies: Contents,
    pairs: Sequence[tuple[str, Source]],
    tracker: ResourceTracker,
    *,
    keep: bool,
) -> None:
    """Add objects, (name, bytes) each, whose functions may get other code later. The next lookup links them."""
    if session.options.prune:
        raise InvalidValue("a session with prune=True drops what nothing refers to: it takes no replaceable code")
    if tracker.replaceable is not None or session.entries_of(tracker):
        raise InvalidValue(f"tracker {tracker.name} owns other code: what is replaceable has a tracker of its own")
    _have_memory(session)
    versions = Versions(session, tracker, dylib, bodies, keep=keep)
    for entry in _add(versions, _read(versions, pairs)):
        entry.root = True
        dylib.roots.append(entry)
    tracker.replaceable = versions


def _have_memory(session: Lifetime) -> None:
    """Have memory for code, so that stubs lie beside it: what they are too far from has stubs of its own for them."""
    memory = session.executor.memory
    if memory.near is None:
        memory.allocate([Segment(0, Zone.RX, 16, 16, 0)], Reach()).free()


def _read(versions: Versions, pairs: Sequence[tuple[str, Source]], function: str = "") -> list[Graph]:
    """Return a graph for each object, with its functions called by stubs."""
    session, tag = versions.session, f"tracker {versions.tracker.number}{function and f', {function}'}"
    graphs: list[Graph] = []
    for pair in pairs:
        graph = session.parse([pair], versions.bodies)
        if graph.edges is None:  # a small object has rows, whose relocations are columns when somebody asks
            graph.edges = read_relocations(graph)
        graphs.append(lead_through_stubs(graph, versions.public, versions.bodies, tag))
    return graphs


def _add(versions: Versions, graphs: Sequence[Graph]) -> list[ObjectEntry]:
    """Add a version: stubs for functions that had none, aliases for variables, and the objects."""
    session, tracker = versions.session, versions.tracker
    entries: list[ObjectEntry] = []
    entered = (entry for entry in session.entries_of(tracker) if isinstance(entry, AliasEntry | LazyEntry))
    known = {name for entry in entered for name in entry.targets.values()}
    for graph in graphs:
        names = names_of(graph)
        new = {name: flags for name, flags in names.items() if name not in known}
        define_entry_points(session, versions.public, versions.bodies, new, tracker, graph.files[0])
        known |= names.keys()
        added = defining.add_graph(session, versions.bodies, graph, tracker, roots=False)
        versions.graphs[added[0].number] = graph
        entries += added
    return entries


@record
class Aside:
    """Definitions that were taken out of the table, to be put back if their replacement fails."""

    objects: dict[int, ObjectEntry]
    names: I64
    values: list[tuple[str, AnyArray]] = field(default_factory=list[tuple[str, AnyArray]])
    groups: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    linked: dict[int, tuple[int, int, int, int]] = field(default_factory=dict[int, tuple[int, int, int, int]])
    """Name -> address, rank, flags and owner of what was linked."""

    @classmethod
    def take(cls, session: Lifetime, objects: Sequence[ObjectEntry], names: Sequence[int]) -> Aside:
        """Take the definitions of objects out, and those of some names."""
        table = session.table
        numbers = {entry.number: entry for entry in objects}
        defined = np.unique(np.array([name for entry in objects for name in entry.ids], np.int64))
        rows = np.unique(
            np.concatenate([defined[np.isin(table.owner[defined], list(numbers))], np.array(names, np.int64)])
        )
        aside = cls(numbers, rows)
        for column in ("owner", "rank", "ready", "flags", "address"):
            aside.values.append((column, getattr(table, column)[rows].copy()))
        for name in rows[table.ready[rows] != 0].tolist():
            facts = (table.address[name], table.rank[name], table.flags[name], table.owner[name])
            aside.linked[name] = (int(facts[0]), int(facts[1]), int(facts[2]), int(facts[3]))
        table.forget(rows)
        for entry in objects:
            for group in entry.added.signatures_of(entry.index).tolist():
                if table.group[group] == entry.number:
                    aside.groups.append((group, entry.number))
                    table.group[group] = NONE
            session.pending.pop(entry.number, None)
        session.changed()
        return aside

    def put_back(self, session: Lifetime) -> None:
        """Put them back."""
        table = session.table
        for column, values in self.values:
            getattr(table, column)[self.names] = values
        for group, number in self.groups:
            table.group[group] = number
        for number, entry in self.objects.items():
            if entry.state is ObjectState.PENDING:
                session.pending[number] = entry
        session.changed()


@record
class Change:
    """One replacement under way: what it takes out of the table, and what goes back if it fails."""

    versions: Versions
    first: int
    """The number of the first entry that it adds."""
    handles: list[int]
    statics: Statics
    aside: Aside
    anew: bool
    withdrawn: set[int]
    """The public names that were withdrawn before."""
    leads: Leads | None = None
    """The places to which the stubs led before; None if they lead there still."""

    def lead_before_initialisers(self, new: Sequence[ObjectEntry], file: str) -> None:
        """Lead the stubs to the new code, whose initialisers have yet to run, and may fail."""
        self.leads = Leads.of(self.versions.session, self.versions)
        self.lead(new, file)

    def lead(self, new: Sequence[ObjectEntry], file: str) -> None:
        """Lead the stubs to the new code. Under the session's lock."""
        owners, taken = {entry.number for entry in new}, set(self.aside.names.tolist())
        lead_to_new(self.versions, owners, taken, self.aside.linked, file)

    def fail(self) -> None:
        """Go back to the old version, after the destructors of what the new one's initialisers have made."""
        session, handles = self.versions.session, self.new_handles
        try:
            if self.leads is not None and handles and not session.closed:
                finalize_handles(self.versions, handles)
        finally:
            with session.lock:
                self.undo()

    def undo(self) -> None:
        """Go back to the old version; what was added and linked of the new one goes. Under the session's lock."""
        versions, session = self.versions, self.versions.session
        if session.closed:
            return
        if self.leads is not None:
            self.leads.restore(session)
        new = [entry for entry in session.entries_of(versions.tracker) if entry.number >= self.first]
        for entry in new:
            defining.withdraw(session, entry)
        versions.withdrawn.set(self.withdrawn)
        self.aside.put_back(session)
        versions.statics = self.statics
        retire(session, versions, {entry.number for entry in new}, whole=True)
        versions.tracker.resources.module_handles[:] = self.handles

    @property
    def new_handles(self) -> list[int]:
        """The handles under which finalisers of the new version are registered."""
        return [handle for handle in self.versions.tracker.resources.module_handles if handle not in self.handles]


def replace_objects(
    session: Lifetime,
    versions: Versions,
    pairs: Sequence[tuple[str, Source]],
    statics: str,
    function: str = "",
    *,
    last_counts: bool = False,
) -> None:
    """Replace a tracker's objects by others, or one function of them by that of another object.

    See `ResourceTracker.replace`. `last_counts`: of several definitions of a name, that of the last object counts.
    """
    if statics not in STATICS:
        raise InvalidValue(f'statics={statics!r}: variables are kept ("keep") or made anew ("new")')
    with versions.turn:
        change, new = _begin(session, versions, pairs, statics == "new", function, last_counts)
        try:
            _link(session, versions, new, partial(change.lead_before_initialisers, new, pairs[0][0]))
            if change.leads is None:
                with session.lock:
                    change.lead(new, pairs[0][0])
        except BaseException:
            change.fail()
            raise
        with session.lock:
            versions.set_objects(function, {entry.number for entry in new})
            # Windows has no handles: what is registered there is its module's.
            finalizing = change.anew and (bool(change.handles) or session.target.format == "coff")
            gone = set(change.aside.objects)
            old = retire(session, versions, gone, whole=change.anew, handles=change.handles, finalizing=finalizing)
            versions.number += 1
            if not change.anew:
                # What was registered last is to run first.
                versions.tracker.resources.module_handles[:] = [*change.new_handles, *change.handles]
        if change.anew:
            finalize_versions(versions, old, change.aside.linked)
        collect_if_cheap(session)


def _begin(
    session: Lifetime,
    versions: Versions,
    pairs: Sequence[tuple[str, Source]],
    anew: bool,
    function: str,
    last_counts: bool,
) -> tuple[Change, list[ObjectEntry]]:
    """Put the new objects in the place of the old ones; nothing is linked yet."""
    tracker = versions.tracker
    with session.initializers.at_rest(tracker) as rest:
        if not rest:
            raise InUse(tracker.name, ["its own initialisers or finalisers, which run in this thread"])
        _check(session, versions, anew)
        graphs = _read(versions, pairs, function)
        check_names(versions, graphs, function)
        if last_counts:
            graphs = give_way(graphs)
        if not anew:
            graphs = [keep_statics(graph, versions.statics) for graph in graphs]
        objects = versions.objects(function)
        names = [versions.bodies.names[function.encode()]] if function else []
        handles = list(tracker.resources.module_handles)
        change = Change(
            versions,
            session.next_number,
            handles,
            versions.statics,
            Aside.take(session, objects, names),
            anew,
            set(versions.withdrawn.rows),
        )
        try:
            # What a version that fails has placed is forgotten with it.
            versions.statics = Statics() if anew else versions.statics.copy()
            if anew or any(has_initializers(graph).any() for graph in graphs):
                # Destructors of the new variables are registered by themselves: they may have to run alone.
                tracker.resources.module_handles.clear()
            new = adding.atomically(session, lambda: _add(versions, graphs))
            taken = set(change.aside.names.tolist())
            set_names(versions, {entry.number for entry in new}, taken, change.aside.linked)
            return change, new
        except BaseException:
            change.undo()
            raise


def _check(session: Lifetime, versions: Versions, anew: bool) -> None:
    tracker = versions.tracker
    session.check_dylib(versions.public)
    if tracker.removed:
        raise InvalidValue(f"tracker {tracker.name} was removed")
    users = [user.name for user in tracker.resources.users if not user.removed]
    if anew and users and any(part.has_data for part in versions.parts):
        # Which names they refer to is not noted: a variable made anew would leave them the old one.
        raise InUse(f"{tracker.name} (its variables are to be made anew)", sorted(users))


def _link(session: Lifetime, versions: Versions, new: Sequence[ObjectEntry], lead: Callable[[], None]) -> None:
    """Link a version and initialise it; with initialisers, `lead` to it in between: they call its functions."""
    with session.lock:
        owner, flags = session.table.owner, session.table.flags
        numbers = {entry.number for entry in new}
        own = {int(name) for entry in new for name in entry.ids if int(owner[int(name)]) in numbers}
        names = {name for name in own if not flags[name] & Flag.TLS}  # those have no address to look up
    Query(
        session, versions.bodies, np.array(sorted(names), np.int32), bodies=True, objects=sorted(numbers), linked=lead
    ).run()


def versions_of(tracker: ResourceTracker) -> Versions:
    """Return the versions of a tracker. Raises InvalidValue where it was not added replaceable."""
    if not isinstance(tracker.replaceable, Versions):
        raise InvalidValue(f"tracker {tracker.name} was not added with replaceable=True: its callers go to it directly")
    return tracker.replaceable
