"""Adds replaceable objects, and replaces them: new code is linked, all stubs lead to it, and it is initialised.

The order is what makes it safe. The names go from the old objects to the new ones, which are linked while everything
still calls the old code. Then the words that the stubs jump through are written, each at once, and initialisers run,
which call their own version's functions. An error gives the names and the stubs back. A thread that has jumped before
is in the old code, and is found there by `uruk.orc.replacing.collect`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import InUse, InvalidValue
from uruk.executor.interruption import deferred
from uruk.formats.registry import read_relocations
from uruk.graph.graph import Graph, Zone
from uruk.memory.mapper import Reach
from uruk.orc.lookup.query import Query
from uruk.orc.registry import adding, defining
from uruk.orc.registry.added import has_initializers
from uruk.orc.registry.entries import AliasEntry, Contents, LazyEntry, ObjectEntry
from uruk.orc.registry.lazy_definitions import define_entry_points
from uruk.orc.registry.symbols import Flag
from uruk.orc.registry.tracker import ResourceTracker
from uruk.orc.replacing.change import Aside, Change, Order
from uruk.orc.replacing.checks import check_names, names_of
from uruk.orc.replacing.collect import collect_if_cheap
from uruk.orc.replacing.finalizing import finalize_versions
from uruk.orc.replacing.functions import give_way, lead_through_stubs
from uruk.orc.replacing.keeping import keep_statics
from uruk.orc.replacing.moving import Moves
from uruk.orc.replacing.statics import Key, Statics, variables_of
from uruk.orc.replacing.stubs import set_names
from uruk.orc.replacing.versions import Versions
from uruk.passes.layout import Segment

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.registry.inputs import Source

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
    graphs = _read(versions, pairs)
    versions.keys = {variable.key for graph in graphs for variable in variables_of(graph)}
    for entry in _add(versions, graphs):
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
        if graph.edges is None:  # a small object has rows, whose relocations become columns when they are asked for
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
    replace_together(session, [Order(versions, pairs, function, last_counts)], statics)


def replace_together(session: Lifetime, orders: Sequence[Order], statics: str) -> None:
    """Replace the objects of several trackers of one dylib in one step: all of them, or, with an error, none.

    Functions and variables may move from one to another; see `uruk.orc.replacing.moving`.
    """
    if statics not in STATICS:
        raise InvalidValue(f'statics={statics!r}: variables are kept ("keep") or made anew ("new")')
    with ExitStack() as turns:
        for order in sorted(orders, key=lambda order: order.versions.tracker.number):
            turns.enter_context(order.versions.turn)
        moves, changes, old = Moves(session), list[Change](), list[tuple[Change, list[ResourceTracker]]]()
        # Ctrl-C comes between steps: with what was not retired by then the old versions come back.
        try:
            _begin(session, orders, statics == "new", moves, changes)
            _link(session, changes)
            _retire(session, changes, old)
        except BaseException:
            if not old:
                _fail(session, changes, moves)
            raise
        finally:
            for change, trackers in old:
                if change.anew:
                    finalize_versions(change.versions, trackers, change.aside.linked)
        collect_if_cheap(session)


def _begin(session: Lifetime, orders: Sequence[Order], anew: bool, moves: Moves, changes: list[Change]) -> None:
    """Put the new objects in the place of the old ones, which are noted in `changes`; nothing is linked yet."""
    trackers = [order.versions.tracker for order in orders]
    with session.initializers.at_rest(*trackers) as rest:
        if not rest:
            raise InUse(trackers[0].name, ["its own initialisers or finalisers, which run in this thread"])
        for order in orders:
            _check(session, order.versions, anew)
        graphs = [_read(order.versions, order.pairs, order.function) for order in orders]
        moves.find(orders, graphs)
        for order, own in zip(orders, graphs, strict=True):
            check_names(order.versions, own, order.function, moves.names)
        with deferred(once=True):
            moves.begin(variables=not anew)
            for order, own in zip(orders, graphs, strict=True):
                _take(session, order, own, anew, changes)
            adding.atomically(session, lambda: _enter(session, changes, graphs))


def _take(session: Lifetime, order: Order, graphs: list[Graph], anew: bool, changes: list[Change]) -> None:
    """Take the old objects out, and prepare the new ones' graphs, in their place in the list."""
    versions, tracker = order.versions, order.versions.tracker
    keys = {variable.key for graph in graphs for variable in variables_of(graph)}
    if order.last_counts:
        graphs[:] = give_way(graphs)
    if not anew:
        changed = _changed_types(order, graphs, keys)
        graphs[:] = [keep_statics(graph, versions.statics, changed) for graph in graphs]
    names = [versions.bodies.names[order.function.encode()]] if order.function else []
    change = Change(
        versions,
        order,
        session.next_number,
        list(tracker.resources.module_handles),
        list(tracker.resources.frames),
        (versions.statics, versions.keys),
        Aside.take(session, versions.objects(order.function), names),
        anew,
        set(versions.withdrawn.rows),
    )
    changes.append(change)
    versions.changing = True
    # What a version that fails has placed is forgotten with it.
    versions.statics = Statics() if anew else versions.statics.copy()
    versions.keys = keys | (versions.keys if order.function else set())
    if anew or any(True in has_initializers(graph) for graph in graphs):
        # Destructors of the new variables are registered by themselves: they may have to run alone.
        tracker.resources.module_handles.clear()


def _changed_types(order: Order, graphs: Sequence[Graph], keys: set[Key]) -> dict[str, str]:
    """Return what differs in the types of variables that are to be kept, by their names."""
    versions = order.versions
    tell, names = versions.session.changed_types, [name.decode("utf-8", "replace") for name, _ in keys & versions.keys]
    numbers = (entry.number for entry in versions.objects(order.function))
    old = [versions.graphs[number] for number in numbers if number in versions.graphs]
    return tell(old, graphs, names) if tell is not None and old and names else {}


def _enter(session: Lifetime, changes: Sequence[Change], graphs: Sequence[Sequence[Graph]]) -> None:
    for change, own in zip(changes, graphs, strict=True):
        change.new = _add(change.versions, own)
    for change in changes:
        taken = set(change.aside.names.tolist())
        set_names(change.versions, {entry.number for entry in change.new}, taken, change.aside.linked)


def _undo(changes: Sequence[Change], moves: Moves) -> None:
    """Go back to the old versions. Under the session's lock."""
    for change in reversed(changes):
        change.undo()
    moves.undo()


def _fail(session: Lifetime, changes: Sequence[Change], moves: Moves) -> None:
    """Go back to the old versions, after the destructors of what the new ones' initialisers have made."""
    try:
        for change in reversed(changes):
            change.finalize_new()
    finally:
        with session.lock, deferred(once=True):
            _undo(changes, moves)


def _check(session: Lifetime, versions: Versions, anew: bool) -> None:
    tracker = versions.tracker
    session.check_dylib(versions.public)
    if tracker.removed:
        raise InvalidValue(f"tracker {tracker.name} was removed")
    users = [user.name for user in tracker.resources.users if not user.removed]
    if anew and users and any(part.has_data for part in versions.parts):
        # Which names they refer to is not noted: a variable made anew would leave them the old one.
        raise InUse(f"{tracker.name} (its variables are to be made anew)", sorted(users))


def _link(session: Lifetime, changes: Sequence[Change]) -> None:
    """Link the new versions and initialise them; their stubs lead to them before, as initialisers call functions."""
    new = [entry for change in changes for entry in change.new]
    with session.lock:
        owner, flags = session.table.owner, session.table.flags
        numbers = {entry.number for entry in new}
        own = {int(name) for entry in new for name in entry.ids if int(owner[int(name)]) in numbers}
        names = {name for name in own if not flags[name] & Flag.TLS}  # thread-locals have no address to look up
    bodies = changes[0].versions.bodies
    Query(
        session,
        bodies,
        np.array(sorted(names), np.int32),
        bodies=True,
        objects=sorted(numbers),
        linked=partial(_lead, changes),  # initialisers may fail
    ).run()


def _lead(changes: Sequence[Change], *, note: bool = True) -> None:
    """Lead the stubs to the new versions; `note`: so that they can be led back."""
    for change in changes if note else ():
        change.note_leads()
    for change in changes:
        change.lead()


def _retire(session: Lifetime, changes: Sequence[Change], old: list[tuple[Change, list[ResourceTracker]]]) -> None:
    """Lead the stubs to the new versions, if they do not yet, and take the old ones out; `old` gets their trackers."""
    with session.lock, deferred(once=True):
        if changes[0].leads is None:
            _lead(changes, note=len(changes) > 1)
        for change in changes:
            old.append((change, []))
            old[-1][1].extend(change.retire())


def versions_of(tracker: ResourceTracker) -> Versions:
    """Return the versions of a tracker. Raises InvalidValue where it was not added replaceable."""
    if not isinstance(tracker.replaceable, Versions):
        raise InvalidValue(f"tracker {tracker.name} was not added with replaceable=True: its callers go to it directly")
    return tracker.replaceable
