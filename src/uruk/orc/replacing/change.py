"""One replacement under way: the definitions that it takes out, and how it ends, by the new version or the old one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from uruk.graph.types import I64, NONE, AnyArray
from uruk.orc.registry import defining
from uruk.orc.registry.entries import ObjectEntry, ObjectState
from uruk.orc.replacing.collect import retire
from uruk.orc.replacing.finalizing import finalize_handles
from uruk.orc.replacing.stubs import Leads, lead_to_new
from uruk.records import field, record

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.registry.inputs import Source
    from uruk.orc.registry.tracker import ResourceTracker
    from uruk.orc.replacing.statics import Key, Statics
    from uruk.orc.replacing.versions import Versions


@record
class Order:
    """The objects, (name, bytes) each, that are to replace a tracker's, or one function of these.

    `last_counts`: of several definitions of a name, that of the last object counts.
    """

    versions: Versions
    pairs: Sequence[tuple[str, Source]]
    function: str = ""
    last_counts: bool = False

    @property
    def file(self) -> str:
        """Its name in errors."""
        return self.pairs[0][0]


@record
class Aside:
    """Definitions that were taken out of the table, to be put back if their replacement fails."""

    objects: dict[int, ObjectEntry]
    names: I64
    values: list[tuple[str, AnyArray]] = field(default_factory=list[tuple[str, AnyArray]])
    groups: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    linked: dict[int, tuple[int, int, int, int]] = field(default_factory=dict[int, tuple[int, int, int, int]])
    """Name -> address, rank, flags and owner of what was linked."""

    @classmethod
    def take(cls, session: Lifetime, objects: Sequence[ObjectEntry], names: Sequence[int]) -> Aside:
        """Take the definitions of objects out, and those of some names."""
        table = session.table
        numbers = {entry.number: entry for entry in objects}
        defined = np.unique(np.array([name for entry in objects for name in entry.ids], np.int64))
        rows = np.unique(
            np.concatenate([defined[np.isin(table.owner[defined], list(numbers))], np.array(names, np.int64)])
        )
        aside = cls(numbers, rows)
        for column in ("owner", "rank", "ready", "flags", "address"):
            aside.values.append((column, getattr(table, column)[rows].copy()))
        for name in rows[table.ready[rows] != 0].tolist():
            facts = (table.address[name], table.rank[name], table.flags[name], table.owner[name])
            aside.linked[name] = (int(facts[0]), int(facts[1]), int(facts[2]), int(facts[3]))
        table.forget(rows)
        for entry in objects:
            for group in entry.added.signatures_of(entry.index):
                if table.group[group] == entry.number:
                    aside.groups.append((group, entry.number))
                    table.group[group] = NONE
            session.pending.pop(entry.number, None)
        session.changed()
        return aside

    def put_back(self, session: Lifetime) -> None:
        """Put them back."""
        table = session.table
        for column, values in self.values:
            getattr(table, column)[self.names] = values
        for group, number in self.groups:
            table.group[group] = number
        for number, entry in self.objects.items():
            if entry.state is ObjectState.PENDING:
                session.pending[number] = entry
        session.changed()


@record
class Change:
    """One replacement under way: what it takes out of the table, and what goes back if it fails."""

    versions: Versions
    order: Order
    first: int
    """The number of the first entry that it adds."""
    handles: list[int]
    frames: list[int]
    """The unwind data that was registered before."""
    statics: tuple[Statics, set[Key]]
    """The variables in memory before, and the names of those that the old version has."""
    aside: Aside
    anew: bool
    withdrawn: set[int]
    """The public names that were withdrawn before."""
    new: list[ObjectEntry] = field(default_factory=list[ObjectEntry])
    """The objects of the new version."""
    leads: Leads | None = None
    """The places to which the stubs led before; None if they lead there still."""

    def note_leads(self) -> None:
        """Note where the stubs lead, so that they can be led back. Under the session's lock."""
        self.leads = self.leads or Leads.of(self.versions.session, self.versions)

    def lead(self) -> None:
        """Lead the stubs to the new code. Under the session's lock."""
        owners, taken = {entry.number for entry in self.new}, set(self.aside.names.tolist())
        lead_to_new(self.versions, owners, taken, self.aside.linked, self.order.file)

    def retire(self) -> list[ResourceTracker]:
        """Take the old version out, and note that the new one is the newest. Under the session's lock.

        Returns the trackers that have the old one's resources.
        """
        versions, session = self.versions, self.versions.session
        versions.changing = False
        versions.set_objects(self.order.function, {entry.number for entry in self.new})
        # Windows has no handles but of versions before: what is registered there is its module's.
        finalizing = self.anew and (bool(self.handles) or session.target.format == "coff")
        gone = set(self.aside.objects)
        old = retire(session, versions, gone, whole=self.anew, handles=self.handles, finalizing=finalizing)
        versions.number += 1
        if not self.anew:
            # What was registered last is to run first.
            versions.tracker.resources.module_handles[:] = [*self.new_handles, *self.handles]
        return old

    def finalize_new(self) -> None:
        """Run the destructors of what the new version's initialisers have made, as one of them failed."""
        session, handles = self.versions.session, self.new_handles
        if session.target.format == "coff":  # what is registered there is its module's
            handles = [module for module in self.versions.tracker.resources.frames if module not in self.frames]
        if self.leads is not None and handles and not session.closed:
            finalize_handles(self.versions, handles)

    def undo(self) -> None:
        """Go back to the old version; what was added and linked of the new one goes. Under the session's lock."""
        versions, session = self.versions, self.versions.session
        versions.changing = False
        if session.closed:
            return
        if self.leads is not None:
            self.leads.restore(session)
        new = [entry for entry in session.entries_of(versions.tracker) if entry.number >= self.first]
        for entry in new:
            defining.withdraw(session, entry)
        versions.withdrawn.set(self.withdrawn)
        self.aside.put_back(session)
        versions.statics, versions.keys = self.statics
        retire(session, versions, {entry.number for entry in new}, whole=True)
        versions.tracker.resources.module_handles[:] = self.handles

    @property
    def new_handles(self) -> list[int]:
        """The handles under which finalisers of the new version are registered."""
        return [handle for handle in self.versions.tracker.resources.module_handles if handle not in self.handles]
