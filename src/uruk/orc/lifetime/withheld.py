"""Removed code that other code still refers to: its addresses are not given out until those users are gone, too.

Its content is given up and its pages cannot be accessed. So every kind of reference to it (a direct call, a slot, a
pointer that was kept) faults instead of reaching what is linked later, and the address of the fault tells what it was.
In this process a call that Python made ends with an exception then.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from uruk.records import record

if TYPE_CHECKING:
    from uruk.memory.interface import Allocation
    from uruk.orc.platform import Platform
    from uruk.orc.registry.registry import Registry
    from uruk.orc.registry.tracker import ResourceTracker


@record
class _Part:
    """Removed code of one tracker. `names` are its symbols, by address."""

    tracker: ResourceTracker
    names: list[tuple[int, str]]
    memory: list[tuple[Allocation, list[int]]]

    def holds(self, address: int) -> bool:
        """Return True for an address that is its own."""
        segments = (allocation.segments[index] for allocation, which in self.memory for index in which)
        return any(start <= address < start + size for _, start, size in segments)

    def pieces(self) -> list[tuple[int, int, str]]:
        """Return its segments, taken apart where symbols begin: start, end and name of each piece."""
        pieces: list[tuple[int, int, str]] = []
        for allocation, which in self.memory:
            for _, start, size in (allocation.segments[index] for index in which):
                inner = [address for address, _ in self.names if start < address < start + size]
                edges = sorted({start, *inner, start + size}) if size else []
                pieces += [(a, b, self.name(a)) for a, b in pairwise(edges)]
        return pieces

    def name(self, address: int) -> str:
        """Return the symbol that lay at one of its addresses."""
        from bisect import bisect_right  # little code is withheld

        # The highest character sorts behind every name, so that all names at the address are passed.
        at = bisect_right(self.names, (address, chr(0x10FFFF))) - 1
        return f"`{self.names[at][1]}' of {self.tracker.name}" if at >= 0 else self.tracker.name


class Withheld:
    """The removed code of one session that is withheld from new code."""

    def __init__(self, session: Registry) -> None:
        self._session = session
        self._names: dict[int, list[tuple[int, str]]] = {}
        self._parts: list[_Part] = []

    def note(self, tracker: ResourceTracker) -> None:
        """Remember the names of code that is about to be removed though it has users."""
        from uruk.demangle import demangle  # for errors: not at start-up

        session, table = self._session, self._session.table
        names: list[tuple[int, str]] = []
        for entry in session.entries_of(tracker):
            for row in np.flatnonzero((table.owner == entry.number) & (table.ready != 0)).tolist():
                text = session.ids.text(row).decode("utf-8", "replace")
                names.append((int(table.address[row]) & ((1 << 64) - 1), demangle(text)))
        self._names[tracker.number] = sorted(names)

    def take(self, tracker: ResourceTracker) -> int:
        """Withhold the memory of a tracker; returns its size in bytes."""
        part = _Part(tracker, self._names.get(tracker.number, []), list(tracker.resources.memory))
        platform = self._platform_here
        if platform is not None:
            for start, end, name in part.pieces():
                # Noted before the pages are closed: a fault in between would find no name.
                platform.note_removed(start, end, name)
        size = sum(allocation.withhold(which) for allocation, which in part.memory)
        self._parts.append(part)
        self._names.pop(tracker.number, None)
        return size

    @property
    def _platform_here(self) -> Platform | None:
        """The platform where this process may use what was removed, and is to say what that was; None elsewhere."""
        may_be_used = self._session.executor.process.is_here and not self._session.only_links
        return self._session.platform if may_be_used else None

    def sweep(self) -> None:
        """Give back what nothing refers to any more."""
        platform = self._platform_here
        for part in [part for part in self._parts if not part.tracker.resources.users]:
            self._parts.remove(part)
            if platform is not None:
                for start, end, _ in part.pieces():
                    platform.forget_removed(start, end)
            for allocation, which in part.memory:
                allocation.give_withheld(which)

    def name(self, address: int) -> str:
        """Return the removed symbol that lay at an address; empty if there was none, or if other code may be there
        now."""
        return next((part.name(address) for part in list(self._parts) if part.holds(address)), "")
