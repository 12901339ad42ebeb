"""The needs of one lookup: the definition that each name stands for, wave by wave, through all link orders.

A closure runs under the session's lock. Where it meets something that is not there yet (a unit's object, a generator's
answer) it notes a task, and goes on with everything else; when all tasks are done it is asked to continue.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import AliasCycle
from uruk.graph.types import I32, I64, NONE, Bool, distinct, unique
from uruk.orc.lookup.name_search import NameSearch
from uruk.orc.lookup.runtime_parts import runtime_parts
from uruk.orc.registry.entries import AliasEntry, Contents, ObjectEntry, ObjectState, UnitEntry
from uruk.orc.registry.symbols import Rank

if TYPE_CHECKING:
    from uruk.orc.dispatch import Task
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.registry.search import LookupKind


class Closure:
    """The objects that a lookup links, and the tasks that it waits for before it can know all of them."""

    def __init__(
        self, session: Lifetime, kind: LookupKind, failed: dict[int, BaseException], asked: set[tuple[int, int]]
    ) -> None:
        """`asked` has the generators that were asked in this lookup; see `NameSearch.asked`."""
        self.session = session
        self.kind = kind
        self.failed = failed
        """Units that failed in this lookup: number -> why. What needs them is not to be linked."""
        self.chosen: dict[int, ObjectEntry] = {}
        self.tasks: dict[int, Task] = {}
        """By id(), so that each is there once."""
        self._units: dict[int, UnitEntry] = {}
        """Units that are being made for this lookup."""
        self._wanted: dict[int, UnitEntry] = {}
        """Names that are needed of them."""
        self._commons: set[int] = set()
        """Common symbols whose initialiser was looked for in archives."""
        self._wave: list[ObjectEntry] = []
        self._names = NameSearch(session, kind, asked)

    def want(self, dylib: Contents, ids: I32, weak: Bool, roots: Iterable[int]) -> None:
        """Start from names as a dylib's code sees them, and from entries, by number, that are needed anyway."""
        self._choose(roots)
        for entry in self._units.values():  # any of its names may be the one whose object initialises
            self._wanted.update(dict.fromkeys(entry.names, entry))
        self._names.is_direct = True
        self._need(dylib, ids, weak)
        self._names.is_direct = False
        self._walk()

    def want_bodies(self, ids: I32, objects: Iterable[int] = ()) -> None:
        """Start from what is behind lazy names: definitions themselves, whatever comes before them in link orders.

        `objects`, by number, are needed whether or not they define one of them.
        """
        self._choose(objects)
        numbers: list[int] = ids.tolist()
        while numbers:
            for number in numbers:
                dylib: Contents = self.session.ids.home(number).owner
                self._names.sought = number
                if self.session.table.owner[number] >= 0:
                    self._follow(dylib, number, number)
                else:
                    self._search(dylib, np.array([number], np.int32), weak=False)
            numbers = self._names.take_members()
        self._walk()

    def proceed(self) -> None:
        """Go on after the tasks were done."""
        self.tasks.clear()
        # Generators have answered by now: a second search goes past the ones that had nothing.
        self._names.unanswered.clear()
        # All three begin empty: what is still missing is noted again on the way.
        wanted, self._wanted, self._units = self._wanted, {}, {}
        blocked, self._names.blocked = self._names.blocked, {}
        names = np.array([name for name, entry in wanted.items() if entry.number not in self.failed], np.int32)
        self._take(names)  # their owners are now the objects that the units delivered, or units that these left them to
        for (dylib, number), weak in blocked.items():
            self._need(dylib, np.array([number], np.int32), np.array([weak]))
        self._walk()

    def _walk(self) -> None:
        while self._wave:
            wave, self._wave = self._wave, []
            by_dylib: dict[Contents, list[ObjectEntry]] = {}
            for entry in wave:
                by_dylib.setdefault(entry.dylib, []).append(entry)
            for dylib, entries in by_dylib.items():
                parts = [entry.added.names_of(entry.index) for entry in entries]
                ids, weak = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
                for entry in entries if any(entry.added.hidden for entry in entries) else ():
                    self._names.hidden.update(entry.added.hidden.get(entry.index, ()))
                # Before the names are searched, as a module's own part wins over any library.
                self._choose(runtime_parts(self.session, dylib, entries, ids))
                self._initialise_commons(dylib, ids)
                self._need(dylib, ids, weak)
        for dylib, entry, numbers in self._names.asks.values():
            from uruk.orc.lookup.materialize import generation  # for generators and units only

            for task in generation(self.session, dylib, entry, numbers, self.kind):
                self.tasks[id(task)] = task
        self._names.asks.clear()

    def _choose(self, numbers: Iterable[int]) -> None:
        """Take what defines a needed name: an object into the next wave, a unit's task to wait for."""
        objects = self.session.objects
        for number in numbers:
            entry = objects[number]
            if isinstance(entry, ObjectEntry):
                # Linked objects have addresses, and their needs were linked with them.
                if entry.state is ObjectState.PENDING and number not in self.chosen:
                    self.chosen[number] = entry
                    self._wave.append(entry)
            elif isinstance(entry, UnitEntry) and number not in self._units and number not in self.failed:
                from uruk.orc.lookup.materialize import materialization

                # A unit that another lookup is making already has a task, and both wait for that one.
                task = materialization(self.session, entry)
                self._units[number] = entry
                self.tasks[id(task)] = task

    def _need(self, dylib: Contents, ids: I32, weak: Bool) -> None:
        """Find the definitions of names that code of a dylib refers to."""
        table = self.session.table
        table.grow(len(self.session.ids))
        if not dylib.is_first:  # another dylib's definitions come before its own: each name is searched for
            self._search_all(dylib, ids, weak)
            return
        owner = table.owner.take(ids)
        # The rest works on the few distinct owners, not on names: NONE is -1, and so the first of them.
        numbers = distinct(owner)
        complete = not numbers or numbers[0] != NONE
        if not complete:
            del numbers[0]
        if complete and not (self.session.has_imports or self.session.aliases):
            self._choose(numbers)
            if self._units:
                self._want_of_units(ids, owner)
            return
        defined = owner >= 0
        if self.session.has_imports:
            # A name may have stood for another dylib's under an earlier link order; it stands for itself now.
            table.imported[ids[defined]] = NONE
        if self.session.aliases:
            numbers = self._follow_aliases(dylib, ids, weak, numbers)
        self._choose(numbers)
        if self._units:
            self._want_of_units(ids[defined], owner[defined])
        if complete:
            return
        # Private names, the first numbers of a session, are each module's own; see `runtime_parts`.
        unknown = ~defined & (ids >= self.session.private_ids.size)
        strong = unique(ids[unknown & ~weak])
        self._search(dylib, self._names.possible(dylib, strong), weak=False)
        # Archives are not asked for weak names, so that only other dylibs and generators can have them.
        if not dylib.stands_alone or dylib.search.generators:
            weak_names = unique(ids[unknown & weak])
            self._search(dylib, weak_names[~np.isin(weak_names, strong)], weak=True)
        elif self.session.has_imports:
            table.imported[ids[unknown & weak]] = NONE  # what they stood for under an earlier link order

    def _take(self, ids: I32) -> None:
        """Take the definitions of names, whatever link orders say."""
        owner = self.session.table.owner[ids]
        defined = owner >= 0
        self._choose(unique(owner[defined]).tolist())
        self._want_of_units(ids[defined], owner[defined])

    def _want_of_units(self, ids: I32, owner: I32) -> None:
        """Note which names are needed of the units that are being made."""
        for number, name in zip(owner.tolist(), ids.tolist(), strict=True):
            entry = self._units.get(number)
            if entry is not None:
                entry.wanted.add(name)
                self._wanted[name] = entry

    def _follow_aliases(self, dylib: Contents, ids: I32, weak: Bool, numbers: list[int]) -> list[int]:
        """Search for what the aliases among the owners stand for; returns the other owners."""
        objects = self.session.objects
        aliases = [number for number in numbers if isinstance(objects[number], AliasEntry)]
        if not aliases:
            return numbers
        is_alias = np.isin(self.session.table.owner[ids], np.array(aliases))
        self._search_all(dylib, ids[is_alias], weak[is_alias])
        return [number for number in numbers if number not in set(aliases)]

    def _search_all(self, dylib: Contents, ids: I32, weak: Bool) -> None:
        """Search for names through a link order that does not begin with the dylib, or through aliases."""
        public = ids >= self.session.private_ids.size
        strong = unique(ids[public & ~weak])
        self._search(dylib, strong, weak=False)
        weak_names = unique(ids[public & weak])
        self._search(dylib, weak_names[~np.isin(weak_names, strong)], weak=True)
        own = self.session.table.owner[ids[~public]]
        self._choose(unique(own[own >= 0]).tolist())

    def _search(self, dylib: Contents, ids: I32 | I64 | list[int], *, weak: bool) -> None:
        """Find names one by one; archive members that have them are added together, and looked for again."""
        numbers: list[int] = ids if isinstance(ids, list) else ids.tolist()
        while numbers:
            for number in numbers:
                self._find(dylib, number, weak=weak)
            numbers = self._names.take_members(self._wave, self.chosen)
            if self._names.found_ahead:
                ahead, self._names.found_ahead = self._names.found_ahead, []
                self._choose(ahead)

    def _find(self, dylib: Contents, number: int, *, weak: bool) -> None:
        """Find what a name stands for in the link order; note it as `imported` where that is another name."""
        self._names.sought = number
        definition = self._names.look(dylib, number, weak=weak)
        if definition is not None:
            self._follow(dylib, number, definition, weak=weak)
        elif self.session.has_imports:
            self.session.table.imported[number] = NONE

    def _follow(self, dylib: Contents, number: int, definition: int, *, weak: bool = False) -> None:
        """Take the definition of the name `definition`, or what it is an alias of, as what `number` stands for."""
        session, table = self.session, self.session.table
        seen: list[int] = []
        final, outcome = definition, definition
        while outcome is not None:
            final = outcome
            entry = session.objects[int(table.owner[outcome])]
            if not isinstance(entry, AliasEntry):
                self._take(np.array([final], np.int32))
                break
            seen.append(outcome)
            final = entry.targets[outcome]
            if final in seen:
                raise AliasCycle([dylib.text(name) for name in [*seen[seen.index(final) :], final]])
            table.grow(len(session.ids))
            if table.owner[final] >= 0:
                outcome = final  # a re-export means that very definition, hidden or not
            else:
                outcome = self._names.look(session.home(final, dylib), final, weak=weak)
                if outcome in seen:  # nothing but the alias itself: replaced code does not define it any more
                    outcome = None
        # The link replaces references by `imported` in one gather, and does not follow chains of aliases.
        if final != number:
            table.grow(len(session.ids))
            table.imported[final] = NONE
            table.imported[number] = final
            session.has_imports = True
        elif session.has_imports:
            table.imported[number] = NONE

    def _initialise_commons(self, dylib: Contents, ids: I32) -> None:
        """Add the archive members that initialise common symbols, as GNU ld does: Fortran's BLOCK DATA."""
        table, archives = self.session.table, dylib.search.archives
        if not archives:
            return
        table.grow(len(self.session.ids))
        # A common symbol that is linked has its place already, and nothing can initialise it.
        common = ids[(table.rank.take(ids) == Rank.COMMON) & (table.ready.take(ids) == 0)]
        for number in dict.fromkeys(common.tolist()):
            if number in self._commons:
                continue
            # Archives are asked once for a name, as reading their members costs more than all else here.
            self._commons.add(number)
            text = self.session.ids.text(number)
            from uruk.orc.lookup.member_symbols import initializer_of  # common symbols beside archives are rare

            for entry in archives:
                offset = initializer_of(entry.archive, text, self.session.target)
                if offset is not None:
                    self._names.sought = number
                    self._names.pull_member(dylib, entry, offset)
                    break
        self._choose(table.owner[self._names.take_members()].tolist())
