"""The closure of most lookups of a JIT: one object, which needs nothing that waits, found without columns.

See `uruk.orc.lookup.closure`, which takes every other case. And whether one object is linked row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from uruk.graph.graph import Binding, SymbolKind
from uruk.orc.registry.entries import AliasEntry, Contents, ObjectEntry, ObjectState, UnitEntry
from uruk.orc.registry.tracker import FunctionArray

if TYPE_CHECKING:
    from uruk.orc.dispatch import Task
    from uruk.orc.lifetime.lifetime import Lifetime


class OneObject:
    """A closure that is complete: one object is linked, and nothing is waited for."""

    def __init__(self, entry: ObjectEntry) -> None:
        self.entry = entry
        self.chosen = {entry.number: entry}
        self.tasks: dict[int, Task] = {}

    def proceed(self) -> None:
        """See `Closure.proceed`: nothing was waited for."""


def link_alone(session: Lifetime, dylib: Contents, number: int) -> bool:
    """Link the one object that defines a name and waits for nothing; False where that is not all, or not possible."""
    entry = lone_entry(session, dylib, number)
    if entry is None or not goes_by_rows(session, entry):
        return False
    # A unit's object may have initialisers. The long way runs them: it finds the symbol ready, and these waiting.
    return row_linker()(session, entry, session.initializers.waiting) and not session.initializers.waiting


def one_object(session: Lifetime, dylib: Contents, name: int, roots: Sequence[int] = ()) -> OneObject | None:
    """Return the closure of a name that an object of a dylib defines; see `lone_entry`."""
    entry = lone_entry(session, dylib, name, roots)
    return None if entry is None else OneObject(entry)


def lone_entry(session: Lifetime, dylib: Contents, name: int, roots: Sequence[int] = ()) -> ObjectEntry | None:
    """Return the object of a dylib that defines a name, which is the only one of the `roots`, too.

    Returns None if there may be anything else to link, to make or to ask.
    """
    # The table has a row for each name of an object that was added.
    owners, search = session.table.cells.owner, dylib.search
    number: int = owners[name]
    entry = session.objects.get(number)
    if not isinstance(entry, ObjectEntry) or entry.state is not ObjectState.PENDING or entry.dylib is not dylib:
        return None
    rows = entry.added.graph.rows
    if rows is None or (roots and any(root != number for root in roots)):
        return None
    if not dylib.stands_alone or session.has_imports or session.aliases or search.archives or search.generators:
        return None
    own_parts = session.platform.private_names if session.platform is not None else ()
    missing: list[bytes] = []
    for other, symbol in entry.added.named:
        owner = owners[other]
        if owner == number:
            continue
        if owner >= 0:
            if _waits(session, owner):
                return None
        elif other < session.private_ids.size:
            if session.ids.text(other) in own_parts:  # see `runtime_parts`
                return None
        elif symbol[2] != SymbolKind.UNDEFINED or symbol[4] != Binding.WEAK:
            missing.append(session.ids.text(other))
    return None if missing and _are_builtins(session, dylib, missing) else entry


def _waits(session: Lifetime, number: int) -> bool:
    """Return True if the definition of a name is not ready to be referred to, or is another one's."""
    entry = session.objects[number]
    if isinstance(entry, ObjectEntry):
        return entry.state is not ObjectState.LINKED
    return isinstance(entry, UnitEntry | AliasEntry)


def _are_builtins(session: Lifetime, dylib: Contents, names: Sequence[bytes]) -> bool:
    """Return True if some name may be that of a builtin of compilers."""
    platform, builtins = session.platform, dylib.search.builtins
    if platform is None or builtins is None:
        return False
    index = builtins.index()
    return any(name in index or platform.builtins_with(name) is not None for name in names)


@cache
def row_linker() -> Callable[[Lifetime, ObjectEntry, list[FunctionArray]], bool]:
    """Return `row_linking.link_one`."""
    from uruk.orc.lookup.row_linking import link_one  # the first link of a process goes through the columns

    return link_one


class _Process:
    has_linked = False


def goes_by_rows(session: Lifetime, entry: ObjectEntry) -> bool:
    """Return True if an object may be linked row by row, which its platform and `uruk.row_link` have to say then.

    Not the first one of a process: the columns are imported by then, and the rows are not.
    """
    options = session.options
    if options.rows is False or not (_Process.has_linked or options.rows):
        return False
    rows = entry.added.graph.rows
    if rows is None or rows.edges is None or rows.are_left or entry.private:
        return False
    # These want the columns of a link, or change what its names mean.
    if options.prune or options.as_jitlink or options.phony_externals or options.names_for_loader:
        return False
    if session.has_imports or session.displaced or session.stand_ins is not None:
        return False
    return entry.tracker.replaceable is None and not (session.hooks and any(session.hooks.values()))


def note_link() -> None:
    """Note that a link begins: its modules are imported from now on."""
    _Process.has_linked = True
