"""Puts definitions into a dylib: objects, units, addresses, aliases, lazy names. Called under the session's lock."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import InvalidType, InvalidValue, MaterializationError
from uruk.graph.types import I32, I64, NONE
from uruk.orc.registry.adapting import adapt, redirect_references
from uruk.orc.registry.added import Added, has_initializers
from uruk.orc.registry.entries import (
    AbsoluteEntry,
    AliasEntry,
    Contents,
    Entry,
    ImportEntry,
    LazyEntry,
    ObjectEntry,
    ObjectState,
    Unit,
    UnitEntry,
)
from uruk.orc.registry.ownership import Candidates, assign_names, record_definitions
from uruk.orc.registry.symbol_flags import SymbolFlags
from uruk.orc.registry.symbols import encode_name
from uruk.orc.registry.tracker import Released, ResourceTracker

if TYPE_CHECKING:
    from uruk.formats.interface import Import
    from uruk.graph.graph import Graph
    from uruk.orc.registry.registry import Registry
    from uruk.orc.registry.search import ArchiveEntry


def checked(dylib: Contents, tracker: ResourceTracker) -> ResourceTracker:
    """Return a tracker of a dylib. Raises InvalidValue if it was removed, is replaceable, or is another dylib's."""
    if not isinstance(tracker, ResourceTracker):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidType(f"tracker is what add_object and the like return, and {tracker!r} is none")
    home = tracker.dylib
    if tracker.removed or home is not dylib:
        problem = "was removed" if tracker.removed else f"belongs to dylib {home.name}, not to {dylib.name}"
        raise InvalidValue(f"tracker {tracker.name} {problem}")
    if tracker.replaceable is not None:
        raise InvalidValue(f"tracker {tracker.name} is replaceable, and replaced as a whole: add this with another one")
    return tracker


@contextmanager
def all_or_nothing(session: Registry, before: Entry | None = None) -> Generator[None, None, None]:
    """Take the entries that are made inside out again if that fails, and give `before` its names again."""
    first, table = session.next_number, session.table
    had = np.array([] if before is None else before.ids, np.int64)
    # An index by an array copies: later writes do not reach these values.
    rows = [column[had] for column in (table.owner, table.rank, table.flags)]
    try:
        yield
    except BaseException:
        # Numbers ascend and are never reused, so that this range is all that was made inside.
        for number in range(first, session.next_number):
            entry = session.objects.get(number)
            if entry is not None:
                withdraw(session, entry)
        for name, row in zip(("owner", "rank", "flags"), rows, strict=True):
            getattr(table, name)[had] = row
        raise


def withdraw(session: Registry, entry: Entry, released: Released | None = None) -> tuple[list[int], list[int]]:
    """Take an entry out; returns the names that it defined and the signatures of its groups, which have no owner now.

    With `released` finalisers of its tracker may have yet to run: stubs that they need stay with the memory.
    """
    table, groups = session.table, list[int]()
    # An entry may have lost names that it announced; those belong to others and stay.
    owned = table.owned_by(entry.number, entry.ids)
    table.forget_all(owned)
    if isinstance(entry, ObjectEntry):
        signatures = entry.added.signatures_of(entry.index)
        groups = [name for name in signatures if table.group.item(name) == entry.number]
        # A signature without an owner lets the group of a later object in.
        for name in groups:
            table.group[name] = NONE
    if isinstance(entry, LazyEntry):
        if released is not None and entry.tracker.replaceable is not None:
            entry.tracker.resources.stubs.append(entry.stubs)  # finalisers go through them
        else:
            session.lazy.give(entry.stubs)
        if released is not None:
            released.lazy_stubs += entry.stubs.size
    session.leave(entry)
    return owned, groups


def add_graph(
    session: Registry,
    dylib: Contents,
    graph: Graph,
    tracker: ResourceTracker,
    *,
    roots: bool,
    orders: Sequence[int] = (),
    trackers: Sequence[ResourceTracker] = (),
) -> list[ObjectEntry]:
    """See `JITDylib.add_graph`; with `trackers`, each object is its own one's."""
    # Both change names of the graph's symbols, so that they come before the definitions are indexed.
    adapt(dylib, graph)
    redirect_references(dylib, graph)
    first = session.next_number
    added = Added.of(graph, first)

    def file_of(number: int) -> str:
        return session.objects[number].file if number < first else graph.files[number - first]

    # This raises for duplicates, and comes before any object is entered.
    overridden = record_definitions(added, session.table, dylib.names, file_of)
    entries = enter_objects(session, dylib, added, tracker, roots=roots, orders=orders, trackers=trackers)
    if overridden.size:
        notify_overridden(session, overridden)
    return entries


def enter_objects(
    session: Registry,
    dylib: Contents,
    added: Added,
    tracker: ResourceTracker,
    *,
    roots: bool,
    orders: Sequence[int] = (),
    trackers: Sequence[ResourceTracker] = (),
) -> list[ObjectEntry]:
    """Enter the objects of a graph whose definitions are recorded already; returns their entries."""
    graph = added.graph
    # Only inputs that the user named run their initialisers unasked; members of archives are linked by what they
    # define.
    special = has_initializers(graph) if roots else [False] * len(graph.files)
    entries: list[ObjectEntry] = []
    for index, root in enumerate(special):
        order = orders[index] if orders else session.next_order()
        owner = trackers[index] if trackers else tracker
        entry = ObjectEntry(added.first + index, dylib, owner, order, added=added, index=index, root=root)
        session.enter(entry)
        entries.append(entry)
        if root:
            dylib.roots.append(entry)
    session.changes += 1  # see `Registry.changed`
    return entries


def add_private(session: Registry, dylib: Contents, graph: Graph, tracker: ResourceTracker) -> int:
    """Add an object that only its tracker's module sees; it defines nothing in the dylib. Returns its number."""
    number = session.next_number
    added = Added.of(graph, number)
    session.enter(ObjectEntry(number, dylib, tracker, session.next_order(), added=added, index=0, private=True))
    return number


def notify_overridden(session: Registry, overridden: I32) -> None:
    """Have units discard the names that other definitions took from them."""
    for number in overridden.tolist():
        entry = session.objects.get(number)
        if isinstance(entry, UnitEntry):
            discard_lost_names(session, entry)


def discard_lost_names(session: Registry, entry: UnitEntry) -> None:
    """Have a unit discard the names that it does not own any more. What `discard` raises is kept as its refusal."""
    gone = [number for number in entry.names if session.table.owner[number] != entry.number]
    # `discard` is the user's code: it sees the unit without the name already, and an error of it leaves nothing undone.
    for number in gone:
        del entry.names[number]
        entry.wanted.discard(number)
        name = entry.dylib.text(number)
        try:
            entry.unit.discard(name)
        except Exception as error:  # the definition that took the name is not to blame
            problem = f"its discard({name!r}) raised {type(error).__name__}: {error}"
            entry.refusal = MaterializationError(
                f"unit {entry.file}", list(map(entry.dylib.text, entry.names)), problem
            )
            entry.refusal.__cause__ = error


def _candidates(number: int, ids: Sequence[int], flags: Sequence[SymbolFlags]) -> Candidates:
    count = len(ids)
    return Candidates(
        np.array(ids, np.int64),
        np.full(count, number, np.int64),
        np.array([symbol.rank for symbol in flags], np.uint8),
        np.array([symbol.bits for symbol in flags], np.uint8),
    )


def define_names(session: Registry, entry: Entry, ids: Sequence[int], flags: Sequence[SymbolFlags]) -> I64:
    """Enter an entry that defines names; returns those that it got.

    Raises DuplicateDefinition, having changed nothing.
    """
    # Names may have been interned since the table grew last, and their rows are written next.
    session.table.grow(len(session.ids))

    def file_of(number: int) -> str:
        return entry.file if number == entry.number else session.objects[number].file

    overridden = assign_names(_candidates(entry.number, ids, flags), session.table, entry.dylib.names, file_of)
    session.enter(entry)
    session.changed()
    notify_overridden(session, overridden)
    # A weak definition may have lost to one that was there, so that the table is asked again.
    wanted = np.array(ids, np.int64)
    return wanted[session.table.owner[wanted] == entry.number]


def add_unit(session: Registry, dylib: Contents, unit: Unit, tracker: ResourceTracker) -> UnitEntry:
    """See `JITDylib.add_unit`."""
    if not unit.symbols:
        raise InvalidValue(
            f"unit {unit.name or type(unit).__name__} announces no symbols: nothing would ever ask for it"
        )
    flags = [SymbolFlags(value) for value in unit.symbols.values()]
    ids = dylib.names.intern(encode_name(name) for name in unit.symbols)
    names = {number: int(flag) for number, flag in zip(ids, flags, strict=True)}
    entry = UnitEntry(session.next_number, dylib, tracker, session.next_order(), unit=unit, names=names)
    define_names(session, entry, ids, flags)
    discard_lost_names(session, entry)
    if unit.initializes and dylib.implements is None:
        dylib.root_units.append(entry)
    return entry


def define(
    session: Registry, dylib: Contents, name: bytes, address: int, tracker: ResourceTracker, *, function: bool
) -> None:
    """See `JITDylib.define`."""
    if not 0 <= address < 1 << 64:
        raise InvalidValue(
            f"address {address:#x} of `{name.decode('utf-8', 'replace')}' is out of range (0 to 2**64-1)"
        )
    number = dylib.names[name]
    entry = AbsoluteEntry(
        session.next_number, dylib, tracker, session.next_order(), ObjectState.LINKED, names=[number]
    )  # fmt: skip
    flags = SymbolFlags.EXPORTED | (SymbolFlags.CALLABLE if function else SymbolFlags.NONE)
    define_names(session, entry, [number], [flags])
    # The column is signed, and a user may name any address of 64 bits.
    session.table.address[number] = np.uint64(address).view(np.int64)
    session.table.ready[number] = 1


def add_aliases(
    session: Registry,
    dylib: Contents,
    targets: Mapping[int, int],
    tracker: ResourceTracker,
    *,
    weak: bool,
    hidden: bool,
) -> None:
    """See `JITDylib.alias`. A weak alias of a name that is defined already changes nothing."""
    entry = AliasEntry(
        session.next_number, dylib, tracker, session.next_order(), ObjectState.LINKED, targets=dict(targets)
    )  # fmt: skip
    define_names(session, entry, list(targets), [flags_of(weak, hidden, function=False)] * len(targets))
    session.aliases = True


def flags_of(weak: bool, hidden: bool, *, function: bool) -> SymbolFlags:
    """Return the flags of a definition that users describe by these."""
    flags = SymbolFlags.CALLABLE if function else SymbolFlags.NONE
    flags |= SymbolFlags.NONE if hidden else SymbolFlags.EXPORTED
    return flags | (SymbolFlags.WEAK if weak else SymbolFlags.NONE)


def add_imports(session: Registry, dylib: Contents, entry: ArchiveEntry, imports: Sequence[Import]) -> None:
    """Define an archive's imports in a dylib. They are weak: a definition by an object comes before them."""
    by_name: dict[int, Import] = {}
    for number, imported in zip(dylib.names.intern([imported.name for imported in imports]), imports, strict=True):
        by_name.setdefault(number, imported)  # of several imports of one name the first counts
    new = ImportEntry(
        session.next_number, dylib, entry.tracker, entry.order, ObjectState.LINKED,
        archive=entry.archive.name, imports=by_name,
    )  # fmt: skip
    define_names(
        session,
        new,
        list(by_name),
        [flags_of(True, False, function=not imported.is_data) for imported in by_name.values()],
    )
    session.imports.note(new.number, by_name)


def add_alternatives(session: Registry, dylib: Contents, graph: Graph, tracker: ResourceTracker) -> None:
    """Make names of archive members that stand for other names (weak externals) aliases of a dylib.

    LLVM's import libraries have such members for exports with two names. The archive's index gave the member for the
    name, so that no input before the archive defines it.
    """
    fallbacks, name = graph.fallbacks, graph.symbols.name
    owner = session.table.owner
    pairs = zip(name[fallbacks.symbol].tolist(), name[fallbacks.instead].tolist(), strict=True)
    targets = {
        alias: target for alias, target in pairs if alias >= 0 and target >= 0 and alias != target and owner[alias] < 0
    }
    if targets:
        add_aliases(session, dylib, targets, tracker, weak=True, hidden=False)
