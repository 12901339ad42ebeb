"""Puts lazy definitions into a dylib: stubs for functions, aliases for data, and bodies in the implementation dylib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from uruk.orc.registry.adapting import adapt
from uruk.orc.registry.defining import add_graph, add_unit, define_names, flags_of
from uruk.orc.registry.definitions import definitions_of
from uruk.orc.registry.entries import AliasEntry, Contents, LazyEntry, ObjectState, Unit
from uruk.orc.registry.symbol_flags import SymbolFlags
from uruk.orc.registry.symbols import encode_name

if TYPE_CHECKING:
    from uruk.graph.graph import Graph
    from uruk.orc.registry.registry import Registry
    from uruk.orc.registry.tracker import ResourceTracker


def add_lazy_names(
    session: Registry,
    dylib: Contents,
    targets: Mapping[int, int],
    tracker: ResourceTracker,
    *,
    weak: bool = False,
    hidden: bool = False,
    flags: Sequence[SymbolFlags] = (),
    origin: str = "",
) -> None:
    """Define names of functions as stubs; `flags`, if given, has one for each name. `origin` is the file of theirs."""
    if not targets:
        return
    # Stubs are taken first, as the entry names them; a failure gives them back.
    stubs = session.lazy.take(len(targets))
    entry = LazyEntry(
        session.next_number, dylib, tracker, session.next_order(), ObjectState.LINKED,
        targets=dict(targets), stubs=stubs, origin=origin,
    )  # fmt: skip
    ids = list(targets)
    try:
        won = define_names(session, entry, ids, flags or [flags_of(weak, hidden, function=True)] * len(ids))
    except BaseException:
        if entry.number not in session.objects:  # else they go with the entry
            session.lazy.give(stubs)
        raise
    address = dict(zip(ids, stubs.tolist(), strict=True))
    # Names that a stronger definition has are left alone, though their stubs exist.
    session.table.address[won] = [address[number] for number in won.tolist()]
    session.table.ready[won] = 1
    # Last: a stub that no name leads to yet is not called.
    session.lazy.point(entry)


def add_lazily(
    session: Registry, dylib: Contents, implementation: Contents, graph: Graph, tracker: ResourceTracker
) -> None:
    """Add a graph to an implementation dylib, with whose names it was read, and its entry points to `dylib`."""
    adapt(implementation, graph)
    definitions = definitions_of(graph)
    ids: list[int] = definitions.name.tolist()
    flags = [
        SymbolFlags.of(rank, bits)
        for rank, bits in zip(definitions.rank.tolist(), definitions.flags.tolist(), strict=True)
    ]
    # Entry points come first: if one is a duplicate, no body was added.
    origin = graph.files[0] if len(graph.files) == 1 else ""
    define_entry_points(session, dylib, implementation, dict(zip(ids, flags, strict=True)), tracker, origin)
    add_graph(session, implementation, graph, tracker, roots=False)


def add_unit_lazily(
    session: Registry, dylib: Contents, implementation: Contents, unit: Unit, tracker: ResourceTracker
) -> None:
    """Add a unit to an implementation dylib, and its entry points to `dylib`."""
    names = {implementation.names[encode_name(name)]: SymbolFlags(flag) for name, flag in unit.symbols.items()}
    define_entry_points(session, dylib, implementation, names, tracker, unit.name)
    add_unit(session, implementation, unit, tracker)


def define_entry_points(
    session: Registry,
    dylib: Contents,
    implementation: Contents,
    names: Mapping[int, SymbolFlags],
    tracker: ResourceTracker,
    origin: str,
) -> None:
    """Define the public symbols of lazy definitions: stubs for functions, aliases for data.

    `origin` is the file that errors name, empty where there are several.
    """
    public = {number: dylib.names[implementation.names.text(number)] for number in names}
    session.table.grow(len(session.ids))
    lazily = {public[number]: number for number, flag in names.items() if flag & SymbolFlags.CALLABLE}
    # Data has no call that a stub could catch: its object is linked as soon as something refers to it.
    at_once = {public[number]: number for number, flag in names.items() if not flag & SymbolFlags.CALLABLE}
    of_functions = [names[number] for number in lazily.values()]
    add_lazy_names(session, dylib, lazily, tracker, flags=of_functions, origin=origin)
    if at_once:
        entry = AliasEntry(
            session.next_number, dylib, tracker, session.next_order(), ObjectState.LINKED,
            targets=at_once, origin=origin,
        )  # fmt: skip
        define_names(session, entry, list(at_once), [names[number] for number in at_once.values()])
        session.aliases = True
