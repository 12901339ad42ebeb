"""Takes a link back that fails after all: its names are undefined again, and its memory is free."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from uruk.orc.registry.entries import ObjectEntry, ObjectState

if TYPE_CHECKING:
    from uruk.graph.types import I64
    from uruk.memory.interface import Allocation
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.registry.tracker import Resources
    from uruk.passes.tls.interface import Storage


class Lengths:
    """The length of each list of a tracker before linking adds to it."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self.count = {
            "module_handles": len(resources.module_handles),
            "memory": len(resources.memory),
            "frames": len(resources.frames),
            "entries": len(resources.entries),
            "names": len(resources.names),
            "storage": len(resources.storage),
        }

    def since(self, name: str) -> list[Any]:
        """Return what came since."""
        return list(getattr(self.resources, name)[self.count[name] :])

    def new(self, name: str) -> list[Any]:
        """Take out what came since."""
        column = getattr(self.resources, name)
        new = column[self.count[name] :]
        del column[self.count[name] :]
        return new


def take_back(session: Lifetime, names: I64, entries: list[ObjectEntry]) -> None:
    """Make objects wait to be linked again; `names` are those that they were to define, and have no address then."""
    table = session.table
    numbers = np.array([entry.number for entry in entries], np.int32)
    names = names[np.isin(table.owner[names], numbers)]
    table.ready[names] = 0
    table.address[names] = 0
    for entry in entries:
        entry.state = ObjectState.PENDING
        session.pending[entry.number] = entry
        session.storage_of.pop(entry.number, None)
    session.changed()


def give_back(
    session: Lifetime,
    allocation: Allocation,
    storages: Iterable[Storage],
    before: list[Lengths],
    registered: int | None,
) -> None:
    """Give back what a link took.

    `registered`: so many blocks of unwind data may be registered without a note of it; then the memory is kept, as an
    unwinder must not read what others have written there. None if all registrations were noted.
    """
    lost = session.executor.lost is not None
    noted = [address for lengths in before for address in lengths.new("frames")]
    platform = session.platform
    if platform is not None:  # nothing is noted without one
        for address in noted if not lost else ():
            platform.deregister_frames(address)
    named = [pair for lengths in before for pair in lengths.new("names")]
    for names, symbols in named if not lost else ():
        names.remove(symbols)
    entries = [entry for lengths in before for entry in lengths.new("entries")]
    for table, start in entries if not lost else ():
        table.retract(start)
    for lengths in before:
        # Taken out of the trackers without being freed: the allocation is one, and is freed below as a whole.
        lengths.new("memory")
        lengths.new("storage")
        lengths.new("module_handles")
    for storage in storages:
        storage.close()
    if registered is None or len(noted) + len(entries) == registered:
        allocation.free()
