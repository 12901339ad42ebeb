"""Shared libraries of code that is linked for another target than this process's: files that are read, not loaded."""

from __future__ import annotations

import os
from collections.abc import Sequence

from uruk.errors import LibraryError
from uruk.executor.library_symbols import FoundSymbols
from uruk.formats.interface import SharedLibrary
from uruk.formats.registry import open_library
from uruk.graph.types import signed
from uruk.target import Target


class LibrariesInFiles:
    """See `uruk.executor.interface.Libraries`. Names have the addresses that the files give them."""

    def __init__(self, target: Target) -> None:
        """`target` is that of the code."""
        self._target = target
        self._opened: list[SharedLibrary] = []
        """By handle, counted from 1."""

    def load(self, path: str, *, everywhere: bool = False) -> int:
        """See `Libraries.load`: the file is opened. Raises LibraryError, ObjectFormatError."""
        if not os.path.isfile(path):
            raise LibraryError(
                path, "there is no such file; libraries of code that is only linked are read, not loaded"
            )
        library = open_library(path)
        if library.architecture != self._target.architecture:
            library.close()
            title = library.architecture or "a machine without a name"
            raise LibraryError(path, f"it is for {title}, and the code for {self._target.architecture}")
        self._opened.append(library)
        return len(self._opened)

    def find_symbol(self, handle: int | None, name: bytes) -> tuple[int, bool]:
        """See `Libraries.find_symbol`: there is no process, which has no names therefore."""
        return (0, False) if handle is None else self._opened[handle - 1].place_of(name)

    def find_symbols(self, handles: Sequence[int | None], names: Sequence[bytes]) -> FoundSymbols:
        """See `Libraries.find_symbols`."""
        symbols = FoundSymbols.nothing(len(names))
        for row, name in enumerate(names):
            for handle in handles:
                address, is_data = self.find_symbol(handle, name)
                if address:
                    symbols.address[row], symbols.is_data[row] = signed(address), is_data
                    break
        symbols.in_library[:] = symbols.found
        return symbols

    def close(self) -> None:
        """Close the files."""
        opened, self._opened = self._opened, []
        for library in opened:
            library.close()
