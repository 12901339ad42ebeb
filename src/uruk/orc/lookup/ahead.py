"""Finds the archive members of a closure's next waves by their names alone, before any of them is read as an object.

A wave's members are read as objects, and their names searched for one by one, before the next wave is known. A large
program has dozens of waves, each with a few members of many archives. Here the symbol tables alone are followed, so
that all members are read as one graph.

The result is that of the waves. What names alone do not decide (who of several members owns a name, weak externals,
imports, aliases, generators) ends the way ahead at the wave before it, and the closure goes on by itself; what turns
out otherwise when the members are read is taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import field
from operator import attrgetter

from uruk.errors import UrukError
from uruk.formats.interface import Needs
from uruk.formats.registry import tells_needs
from uruk.orc.lifetime.lifetime import Lifetime
from uruk.orc.lookup.members import MemberReader
from uruk.orc.registry.adding import add_members_together
from uruk.orc.registry.entries import Contents, ObjectEntry
from uruk.orc.registry.search import ArchiveEntry
from uruk.records import record

_NO_NUMBER = 1 << 62
"""Behind all numbers of names."""


class _Undecided(Exception):
    """Names alone do not say which members come next."""


@record
class Found:
    """A member, and the name that it was found for."""

    archive: ArchiveEntry
    offset: int
    name: bytes


@record
class Ahead:
    """The members that were found, wave by wave, and how far that went."""

    members: MemberReader
    found: list[Found] = field(default_factory=list[Found])
    """In the order in which they were read."""
    sure: dict[int, bytes] = field(default_factory=dict[int, bytes])
    """Rows of `found` whose needs were followed, with a name that none but this member defines."""


def look_ahead(
    session: Lifetime, dylib: Contents, first: Iterable[Found], started: Sequence[ObjectEntry], chosen: Collection[int]
) -> Ahead | None:
    """Return the members `first` and all that they and the objects `started` need in turn; None if only waves can tell.

    `chosen` are numbers of the entries that the closure has taken by now. Raises ObjectFormatError.
    """
    tells = tells_needs(session.target)
    if tells is None or not _is_plain(session, dylib, chosen):
        return None
    walk = _Walk(session, dylib, tells)
    wave = _as_read(first)
    needs = walk.needs_of_objects(started)
    try:
        while wave:
            needs += walk.read(wave)
            wave, needs = walk.next_wave(needs), []
    except _Undecided:
        pass
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
        graph = session.parse_arena(ahead.members.arena(), ahead.members.spans, dylib, check_relocations=False)
        members = [(found.archive, found.offset) for found in ahead.found]
        added = add_members_together(session, dylib, members, graph, ahead.sure)
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
        and not any(entry.hides or entry.archive.thin or entry.archive.has_imports for entry in search.archives)
    )


def _as_read(wave: Iterable[Found]) -> list[Found]:
    """Return members as the waves read them: archives as they were found, the members of each in its order."""
    by_archive: dict[int, list[Found]] = {}
    for found in wave:
        by_archive.setdefault(id(found.archive), []).append(found)
    return [found for members in by_archive.values() for found in sorted(members, key=attrgetter("offset"))]


class _Walk:
    """The way from wave to wave."""

    def __init__(self, session: Lifetime, dylib: Contents, tells: Callable[[memoryview], Needs | None]) -> None:
        self.session = session
        self.dylib = dylib
        self.tells = tells
        size = sum(entry.archive.size for entry in dylib.search.archives)
        self.ahead = Ahead(MemberReader(size, session.take_ahead()))
        self.defined: set[bytes] = set()
        """Names that the members define, as the archives' indexes have it."""
        platform = session.platform
        self._not_of_archives = frozenset[bytes]() if platform is None else platform.over_archives

    def needs_of_objects(self, entries: Sequence[ObjectEntry]) -> list[Needs]:
        """Return what objects need that have been read."""
        text = self.session.ids.text
        needs: list[Needs] = []
        for entry in entries:
            ids, weak = entry.added.names_of(entry.index)
            hidden = entry.added.hidden.get(entry.index, [])
            needs.append(Needs(list(map(text, ids[~weak].tolist())), list(map(text, hidden))))
        return needs

    def read(self, wave: Sequence[Found]) -> list[Needs]:
        """Read the members of a wave; returns their needs, where it is sure that each belongs to the program."""
        ahead, row = self.ahead, len(self.ahead.found)
        needs: list[Needs | None] = []
        names: list[list[bytes]] = []
        for found in wave:
            needs.append(self.tells(ahead.members.add(found.archive.archive, found.offset)))
            names.append(found.archive.archive.names_of(found.offset))
            ahead.found.append(found)
        known = [need for need in needs if need is not None]
        # A member may lose the name that it was found for to another one, and is not linked then.
        wanted = {found.name for found in wave}
        seen: set[bytes] = set()
        contested: set[bytes] = set()
        for defined in names:
            ours = wanted.intersection(defined)
            contested |= ours & seen
            seen |= ours
        if len(known) < len(needs) or contested:
            raise _Undecided
        self.defined.update(*names)
        ahead.sure.update((row + index, found.name) for index, found in enumerate(wave))
        return known

    def next_wave(self, needs: Sequence[Needs]) -> list[Found]:
        """Return the members that have names of `needs` which nothing defines yet, in the order of the line."""
        search = self.dylib.search
        places: dict[tuple[int, int], Found] = {}
        known = self.dylib.names
        late: list[tuple[bytes, ArchiveEntry]] = []
        names = dict.fromkeys(name for need in needs for name in need.names if name not in self.defined)
        # Waves look names up by number. Names that have none yet get theirs in the order of the symbols.
        for name in sorted(names, key=lambda name: known.get(name, _NO_NUMBER)):
            found = None if self._is_settled(name) else search.member_with(name)
            if found is None or found[1] in found[0].taken:
                continue
            late.append((name, found[0]))
            places.setdefault((id(found[0]), found[1]), Found(*found, name))
        self._ask_libraries(late, {name for need in needs for name in need.hidden})
        return _as_read(places.values())

    def _is_settled(self, name: bytes) -> bool:
        """Return True if archives are not asked for a name: it has a definition, or comes from elsewhere."""
        if name in self._not_of_archives:
            return True
        number, owner = self.dylib.names.get(name), self.session.table.owner
        if number is None:
            return False
        # Private names, the first numbers of a session, are each module's own.
        return number < self.session.private_ids.size or (number < owner.size and owner.item(number) >= 0)

    def _ask_libraries(self, names: Sequence[tuple[bytes, ArchiveEntry]], hidden: set[bytes]) -> None:
        """Raise _Undecided if a library that stands before the archive has one of the names."""
        search = self.dylib.search
        last = max((entry.order for _, entry in names), default=0)
        if any(library.order < last for library in search.deferred):
            raise _Undecided
        libraries = list(search.libraries_before(last))
        if not libraries:
            return
        # One question for all names; which of the libraries stands before which archive is told apart where one has it.
        if any(library.hidden for library in libraries) or hidden.intersection(name for name, _ in names):
            raise _Undecided
        handles = [library.handle for library in libraries]
        found = self.session.executor.libraries.find_symbols(handles, [name for name, _ in names]).found
        if found.any():
            raise _Undecided
