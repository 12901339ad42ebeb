"""Looks names up through a link order: in dylibs, and in their archives, libraries and generators.

A search runs under the session's lock. It adds nothing while it goes through a link order: archive members that it
finds, and generators that are to be asked, are noted, and the closure sees to them before it looks again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from uruk.orc.lookup.externals import load_needed
from uruk.orc.registry.adding import add_members
from uruk.orc.registry.search import ArchiveEntry, GeneratorEntry, LibraryEntry, LookupKind
from uruk.orc.registry.symbols import Flag

if TYPE_CHECKING:
    from uruk.graph.types import I32
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.registry.entries import Contents, ObjectEntry


class NameSearch:
    """The searches of one lookup, and what they found that has to be added or asked before they can go on."""

    def __init__(self, session: Lifetime, kind: LookupKind, asked: set[tuple[int, int]]) -> None:
        self.session = session
        self.kind = kind
        self.asked = asked
        """Generators that were asked in this lookup: (id of the entry, name)."""
        self.unanswered: set[tuple[int, int]] = set()
        """Those of `asked` whose answer is not there yet."""
        self.asks: dict[int, tuple[Contents, GeneratorEntry, list[int]]] = {}
        """By id() of a generator's entry: its dylib, the entry, and the names that it is to be asked for."""
        self.blocked: dict[tuple[Contents, int], bool] = {}
        """Names whose search waits for a generator: whether all references to them are weak."""
        self.hidden: set[int] = set()
        """Names with hidden references: a library's definition does not satisfy them."""
        self.sought = -1
        """The name being resolved. An alias's target is resolved in its own dylib, but archive members found there are
        queued under this name."""
        self.is_direct = False
        """True while names are looked for that the user asked for, not those that code refers to."""
        self._over_archives = frozenset[bytes]() if session.platform is None else session.platform.over_archives
        self._members: dict[int, tuple[Contents, ArchiveEntry, set[int]]] = {}
        self._waiting_for_members: list[int] = []
        self.found_ahead: list[int] = []
        """Numbers of the members that were added ahead, and belong to what is linked."""

    def look(self, dylib: Contents, number: int, *, weak: bool) -> int | None:
        """Return the name, in whatever namespace, that has a definition for `number`.

        Returns None where there is none (yet).
        """
        session, table = self.session, self.session.table
        if dylib.removed:
            return None
        text = session.ids.text(number)
        for searched, hidden in dylib.order_for_code():
            own = searched.names.get(text)
            if own is not None and own < table.owner.size and table.owner[own] >= 0:
                if hidden or not table.flags[own] & Flag.HIDDEN:
                    return own
                continue
            if text not in self._over_archives and self._ask_sources(dylib, searched, number, text, weak=weak):
                return None
        self._ask_builtins(dylib, text, weak=weak)
        return None

    def possible(self, dylib: Contents, ids: I32) -> list[int]:
        """Return those of the names, which nothing defines yet, that a search for strong references can find.

        Where a dylib sees nothing but its own archives and libraries, these are names in indexes: no other is searched
        for. Libraries are asked for all others when externals are resolved.
        """
        session, search, platform = self.session, dylib.search, self.session.platform
        numbers: list[int] = ids.tolist()
        if not dylib.stands_alone or search.generators or session.has_imports or dylib.removed:
            return numbers
        members, builtins = search.members(), search.builtins
        pairs = zip(numbers, session.ids.texts(numbers), strict=True)
        if builtins is None or platform is None:
            return [number for number, text in pairs if text in members]
        of_runtime, more = builtins.index(), platform.builtins_with
        return [number for number, text in pairs if text in members or text in of_runtime or more(text) is not None]

    def take_members(self, started: Sequence[ObjectEntry] = (), chosen: Mapping[int, ObjectEntry] = {}) -> list[int]:
        """Add the archive members that were found; returns the names that are to be looked for again.

        With `chosen`, the objects that the closure has taken, also members that these will need are added, as far as
        that can be known ahead (`found_ahead`). `started` are those of them whose needs were not looked for yet.
        """
        members, self._members = self._members, {}
        numbers, self._waiting_for_members = self._waiting_for_members, []
        if members:
            with self.session.spending("read members"):
                if not (chosen and self._take_ahead(members, numbers, started, chosen)):
                    for dylib, entry, offsets in members.values():
                        # All members of one archive together: they become one graph, and are read in one pass.
                        add_members(self.session, dylib, entry, sorted(offsets))
        return list(dict.fromkeys(numbers))

    def _take_ahead(
        self,
        members: Mapping[int, tuple[Contents, ArchiveEntry, set[int]]],
        numbers: Sequence[int],
        started: Sequence[ObjectEntry],
        chosen: Mapping[int, ObjectEntry],
    ) -> bool:
        """Add the members, and those that they will need, as one graph; False if nothing was added."""
        from uruk.orc.lookup.ahead import Found, add_ahead  # with the first archive that something is taken from

        dylib = next(iter(members.values()))[0]
        first: dict[tuple[int, int], Found] = {}
        for number in numbers:
            text = self.session.ids.text(number)
            found = dylib.search.member_with(text)
            if found is not None:
                first.setdefault((id(found[0]), found[1]), Found(*found, dylib.names[text]))
        if first.keys() != {(key, offset) for key, (_, _, offsets) in members.items() for offset in offsets}:
            return False  # some are the compilers' own, or of other dylibs
        entries = add_ahead(self.session, dylib, list(first.values()), started, chosen)
        self.found_ahead += [] if entries is None else entries
        return entries is not None

    def _ask_sources(self, dylib: Contents, searched: Contents, number: int, text: bytes, *, weak: bool) -> bool:
        """Return True if an archive, library or generator of `searched` answers for a name, or may do so."""
        search = searched.search
        if not search.generators:
            entry = search.archive_with(text) if search.archives and not weak else None
            if entry is search.builtins:  # they come after all libraries; see `_ask_builtins`
                entry = None
            if entry is not None and search.deferred:
                load_needed(self.session, searched, [text], before=entry.order)
            if entry is None and (len(dylib.order_for_code()) == 1 or not search.libraries):
                return False  # libraries are asked again when externals are resolved
            sources = [*search.libraries] if entry is None else [*search.libraries_before(entry.order), entry]
            if number in self.hidden:  # gABI, "Symbol Table": visibility is that of the most restrictive reference
                sources = [] if entry is None else [entry]
        else:
            sources = search.from_order()
        for source in sources:
            if isinstance(source, GeneratorEntry):
                if self._ask_generator(dylib, searched, source, number, text, weak=weak):
                    return True
            elif isinstance(source, LibraryEntry):
                if number not in self.hidden and self._has(source, text, alone=search.member_with(text) is not None):
                    return True
            elif not weak and self._pull(searched, source, text):
                return True
        return False

    def _has(self, library: LibraryEntry, text: bytes, *, alone: bool) -> bool:
        """Return True if a library has a name; `alone`: itself, as what it needs comes after all archives."""
        if not (asked := library.asked(text)):
            return False
        symbols = self.session.executor.libraries.find_symbols([library.handle], [asked])
        return bool((symbols.defined if alone else symbols.found)[0])

    def _ask_generator(
        self, dylib: Contents, searched: Contents, entry: GeneratorEntry, number: int, text: bytes, *, weak: bool
    ) -> bool:
        # The number of the name in the searched dylib, where the answer will be defined.
        key = (id(entry), searched.names[text])
        if key not in self.asked:
            self.asked.add(key)
            self.unanswered.add(key)
            self.asks.setdefault(id(entry), (searched, entry, []))[2].append(key[1])
        elif key not in self.unanswered:
            return False
        # Asked, but not answered: a second search must wait, too, and not go on to what comes after the generator.
        # The name is needed strongly if any of its searches is for a strong reference.
        self.blocked[dylib, number] = weak and self.blocked.get((dylib, number), True)
        return True

    def _pull(self, dylib: Contents, entry: ArchiveEntry, text: bytes) -> bool:
        """Note the archive member that defines a name, unless it was taken before."""
        if self.is_direct and self.kind is LookupKind.DLSYM:  # dlsym finds no members that are not linked yet
            return False
        offset = entry.index().get(text)
        return offset is not None and self.pull_member(dylib, entry, offset)

    def pull_member(self, dylib: Contents, entry: ArchiveEntry, offset: int) -> bool:
        """Note an archive member, unless it was taken before."""
        if offset in entry.taken:
            return False
        self._members.setdefault(id(entry), (dylib, entry, set()))[2].add(offset)
        self._waiting_for_members.append(self.sought)
        return True

    def _ask_builtins(self, dylib: Contents, text: bytes, *, weak: bool) -> None:
        """Take the compiler's own functions from the runtime archive, where no library has them."""
        session, platform = self.session, self.session.platform
        home = dylib.implements or dylib
        entry = home.search.builtins
        if weak or entry is None or platform is None:
            return
        if text not in entry.index():
            entry = home.search.compilers_builtins(platform.builtins_with(text))
        if entry is None or not platform.wants_builtin(text):
            return
        order = dylib.order_for_code()
        libraries = [library.handle for searched, _ in order for library in searched.search.libraries]
        if text in platform.over_libraries or not any(
            session.executor.libraries.find_symbol(handle, text)[0] for handle in libraries
        ):
            self._pull(home, entry, text)
