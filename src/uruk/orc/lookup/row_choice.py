"""Chooses how a batch is linked: one small object row by row, all others by columns."""

from __future__ import annotations

from itertools import count

from uruk.orc.lifetime.lifetime import Lifetime
from uruk.orc.registry.entries import ObjectEntry

_links = count()
"""Counts the links of this process."""


def goes_by_rows(session: Lifetime, entries: list[ObjectEntry]) -> bool:
    """Return True if a batch is one object that may be linked row by row, which `uruk.row_link` has to say then.

    Not the first one of a process: the columns are imported by then, and the rows are not.
    """
    options = session.options
    is_first = next(_links) == 0
    if options.rows is False or (is_first and not options.rows) or len(entries) != 1:
        return False
    rows = entries[0].added.graph.rows
    if rows is None or rows.edges is None or entries[0].private:
        return False
    # These want the columns of a link, or change what its names mean.
    wants_columns = options.prune or options.as_jitlink or options.phony_externals or options.names_for_loader
    wants_columns = wants_columns or entries[0].tracker.replaceable is not None
    changes_names = session.has_imports or session.displaced or session.stand_ins is not None
    if wants_columns or changes_names or any(session.hooks.values()):
        return False
    return session.platform is None or session.platform.for_rows() is not None
