"""Names of libraries of this process that were looked up before, and what was found, until a library comes or goes.

To describe an address, the loader looks through all symbols of its library: 10-20 us for C++'s, as long as a tenth of
a small link. A JIT's objects refer to the same few names again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from uruk.graph.types import signed
from uruk.platforms.linux import process_symbols

Row: TypeAlias = "tuple[int, bool, bool]"
"""Address (signed; 0 if no library has the name), whether it is a variable, and whether it lies in a library."""
_NOWHERE: Row = (0, False, False)
MOST = 10_000
"""Names at most that are kept."""


def described(address: int) -> Row:
    """Return the row of a symbol by its address, which is 0 for no symbol."""
    if not address:
        return _NOWHERE
    symbol = process_symbols.describe(address)
    return signed(address), symbol.is_data, bool(symbol.library)


class Seen:
    """Names that were found while the loader's count of `changes` was one: no library has come or gone meanwhile."""

    def __init__(self, changes: int) -> None:
        self.changes = changes
        self._known: dict[tuple[tuple[int | None, ...], bytes], Row] = {}

    def known(self, name: bytes) -> Row | None:
        """Return the row of a name of the process; None if it was not found before."""
        return self._known.get((_PROCESS, name))

    def rows(self, handles: tuple[int | None, ...], names: Sequence[bytes]) -> list[Row]:
        """Return a row for each name: of the first library that has it (None: the process)."""
        known = self._known
        rows = [known.get((handles, name)) for name in names]
        return [self._find(handles, name) if row is None else row for row, name in zip(rows, names, strict=True)]

    def _find(self, handles: tuple[int | None, ...], name: bytes) -> Row:
        """Look a name up, and keep what was found.

        What is missing may appear without a change, where a library's names are made visible to all. What lies in no
        library is a thread-local, whose address is this thread's.
        """
        find = process_symbols.find_symbol
        row = described(next(filter(None, (find(handle, name) for handle in handles)), 0))
        if row[2] and len(self._known) < MOST:
            self._known[handles, name] = row
        return row


_PROCESS: tuple[int | None, ...] = (None,)
