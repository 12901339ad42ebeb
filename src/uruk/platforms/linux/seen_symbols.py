"""Names of libraries of this process that were looked up before, and what was found, until a library comes or goes.

To describe an address, the loader looks through all symbols of its library: 10-20 us for C++'s, as long as a tenth of
a small link. A JIT's objects refer to the same few names again and again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from uruk.graph.types import signed
from uruk.platforms.linux import process_symbols

Row: TypeAlias = "tuple[int, bool, bool, bool]"
"""The columns of `FoundSymbols`: address (signed; 0 if no library has the name), whether it is a variable, whether it
lies in a library, and whether that is one which those that were asked need."""
Addresses: TypeAlias = "list[tuple[int | None, int]]"
_NOWHERE: Row = (0, False, False, False)
MOST = 10_000
"""Names at most that are kept."""


def addresses_in(handles: Sequence[int | None], name: bytes) -> Addresses:
    """Return the libraries that have a name, or need one that has it, with the address that each gives."""
    return [(handle, address) for handle in handles if (address := process_symbols.find_symbol(handle, name))]


def described(addresses: Addresses) -> Row:
    """Return the row of a symbol: that of the first library that defines it itself, else of the first that has it."""
    symbols: dict[int, process_symbols.Found] = {}
    for handle, address in addresses:
        if address not in symbols:
            symbols[address] = process_symbols.describe(address)
        if handle is None or process_symbols.path_of(handle) == symbols[address].library:
            return _row(symbols[address], by_need=False)
    return _row(symbols[addresses[0][1]], by_need=True) if addresses else _NOWHERE


def _row(symbol: process_symbols.Found, *, by_need: bool) -> Row:
    return signed(symbol.address), symbol.is_data, bool(symbol.library), by_need


class Seen:
    """Names that were found while the loader's count of `changes` was one: no library has come or gone meanwhile."""

    def __init__(self, changes: int) -> None:
        self.changes = changes
        self._known: dict[tuple[tuple[int | None, ...], bytes], Row] = {}

    def known(self, name: bytes) -> Row | None:
        """Return the row of a name of the process; None if it was not found before."""
        return self._known.get((_PROCESS, name))

    def rows(self, handles: tuple[int | None, ...], names: Sequence[bytes]) -> list[Row]:
        """Return a row for each name that libraries have (None: the process)."""
        known = self._known
        rows = [known.get((handles, name)) for name in names]
        return [self._find(handles, name) if row is None else row for row, name in zip(rows, names, strict=True)]

    def _find(self, handles: tuple[int | None, ...], name: bytes) -> Row:
        """Look a name up, and keep what was found.

        What is missing may appear without a change, where a library's names are made visible to all. What lies in no
        library is a thread-local, whose address is this thread's.
        """
        row = described(addresses_in(handles, name))
        if row[2] and len(self._known) < MOST:
            self._known[handles, name] = row
        return row


_PROCESS: tuple[int | None, ...] = (None,)
