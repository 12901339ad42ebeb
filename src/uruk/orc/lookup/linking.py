"""Links the objects that one lookup chose as one batch, and takes all of it back if that fails."""

from __future__ import annotations

from typing import Any

import numpy as np

from uruk.executor.link_only import LinkOnly
from uruk.graph.types import I32, true_rows
from uruk.link import Linked, Request, link
from uruk.orc.lifetime.lifetime import Lifetime
from uruk.orc.lookup.recording import record_link
from uruk.orc.lookup.request import make_request
from uruk.orc.registry.entries import ObjectEntry, ObjectState
from uruk.orc.registry.tracker import FunctionArray, Resources


def link_batch(session: Lifetime, entries: list[ObjectEntry], wanted: I32, arrays: list[FunctionArray]) -> None:
    """Link `entries` as one batch and record their symbols; `arrays` gets their initialisers, which have not run.

    On an error nothing is recorded and all memory is given back. Raises LinkFaults for what is some object's fault.
    """
    request, trackers, numbers = make_request(session, entries, wanted)
    platform = session.platform
    host = LinkOnly(session.executor.memory) if session.only_links or platform is None else platform.host
    platform = platform if session.options.execute else None
    before = [_Lengths(tracker.resources) for tracker in trackers]
    linked, count = link(request, host), len(arrays)
    try:
        session.times = linked.times
        if platform is not None:
            platform.loaded(linked, trackers)
        rows = record_link(session, linked, request, trackers, entries, numbers)
        if platform is not None and session.options.names_for_loader:
            platform.register_names(linked, trackers, rows)
        if platform is not None:
            arrays += platform.arrays(linked, trackers, [(entry.order, entry.place) for entry in entries])
    except BaseException as error:  # no unwinder: code without unwind data is of no use; or Ctrl-C
        del arrays[count:]
        _take_back(session, request, entries)
        safe = isinstance(error, Exception) or platform is None or session.executor.lost is not None
        _give_back(session, linked, before, safe=safe)
        raise


class _Lengths:
    """The length of each list of a tracker before linking adds to it."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        names = ("module_handles", "memory", "frames", "entries", "names", "storage")
        self.count = {name: len(getattr(resources, name)) for name in names}

    def new(self, name: str) -> list[Any]:
        """Take out what came since."""
        column = getattr(self.resources, name)
        new = column[self.count[name] :]
        del column[self.count[name] :]
        return new


def _take_back(session: Lifetime, request: Request, entries: list[ObjectEntry]) -> None:
    """Make objects of a batch wait to be linked again; none of their names has an address then."""
    table, symbols = session.table, request.graph.symbols
    numbers = np.array([entry.number for entry in entries], np.int32)
    names = symbols.name[true_rows(request.defines)].astype(np.int64)
    names = names[np.isin(table.owner[names], numbers)]
    table.ready[names] = 0
    table.address[names] = 0
    for entry in entries:
        entry.state = ObjectState.PENDING
        session.pending[entry.number] = entry
        session.storage_of.pop(entry.number, None)
    session.changed()


def _give_back(session: Lifetime, linked: Linked, before: list[_Lengths], *, safe: bool) -> None:
    """Give back what a link took. Unless it is `safe`, unwind data may be registered that nobody noted.

    Then its memory is kept: an unwinder must not read what others have written there.
    """
    state = linked.state
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
        lengths.new("memory")
        lengths.new("storage")
        lengths.new("module_handles")
    for storage in linked.storage.values():
        storage.close()
    if session.stand_ins is not None:
        for address in (*(copied.address for copied in state.copies), *state.stub_of_function):
            session.stand_ins.pop(address, None)
    if safe or len(noted) + len(entries) == np.count_nonzero(state.synthetic["unwind"] >= 0):
        linked.allocation.free()
