"""JITDylib: a namespace of objects, archives and libraries, and the closure of what a lookup needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import DuplicateDefinition
from uruk.graph.graph import Graph, assemble
from uruk.graph.types import I32, NONE, Bool, every, unique
from uruk.orc.claim import claim, drop_groups
from uruk.orc.definitions import definitions_of
from uruk.orc.objects import Added, ObjectEntry, ObjectState, has_initializers
from uruk.orc.own_copies import keep_own_copies
from uruk.orc.search import ArchiveEntry, SearchOrder
from uruk.orc.symbols import ABSOLUTE, Flag, Rank, SymbolTable
from uruk.orc.tracker import ResourceTracker
from uruk.passes.state import NO_IDS
from uruk.passes.tls import Storage

if TYPE_CHECKING:
    from uruk.orc.session import Session


class JITDylib:
    """Names of one namespace. Made by `Session.create_dylib`; every method runs under the session's lock."""

    def __init__(self, session: Session, name: str) -> None:
        self.session = session
        self.name = name
        self.table = SymbolTable()
        self.objects: dict[int, ObjectEntry] = {}
        self.search = SearchOrder()
        self.storage_of: dict[int, Storage] = {}
        """Object number -> the thread-local storage that its symbols' offsets count in."""
        self._next_order = 0
        self._next_number = 0
        self._roots: list[ObjectEntry] = []
        self._by_tracker: dict[int, list[ObjectEntry]] = {}

    def next_order(self) -> int:
        """The next place among the inputs."""
        self._next_order += 1
        return self._next_order

    def add_graph(self, graph: Graph, tracker: ResourceTracker, *, roots: bool, orders: Sequence[int] = ()) -> None:
        """Add the objects of a graph. `roots`: those with initialisers are linked by the next lookup.

        Raises DuplicateDefinition, with nothing added.
        """
        first = self._next_number
        keep_own_copies(graph, self.session.names)
        added = Added.of(graph, first)

        def file_of(number: int) -> str:
            if number < 0:
                return "an absolute definition"
            return self.objects[number].file if number < first else graph.files[number - first]

        claim(added, self.table, self.session.names, file_of)
        special = has_initializers(graph) if roots else np.zeros(len(graph.files), np.bool_)
        for index, root in enumerate(special.tolist()):
            order = orders[index] if orders else self.next_order()
            entry = ObjectEntry(added, index, first + index, tracker, order, root)
            self._enter(entry)
            if root:
                self._roots.append(entry)

    def add_private(self, graph: Graph, tracker: ResourceTracker) -> int:
        """Add an object that only its tracker's module sees; it defines nothing in the dylib. Returns its number."""
        number = self._next_number
        self._enter(ObjectEntry(Added.of(graph, number), 0, number, tracker, self.next_order(), private=True))
        return number

    def _enter(self, entry: ObjectEntry) -> None:
        self.objects[entry.number] = entry
        self._by_tracker.setdefault(entry.tracker.number, []).append(entry)
        self._next_number = entry.number + 1

    def define(self, name: bytes, address: int, *, function: bool | None) -> None:
        """Define an absolute symbol. Raises DuplicateDefinition if the name has a strong definition."""
        number = self.session.names[name]
        self.table.grow(len(self.session.names))
        if self.table.rank[number] == Rank.STRONG or self.table.ready[number]:
            owner = int(self.table.owner[number])
            first = self.objects[owner].file if owner >= 0 else "an absolute definition"
            raise DuplicateDefinition(name.decode("utf-8", "replace"), first, "an absolute definition")
        self.table.owner[number] = ABSOLUTE
        self.table.rank[number] = Rank.STRONG
        self.table.flags[number] = Flag.FUNCTION if function else 0
        self.table.address[number] = np.uint64(address).view(np.int64)
        self.table.ready[number] = 1

    def objects_of(self, tracker: ResourceTracker) -> list[ObjectEntry]:
        """The objects that a tracker owns."""
        return list(self._by_tracker.get(tracker.number, ()))

    def pending(self) -> list[ObjectEntry]:
        """Objects that are not linked yet."""
        return [entry for entry in self.objects.values() if entry.state is ObjectState.PENDING]

    def forget(self, entry: ObjectEntry) -> None:
        """An object that was removed; its number is not used again."""
        entry.state = ObjectState.REMOVED
        del self.objects[entry.number]
        self._by_tracker.pop(entry.tracker.number, None)
        self.storage_of.pop(entry.number, None)

    def claim_again(self, entries: list[ObjectEntry], wanted: I32) -> None:
        """Give names that became free to pending objects that define them, too (all of one graph)."""
        for entry in entries:
            graph = assemble([(entry.added.graph, entry.index, entry.index + 1)])
            found = definitions_of(graph).without(graph, drop_groups(graph, entry.number, self.table))
            found = found.rows(np.isin(found.name, wanted) & (self.table.rank[found.name] < found.rank))
            self.table.owner[found.name] = entry.number
            self.table.rank[found.name] = found.rank
            self.table.flags[found.name] = found.flags
            groups = graph.groups.name[self.table.group[graph.groups.name] == NONE]
            self.table.group[groups] = entry.number

    def pending_roots(self, *, again: bool = False) -> list[ObjectEntry]:
        """Roots that are not linked yet; `again` includes those whose linking has failed before."""
        self._roots = [entry for entry in self._roots if entry.state is ObjectState.PENDING]
        return [entry for entry in self._roots if again or not entry.failed]

    def closure(self, wanted: I32, roots: Iterable[ObjectEntry]) -> list[ObjectEntry]:
        """Objects to link for `wanted` names and roots: all that they need, archive members pulled on the way."""
        chosen: dict[int, ObjectEntry] = {}
        wave = self._choose(chosen, [entry.number for entry in roots])
        ids, weak = wanted, np.zeros(wanted.size, np.bool_)
        while True:
            owners, missing = self._owners(ids, weak)
            wave += self._choose(chosen, owners)
            if missing.size:
                self._pull(missing)
                wave += self._choose(chosen, self._owners(missing, np.zeros(missing.size, np.bool_))[0])
            if not wave:
                return sorted(chosen.values(), key=lambda entry: entry.order)
            parts = [entry.added.names_of(entry.index) for entry in wave]
            ids, weak = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
            wave = self._choose(chosen, self.session.private_parts(self, wave, ids))

    def _owners(self, ids: I32, weak: Bool) -> tuple[list[int], I32]:
        """Objects that define names, and the names that nobody defines yet though they are strongly needed.

        A weak reference finds what is there, too. Names that each module has for itself are no archive's.
        """
        self.table.grow(len(self.session.names))
        owner = self.table.owner[ids]
        found = owner >= 0
        numbers = sorted(set(owner[found].tolist()))
        if every(found):
            return numbers, NO_IDS
        unknown = (owner == NONE) & (self.table.ready[ids] == 0) & ~weak & (ids >= self.session.private_ids.size)
        return numbers, unique(ids[unknown])

    def _choose(self, chosen: dict[int, ObjectEntry], numbers: Iterable[int]) -> list[ObjectEntry]:
        """Add pending objects to the choice; returns those that are new."""
        new: list[ObjectEntry] = []
        for number in numbers:
            entry = self.objects[number]
            if number not in chosen and entry.state is ObjectState.PENDING:
                chosen[number] = entry
                new.append(entry)
        return new

    def _pull(self, missing: I32) -> None:
        """Add the archive members that define missing names."""
        members: dict[int, tuple[ArchiveEntry, set[int]]] = {}
        for number in missing.tolist():
            entry = self.session.archive_for(self, self.session.names.text(number))
            if entry is None:
                continue
            offset = entry.index()[self.session.names.text(number)]
            if offset not in entry.taken:
                members.setdefault(id(entry), (entry, set()))[1].add(offset)
        for entry, offsets in members.values():
            self.session.add_members(self, entry, sorted(offsets))
            entry.taken |= offsets  # a member that could not be read is asked for again, and so are those with it


__all__ = ["ABSOLUTE", "JITDylib"]
