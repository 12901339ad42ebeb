"""Finds the archive members of a closure's next waves by their names alone, before the closure looks at any of them.

The closure adds a wave's members to the session, and searches for their names one by one, before the next wave is
known. A large program has dozens of waves, each with a few members of many archives. Here each wave is read as one
graph, the names that it needs are columns, and members are added when all are known.

The result is that of the waves. Where names alone do not decide (which of several members owns a name, weak externals,
imports, aliases, generators), this ends at the wave before, and the closure goes on by itself. What turns out otherwise
when the members are added is taken back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import UrukError
from uruk.formats.registry import symbols_tell_needs
from uruk.graph.graph import Binding, Graph, SymbolKind, Visibility
from uruk.graph.types import I32, NONE, Bool, some, true_rows, unique
from uruk.orc.lookup.members import MemberReader
from uruk.orc.registry.adding import add_members_together
from uruk.orc.registry.definitions import definitions_of
from uruk.records import field, record

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.registry.entries import Contents, ObjectEntry
    from uruk.orc.registry.search import ArchiveEntry


class _Undecided(Exception):
    """Names alone do not say which members come next."""


@record
class Found:
    """A member, and the name that it was found for, as a number of the dylib."""

    archive: ArchiveEntry
    offset: int
    name: int


@record
class Ahead:
    """The members that were found, wave by wave, and how far that went."""

    members: MemberReader
    found: list[Found] = field(default_factory=list[Found])
    """In the order in which they were read."""
    graphs: list[Graph] = field(default_factory=list[Graph])
    """Their graphs, one a wave."""
    sure: dict[int, int] = field(default_factory=dict[int, int])
    """Rows of `found` whose needs were followed, with a name that none but this member defines."""


def look_ahead(
    session: Lifetime, dylib: Contents, first: Iterable[Found], started: Sequence[ObjectEntry], chosen: Collection[int]
) -> Ahead | None:
    """Return the members `first` and all that they and the objects `started` need in turn; None if only waves can tell.

    `chosen` are numbers of the entries that the closure has taken by now. Raises what reading members raises.
    """
    if not symbols_tell_needs(session.target) or not _is_plain(session, dylib, chosen):
        return None
    walk = _Walk(session, dylib)
    wave = _as_read(first)
    needs = walk.needs_of_objects(started)
    try:
        while wave:
            needs.append(walk.read(wave))
            wave, needs = walk.next_wave(needs), []
    except _Undecided:
        pass
    finally:
        walk.ahead.members.finish()
    return walk.ahead


def add_ahead(
    session: Lifetime,
    dylib: Contents,
    first: Sequence[Found],
    started: Sequence[ObjectEntry],
    chosen: Collection[int],
) -> list[int] | None:
    """Add members as `look_ahead` finds them; returns numbers of those that are needed for sure.

    Returns None, with nothing added, where only waves can tell: whatever is wrong is theirs to say.
    """
    try:
        ahead = look_ahead(session, dylib, first, started, chosen)
        if ahead is None:
            return None
        members = [(found.archive, found.offset) for found in ahead.found]
        added = add_members_together(session, dylib, members, ahead.graphs, ahead.sure)
    except (UrukError, MemoryError):
        return None
    return None if added is None else [added[row].number for row in ahead.sure]


def _is_plain(session: Lifetime, dylib: Contents, chosen: Collection[int]) -> bool:
    """Return True if nothing but the dylib's objects, archives and libraries can define a name of its code."""
    search = dylib.search
    return (
        dylib.stands_alone
        and not (session.has_imports or session.aliases or search.generators or dylib.redirections)
        # Objects that wait would be taken by needs of members, even by weak ones.
        and session.pending.keys() <= set(chosen)
        and not (session.platform is not None and session.platform.over_archives)
        and not any(entry.hides or entry.archive.thin or entry.archive.has_imports for entry in search.archives)
    )


def _as_read(wave: Iterable[Found]) -> list[Found]:
    """Return members as the waves read them: archives as they were found, the members of each in its order."""
    by_archive: dict[int, list[Found]] = {}
    for found in wave:
        by_archive.setdefault(id(found.archive), []).append(found)
    return [found for members in by_archive.values() for found in sorted(members, key=attrgetter("offset"))]


@record
class _Needs:
    """The names that objects refer to other than weakly, and those of them that no library's definition will do for."""

    names: I32
    hidden: I32


class _Walk:
    """The way from wave to wave."""

    def __init__(self, session: Lifetime, dylib: Contents) -> None:
        self.session = session
        self.dylib = dylib
        size = sum(entry.archive.size for entry in dylib.search.archives)
        self.ahead = Ahead(MemberReader(size, session.take_ahead()))
        self._looked_for: Bool = np.zeros(0, np.bool_)
        """By number, the names that members define, or that were looked for."""
        self._read: set[int] = set()
        """Members that were found, as numbers of `SearchOrder.members`."""

    def needs_of_objects(self, entries: Sequence[ObjectEntry]) -> list[_Needs]:
        """Return what objects need that have been added."""
        needs: list[_Needs] = []
        for entry in entries:
            ids, weak = entry.added.names_of(entry.index)
            needs.append(_Needs(ids[~weak], np.array(entry.added.hidden.get(entry.index, []), np.int32)))
        return needs

    def read(self, wave: Sequence[Found]) -> _Needs:
        """Read the members of a wave; returns their needs, where it is sure that each belongs to the program."""
        ahead, row = self.ahead, len(self.ahead.found)
        for found in wave:
            ahead.members.add(found.archive.archive, found.offset)
        ahead.found += wave
        spans = ahead.members.spans[row:]
        graph = self.session.parse_arena(ahead.members.arena(), spans, self.dylib, check_relocations=False)
        ahead.graphs.append(graph)
        self._grow()
        defined = definitions_of(graph).name
        # A member may lose the name that it was found for to another one, and is not linked then.
        wanted = np.zeros(self._looked_for.size, np.bool_)
        wanted[[found.name for found in wave]] = True
        wanted_here = defined[wanted[defined]]
        needs = _needs_of(graph)
        if needs is None or unique(wanted_here).size < wanted_here.size:
            raise _Undecided
        self._looked_for[defined] = True
        ahead.sure.update((row + index, found.name) for index, found in enumerate(wave))
        return needs

    def next_wave(self, needs: Sequence[_Needs]) -> list[Found]:
        """Return the members that have names of `needs` which nothing defines yet, in the order of the line."""
        names = self._open(np.concatenate([need.names for need in needs]))
        texts = self.session.ids.texts(names.tolist())
        # How versions of names are found is for the waves to say.
        if any(b"@" in text for text in texts):
            raise _Undecided
        places = self.dylib.search.members()
        place = np.array([places.get(text, NONE) for text in texts], np.int64)
        has = true_rows(place >= 0)
        names, place = names[has], place[has]
        # Backwards, so that the first name of each member stays; names ascend, and so do these.
        first = dict(zip(place[::-1].tolist(), names[::-1].tolist(), strict=True))
        wave: list[Found] = []
        for at, name in sorted(first.items(), key=itemgetter(1)):
            archive, offset = self.dylib.search.member_at(at)
            if at not in self._read and offset not in archive.taken:
                wave.append(Found(archive, offset, name))
        self._read.update(first)
        self._ask_libraries(wave, names, np.concatenate([need.hidden for need in needs]))
        return _as_read(wave)

    def _open(self, names: I32) -> I32:
        """Return names that archives are to be asked for, ascending, each once; they are looked for only now.

        The others have a definition, or come from elsewhere.
        """
        self._grow()
        names = names[~self._looked_for[names]]
        self._looked_for[names] = True
        owner = self.session.table.owner
        # Private names, the first numbers of a session, are each module's own.
        names = unique(names[names >= self.session.private_ids.size])
        known = names[: names.searchsorted(owner.size)]
        return np.concatenate([known[owner[known] < 0], names[known.size :]])

    def _grow(self) -> None:
        """Make room for the names that were read."""
        size = len(self.session.ids)
        if size > self._looked_for.size:
            before, self._looked_for = self._looked_for, np.zeros(2 * size, np.bool_)
            self._looked_for[: before.size] = before

    def _ask_libraries(self, wave: Sequence[Found], names: I32, hidden: I32) -> None:
        """Raise _Undecided if a library that stands before the archives of a wave may have one of the names."""
        search = self.dylib.search
        last = max((found.archive.order for found in wave), default=0)
        if any(library.order < last for library in search.deferred):
            raise _Undecided
        libraries = list(search.libraries_before(last))
        if not libraries:
            return
        # One question for all names; which of the libraries stands before which archive is told apart where one has it.
        if any(library.hidden for library in libraries) or some(np.isin(names, hidden)):
            raise _Undecided
        handles = [library.handle for library in libraries]
        texts = self.session.ids.texts(names.tolist())
        if self.session.executor.libraries.find_symbols(handles, texts).defined.any():
            raise _Undecided


def _needs_of(graph: Graph) -> _Needs | None:
    """Return what the objects of a graph need; None where their symbols alone do not tell."""
    symbols = graph.symbols
    rows = true_rows((symbols.kind == SymbolKind.UNDEFINED) & (symbols.name >= 0))
    binding = symbols.binding[rows]
    odd = (binding != Binding.GLOBAL) & (binding != Binding.WEAK)
    if graph.fallbacks.symbol.size or some(odd) or some(symbols.kind == SymbolKind.COMMON):
        return None
    rows = rows[binding == Binding.GLOBAL]
    visibility = symbols.visibility[rows]
    hidden = (visibility == Visibility.HIDDEN) | (visibility == Visibility.INTERNAL)
    return _Needs(symbols.name[rows], symbols.name[rows[hidden]])
