"""Parts of the runtime that each module has for itself, such as `atexit`, which knows by its place whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from uruk.graph.types import I32, true_rows
from uruk.orc.registry.defining import add_private

if TYPE_CHECKING:
    from uruk.graph.graph import Graph
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.registry.entries import Contents, ObjectEntry
    from uruk.orc.registry.tracker import ResourceTracker


def runtime_parts(session: Lifetime, dylib: Contents, entries: Sequence[ObjectEntry], ids: I32) -> list[int]:
    """Return numbers of new private objects for modules that need names like `atexit` and have none in this batch.

    `ids` are the names that `entries` need, one entry's after the other's; shared names are the session's first.
    """
    platform = session.platform
    if platform is None or platform.archive is None:
        return []
    rows = true_rows(ids < session.private_ids.size)
    if rows.size == 0:
        return []
    sizes = [entry.added.names_of(entry.index)[0].size for entry in entries]
    ends = np.array(sizes, np.int64).cumsum()
    # `ends` are the bounds of the entries' names: the first end behind a row is its entry's.
    user: list[int] = ends.searchsorted(rows, "right").tolist()
    # A part may have several of these names: each module gets it once.
    members = platform.archive.index()
    wanted: dict[tuple[int, int], tuple[bytes, ResourceTracker]] = {}
    for number, row in zip(ids[rows].tolist(), user, strict=True):
        entry, text = entries[row], session.ids.text(number)
        if text in platform.private_names and not entry.private and session.table.owner[number] < 0:
            wanted.setdefault((entry.tracker.number, members[text]), (text, entry.tracker))
    parts = wanted.values()
    return [add_private(session, dylib, _graph(session, dylib, text), tracker) for text, tracker in parts]


def _graph(session: Lifetime, dylib: Contents, name: bytes) -> Graph:
    """Return the part with a name, read once with a dylib's names."""
    if name not in dylib.private:
        assert session.platform is not None
        runtime = session.platform.archive
        assert runtime is not None
        member = runtime.member(runtime.index()[name])
        # The graph is shared by all modules of the dylib: linking does not change it.
        dylib.private[name] = session.parse([(f"{runtime.name}({member.name})", runtime.read(member))], dylib)
    return dylib.private[name]
