"""Putting definitions into a dylib: objects, units, addresses, aliases, lazy names. Under the session's lock."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from uruk.errors import InvalidValue, MaterializationError
from uruk.formats.interface import Import
from uruk.graph.graph import Graph
from uruk.graph.types import I32, I64, NONE, distinct
from uruk.orc.registry.added import Added, has_initializers
from uruk.orc.registry.definitions import definitions_of
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
from uruk.orc.registry.ownership import Claims, claim, take_names
from uruk.orc.registry.registry import Registry
from uruk.orc.registry.search import ArchiveEntry
from uruk.orc.registry.symbols import SymbolFlags, encode_name
from uruk.orc.registry.tracker import Released, ResourceTracker


def checked(dylib: Contents, tracker: ResourceTracker) -> ResourceTracker:
    """A tracker that something of a dylib is to belong to. Raises UrukError if it was removed, or is another's."""
    home = tracker.dylib
    if tracker.removed or home is not dylib:
        problem = "was removed" if tracker.removed else f"belongs to dylib {home.name}, not to {dylib.name}"
        raise InvalidValue(f"tracker {tracker.name} {problem}")
    return tracker


@contextmanager
def all_or_nothing(session: Registry, before: Entry | None = None) -> Generator[None, None, None]:
    """If what is done inside fails, the entries that it made are taken out again, and `before` has its names again."""
    first, table = session.next_number, session.table
    had = np.array([] if before is None else before.ids, np.int64)
    rows = [column[had] for column in (table.owner, table.rank, table.flags)]
    try:
        yield
    except BaseException:
        for number in range(first, session.next_number):
            entry = session.objects.get(number)
            if entry is not None:
                withdraw(session, entry)
        for name, row in zip(("owner", "rank", "flags"), rows, strict=True):
            getattr(table, name)[had] = row
        raise


def withdraw(session: Registry, entry: Entry, released: Released | None = None) -> I64:
    """Take an entry out; returns the names that it had, which nobody has now."""
    table = session.table
    ids = np.array(entry.ids, np.int64)
    owned = np.array(distinct(ids[table.owner.take(ids) == entry.number]), np.int64)
    table.forget(owned)
    if isinstance(entry, ObjectEntry):
        groups = entry.added.graph.groups.name
        table.group[groups[table.group[groups] == entry.number]] = NONE
    if isinstance(entry, LazyEntry):
        session.lazy.give(entry.stubs)
        if released is not None:
            released.lazy_stubs += entry.stubs.size
    session.leave(entry)
    return owned


def add_graph(
    session: Registry,
    dylib: Contents,
    graph: Graph,
    tracker: ResourceTracker,
    *,
    roots: bool,
    orders: Sequence[int] = (),
) -> list[ObjectEntry]:
    """See `JITDylib.add_graph`."""
    dylib.adapt(graph)
    dylib.lead_references(graph)
    first = session.next_number
    added = Added.of(graph, first)

    def file_of(number: int) -> str:
        return session.objects[number].file if number < first else graph.files[number - first]

    losers = claim(added, session.table, dylib.names, file_of)
    entries = enter_objects(session, dylib, added, tracker, roots=roots, orders=orders)
    tell_losers(session, losers)
    return entries


def enter_objects(
    session: Registry,
    dylib: Contents,
    added: Added,
    tracker: ResourceTracker,
    *,
    roots: bool,
    orders: Sequence[int] = (),
) -> list[ObjectEntry]:
    """Entries for the objects of a graph whose names were claimed already."""
    graph = added.graph
    special = has_initializers(graph) if roots else np.zeros(len(graph.files), np.bool_)
    entries: list[ObjectEntry] = []
    for index, root in enumerate(special.tolist()):
        order = orders[index] if orders else session.next_order()
        entry = ObjectEntry(added.first + index, dylib, tracker, order, added=added, index=index, root=root)
        session.enter(entry)
        entries.append(entry)
        if root:
            dylib.roots.append(entry)
    session.changed()
    return entries


def add_private(session: Registry, dylib: Contents, graph: Graph, tracker: ResourceTracker) -> int:
    """Add an object that only its tracker's module sees; it defines nothing in the dylib. Returns its number."""
    number = session.next_number
    added = Added.of(graph, number)
    session.enter(ObjectEntry(number, dylib, tracker, session.next_order(), added=added, index=0, private=True))
    return number


def tell_losers(session: Registry, losers: I32) -> None:
    """Units whose names were taken discard them; lazy stubs of names that were taken are given back."""
    for number in losers.tolist():
        entry = session.objects.get(number)
        if isinstance(entry, UnitEntry):
            lose_names(session, entry)


def lose_names(session: Registry, entry: UnitEntry) -> None:
    """Have a unit discard the names that it does not own any more."""
    gone = [number for number in entry.names if session.table.owner[number] != entry.number]
    for number in gone:
        del entry.names[number]
        entry.wanted.discard(number)
        name = entry.dylib.text(number)
        try:
            entry.unit.discard(name)
        except Exception as error:  # who defines the name is not to blame
            problem = f"its discard({name!r}) raised {type(error).__name__}: {error}"
            entry.refusal = MaterializationError(
                f"unit {entry.file}", list(map(entry.dylib.text, entry.names)), problem
            )
            entry.refusal.__cause__ = error


def _claims(number: int, ids: Sequence[int], flags: Sequence[SymbolFlags]) -> Claims:
    count = len(ids)
    return Claims(
        np.array(ids, np.int64),
        np.full(count, number, np.int64),
        np.array([symbol.rank for symbol in flags], np.uint8),
        np.array([symbol.bits for symbol in flags], np.uint8),
    )


def claim_names(session: Registry, entry: Entry, ids: Sequence[int], flags: Sequence[SymbolFlags]) -> I64:
    """Give an entry its names, and enter it; returns which it got. Raises DuplicateDefinition, with nothing changed."""
    session.table.grow(len(session.ids))

    def file_of(number: int) -> str:
        return entry.file if number == entry.number else session.objects[number].file

    losers = take_names(_claims(entry.number, ids, flags), session.table, entry.dylib.names, file_of)
    session.enter(entry)
    session.changed()
    tell_losers(session, losers)
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
    claim_names(session, entry, ids, flags)
    lose_names(session, entry)
    if unit.initializes and dylib.facade is None:
        dylib.root_units.append(entry)
    return entry


def define(
    session: Registry, dylib: Contents, name: bytes, address: int, tracker: ResourceTracker, *, function: bool
) -> None:
    """See `JITDylib.define`."""
    if not 0 <= address < 1 << 64:
        raise InvalidValue(
            f"`{name.decode('utf-8', 'replace')}' at {address:#x}: addresses are 64-bit unsigned numbers"
        )
    number = dylib.names[name]
    entry = AbsoluteEntry(
        session.next_number, dylib, tracker, session.next_order(), ObjectState.LINKED, names=[number]
    )  # fmt: skip
    flags = SymbolFlags.EXPORTED | (SymbolFlags.CALLABLE if function else SymbolFlags.NONE)
    claim_names(session, entry, [number], [flags])
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
    """See `JITDylib.alias`. Names that cannot be had (weak ones that lost) are left to who has them."""
    entry = AliasEntry(
        session.next_number, dylib, tracker, session.next_order(), ObjectState.LINKED, targets=dict(targets)
    )  # fmt: skip
    claim_names(session, entry, list(targets), [_flags(weak, hidden, function=False)] * len(targets))
    session.aliases = True


def _flags(weak: bool, hidden: bool, *, function: bool) -> SymbolFlags:
    flags = SymbolFlags.CALLABLE if function else SymbolFlags.NONE
    flags |= SymbolFlags.NONE if hidden else SymbolFlags.EXPORTED
    return flags | (SymbolFlags.WEAK if weak else SymbolFlags.NONE)


def add_imports(session: Registry, dylib: Contents, entry: ArchiveEntry, imports: Sequence[Import]) -> None:
    """Give a dylib's names to an archive's imports. They are weak: a definition by an object comes before them."""
    by_name: dict[int, Import] = {}
    for number, imported in zip(dylib.names.intern([imported.name for imported in imports]), imports, strict=True):
        by_name.setdefault(number, imported)  # of several the first
    new = ImportEntry(
        session.next_number, dylib, entry.tracker, entry.order, ObjectState.LINKED,
        archive=entry.archive.name, imports=by_name,
    )  # fmt: skip
    claim_names(
        session,
        new,
        list(by_name),
        [_flags(True, False, function=not imported.is_data) for imported in by_name.values()],
    )
    session.imports.note(new.number, by_name)


def add_alternatives(session: Registry, dylib: Contents, graph: Graph, tracker: ResourceTracker) -> None:
    """Make names of archive members that stand for other names (weak externals) aliases of a dylib.

    LLVM's import libraries have such members for exports with two names. Whoever wants the name was led to the member
    by the archive's index, so that no input before it has the name.
    """
    fallbacks, name = graph.fallbacks, graph.symbols.name
    owner = session.table.owner
    pairs = zip(name[fallbacks.symbol].tolist(), name[fallbacks.instead].tolist(), strict=True)
    targets = {
        alias: target for alias, target in pairs if alias >= 0 and target >= 0 and alias != target and owner[alias] < 0
    }
    if targets:
        add_aliases(session, dylib, targets, tracker, weak=True, hidden=False)


def add_lazy_names(
    session: Registry,
    dylib: Contents,
    targets: Mapping[int, int],
    tracker: ResourceTracker,
    *,
    weak: bool = False,
    hidden: bool = False,
    flags: Sequence[SymbolFlags] = (),
) -> None:
    """Names of functions that get stubs; `flags`, if given, has one for each of them."""
    if not targets:
        return
    stubs = session.lazy.take(len(targets))
    entry = LazyEntry(
        session.next_number, dylib, tracker, session.next_order(), ObjectState.LINKED,
        targets=dict(targets), stubs=stubs,
    )  # fmt: skip
    ids = list(targets)
    try:
        won = claim_names(session, entry, ids, flags or [_flags(weak, hidden, function=True)] * len(ids))
    except BaseException:
        if entry.number not in session.objects:  # else they go with the entry
            session.lazy.give(stubs)
        raise
    address = dict(zip(ids, stubs.tolist(), strict=True))
    session.table.address[won] = [address[number] for number in won.tolist()]
    session.table.ready[won] = 1
    session.lazy.point(entry)


def add_lazily(session: Registry, dylib: Contents, behind: Contents, graph: Graph, tracker: ResourceTracker) -> None:
    """Add a graph, read with the names of `behind`, there; and stubs for its functions, aliases for its data here."""
    behind.adapt(graph)
    definitions = definitions_of(graph)
    ids: list[int] = definitions.name.tolist()
    flags = [
        SymbolFlags.of(rank, bits)
        for rank, bits in zip(definitions.rank.tolist(), definitions.flags.tolist(), strict=True)
    ]
    _face(session, dylib, behind, dict(zip(ids, flags, strict=True)), tracker)
    add_graph(session, behind, graph, tracker, roots=False)


def add_unit_lazily(session: Registry, dylib: Contents, behind: Contents, unit: Unit, tracker: ResourceTracker) -> None:
    """Add a unit behind a dylib's lazy names."""
    names = {behind.names[encode_name(name)]: SymbolFlags(flag) for name, flag in unit.symbols.items()}
    _face(session, dylib, behind, names, tracker)
    add_unit(session, behind, unit, tracker)


def _face(
    session: Registry, dylib: Contents, behind: Contents, names: Mapping[int, SymbolFlags], tracker: ResourceTracker
) -> None:
    """The public symbols of lazy definitions: stubs for functions, aliases for data."""
    shown_as = {number: dylib.names[behind.names.text(number)] for number in names}
    session.table.grow(len(session.ids))
    lazily = {shown_as[number]: number for number, flag in names.items() if flag & SymbolFlags.CALLABLE}
    at_once = {shown_as[number]: number for number, flag in names.items() if not flag & SymbolFlags.CALLABLE}
    add_lazy_names(session, dylib, lazily, tracker, flags=[names[number] for number in lazily.values()])
    if at_once:
        entry = AliasEntry(
            session.next_number, dylib, tracker, session.next_order(), ObjectState.LINKED, targets=at_once
        )  # fmt: skip
        claim_names(session, entry, list(at_once), [names[number] for number in at_once.values()])
        session.aliases = True
