"""Shared libraries of another process, by functions of its runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.executor.library_symbols import FoundSymbols, find_symbols
from uruk.platforms.linux.loader_there import RemoteLoader

if TYPE_CHECKING:
    from uruk.memory.interface import Memory


class LibrariesThere:
    """See `uruk.executor.interface.Libraries`. `memory` is what libraries should lie close to."""

    def __init__(self, memory: Memory, loader: RemoteLoader) -> None:
        self._memory = memory
        self._loader = loader

    def load(self, path: str, *, everywhere: bool = False) -> int:
        """See `Libraries.load`."""
        with self._memory.library_window():
            return self._loader.load_library(path, everywhere=everywhere)

    def find_symbol(self, handle: int | None, name: bytes) -> tuple[int, bool]:
        """See `Libraries.find_symbol`."""
        symbols = find_symbols(self._loader.runtime, [handle], [name])
        return int(symbols.address[0]) & (1 << 64) - 1, bool(symbols.is_data[0])

    def find_symbols(self, handles: Sequence[int | None], names: Sequence[bytes]) -> FoundSymbols:
        """See `Libraries.find_symbols`: one message for all."""
        return find_symbols(self._loader.runtime, handles, names)
