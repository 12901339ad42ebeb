"""The lookup of a name whose object is the only one with initialisers that have yet to run.

It is linked row by row and initialised without a query, which is made for many names, objects and waits. See
`uruk.orc.lookup.query`, which takes every other case, and `uruk.orc.lifetime.initialization` for the order of things.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from uruk.orc.lookup.one_object import goes_by_rows, lone_entry, row_linker

if TYPE_CHECKING:
    from uruk.graph.types import I32
    from uruk.orc.lifetime.initialization import Run
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.registry.entries import Contents
    from uruk.orc.registry.tracker import FunctionArray


class LoneRoot:
    """A lookup of one name, as far as it runs initialisers; see `uruk.orc.lifetime.initialization.Query`."""

    roots = True
    bodies = False

    def __init__(self, session: Lifetime, dylib: Contents, number: int) -> None:
        self.dylib = dylib
        self.arrays: list[FunctionArray] = []
        self.turn: Run | None = None
        self.settled = False
        self._session = session
        self._number = number

    def title(self) -> str:
        """Return the lookup, for errors."""
        return f"lookup of {self.dylib.text(self._number)} in {self.dylib.name}"

    def finals(self) -> I32:
        """Return the name whose definition answers."""
        return np.array([self._number], np.int32)

    def run(self, timeout: float | None) -> bool:
        """Link the object and run its initialisers; False, with nothing done, if it is left to a query."""
        initializers = self._session.initializers
        deadline = None if timeout is None else time.monotonic() + timeout
        is_linked = False
        try:
            with self._session.lock:
                is_linked = self._link()
                # Under the same hold of the lock: no other thread sees what is linked and not initialised as ready.
                if is_linked:
                    initializers.begin(self)
        finally:
            if self.arrays or self.turn is not None:
                initializers.settle(self, deadline)
        return is_linked

    def _link(self) -> bool:
        session, dylib = self._session, self.dylib
        initializers = session.initializers
        if session.closed or dylib.removed or initializers.running or initializers.waiting:
            return False
        if dylib.root_units or dylib.announced or dylib.source_errors:
            return False
        pending = dylib.pending_roots()
        # Roots that failed before are no longer linked by every lookup: what to do with them a query knows.
        if len(pending) != 1 or len(dylib.roots) != 1:
            return False
        entry = lone_entry(session, dylib, self._number, [pending[0].number])
        if entry is None or not goes_by_rows(session, entry):
            return False
        try:
            return row_linker()(session, entry, self.arrays)
        except Exception:
            entry.retry_alone = True  # as a query notes it: lookups of other names need not fail, too
            raise
