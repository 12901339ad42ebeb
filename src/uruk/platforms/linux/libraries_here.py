"""Shared libraries of this process, by the C library's dlopen and its relatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from uruk.graph.types import ADDRESSES
from uruk.platforms.linux import process_symbols
from uruk.platforms.linux.seen_symbols import Row, Seen, described

if TYPE_CHECKING:
    from uruk.executor.control import Runtime
    from uruk.executor.library_symbols import FoundSymbols
    from uruk.memory.interface import Memory

FEW = 24
"""Names at most that are looked up one by one where the runtime will be linked anyway."""
MANY = 4096
"""Names at most that are looked up one by one where nothing will run: it takes as long as linking the runtime."""
DESCRIBED = 16
"""One in so many names may be found and described where names are looked up one by one; `FEW` are few anyway."""


class LibrariesHere:
    """See `uruk.executor.interface.Libraries`.

    `memory` is what libraries should lie close to. More than `few` names are looked up by `runtime`'s function; without
    one, all are looked up one by one.
    """

    def __init__(
        self,
        memory: Memory,
        runtime: Callable[[], Runtime] | None = None,
        few: int = FEW,
        is_linked: Callable[[], bool] = lambda: False,
    ) -> None:
        """`is_linked` says whether `runtime` would link nothing any more."""
        self._memory = memory
        self._runtime = runtime
        self._few = few
        self._is_linked = is_linked
        self._seen = Seen(0)

    def load(self, path: str, *, everywhere: bool = False) -> int:
        """Load a shared library, close to the slab where the kernel allows; see `Libraries.load`."""
        # The kernel maps a library into the gap that the window leaves, in reach of 32-bit references.
        with self._memory.library_window():
            return process_symbols.load_library(path, everywhere=everywhere)

    def find_symbol(self, handle: int | None, name: bytes) -> tuple[int, bool]:
        """See `Libraries.find_symbol`."""
        seen = self.seen()
        if seen is not None:
            found, is_data, *_ = seen.rows((handle,), [name])[0]
            return found % ADDRESSES, is_data
        address = process_symbols.find_symbol(handle, name)
        return (address, process_symbols.describe(address).is_data) if address else (0, False)

    def find_symbols(self, handles: Sequence[int | None], names: Sequence[bytes]) -> FoundSymbols:
        """See `Libraries.find_symbols`; a few names are no reason to link the runtime."""
        from uruk.executor.library_symbols import FoundSymbols, find_symbols  # nothing was looked up before

        if not handles:
            return FoundSymbols.nothing(len(names))
        if self._runtime is None or len(names) <= self._few:
            seen = self.seen() if len(names) <= FEW else None
            if seen is not None:
                return _columns(seen.rows(tuple(handles), names))
            found = [process_symbols.find_each(handle, names) for handle in handles]
            rows = [row for row, addresses in enumerate(zip(*found, strict=True)) if any(addresses)]
            # To describe an address, the loader looks through all symbols of its library.
            if self._runtime is None or len(rows) <= max(FEW, self._few // DESCRIBED):
                symbols = FoundSymbols.nothing(len(names))
                for row in rows:
                    pairs = zip(handles, found, strict=True)
                    symbols.put(row, *described([(handle, places[row]) for handle, places in pairs if places[row]]))
                return symbols
        return find_symbols(self._runtime(), handles, names)

    def seen(self) -> Seen | None:
        """Return what names of libraries stand for, as far as it was asked for; None while the runtime is not linked.

        It holds until a library comes or goes, which only the runtime can tell at no great cost.
        """
        if self._runtime is None or not self._is_linked():
            return None
        changes = self._runtime().call(b"uruk_rt_library_changes")
        seen = self._seen
        if seen.changes != changes:
            seen = self._seen = Seen(changes)
        return seen


def _columns(rows: list[Row]) -> FoundSymbols:
    from uruk.executor.library_symbols import FoundSymbols

    if not rows:
        return FoundSymbols.nothing(0)
    address, *flags = zip(*rows, strict=True)
    return FoundSymbols(np.array(address, np.int64), *np.array(flags, np.bool_))
