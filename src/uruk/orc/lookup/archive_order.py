"""The order of archive members among the inputs: that of GNU ld.

A member stands at the place of the archive on the line that pulls it in, behind members that came in before it. ld
scans an archive's members in order, takes those that something on the line so far needs, and scans again while that
brought new needs (bfd/elflink.c, `elf_link_add_archive_symbols`). An archive that is named twice has two places. The
order decides in which order initialisers run, and what lies first between `__start_X` and `__stop_X`.

What a lookup links is known before: the names of all of it are found in whatever order. So the line is gone through
afterwards, an object at a time. Members that only something behind their archive needs stand there all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

from uruk.graph.graph import Binding, SymbolKind
from uruk.graph.types import I64, NONE, true_rows
from uruk.orc.registry.symbols import final_names

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.registry.added import Added
    from uruk.orc.registry.entries import ObjectEntry
    from uruk.orc.registry.search import ArchiveEntry

_File = tuple[int, object]
"""A dylib, by id(), and the identity of an archive's file: two mentions of one archive are the same."""


def place_members(session: Lifetime, chosen: Collection[ObjectEntry], wanted: Iterable[int]) -> None:
    """Give the archive members among the objects of a batch their places; `wanted` are names that were looked up."""
    line = _Line(session, chosen)
    for owner in session.table.owner[np.fromiter(wanted, np.int64)].tolist():
        line.need(line.index.get(owner, NONE))
    line.go()


class _Line:
    """The inputs of a batch in their order, and how far each has come. Objects are numbers, counted here."""

    def __init__(self, session: Lifetime, chosen: Collection[ObjectEntry]) -> None:
        self.session = session
        self.objects = list(chosen)
        self.index = {entry.number: row for row, entry in enumerate(self.objects)}
        self.file = [None if entry.archive is None else _file_of(entry.archive) for entry in self.objects]
        self.needed = bytearray(len(self.objects))
        self.placed = bytearray(len(self.objects))
        self.waiting: dict[_File, list[tuple[int, int]]] = {file: [] for file in self.file if file is not None}
        """Members that are needed and not placed, by archive: (offset in the archive, object)."""
        self.now: list[tuple[int, int]] = []
        """Those that the scan of an archive has still to come to, as a heap."""
        self.scanned: _File | None = None
        self.position = 0
        self.targets, self.start = _references(session, self.objects, self.index)

    def need(self, row: int) -> None:
        """Note that something placed needs an object; negative for none."""
        if row < 0 or self.needed[row]:
            return
        self.needed[row] = 1
        file, member = self.file[row], self.objects[row].member
        if file is None:
            return
        # The scan under way comes to later members by itself; earlier ones wait for the next scan of this archive.
        if file == self.scanned and member > self.position:
            heappush(self.now, (member, row))
        else:
            self.waiting[file].append((member, row))

    def go(self) -> None:
        """Place everything: along the line, then along its archives while that helps, then what nothing needs."""
        mentions = self._mentions()
        inputs: list[tuple[int, int | ArchiveEntry]] = [(mention.order, mention) for mention in mentions]
        inputs += [(entry.order, row) for row, entry in enumerate(self.objects) if entry.archive is None]
        for _, step in sorted(inputs, key=lambda pair: pair[0]):
            if isinstance(step, int):
                self._include(step)
            else:
                self._scan(step)
        members = [row for row, entry in enumerate(self.objects) if entry.archive is not None]
        for row in sorted(members, key=lambda row: (self.objects[row].order, self.objects[row].member)):
            # Members that only something behind their archive needs: ld would report them, and here they are scanned
            # for again.
            while not self.placed[row] and sum(map(self._scan, mentions)):
                pass
            if not self.placed[row]:  # needed weakly, or behind an alias
                self._place(row, self.objects[row].order)

    def _mentions(self) -> list[ArchiveEntry]:
        """Return the archives of the line that members come from."""
        dylibs = {entry.dylib for entry in self.objects if entry.archive is not None}
        archives = [entry for dylib in dylibs for entry in dylib.search.archives]
        return [entry for entry in archives if _file_of(entry) in self.waiting]

    def _scan(self, mention: ArchiveEntry) -> bool:
        """Place the members of an archive that something needs by now; whether there were any."""
        file = _file_of(mention)
        any_waiting = bool(self.waiting[file])
        self.scanned = file
        while self.waiting[file]:
            self.now, self.waiting[file] = self.waiting[file], []
            heapify(self.now)
            while self.now:
                self.position, row = heappop(self.now)
                self._place(row, mention.order)
        self.scanned = None
        return any_waiting

    def _place(self, row: int, order: int) -> None:
        self.placed[row] = 1
        entry = self.objects[row]
        # `order` is the archive's own place on the line; `place` tells members with the same one apart.
        entry.order, entry.place = order, self.session.next_order()
        self._include(row)

    def _include(self, row: int) -> None:
        """Have an object's needs count from now on."""
        self.needed[row] = 1
        needed = self.needed
        for target in self.targets[self.start[row] : self.start[row + 1]]:
            if not needed[target]:  # as most are by now: no call for each
                self.need(target)


def _file_of(archive: ArchiveEntry) -> _File:
    return id(archive.tracker.dylib), archive.file


def _references(session: Lifetime, objects: list[ObjectEntry], index: dict[int, int]) -> tuple[list[int], list[int]]:
    """Return members that each object refers to strongly, object by object, and where each object's begin."""
    # A column by entry number turns owners of all names into rows of this batch in one gather.
    row_of = np.full(session.next_number, NONE, np.int64)
    numbers = np.fromiter(index, np.int64, len(index))
    row_of[numbers] = np.arange(numbers.size)
    member = np.array([entry.archive is not None for entry in objects], np.bool_)
    sources: list[I64] = []
    targets: list[I64] = []
    for added in {id(entry.added): entry.added for entry in objects}.values():
        source, target = _of_graph(session, added, row_of)
        keep = true_rows((source >= 0) & (target >= 0) & (source != target))
        keep = keep[member[target[keep]]]
        sources.append(source[keep])
        targets.append(target[keep])
    source, target = np.concatenate(sources), np.concatenate(targets)
    # Stable, as ld takes an object's references in the order of its symbol table.
    order = source.argsort(kind="stable")
    start: list[int] = source[order].searchsorted(np.arange(len(objects) + 1)).tolist()
    return target[order].tolist(), start


def _of_graph(session: Lifetime, added: Added, row_of: I64) -> tuple[I64, I64]:
    """Return the objects of a graph that want names, and the objects that have these: rows of `row_of`.

    A common symbol wants the one that initialises it.
    """
    symbols, table = added.graph.symbols, session.table
    wants = (symbols.kind == SymbolKind.UNDEFINED) & (symbols.binding != Binding.WEAK)
    rows = true_rows((wants | (symbols.kind == SymbolKind.COMMON)) & (symbols.name >= 0))
    names = symbols.name[rows]
    owner = table.owner[final_names(table, names) if session.has_imports else names]
    rows, owner = rows[owner >= 0], owner[owner >= 0]
    # "right", as an object without symbols begins where the next one does.
    source = added.graph.ranges.symbols.searchsorted(rows, "right") - 1 + added.first
    return row_of[source], row_of[owner]
