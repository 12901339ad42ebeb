"""The name of an address of linked code, for messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from uruk.orc.registry.entries import Contents, contents_of

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime


def name_address(session: Lifetime, address: int) -> str:
    """Return ``symbol+0x14 (object)`` for an address of linked code, by the nearest symbol below it; empty for any
    other.

    Without the session's lock: a thread that holds it may be the one that waits for the answer.
    """
    home = _home(session, address)
    if home is None:
        return ""
    tracker, start = home
    table = session.table
    # Another thread may be growing the columns, one after the other: rows that all of them have are whole.
    count = min(table.ready.size, table.address.size, table.owner.size)
    # The column is signed, and addresses compare as unsigned numbers.
    place = table.address[:count].view(np.uint64)
    rows = np.flatnonzero(
        (table.ready[:count] != 0) & (place <= address) & (place >= start) & (table.owner[:count] >= 0)
    )
    if not rows.size:
        return f"({tracker})"
    row = int(rows[place[rows].argmax()])
    text = session.ids.text(row).decode("utf-8", "replace")
    entry = session.objects.get(int(table.owner[row]))
    file = entry.file if entry is not None else tracker
    from uruk.demangle import demangle  # for errors: not at start-up

    return f"{demangle(text)}+{address - int(place[row]):#x} ({file})"


def dylib_at(session: Lifetime, address: int) -> Contents | None:
    """Return the dylib whose function or stub is at an address; None for code that was not linked."""
    with session.lock:
        for tracker in (*session.trackers.values(), *session.retired):
            resources = tracker.resources
            segments = (allocation.segments[row] for allocation, rows in resources.memory for row in rows)
            if any(start <= address < start + size for _, start, size in segments):
                return contents_of(tracker)
            if any((stubs == address).any() for stubs in resources.stubs):
                return contents_of(tracker)
    return None


def _home(session: Lifetime, address: int) -> tuple[str, int] | None:
    """Return the tracker whose segment an address lies in, and where that begins."""
    # A copy, as other threads may add trackers meanwhile.
    for tracker in [*session.trackers.values(), *session.retired]:
        for allocation, segments in tracker.resources.memory:
            for index in segments:
                _, start, size = allocation.segments[index]
                if start <= address < start + size:
                    return tracker.name, start
    return None
