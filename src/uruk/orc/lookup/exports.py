"""Symbols of a dylib's objects and archives for libraries: exported names, and kinds of what is not linked yet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from uruk.graph.graph import Graph, SymbolKind, SymbolType
from uruk.graph.types import I64, Bool, true_rows
from uruk.orc.registry.entries import Contents, ObjectEntry
from uruk.orc.registry.symbols import Flag, Rank
from uruk.records import record

if TYPE_CHECKING:
    from uruk.errors import LibraryError
    from uruk.orc.lifetime.lifetime import Lifetime

_POSITION_INDEPENDENT = "cannot dynamically load position-independent executable"
"""The words of glibc for a file with DF_1_PIE (elf/dl-load.c), which are not translated before a locale is set."""


@record
class Offer:
    """The kind of a name in the input that defines it: whether it is thread-local, and then its size; `file` has it."""

    file: str
    thread_local: bool = False
    size: int = 0


def shown(session: Lifetime, dylib: Contents, names: Iterable[bytes], *, strong: bool) -> tuple[list[bytes], I64]:
    """Return names that linked objects of a dylib define and show to others, and their numbers.

    With `strong`, only strong definitions count.
    """
    # Asking by index would intern names that no object here has.
    known = [name for name in names if name in dylib.names]
    number: I64 = np.array([dylib.names[name] for name in known], np.int64)
    kept = _are_shown(session, number)
    if strong:
        kept &= session.table.rank[number] == Rank.STRONG
    rows = true_rows(kept)
    return [known[row] for row in rows.tolist()], number[rows]


def all_shown(session: Lifetime, dylib: Contents) -> tuple[list[bytes], I64]:
    """Return all names that linked objects of a dylib define and show to others, and their numbers."""
    number = np.fromiter(dylib.names.values(), np.int64, len(dylib.names))
    number = number[_are_shown(session, number)]
    return session.ids.texts(number.tolist()), number


def _are_shown(session: Lifetime, number: I64) -> Bool:
    table = session.table
    table.grow(len(session.ids))
    return (table.owner[number] >= 0) & (table.ready[number] != 0) & (table.flags[number] & Flag.HIDDEN == 0)


def offered(session: Lifetime, dylib: Contents, name: bytes) -> Offer | None:
    """Return the symbol that an object or an archive of the dylib has by a name, linked or not; None if none has it."""
    number = dylib.names.get(name, -1)
    session.table.grow(len(session.ids))
    owner = int(session.table.owner[number]) if number >= 0 else -1
    if owner >= 0:
        entry = session.objects[owner]
        if not isinstance(entry, ObjectEntry):
            return Offer(dylib.name)
        return _describe(entry.added.graph, number, entry.file)
    archive = dylib.search.archive_with(name)
    if archive is None or archive is dylib.search.builtins:
        return None
    member = archive.archive.member(archive.index()[name])
    file = f"{archive.archive.name}({member.name})"
    # The member is read for the kind of one symbol, and not added.
    graph = session.parse([(file, archive.archive.read(member))], dylib, check_relocations=False)
    return _describe(graph, dylib.names[name], file)


def _describe(graph: Graph, number: int, file: str) -> Offer:
    symbols = graph.symbols
    rows = true_rows((symbols.name == number) & (symbols.kind != SymbolKind.UNDEFINED))
    local = rows[symbols.type[rows] == SymbolType.TLS]
    return Offer(file, local.size > 0, int(symbols.size[local].max()) if local.size else 0)


def hint_for(session: Lifetime, dylib: Contents, error: LibraryError) -> str:
    """Return the hint for a file that is a program, or a library that lacks what only the dylib has."""
    if _POSITION_INDEPENDENT in error.problem:
        return "this is a program that is linked already: give the objects that it is made of"
    name = error.undefined
    offer = offered(session, dylib, name) if name and session.stand_ins is None else None
    if offer is None:
        return ""
    kind = "a thread-local " if offer.thread_local else ""
    return (
        f"`{name.decode('utf-8', 'replace')}' is {kind}of {offer.file}, but libraries see linked code only in a child "
        "that is the program's alone: use `uruk run' without --in-process and --connect, or link the library's objects"
    )
